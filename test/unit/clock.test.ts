import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimeIsUp, systemClock, withTimeLimit } from '../../shared/runtime/clock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';

/** A clock that moves only by hand. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<{ atMs: number; wake: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  /** How many sleeps are under way: timers that would keep a process alive. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { atMs: this.#nowMs + delayMs, wake: resolve };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      });
    });
  }

  async advance(byMs: number): Promise<void> {
    this.#nowMs += byMs;
    for (const sleeper of [...this.#sleepers].filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
    await nextTurn();
  }
}

const never = () => new Promise<never>(() => undefined);
const alive = () => new AbortController().signal;

/** Rejections that nobody handled while `work` ran, and in the turn after it. */
async function unhandledIn(work: () => Promise<unknown>): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    await work();
    await nextTurn();
  } finally {
    process.off('unhandledRejection', note);
  }
  return unhandled;
}

describe('work with a time limit', () => {
  it('gives what it comes to, and leaves no timer behind', async () => {
    const clock = new HandClock();
    await expect(withTimeLimit(clock, 1_000, alive(), () => Promise.resolve('done'))).resolves.toBe('done');
    expect(clock.sleeping).toBe(0);
  });

  it('fails with its own failure, and leaves no timer behind', async () => {
    const clock = new HandClock();
    const failure = new Error('its own');
    await expect(withTimeLimit(clock, 1_000, alive(), () => Promise.reject(failure))).rejects.toBe(failure);
    expect(clock.sleeping).toBe(0);
  });

  it('leaves no timer behind when it fails before it began to wait', async () => {
    const clock = new HandClock();
    const work = () => {
      throw new Error('at once');
    };
    await expect(withTimeLimit(clock, 1_000, alive(), work)).rejects.toThrow('at once');
    expect(clock.sleeping).toBe(0);
  });

  it('ends with TimeIsUp when the limit is reached, not before', async () => {
    const clock = new HandClock();
    const ended = vi.fn<(error: unknown) => void>();
    const running = withTimeLimit(clock, 1_000, alive(), never).catch(ended);
    await clock.advance(999);
    expect(ended).not.toHaveBeenCalled();
    await clock.advance(1);
    await running;
    expect(ended).toHaveBeenCalledWith(expect.any(TimeIsUp));
    expect(ended).toHaveBeenCalledWith(
      expect.objectContaining({ limitMs: 1_000, message: 'nothing came within 1000 ms' }),
    );
    expect(clock.sleeping).toBe(0);
  });

  it('is told by its signal that the time is up', async () => {
    const clock = new HandClock();
    const signals: AbortSignal[] = [];
    const running = withTimeLimit(clock, 1_000, alive(), (signal) => {
      signals.push(signal);
      return never();
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await Promise.all([expect(running).rejects.toThrow(TimeIsUp), clock.advance(1_000)]);
    expect(signals[0]?.reason).toBeInstanceOf(TimeIsUp);
  });

  it('ends when its parent does, with the parent’s reason', async () => {
    const clock = new HandClock();
    const parent = new AbortController();
    const reason = new Error('the run is over');
    const running = withTimeLimit(clock, 1_000, parent.signal, never);
    parent.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(clock.sleeping).toBe(0);
  });

  it('never begins when its parent has ended already', async () => {
    const clock = new HandClock();
    const reason = new Error('the run is over');
    const work = vi.fn<() => Promise<never>>(never);
    await expect(withTimeLimit(clock, 1_000, AbortSignal.abort(reason), work)).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
    expect(clock.sleeping).toBe(0);
  });

  it('is not told to stop any more once it is done', async () => {
    const clock = new HandClock();
    let own: AbortSignal | undefined;
    await withTimeLimit(clock, 1_000, alive(), (signal) => {
      own = signal;
      return Promise.resolve();
    });
    await clock.advance(2_000);
    expect(own?.aborted).toBe(false);
  });

  it('leaves nobody listening once it is done', async () => {
    const parent = new AbortController();
    const signals: AbortSignal[] = [parent.signal];
    await withTimeLimit(new HandClock(), 1_000, parent.signal, (signal) => {
      signals.push(signal);
      return Promise.resolve();
    });
    expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0, 0]);
  });

  it('ends at the shorter limit of two, one inside the other', async () => {
    const clock = new HandClock();
    const nested = (outerMs: number, innerMs: number) =>
      withTimeLimit(clock, outerMs, alive(), (signal) => withTimeLimit(clock, innerMs, signal, never));
    await Promise.all([
      expect(nested(1_000, 300)).rejects.toMatchObject({ limitMs: 300 }),
      expect(nested(300, 1_000)).rejects.toMatchObject({ limitMs: 300 }),
      clock.advance(300),
    ]);
    expect(clock.sleeping).toBe(0);
  });

  it('rejects nothing unseen when work that ignored its signal fails late', async () => {
    const unhandled = await unhandledIn(async () => {
      const clock = new HandClock();
      const { promise, reject } = Promise.withResolvers<never>();
      const running = withTimeLimit(clock, 1_000, alive(), () => promise);
      await Promise.all([expect(running).rejects.toThrow(TimeIsUp), clock.advance(1_000)]);
      reject(new Error('too late'));
      await clock.advance(1_000);
    });
    expect(unhandled).toEqual([]);
  });

  it('rejects nothing unseen when the parent ends after the work', async () => {
    const unhandled = await unhandledIn(async () => {
      const parent = new AbortController();
      await withTimeLimit(new HandClock(), 1_000, parent.signal, () => Promise.resolve());
      parent.abort(new Error('over'));
    });
    expect(unhandled).toEqual([]);
  });
});

