import type { IamWorld } from './world.ts';

/** All that IAM holds, as it is: no lag. Values of keys only where `withValues` is set. */
export function snapshotOf(world: IamWorld, { withValues }: { withValues: boolean }): object {
  return {
    apiKeys: world.keys.all().map((key) => ({
      id: key.id,
      name: key.name,
      iamId: key.iamId,
      disabled: key.disabled,
      locked: key.locked,
      createdAtMs: key.createdAtMs,
      expiresAtMs: key.expiresAtMs,
      ...key.activity.actual(),
      ...(withValues && { value: key.value }),
    })),
    serviceIds: world.serviceIds.all().map(({ id, iamId, name, locked, activity }) => ({
      id,
      iamId,
      name,
      locked,
      ...activity.actual(),
    })),
    users: world.users.all().map(({ iamId, name, state, activity }) => ({ iamId, name, state, ...activity.actual() })),
    profiles: world.profiles.all().map(({ id, iamId, name, activity, identities }) => ({
      id,
      iamId,
      name,
      ...activity.actual(),
      links: world.trust.linksOf(id).map((link) => ({ id: link.id, ...link.resource })),
      rules: world.trust.rulesOf(id).map(({ id: ruleId, conditions }) => ({ id: ruleId, conditions })),
      identities,
    })),
    policies: world.policies.all().map(({ id, subject, roleIds, attributes }) => ({
      id,
      subject: subject.value,
      roleIds,
      attributes,
    })),
  };
}
