import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Context } from 'hono';
import type { Access, Caller, CloudEnv, CloudParts } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { forbidden, invalid, locked, notFound, refused, refusedAs } from './errors.ts';
import type { EventType, SecretEvents } from './events.ts';
import type { Secret, Version } from './model.ts';
import type { SecretStore } from './store.ts';
import { afterRead, findVersion } from './versions.ts';

type Request = Context<CloudEnv>;

/** Beyond it some of what works on JSON would overflow the stack. */
const LEVELS_MAX = 1_000;

/** Turns of the event loop in which calls at the same time pass each other where writes are not atomic. */
const RACE_TURNS = 10;

/** What every handler starts with: whether the caller may, and what they ask about. */
export class Desk {
  readonly parts: CloudParts;
  readonly store: SecretStore;
  readonly events: SecretEvents;
  readonly #access: Access;

  constructor(parts: CloudParts, store: SecretStore, events: SecretEvents, access: Access) {
    this.parts = parts;
    this.store = store;
    this.events = events;
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

  /** The secret as reads by its id show it. Throws 404 when it does not show yet, and 403. */
  shownSecret(context: Request, action: string, id: string): Secret {
    return this.#granted(context, action, this.store.getShown(id));
  }

  /** The version with this id or alias. Throws 404 when there is none, and for `previous` what the switch says. */
  version(secret: Secret, idOrAlias: string): Version {
    const found = findVersion(secret, idOrAlias);
    if (found) return found;
    if (idOrAlias !== 'previous') throw notFound('secret version');
    throw refusedAs(this.parts.switches.absentPreviousStatus, 'The secret version does not exist.');
  }

  /**
   * Checks whether a write may be, and lets it take effect; nothing comes between, unless the switch says that writes are
   * not atomic. Returns what `effect` does.
   */
  async write<T>(check: () => void, effect: () => T): Promise<T> {
    check();
    if (!this.parts.switches.atomicWrites) for (let turns = 0; turns < RACE_TURNS; turns += 1) await turn();
    return effect();
  }

  /** The secret as it is now. Throws 404 when it is gone. */
  present({ id }: Secret): Secret {
    const secret = this.store.get(id);
    if (!secret) throw notFound('secret');
    return secret;
  }

  /** Notes that the data of a version is read, if it has any. Returns the secret, with the note, as it was shown. */
  markRead(shown: Secret, versionId: string): Secret {
    const { nowMs } = this;
    const present = this.store.get(shown.id);
    const marked = present && afterRead(present, versionId, nowMs);
    if (marked && marked !== present) this.store.put(marked);
    return afterRead(shown, versionId, nowMs);
  }

  /** The same for metadata, which notes nothing unless the switch says so. */
  markMetadataRead(shown: Secret, versionId: string): Secret {
    return this.parts.switches.metadataReadMarksDownloaded ? this.markRead(shown, versionId) : shown;
  }

  /** The refusal of what a lock stands against. Event Notifications is told. */
  blocked(type: EventType, secret: Secret, by: string, reason: string): Error {
    this.events.raise(type, secret, { by, reason });
    return locked(reason);
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

/** The JSON of the request's body. Throws 400 for another content type, for what is not JSON, and for too many levels of it. */
export async function bodyOf(
  context: Request,
  contentType: 'application/json' | 'application/merge-patch+json',
): Promise<unknown> {
  const given = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (given !== contentType) throw invalid('Content-Type', `must be ${contentType}`, 'header');
  const bytes = Buffer.from(await context.req.arrayBuffer());
  const body = parsed(bytes, context.req.header('content-encoding') === 'gzip');
  if (isDeeperThan(body, LEVELS_MAX))
    throw refused(`Request validation error: The body has over ${LEVELS_MAX} levels.`);
  return body;
}

function parsed(bytes: Buffer, isGzip: boolean): unknown {
  try {
    const text = isGzip ? gunzipSync(bytes) : bytes;
    return JSON.parse(text.toString('utf8')) as unknown;
  } catch {
    // The reason of the parser quotes the body, which may hold a secret value.
    throw refused('Request validation error: The body is not valid JSON.');
  }
}

const isNesting = (one: unknown) => typeof one === 'object' && one !== null;

/** Whether arrays and objects are nested in more than `levels`. It looks level by level: JSON may be deeper than the stack. */
function isDeeperThan(value: unknown, levels: number): boolean {
  let level = [value].filter(isNesting);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > levels) return true;
    level = level.flatMap((one): unknown[] => Object.values(one)).filter(isNesting);
  }
  return false;
}
