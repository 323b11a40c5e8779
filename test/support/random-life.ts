import type { Switches } from '../../infra/local/switches.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { LeakReport } from '../../shared/incidents/leak-report.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { Dice } from './dice.ts';
import { MISHAPS, atCall, atWrite } from './mishaps.ts';
import type { Moment } from './mishaps.ts';
import { ANSWERS } from './open-questions.ts';
import { dismissDeed, wholeTickDeed } from './leak-scenes.ts';
import { letGo, lockCurrent, reportDeed, reportOfCurrent, tickWithoutLedger } from './random-leaks.ts';
import { onlyKey } from './rotated.ts';
import { grantManager, laboratory, undoDeed } from './scenes.ts';
import { Trial, tickDeed } from './trial.ts';
import type { Deed } from './trial.ts';
import { interleavedRuns } from './watched-run.ts';

/** What became of a key in months of trouble. */
export interface Life {
  seed: string;
  /** What happened, a sentence a moment. */
  story: readonly string[];
  /** What was not as it must be: nothing, unless the product is wrong. */
  wrongs: readonly string[];
}

const STEP_MS = 12 * HOUR_MS;
/** Trouble comes at one of so many calls; what a run does is over by then. */
const MOST_CALLS = 20;
const MOST_WRITES = 4;
/** By then every retirement is over, and no rotation is due. */
const LONGEST_END_MS = 90 * DAY_MS;

const forcedDeed: Deed = ({ lab, manifest }, changes) => lab.tick(manifest, { only: ['ingest'], force: true }, changes);

/** Something that may happen between two ticks or to one. Says what it was. */
interface Event {
  weight: number;
  happen: (life: LifeInProgress) => Promise<string>;
}

interface LifeInProgress {
  trial: Trial;
  dice: Dice;
  /** All that were sent, true ones and false ones. */
  reports: LeakReport[];
}

const EVENTS: readonly Event[] = [
  { weight: 40, happen: async ({ trial }) => told('a tick', () => tickDeed(trial, {})) },
  { weight: 20, happen: (life) => meetMishap(life, 'a tick', tickDeed) },
  { weight: 10, happen: (life) => meetMishap(life, 'a rotation is forced', forcedDeed) },
  { weight: 8, happen: (life) => runTwice(life, 'two ticks', [tickDeed, tickDeed]) },
  { weight: 4, happen: (life) => runTwice(life, 'a forced rotation and a tick', [forcedDeed, tickDeed]) },
  { weight: 4, happen: (life) => runTwice(life, 'an undo and a tick', [undoDeed, tickDeed]) },
  { weight: 6, happen: ({ trial }) => amidTrouble(trial) },
  { weight: 2, happen: ({ trial }) => killCurrent(trial, 'disables', 'POST', '/disable') },
  { weight: 1, happen: ({ trial }) => killCurrent(trial, 'deletes', 'DELETE', '') },
  { weight: 2, happen: ({ trial }) => leakCurrent(trial) },
  { weight: 3, happen: ({ trial }) => enableFormer(trial) },
  { weight: 4, happen: (life) => meetMishap(life, 'the operator undoes', undoDeed) },
  { weight: 3, happen: ({ trial }) => told('a rotation is forced', () => forcedDeed(trial, {})) },
  { weight: 2, happen: ({ trial }) => adoptAnother(trial) },
  { weight: 3, happen: reportCurrent },
  { weight: 2, happen: reportInTrouble },
  { weight: 3, happen: reportAgain },
  { weight: 1, happen: reportFalsely },
  { weight: 2, happen: ({ trial }) => told('a consumer locks what is current', () => lockCurrent(trial)) },
  { weight: 4, happen: ({ trial }) => told('the consumer lets go', () => letGo(trial)) },
  { weight: 2, happen: ({ trial }) => told('a tick that cannot read the ledger', () => tickWithoutLedger(trial)) },
];

/** Failures are part of life. */
async function told(what: string, deed: () => Promise<unknown>): Promise<string> {
  return deed().then(
    () => what,
    (error: unknown) => `${what}: ${(error as Error).message}`,
  );
}

async function meetMishap({ trial, dice }: LifeInProgress, what: string, deed: Deed): Promise<string> {
  const mishap = dice.pick(MISHAPS);
  const isAtWrite = dice.pick([true, true, false]);
  const nth = dice.between(1, isAtWrite ? MOST_WRITES : MOST_CALLS);
  let met = 'never made';
  const moment: Moment = (call) => {
    const isHit = (isAtWrite ? atWrite(nth) : atCall(nth))(call);
    if (isHit) met = `${call.method} ${call.path}`;
    return isHit;
  };
  await mishap.run(trial.lab, moment).run(trial, deed);
  return `${what}; ${isAtWrite ? 'write' : 'call'} ${nth} (${met}): ${mishap.what}`;
}

async function runTwice({ trial, dice }: LifeInProgress, what: string, deeds: readonly Deed[]): Promise<string> {
  const turns = { first: dice.between(1, MOST_CALLS), second: dice.between(1, MOST_CALLS) };
  await interleavedRuns(trial, turns, deeds);
  return `${what} at once: ${turns.first} calls of the one, ${turns.second} of the other`;
}

const NOTHING_TO_REPORT = 'there is nothing to report yet';

const isStored = ({ lab }: Trial): boolean => lab.state.secretsManager.secrets.some(({ name }) => name === 'ingest');

async function newReport({ trial, dice, reports }: LifeInProgress): Promise<LeakReport> {
  const report = await reportOfCurrent(trial, dice);
  reports.push(report);
  return report;
}