describe('the machine’s clock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells the present', () => {
    vi.setSystemTime(1_234_567);
    expect(systemClock.nowMs()).toBe(1_234_567);
  });

  it('wakes a sleeper after its delay, not before', async () => {
    const woken = vi.fn<() => void>();
    const sleeping = systemClock.sleep(1_000, alive()).then(woken);
    await vi.advanceTimersByTimeAsync(999);
    expect(woken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await sleeping;
    expect(woken).toHaveBeenCalledOnce();
  });

  it('wakes a sleeper with the reason of its signal at once, and clears the timer', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const sleeping = systemClock.sleep(1_000, controller.signal);
    expect(vi.getTimerCount()).toBe(1);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('starts no timer for a signal that has aborted already', async () => {
    const reason = new Error('enough');
    await expect(systemClock.sleep(1_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('starts one timer at a time, and leaves no timer and nobody listening once it woke', async () => {
    const { signal } = new AbortController();
    const listening = () => getEventListeners(signal, 'abort').length;
    for (let round = 0; round < 3; round += 1) {
      const sleeping = systemClock.sleep(1_000, signal);
      expect([vi.getTimerCount(), listening()]).toEqual([1, 1]);
      await vi.advanceTimersByTimeAsync(1_000);
      await sleeping;
      expect([vi.getTimerCount(), listening()]).toEqual([0, 0]);
    }
  });

  it('leaves nobody listening after a signal ended a sleep', async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(1_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('takes a delay of nothing for the next turn, not for this one', async () => {
    const woken = vi.fn<() => void>();
    const sleeping = systemClock.sleep(0, alive()).then(woken);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await sleeping;
    expect(woken).toHaveBeenCalledOnce();
  });

  it('leaves no timer behind under a limit that was not needed', async () => {
    await withTimeLimit(systemClock, 3_600_000, alive(), () => Promise.resolve());
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the machine’s clock, for longer than one timer of Node holds,', () => {
  const LONGEST_TIMER_MS = 2 ** 31 - 1;
  const DAY_MS = 86_400_000;
  const YEAR_MS = 365 * DAY_MS;

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([LONGEST_TIMER_MS, LONGEST_TIMER_MS + 1, LONGEST_TIMER_MS + DAY_MS, YEAR_MS])(
    'sleeps to the end, one timer after the other: %i ms',
    async (delayMs) => {
      const woken = vi.fn<() => void>();
      const { signal } = new AbortController();
      const sleeping = systemClock.sleep(delayMs, signal).then(woken);
      await vi.advanceTimersByTimeAsync(delayMs - 1_000);
      expect(woken).not.toHaveBeenCalled();
      expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([1, 1]);
      await vi.advanceTimersByTimeAsync(1_001);
      await sleeping;
      expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
    },
  );

  it('starts no timer that Node would end at once', async () => {
    const started = vi.spyOn(globalThis, 'setTimeout');
    const sleeping = systemClock.sleep(YEAR_MS, alive());
    await vi.advanceTimersByTimeAsync(YEAR_MS + 1_000);
    await sleeping;
    const delays = started.mock.calls.map(([, delayMs = 0]) => delayMs);
    expect(delays.length).toBeGreaterThan(10);
    expect(Math.max(...delays)).toBeLessThanOrEqual(LONGEST_TIMER_MS);
  });

  it('wakes with the reason of its signal at once, in whichever timer it is', async () => {
    for (const passedMs of [0, LONGEST_TIMER_MS + DAY_MS, 3 * LONGEST_TIMER_MS]) {
      const controller = new AbortController();
      const reason = new Error('enough');
      const sleeping = systemClock.sleep(YEAR_MS, controller.signal);
      await vi.advanceTimersByTimeAsync(passedMs);
      controller.abort(reason);
      await expect(sleeping).rejects.toBe(reason);
      expect([vi.getTimerCount(), getEventListeners(controller.signal, 'abort').length]).toEqual([0, 0]);
    }
  });
});
