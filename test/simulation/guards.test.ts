import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { GUARDS, simulationWithout } from '../support/guards.ts';
import type { GuardName, Simulation } from '../support/guards.ts';
import * as asItIs from '../support/simulation.ts';

/** A run that only the guard keeps well. */
interface GuardedRun {
  what: string;
  /** What is not well, in words. */
  run: (simulation: Simulation) => Promise<string[]>;
  /** What is not well without the guard. */
  shows: RegExp;
}

const isCreate = (call: string) => call === 'POST /v1/apikeys';
const isStore = (call: string) => call === 'POST /api/v2/secrets/*/versions';

/** Two ticks at a rotation; the first stands still before the call until the second is over. */
async function secondTickBefore(
  { scenes, interleavedRuns, callsOf, endOf }: Simulation,
  isCall: (call: string) => boolean,
): Promise<string[]> {
  const first = (await callsOf(scenes.rotation)).findIndex(isCall);
  const trial = await scenes.rotation();
  await interleavedRuns(trial, { first, second: Infinity });
  const created = trial.effects.filter((effect) => effect.startsWith('create')).length;
  const wrongs = await endOf(trial, true);
  return [...wrongs, ...(created === 1 ? [] : [`${created} keys were created`])];
}

/** A rotation in which the answer to that call is lost. What is left on right after it is told as well. */
async function answerLost(
  { scenes, atCall, callsOf, troubled, endOf }: Simulation,
  isCall: (call: string) => boolean,
): Promise<string[]> {
  const at = (await callsOf(scenes.rotation)).findIndex(isCall) + 1;
  const trial = await scenes.rotation();
  await troubled({ drop: 'answer' })(trial.lab, atCall(at)).run(trial);
  const isKnown = trial.effects.some((effect) => effect === 'store' || effect.startsWith('delete'));
  return [...(isKnown ? [] : ['a key is left on whose value nobody has']), ...(await endOf(trial, true))];
}

