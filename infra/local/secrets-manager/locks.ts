import { invalid, refused } from './errors.ts';
import type { Lock, Secret, Version } from './model.ts';
import type { LockPrototype } from './schemas.ts';
import { aliasOf, changeVersion, mapVersions, previousOf } from './versions.ts';

const LOCKS_PER_SECRET_MAX = 1_000;

export type LockMode = 'remove_previous' | 'remove_previous_and_delete';

interface Stamp {
  by: string;
  atMs: number;
}

/**
 * The secret with `locks` on one of its versions; a lock of the same name is replaced. Throws 400 when the version has no
 * data to lock. https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version-locks-bulk
 */
export function withLocks(
  secret: Secret,
  version: Version,
  locks: readonly LockPrototype[],
  mode: LockMode | undefined,
  stamp: Stamp,
): Secret {
  if (!version.data) throw refused('A secret version without data cannot be locked.');
  const names = new Set(locks.map(({ name }) => name));
  const fresh = locks.map((lock) => newLock(lock, version, stamp));
  const kept = version.locks.filter(({ name }) => !names.has(name));
  const withFresh = changeVersion(secret, version.id, { locks: [...kept, ...fresh] });
  const result = aliasOf(secret, version) === 'current' ? withPreviousFreed(withFresh, names, mode) : withFresh;
  const total = result.versions.reduce((sum, { locks }) => sum + locks.length, 0);
  if (total > LOCKS_PER_SECRET_MAX) throw invalid('locks', `a secret has at most ${LOCKS_PER_SECRET_MAX}`);
  return result;
}

function newLock(lock: LockPrototype, version: Version, { by, atMs }: Stamp): Lock {
  const former = version.locks.find(({ name }) => name === lock.name);
  const { name, description, attributes } = lock;
  return { name, description, attributes, createdBy: by, createdAtMs: former?.createdAtMs ?? atMs, updatedAtMs: atMs };
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
