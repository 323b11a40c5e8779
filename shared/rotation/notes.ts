import { incidentIdOf, markIn } from '../keys/compromise-mark.ts';
import { COMPROMISED_MARK } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { noteAdopted } from './adopt.ts';
import { changeRecord } from './change-record.ts';
import { metadataAfterLook } from './mint-record.ts';
import { deathOf, notVisibleYet } from './mint-rules.ts';
import type { Observation, SeenSecret } from './observation.ts';
import type { Ports } from './ports.ts';
import { retireTheCurrent } from './plan.ts';
import { readSummary, readVersionRecord, timeOf, timeText } from './record.ts';
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
  const unlisted = unlistedLeaks(situation);
  const suspects = [...leaks.map((one) => one.keyId), ...unlisted];
  const isLeak = suspects.length === 0 || (await areStillLeaked(key, secret, suspects, ports).catch(unknown(ports)));
  if (isLeak === null) return false; // nothing is written of it, and what is to be done is done all the same
  if (!isLeak) return true;
  const isIdleNoted = sameIds(
    idle,
    current.record.idle.map((one) => one.key_id),
  );
  // Each by itself, and first what keeps ticks from looking elsewhere: some may not be writable.
  if (!tellsTruth) await attempt(() => mendSummary(secret, situation, ports), ports);
  if (toAdopt.length > 0) await attempt(() => noteAdopted(secret, toAdopt, ports), ports);
  if (!isIdleNoted) await attempt(() => noteIdle(secret, current.id, idle, ports), ports);
  for (const leak of leaks) await attempt(() => noteLeak(secret, leak, ports), ports);
  return toAdopt.length > 0 || !tellsTruth || !isIdleNoted || leaks.length > 0;
}

/** Whatever becomes of a note, it keeps nobody from working. */
const unknown =
  ({ signal, log }: Ports) =>
  (error: unknown): null => {
    if (signal.aborted) throw error;
    log.warn('note_not_written', 'a leak could not be looked at again before it was noted; the next look tries', {
      error,
    });
    return null;
  };

async function attempt(write: () => Promise<void>, ports: Ports): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (ports.signal.aborted) throw error;
    ports.log.warn('note_not_written', 'what was found could not be written down; the regular looks find it again', {
      error,
    });
  }
}

/** Keys that are compromised, and that the summary does not name as that. */
function unlistedLeaks(situation: Situation): string[] {
  const told = new Set(situation.secret?.summary?.compromised_keys.map((one) => one.key_id));
  return compromisedKeys(situation)
    .map((one) => one.key_id)
    .filter((id) => !told.has(id));
}

/**
 * An operator may have taken a false report back since it was seen: what is written down after that would bring it up again. One that
 * only the issuer told of is looked at there once more, the others in their versions.
 */
async function areStillLeaked(
  key: ManagedKey,
  secret: SeenSecret,
  keyIds: readonly string[],
  ports: Ports,
): Promise<boolean> {
  const stored = await ports.secrets.listVersions(secret.id, ports.signal);
  const { custom_metadata: metadata } = await ports.secrets.get(secret.id, ports.signal);
  const recordOf = (versionId: string) => {
    const found = stored.find(({ id }) => id === versionId);
    return found ? readVersionRecord(found.version_custom_metadata) : null;
  };
  const versions = secret.versions.map((one) => ({ ...one, record: one.record && (recordOf(one.id) ?? one.record) }));
  const latest = { ...secret, versions, summary: readSummary(metadata) };
  const isLeaked = async (id: string) => {
    if (isCompromised({ id, markedCompromised: false }, latest)) return true;
    if (isCompromised({ id, markedCompromised: false }, secret)) return false; // it was, and was taken back
    const found = await ports.kindOf(key).look(key, id, ports.signal);
    return found?.description.includes(COMPROMISED_MARK) === true;
  };
  return (await Promise.all([...new Set(keyIds)].map(isLeaked))).every(Boolean);
}

/** What is to be written on a version about the leak of its key. */
interface Leak {
  versionId: string;
  keyId: string;
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
    return isTold ? [] : [{ versionId, keyId: key.id, told }];
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

const has = (keys: readonly { key_id: string }[], keyId: string): boolean => keys.some((one) => one.key_id === keyId);

/** What is written replaces all, so it is read again first: where another run has written meanwhile, its word stands. */
async function mendSummary(secret: SeenSecret, situation: Situation, ports: Ports): Promise<void> {
  const { custom_metadata: metadata } = await ports.secrets.get(secret.id, ports.signal);
  const summary = readSummary(metadata);
  if (summary?.key_id !== secret.summary?.key_id) return;
  const deadSinceMs = deathOf(situation) === null ? null : situation.nowMs;
  const before = secret.summary?.compromised_keys ?? [];
  const now = summary?.compromised_keys ?? [];
  // One that is not in it any more was taken back by a person.
  const isTakenBack = (keyId: string) => has(before, keyId) && !has(now, keyId);
  const compromised = compromisedKeys({ ...situation, secret: { ...secret, metadata, summary } });
  const found = { deadSinceMs, compromised: compromised.filter((one) => !isTakenBack(one.key_id)) };
  const mended = metadataAfterLook(situation.key, { ...secret, metadata, summary }, found);
  await ports.secrets.writeMetadata(secret.id, mended, ports.signal);
}
