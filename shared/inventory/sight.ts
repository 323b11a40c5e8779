import { ApiError } from '../clients/api-error.ts';
import { PersonNeeded } from '../keys/kind.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import { KeyrotaError, messageOf } from '../runtime/errors.ts';
import type { Unseen } from './inventory.ts';
import type { InventoryWorld } from './open-inventory.ts';

/** What is looked at, and what lets us see it where we may not. */
export interface Subject {
  what: string;
  /** The step that gives Keyrota the role. */
  toAllow: string;
}

/** What a look came to. */
export type Seen<T> = { value: T; unseen: null } | { value: null; unseen: Unseen };

/** What is kept back of the time for telling what was seen, in milliseconds. */
const KEPT_BACK_MS = 2_000;

const MORE_TIME = 'Give it more time: KEYROTA_RUN_SECONDS.';

/** Obstacles that a role or a permission mends. */
const MISSING_RIGHT = new Set(['role_missing', 'permission_missing']);

/** Looks at one source after the other, or side by side. What cannot be seen is noted, and the others go on. */
export class Sight {
  readonly #notes: Unseen[] = [];
  /** Rows that could not be read, by what they are. */
  readonly #oddCounts = new Map<string, number>();
  readonly #world: Pick<InventoryWorld, 'clock' | 'signal' | 'deadlineMs'>;

  constructor(world: Pick<InventoryWorld, 'clock' | 'signal' | 'deadlineMs'>) {
    this.#world = world;
  }

  /** How much time there is for looking. */
  get leftMs(): number {
    const { clock, deadlineMs } = this.#world;
    return Math.max(0, deadlineMs - KEPT_BACK_MS - clock.nowMs());
  }

  /** @throws the reason of the run's end, and whatever is a defect. */
  async look<T>(subject: Subject, work: (signal: AbortSignal) => Promise<T>, limitMs = this.leftMs): Promise<Seen<T>> {
    const { clock, signal } = this.#world;
    try {
      return { value: await withTimeLimit(clock, limitMs, signal, work), unseen: null };
    } catch (error) {
      if (signal.aborted) throw error;
      const unseen = unseenOf(subject, error);
      this.note(unseen);
      return { value: null, unseen };
    }
  }

  note(unseen: Unseen): void {
    this.#notes.push(unseen);
  }

  /** Rows that could not be read are said to be there. */
  noteOdd(what: string, oddCount: number): void {
    if (oddCount > 0) this.#oddCounts.set(what, (this.#oddCounts.get(what) ?? 0) + oddCount);
  }

  get unseen(): Unseen[] {
    const odd = [...this.#oddCounts].map(([what, count]) => ({
      what,
      code: 'failed',
      why: count === 1 ? 'one of them is not understood' : `${count} of them are not understood`,
      next: '',
    }));
    return [...this.#notes, ...odd];
  }
}

function unseenOf({ what, toAllow }: Subject, error: unknown): Unseen {
  if (error instanceof TimeIsUp) {
    return { what, code: 'no_time', why: `not all was seen within ${error.limitMs} ms`, next: MORE_TIME };
  }
  if (error instanceof PersonNeeded) {
    const code = MISSING_RIGHT.has(error.obstacle.code) ? 'forbidden' : 'failed';
    return { what, code, why: error.message, next: error.next };
  }
  if (!(error instanceof KeyrotaError)) throw error;
  const isForbidden = error instanceof ApiError && error.code === 'forbidden';
  return {
    what,
    code: isForbidden ? 'forbidden' : 'failed',
    why: messageOf(error),
    next: isForbidden ? toAllow : error.next,
  };
}
