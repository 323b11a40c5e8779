import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { KEYS_PER_IDENTITY } from './api-key-book.ts';
import { notFound } from './identity-errors.ts';
import { demandAccount, demandOnAll, demandOnKeys, Flag, identityRoutes } from './identity-requests.ts';
import { PROFILES_PER_ACCOUNT } from './profile-book.ts';
import { isServiceIamId, serviceIdOf } from './service-id-book.ts';
import type { IamWorld } from './world.ts';

const Query = z.strictObject({
  profiles: Flag.optional(),
  apikeys_per_identity: z.string().min(1).optional(),
});

/** `/v1/accounts/{account_id}/limits/identity` of the IAM Identity API: limits and what is used of them. */
export function limitRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-account-limits
  const path = '/v1/accounts/:account_id/limits/identity';
  routes.addWithQuery('GET', path, Query, (context, query) => accountLimits(world, context, query));
  return routes.app;
}

function accountLimits(world: IamWorld, context: Context<CloudEnv>, query: z.infer<typeof Query>): Response {
  const caller = callerOf(context);
  demandAccount(caller, context.req.param('account_id'), 'iam-identity.account.get');
  const iamIds = query.apikeys_per_identity?.split(',') ?? [];
  // Who may list the keys of an identity may count them.
  for (const iamId of iamIds) {
    demandOnKeys(world, caller, iamId, 'list');
    if (!isServiceIamId(iamId) || world.serviceIds.withIamId(iamId)) continue;
    throw notFound('ServiceId', serviceIdOf(iamId));
  }
  // Nothing is for everybody: without a count of an identity it is a question about the account.
  if (query.profiles || iamIds.length === 0) demandOnAll(world, caller, 'iam-identity.account.get');
  const identities = iamIds.map((iamId) => ({ iam_id: iamId, count: world.keys.countOf(iamId) }));
  return context.json({
    ...(query.profiles && { profiles: { limit: PROFILES_PER_ACCOUNT, count: world.profiles.size } }),
    ...(iamIds.length > 0 && { apikeys_per_identity: { limit: KEYS_PER_IDENTITY, identities } }),
  });
}
