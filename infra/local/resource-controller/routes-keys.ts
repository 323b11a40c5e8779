import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import { validate } from '../validation.ts';
import { bodyOf, placeOf } from './desk.ts';
import type { Desk } from './desk.ts';
import { badRequest, forbidden, invalid, notFound } from './errors.ts';
import { keyRoleOf } from './key-roles.ts';
import { createdCredentials, makeKey, removeKey, shownCredentials } from './keys.ts';
import { KeysOfInstanceQuery, KeysQuery, listingOf, matches, pageOf } from './listing.ts';
import type { Listing } from './listing.ts';
import type { Instance, ResourceKey } from './model.ts';
import { keyView } from './views.ts';

type Request = Context<CloudEnv>;

const PATH = '/v2/resource_keys';
const INSTANCES = '/v2/resource_instances';

const Create = z.strictObject({
  name: z.string().min(1),
  source: z.string().min(1),
  role: z.string().min(1).optional(),
  parameters: z.looseObject({ serviceid_crn: z.string().min(1).optional() }).optional(),
});
const Update = z.strictObject({ name: z.string().min(1) });

/** `/v2/resource_keys`, and those of an instance. */
export function keyRoutes(routes: StrictRoutes, desk: Desk): void {
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#list-resource-keys
  routes.addWithQuery('GET', PATH, KeysQuery, (context, query) => {
    const listing = listingOf(PATH, query);
    return answerPage(desk, context, desk.keys.listed(), listing);
  });
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#list-resource-keys-for-instance
  routes.addWithQuery('GET', `${INSTANCES}/:id/resource_keys`, KeysOfInstanceQuery, (context, query) => {
    const instance = desk.instances.writable(context.req.param('id'));
    desk.demand(context, 'key.retrieve', instance);
    const listing = listingOf(`${INSTANCES}/${instance.id}/resource_keys`, query);
    return answerPage(desk, context, desk.keys.listed(instance.id), listing);
  });
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#create-resource-key
  routes.add('POST', PATH, (context) => create(desk, context));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#get-resource-key
  routes.add('GET', `${PATH}/:id`, (context) => get(desk, context));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#update-resource-key
  routes.add('PATCH', `${PATH}/:id`, (context) => update(desk, context));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#delete-resource-key
  routes.add('DELETE', `${PATH}/:id`, (context) => remove(desk, context));
}

/** Those of `keys` that match and that the caller may see. */
function answerPage(desk: Desk, context: Request, keys: readonly ResourceKey[], listing: Listing): Response {
  const caller = callerOf(context);
  const { resourceGroupId } = desk.parts.account;
  const found = keys.filter(
    (key) => matches(key, listing, resourceGroupId) && desk.allows(caller, 'key.retrieve', placeOf(key)),
  );
  return desk.answer(
    context,
    pageOf(found, listing, (key) => viewFor(desk, key, caller)),
  );
}

/** The answer shows one-time credentials, too. */
async function create(desk: Desk, context: Request): Promise<Response> {
  const body = await bodyOf(context, Create);
  const instance = desk.instances.active(body.source);
  if (!instance) throw notFound('resource instance', body.source);
  const caller = desk.demand(context, 'key.create', instance);
  const roleId = roleOf(desk, instance, body.role);
  demandServiceRole(desk, caller, instance, roleId);
  const { serviceid_crn: serviceIdCrn, ...given } = body.parameters ?? {};
  const parameters = validate(instance.offering.keyParameters, given);
  if (!parameters.ok)
    throw invalid({ ...parameters.violation, property: `parameters.${parameters.violation.property}` });
  if (serviceIdCrn !== undefined && !instance.offering.iamCompatible) {
    throw badRequest(`${instance.offering.name} takes no service ID.`);
  }
  const input = { name: body.name, instance, roleId, brokerParameters: parameters.data, serviceIdCrn };
  const key = makeKey(desk, input, caller);
  return desk.answer(context, keyView(desk.parts, key, createdCredentials(desk, key, caller)), 201);
}

/** The CRN of the role; null for none. Throws 400 for a role that is none of the service's, or missing. */
function roleOf({ parts }: Desk, { offering }: Instance, role: string | undefined): string | null {
  if (role === 'NONE' || (role === undefined && !offering.iamCompatible)) return null;
  if (role === undefined) throw invalid({ property: 'role', missing: true, reason: 'is required' });
  const roleId = offering.iamCompatible ? keyRoleOf(role, offering, parts.switches) : undefined;
  if (roleId === undefined) throw badRequest(`The role '${role}' is none of ${offering.name}.`);
  return roleId;
}

/** Nobody gives out more than they have. Throws 403. */
function demandServiceRole(desk: Desk, caller: Caller, instance: Instance, roleId: string | null): void {
  if (roleId === null || desk.compare(caller, instance, roleId) === 'enough') return;
  throw forbidden(`The identity has no service role on ${instance.id} that is as high as ${roleId}.`);
}

function get(desk: Desk, context: Request): Response {
  const id = idOf(context);
  const key = desk.keys.shown(id);
  const caller = desk.demand(context, 'key.retrieve', placeOf(key));
  const { clock, switches } = desk.parts;
  // A fresh key is not known everywhere yet.
  if (clock.nowMs() < key.createdAt.atMs + switches.freshResourceKeyReadDelayMs) throw notFound('resource key', id);
  return desk.answer(context, viewFor(desk, key, caller));
}

async function update(desk: Desk, context: Request): Promise<Response> {
  const caller = desk.demand(context, 'key.update', placeOf(desk.keys.writable(idOf(context))));
  const { name } = await bodyOf(context, Update);
  // What was true before the body arrived may be no more.
  const key = desk.keys.writable(idOf(context));
  const renamed = { ...key, name, updatedAt: desk.now(), updatedBy: caller.iamId };
  desk.keys.put(renamed);
  return desk.answer(context, viewFor(desk, renamed, caller));
}

function remove(desk: Desk, context: Request): Response {
  const key = desk.keys.writable(idOf(context));
  const caller = desk.demand(context, 'key.delete', placeOf(key));
  removeKey(desk, key, caller.iamId);
  return desk.answerEmpty(context);
}

const viewFor = (desk: Desk, key: ResourceKey, caller: Caller): object =>
  keyView(desk.parts, key, shownCredentials(desk, key, caller));

const idOf = (context: Request): string => context.req.param('id') ?? '';
