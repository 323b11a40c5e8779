import type { VirtualTimers } from './virtual-timers.ts';

interface SleepOptions {
  signal?: AbortSignal;
}

/** What `node:timers/promises` rejects with. */
class AbortError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';

  constructor(signal: AbortSignal) {
    super('The operation was aborted', { cause: signal.reason });
  }
}

/** `setTimeout` of `node:timers/promises`, on virtual time. */
export function sleepUntil(timers: VirtualTimers) {
  return async <T>(delayMs?: unknown, value?: T, { signal }: SleepOptions = {}): Promise<T | undefined> => {
    if (signal?.aborted) throw new AbortError(signal);
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const timeout = timers.set(() => resolve(value), delayMs, [], false);
    const onAbort = () => signal && reject(new AbortError(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await promise;
    } finally {
      timers.clear(timeout);
      signal?.removeEventListener('abort', onAbort);
    }
  };
}

/** `setInterval` of `node:timers/promises`, on virtual time. A slow consumer gets the ticks it missed at once. */
export function tick(timers: VirtualTimers) {
  return async function* <T>(
    delayMs?: unknown,
    value?: T,
    { signal }: SleepOptions = {},
  ): AsyncGenerator<T | undefined> {
    if (signal?.aborted) throw new AbortError(signal);
    let missed = 0;
    let wake: (() => void) | undefined;
    const onTick = () => {
      missed += 1;
      wake?.();
    };
    const timeout = timers.set(onTick, delayMs, [], true);
    signal?.addEventListener('abort', () => wake?.(), { once: true });
    try {
      for (;;) {
        if (missed === 0 && !signal?.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if (signal?.aborted) throw new AbortError(signal);
        missed -= 1;
        yield value;
      }
    } finally {
      timers.clear(timeout);
    }
  };
}
