import type { Context, Hono } from 'hono';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf, StrictRoutes } from '../strict-routes.ts';
import { listPolicies, ListPoliciesQuery } from './policy-list.ts';
import {
  answerPolicyError,
  badQuery,
  insufficientPermissions,
  invalidBody,
  invalidToken,
  lockedSubject,
  policyConflict,
  policyNotFound,
} from './policy-errors.ts';
import { serviceOf, targetOf } from './policy-match.ts';
import { policyView, stateOf, termsOf } from './policy-terms.ts';
import type { Policy, PolicyTerms } from './policy.ts';
import { actionsOf } from './roles.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

/** `/v1/policies` of the IAM Policy Management API. */
export class PolicyRoutes {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  routes(): Hono<CloudEnv> {
    const { access, parts } = this.#world;
    const login = { access, refusal: invalidToken };
    const routes = new StrictRoutes({ login, badQuery, onError: answerPolicyError(parts) });
    // https://cloud.ibm.com/apidocs/iam-policy-management#list-policies
    routes.addWithQuery('GET', '/v1/policies', ListPoliciesQuery, (context, query) =>
      listPolicies(this.#world, context, query),
    );
    // https://cloud.ibm.com/apidocs/iam-policy-management#create-policy
    routes.add('POST', '/v1/policies', (context) => this.#create(context));
    // https://cloud.ibm.com/apidocs/iam-policy-management#get-policy
    routes.add('GET', '/v1/policies/:id', (context) => this.#get(context));
    // https://cloud.ibm.com/apidocs/iam-policy-management#replace-policy
    routes.add('PUT', '/v1/policies/:id', (context) => this.#replace(context));
    // https://cloud.ibm.com/apidocs/iam-policy-management#update-policy-state
    routes.add('PATCH', '/v1/policies/:id', (context) => this.#setState(context));
    // https://cloud.ibm.com/apidocs/iam-policy-management#delete-policy
    routes.add('DELETE', '/v1/policies/:id', (context) => this.#delete(context));
    return routes.app;
  }

  async #create(context: Request): Promise<Response> {
    const caller = callerOf(context);
    const terms = await termsOf(this.#world, context);
    this.#demand(caller, 'create', terms);
    this.#demandOwnRoles(caller, terms);
    this.#demandUnlocked(terms);
    return this.#answer(context, this.#world.policies.add(terms, caller.iamId), 201);
  }

  /** Deleted policies are shown as such: whoever wants to restore one needs its ETag. */
  #get(context: Request): Response {
    const { policy } = this.#found(context, 'read');
    const { clock, switches } = this.#world.parts;
    if (clock.nowMs() < policy.createdAtMs + switches.policyReadDelayMs) throw policyNotFound(policy.id);
    return this.#answer(context, policy, 200);
  }

  async #replace(context: Request): Promise<Response> {
    this.#foundActive(context, 'update');
    const terms = await termsOf(this.#world, context);
    // What was true before the body arrived may be no more.
    const { caller, policy } = this.#foundActive(context, 'update');
    this.#demand(caller, 'update', terms);
    this.#demandOwnRoles(caller, terms);
    this.#demandUnlocked(policy);
    this.#demandUnlocked(terms);
    demandTag(context, policy);
    return this.#answer(context, this.#world.policies.replace(policy, terms, caller.iamId), 200);
  }

  async #setState(context: Request): Promise<Response> {
    this.#found(context, 'update');
    const state = await stateOf(context);
    // What was true before the body arrived may be no more.
    const { caller, policy } = this.#found(context, 'update');
    if (state === 'active') this.#demandOwnRoles(caller, policy);
    this.#demandUnlocked(policy);
    demandTag(context, policy);
    if (policy.state === state) return this.#answer(context, policy, 200);
    const { policies } = this.#world;
    const changed = state === 'active' ? policies.restore(policy, caller.iamId) : policies.remove(policy, caller.iamId);
    return this.#answer(context, changed, 200);
  }

  #delete(context: Request): Response {
    const { caller, policy } = this.#foundActive(context, 'delete');
    this.#demandUnlocked(policy);
    this.#world.policies.remove(policy, caller.iamId);
    return context.body(null, 204);
  }

  #foundActive(context: Request, verb: 'update' | 'delete'): { caller: Caller; policy: Policy } {
    const found = this.#found(context, verb);
    if (found.policy.state === 'deleted') throw policyNotFound(found.policy.id);
    return found;
  }

  #found(context: Request, verb: 'read' | 'update' | 'delete'): { caller: Caller; policy: Policy } {
    const caller = callerOf(context);
    const id = context.req.param('id') ?? '';
    const policy = this.#world.policies.get(id);
    if (!policy) throw policyNotFound(id);
    this.#demand(caller, verb, policy);
    return { caller, policy };
  }

  /** A platform role on what the policy is about: Viewer or more to read it, Administrator to write it. */
  #demand(caller: Caller, verb: 'create' | 'read' | 'update' | 'delete', { attributes }: PolicyTerms): void {
    const action = `iam.policy.${verb}`;
    const target = targetOf(attributes);
    if (this.#world.access.allows(caller, action, target)) return;
    throw insufficientPermissions(caller.iamId, action, target.serviceName);
  }

  /** Nobody grants more than they may do themselves. Throws 403, unless switched. */
  #demandOwnRoles(caller: Caller, { attributes, roleIds }: PolicyTerms): void {
    const { access, parts } = this.#world;
    if (parts.switches.grantsAboveOwnRole === 'accepted') return;
    const target = targetOf(attributes);
    const granted = roleIds.flatMap((roleId) => actionsOf(roleId, serviceOf(target)));
    const lacking = granted.find((action) => !access.allows(caller, action, target));
    if (lacking !== undefined) throw insufficientPermissions(caller.iamId, lacking, target.serviceName);
  }

  #demandUnlocked({ subject }: PolicyTerms): void {
    if (this.#world.serviceIds.withIamId(subject.value)?.locked) throw lockedSubject(subject.value);
  }

  #answer(context: Request, policy: Policy, status: 200 | 201): Response {
    return context.json(policyView(context, policy), status, { ETag: policy.entityTag });
  }
}

/** Throws 400 without `If-Match`, and 409 when it is not the tag of the present version. */
function demandTag(context: Request, { id, entityTag }: Policy): void {
  const tag = context.req.header('If-Match');
  if (tag === undefined) throw invalidBody("The header 'If-Match' is required.");
  if (tag === entityTag) return;
  const conflict = { etag: entityTag, policy: id };
  throw policyConflict("The header 'If-Match' is not the ETag of the present version.", conflict);
}
