import type { Desk } from './desk.ts';

/** All instances and keys, as they are: no lag. Credentials only where `withValues` is set. */
export const snapshotOf = ({ instances, keys }: Desk, { withValues }: { withValues: boolean }) => ({
  instances: instances.all().map(({ id, crn, name, offering, locked, onetimeCredentials }) => ({
    guid: id,
    crn,
    name,
    service: offering.name,
    locked,
    onetimeCredentials,
  })),
  keys: keys.all().map((key) => ({
    guid: key.id,
    crn: key.crn,
    name: key.name,
    instanceGuid: key.instanceId,
    roleId: key.roleId,
    createdAtMs: key.createdAt.atMs,
    serviceIdCrn: key.identity?.serviceIdCrn ?? null,
    hasHiddenServiceId: key.identity?.hidden ?? false,
    apiKeyId: key.identity?.apiKeyId ?? null,
    ...(withValues && { credentials: key.credentials }),
  })),
});
