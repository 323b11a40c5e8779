import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { badRequest, notFound } from './identity-errors.ts';
import { bodyOf, demand, identityRoutes } from './identity-requests.ts';
import { foundProfile } from './profile-routes.ts';
import type { ProfileLink } from './trust-book.ts';
import { linkView } from './views.ts';
import { identityTarget } from './world.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const NewLink = z.strictObject({
  cr_type: z.literal('CE'),
  name: z.string().optional(),
  is_cross_account: z.boolean().optional(),
  link: z.strictObject({
    crn: z.string().regex(/^crn:v1:[^:]*:[^:]*:codeengine:/, 'is not the CRN of a Code Engine project'),
    component_type: z.enum(['function', 'job', 'application']),
    component_name: z.string().min(1),
  }),
});

const LinkQuery = z.strictObject({
  type: z.literal('CE'),
  crn: z.string(),
  component_type: z.enum(['function', 'job', 'application']),
  component_name: z.string(),
});

/** `/v1/profiles/{profile-id}/links` of the IAM Identity API, for components of Code Engine. */
export class LinkRoutes {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  routes(): Hono<CloudEnv> {
    const routes = identityRoutes(this.#world);
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-link
    routes.add('POST', '/v1/profiles/:id/links', (context) => this.#create(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#list-links
    routes.add('GET', '/v1/profiles/:id/links', (context) => this.#list(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-link-by-parameters
    routes.addWithQuery('DELETE', '/v1/profiles/:id/links', LinkQuery, (context, query) =>
      this.#deleteByParameters(context, query),
    );
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-link
    routes.add('GET', '/v1/profiles/:id/links/:link', (context) => this.#get(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#delete-link
    routes.add('DELETE', '/v1/profiles/:id/links/:link', (context) => this.#delete(context));
    return routes.app;
  }

  async #create(context: Request): Promise<Response> {
    const { caller, profile } = foundProfile(this.#world, context, 'update');
    demand(this.#world, caller, 'iam-identity.profile.linkToResource', identityTarget('profile', profile.id));
    const { name = '', is_cross_account: isCrossAccount, link } = await bodyOf(context, NewLink);
    if (!isCrossAccount && !link.crn.includes(`:a/${caller.accountId}:`)) {
      throw badRequest({ property: 'link.crn', missing: false, reason: 'is not in the account of the profile' });
    }
    // What was true before the body arrived may be no more.
    if (!this.#world.profiles.get(profile.id)) throw notFound('Profile', profile.id);
    const resource = { crn: link.crn, componentType: link.component_type, componentName: link.component_name };
    const added = this.#world.trust.addLink(profile.id, { name, isCrossAccount, resource });
    return context.json(linkView(added), 201, { ETag: added.entityTag });
  }

  #list(context: Request): Response {
    const { profile } = foundProfile(this.#world, context, 'get');
    return context.json({ links: this.#world.trust.linksOf(profile.id).map(linkView) });
  }

  #get(context: Request): Response {
    const { link } = this.#found(context, 'get');
    return context.json(linkView(link), 200, { ETag: link.entityTag });
  }

  #delete(context: Request): Response {
    const { profileId, link } = this.#found(context, 'update');
    this.#world.trust.removeLink(profileId, link.id);
    return context.body(null, 204);
  }

  #deleteByParameters(context: Request, query: z.infer<typeof LinkQuery>): Response {
    const { profile } = foundProfile(this.#world, context, 'update');
    const { crn, component_type: componentType, component_name: componentName } = query;
    const link = this.#world.trust.linkTo(profile.id, { crn, componentType, componentName });
    if (!link) throw notFound('ProfileLink', `${componentType} ${componentName}`);
    this.#world.trust.removeLink(profile.id, link.id);
    return context.body(null, 204);
  }

  #found(context: Request, verb: 'get' | 'update'): { profileId: string; link: ProfileLink } {
    const { profile } = foundProfile(this.#world, context, verb);
    const id = context.req.param('link') ?? '';
    const link = this.#world.trust.linksOf(profile.id).find((candidate) => candidate.id === id);
    if (!link) throw notFound('ProfileLink', id);
    return { profileId: profile.id, link };
  }
}
