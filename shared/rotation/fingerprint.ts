import { createHash } from 'node:crypto';
import type { Observation, SeenKey, SeenLock, SeenSecret, SeenVersion } from './observation.ts';

/**
 * What a decision rests on, as a short text: the same world has the same one, however much later it is looked at. What was done at
 * the issuer or in Secrets Manager is in it, with a time only where that decides by itself. Who logs in and who fetches is not, nor what
 * runs note for one another: as far as that decides anything, the step that follows from it tells.
 */
export function fingerprintOfWorld(seen: Observation): string {
  const { secret, keys, identityExists, generatedFor, ownKeyId, rotationAsked, facts, strangers } = seen;
  const known = {
    secret: secret && secretIn(secret),
    keys: keys.map(keyIn).toSorted(byId),
    // Others' keys of the same owner matter where there is one place for all.
    strangers: facts.keysPerOwner === 'one' ? strangers.map(({ id }) => id).toSorted() : [],
    identityExists,
    generatedFor,
    ownKeyId,
    rotationAsked,
  };
  return createHash('sha256').update(JSON.stringify(known)).digest('hex');
}

const byId = (one: { id: string }, other: { id: string }): number =>
  one.id < other.id ? -1 : Number(one.id > other.id);

function secretIn({ id, name, state, summary, versions }: SeenSecret) {
  return {
    id,
    name,
    state,
    summary: summary && {
      keyId: summary.key_id,
      formerKeyId: summary.previous_key_id,
      failures: summary.failures,
      notBefore: summary.not_before,
      compromised: summary.compromised_keys.map(({ key_id: keyId }) => keyId).toSorted(),
    },
    versions: versions.map(versionIn),
  };
}

function versionIn({ id, alias, hasPayload, record, locks }: SeenVersion) {
  return {
    id,
    alias,
    hasPayload,
    locks: locks.map(lockIn).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    record: record && {
      keyId: record.key_id,
      kind: record.kind,
      owner: record.owner,
      op: record.op,
      reason: record.reason,
      predecessors: record.predecessors,
      idle: record.idle,
      restored: record.restored,
      undoAt: record.undo_at,
      isCompromised: record.compromised_at !== '',
      dismissedAt: record.dismissed_at,
      deadAt: record.dead_at,
    },
  };
}

/** What consumers write beside their locks is theirs; what a mint of ours writes says that it is under way. */
const lockIn = ({ name, attributes: { op, removes } }: SeenLock) => ({ name, op, removes });

function keyIn(key: SeenKey) {
  if (!key.exists) return { id: key.id, exists: false };
  const { id, name, disabled, disabledAtMs, locked, canDisable, markedCompromised, ownerMatches } = key;
  const { generatedFor: madeFor, expiresAtMs } = key;
  // Its end of quarantine counts from there.
  const disabledSince = disabled ? disabledAtMs : null;
  const state = { disabled, disabledSince, locked, canDisable, markedCompromised, ownerMatches, expiresAtMs };
  return { id, exists: true, name, madeFor, ...state };
}
