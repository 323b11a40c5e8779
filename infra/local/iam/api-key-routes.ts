import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { ApiKey } from './api-key-book.ts';
import { createApiKey } from './api-key-create.ts';
import { listApiKeys, ListApiKeysQuery } from './api-key-list.ts';
import { badRequest, conflict, notFound, notPossible, valueNotFound } from './identity-errors.ts';
import { bodyOf, demandFuture, demandOnKeys, demandTag, Flag, IamDate, identityRoutes } from './identity-requests.ts';
import { isServiceIamId } from './service-id-book.ts';
import { apiKeyView, contextView } from './views.ts';
import { ownerTarget } from './world.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const DetailsQuery = z.strictObject({ include_history: Flag.optional() });
const GetQuery = DetailsQuery.extend({ include_activity: Flag.optional() });

const Update = z.strictObject({
  name: z.string().min(1).optional(),
  description: z.string().optional(),
  support_sessions: z.boolean().optional(),
  action_when_leaked: z.enum(['none', 'disable', 'delete']).optional(),
  // An empty value deletes the property.
  expires_at: z.union([z.literal('').transform(() => null), IamDate]).optional(),
});

/** `/v1/apikeys` of the IAM Identity API. */
export class ApiKeyRoutes {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  routes(): Hono<CloudEnv> {
    const routes = identityRoutes(this.#world);
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-api-keys
    routes.addWithQuery('GET', '/v1/apikeys', ListApiKeysQuery, (context, query) =>
      listApiKeys(this.#world, context, query),
    );
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-api-key
    routes.add('POST', '/v1/apikeys', (context) => createApiKey(this.#world, context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-api-keys-details
    routes.addWithQuery('GET', '/v1/apikeys/details', DetailsQuery, (context, query) => this.#details(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-api-key
    routes.addWithQuery('GET', '/v1/apikeys/:id', GetQuery, (context, query) => this.#get(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-api-key
    routes.add('PUT', '/v1/apikeys/:id', (context) => this.#update(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-api-key
    routes.add('DELETE', '/v1/apikeys/:id', (context) => this.#delete(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#lock-api-key
    routes.add('POST', '/v1/apikeys/:id/lock', (context) => this.#setLocked(context, true));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#unlock-api-key
    routes.add('DELETE', '/v1/apikeys/:id/lock', (context) => this.#setLocked(context, false));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#disable-api-key
    routes.add('POST', '/v1/apikeys/:id/disable', (context) => this.#setDisabled(context, true));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#enable-api-key
    routes.add('DELETE', '/v1/apikeys/:id/disable', (context) => this.#setDisabled(context, false));
    return routes.app;
  }

  #details(context: Request, query: z.infer<typeof DetailsQuery>): Response {
    const caller = callerOf(context);
    const value = context.req.header('IAM-ApiKey');
    if (value === undefined) throw badRequest({ property: 'IAM-ApiKey', missing: true, reason: 'is required' });
    const key = this.#world.keys.withValue(value);
    if (!key) throw valueNotFound(this.#world.parts.switches.unknownKeyDetailsStatus);
    // Who is logged in as the identity of the key learns with it which key it has.
    if (caller.iamId !== key.iamId) demandOnKeys(this.#world, caller, key.iamId, 'get');
    return this.#answer(context, key, { history: query.include_history });
  }

  #get(context: Request, query: z.infer<typeof GetQuery>): Response {
    const { key } = this.#found(context, 'get');
    return this.#answer(context, key, { history: query.include_history, activity: query.include_activity });
  }

  async #update(context: Request): Promise<Response> {
    const { caller, key: found } = this.#found(context, 'update');
    const body = await bodyOf(context, Update);
    // What was true before the body arrived may be no more.
    const key = this.#world.keys.get(found.id);
    if (!key) throw notFound('ApiKey', found.id);
    this.#demandUnlocked(key, 'update');
    demandTag(this.#world, context, key);
    if (body.support_sessions && isServiceIamId(key.iamId)) {
      throw badRequest({ property: 'support_sessions', missing: false, reason: 'is for keys of users only' });
    }
    if (typeof body.expires_at === 'number') demandFuture(this.#world, body.expires_at);
    const change = {
      ...(body.name !== undefined && { name: body.name }),
      ...(body.description !== undefined && { description: body.description }),
      ...(body.support_sessions !== undefined && { supportSessions: body.support_sessions }),
      ...(body.action_when_leaked !== undefined && { actionWhenLeaked: body.action_when_leaked }),
      ...(body.expires_at !== undefined && { expiresAtMs: body.expires_at }),
    };
    return this.#answer(context, this.#world.keys.revise(key, change, 'update', caller.iamId));
  }

  #delete(context: Request): Response {
    const { key } = this.#found(context, 'delete');
    this.#demandUnlocked(key, 'delete');
    this.#world.keys.remove(key);
    return context.body(null, 204);
  }

  #setLocked(context: Request, locked: boolean): Response {
    const { caller, key } = this.#found(context, 'update');
    const verb = locked ? 'lock' : 'unlock';
    if (key.locked !== locked) this.#world.keys.revise(key, { locked }, verb, caller.iamId);
    else if (locked) this.#repeated(key, 'locked');
    return context.body(null, 204);
  }

  #setDisabled(context: Request, disabled: boolean): Response {
    const { caller, key } = this.#found(context, 'update');
    if (this.#world.parts.switches.lockRefusesDisable) this.#demandUnlocked(key, 'update');
    const verb = disabled ? 'disable' : 'enable';
    if (key.disabled !== disabled) this.#world.keys.revise(key, { disabled }, verb, caller.iamId);
    else this.#repeated(key, `${verb}d`);
    return context.body(null, 204);
  }

  /** Throws 409, when switched. */
  #repeated(key: ApiKey, state: string): void {
    if (this.#world.parts.switches.repeatedChangeStatus === 204) return;
    throw conflict(`The API key '${key.id}' is ${state} already.`);
  }

  #found(context: Request, verb: 'get' | 'update' | 'delete'): { caller: Caller; key: ApiKey } {
    const caller = callerOf(context);
    const id = context.req.param('id') ?? '';
    const key = this.#world.keys.get(id);
    if (!key) throw notFound('ApiKey', id);
    demandOnKeys(this.#world, caller, key.iamId, verb);
    return { caller, key };
  }

  #demandUnlocked(key: ApiKey, verb: 'update' | 'delete'): void {
    const { lockedWriteStatus } = this.#world.parts.switches;
    if (key.locked) throw notPossible(lockedWriteStatus, verb, `The API key '${key.id}' is locked.`);
  }

  /** A reviewer of API keys reads all of them but their values. */
  #mayReadValue(caller: Caller, key: ApiKey): boolean {
    const { parts, policies } = this.#world;
    if (caller.iamId === parts.account.adminIamId) return true;
    return policies.grant(caller.iamId, 'iam-identity.apikey.get', ownerTarget(key.iamId));
  }

  #answer(context: Request, key: ApiKey, including: Parameters<typeof contextView>[2] = {}): Response {
    const { parts } = this.#world;
    const withValue = key.storeValue && this.#mayReadValue(callerOf(context), key);
    const view = apiKeyView(parts, key, { ...including, withValue });
    return context.json({ ...contextView(parts, context, including), ...view }, 200, { ETag: key.entityTag });
  }
}
