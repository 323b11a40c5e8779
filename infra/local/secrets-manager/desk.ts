import { gunzipSync } from 'node:zlib';
import type { Context } from 'hono';
import type { Access, Caller, CloudEnv, CloudParts } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { forbidden, invalid, notFound, refused } from './errors.ts';
import type { Secret } from './model.ts';
import type { SecretStore } from './store.ts';

type Request = Context<CloudEnv>;

/** What every handler starts with: whether the caller may, and what they ask about. */
export class Desk {
  readonly parts: CloudParts;
  readonly store: SecretStore;
  readonly #access: Access;

  constructor(parts: CloudParts, store: SecretStore, access: Access) {
    this.parts = parts;
    this.store = store;
    this.#access = access;
  }

  get nowMs(): number {
    return this.parts.clock.nowMs();
  }

  /** Throws 403 when the caller may not do `action` in the group, or in the whole instance for none. */
  demand(context: Request, action: string, groupId?: string): Caller {
    const caller = callerOf(context);
    if (!this.#allows(caller, action, groupId)) throw forbidden(`secrets-manager.${action}`);
    return caller;
  }

  /** The groups in which the caller may do `action`. Throws 403 when there is none. */
  groupsFor(context: Request, action: string): Set<string> {
    const caller = callerOf(context);
    const ids = [...this.store.groups.keys()].filter((id) => this.#allows(caller, action, id));
    if (ids.length === 0) throw forbidden(`secrets-manager.${action}`);
    return new Set(ids);
  }

  /** The secret. Throws 404 when it does not exist, and 403. */
  secret(context: Request, action: string, id: string): Secret {
    return this.#granted(context, action, this.store.get(id));
  }

  /** The secret as lists show it. Throws 404 when it does not show yet, and 403. */
  listedSecret(context: Request, action: string, id: string): Secret {
    return this.#granted(context, action, this.store.getListed(id));
  }

  #granted(context: Request, action: string, secret: Secret | null): Secret {
    if (!secret) throw notFound('secret');
    this.demand(context, action, secret.groupId);
    return secret;
  }

  #allows(caller: Caller, action: string, groupId: string | undefined): boolean {
    const instance = { serviceName: 'secrets-manager', serviceInstance: this.parts.account.secretsManager.guid };
    const target = groupId === undefined ? instance : { ...instance, resourceType: 'secret-group', resource: groupId };
    return this.#access.allows(caller, `secrets-manager.${action}`, target);
  }
}

/** The JSON of the request's body. Throws 400 for another content type or for what is not JSON. */
export async function bodyOf(
  context: Request,
  contentType: 'application/json' | 'application/merge-patch+json',
): Promise<unknown> {
  const given = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (given !== contentType) throw invalid('Content-Type', `must be ${contentType}`, 'header');
  const bytes = Buffer.from(await context.req.arrayBuffer());
  try {
    const text = context.req.header('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes;
    return JSON.parse(text.toString('utf8')) as unknown;
  } catch {
    // The reason of the parser quotes the body, which may hold a secret value.
    throw refused('Request validation error: The body is not valid JSON.');
  }
}
