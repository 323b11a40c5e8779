import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { ClaimCondition } from './claim-rules.ts';
import type { ClaimRule } from './claim-rules.ts';
import { notFound } from './identity-errors.ts';
import { bodyOf, demandTag, identityRoutes } from './identity-requests.ts';
import { foundProfile } from './profile-routes.ts';
import { claimRuleView } from './views.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const Rule = z.strictObject({
  type: z.literal('Profile-CR'),
  cr_type: z.literal('CE'),
  name: z.string().optional(),
  conditions: z.array(ClaimCondition).min(1),
});

/** `/v1/profiles/{profile-id}/rules` of the IAM Identity API, for components of Code Engine. */
export function claimRuleRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  const [rules, rule] = ['/v1/profiles/:id/rules', '/v1/profiles/:id/rules/:rule'];
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-claim-rule
  routes.add('POST', rules, (context) => createRule(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-claim-rules
  routes.add('GET', rules, (context) => {
    const { profile } = foundProfile(world, context, 'get');
    return context.json({ rules: world.trust.rulesOf(profile.id).map(claimRuleView) });
  });
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-claim-rule
  routes.add('GET', rule, (context) => answer(context, foundRule(world, context, 'get').rule, 200));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-claim-rule
  routes.add('PUT', rule, (context) => updateRule(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-claim-rule
  routes.add('DELETE', rule, (context) => {
    const found = foundRule(world, context, 'update');
    world.trust.removeRule(found.profileId, found.rule.id);
    return context.body(null, 204);
  });
  return routes.app;
}

async function createRule(world: IamWorld, context: Request): Promise<Response> {
  foundProfile(world, context, 'update');
  const { name = '', conditions } = await bodyOf(context, Rule);
  // What was true before the body arrived may be no more.
  const { profile } = foundProfile(world, context, 'update');
  return answer(context, world.trust.addRule(profile.id, { name, conditions }), 201);
}

async function updateRule(world: IamWorld, context: Request): Promise<Response> {
  foundRule(world, context, 'update');
  const body = await bodyOf(context, Rule);
  // What was true before the body arrived may be no more.
  const { profileId, rule } = foundRule(world, context, 'update');
  demandTag(world, context, rule);
  const change = { name: body.name ?? rule.name, conditions: body.conditions };
  return answer(context, world.trust.reviseRule(profileId, rule, change), 200);
}

/** The rule in the path. Throws 404 and 403. */
function foundRule(world: IamWorld, context: Request, verb: 'get' | 'update'): { profileId: string; rule: ClaimRule } {
  const { profile } = foundProfile(world, context, verb);
  const id = context.req.param('rule') ?? '';
  const rule = world.trust.rulesOf(profile.id).find((candidate) => candidate.id === id);
  if (!rule) throw notFound('ProfileClaimRule', id);
  return { profileId: profile.id, rule };
}

const answer = (context: Request, rule: ClaimRule, status: 200 | 201): Response =>
  context.json(claimRuleView(rule), status, { ETag: rule.entityTag });
