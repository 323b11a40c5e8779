import { incidentIdOf, markIn } from '../keys/compromise-mark.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { noteAdopted } from './adopt.ts';
import { changeRecord } from './change-record.ts';
import { metadataAfterLook } from './mint-record.ts';
import { deathOf, notVisibleYet } from './mint-rules.ts';
import type { Observation, SeenSecret } from './observation.ts';
import type { Ports } from './ports.ts';
import { retireTheCurrent } from './plan.ts';
import { readSummary, timeOf, timeText } from './record.ts';
import type { VersionRecord } from './record.ts';
import { isIdle, retirementOf } from './retire-rules.ts';
import { compromisedKeys, isCompromised, predecessorsOf, situationOf } from './situation.ts';
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
  const leaks = unnotedLeaks(situation);
  const isIdleNoted = sameIds(
    idle,
    current.record.idle.map((one) => one.key_id),
  );
  try {
    if (toAdopt.length > 0) await noteAdopted(secret, toAdopt, ports);
    if (!isIdleNoted) await noteIdle(secret, current.id, idle, ports);
    for (const leak of leaks) await noteLeak(secret, leak, ports);
    if (!tellsTruth) await mendSummary(secret, situation, ports);
  } catch (error) {
    if (ports.signal.aborted) throw error;
    ports.log.warn('note_not_written', 'what was found could not be written down; the regular looks find it again', {
      error,
    });
  }
  return toAdopt.length > 0 || !tellsTruth || !isIdleNoted || leaks.length > 0;
}

/** What is to be written on a version about the leak of its key. */
interface Leak {
  versionId: string;
  told: Pick<VersionRecord, 'compromised_at' | 'incident' | 'contained_at'>;
}

/**
 * Leaks that only the issuer tells of, because nothing could be written here when they were reported, and keys that are out of
 * use since they were. Of older versions nothing can be written where their values are gone.
 */
function unnotedLeaks({ secret, seenKeys, nowMs }: Situation): Leak[] {
  return (secret?.versions ?? []).flatMap(({ id: versionId, alias, record }) => {
    const key = seenKeys.find(({ id }) => id === record?.key_id);
    if (!record || !key || alias === null) return [];
    const isLeaked = isCompromised({ id: key.id, markedCompromised: key.exists && key.markedCompromised }, secret);
    if (!isLeaked) return [];
    const mark = key.exists ? markIn(key.description, nowMs) : null;
    const isOut = !key.exists || key.disabled;
    const compromisedAtMs = timeOf(record.compromised_at) ?? mark?.atMs ?? nowMs;
    // Issuers date to the minute.
    const outSinceMs = Math.max(compromisedAtMs, (key.exists ? key.disabledAtMs : null) ?? nowMs);
    const told = {
      compromised_at: record.compromised_at || timeText(compromisedAtMs),
      incident: record.incident || incidentIdOf(key.id),
      contained_at: record.contained_at || (isOut ? timeText(outSinceMs) : ''),
    };
    const isTold = Object.entries(told).every(([field, text]) => record[field as keyof typeof told] === text);
    return isTold ? [] : [{ versionId, told }];
  });
}

async function noteLeak(secret: SeenSecret, { versionId, told }: Leak, ports: Ports): Promise<void> {
  await changeRecord(
    secret.id,
    ({ id }) => id === versionId,
    ports,
    (record) => ({
      ...record,
      compromised_at: record.compromised_at || told.compromised_at,
      incident: record.incident || told.incident,
      contained_at: record.contained_at || told.contained_at,
    }),
  );
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
  if (isUnsure || notVisibleYet(situation)) return true; // too early to say
  const isRetired = key.state === 'retired'; // whether its key works is of no interest any more
  const summary = secret?.summary;
  if (!summary || summary.key_id !== current?.record?.key_id) return isRetired;
  const leaked = compromisedKeys(situation).map((one) => one.key_id);
  const told = summary.compromised_keys.map((one) => one.key_id);
  const isLeakTold = sameIds(leaked, told) && (summary.compromised_at !== '') === leaked.length > 0;
  return isLeakTold && (isRetired || (summary.dead_since !== '') === (death !== null));
}

/** What is written replaces all, so it is read again first: where another run has written meanwhile, its word stands. */
async function mendSummary(secret: SeenSecret, situation: Situation, ports: Ports): Promise<void> {
  const { custom_metadata: metadata } = await ports.secrets.get(secret.id, ports.signal);
  const summary = readSummary(metadata);
  if (summary?.key_id !== secret.summary?.key_id) return;
  const deadSinceMs = deathOf(situation) === null ? null : situation.nowMs;
  const found = {
    deadSinceMs,
    compromised: compromisedKeys({ ...situation, secret: { ...secret, metadata, summary } }),
  };
  const mended = metadataAfterLook(situation.key, { ...secret, metadata, summary }, found);
  await ports.secrets.writeMetadata(secret.id, mended, ports.signal);
}
