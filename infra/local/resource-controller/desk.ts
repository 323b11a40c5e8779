import type { Context } from 'hono';
import type { z } from 'zod';
import type { KeyIdentities } from '../iam/key-identities.ts';
import type { LoggingKeys } from '../logging/key-book.ts';
import type { Access, Caller, CloudEnv, CloudParts } from '../parts.ts';
import type { SeededRandom } from '../random.ts';
import { callerOf } from '../strict-routes.ts';
import { jsonOf, validate } from '../validation.ts';
import { forbidden, invalid, transactionHeader } from './errors.ts';
import { compareRoles } from './key-roles.ts';
import type { Comparison } from './key-roles.ts';
import { stampOf } from './model.ts';
import type { Instance, Resource, ResourceKey, Stamp } from './model.ts';
import { ResourceBook } from './resource-book.ts';

type Request = Context<CloudEnv>;

/** What the resource controller lets somebody do with an instance or a key. */
export type Action =
  | `instance.${'create' | 'retrieve' | 'update' | 'update_plan' | 'delete'}`
  | `key.${'create' | 'retrieve' | 'update' | 'delete'}`
  | 'credential.retrieve_all';

/** The instance that an action is about. */
type Place = Pick<Resource, 'id' | 'offering'>;

interface DeskOptions {
  parts: CloudParts;
  random: SeededRandom;
  access: Access;
  identities: KeyIdentities;
  loggingKeys: LoggingKeys;
}

/** What every handler needs: the books, who may do what, and the form of an answer. */
export class Desk {
  readonly parts: CloudParts;
  /** Of its own, so that ids and values elsewhere are the same with and without what is made here. */
  readonly random: SeededRandom;
  readonly identities: KeyIdentities;
  readonly loggingKeys: LoggingKeys;
  readonly instances: ResourceBook<Instance>;
  readonly keys: ResourceBook<ResourceKey>;
  readonly #access: Access;

  constructor({ parts, random, access, identities, loggingKeys }: DeskOptions) {
    this.parts = parts;
    this.random = random;
    this.identities = identities;
    this.loggingKeys = loggingKeys;
    this.#access = access;
    this.instances = new ResourceBook<Instance>(parts, 'resource instance', () => parts.account.id);
    this.keys = new ResourceBook<ResourceKey>(parts, 'resource key', (key) => key.instanceId);
  }

  now(): Stamp {
    return stampOf(this.parts.clock.nowMs(), this.random);
  }

  allows(caller: Caller, action: Action, place: Place): boolean {
    return this.#access.allows(caller, `resource-controller.${action}`, targetOf(place));
  }

  /** Throws 403. */
  demand(context: Request, action: Action, place: Place): Caller {
    const caller = callerOf(context);
    if (this.allows(caller, action, place)) return caller;
    throw forbidden(`The identity has no role with the action resource-controller.${action} on ${place.id}.`);
  }

  /** How the caller's service roles on an instance compare with the role of a key. */
  compare(caller: Caller, place: Place, roleId: string | null): Comparison {
    return compareRoles(this.identities.rolesOn(caller, targetOf(place)), roleId);
  }

  answer(context: Request, body: object, status: 200 | 201 = 200): Response {
    return context.json(body, status, transactionHeader(context, this.random));
  }

  answerEmpty(context: Request): Response {
    return context.body(null, 204, transactionHeader(context, this.random));
  }
}

/** An instance in the terms of policy attributes. */
export const targetOf = ({ id, offering }: Place) => ({ serviceName: offering.name, serviceInstance: id });

/** The instance of a key. */
export const placeOf = ({ instanceId, offering }: ResourceKey): Place => ({ id: instanceId, offering });

/** Throws 400. */
export async function bodyOf<T>(context: Request, schema: z.ZodType<T>): Promise<T> {
  const body = validate(schema, await jsonOf(context));
  if (!body.ok) throw invalid(body.violation);
  return body.data;
}
