import type { Switches } from '../switches.ts';
import { invalid, notFound, refusedAs } from './errors.ts';
import type { Lock, Secret, Version } from './model.ts';
import type { LockPrototype } from './schemas.ts';
import { aliasOf, changeVersion, findVersion, mapVersions, previousOf } from './versions.ts';

const LOCKS_PER_SECRET_MAX = 1_000;

type LockMode = 'remove_previous' | 'remove_previous_and_delete';

interface Locking {
  mode: LockMode | undefined;
  stamp: { by: string; atMs: number };
  switches: Switches;
}

/**
 * The secret with `locks` on one of its versions; a lock of the same name is replaced. Throws 400, or what the switch says,
 * when the version has no data to lock.
 * https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version-locks-bulk
 */
export function withLocks(secret: Secret, versionId: string, locks: readonly LockPrototype[], how: Locking): Secret {
  const { mode, switches } = how;
  const version = findVersion(secret, versionId);
  if (!version) throw notFound('secret version');
  if (!version.data) {
    throw refusedAs(switches.lockWithoutPayloadStatus, 'A secret version without data cannot be locked.');
  }
  const names = new Set(locks.map(({ name }) => name));
  const fresh = locks.map((lock) => newLock(lock, version, how));
  const kept = version.locks.filter(({ name }) => !names.has(name));
  const withFresh = changeVersion(secret, version.id, { locks: [...kept, ...fresh] });
  const frees = aliasOf(secret, version) === 'current' || switches.lockModeOnPrevious === 'applied';
  const result = frees ? withPreviousFreed(withFresh, names, mode) : withFresh;
  const total = result.versions.reduce((sum, { locks }) => sum + locks.length, 0);
  if (total > LOCKS_PER_SECRET_MAX) throw invalid('locks', `a secret has at most ${LOCKS_PER_SECRET_MAX}`);
  return result;
}

function newLock(lock: LockPrototype, version: Version, { stamp: { by, atMs }, switches }: Locking): Lock {
  const former = version.locks.find(({ name }) => name === lock.name);
  const { name, description, attributes } = lock;
  const createdAtMs = switches.replacedLockCreatedAt === 'kept' ? (former?.createdAtMs ?? atMs) : atMs;
  return { name, description, attributes, createdBy: by, createdAtMs, updatedAtMs: atMs };
}

/** What `mode` does to the previous version; a lock that stays there keeps its data. */
function withPreviousFreed(secret: Secret, names: ReadonlySet<string>, mode: LockMode | undefined): Secret {
  const previous = previousOf(secret);
  if (!previous || mode === undefined) return secret;
  const locks = previous.locks.filter(({ name }) => !names.has(name));
  const wipes = mode === 'remove_previous_and_delete' && locks.length === 0;
  return changeVersion(secret, previous.id, { locks, data: wipes ? null : previous.data });
}

/** The secret without the named locks, or any lock for null, on the version with this id, or on all versions for null. */
export function withoutLocks(secret: Secret, versionId: string | null, names: readonly string[] | null): Secret {
  return mapVersions(secret, (version) => {
    if (versionId !== null && version.id !== versionId) return version;
    return { ...version, locks: version.locks.filter(({ name }) => names !== null && !names.includes(name)) };
  });
}
