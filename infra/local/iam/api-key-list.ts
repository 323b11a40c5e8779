import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { ApiKey } from './api-key-book.ts';
import { viewOf } from './entity-store.ts';
import { FilterParameter } from './filter.ts';
import { badRequest, foreignIamId, notFound } from './identity-errors.ts';
import { demandAccount, demandOnAll, demandOnKeys, Flag, visibleServiceIds } from './identity-requests.ts';
import { pageOf, PageQuery, sortedBy, sortParameter } from './paging.ts';
import { isServiceIamId, serviceIdOf } from './service-id-book.ts';
import { apiKeyView, contextView } from './views.ts';
import { identityTarget } from './world.ts';
import type { IamWorld } from './world.ts';

export const ListApiKeysQuery = z.strictObject({
  ...PageQuery,
  account_id: z.string().optional(),
  iam_id: z.string().optional(),
  scope: z.enum(['entity', 'account']).default('entity'),
  type: z.enum(['user', 'serviceid']).optional(),
  sort: sortParameter({
    name: 'name',
    description: 'description',
    created_at: 'createdAtMs',
    created_by: 'createdBy',
  }),
  include_history: Flag.optional(),
  filter: FilterParameter.optional(),
  group_id: z.string().optional(),
});
type ListApiKeysQuery = z.infer<typeof ListApiKeysQuery>;

/** `GET /v1/apikeys`: of one identity (by default the caller), or of the account. */
export function listApiKeys(world: IamWorld, context: Context<CloudEnv>, query: ListApiKeysQuery): Response {
  const caller = callerOf(context);
  demandAccount(caller, query.account_id, 'iam-identity.apikey.list');
  const iamId = query.iam_id ?? (query.scope === 'entity' ? caller.iamId : undefined);
  const visible = iamId === undefined ? keysOfAccount(world, caller, query) : keysOf(world, caller, iamId);
  const ofGroup = inGroup(world, visible, query);
  const ofRightType = ofType(ofGroup, query.type);
  const keys = query.filter ? ofRightType.filter(query.filter) : ofRightType;
  const { items, links } = pageOf(context, sortedBy(keys, query.sort, query.order), query);
  const including = { history: query.include_history };
  return context.json({
    ...contextView(world.parts, context, including),
    ...links,
    apikeys: items.map((key) => apiKeyView(world.parts, key, including)),
  });
}

function keysOf(world: IamWorld, caller: Caller, iamId: string): readonly ApiKey[] {
  if (isServiceIamId(iamId)) {
    if (!world.serviceIds.withIamId(iamId)) throw notFound('ServiceId', serviceIdOf(iamId));
    demandOnKeys(world, caller, iamId, 'list');
  } else if (iamId !== caller.iamId) {
    // Even an administrator lists the keys of other users by account only.
    throw foreignIamId();
  }
  return world.keys.listed(iamId);
}

/** The keys of users show only to those who may manage all of them. */
function keysOfAccount(world: IamWorld, caller: Caller, query: ListApiKeysQuery): readonly ApiKey[] {
  if (query.account_id === undefined && query.pagetoken === undefined) {
    throw badRequest({ property: 'account_id', missing: true, reason: "is required with scope 'account'" });
  }
  if (query.type === 'user') {
    demandOnAll(world, caller, 'iam-identity.apikey.manage', 'user');
    return world.keys.listed();
  }
  const visible = visibleServiceIds(world, caller, 'iam-identity.apikey.list');
  const seesUsers = world.access.allows(caller, 'iam-identity.apikey.manage', identityTarget('user'));
  const keys = shownKeys(world);
  if (visible === null) return seesUsers ? keys : ofType(keys, 'serviceid');
  return keys.filter(({ iamId }) => (isServiceIamId(iamId) ? visible.has(iamId) : seesUsers));
}

/** Whether the keys behind resource keys show beside the others is not public. (unconfirmed) */
function shownKeys(world: IamWorld): readonly ApiKey[] {
  const keys = world.keys.listed();
  if (world.parts.switches.hiddenApiKeysListed) return keys;
  return keys.filter(({ iamId }) => !world.serviceIds.withIamId(iamId)?.hidden);
}

/**
 * Without `group_id` only keys of service IDs in the default group are listed, also where one of another group is asked for,
 * unless switched. Keys of users are in no group.
 */
function inGroup(world: IamWorld, keys: readonly ApiKey[], query: ListApiKeysQuery): readonly ApiKey[] {
  const { group_id: groupId = null, iam_id: iamId } = query;
  if (groupId !== null && !world.groups.get(groupId)) throw notFound('ServiceIdGroup', groupId);
  const isOfOne = iamId !== undefined && groupId === null && !world.parts.switches.groupedKeysNeedGroupId;
  if (world.groups.size === 0 || isOfOne) return keys;
  return keys.filter(
    ({ iamId: owner }) => (world.serviceIds.withIamId(owner)?.groupId ?? null) === groupId || !isServiceIamId(owner),
  );
}

function ofType(keys: readonly ApiKey[], type: 'user' | 'serviceid' | undefined): readonly ApiKey[] {
  if (type === undefined) return keys;
  return viewOf(keys, type, () => keys.filter((key) => isServiceIamId(key.iamId) === (type === 'serviceid')));
}