/** By its value, its id or its secret. The tick that it starts may be lost. */
async function reportCurrent(life: LifeInProgress): Promise<string> {
  const { trial, dice } = life;
  if (!isStored(trial)) return NOTHING_TO_REPORT;
  const report = await newReport(life);
  const what = await told(`the current key is reported by ${report.credential.by}`, () =>
    reportDeed(report)(trial, {}),
  );
  return dice.pick([true, false]) ? `${what}, then ${await told('a tick', () => wholeTickDeed(trial, {}))}` : what;
}

async function reportInTrouble(life: LifeInProgress): Promise<string> {
  if (!isStored(life.trial)) return NOTHING_TO_REPORT;
  const report = await newReport(life);
  return meetMishap(life, `the current key is reported by ${report.credential.by}`, reportDeed(report));
}

/** It is about keys that were there then: whatever became current since is not touched. */
async function reportAgain({ trial, dice, reports }: LifeInProgress): Promise<string> {
  if (reports.length === 0) return 'nothing is reported again';
  const report = dice.pick(reports);
  return told(`a report by ${report.credential.by} comes again`, () => reportDeed(report)(trial, {}));
}

async function reportFalsely(life: LifeInProgress): Promise<string> {
  const what = await reportCurrent(life);
  return `${what}, then ${await told('the operator says that it was false', () => dismissDeed(life.trial, {}))}`;
}

async function amidTrouble(trial: Trial): Promise<string> {
  const { switches } = trial.lab.cloud;
  switches.troubleRate = 0.3;
  const what = await told('a tick, three of ten calls in trouble', () => tickDeed(trial, {}));
  switches.troubleRate = 0;
  return what;
}

async function killCurrent(trial: Trial, verb: string, method: string, path: string): Promise<string> {
  const { lab } = trial;
  const kill = (keyId: string) => lab.admin.request(method, `/v1/apikeys/${keyId}${path}`);
  return told(`somebody ${verb} the current key`, () => trial.loseTheCurrentKey(kill));
}

const leakCurrent = (trial: Trial): Promise<string> =>
  told('the current key is reported as compromised', () =>
    trial.loseTheCurrentKey((keyId) => trial.lab.markCompromised(keyId)),
  );

async function enableFormer(trial: Trial): Promise<string> {
  const { lab } = trial;
  const currentId = isStored(trial) ? lab.currentKeyId() : null;
  const former = lab.keys.find(({ id, disabled }) => disabled && id !== currentId);
  if (!former) return 'nobody has anything to enable';
  return told('somebody enables a former key', () => lab.admin.request('DELETE', `/v1/apikeys/${former.id}/disable`));
}

async function adoptAnother({ lab, manifest }: Trial): Promise<string> {
  const { id } = await lab.makeKeyByHand();
  return told('the operator adopts a key made by hand', () =>
    lab.withPorts(manifest, (ports) => adopt(onlyKey(manifest), id, ports)),
  );
}

/**
 * Lets one key live for months under whatever the seed has in store: other answers of the platform, mishaps, runs at once,
 * people who meddle. Then nothing goes wrong any more, and it must come to rest. `known` answers are given whatever the seed says.
 */
export async function randomLife(seed: string, known: Partial<Switches> = {}): Promise<Life> {
  const dice = new Dice(seed);
  const { trial, story } = await begin(dice, known);
  const reports: LeakReport[] = [];
  const steps = dice.between(40, 100);
  for (let step = 0; step < steps && trial.witness.wrongs.length === 0; step += 1) {
    await trial.lab.pass(STEP_MS);
    await trial.sendLines();
    const day = Math.round((step * STEP_MS) / DAY_MS);
    story.push(`day ${day}: ${await dice.pickWeighted(EVENTS).happen({ trial, dice, reports })}`);
  }
  const wrongs = await comeToRest(trial);
  return { seed, story: [...story, trial.effects.join(', ')], wrongs };
}

async function begin(dice: Dice, known: Partial<Switches>): Promise<{ trial: Trial; story: string[] }> {
  const answers = Object.entries(ANSWERS).map(([name, values]) => [name, dice.pick<unknown>(values)]);
  // A summary that locks protect never tells that all is done: a life would not come to rest. That has a test of its own.
  const drawn = Object.fromEntries(answers) as Partial<Switches>;
  const switches = { ...drawn, ...known, lockRefusesSecretPatch: false };
  const lab = await laboratory({ switches });
  if (switches.removePreviousNeedsLockDelete || switches.versionMetadataNeedsManager) await grantManager(lab);
  const entry = {
    rotateEvery: `${dice.pick([15, 30])}d`,
    grace: `${dice.pick([2, 7])}d`,
    quarantine: `${dice.pick([1, 3])}d`,
    secret: { group: lab.groupId, type: dice.pick(['arbitrary', 'kv']) },
  };
  const trial = await Trial.open(lab, { manifest: lab.manifest(entry), deed: tickDeed, stores: 'any' });
  return { trial, story: [`switches ${JSON.stringify(switches)}, entry ${JSON.stringify(entry)}`] };
}

async function comeToRest(trial: Trial): Promise<string[]> {
  const { lab, manifest } = trial;
  if (trial.witness.wrongs.length > 0) return [...trial.witness.wrongs];
  if (isStored(trial)) await letGo(trial);
  await trial.endTrouble(true);
  const early = await trial.wrongsAfterTwoTicks();
  for (const endMs = lab.clock.nowMs() + LONGEST_END_MS; lab.clock.nowMs() < endMs;) {
    await lab.pass(STEP_MS);
    await trial.sendLines();
    const [report] = (await lab.tick(manifest, { only: ['ingest'] })).keys;
    if (report?.outcome === 'rest') return [...early, ...trial.wrongs];
  }
  return [...early, ...trial.wrongs, 'the key does not come to rest'];
}
