import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { beforeDeletion, beforeDisabling, beforeFirstMint, beforeRotation } from '../support/trial.ts';
import type { Trial } from '../support/trial.ts';
import { frozenRun } from '../support/watched-run.ts';

const SCENES = {
  'a first mint': beforeFirstMint,
  'a rotation': beforeRotation,
  'the former key’s disabling': beforeDisabling,
  'the former key’s deletion': beforeDeletion,
} as const;

/** No run makes more calls; a scene ends with the first call that its run does not make. */
const MOST_CALLS = 60;

/**
 * Each time in a fresh trial: a run comes to its nth call, then something else happens. Tells what is not well in the
 * end, and at which call the run stood.
 */
async function wrongsAtEachCall(
  open: () => Promise<Trial>,
  meanwhile: (trial: Trial) => Promise<unknown>,
  wrongsOf: (trial: Trial) => Promise<string[]>,
): Promise<string[]> {
  const wrongs: string[] = [];
  for (let at = 1; at < MOST_CALLS; at += 1) {
    const trial = await open();
    const run = frozenRun(trial.lab, at, () => meanwhile(trial));
    await run.tick(trial.manifest);
    if (run.calls.length < at) return wrongs;
    const found = await wrongsOf(trial);
    wrongs.push(...found.map((wrong) => `${at}, ${run.calls[at - 1]}: ${wrong} (${trial.effects.join(', ')})`));
  }
  throw new Error('the run never ended');
}

describe.each(Object.entries(SCENES))('two runs at %s', (_, open) => {
  const tickOf = ({ lab, manifest }: Trial) => lab.tick(manifest, { only: ['ingest'] });

  it('store once and leave nothing behind, wherever one stands still while the other does all', async () => {
    const settled = async (trial: Trial) => {
      await trial.settle();
      return trial.wrongs;
    };
    expect(await wrongsAtEachCall(open, tickOf, settled)).toEqual([]);
  });

  it('store once and leave nothing behind, wherever one is when the other begins', async () => {
    const others = new Map<Trial, Promise<unknown>>();
    const begin = (trial: Trial) => Promise.resolve(void others.set(trial, tickOf(trial)));
    const settled = async (trial: Trial) => {
      await others.get(trial);
      await trial.settle();
      return trial.wrongs;
    };
    expect(await wrongsAtEachCall(open, begin, settled)).toEqual([]);
  });
});

describe.each([
  ['disables', beforeDisabling],
  ['deletes', beforeDeletion],
])('an undo in the middle of a run that %s the former key', (_, open) => {
  it('either says that it is too late, or the run costs no consumer its key', async () => {
    const undone = new Set<Trial>();
    const undoIt = async (trial: Trial) => {
      const [key] = trial.manifest.keys;
      if (!key) throw new Error('no key');
      await trial.lab
        .withPorts(trial.manifest, (ports) => undo(key, ports))
        .then(
          () => undone.add(trial),
          (error: unknown) => expect(error).toMatchObject({ code: 'nothing_to_undo' }),
        );
    };
    const checked = async (trial: Trial) => {
      const { lab, manifest } = trial;
      const versions = lab.secret().versions.map(({ customMetadata }) => customMetadata.keyrota?.reason);
      const works = async () => ((await lab.works(await lab.fetchValue())) ? [] : ['the current key does not work']);
      const atOnce = await works();
      await lab.passWithTicks(manifest, DAY_MS / 4);
      const later = await works();
      return [...atOnce, ...later, ...(undone.has(trial) === versions.includes('undo') ? [] : ['the undo is lost'])];
    };
    expect(await wrongsAtEachCall(open, undoIt, checked)).toEqual([]);
    expect(undone.size).toBeGreaterThan(5);
  });
});
