import type { CloudClock } from './clock.ts';

/**
 * Brings a request to its receiver. Whoever works on it holds the clock meanwhile, as `FunctionHost.handle` and
 * `EmbeddedCloud.handle` do: the outbox itself lets time go on.
 */
export type Deliver = (request: Request) => Promise<Response>;

/** What a receiver answered; a null status for none. */
export interface Reply {
  status: number | null;
  /** From its `Retry-After`, when that is a whole number of seconds. */
  retryAfterSeconds: number | null;
}

/** How long time waits for a receiver that nobody in this process stands for, in real milliseconds. */
const STANDSTILL_MS_MAX = 5_000;

const NO_REPLY: Reply = { status: null, retryAfterSeconds: null };

/** How requests of the cloud itself leave it: deliveries of webhooks and events. */
export class Outbox {
  readonly #clock: CloudClock;
  /** Default: over the network, and no redirect is followed. */
  deliver: Deliver;

  constructor(clock: CloudClock) {
    this.#clock = clock;
    this.deliver = overNetwork(clock);
  }

  /** Sends once. After `timeoutMs` virtual milliseconds the receiver counts as silent; what it does then still takes effect. */
  async send(request: Request, timeoutMs: number): Promise<Reply> {
    const hold = this.#clock.hold();
    const settled = new AbortController();
    const over = new AbortController();
    const timeout = this.#clock.sleep(timeoutMs, settled.signal).then(
      () => {
        over.abort();
        return NO_REPLY;
      },
      () => NO_REPLY, // there was an answer before
    );
    try {
      return await hold.wait(Promise.race([this.#replyTo(new Request(request, { signal: over.signal })), timeout]));
    } finally {
      settled.abort();
      hold.release();
    }
  }

  async #replyTo(request: Request): Promise<Reply> {
    try {
      const response = await this.deliver(request);
      const [retryAfter = null] = /^\d{1,9}$/.exec(response.headers.get('retry-after') ?? '') ?? [];
      await response.body?.cancel();
      return { status: response.status, retryAfterSeconds: retryAfter === null ? null : Number(retryAfter) };
    } catch {
      return NO_REPLY;
    }
  }
}

function overNetwork(clock: CloudClock): Deliver {
  return async (request) => {
    const hold = clock.hold();
    const limit = setTimeout(() => hold.release(), STANDSTILL_MS_MAX);
    try {
      return await fetch(request, { redirect: 'manual' });
    } finally {
      clearTimeout(limit);
      hold.release();
    }
  };
}
