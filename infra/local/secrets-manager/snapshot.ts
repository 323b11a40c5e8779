import type { Group, Secret, Version } from './model.ts';
import type { SecretStore } from './store.ts';
import { aliasOf } from './versions.ts';
import { stateOf } from './views.ts';

/** All groups and secrets, as the control port tells them. Payloads only where `withValues` is set. */
export const snapshotOf = (store: SecretStore, { withValues }: { withValues: boolean }) => ({
  groups: [...store.groups.values()].map(({ id, name, description }: Group) => ({ id, name, description })),
  secrets: store.all().map((secret) => ({
    id: secret.id,
    name: secret.name,
    groupId: secret.groupId,
    type: secret.type,
    labels: secret.labels,
    customMetadata: secret.customMetadata,
    state: stateOf(secret),
    expiresAtMs: secret.expiresAtMs,
    nextRotationMs: secret.credentials?.nextRotationMs ?? null,
    createdAtMs: secret.createdAtMs,
    versions: secret.versions.map((version) => versionState(secret, version, withValues)),
  })),
});

const versionState = (secret: Secret, version: Version, withValues: boolean) => ({
  id: version.id,
  alias: aliasOf(secret, version) ?? null,
  createdAtMs: version.createdAtMs,
  autoRotated: version.autoRotated,
  payloadAvailable: version.data !== null,
  downloaded: version.downloaded,
  customMetadata: version.customMetadata,
  locks: version.locks.map(({ name, attributes }) => ({ name, attributes })),
  ...(withValues && { payload: payloadOf(version) }),
});

/** The text of an arbitrary secret, the object of any other, null when it is gone. */
const payloadOf = ({ data }: Version): unknown => data && (data['payload'] ?? data['data'] ?? data);
