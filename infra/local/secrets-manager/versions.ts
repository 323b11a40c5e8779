import { refused } from './errors.ts';
import type { Alias, Secret, Version } from './model.ts';

export const VERSIONS_MAX = 50;

/** The last of a list that is never empty. */
export const currentOf = ({ versions }: Secret): Version => versions.at(-1) ?? versions[0];

export const previousOf = ({ versions }: Secret): Version | undefined => versions.at(-2);

export function aliasOf(secret: Secret, version: Version): Alias | undefined {
  if (version.id === currentOf(secret).id) return 'current';
  return version.id === previousOf(secret)?.id ? 'previous' : undefined;
}

/** The version with this id or alias. */
export const findVersion = (secret: Secret, idOrAlias: string): Version | undefined =>
  secret.versions.find((version) => version.id === idOrAlias || aliasOf(secret, version) === idOrAlias);

/** The secret with each of its versions changed by `change`. */
export function mapVersions(secret: Secret, change: (version: Version) => Version): Secret {
  const [first, ...rest] = secret.versions;
  return { ...secret, versions: [change(first), ...rest.map(change)] };
}

/** The secret with `change` made to one of its versions. */
export const changeVersion = (secret: Secret, id: string, change: Partial<Version>): Secret =>
  mapVersions(secret, (version) => (version.id === id ? { ...version, ...change } : version));

/** Whether the secret can be rotated: a lock on the previous version keeps its data. */
export const isRotatable = (secret: Secret): boolean => (previousOf(secret)?.locks.length ?? 0) === 0;

/**
 * The secret rotated to `version`, whether it is rotatable or not: current becomes previous with its locks, and previous
 * loses its data. https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-locks
 */
export function withNewVersion(secret: Secret, version: Version): Secret {
  const previous = previousOf(secret);
  const rotated = previous ? changeVersion(secret, previous.id, { data: null }) : secret;
  const [first, ...rest] = rotated.versions;
  const kept = rotated.versions.length < VERSIONS_MAX ? ([first, ...rest] as const) : rest;
  const [oldest = version, ...newer] = [...kept, version];
  return { ...rotated, versions: [oldest, ...newer] };
}

/** The secret with the data of one version marked as read, if it has any. */
export const afterRead = (secret: Secret, versionId: string, nowMs: number): Secret =>
  findVersion(secret, versionId)?.data
    ? { ...changeVersion(secret, versionId, { downloaded: true }), retrievedAtMs: nowMs }
    : secret;

export const isLocked = ({ versions }: Secret): boolean => versions.some(({ locks }) => locks.length > 0);

/** Throws 400 for a destroyed secret, which can only be deleted. */
export function assertAlive({ destroyedAtMs }: Secret): void {
  if (destroyedAtMs !== null) throw refused('The secret is destroyed: it can only be deleted.');
}

/** A version that nobody has read or locked yet. */
export const newVersion = (fields: Omit<Version, 'downloaded' | 'locks'>): Version => ({
  ...fields,
  downloaded: false,
  locks: [],
});

/** A rotation as the audit records it. */
export const rotationRecord = (before: Secret, after: Secret) => ({
  action: 'secret-version.create' as const,
  secretId: after.id,
  name: after.name,
  versionId: currentOf(after).id,
  supersededId: currentOf(before).id,
});
