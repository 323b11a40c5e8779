import { parseKeyName } from '../keys/key-name.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../keys/duration.ts';
import type { IssuerKey, KindFacts } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { guardName } from './observation.ts';
import type { Observation, SeenKey, SeenLock, SeenSecret, SeenVersion } from './observation.ts';
import { timeOf, timeText } from './record.ts';
import type { Summary } from './record.ts';

/** A mint stores within this time of the issuer's own creation date, or not at all. */
export const MINT_LIMIT_MS = 5 * MINUTE_MS;

/** A key that expires within this time must be replaced, or moved on if that has to wait. */
export const EXPIRY_MARGIN_MS = 15 * DAY_MS;

/** A claim lasts as long as a mint can, and a little: then the next run may try. */
export const LEASE_MS = MINT_LIMIT_MS + MINUTE_MS;

/** Longer than an operator's run: an undo that has not stored by then was cut off. */
const UNDO_LIMIT_MS = HOUR_MS;

/** Issuers date to the minute: an age that is computed from such a date may be this much too large. */
const DATE_PRECISION_MS = MINUTE_MS;

/** Older than any mint: a key of ours that no version names is then known to be left over. */
export const OLDEST_MINT_MS = 15 * MINUTE_MS + DATE_PRECISION_MS;

export type ExistingKey = Extract<SeenKey, { exists: true }>;

/** A key of ours beside the current one. */
export interface OldKey {
  key: ExistingKey;
  /** When it stopped being current, or null: no version names it. */
  supersededAtMs: number | null;
  compromised: boolean;
  /** An undo locked it at the issuer, so the lock is ours to lift. */
  lockedByUndo: boolean;
}

/** What an observation means for one managed key: the terms in which the rules of plan are written. */
export interface Situation {
  key: ManagedKey;
  nowMs: number;
  rotationAsked: boolean;
  identityExists: boolean;
  facts: KindFacts;
  generatedFor: string | null;
  ownKeyId: string | null;
  /** Where the owner can have one key only, and that is none that we know. */
  stranger: IssuerKey | null;
  secret: SeenSecret | null;
  current: SeenVersion | null;
  previous: SeenVersion | null;
  /** The key that the current version names; null when there is no version of ours. */
  currentKey: SeenKey | null;
  /** All keys that concern the entry. */
  seenKeys: readonly SeenKey[];
  /** Oldest first. */
  oldKeys: readonly OldKey[];
  /** Our guard stands on `previous`: nothing can be stored. */
  guardOnPrevious: boolean;
  consumerLocksOnPrevious: readonly string[];
  /** When a mint claimed the current version, and has not stored since: epoch milliseconds. */
  claimedAtMs: number | null;
  /** When this mint ended without a store; null when that is not known. */
  claimEndedAtMs: number | null;
  /** The key that this mint meant to remove first; null for none. */
  claimedRemoval: string | null;
  /** The same, while that run may still be at work. */
  lease: { op: string; sinceMs: number; untilMs: number } | null;
}

/** Whether a key at the issuer bears the name of this entry, in this installation. */
export function isNamedFor(key: ManagedKey, issuerName: string): boolean {
  const name = parseKeyName(issuerName);
  return name?.deployment === key.deployment && [key.name, ...key.formerly].includes(name.name);
}

export function isCompromised(seen: { id: string; markedCompromised: boolean }, secret: SeenSecret | null): boolean {
  if (seen.markedCompromised) return true;
  const records = (secret?.versions ?? []).flatMap(({ record }) => (record?.key_id === seen.id ? [record] : []));
  // Somebody may write an older mark once more, who read it before it was taken back.
  const [dismissedAt = ''] = records
    .map((record) => record.dismissed_at)
    .toSorted()
    .toReversed();
  const told = secret?.summary?.compromised_keys.filter((one) => one.key_id === seen.id) ?? [];
  const marks = [...records.map((record) => record.compromised_at), ...told.map(({ at }) => at)];
  return marks.some((at) => at > dismissedAt);
}

/** A list may be late with a key that no version holds: until then its absence does not tell that it is gone. */
const ABSENCE_TELLS_AFTER_MS = DAY_MS;

/** The keys of the entry that are compromised and not known to be gone, for the summary. */
export function compromisedKeys({ seenKeys, secret, nowMs }: Situation): Summary['compromised_keys'] {
  const told = secret?.summary?.compromised_keys ?? [];
  const leaked = seenKeys.filter((one) => one.exists && isCompromised(one, secret));
  const seen = leaked.map(({ id }) => {
    const noted = told.find((one) => one.key_id === id);
    const record = secret?.versions.find((version) => version.record?.key_id === id)?.record;
    const { by = '', delivery = '' } = record?.reports[0] ?? {};
    return noted ?? { key_id: id, at: record?.compromised_at || timeText(nowMs), by, delivery };
  });
  const known = new Set([
    ...seenKeys.map(({ id }) => id),
    ...(secret?.versions ?? []).flatMap(({ record }) => record?.key_id ?? []),
  ]);
  const isYoung = (at: string) => nowMs < (timeOf(at) ?? 0) + ABSENCE_TELLS_AFTER_MS;
  const unseen = told.filter((one) => !known.has(one.key_id) && isYoung(one.at));
  return [...seen, ...unseen];
}

