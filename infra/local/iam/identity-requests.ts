import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv, Target } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { parseIamDate } from './dates.ts';
import type { Entity } from './entities.ts';
import { answerIdentityError, badRequest, forbidden, invalidAccessToken, outdatedTag } from './identity-errors.ts';
import { isServiceIamId } from './service-id-book.ts';
import { jsonOf, validate } from '../validation.ts';
import { identityTarget, ownerTarget } from './world.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

/** A query parameter that is `true` or `false`. */
export const Flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A date as IAM Identity takes it, in epoch milliseconds. */
export const IamDate = z.string().transform((text, context) => {
  const atMs = parseIamDate(text);
  if (atMs !== null) return atMs;
  context.addIssue("is not a date in the format 'yyyy-MM-ddTHH:mm+0000'");
  return z.NEVER;
});

/** Routes of the IAM Identity API, for callers with a token: others get 401, and 400 who sends a wrong query. */
export function identityRoutes({ access, parts }: IamWorld): StrictRoutes {
  const login = { access, refusal: invalidAccessToken };
  return new StrictRoutes({ login, badQuery: badRequest, onError: answerIdentityError(parts) });
}

/** Throws 400. */
export async function bodyOf<T>(context: Request, schema: z.ZodType<T>): Promise<T> {
  const body = validate(schema, await jsonOf(context));
  if (!body.ok) throw badRequest(body.violation);
  return body.data;
}

/** A header that is `true` or `false`, and false when it is missing. Throws 400. */
export function flagHeader(context: Request, name: 'Entity-Lock' | 'Entity-Disable'): boolean {
  const flag = validate(Flag, context.req.header(name) ?? 'false');
  if (!flag.ok) throw badRequest({ ...flag.violation, property: name });
  return flag.data;
}

/** Throws 400 without `If-Match`, and when it is neither `*` nor the tag of the present version. */
export function demandTag(world: IamWorld, context: Request, entity: Pick<Entity, 'entityTag'>): void {
  const tag = context.req.header('If-Match');
  if (tag === undefined) throw badRequest({ property: 'If-Match', missing: true, reason: 'is required' });
  if (tag !== '*' && tag !== entity.entityTag) throw outdatedTag(world.parts.switches.staleIfMatchStatus);
}

/** Throws 403. */
export function demand(world: IamWorld, caller: Caller, action: string, target: Target): void {
  if (world.access.allows(caller, action, target)) return;
  const { resourceType, resource } = target;
  const scope = resource === undefined ? '' : `::${resourceType}:${resource}`;
  throw forbidden(action, caller.iamId, `a/${world.parts.account.id}${scope}`);
}

/** The right to do something in the account by a policy: being its owner is not enough. Throws 403. */
export function demandGranted(world: IamWorld, caller: Caller, action: string): void {
  if (world.policies.grant(caller.iamId, action, identityTarget())) return;
  throw forbidden(action, caller.iamId, `a/${world.parts.account.id}`);
}

/** Throws 403 for an account other than the caller's. */
export function demandAccount(caller: Caller, accountId: string | undefined, action: string): void {
  if (accountId === undefined || accountId === caller.accountId) return;
  throw forbidden(action, caller.iamId, `a/${accountId}`);
}

/** The right to do something with the keys of an identity: users have it on their own. Throws 403. */
export function demandOnKeys(
  world: IamWorld,
  caller: Caller,
  iamId: string,
  verb: 'get' | 'list' | 'create' | 'update' | 'delete',
): void {
  if (isServiceIamId(iamId)) return demand(world, caller, `iam-identity.apikey.${verb}`, ownerTarget(iamId));
  if (caller.iamId === iamId) return undefined;
  return demand(world, caller, 'iam-identity.apikey.manage', ownerTarget(iamId));
}

/**
 * Which service IDs a list of the account shows to the caller, as a filter of IAM IDs; null for all of them. Throws 403,
 * unless switched, for a caller who may not do `action` on all.
 */
export function visibleServiceIds(world: IamWorld, caller: Caller, action: string): ReadonlySet<string> | null {
  if (world.access.allows(caller, action, identityTarget('serviceid'))) return null;
  if (world.parts.switches.partialAccountLists === 'refused') demandOnAll(world, caller, action, 'serviceid');
  const visible = world.serviceIds.all().filter(({ iamId }) => world.access.allows(caller, action, ownerTarget(iamId)));
  return new Set(visible.map(({ iamId }) => iamId));
}

/** The right to do something with all of a type. Throws 403. */
export function demandOnAll(
  world: IamWorld,
  caller: Caller,
  action: string,
  resourceType?: 'serviceid' | 'profile' | 'user',
): void {
  demand(world, caller, action, identityTarget(resourceType));
}

/** Throws 400, unless switched, for an expiry that is not ahead. */
export function demandFuture({ parts }: IamWorld, expiresAtMs: number): void {
  if (expiresAtMs > parts.clock.nowMs() || parts.switches.pastExpiry === 'accepted') return;
  throw badRequest({ property: 'expires_at', missing: false, reason: 'is not in the future' });
}
