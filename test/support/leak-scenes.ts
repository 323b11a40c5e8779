import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { COMPROMISED_MARK } from '../../shared/keys/kind.ts';
import { onlyKey } from './rotated.ts';
import { undoAndRemember } from '../../shared/ledger/whole-run.ts';
import { byValue, leakReport, respond } from './leaks.ts';
import { laboratory } from './scenes.ts';
import type { SceneOptions } from './scenes.ts';
import { Trial } from './trial.ts';
import type { Deed } from './trial.ts';
import { ledgerOf, lockByConsumer, wholeTick } from './whole-tick.ts';

/** The response to a report of that value, as the function gives it. Throws where the sender is asked to send it again. */
export const respondDeed =
  (value: string, deliveryId = 'delivery-1'): Deed =>
  async ({ lab, manifest }, { http, signal }) => {
    const report = leakReport(byValue(value), { deliveryId });
    const answer = await respond(lab, manifest, report, { ...(http && { http }), ...(signal && { signal }) });
    if (answer.status !== 202) throw new Error(`answered ${answer.status}`);
  };

/** A tick with all that a run does at its end. */
export const wholeTickDeed: Deed = ({ lab, manifest }, changes) =>
  wholeTick(lab, manifest, { only: ['ingest'] }, changes);

/** The command `undo`: a person says that the report was false. */
export const dismissDeed: Deed = ({ lab, manifest }, changes) =>
  lab.withPorts(manifest, (ports) => undoAndRemember(onlyKey(manifest), manifest, ports), changes);

/** The response, and the tick that it starts. */
const respondAndTick =
  (value: string): Deed =>
  async (trial, changes) => {
    await respondDeed(value)(trial, changes);
    await wholeTickDeed(trial, changes);
  };

/** A trial with a key that is about to be reported. */
export interface LeakTrial {
  trial: Trial;
  leakedId: string;
  value: string;
}

/** What is current in that trial is about to be reported. The deed is the response and the tick that it starts. */
async function aboutToLeak(options: SceneOptions, prepare: (trial: Trial) => Promise<void>): Promise<LeakTrial> {
  const lab = await laboratory(options);
  let value = '';
  const trial = await Trial.open(lab, {
    manifest: lab.manifest(),
    deed: (one, changes) => respondAndTick(value)(one, changes),
    stores: 'any',
    isRepeatedByHand: true,
    keepsLedger: true,
  });
  await lab.tick(trial.manifest);
  await lab.pass(HOUR_MS);
  await trial.sendLines();
  await prepare(trial);
  value = await lab.fetchValue();
  const leakedId = lab.currentKeyId();
  trial.witness.excuse(leakedId);
  trial.effects.length = 0;
  return { trial, leakedId, value };
}

/** K1 is current, and alone. */
export const leakOfFirst = (options: SceneOptions = {}): Promise<LeakTrial> =>
  aboutToLeak(options, (trial) => trial.lab.pass(5 * DAY_MS));

/** K1 is in grace, and consumers lock both versions; K2 is current. */
export const leakAmidLocks = (options: SceneOptions = {}): Promise<LeakTrial> =>
  aboutToLeak(options, async (trial) => {
    const { lab, manifest } = trial;
    await lab.pass(30 * DAY_MS);
    await lab.tick(manifest);
    await lab.pass(DAY_MS + HOUR_MS);
    await trial.sendLines();
    await lockByConsumer(lab, 'previous', 'agent-that-has-not-looked-yet');
    await lockByConsumer(lab, 'current', 'agent');
  });

/** The rotation of K1 is due, and K1 is about to be reported as well. */
export const leakAtRotation = (options: SceneOptions = {}): Promise<LeakTrial> =>
  aboutToLeak(options, (trial) => trial.lab.pass(30 * DAY_MS));

/**
 * What is not well in the end of a leak, in words: the key must be gone, what is written down of it must be of one mind, and
 * once it was out of use it must have stayed so.
 */
export async function wrongsOfLeak({ trial: { lab, manifest }, leakedId }: LeakTrial, enabled: readonly string[]) {
  const { incidents } = await ledgerOf(lab, manifest);
  const [incident, ...others] = incidents.filter(({ key_id: keyId }) => keyId === leakedId);
  const summary = lab.secret().customMetadata['keyrota'] as Record<string, unknown>;
  const records = lab.secret().versions.map(({ customMetadata }) => customMetadata.keyrota as Record<string, unknown>);
  const leaked = records.filter((record) => record['key_id'] === leakedId);
  const unmarked = leaked.filter((record) => record['compromised_at'] === '' || record['contained_at'] === '');
  const times = incident && [incident.reported_at, incident.contained_at, incident.replaced_at, incident.deleted_at];
  return [
    ...(lab.keys.some(({ id }) => id === leakedId) ? ['the leaked key is still there'] : []),
    ...(enabled.includes(leakedId) ? ['the leaked key was enabled'] : []),
    ...(incident ? [] : ['the ledger does not know of it']),
    ...(others.length > 0 ? ['the ledger has it more than once'] : []),
    ...(times?.includes('') ? [`the ledger lacks a time: ${times.join(', ')}`] : []),
    ...(incident && !lab.keys.some(({ id }) => id === incident.replaced_by)
      ? ['the ledger names another successor']
      : []),
    ...(summary['compromised_at'] === '' ? [] : ['the summary still says compromised']),
    ...(summary['dead_since'] === '' ? [] : ['the summary still says dead']),
    ...(unmarked.length === 0 ? [] : ['a version is not marked']),
  ];
}

/** Ids of keys that are enabled from now on, as they are. */
export function recordEnabled({ lab }: Trial): string[] {
  const enabled: string[] = [];
  lab.cloud.audit.watch((record) => {
    if (record.action === 'api-key.enable') enabled.push(record.keyId);
  });
  return enabled;
}

/** What is not well where a leak may also have been dismissed: the key that is current must not count as one that leaked. */
export async function wrongsOfCurrent({ trial: { lab }, leakedId }: LeakTrial): Promise<string[]> {
  const currentId = lab.currentKeyId();
  const { description } = await lab.admin.request('GET', `/v1/apikeys/${currentId}`);
  const current = lab.secret().versions.find(({ alias }) => alias === 'current');
  const record = current?.customMetadata.keyrota as Record<string, unknown> | undefined;
  const summary = lab.secret().customMetadata['keyrota'] as Record<string, unknown>;
  const isThere = leakedId !== currentId && lab.keys.some(({ id }) => id === leakedId);
  return [
    ...(isThere ? ['the leaked key is still there'] : []),
    ...(String(description).includes(COMPROMISED_MARK) ? ['the current key is marked at its issuer'] : []),
    ...(String(record?.['compromised_at']) <= String(record?.['dismissed_at'])
      ? []
      : ['the current version is marked']),
    ...(summary['compromised_at'] === '' && summary['dead_since'] === '' ? [] : ['the summary still tells of a leak']),
  ];
}
