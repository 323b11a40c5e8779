import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import type { ApiKey } from './api-key-book.ts';
import { createApiKey } from './api-key-create.ts';
import { listApiKeys } from './api-key-list.ts';
import { answerIdentityError, badRequest, notFound, notPossible } from './identity-errors.ts';
import {
  bodyOf,
  demandFuture,
  demandOnKeys,
  demandTag,
  Flag,
  IamDate,
  queryOf,
  signedIn,
} from './identity-requests.ts';
import { isServiceIamId } from './service-id-book.ts';
import { apiKeyView, contextView } from './views.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const GetQuery = z.strictObject({ include_history: Flag.optional(), include_activity: Flag.optional() });

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
    const app = new Hono<CloudEnv>();
    app.onError(answerIdentityError(this.#world.parts));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-api-keys
    app.get('/v1/apikeys', (context) => listApiKeys(this.#world, context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-api-key
    app.post('/v1/apikeys', (context) => createApiKey(this.#world, context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-api-keys-details
    app.get('/v1/apikeys/details', (context) => this.#details(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-api-key
    app.get('/v1/apikeys/:id', (context) => this.#get(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-api-key
    app.put('/v1/apikeys/:id', (context) => this.#update(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-api-key
    app.delete('/v1/apikeys/:id', (context) => this.#delete(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#lock-api-key
    app.post('/v1/apikeys/:id/lock', (context) => this.#setLocked(context, true));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#unlock-api-key
    app.delete('/v1/apikeys/:id/lock', (context) => this.#setLocked(context, false));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#disable-api-key
    app.post('/v1/apikeys/:id/disable', (context) => this.#setDisabled(context, true));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#enable-api-key
    app.delete('/v1/apikeys/:id/disable', (context) => this.#setDisabled(context, false));
    return app;
  }

  #details(context: Request): Response {
    const caller = signedIn(this.#world, context);
    const query = queryOf(context, GetQuery.omit({ include_activity: true }));
    const value = context.req.header('IAM-ApiKey');
    if (value === undefined) throw badRequest({ property: 'IAM-ApiKey', missing: true, reason: 'is required' });
    const key = this.#world.keys.withValue(value);
    // The value is not an identifier to tell: it is the secret.
    if (!key) throw notFound('ApiKey', '[value]');
    // Who is logged in as the identity of the key learns with it which key it has.
    if (caller.iamId !== key.iamId) demandOnKeys(this.#world, caller, key.iamId, 'get');
    return this.#answer(context, key, { history: query.include_history });
  }

  #get(context: Request): Response {
    const { key } = this.#found(context, 'get');
    const query = queryOf(context, GetQuery);
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
    return context.body(null, 204);
  }

  #setDisabled(context: Request, disabled: boolean): Response {
    const { caller, key } = this.#found(context, 'update');
    if (this.#world.parts.switches.lockRefusesDisable) this.#demandUnlocked(key, 'update');
    const verb = disabled ? 'disable' : 'enable';
    if (key.disabled !== disabled) this.#world.keys.revise(key, { disabled }, verb, caller.iamId);
    return context.body(null, 204);
  }

  #found(context: Request, verb: 'get' | 'update' | 'delete'): { caller: Caller; key: ApiKey } {
    const caller = signedIn(this.#world, context);
    const id = context.req.param('id') ?? '';
    const key = this.#world.keys.get(id);
    if (!key) throw notFound('ApiKey', id);
    demandOnKeys(this.#world, caller, key.iamId, verb);
    return { caller, key };
  }

  #demandUnlocked(key: ApiKey, verb: 'update' | 'delete'): void {
    if (key.locked) throw notPossible(verb, `The API key '${key.id}' is locked.`);
  }

  #answer(context: Request, key: ApiKey, including: Parameters<typeof contextView>[2] = {}): Response {
    const { parts } = this.#world;
    const view = apiKeyView(parts, key, { ...including, withValue: key.storeValue });
    return context.json({ ...contextView(parts, context, including), ...view }, 200, { ETag: key.entityTag });
  }
}
