import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import type { CloudClockOptions, Hold } from '../../infra/local/clock.ts';

const START_MS = Date.UTC(2026, 10, 20);
const DAY_MS = 86_400_000;

/** A clock, and what happens on it: `note('a')` is a callback that writes `a 10` ten milliseconds after the start. */
function clockWithNotes(options: CloudClockOptions = {}) {
  const clock = new CloudClock({ startMs: START_MS, speed: Infinity, ...options });
  const notes: string[] = [];
  const afterMs = () => clock.nowMs() - START_MS;
  const write = (text: string) => void notes.push(`${text} ${afterMs()}`);
  return { clock, notes, afterMs, write, note: (text: string) => () => write(text) };
}

/** So many turns of the event loop that whatever may happen by itself has happened. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Lets things happen until so many notes are written. */
async function noted(notes: string[], count: number): Promise<void> {
  for (let round = 0; round < 100 && notes.length < count; round += 1) await quiet();
}

describe('events', () => {
  it('run in the order of their times, and at one time in the order in which they were asked for', async () => {
    const { clock, notes, note } = clockWithNotes();
    clock.at(START_MS + 20, note('c'));
    clock.at(START_MS + 10, note('a'));
    clock.at(START_MS + 10, note('b'));
    clock.at(START_MS + 30, note('d'));
    await quiet();
    expect(notes).toEqual(['a 10', 'b 10', 'c 20', 'd 30']);
  });

  it('that are past run at once, at the present', async () => {
    const { clock, notes, note } = clockWithNotes();
    clock.at(START_MS - DAY_MS, note('past'));
    clock.at(START_MS, note('now'));
    await quiet();
    expect(notes).toEqual(['past 0', 'now 0']);
  });

  it('can ask for further ones, also for the same moment', async () => {
    const { clock, notes, note, write } = clockWithNotes();
    clock.at(START_MS + 10, () => {
      write('first');
      clock.at(START_MS + 5, note('late'));
      clock.at(START_MS + 10, note('same'));
    });
    clock.at(START_MS + 10, note('second'));
    clock.at(START_MS + 11, note('next'));
    await quiet();
    expect(notes).toEqual(['first 10', 'second 10', 'late 10', 'same 10', 'next 11']);
  });

  it('do not run once they are cancelled', async () => {
    const { clock, notes, note } = clockWithNotes();
    const cancel = clock.at(START_MS + 10, note('cancelled'));
    clock.at(START_MS + 20, note('kept'));
    expect(clock.nextEventMs).toBe(START_MS + 10);
    cancel();
    cancel();
    expect(clock.nextEventMs).toBe(START_MS + 20);
    await quiet();
    expect(notes).toEqual(['kept 20']);
    expect(clock.nextEventMs).toBeNull();
  });

  it('move time no further than they lie, however long nothing happens', async () => {
    const { clock, afterMs, note } = clockWithNotes();
    clock.at(START_MS + 10, note('last'));
    await quiet();
    expect(afterMs()).toBe(10);
  });

  it('that fail are reported, and time goes on', async () => {
    const failures: unknown[] = [];
    const { clock, notes, note } = clockWithNotes({ onError: (error) => failures.push(error) });
    const [sync, later] = [new Error('at once'), new Error('later')];
    clock.at(START_MS + 10, () => {
      throw sync;
    });
    clock.at(START_MS + 20, async (hold) => {
      await hold.sleep(5);
      throw later;
    });
    clock.at(START_MS + 30, note('next'));
    await quiet();
    expect(failures).toEqual([sync, later]);
    expect(notes).toEqual(['next 30']);
  });
});