const RUNS: Record<GuardName, GuardedRun> = {
  claim: {
    what: 'two runs at once create one key',
    run: (simulation) => secondTickBefore(simulation, isCreate),
    shows: /2 keys were created/,
  },
  'guard lock': {
    what: 'two runs at once store one version',
    run: (simulation) => secondTickBefore(simulation, isCreate),
    shows: /2 versions were stored/,
  },
  verification: {
    what: 'what is stored logs in at once, however late IAM learns of a new key',
    run: async ({ scenes, WatchedRun, outcomeOf }) => {
      const trial = await scenes.rotation();
      trial.lab.cloud.switches.firstLoginDelayMs = 30_000;
      return outcomeOf(trial, new WatchedRun(trial.lab));
    },
    shows: /the current key is not known everywhere yet/,
  },
  evidence: {
    what: 'a consumer that never fetches the new value keeps its key',
    run: async ({ minted }) => {
      const { lab, manifest } = await minted(30);
      const held = await lab.fetchValue();
      await lab.tick(manifest);
      await lab.passWithTicks(manifest, 9 * DAY_MS);
      return (await lab.works(held)) ? [] : ['the key of a consumer is off'];
    },
    shows: /the key of a consumer is off/,
  },
  'fresh observation': {
    what: 'a key that somebody enabled again is not deleted, although lists still show it disabled',
    run: async ({ rotated }) => {
      const { lab, manifest, formerId } = await rotated(9.5);
      lab.cloud.switches.staleListMs = 2 * DAY_MS;
      await lab.admin.request('DELETE', `/v1/apikeys/${formerId}/disable`);
      await lab.passWithTicks(manifest, 1.5 * DAY_MS);
      return lab.keys.some(({ id }) => id === formerId) ? [] : ['the enabled key is gone'];
    },
    shows: /the enabled key is gone/,
  },
  'look-up after an unclear create': {
    what: 'a key whose creation was not answered is removed by the same run',
    run: (simulation) => answerLost(simulation, isCreate),
    shows: /a key is left on whose value nobody has/,
  },
  'look-up after an unclear store': {
    what: 'a key that is stored, although its store was not answered, stays',
    run: (simulation) => answerLost(simulation, isStore),
    shows: /at api-key.delete the current key is gone/,
  },
  'age rule': {
    what: 'a key that another run is about to store is left alone',
    run: (simulation) => secondTickBefore(simulation, isStore),
    shows: /at secret-version.create the current key is disabled/,
  },
  'name match': {
    what: 'a key of an entry that the manifest does not have is left alone',
    run: untroubled,
    shows: /something foreign was touched/,
  },
  'deployment match': {
    what: 'a key of another installation on the same identity is left alone',
    run: untroubled,
    shows: /something foreign was touched/,
  },
  'release by version id': {
    what: 'a release that comes late leaves the guard of a later rotation alone',
    run: async ({ scenes, frozenRun, callsOf }) => {
      const at = (await callsOf(scenes.deletion)).findIndex((call) => call.endsWith('/locks_bulk')) + 1;
      const trial = await scenes.deletion();
      const { lab, manifest } = trial;
      const rotateMeanwhile = () => lab.tick(manifest, { only: ['ingest'], force: true });
      await frozenRun(lab, at, rotateMeanwhile).run(trial);
      const former = lab.secret().versions.find(({ alias }) => alias === 'previous');
      return former?.locks.length ? [] : ['the former value is not guarded'];
    },
    shows: /the former value is not guarded/,
  },
  'lock of an undo': {
    what: 'a key that an undo is about to make current survives a run that was about to delete it',
    run: async ({ scenes, interleavedRuns, callsOf, tickDeed }) => {
      const { deletion, undoDeed } = scenes;
      const first = (await callsOf(deletion)).findIndex((call) => call.startsWith('DELETE '));
      const second = (await callsOf(deletion, undoDeed)).findIndex(isStore);
      const trial = await deletion();
      await interleavedRuns(trial, { first, second }, [tickDeed, undoDeed]);
      return [...trial.witness.wrongs];
    },
    shows: /at secret-version.create the current key is gone/,
  },
  'taking back a disable': {
    what: 'a key that an undo makes current again survives a run that was about to disable it',
    run: async ({ scenes, frozenRun, callsOf }) => {
      const at = (await callsOf(scenes.disabling)).findIndex((call) => call.endsWith('/disable')) + 1;
      const trial = await scenes.disabling();
      const undoMeanwhile = () => scenes.undoDeed(trial, {}).catch(() => undefined);
      await frozenRun(trial.lab, at, undoMeanwhile).run(trial);
      return [...trial.witness.wrongs];
    },
    shows: /at api-key.disable the current key is disabled/,
  },
  'look after an undo': {
    what: 'a key that is disabled right before an undo stores it works right after that',
    run: async ({ scenes, interleavedRuns, callsOf, tickDeed }) => {
      const { disabling, undoDeed } = scenes;
      const first = (await callsOf(disabling)).findIndex((call) => call.endsWith('/disable'));
      const second = (await callsOf(disabling, undoDeed)).findIndex(isStore);
      const trial = await disabling();
      await interleavedRuns(trial, { first, second }, [tickDeed, undoDeed]);
      return [...trial.witness.wrongs];
    },
    shows: /at secret-version.create the current key is disabled/,
  },
};

async function untroubled({ scenes, WatchedRun, outcomeOf }: Simulation): Promise<string[]> {
  const trial = await scenes.rotation();
  await trial.lab.pass(HOUR_MS);
  return outcomeOf(trial, new WatchedRun(trial.lab));
}

const guardedRuns = GUARDS.map(({ name, rule }) => ({ name, rule, ...RUNS[name] }));

describe('by its guards', () => {
  it.each(guardedRuns)('$what', async ({ run }) => {
    expect(await run(asItIs)).toEqual([]);
  });

  it.each(guardedRuns)('that fails without the $name: $rule', async ({ name, run, shows }) => {
    const wrongs = await run(await simulationWithout(name));
    expect(wrongs.join('\n')).toMatch(shows);
  });
});
