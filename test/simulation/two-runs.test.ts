import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { callsOf, endOf } from '../support/mishaps.ts';
import { adoptingVersion, deadInGrace, deletion, disabling, firstMint, rotation, undoDeed } from '../support/scenes.ts';
import type { Scene } from '../support/scenes.ts';
import { tickDeed } from '../support/trial.ts';
import type { Deed, Trial } from '../support/trial.ts';
import { frozenRun, interleavedRuns, isWrite } from '../support/watched-run.ts';

/** Right before and right after each call that changes something. */
const stopsOf = (calls: readonly string[]): number[] => [
  ...new Set(calls.flatMap((call, index) => (isWrite(call) ? [index, index + 1] : []))),
];

const numbersUpTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/**
 * Each time in a fresh trial: the first run sends so many calls, then a tick at the same time so many, then the first the
 * rest of its own, then the tick. Tells what is not well in the end.
 */
async function wrongsOfTurns(scene: Scene, firstStops: readonly number[]): Promise<string[]> {
  const wrongs: string[] = [];
  const secondStops = [...stopsOf(await callsOf(scene)), Infinity];
  for (const first of firstStops) {
    for (const second of secondStops) {
      const trial = await scene();
      const [run] = await interleavedRuns(trial, { first, second }, [trial.deed, tickDeed]);
      const found = await endOf(trial, true);
      wrongs.push(...found.map((wrong) => `${first} and ${second}, ${run?.calls[first]}: ${wrong}`));
    }
  }
  return wrongs;
}

describe.each([
  { what: 'a first mint', scene: firstMint },
  { what: 'a rotation', scene: rotation },
  { what: 'the former key’s disabling', scene: disabling },
  { what: 'the former key’s deletion', scene: deletion },
  { what: 'an adoption of what a person stored', scene: adoptingVersion },
])('two runs at $what', ({ scene }) => {
  it('store once and leave nothing behind, wherever one stands still while the other goes on', async () => {
    const calls = await callsOf(scene);
    expect(await wrongsOfTurns(scene, numbersUpTo(calls.length - 1))).toEqual([]);
  });
});

describe('two runs at a rotation of a dead key while an older one is in grace', () => {
  it('store once and leave nothing behind, wherever each stands still before or after a write', async () => {
    expect(await wrongsOfTurns(deadInGrace, stopsOf(await callsOf(deadInGrace)))).toEqual([]);
  });
});

/** Each time in a fresh trial: a tick stands still before its nth call while the operator undoes the rotation. */
async function wrongsOfUndo(scene: Scene, undone: Set<Trial>): Promise<string[]> {
  const wrongs: string[] = [];
  for (const at of numbersUpTo((await callsOf(scene)).length)) {
    const trial = await scene();
    const undoIt = () =>
      undoDeed(trial, {}).then(
        () => undone.add(trial),
        (error: unknown) => expect(error).toMatchObject({ code: 'nothing_to_undo' }),
      );
    const run = frozenRun(trial.lab, at, undoIt);
    await run.run(trial);
    const found = await wrongsAfterUndo(trial, undone.has(trial));
    wrongs.push(...found.map((wrong) => `${at}, ${run.calls[at - 1]}: ${wrong} (${trial.effects.join(', ')})`));
  }
  return wrongs;
}

async function wrongsAfterUndo({ lab, manifest, witness, effects }: Trial, isUndone: boolean): Promise<string[]> {
  const reasons = lab.secret().versions.map(({ customMetadata }) => customMetadata.keyrota?.reason);
  await lab.passWithTicks(manifest, DAY_MS / 4);
  const works = await lab.works(await lab.fetchValue());
  return [
    ...witness.wrongs,
    ...(works ? [] : ['the current key does not work']),
    ...(isUndone === reasons.includes('undo') ? [] : ['the undo is lost']),
    ...(effects.some((effect) => effect.startsWith('create')) ? ['another key was made'] : []),
  ];
}

describe.each([
  { does: 'disables', scene: disabling, lockRefusesDisable: false },
  { does: 'disables', scene: disabling, lockRefusesDisable: true },
  { does: 'deletes', scene: deletion, lockRefusesDisable: false },
  { does: 'deletes', scene: deletion, lockRefusesDisable: true },
])('an undo beside a run that $does the former key, lock refuses disable: $lockRefusesDisable', (given) => {
  const scene = () => given.scene({ switches: { lockRefusesDisable: given.lockRefusesDisable } });

  it('either fails, or costs no consumer its key, wherever both stand still before or after a write', async () => {
    const tickStops = stopsOf(await callsOf(scene));
    const undoStops = stopsOf(await callsOf(scene, undoDeed));
    const wrongs: string[] = [];
    for (const first of tickStops) {
      for (const second of undoStops) {
        const trial = await scene();
        let isUndone = false;
        const undoIt: Deed = async (one, changes) => {
          await undoDeed(one, changes);
          isUndone = true;
        };
        await interleavedRuns(trial, { first, second }, [tickDeed, undoIt]);
        const found = await wrongsAfterUndo(trial, isUndone);
        wrongs.push(...found.map((wrong) => `${first} and ${second}: ${wrong} (${trial.effects.join(', ')})`));
      }
    }
    expect(wrongs).toEqual([]);
  });
});

describe.each([
  { does: 'disables', scene: disabling },
  { does: 'deletes', scene: deletion },
])('an undo in the middle of a run that $does the former key', ({ scene }) => {
  it('either says that it is too late, or the run costs no consumer its key', async () => {
    const undone = new Set<Trial>();
    expect(await wrongsOfUndo(scene, undone)).toEqual([]);
    expect(undone.size).toBeGreaterThan(5);
  });
});
