import type { ManagedKey } from '../keys/manifest.ts';
import { noteAdopted } from './adopt.ts';
import { changeRecord } from './change-record.ts';
import { metadataAfterLook } from './mint-record.ts';
import { deathOf, notVisibleYet } from './mint-rules.ts';
import type { Observation, SeenSecret } from './observation.ts';
import type { Ports } from './ports.ts';
import { retireTheCurrent } from './plan.ts';
import { readSummary, timeText } from './record.ts';
import { isIdle, retirementOf } from './retire-rules.ts';
import { predecessorsOf, situationOf } from './situation.ts';
import type { Situation } from './situation.ts';

/**
 * Writes down what a later run could not know otherwise: since when adopted keys are taken in, and a summary that tells idle
 * ticks the truth, above all that the current key is dead. Says whether anything was to be written.
 */
export async function writeNotes(key: ManagedKey, seen: Observation, ports: Ports): Promise<boolean> {
  const { secret } = seen;
  const current = secret?.versions.find((version) => version.alias === 'current');
  if (!secret || !current?.record) return false;
  const known = predecessorsOf(secret.versions);
  const adopted = seen.keys.filter((one) => one.exists && key.adopt.includes(one.id) && !known.has(one.id));
  const isNamed = (keyId: string) => secret.versions.some(({ record }) => record?.key_id === keyId);
  const toAdopt = adopted.map((one) => one.id).filter((id) => !isNamed(id));
  const situation = situationOf(key, seen, ports.clock.nowMs());
  const tellsTruth = isSummaryTrue(situation);
  const idle = idleKeyIds(situation);
  const isIdleNoted = sameIds(
    idle,
    current.record.idle.map((one) => one.key_id),
  );
  try {
    if (toAdopt.length > 0) await noteAdopted(secret, toAdopt, ports);
    if (!isIdleNoted) await noteIdle(secret, current.id, idle, ports);
    if (!tellsTruth) await mendSummary(secret, situation, ports);
  } catch (error) {
    if (ports.signal.aborted) throw error;
    ports.log.warn('note_not_written', 'what was found could not be written down; the regular looks find it again', {
      error,
    });
  }
  return toAdopt.length > 0 || !tellsTruth || !isIdleNoted;
}

/** Keys that cannot be disabled, and whose end waits for nothing but time. */
function idleKeyIds(situation: Situation): string[] {
  const { key, currentKey, oldKeys } = situation;
  const old = oldKeys.filter((one) => isIdle(one.key, retirementOf(one, situation))).map((one) => one.key.id);
  const last = key.state === 'retired' && currentKey?.exists ? retireTheCurrent(situation) : null;
  return currentKey?.exists && last && isIdle({ ...currentKey, canDisable: false }, last)
    ? [...old, currentKey.id]
    : old;
}

const sameIds = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((id) => others.includes(id));

/** Those that were noted before keep their date; those that are not idle any more lose it. */
async function noteIdle(secret: SeenSecret, versionId: string, keyIds: readonly string[], ports: Ports): Promise<void> {
  const since = timeText(ports.clock.nowMs());
  await changeRecord(
    secret.id,
    ({ id }) => id === versionId,
    ports,
    (record) => ({
      ...record,
      idle: keyIds.map((id) => record.idle.find((one) => one.key_id === id) ?? { key_id: id, since }),
    }),
  );
}

/** Whether the summary speaks of the current key, and says whether it is dead. */
function isSummaryTrue(situation: Situation): boolean {
  const { key, secret, current } = situation;
  const death = deathOf(situation);
  const isUnsure = death !== null && 'step' in death;
  if (key.state === 'retired' || isUnsure || notVisibleYet(situation)) return true; // nothing to say, or too early to say it
  const summary = secret?.summary;
  return summary?.key_id === current?.record?.key_id && (summary?.dead_since !== '') === (death !== null);
}

/** What is written replaces all, so it is read again first: where another run has written meanwhile, its word stands. */
async function mendSummary(secret: SeenSecret, situation: Situation, ports: Ports): Promise<void> {
  const { custom_metadata: metadata } = await ports.secrets.get(secret.id, ports.signal);
  const summary = readSummary(metadata);
  if (summary?.key_id !== secret.summary?.key_id) return;
  const deadSinceMs = deathOf(situation) === null ? null : situation.nowMs;
  const mended = metadataAfterLook(situation.key, { ...secret, metadata, summary }, deadSinceMs);
  await ports.secrets.writeMetadata(secret.id, mended, ports.signal);
}