describe('a hold', () => {
  it('lets time stand still until it is released', async () => {
    const { clock, notes, afterMs, note } = clockWithNotes();
    const hold = clock.hold();
    clock.at(START_MS + 10, note('event'));
    await quiet();
    expect([notes, afterMs()]).toEqual([[], 0]);
    hold.release();
    await quiet();
    expect(notes).toEqual(['event 10']);
  });

  it('counts once, however often it is released', async () => {
    const { clock, notes, note } = clockWithNotes();
    const [first, second] = [clock.hold(), clock.hold()];
    clock.at(START_MS + 10, note('event'));
    first.release();
    first.release();
    await quiet();
    expect(notes).toEqual([]);
    second.release();
    await quiet();
    expect(notes).toEqual(['event 10']);
  });

  it('is taken for a callback until what it returns has settled', async () => {
    const { clock, notes, note, write } = clockWithNotes();
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.at(START_MS + 10, async () => {
      await promise;
      write('done');
    });
    clock.at(START_MS + 11, note('next'));
    await quiet();
    expect(notes).toEqual([]);
    resolve();
    await quiet();
    expect(notes).toEqual(['done 10', 'next 11']);
  });

  it('lets time go on while its owner sleeps, and holds it again after that', async () => {
    const { clock, notes, note, write } = clockWithNotes();
    clock.at(START_MS + 10, async (hold) => {
      write('asleep');
      await hold.sleep(50);
      await quiet();
      write('awake');
    });
    clock.at(START_MS + 40, note('meanwhile'));
    clock.at(START_MS + 61, note('after'));
    await noted(notes, 4);
    expect(notes).toEqual(['asleep 10', 'meanwhile 40', 'awake 60', 'after 61']);
  });

  it('lets sleepers wake in the order of their times, one by one', async () => {
    const { clock, notes, write } = clockWithNotes();
    const sleeper = (name: string, delayMs: number) => async (hold: Hold) => {
      await hold.sleep(delayMs);
      await quiet();
      write(name);
    };
    for (const [name, delayMs] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
    ] as const)
      clock.at(START_MS, sleeper(name, delayMs));
    await noted(notes, 3);
    expect(notes).toEqual(['a 10', 'b 10', 'c 30']);
  });

  it('lets time go on while its owner waits for a promise, and passes its value on', async () => {
    const { clock, notes, note, write } = clockWithNotes();
    const answer = clock.sleep(30).then(() => 'answer');
    clock.at(START_MS + 10, async (hold) => {
      write(await hold.wait(answer));
      await quiet();
      write('done');
    });
    clock.at(START_MS + 20, note('meanwhile'));
    clock.at(START_MS + 31, note('after'));
    await noted(notes, 4);
    expect(notes).toEqual(['meanwhile 20', 'answer 30', 'done 30', 'after 31']);
  });

  it('is taken again when that promise is rejected', async () => {
    const { clock, notes, note, write } = clockWithNotes();
    const failing = clock.sleep(30).then(() => Promise.reject(new Error('refused')));
    clock.at(START_MS, async (hold) => {
      await hold.wait(failing).catch((error: unknown) => write((error as Error).message));
      await quiet();
      write('done');
    });
    clock.at(START_MS + 31, note('after'));
    await noted(notes, 3);
    expect(notes).toEqual(['refused 30', 'done 30', 'after 31']);
  });

  it('is not needed by code that only passes answers on', async () => {
    const { clock, notes, note, write } = clockWithNotes();
    const passOn = async (depth: number): Promise<void> => {
      if (depth > 0) await passOn(depth - 1);
      await Promise.resolve();
    };
    const work = async () => {
      for (let round = 1; round <= 3; round += 1) {
        await clock.sleep(10);
        await passOn(20);
        write(`round ${round}`);
      }
    };
    clock.at(START_MS + 11, note('event'));
    await Promise.all([work(), quiet()]);
    expect(notes).toEqual(['round 1 10', 'event 11', 'round 2 20', 'round 3 30']);
  });
});

describe('a sleep', () => {
  it('rejects with the reason as soon as its signal aborts, and leaves nothing behind', async () => {
    const { clock, notes, afterMs } = clockWithNotes({ speed: 0 });
    const abort = new AbortController();
    const reason = new Error('changed my mind');
    const slept = clock.sleep(10, abort.signal).catch((error: unknown) => notes.push((error as Error).message));
    abort.abort(reason);
    await slept;
    expect([notes, afterMs(), clock.nextEventMs]).toEqual([['changed my mind'], 0, null]);
    await expect(clock.sleep(10, abort.signal)).rejects.toBe(reason);
    expect(clock.nextEventMs).toBeNull();
  });

  it('that is over does not mind a late abort', async () => {
    const { clock } = clockWithNotes();
    const abort = new AbortController();
    await clock.sleep(10, abort.signal);
    abort.abort();
    await expect(clock.sleep(0)).resolves.toBeUndefined();
  });
});

