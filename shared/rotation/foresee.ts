import type { ManagedKey } from '../keys/manifest.ts';
import type { IssuerKey } from '../keys/kind.ts';
import type { Applied, Change } from './apply.ts';
import { metadataAfterRelease } from './mint-record.ts';
import type { Attempt, MintMetadata } from './mint-record.ts';
import { guardName } from './observation.ts';
import type { Observation, SeenKey, SeenLock, SeenSecret, SeenVersion } from './observation.ts';
import { seenKey } from './observe.ts';
import type { Ports } from './ports.ts';
import { readSummary, readVersionRecord } from './record.ts';
import type { ExistingKey } from './situation.ts';

/**
 * What a look would show after a step that was clearly carried out: what was seen before it, and what its answers said.
 * Null where only another look can tell. Plan decides on it whether there is anything left to do.
 */
export async function observationAfter(
  key: ManagedKey,
  seen: Observation,
  step: Change,
  applied: Applied,
  ports: Ports,
): Promise<Observation | null> {
  if (applied.outcome === 'stored') return applied.seen ?? null;
  if (applied.outcome !== 'done') return null;
  const nowMs = ports.clock.nowMs();
  switch (step.step) {
    case 'disable':
      // One that was disabled before keeps its date, and its quarantine may be over.
      if (!applied.seen || seen.keys.some((one) => one.exists && one.id === step.keyId && one.disabled)) return null;
      return withKey(applied.seen, step.keyId, disabledAt(nowMs));
    case 'delete':
      return withoutKey(seen, step.keyId);
    case 'release':
      return seen.secret && { ...seen, secret: released(key, seen.secret, step, nowMs) };
    case 'extend': // the key may have gone meanwhile
    case 'contain': // what follows a leak, and whether a stray was one, another look decides
    case 'discard':
    case 'mint':
      return null;
    default:
      return step satisfies never;
  }
}

/** A key that was stored as the current version, as the answers to its mint say. */
export interface StoredKey {
  /** Its version. */
  versionId: string;
  written: MintMetadata;
  issued: IssuerKey;
}

/** The same after a mint: the new version is current, and the former one previous, with its locks and our claim. */
export function observationAfterMint(
  { key, op, removes, ports }: Attempt,
  seen: Observation,
  { versionId, written, issued }: StoredKey,
): Observation | null {
  if (!seen.secret) return null;
  const nowMs = ports.clock.nowMs();
  const claim = { name: guardName(key.deployment), attributes: { deployment: key.deployment, op }, updatedAtMs: nowMs };
  const former = seen.secret.versions.map((one): SeenVersion => {
    if (one.alias !== 'current') return { ...one, alias: null, hasPayload: false };
    return { ...one, alias: 'previous', locks: [...withoutGuard(key, one), claim] };
  });
  const stored: SeenVersion = {
    id: versionId,
    alias: 'current',
    createdAtMs: nowMs,
    hasPayload: true,
    fetched: false,
    record: readVersionRecord(written.versionMetadata),
    metadata: written.versionMetadata,
    locks: [],
  };
  const metadata = written.secretMetadata;
  const secret = { ...seen.secret, metadata, summary: readSummary(metadata), versions: [...former, stored] };
  const others = seen.keys.map((one): SeenKey => (one.id === removes ? { exists: false, id: one.id } : one));
  const strangers = seen.strangers.filter(({ id }) => id !== removes);
  return { ...seen, secret, keys: [...others, seenKey(issued)], strangers, rotationAsked: false };
}

const disabledAt = (nowMs: number) => ({ disabled: true, disabledAtMs: nowMs, locked: false });

function withKey(seen: Observation, keyId: string, facts: Partial<ExistingKey>): Observation {
  return { ...seen, keys: seen.keys.map((one) => (one.exists && one.id === keyId ? { ...one, ...facts } : one)) };
}

function withoutKey(seen: Observation, keyId: string): Observation {
  return { ...seen, keys: seen.keys.map((one): SeenKey => (one.id === keyId ? { exists: false, id: keyId } : one)) };
}

function released(
  key: ManagedKey,
  secret: SeenSecret,
  { versionId, moves = [] }: Extract<Change, { step: 'release' }>,
  nowMs: number,
): SeenSecret {
  const guard = { name: guardName(key.deployment), attributes: { deployment: key.deployment }, updatedAtMs: nowMs };
  const isGuarded = secret.versions.some(
    (one) => one.alias === 'previous' && one.locks.length > withoutGuard(key, one).length,
  );
  const isMoved = ({ name }: SeenLock) => moves.includes(name);
  const moved = secret.versions.flatMap((one) => (one.alias === 'previous' ? one.locks.filter(isMoved) : []));
  const versions = secret.versions.map((one): SeenVersion => {
    if (one.alias === 'previous') return { ...one, locks: withoutGuard(key, one).filter((lock) => !isMoved(lock)) };
    if (one.id !== versionId) return one;
    const own = isGuarded ? [...withoutGuard(key, one), guard] : one.locks;
    return { ...one, locks: [...own.filter((lock) => !isMoved(lock)), ...moved] };
  });
  const metadata = metadataAfterRelease(key, secret);
  return { ...secret, versions, metadata, summary: readSummary(metadata) };
}

const withoutGuard = (key: ManagedKey, { locks }: SeenVersion): SeenLock[] =>
  locks.filter(({ name }) => name !== guardName(key.deployment));
