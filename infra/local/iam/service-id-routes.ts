import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { FilterParameter } from './filter.ts';
import { badRequest, conflict, notFound, notPossible } from './identity-errors.ts';
import {
  bodyOf,
  demand,
  demandAccount,
  demandTag,
  Flag,
  identityRoutes,
  visibleServiceIds,
} from './identity-requests.ts';
import { EntitySort, pageOf, PageQuery, sortedBy } from './paging.ts';
import type { ServiceId } from './service-id-book.ts';
import { createServiceId, ShowGroupQuery } from './service-id-create.ts';
import { contextView, serviceIdView } from './views.ts';
import type { Including } from './views.ts';
import { identityTarget, removeServiceId } from './world.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const GetQuery = ShowGroupQuery.extend({ include_history: Flag.optional(), include_activity: Flag.optional() });

const ListQuery = z.strictObject({
  ...PageQuery,
  account_id: z.string().optional(),
  name: z.string().optional(),
  group_id: z.string().optional(),
  sort: EntitySort,
  include_history: Flag.optional(),
  filter: FilterParameter.optional(),
  show_group_id: Flag.optional(),
});

const Update = z.strictObject({
  name: z.string().min(1).optional(),
  description: z.string().optional(),
  unique_instance_crns: z.array(z.string()).optional(),
});

/** `/v1/serviceids` of the IAM Identity API. */
export class ServiceIdRoutes {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  routes(): Hono<CloudEnv> {
    const routes = identityRoutes(this.#world);
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-service-ids
    routes.addWithQuery('GET', '/v1/serviceids', ListQuery, (context, query) => this.#list(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-service-id
    routes.addWithQuery('POST', '/v1/serviceids', ShowGroupQuery, (context, query) =>
      createServiceId(this.#world, context, query),
    );
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-service-id
    routes.addWithQuery('GET', '/v1/serviceids/:id', GetQuery, (context, query) => this.#get(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-service-id
    routes.addWithQuery('PUT', '/v1/serviceids/:id', ShowGroupQuery, (context, query) => this.#update(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-service-id
    routes.add('DELETE', '/v1/serviceids/:id', (context) => this.#delete(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#lock-service-id
    routes.add('POST', '/v1/serviceids/:id/lock', (context) => this.#setLocked(context, true));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#unlock-service-id
    routes.add('DELETE', '/v1/serviceids/:id/lock', (context) => this.#setLocked(context, false));
    return routes.app;
  }

  #list(context: Request, query: z.infer<typeof ListQuery>): Response {
    const caller = callerOf(context);
    if (query.account_id === undefined && query.pagetoken === undefined) {
      throw badRequest({ property: 'account_id', missing: true, reason: 'is required' });
    }
    demandAccount(caller, query.account_id, 'iam-identity.serviceid.get');
    const visible = visibleServiceIds(this.#world, caller, 'iam-identity.serviceid.get');
    const listed = this.#world.serviceIds.listed();
    const all = visible ? listed.filter(({ iamId }) => visible.has(iamId)) : listed;
    const found = this.#selected(all, query);
    const { items, links } = pageOf(context, sortedBy(found, query.sort, query.order), query);
    const including = { history: query.include_history, groupId: query.show_group_id };
    return context.json({
      ...contextView(this.#world.parts, context, including),
      ...links,
      serviceids: items.map((serviceId) => serviceIdView(this.#world.parts, serviceId, including)),
    });
  }

  #selected(all: readonly ServiceId[], query: z.infer<typeof ListQuery>): readonly ServiceId[] {
    const { name, group_id: groupId = null, filter } = query;
    if (groupId !== null && !this.#world.groups.get(groupId)) throw notFound('ServiceIdGroup', groupId);
    const isAll = name === undefined && filter === undefined && this.#world.groups.size === 0;
    if (isAll) return all;
    return all.filter(
      (one) => one.groupId === groupId && (name === undefined || one.name === name) && (filter?.(one) ?? true),
    );
  }

  #get(context: Request, query: z.infer<typeof GetQuery>): Response {
    const { serviceId } = this.#found(context, 'get');
    const { include_history: history, include_activity: activity, show_group_id: groupId } = query;
    return this.#answer(context, serviceId, { history, activity, groupId });
  }

  async #update(context: Request, query: z.infer<typeof ShowGroupQuery>): Promise<Response> {
    const { caller, serviceId: found } = this.#found(context, 'update');
    const body = await bodyOf(context, Update);
    // What was true before the body arrived may be no more.
    const serviceId = this.#world.serviceIds.get(found.id);
    if (!serviceId) throw notFound('ServiceId', found.id);
    this.#demandUnlocked(serviceId, 'update');
    demandTag(this.#world, context, serviceId);
    const change = {
      ...(body.name !== undefined && { name: body.name }),
      ...(body.description !== undefined && { description: body.description }),
      ...(body.unique_instance_crns !== undefined && { uniqueInstanceCrns: body.unique_instance_crns }),
    };
    const revised = this.#world.serviceIds.revise(serviceId, change, 'update', caller.iamId);
    return this.#answer(context, revised, { groupId: query.show_group_id });
  }

  #delete(context: Request): Response {
    const { keys } = this.#world;
    const { serviceId } = this.#found(context, 'delete');
    this.#demandUnlocked(serviceId, 'delete');
    const lockedKey = keys.ofIdentity(serviceId.iamId).find(({ locked }) => locked);
    if (lockedKey) throw notPossible(409, 'delete', `Its API key '${lockedKey.id}' is locked.`);
    for (const key of keys.ofIdentity(serviceId.iamId)) keys.remove(key);
    removeServiceId(this.#world, serviceId);
    return context.body(null, 204);
  }

  #setLocked(context: Request, locked: boolean): Response {
    const { caller, serviceId } = this.#found(context, 'update');
    const verb = locked ? 'lock' : 'unlock';
    if (serviceId.locked !== locked) this.#world.serviceIds.revise(serviceId, { locked }, verb, caller.iamId);
    else if (locked && this.#world.parts.switches.repeatedChangeStatus === 409) {
      throw conflict(`The service ID '${serviceId.id}' is locked already.`);
    }
    return context.body(null, 204);
  }

  #demandUnlocked(serviceId: ServiceId, verb: 'update' | 'delete'): void {
    const { lockedWriteStatus } = this.#world.parts.switches;
    if (serviceId.locked) throw notPossible(lockedWriteStatus, verb, `The service ID '${serviceId.id}' is locked.`);
  }

  #found(context: Request, verb: 'get' | 'update' | 'delete'): { caller: Caller; serviceId: ServiceId } {
    const caller = callerOf(context);
    const id = context.req.param('id') ?? '';
    const serviceId = this.#world.serviceIds.get(id);
    if (!serviceId) throw notFound('ServiceId', id);
    demand(this.#world, caller, `iam-identity.serviceid.${verb}`, identityTarget('serviceid', id));
    return { caller, serviceId };
  }

  #answer(context: Request, serviceId: ServiceId, including: Including = {}): Response {
    const { parts } = this.#world;
    const view = serviceIdView(parts, serviceId, including);
    return context.json({ ...contextView(parts, context, including), ...view }, 200, { ETag: serviceId.entityTag });
  }
}