describe('advancing', () => {
  it.each([0, 1, Infinity])('runs all that is due on the way and ends at its goal, at speed %d', async (speed) => {
    const { clock, notes, afterMs, note, write } = clockWithNotes({ speed });
    clock.at(START_MS + 10, async (hold) => {
      write('asleep');
      await hold.sleep(DAY_MS);
      write('awake');
      clock.at(clock.nowMs() + 5, note('further'));
    });
    clock.at(START_MS + DAY_MS + 100, note('at the goal'));
    const cancelLater = clock.at(START_MS + DAY_MS + 101, note('beyond'));
    const advanced = clock.advanceTo(START_MS + DAY_MS + 100);
    await advanced;
    const atGoal = [...notes];
    expect(afterMs()).toBe(DAY_MS + 100);
    expect(atGoal).toEqual([
      'asleep 10',
      `awake ${DAY_MS + 10}`,
      `further ${DAY_MS + 15}`,
      `at the goal ${DAY_MS + 100}`,
    ]);
    cancelLater();
    clock.stop();
  });

  it('waits for whoever holds time', async () => {
    const { clock, afterMs } = clockWithNotes();
    const hold = clock.hold();
    let isThere = false;
    const advanced = clock.advanceTo(START_MS + 10).then(() => {
      isThere = true;
    });
    await quiet();
    expect([isThere, afterMs()]).toEqual([false, 0]);
    hold.release();
    await advanced;
    expect(afterMs()).toBe(10);
  });

  it('goes forward only, and one at a time', async () => {
    const { clock, afterMs } = clockWithNotes({ speed: 0 });
    await expect(clock.advanceTo(START_MS - 1)).rejects.toThrow(RangeError);
    const advanced = clock.advanceTo(START_MS + 10);
    await expect(clock.advanceTo(START_MS + 20)).rejects.toThrow(RangeError);
    await advanced;
    expect(afterMs()).toBe(10);
    await clock.advanceTo(START_MS + 10);
    expect(afterMs()).toBe(10);
  });
});

describe('listeners', () => {
  it('hear of each whole millisecond at which time stops, until they leave', async () => {
    const { clock, notes } = clockWithNotes();
    const leave = clock.onMove((nowMs) => notes.push(`moved ${nowMs - START_MS}`));
    clock.at(START_MS + 10, () => undefined);
    clock.at(START_MS + 10, () => undefined);
    clock.at(START_MS + 20, () => undefined);
    await quiet();
    leave();
    await clock.advanceTo(START_MS + 100);
    expect(notes).toEqual(['moved 10', 'moved 20']);
  });
});

describe('a stopped clock', () => {
  it('runs nothing any more and stands', async () => {
    const { clock, notes, afterMs, note } = clockWithNotes();
    clock.at(START_MS + 10, note('before'));
    clock.stop();
    clock.at(START_MS + 20, note('after'));
    await quiet();
    expect([notes, afterMs()]).toEqual([[], 0]);
  });
});

describe('without options', () => {
  it('begins at the real present and passes with it', () => {
    const clock = new CloudClock();
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1_000);
    expect(clock.speed).toBe(1);
  });
});

