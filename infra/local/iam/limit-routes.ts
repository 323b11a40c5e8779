import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { KEYS_PER_IDENTITY } from './api-key-book.ts';
import { notFound } from './identity-errors.ts';
import { bodyOf, demand, demandAccount, demandOnAll, demandOnKeys, Flag, identityRoutes } from './identity-requests.ts';
import { PROFILES_PER_ACCOUNT } from './profile-book.ts';
import { isServiceIamId, serviceIdOf } from './service-id-book.ts';
import { RULES_PER_PROFILE } from './trust-book.ts';
import { identityTarget } from './world.ts';
import type { IamWorld } from './world.ts';

/** Which limits are asked for. Claim rules of profiles are those for compute resources: others do not exist here. */
const Wish = z.strictObject({
  profiles: z.boolean().optional(),
  apikeys_per_identity: z.array(z.string().min(1)).optional(),
  claim_rules_per_profile: z.array(z.string().min(1)).optional(),
  cr_rules_per_profile: z.array(z.string().min(1)).optional(),
});
type Wish = z.infer<typeof Wish>;

const Names = z
  .string()
  .min(1)
  .transform((text) => text.split(','));

const Query = z.strictObject({
  profiles: Flag.optional(),
  apikeys_per_identity: Names.optional(),
  claim_rules_per_profile: Names.optional(),
  cr_rules_per_profile: Names.optional(),
});

/** `/v1/accounts/{account_id}/limits/identity` of the IAM Identity API: limits and what is used of them. */
export function limitRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  const path = '/v1/accounts/:account_id/limits/identity';
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-account-limits
  routes.addWithQuery('GET', path, Query, (context, query) => accountLimits(world, context, query));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#bulk-list-account-entity-consumption
  routes.add('POST', path, async (context) => accountLimits(world, context, await bodyOf(context, Wish)));
  return routes.app;
}

function accountLimits(world: IamWorld, context: Context<CloudEnv>, wish: Wish): Response {
  const caller = callerOf(context);
  demandAccount(caller, context.req.param('account_id'), 'iam-identity.account.get');
  const { profiles, apikeys_per_identity: iamIds, ...ofProfiles } = wish;
  const isAboutOne = [iamIds, ...Object.values(ofProfiles)].some((names) => (names ?? []).length > 0);
  // Nothing is for everybody: without a count of an identity it is a question about the account.
  if (profiles || !isAboutOne) demandOnAll(world, caller, 'iam-identity.account.get');
  const { claim_rules_per_profile: rules, cr_rules_per_profile: crRules } = ofProfiles;
  return context.json({
    ...(profiles && { profiles: { limit: PROFILES_PER_ACCOUNT, count: world.profiles.size } }),
    ...(iamIds && { apikeys_per_identity: keyCounts(world, caller, iamIds) }),
    ...(rules && { claim_rules_per_profile: ruleCounts(world, caller, rules) }),
    ...(crRules && { cr_rules_per_profile: ruleCounts(world, caller, crRules) }),
  });
}

/** Who may list the keys of an identity may count them. */
function keyCounts(world: IamWorld, caller: Caller, iamIds: readonly string[]): object {
  const identities = iamIds.map((iamId) => {
    demandOnKeys(world, caller, iamId, 'list');
    const isUnknown = isServiceIamId(iamId) && !world.serviceIds.withIamId(iamId);
    if (isUnknown) throw notFound('ServiceId', serviceIdOf(iamId));
    return { iam_id: iamId, count: world.keys.countOf(iamId) };
  });
  return { limit: KEYS_PER_IDENTITY, identities };
}

/** Who may see a profile may count its rules. */
function ruleCounts(world: IamWorld, caller: Caller, profileIds: readonly string[]): object {
  const profiles = profileIds.map((id) => {
    demand(world, caller, 'iam-identity.profile.get', identityTarget('profile', id));
    if (!world.profiles.get(id)) throw notFound('Profile', id);
    return { profile_id: id, count: world.trust.rulesOf(id).length };
  });
  return { limit: RULES_PER_PROFILE, profiles };
}