export function situationOf(key: ManagedKey, seen: Observation, nowMs: number): Situation {
  const versions = seen.secret?.versions ?? [];
  const current = versions.find((version) => version.alias === 'current') ?? null;
  const previous = versions.find((version) => version.alias === 'previous') ?? null;
  const currentKeyId = current?.record?.key_id;
  const guard = guardName(key.deployment);
  const claim = current?.locks.find((lock) => lock.name === guard);
  return {
    key,
    nowMs,
    rotationAsked: seen.rotationAsked,
    identityExists: seen.identityExists,
    facts: seen.facts,
    generatedFor: seen.generatedFor,
    ownKeyId: seen.ownKeyId,
    stranger: (seen.facts.keysPerOwner === 'one' && seen.strangers[0]) || null,
    secret: seen.secret,
    current,
    previous,
    currentKey: currentKeyId === undefined ? null : (seen.keys.find((one) => one.id === currentKeyId) ?? null),
    seenKeys: seen.keys,
    oldKeys: oldKeysOf(key, seen, currentKeyId, nowMs),
    guardOnPrevious: previous?.locks.some((lock) => lock.name === guard) ?? false,
    consumerLocksOnPrevious: (previous?.locks ?? []).map((lock) => lock.name).filter((name) => name !== guard),
    claimedAtMs: typeof claim?.attributes['op'] === 'string' ? claim.updatedAtMs : null,
    claimEndedAtMs: endOf(claim, seen.secret),
    claimedRemoval: typeof claim?.attributes['removes'] === 'string' ? claim.attributes['removes'] : null,
    lease: leaseOf(claim, nowMs),
  };
}

function endOf(claim: SeenLock | undefined, secret: SeenSecret | null): number | null {
  const { failed_op: op = '', failed_at: failedAt = '' } = secret?.summary ?? {};
  return op !== '' && op === claim?.attributes['op'] ? timeOf(failedAt) : null;
}

function leaseOf(guard: SeenLock | undefined, nowMs: number): Situation['lease'] {
  const { op, until } = guard?.attributes ?? {};
  const saidMs = typeof until === 'string' ? timeOf(until) : null;
  if (!guard || typeof op !== 'string' || saidMs === null) return null;
  // Whoever wrote it may have had a wrong clock.
  const untilMs = Math.min(saidMs, guard.updatedAtMs + LEASE_MS);
  if (untilMs <= nowMs) return null;
  return { op, sinceMs: guard.updatedAtMs, untilMs };
}

export const expiresSoon = ({ expiresAtMs }: { expiresAtMs: number | null }, nowMs: number): boolean =>
  expiresAtMs !== null && expiresAtMs - nowMs <= EXPIRY_MARGIN_MS;

/** Ids of the keys that were taken in, and since when, in epoch milliseconds. */
export function predecessorsOf(versions: readonly SeenVersion[]): Map<string, number> {
  const noted = versions.flatMap(({ record, createdAtMs }) =>
    (record?.predecessors ?? []).map((one) => [one.key_id, timeOf(one.adopted_at) ?? createdAtMs] as const),
  );
  return new Map(noted.toReversed()); // the earliest note counts
}

/** Whether an undo put the lock on the key at the issuer: it is lifted once the undo is over and the key superseded. */
export function isLockedByUndo(versions: readonly SeenVersion[], keyId: string, nowMs: number): boolean {
  return versions.some(({ record }) => {
    if (record?.key_id !== keyId) return false;
    const undoAtMs = timeOf(record.undo_at);
    return record.restored || (undoAtMs !== null && nowMs >= undoAtMs + UNDO_LIMIT_MS);
  });
}

function oldKeysOf(key: ManagedKey, seen: Observation, currentKeyId: string | undefined, nowMs: number): OldKey[] {
  const versions = seen.secret?.versions ?? [];
  const hasOwnVersion = versions.some((version) => version.record !== null);
  return seen.keys
    .filter((one): one is ExistingKey => one.exists && one.id !== currentKeyId)
    .filter((one) => hasOwnVersion || !key.adopt.includes(one.id)) // before the first mint an adopted key is in full use
    .map((one) => ({
      // What could not be disabled once is not tried again and again.
      key: { ...one, canDisable: one.canDisable && idleSinceMs(versions, one.id) === null },
      supersededAtMs: supersededAtMs(key, versions, one.id, nowMs),
      compromised: isCompromised(one, seen.secret),
      lockedByUndo: isLockedByUndo(versions, one.id, nowMs),
    }))
    .toSorted((one, other) => (one.supersededAtMs ?? Infinity) - (other.supersededAtMs ?? Infinity));
}

/** Since when all is there that the end of a key which cannot be disabled waits for; null where that was not noted. */
export function idleSinceMs(versions: readonly SeenVersion[], keyId: string): number | null {
  const noted = versions.find(({ alias }) => alias === 'current')?.record?.idle.find((one) => one.key_id === keyId);
  return noted ? timeOf(noted.since) : null;
}

/** When the version after the last one that names the key was stored; of an adopted key, when it was taken in. */
function supersededAtMs(
  key: ManagedKey,
  versions: readonly SeenVersion[],
  keyId: string,
  nowMs: number,
): number | null {
  const last = versions.findLastIndex(({ record }) => record?.key_id === keyId);
  if (last >= 0) return versions[last + 1]?.createdAtMs ?? null;
  return predecessorsOf(versions).get(keyId) ?? (key.adopt.includes(keyId) ? nowMs : null);
}
