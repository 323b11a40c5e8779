import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { keyOf, NestedKey } from './api-key-create.ts';
import { conflict, limitReached, notFound } from './identity-errors.ts';
import {
  bodyOf,
  demandAccount,
  demandFuture,
  demandGranted,
  demandOnAll,
  Flag,
  flagHeader,
} from './identity-requests.ts';
import type { ServiceId } from './service-id-book.ts';
import { apiKeyView, serviceIdView } from './views.ts';
import { identityTarget } from './world.ts';
import type { IamWorld } from './world.ts';

const NewServiceId = z.strictObject({
  account_id: z.string().min(1),
  name: z.string().min(1),
  group_id: z.string().min(1).optional(),
  description: z.string().optional(),
  unique_instance_crns: z.array(z.string()).optional(),
  apikey: NestedKey.optional(),
});

export const ShowGroupQuery = z.strictObject({ show_group_id: Flag.optional() });
type ShowGroupQuery = z.infer<typeof ShowGroupQuery>;

/** `POST /v1/serviceids`, with an API key when the body has one. */
export async function createServiceId(
  world: IamWorld,
  context: Context<CloudEnv>,
  query: ShowGroupQuery,
): Promise<Response> {
  const { parts, keys, serviceIds } = world;
  const caller = callerOf(context);
  const locked = flagHeader(context, 'Entity-Lock');
  const body = await bodyOf(context, NewServiceId);
  demandCreate(world, caller, body.account_id);
  if (body.apikey?.expires_at !== undefined) demandFuture(world, body.apikey.expires_at);
  if (body.apikey?.apikey !== undefined) keys.demandFree(body.apikey.apikey);
  const { name, description = '', unique_instance_crns: uniqueInstanceCrns = [], group_id: groupId = null } = body;
  if (groupId !== null && !world.groups.get(groupId)) throw notFound('ServiceIdGroup', groupId);
  const serviceId = serviceIds.add({ name, description, uniqueInstanceCrns, locked, groupId }, caller.iamId);
  try {
    grantToCreator(world, caller, serviceId);
  } catch (error) {
    serviceIds.remove(serviceId.id);
    throw error;
  }
  const key = body.apikey && keys.add({ ...keyOf(body.apikey), iamId: serviceId.iamId }, caller.iamId);
  const nested = key ? { apikey: apiKeyView(parts, key, { withValue: true }) } : {};
  return context.json({ ...serviceIdView(parts, serviceId, { groupId: query.show_group_id }), ...nested }, 201, {
    ETag: serviceId.entityTag,
  });
}

/** By default, when the account does not restrict it, every user may create service IDs. */
function demandCreate(world: IamWorld, caller: Caller, accountId: string): void {
  demandAccount(caller, accountId, 'iam-identity.serviceid.create');
  // docs/iam, "Restricting users from creating service IDs": the account owner needs the role too.
  if (world.settings.restricts('restrict_create_service_id')) {
    return demandGranted(world, caller, 'iam-identity.account-serviceid.create');
  }
  if (world.users.get(caller.iamId)) return undefined;
  return demandOnAll(world, caller, 'iam-identity.serviceid.create', 'serviceid');
}

/**
 * docs/iam, troubleshooting service IDs: only who had no access otherwise becomes administrator of the new one. Throws 409
 * when that is a locked service ID, 422 at a limit of policies.
 */
function grantToCreator(world: IamWorld, caller: Caller, serviceId: ServiceId): void {
  const { access, parts, policies, serviceIds } = world;
  if (access.allows(caller, 'iam-identity.serviceid.get', identityTarget('serviceid', serviceId.id))) return;
  if (serviceIds.withIamId(caller.iamId)?.locked) {
    throw conflict(`The policy of '${caller.iamId}' on what it creates cannot be made: it is a locked service ID.`);
  }
  const limit = policies.limitReachedBy(caller.iamId);
  if (limit !== null) throw limitReached('', 'The limit of supported policies is reached', limit);
  const scope = { accountId: parts.account.id, serviceName: 'iam-identity', resourceType: 'serviceid' };
  const attributes = Object.entries({ ...scope, resource: serviceId.id }).map(([name, value]) => ({
    name,
    value,
    operator: 'stringEquals' as const,
  }));
  const subject = { name: 'iam_id' as const, value: caller.iamId };
  const roleIds = ['crn:v1:bluemix:public:iam::::role:Administrator'];
  policies.add({ subject, roleIds, attributes, description: undefined }, caller.iamId);
}
