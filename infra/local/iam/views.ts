import type { Context } from 'hono';
import type { CloudEnv, CloudParts } from '../parts.ts';
import type { ApiKey } from './api-key-book.ts';
import type { ClaimRule } from './claim-rules.ts';
import { contextDate, iamDate } from './dates.ts';
import type { Entity } from './entities.ts';
import type { ServiceIdGroup } from './group-book.ts';
import type { ProfileIdentity, TrustedProfile } from './profile-book.ts';
import type { ServiceId } from './service-id-book.ts';
import type { ProfileLink } from './trust-book.ts';
import { transactionIdOf } from './transaction-id.ts';
import { identityCrn } from './world.ts';
import type { IamWorld } from './world.ts';

/** What the include flags add. */
export interface Including {
  groupId?: boolean | undefined;
  history?: boolean | undefined;
  activity?: boolean | undefined;
}

/** An `ApiKey` of the API. `withValue`: this answer is the one that shows it. */
export function apiKeyView(parts: CloudParts, key: ApiKey, including: Including & { withValue?: boolean } = {}) {
  const hidden = parts.switches.hiddenValue === 'empty' ? { apikey: '' } : {};
  return {
    id: key.id,
    entity_tag: key.entityTag,
    crn: identityCrn(parts, 'apikey', key.id),
    locked: key.locked,
    disabled: key.disabled,
    created_at: iamDate(key.createdAtMs),
    created_by: key.createdBy,
    modified_at: iamDate(key.modifiedAtMs),
    name: key.name,
    ...(key.description !== '' && { description: key.description }),
    support_sessions: key.supportSessions,
    action_when_leaked: key.actionWhenLeaked,
    ...(key.expiresAtMs !== null && { expires_at: iamDate(key.expiresAtMs) }),
    iam_id: key.iamId,
    account_id: parts.account.id,
    ...(including.withValue ? { apikey: key.value } : hidden),
    ...included(parts, key, including),
  };
}

/** A `ServiceId` of the API. */
export function serviceIdView(parts: CloudParts, serviceId: ServiceId, including: Including = {}) {
  return {
    id: serviceId.id,
    iam_id: serviceId.iamId,
    entity_tag: serviceId.entityTag,
    crn: identityCrn(parts, 'serviceid', serviceId.id),
    locked: serviceId.locked,
    created_at: iamDate(serviceId.createdAtMs),
    modified_at: iamDate(serviceId.modifiedAtMs),
    account_id: parts.account.id,
    ...(including.groupId && serviceId.groupId !== null && { group_id: serviceId.groupId }),
    name: serviceId.name,
    ...(serviceId.description !== '' && { description: serviceId.description }),
    ...(serviceId.uniqueInstanceCrns.length > 0 && { unique_instance_crns: serviceId.uniqueInstanceCrns }),
    ...included(parts, serviceId, including),
  };
}

/** A `ServiceIdGroup` of the API. */
export function groupView(parts: CloudParts, group: ServiceIdGroup) {
  return {
    id: group.id,
    entity_tag: group.entityTag,
    account_id: parts.account.id,
    crn: identityCrn(parts, 'serviceid-group', group.id),
    name: group.name,
    ...(group.description !== '' && { description: group.description }),
    created_at: iamDate(group.createdAtMs),
    created_by: group.createdBy,
    modified_at: iamDate(group.modifiedAtMs),
  };
}

/** A `TrustedProfile` of the API. */
export function profileView(parts: CloudParts, profile: TrustedProfile, including: Including = {}) {
  return {
    id: profile.id,
    entity_tag: profile.entityTag,
    crn: identityCrn(parts, 'profile', profile.id),
    name: profile.name,
    ...(profile.description !== '' && { description: profile.description }),
    ...(profile.email !== '' && { email: profile.email }),
    created_at: iamDate(profile.createdAtMs),
    modified_at: iamDate(profile.modifiedAtMs),
    iam_id: profile.iamId,
    account_id: parts.account.id,
    ...included(parts, profile, including),
  };
}

/** A `ProfileLink` of the API. */
export function linkView(link: ProfileLink) {
  const { crn, componentType, componentName } = link.resource;
  return {
    id: link.id,
    entity_tag: link.entityTag,
    created_at: iamDate(link.createdAtMs),
    modified_at: iamDate(link.createdAtMs),
    ...(link.name !== '' && { name: link.name }),
    cr_type: 'CE',
    ...(link.isCrossAccount !== undefined && { is_cross_account: link.isCrossAccount }),
    link: { crn, component_type: componentType, component_name: componentName },
  };
}

/** A `ProfileClaimRule` of the API. */
export function claimRuleView(rule: ClaimRule) {
  return {
    id: rule.id,
    entity_tag: rule.entityTag,
    created_at: iamDate(rule.createdAtMs),
    modified_at: iamDate(rule.modifiedAtMs),
    ...(rule.name !== '' && { name: rule.name }),
    type: 'Profile-CR',
    // Sessions are for people: compute resources have none.
    expiration: 0,
    cr_type: 'CE',
    conditions: rule.conditions.map((condition) => ({ ...condition, value: JSON.stringify(condition.value) })),
  };
}

/** A `ProfileIdentityResponse` of the API. A service ID without a description of its own here shows its usual one. */
export function profileIdentityView(
  { serviceIds }: IamWorld,
  { type, identifier, accounts, description }: ProfileIdentity,
) {
  const prefix = { user: '', serviceid: 'iam-', crn: 'crn-' }[type];
  const shown = description === '' && type === 'serviceid' ? serviceIds.get(identifier)?.description : description;
  return {
    iam_id: prefix + identifier,
    identifier,
    type,
    ...(accounts && { accounts }),
    ...(shown && { description: shown }),
  };
}

/** The `context` that an answer has with an include flag. */
export function contextView(parts: CloudParts, context: Context<CloudEnv>, including: Including): object {
  if (!including.history && !including.activity) return {};
  const now = contextDate(parts.clock.nowMs());
  return {
    context: {
      transaction_id: transactionIdOf(parts, context),
      operation: `${context.req.method} ${context.req.path}`,
      user_agent: context.req.header('user-agent') ?? '',
      url: 'https://iam.cloud.ibm.com',
      instance_id: 'embedded-cloud',
      thread_id: '1',
      host: 'embedded-cloud',
      start_time: now,
      end_time: now,
      elapsed_time: '0',
      cluster_name: 'embedded-cloud',
    },
  };
}

function included(parts: CloudParts, entity: Entity, including: Including): object {
  return {
    ...(including.history && { history: entity.history.map((entry) => historyView(parts, entry)) }),
    ...(including.activity && { activity: activityView(parts, entity) }),
  };
}

/** An `EnityHistoryRecord` of the API. */
export function historyView(parts: CloudParts, { atMs, iamId, action, params, message }: Entity['history'][number]) {
  return { timestamp: iamDate(atMs), iam_id: iamId, iam_id_account: parts.account.id, action, params, message };
}

function activityView({ clock, switches }: CloudParts, { activity }: Entity) {
  const { authnCount, lastAuthnMs } = activity.shown(clock.nowMs(), switches.activityDelayMs);
  return { ...(lastAuthnMs !== null && { last_authn: iamDate(lastAuthnMs) }), authn_count: authnCount };
}
