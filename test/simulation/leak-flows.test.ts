import { describe, expect, it } from 'vitest';
import {
  dismissDeed,
  leakAmidLocks,
  leakAtRotation,
  leakOfFirst,
  recordEnabled,
  respondDeed,
  wholeTickDeed,
  wrongsOfCurrent,
  wrongsOfLeak,
} from '../support/leak-scenes.ts';
import type { LeakTrial } from '../support/leak-scenes.ts';
import { WORST, atCall, callsOf, endOf, outcomeOf } from '../support/mishaps.ts';
import type { Mishap } from '../support/mishaps.ts';
import type { Deed, Trial } from '../support/trial.ts';
import { frozenRun, interleavedRuns, isWrite } from '../support/watched-run.ts';

type LeakScene = () => Promise<LeakTrial>;

async function wrongsAfterEachWrite(scene: LeakScene, { run }: Mishap): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsOf(async () => (await scene()).trial)).entries()) {
    if (!isWrite(call)) continue;
    const leak = await scene();
    const enabled = recordEnabled(leak.trial);
    const found = await outcomeOf(leak.trial, run(leak.trial.lab, atCall(index + 1)));
    found.push(...(await wrongsOfLeak(leak, enabled)));
    wrongs.push(...found.map((wrong) => `${index + 1}, ${call}: ${wrong}`));
  }
  return wrongs;
}

describe('a response and the tick that it starts', () => {
  it.each(WORST)('come to their good end, whichever of their writes this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachWrite(leakAmidLocks, mishap)).toEqual([]);
  });
});

/** What somebody does with the value that leaks. */
type Deeds = (value: string) => Deed;

const respond: Deeds = (value) => respondDeed(value);
const respondAgain: Deeds = (value) => respondDeed(value, 'delivery-2');
const tick: Deeds = () => wholeTickDeed;
const dismiss: Deeds = () => dismissDeed;

/** The key was reported before, and nothing was done since. */
const reported = (scene: LeakScene) => async () => {
  const leak = await scene();
  await respondDeed(leak.value)(leak.trial, {});
  return leak;
};

/** Right before and right after each call that changes something. */
const stopsOf = (calls: readonly string[]): number[] => [
  ...new Set(calls.flatMap((call, index) => (isWrite(call) ? [index, index + 1] : []))),
];

/** Each time in a fresh trial: the one stands still before or after a write while the other does all that it does. */
async function wrongsOfTwo(scene: LeakScene, [one, other]: readonly [Deeds, Deeds], isLeak: boolean) {
  const wrongs: string[] = [];
  const { trial: tried, value: leaking } = await scene();
  for (const first of stopsOf(await callsOf(async () => tried, one(leaking)))) {
    const leak = await scene();
    const { trial, value } = leak;
    const enabled = recordEnabled(trial);
    let isAsked = false; // to send the report again
    const noting =
      (deed: Deed): Deed =>
      (its, changes) =>
        deed(its, changes).catch((error: unknown) => {
          isAsked ||= String(error).includes('answered');
          throw error;
        });
    const deeds = [noting(one(value)), noting(other(value))];
    const [run] = await interleavedRuns(trial, { first, second: Infinity }, deeds);
    const found = await endOf(trial, !isAsked);
    found.push(...(isLeak ? await wrongsOfLeak(leak, enabled) : await wrongsOfCurrent(leak)));
    wrongs.push(...found.map((wrong) => `${first}, ${run?.calls[first]}: ${wrong}`));
  }
  return wrongs;
}

describe('wherever the first stands still before or after a write,', () => {
  it.each<{ what: string; scene: LeakScene; deeds: [Deeds, Deeds] }>([
    { what: 'a response and a rotation', scene: leakAtRotation, deeds: [respond, tick] },
    { what: 'a rotation and a response', scene: leakAtRotation, deeds: [tick, respond] },
    { what: 'two responses', scene: leakOfFirst, deeds: [respond, respondAgain] },
    { what: 'the tick of one report and another report', scene: reported(leakAmidLocks), deeds: [tick, respondAgain] },
  ])('$what end the key, and agree on how', async ({ scene, deeds }) => {
    expect(await wrongsOfTwo(scene, deeds, true)).toEqual([]);
  });

  it.each<{ what: string; scene: LeakScene; deeds: [Deeds, Deeds] }>([
    { what: 'a response and a dismissal', scene: leakOfFirst, deeds: [respond, dismiss] },
    { what: 'a dismissal and another report', scene: reported(leakOfFirst), deeds: [dismiss, respondAgain] },
    { what: 'a tick and a dismissal', scene: reported(leakOfFirst), deeds: [tick, dismiss] },
    { what: 'a dismissal and a tick', scene: reported(leakOfFirst), deeds: [dismiss, tick] },
  ])('$what leave a key that works and counts as one that did not leak', async ({ scene, deeds }) => {
    expect(await wrongsOfTwo(scene, deeds, false)).toEqual([]);
  });
});

/** Responds to a report of the key that was made since, if any was. Returns its id. */
async function reportNewest(trial: Trial, known: ReadonlySet<string>): Promise<string | null> {
  const fresh = trial.lab.keys.find(({ id }) => !known.has(id));
  if (fresh?.value === undefined) return null;
  trial.witness.excuse(fresh.id);
  await respondDeed(fresh.value)(trial, {});
  return fresh.id;
}

describe('a key that leaks while it is being made', () => {
  it('never stays, whichever write of its mint is still to come', async () => {
    const wrongs: string[] = [];
    const { trial: tried } = await leakAtRotation();
    for (const stop of stopsOf(await callsOf(async () => tried, wholeTickDeed))) {
      const leak = await leakAtRotation();
      const { trial } = leak;
      const known = new Set(trial.lab.keys.map(({ id }) => id));
      let newId: string | null = null;
      const run = frozenRun(trial.lab, stop + 1, async () => {
        newId = await reportNewest(trial, known);
      });
      await run.run(trial, wholeTickDeed);
      const found = [...(await endOf(trial, true)), ...(await wrongsOfCurrent(leak))];
      if (trial.lab.keys.some(({ id }) => id === newId)) found.push('the key that leaked is still there');
      wrongs.push(...found.map((wrong) => `${stop}, ${run.calls[stop]}: ${wrong}`));
    }
    expect(wrongs).toEqual([]);
  });
});
