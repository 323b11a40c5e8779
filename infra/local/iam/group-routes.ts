import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { ServiceIdGroup } from './group-book.ts';
import { conflict, notFound } from './identity-errors.ts';
import { bodyOf, demandAccount, demandOnAll, demandTag, identityRoutes } from './identity-requests.ts';
import { groupView } from './views.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;
type Verb = 'get' | 'create' | 'update' | 'delete';

const ListQuery = z.strictObject({ account_id: z.string().optional() });
const Terms = z.strictObject({ name: z.string().min(1), description: z.string().optional() });
const NewGroup = Terms.extend({ account_id: z.string().min(1) });

/** `/v1/serviceid_groups` of the IAM Identity API. */
export function groupRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-service-id-group
  routes.addWithQuery('GET', '/v1/serviceid_groups', ListQuery, (context, query) => {
    demandOnGroups(world, context, 'get', query.account_id);
    return context.json({ serviceid_groups: world.groups.all().map((group) => groupView(world.parts, group)) });
  });
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-service-id-group
  routes.add('POST', '/v1/serviceid_groups', (context) => createGroup(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-service-id-group
  routes.add('GET', '/v1/serviceid_groups/:id', (context) =>
    answer(world, context, foundGroup(world, context, 'get'), 200),
  );
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-service-id-group
  routes.add('PUT', '/v1/serviceid_groups/:id', (context) => updateGroup(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-service-id-group
  routes.add('DELETE', '/v1/serviceid_groups/:id', (context) => {
    const group = foundGroup(world, context, 'delete');
    const member = world.serviceIds.all().find(({ groupId }) => groupId === group.id);
    if (member) throw conflict(`The service ID '${member.id}' is in the group.`);
    world.groups.remove(group);
    return context.body(null, 204);
  });
  return routes.app;
}

async function createGroup(world: IamWorld, context: Request): Promise<Response> {
  const { account_id: accountId, name, description = '' } = await bodyOf(context, NewGroup);
  const caller = demandOnGroups(world, context, 'create', accountId);
  return answer(world, context, world.groups.add({ name, description }, caller.iamId), 201);
}

async function updateGroup(world: IamWorld, context: Request): Promise<Response> {
  foundGroup(world, context, 'update');
  const { name, description } = await bodyOf(context, Terms);
  // What was true before the body arrived may be no more.
  const group = foundGroup(world, context, 'update');
  demandTag(world, context, group);
  const terms = { name, description: description ?? group.description };
  return answer(world, context, world.groups.revise(group, terms), 200);
}

/** Who may do something to all service IDs may do it to their groups. Throws 403. */
function demandOnGroups(world: IamWorld, context: Request, verb: Verb, accountId?: string): Caller {
  const caller = callerOf(context);
  const action = `iam-identity.serviceid.${verb}`;
  demandAccount(caller, accountId, action);
  demandOnAll(world, caller, action, 'serviceid');
  return caller;
}

/** The group in the path. Throws 404 and 403. */
function foundGroup(world: IamWorld, context: Request, verb: Verb): ServiceIdGroup {
  const id = context.req.param('id') ?? '';
  const group = world.groups.get(id);
  if (!group) throw notFound('ServiceIdGroup', id);
  demandOnGroups(world, context, verb);
  return group;
}

const answer = (world: IamWorld, context: Request, group: ServiceIdGroup, status: 200 | 201): Response =>
  context.json(groupView(world.parts, group), status, { ETag: group.entityTag });
