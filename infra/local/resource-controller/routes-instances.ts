import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import { validate } from '../validation.ts';
import { loggingServiceOf, offeringOfPlan } from './catalog.ts';
import { bodyOf } from './desk.ts';
import type { Desk } from './desk.ts';
import { badRequest, invalid, lockedInstance, notEmbedded } from './errors.ts';
import { newInstance } from './instances.ts';
import { demandRemovable, removeKey } from './keys.ts';
import { InstancesQuery, listingOf, matchesInstance, pageOf } from './listing.ts';
import type { Instance, Operation } from './model.ts';
import { instanceView } from './views.ts';

type Request = Context<CloudEnv>;

const PATH = '/v2/resource_instances';

const Name = z
  .string()
  .min(1)
  .max(180)
  .regex(/^[\p{L}\p{N} ._:-]+$/u, 'has special characters other than (space) - . _ :');
const Parameters = z.looseObject({ onetime_credentials: z.boolean().optional() });

const Create = z.strictObject({
  name: Name,
  target: z.string(),
  resource_group: z.string(),
  resource_plan_id: z.string(),
  tags: z.array(z.string()).optional(),
  allow_cleanup: z.boolean().optional(),
  parameters: Parameters.optional(),
});
const Update = z.strictObject({
  name: Name.optional(),
  resource_plan_id: z.string().optional(),
  allow_cleanup: z.boolean().optional(),
  parameters: Parameters.optional(),
});
const Lock = z.enum(['true', 'false']);
const DeleteQuery = z.strictObject({ recursive: z.enum(['true', 'false']).optional() });

/** `/v2/resource_instances`. */
export function instanceRoutes(routes: StrictRoutes, desk: Desk): void {
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#list-resource-instances
  routes.addWithQuery('GET', PATH, InstancesQuery, (context, query) => list(desk, context, query));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#create-resource-instance
  routes.add('POST', PATH, (context) => create(desk, context));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#get-resource-instance
  routes.add('GET', `${PATH}/:id`, (context) => get(desk, context));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#update-resource-instance
  routes.add('PATCH', `${PATH}/:id`, (context) => update(desk, context));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#delete-resource-instance
  routes.addWithQuery('DELETE', `${PATH}/:id`, DeleteQuery, (context, query) => remove(desk, context, query));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#lock-resource-instance
  routes.add('POST', `${PATH}/:id/lock`, (context) => setLocked(desk, context, true));
  // https://cloud.ibm.com/apidocs/resource-controller/resource-controller#unlock-resource-instance
  routes.add('DELETE', `${PATH}/:id/lock`, (context) => setLocked(desk, context, false));
}

/** Those that the caller may see. */
function list(desk: Desk, context: Request, query: z.infer<typeof InstancesQuery>): Response {
  const caller = callerOf(context);
  const listing = listingOf(PATH, query);
  const { instances, parts } = desk;
  const found = listed(instances, listing.filters.state).filter(
    (instance) =>
      matchesInstance(instance, listing, parts.account.resourceGroupId) &&
      desk.allows(caller, 'instance.retrieve', instance),
  );
  return desk.answer(
    context,
    pageOf(found, listing, (instance) => instanceView(parts, instance)),
  );
}

/** There is nothing between active and removed here. */
function listed(instances: Desk['instances'], state = 'active'): readonly Instance[] {
  if (state === 'removed') return instances.removed();
  return state === 'active' ? instances.listed() : [];
}

async function create(desk: Desk, context: Request): Promise<Response> {
  const { parts, random } = desk;
  const lock = validate(Lock, context.req.header('entity-lock') ?? 'false');
  if (!lock.ok) throw invalid({ ...lock.violation, property: 'Entity-Lock' });
  const body = await bodyOf(context, Create);
  const offering = offeringOfPlan(body.resource_plan_id, parts.switches);
  if (!offering) throw badRequest(`The plan '${body.resource_plan_id}' is not in the catalog.`);
  if (!offering.regions.includes(body.target)) {
    throw badRequest(`The plan '${body.resource_plan_id}' has no deployment in '${body.target}'.`);
  }
  if (body.resource_group !== parts.account.resourceGroupId) {
    throw badRequest(`The resource group '${body.resource_group}' does not exist.`);
  }
  const guid = random.uuid();
  const caller = desk.demand(context, 'instance.create', { id: guid, offering });
  const about = { guid, offering, planId: body.resource_plan_id, region: body.target, name: body.name };
  const instance: Instance = {
    ...newInstance(desk, about, caller.iamId),
    parameters: body.parameters ?? {},
    onetimeCredentials: body.parameters?.onetime_credentials ?? false,
    allowCleanup: body.allow_cleanup ?? false,
    locked: lock.data === 'true',
  };
  desk.instances.put(instance);
  const service = loggingServiceOf(offering);
  if (service) desk.loggingKeys.open({ id: guid, service, brokerKeys: instance.brokerKeys });
  parts.audit.record({ action: 'resource-instance.create', instanceId: guid, name: instance.name });
  return desk.answer(context, instanceView(parts, instance), 201);
}

