import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { FilterParameter } from './filter.ts';
import { notFound } from './identity-errors.ts';
import { bodyOf, demand, demandAccount, demandOnAll, demandTag, Flag, identityRoutes } from './identity-requests.ts';
import { EntitySort, pageOf, PageQuery, sortedBy } from './paging.ts';
import type { TrustedProfile } from './profile-book.ts';
import { contextView, profileView } from './views.ts';
import { identityTarget } from './world.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const ListQuery = z.strictObject({
  ...PageQuery,
  account_id: z.string(),
  name: z.string().optional(),
  sort: EntitySort,
  include_history: Flag.optional(),
  filter: FilterParameter.optional(),
});

const GetQuery = z.strictObject({ include_activity: Flag.optional() });

const NewProfile = z.strictObject({
  account_id: z.string().min(1),
  name: z.string().min(1),
  description: z.string().optional(),
  email: z.string().optional(),
});

const Update = z.strictObject({
  name: z.string().min(1).optional(),
  description: z.string().optional(),
  email: z.string().optional(),
});

/** `/v1/profiles` of the IAM Identity API. */
export class ProfileRoutes {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  routes(): Hono<CloudEnv> {
    const routes = identityRoutes(this.#world);
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-profile
    routes.add('POST', '/v1/profiles', (context) => this.#create(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-profiles
    routes.addWithQuery('GET', '/v1/profiles', ListQuery, (context, query) => this.#list(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-profile
    routes.addWithQuery('GET', '/v1/profiles/:id', GetQuery, (context, query) => this.#get(context, query));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-profile
    routes.add('PUT', '/v1/profiles/:id', (context) => this.#update(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-profile
    routes.add('DELETE', '/v1/profiles/:id', (context) => this.#delete(context));
    return routes.app;
  }

  async #create(context: Request): Promise<Response> {
    const caller = callerOf(context);
    const { account_id: accountId, ...input } = await bodyOf(context, NewProfile);
    demandAccount(caller, accountId, 'iam-identity.profile.create');
    demandOnAll(this.#world, caller, 'iam-identity.profile.create', 'profile');
    const { name, description = '', email = '' } = input;
    const profile = this.#world.profiles.add({ name, description, email }, caller.iamId);
    return context.json(profileView(this.#world.parts, profile), 201, { ETag: profile.entityTag });
  }

  #list(context: Request, query: z.infer<typeof ListQuery>): Response {
    const caller = callerOf(context);
    demandAccount(caller, query.account_id, 'iam-identity.profile.get');
    demandOnAll(this.#world, caller, 'iam-identity.profile.get', 'profile');
    const named = this.#world.profiles.listed(query.name);
    const found = query.filter ? named.filter(query.filter) : named;
    const { items, links } = pageOf(context, sortedBy(found, query.sort, query.order), query);
    const including = { history: query.include_history };
    return context.json({
      ...contextView(this.#world.parts, context, including),
      ...links,
      profiles: items.map((profile) => profileView(this.#world.parts, profile, including)),
    });
  }

  #get(context: Request, query: z.infer<typeof GetQuery>): Response {
    const { profile } = foundProfile(this.#world, context, 'get');
    const including = { activity: query.include_activity };
    const view = profileView(this.#world.parts, profile, including);
    const body = { ...contextView(this.#world.parts, context, including), ...view };
    return context.json(body, 200, { ETag: profile.entityTag });
  }

  async #update(context: Request): Promise<Response> {
    foundProfile(this.#world, context, 'update');
    const { name, description, email } = await bodyOf(context, Update);
    // What was true before the body arrived may be no more.
    const { caller, profile } = foundProfile(this.#world, context, 'update');
    demandTag(this.#world, context, profile);
    const change = {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(email !== undefined && { email }),
    };
    const revised = this.#world.profiles.revise(profile, change, caller.iamId);
    return context.json(profileView(this.#world.parts, revised), 200, { ETag: revised.entityTag });
  }

  #delete(context: Request): Response {
    const { profile } = foundProfile(this.#world, context, 'delete');
    this.#world.policies.removeSubject(profile.iamId);
    this.#world.profiles.remove(profile);
    this.#world.trust.removeProfile(profile.id);
    this.#world.tokens.revoke(profile.iamId);
    return context.body(null, 204);
  }
}

/** The profile in the path. Throws 404 and 403. */
export function foundProfile(
  world: IamWorld,
  context: Context<CloudEnv>,
  verb: 'get' | 'update' | 'delete',
): { caller: Caller; profile: TrustedProfile } {
  const caller = callerOf(context);
  const id = context.req.param('id') ?? '';
  const profile = world.profiles.get(id);
  if (!profile) throw notFound('Profile', id);
  demand(world, caller, `iam-identity.profile.${verb}`, identityTarget('profile', id));
  return { caller, profile };
}