describe('a finite speed', () => {
  // Real time is under control here: `real(5)` lets five real milliseconds pass.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const real = async (delayMs: number) => {
    await quiet();
    vi.advanceTimersByTime(delayMs);
    await quiet();
  };

  it('lets time pass steadily where nothing happens', async () => {
    const { clock, afterMs } = clockWithNotes({ speed: 1 });
    await real(250);
    expect(afterMs()).toBe(250);
    clock.speed = 1_000;
    await real(3);
    expect(afterMs()).toBe(250 + 3_000);
  });

  it('tells whole milliseconds', async () => {
    const { clock } = clockWithNotes({ speed: 0.3 });
    await real(5);
    expect(clock.nowMs()).toBe(START_MS + 1);
  });

  it('runs an event when its time has come, not before', async () => {
    const { clock, notes, note } = clockWithNotes({ speed: 100 });
    clock.at(START_MS + 5_000, note('event'));
    await real(49);
    expect(notes).toEqual([]);
    await real(2);
    expect(notes).toEqual(['event 5000']);
  });

  it('keeps the distances between events', async () => {
    const { clock, notes } = clockWithNotes({ speed: 100 });
    const startRealMs = performance.now();
    const note = () => void notes.push(`${clock.nowMs() - START_MS} at ${performance.now() - startRealMs}`);
    for (const afterMs of [1_000, 2_000, 2_000, 5_000]) clock.at(START_MS + afterMs, note);
    for (let realMs = 0; realMs < 60; realMs += 1) await real(1);
    expect(notes).toEqual(['1000 at 10', '2000 at 20', '2000 at 20', '5000 at 50']);
  });

  it('waits for an event that lies further away than a timer of Node can', async () => {
    const { clock, notes, note } = clockWithNotes({ speed: 1 });
    clock.at(START_MS + 60 * DAY_MS, note('event'));
    await real(60 * DAY_MS - 1);
    expect(notes).toEqual([]);
    await real(2);
    expect(notes).toEqual([`event ${60 * DAY_MS}`]);
  });

  it('is an upper limit: time stands still while somebody works', async () => {
    const { clock, notes, afterMs, note } = clockWithNotes({ speed: 1 });
    const hold = clock.hold();
    clock.at(START_MS + 100, note('event'));
    await real(300);
    expect([notes, afterMs()]).toEqual([[], 0]);
    hold.release();
  });

  it('makes up for a short standstill', async () => {
    const { clock, afterMs } = clockWithNotes({ speed: 10 });
    const hold = clock.hold();
    await real(300);
    hold.release();
    await real(10);
    expect(afterMs()).toBe(10 * 310);
  });

  it('makes up for a second of a long standstill, and no more', async () => {
    const { clock, afterMs } = clockWithNotes({ speed: 10 });
    const hold = clock.hold();
    await real(60_000);
    hold.release();
    await real(100);
    expect(afterMs()).toBe(10 * 1_100);
  });

  it('never lets time pass an event that has not run, however late it runs', async () => {
    const { clock, notes, afterMs, note } = clockWithNotes({ speed: 1_000 });
    clock.at(START_MS + 500, note('event'));
    await quiet();
    vi.advanceTimersByTime(100);
    expect([notes, afterMs()]).toEqual([[], 500]);
    await quiet();
    expect(notes).toEqual(['event 500']);
  });

  it('can change at any time, from then on', async () => {
    const { clock, notes, afterMs, note } = clockWithNotes({ speed: 1 });
    clock.at(START_MS + 1_000, note('event'));
    await real(100);
    clock.speed = 100;
    expect(clock.speed).toBe(100);
    await real(8);
    expect([notes, afterMs()]).toEqual([[], 900]);
    await real(2);
    expect(notes).toEqual(['event 1000']);
    clock.at(START_MS + 2_000, note('slowed'));
    clock.speed = 1;
    const beforeMs = afterMs();
    await real(20);
    expect(afterMs()).toBe(beforeMs + 20);
  });

  it('of zero lets time stand, and any other lets it pass again', async () => {
    const { clock, notes, afterMs, note } = clockWithNotes({ speed: 0 });
    clock.at(START_MS + 100, note('event'));
    await real(DAY_MS);
    expect([notes, afterMs()]).toEqual([[], 0]);
    clock.speed = 10;
    await real(9);
    expect([notes, afterMs()]).toEqual([[], 90]);
    clock.speed = 0;
    await real(DAY_MS);
    expect([notes, afterMs()]).toEqual([[], 90]);
    clock.speed = Infinity;
    await real(1);
    expect(notes).toEqual(['event 100']);
  });

  it('goes on from the goal of an advance', async () => {
    const { clock, afterMs } = clockWithNotes({ speed: 1 });
    await real(10);
    const advanced = clock.advanceTo(START_MS + DAY_MS);
    await real(1);
    await advanced;
    const atGoalMs = afterMs();
    await real(50);
    expect([Math.floor(atGoalMs / DAY_MS), afterMs() - atGoalMs]).toEqual([1, 50]);
  });

  it('starts nothing any more once the clock is stopped', async () => {
    const { clock, notes, note } = clockWithNotes({ speed: 1 });
    clock.at(START_MS + 10, note('event'));
    await real(5);
    clock.stop();
    await real(50);
    expect(notes).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
