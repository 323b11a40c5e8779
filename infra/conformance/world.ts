import { RateCap } from '../../shared/clients/calls.ts';
import { withTimeLimit } from '../../shared/runtime/clock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Login } from '../../shared/runtime/settings.ts';
import type { Send } from '../demo/admin.ts';
import { adapterTo } from '../local/sdk-adapter.ts';
import { Bench } from './bench.ts';
import type { Addresses } from './bench.ts';
import type { Book } from './book.ts';
import { Wire } from './wire.ts';

/** The platform that is tried, and who tries it. */
export interface World {
  /** `account`: a real one. */
  kind: 'account' | 'embedded cloud';
  addresses: Addresses;
  login: Login;
  clock: Clock;
  /** Brings a request there. @throws ConnectionLost where no answer comes. */
  send: Send;
  /** What one call may take, in milliseconds. */
  callTimeoutMs: number;
}

/** Calls a second at most, of all that a run does: a fraction of what a person's own work needs. */
const CALLS_PER_SECOND = 5;

/** Everything in one run that calls the platform shares a pace and a count. */
export class Session {
  readonly world: World;
  readonly #rateCap: RateCap;
  readonly #wires: Wire[] = [];

  constructor(world: World) {
    this.world = world;
    this.#rateCap = new RateCap(world.clock, CALLS_PER_SECOND);
  }

  get callCount(): number {
    return this.#wires.reduce((sum, { callCount }) => sum + callCount, 0);
  }

  /** Waits for what was sent and nobody waits for any more, as long as two calls may take. */
  async settled(): Promise<void> {
    const { clock, callTimeoutMs } = this.world;
    const all = Promise.all(this.#wires.map((wire) => wire.settled()));
    const never = new AbortController().signal;
    await withTimeLimit(clock, 2 * callTimeoutMs, never, () => all).catch(() => undefined); // the next run finds it by name
  }

  /** Whatever is called from it is held to that book. Nothing is repeated after `limitMs` from now. */
  bench(book: Book, signal: AbortSignal, limitMs: number): Bench {
    const { addresses, login, clock, send, callTimeoutMs } = this.world;
    const wire = new Wire({ book, send, clock });
    this.#wires.push(wire);
    return new Bench({
      addresses,
      login,
      http: { adapter: adapterTo(wire) },
      clock,
      rateCap: this.#rateCap,
      book,
      timeoutMs: callTimeoutMs,
      deadlineMs: clock.nowMs() + limitMs,
      signal,
    });
  }
}
