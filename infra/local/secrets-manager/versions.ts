import { locked, notFound, refused } from './errors.ts';
import type { Alias, JsonObject, Secret, Version } from './model.ts';

const VERSIONS_MAX = 50;

/** The last of a list that is never empty. */
export const currentOf = ({ versions }: Secret): Version => versions.at(-1) ?? versions[0];

export const previousOf = ({ versions }: Secret): Version | undefined => versions.at(-2);

export function aliasOf(secret: Secret, version: Version): Alias | undefined {
  if (version.id === currentOf(secret).id) return 'current';
  return version.id === previousOf(secret)?.id ? 'previous' : undefined;
}

/** The version with this id or alias. Throws 404 when there is none. */
export function versionOf(secret: Secret, idOrAlias: string): Version {
  const found = secret.versions.find((version) => version.id === idOrAlias || aliasOf(secret, version) === idOrAlias);
  if (!found) throw notFound('secret version');
  return found;
}

/** The secret with each of its versions changed by `change`. */
export function mapVersions(secret: Secret, change: (version: Version) => Version): Secret {
  const [first, ...rest] = secret.versions;
  return { ...secret, versions: [change(first), ...rest.map(change)] };
}

/** The secret with `change` made to one of its versions. */
export const changeVersion = (secret: Secret, id: string, change: Partial<Version>): Secret =>
  mapVersions(secret, (version) => (version.id === id ? { ...version, ...change } : version));

/**
 * The secret rotated to `version`: current becomes previous with its locks, and previous loses its data. Throws 412 when
 * previous is locked. https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-locks
 */
export function withNewVersion(secret: Secret, version: Version): Secret {
  const previous = previousOf(secret);
  if (previous && previous.locks.length > 0) throw locked('The previous secret version is locked.');
  const rotated = previous ? changeVersion(secret, previous.id, { data: null }) : secret;
  const [first, ...rest] = rotated.versions;
  const kept = rotated.versions.length < VERSIONS_MAX ? ([first, ...rest] as const) : rest;
  const [oldest = version, ...newer] = [...kept, version];
  return { ...rotated, versions: [oldest, ...newer] };
}

/** The secret with the data of one version marked as read. */
export const afterRead = (secret: Secret, version: Version, nowMs: number): Secret =>
  version.data ? { ...changeVersion(secret, version.id, { downloaded: true }), retrievedAtMs: nowMs } : secret;

export const isLocked = ({ versions }: Secret): boolean => versions.some(({ locks }) => locks.length > 0);

/** The secret as it is at `nowMs`: destroyed once it expired, unless a lock holds it. The same object when unchanged. */
export function settled(secret: Secret, nowMs: number): Secret {
  const { state, expiresAtMs } = secret;
  if (state === 'destroyed' || expiresAtMs === null || expiresAtMs > nowMs || isLocked(secret)) return secret;
  return { ...mapVersions(secret, (version) => ({ ...version, data: null })), state: 'destroyed' };
}

/** Throws 400 for a destroyed secret, which can only be deleted. */
export function assertAlive({ state }: Secret): void {
  if (state === 'destroyed') throw refused('The secret is destroyed: it can only be deleted.');
}

/** A version that is made now. */
export const newVersion = (
  id: string,
  createdBy: string,
  createdAtMs: number,
  data: JsonObject,
  customMetadata: JsonObject,
): Version => ({ id, createdBy, createdAtMs, data, downloaded: false, customMetadata, locks: [] });
