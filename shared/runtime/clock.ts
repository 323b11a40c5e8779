/** The only source of time: everything that waits, expires or is dated asks it. */
export interface Clock {
  /** The present in epoch milliseconds. */
  nowMs(): number;
  /** Resolves after `delayMs`. Rejects with the signal's reason as soon as it aborts. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: async (delayMs, signal) => {
    let leftMs = Math.max(delayMs, 0);
    for (; leftMs > LONGEST_TIMER_MS; leftMs -= LONGEST_TIMER_MS) await timer(LONGEST_TIMER_MS, signal);
    await timer(leftMs, signal);
  },
};

/** Node ends a longer one at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function timer(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      clearTimeout(started);
      reject(signal.reason as Error);
    };
    // The one place where real timers are started: whoever replaces time replaces this clock.
    // oxlint-disable-next-line no-restricted-globals
    const started = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The time that a piece of work was given has passed. */
export class TimeIsUp extends Error {
  override readonly name = 'TimeIsUp';
  /** What the work was given, in milliseconds. */
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(`nothing came within ${limitMs} ms`);
    this.limitMs = limitMs;
  }
}

/** Why a time limit is not waited for any more. Made once: an abort without a reason makes an error, with its stack, each time. */
const WORK_DONE = new Error('the work is done');

/**
 * Runs `work` with a signal that aborts after `limitMs`, or when `parent` does.
 * @throws TimeIsUp after `limitMs`, even if the work ignores its signal; the parent's reason when that aborts.
 */
export async function withTimeLimit<T>(
  clock: Clock,
  limitMs: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const limit = new AbortController();
  const done = new AbortController();
  const signal = AbortSignal.any([parent, limit.signal]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  clock.sleep(limitMs, done.signal).then(
    () => limit.abort(new TimeIsUp(limitMs)),
    () => undefined, // the work was quicker
  );
  try {
    return await Promise.race([work(signal), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    done.abort(WORK_DONE);
  }
}
