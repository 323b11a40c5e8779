import type { Group, Lock, Secret, Version } from './model.ts';
import { aliasOf, currentOf } from './versions.ts';

const STATE_CODES = { active: 1, destroyed: 5 } as const;

export const stateOf = ({ destroyedAtMs }: Secret): 'active' | 'destroyed' =>
  destroyedAtMs === null ? 'active' : 'destroyed';

/** The CRN of a secret of the instance. */
export const crnOf = ({ id }: Secret, instanceCrn: string): string => instanceCrn.replace(/::$/, `:secret:${id}`);

const instant = (ms: number): string => new Date(ms).toISOString();

/** SecretGroup of the API. */
export const groupView = (group: Group): object => ({
  id: group.id,
  name: group.name,
  description: group.description,
  created_at: instant(group.createdAtMs),
  created_by: group.createdBy,
  updated_at: instant(group.updatedAtMs),
});

/** SecretMetadata of the API. */
export const secretMetadata = (secret: Secret, instanceCrn: string): object => ({
  id: secret.id,
  name: secret.name,
  description: secret.description,
  secret_group_id: secret.groupId,
  secret_type: secret.type,
  labels: secret.labels,
  crn: crnOf(secret, instanceCrn),
  custom_metadata: secret.customMetadata,
  created_by: secret.createdBy,
  created_at: instant(secret.createdAtMs),
  updated_at: instant(secret.updatedAtMs),
  retrieved_at: instant(secret.retrievedAtMs ?? 0),
  downloaded: currentOf(secret).downloaded,
  locks_total: secret.versions.reduce((sum, { locks }) => sum + locks.length, 0),
  versions_total: secret.versions.length,
  state: STATE_CODES[stateOf(secret)],
  state_description: stateOf(secret),
  referenced_by: [],
  ...expiration(secret),
  ...rotation(secret),
});

/** Secret of the API: with the data of the current version. */
export const secretWithData = (secret: Secret, instanceCrn: string): object => ({
  ...secretMetadata(secret, instanceCrn),
  ...currentOf(secret).data,
});

/** SecretVersionMetadata of the API. */
export const versionMetadata = (secret: Secret, version: Version): object => ({
  id: version.id,
  alias: aliasOf(secret, version),
  secret_id: secret.id,
  secret_name: secret.name,
  secret_type: secret.type,
  secret_group_id: secret.groupId,
  created_by: version.createdBy,
  created_at: instant(version.createdAtMs),
  auto_rotated: version.autoRotated,
  downloaded: version.downloaded,
  payload_available: version.data !== null,
  version_custom_metadata: version.customMetadata,
  ...expiration(secret),
});

/** SecretVersion of the API: with its data, as long as that exists. */
export const versionWithData = (secret: Secret, version: Version): object => ({
  ...versionMetadata(secret, version),
  ...version.data,
});

const expiration = ({ expiresAtMs }: Secret): object =>
  expiresAtMs === null ? {} : { expiration_date: instant(expiresAtMs) };

/** A secret of type username_password always tells its rotation, also where there is none. */
const rotation = ({ credentials }: Secret): object | null =>
  credentials && {
    rotation: credentials.rotation ?? { auto_rotate: false },
    next_rotation_date: credentials.nextRotationMs === null ? undefined : instant(credentials.nextRotationMs),
    password_generation_policy: credentials.passwordPolicy,
  };

/** SecretLock of the API. */
export const lockView = (secret: Secret, version: Version, lock: Lock): object => ({
  name: lock.name,
  description: lock.description,
  attributes: lock.attributes,
  created_at: instant(lock.createdAtMs),
  updated_at: instant(lock.updatedAtMs),
  created_by: lock.createdBy,
  secret_group_id: secret.groupId,
  secret_id: secret.id,
  secret_version_id: version.id,
  secret_version_alias: aliasOf(secret, version),
});

/** SecretLocks of the API: the given versions of a secret with the names of those locks on them that `shows` takes. */
export const locksView = (secret: Secret, versions: readonly Version[], shows = (_name: string) => true): object => ({
  secret_id: secret.id,
  secret_group_id: secret.groupId,
  secret_type: secret.type,
  secret_name: secret.name,
  versions: versions.map((version) => ({
    version_id: version.id,
    version_alias: aliasOf(secret, version),
    locks: version.locks.map(({ name }) => name).filter((name) => shows(name)),
    payload_available: version.data !== null,
  })),
});