function get(desk: Desk, context: Request): Response {
  const instance = desk.instances.shown(idOf(context));
  desk.demand(context, 'instance.retrieve', instance);
  return desk.answer(context, instanceView(desk.parts, instance));
}

async function update(desk: Desk, context: Request): Promise<Response> {
  const { parts } = desk;
  desk.demand(context, 'instance.update', desk.instances.writable(idOf(context)));
  const body = await bodyOf(context, Update);
  // What was true before the body arrived may be no more.
  const instance = unlocked(desk, context);
  const { planId, planHistory, parameters, onetimeCredentials, allowCleanup } = instance;
  const newPlanId = body.resource_plan_id ?? planId;
  const changesPlan = newPlanId !== planId;
  if (changesPlan) demandPlan(desk, context, instance, newPlanId);
  const caller = callerOf(context);
  const revised = revise(desk, context, instance, { type: 'update', subType: changesPlan ? 'plan' : 'config' });
  const updated: Instance = {
    ...revised,
    name: body.name ?? instance.name,
    planId: newPlanId,
    planHistory: changesPlan
      ? [...planHistory, { planId: newPlanId, startedAt: revised.updatedAt, by: caller.iamId }]
      : planHistory,
    parameters: body.parameters ?? parameters,
    onetimeCredentials: body.parameters?.onetime_credentials ?? onetimeCredentials,
    allowCleanup: body.allow_cleanup ?? allowCleanup,
  };
  desk.instances.put(updated);
  return desk.answer(context, instanceView(parts, updated));
}

/** Throws 400 for a plan of another service, and 403. */
function demandPlan(desk: Desk, context: Request, instance: Instance, planId: string): void {
  if (!instance.offering.planIds.includes(planId)) {
    throw badRequest(`The plan '${planId}' is not one of ${instance.offering.name}.`);
  }
  desk.demand(context, 'instance.update_plan', instance);
}

function remove(desk: Desk, context: Request, { recursive }: z.infer<typeof DeleteQuery>): Response {
  const { instances, keys, parts } = desk;
  const caller = desk.demand(context, 'instance.delete', instances.writable(idOf(context)));
  const instance = unlocked(desk, context);
  if (instance.builtIn) throw notEmbedded('account without its first instances');
  const ofInstance = keys.group(instance.id);
  if (ofInstance.length > 0) {
    if (recursive !== 'true') {
      throw badRequest(`The resource instance has ${ofInstance.length} resource keys: delete them first.`);
    }
    desk.demand(context, 'key.delete', instance);
    // All or none of them go.
    for (const key of ofInstance) demandRemovable(desk, key);
    for (const key of ofInstance) removeKey(desk, key, caller.iamId);
  }
  const removed = revise(desk, context, instance, { type: 'delete' });
  desk.loggingKeys.close(instance.id);
  instances.remove({ ...removed, removal: { at: removed.updatedAt, by: caller.iamId } });
  parts.audit.record({ action: 'resource-instance.delete', instanceId: instance.id, name: instance.name });
  return desk.answerEmpty(context);
}

function setLocked(desk: Desk, context: Request, locked: boolean): Response {
  const instance = desk.instances.writable(idOf(context));
  desk.demand(context, 'instance.update', instance);
  const revised = { ...revise(desk, context, instance, { type: locked ? 'lock' : 'unlock' }), locked };
  desk.instances.put(revised);
  return desk.answer(context, instanceView(desk.parts, revised));
}

/** Throws 404 or 410, and the refusal of a locked one. */
function unlocked(desk: Desk, context: Request): Instance {
  const instance = desk.instances.writable(idOf(context));
  if (instance.locked) throw lockedInstance(instance.crn, desk.parts.switches.lockedInstanceStatus);
  return instance;
}

/** The instance after an operation of the caller. */
function revise(desk: Desk, context: Request, instance: Instance, lastOperation: Operation): Instance {
  return { ...instance, updatedAt: desk.now(), updatedBy: callerOf(context).iamId, lastOperation };
}

const idOf = (context: Request): string => context.req.param('id') ?? '';
