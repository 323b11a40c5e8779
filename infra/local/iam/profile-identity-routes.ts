import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { badRequest, notFound } from './identity-errors.ts';
import { bodyOf, demandTag, identityRoutes } from './identity-requests.ts';
import type { ProfileIdentity, TrustedProfile } from './profile-book.ts';
import { foundProfile } from './profile-routes.ts';
import { profileIdentityView } from './views.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const Identity = z.strictObject({
  identifier: z.string().min(1),
  type: z.enum(['user', 'serviceid', 'crn']),
  accounts: z.array(z.string().min(1)).optional(),
  description: z.string().optional(),
});

const Identities = z.strictObject({ identities: z.array(Identity).default([]) });

/** `/v1/profiles/{profile-id}/identities` of the IAM Identity API: who may assume a trusted profile with a token. */
export function profileIdentityRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  const identities = '/v1/profiles/:id/identities';
  const identity = `${identities}/:type/:identifier` as const;
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-profile-identities
  routes.add('GET', identities, (context) => answerAll(world, context, foundProfile(world, context, 'get').profile));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#set-profile-identities
  routes.add('PUT', identities, (context) => replaceAll(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#set-profile-identity
  routes.add('POST', `${identities}/:type`, (context) => setOne(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-profile-identity
  routes.add('GET', identity, (context) => {
    const { profile } = foundProfile(world, context, 'get');
    return context.json(profileIdentityView(world, foundIdentity(context, profile)));
  });
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-profile-identity
  routes.add('DELETE', identity, (context) => {
    const { caller, profile } = foundProfile(world, context, 'update');
    const found = foundIdentity(context, profile);
    const left = profile.identities.filter((one) => one !== found);
    world.profiles.revise(profile, { identities: left }, caller.iamId);
    return context.body(null, 204);
  });
  return routes.app;
}

async function replaceAll(world: IamWorld, context: Request): Promise<Response> {
  foundProfile(world, context, 'update');
  const body = await bodyOf(context, Identities);
  // What was true before the body arrived may be no more.
  const { caller, profile } = foundProfile(world, context, 'update');
  demandTag(world, context, profile);
  const identities = body.identities.map((identity) => identityOf(world, identity));
  const repeated = identities.find((one, place) => identities.findIndex((other) => isSame(one, other)) !== place);
  if (repeated) throw badRequest({ property: 'identities', missing: false, reason: 'names an identity twice' });
  return answerAll(world, context, world.profiles.revise(profile, { identities }, caller.iamId));
}

/** Answers 200 as the whole list does, whether the identity is new or not. */
async function setOne(world: IamWorld, context: Request): Promise<Response> {
  foundProfile(world, context, 'update');
  const body = await bodyOf(context, Identity);
  if (body.type !== context.req.param('type')) {
    throw badRequest({ property: 'type', missing: false, reason: 'is not the type in the path' });
  }
  // What was true before the body arrived may be no more.
  const { caller, profile } = foundProfile(world, context, 'update');
  const identity = identityOf(world, body);
  const others = profile.identities.filter((one) => !isSame(one, identity));
  world.profiles.revise(profile, { identities: [...others, identity] }, caller.iamId);
  return context.json(profileIdentityView(world, identity));
}

const refuse = (property: string, reason: string) => badRequest({ property, missing: false, reason });

/** Throws 400. */
function identityOf(world: IamWorld, body: z.infer<typeof Identity>): ProfileIdentity {
  const { type, identifier, accounts, description = '' } = body;
  if (accounts && type !== 'user') throw refuse('accounts', 'is for users only');
  if (type === 'crn' && !identifier.startsWith('crn:v1:')) throw refuse('identifier', 'is not a CRN');
  if (type === 'serviceid' && !world.serviceIds.get(identifier)) throw refuse('identifier', 'is not a service ID');
  if (type === 'user' && /^(iam|crn)-/.test(identifier)) throw refuse('identifier', 'is not the IAM ID of a user');
  return { type, identifier, accounts, description };
}

function foundIdentity(context: Request, { identities }: TrustedProfile): ProfileIdentity {
  const { type = '', identifier = '' } = context.req.param() as { type?: string; identifier?: string };
  const identity = identities.find((one) => one.type === type && one.identifier === identifier);
  if (!identity) throw notFound('ProfileIdentity', identifier);
  return identity;
}

const isSame = (one: ProfileIdentity, other: ProfileIdentity): boolean =>
  one.type === other.type && one.identifier === other.identifier;

function answerAll(world: IamWorld, context: Request, { entityTag, identities }: TrustedProfile): Response {
  const views = identities.map((identity) => profileIdentityView(world, identity));
  return context.json({ entity_tag: entityTag, identities: views }, 200, { ETag: entityTag });
}
