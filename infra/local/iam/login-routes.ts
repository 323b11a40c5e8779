import type { Context, Hono } from 'hono';
import type { CloudEnv } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import type { ApiKey } from './api-key-book.ts';
import type { Activity } from './activity.ts';
import { formOf, Grant, Introspection } from './login-forms.ts';
import type { ComputeResourceGrant } from './login-forms.ts';
import type { TrustedProfile } from './profile-book.ts';
import {
  answerTokenError,
  badForm,
  invalidComputeResourceToken,
  keyNotFound,
  keyRefused,
  profileNotEligible,
  tokenHeaders,
  wrongMethod,
} from './token-errors.ts';
import { TOKEN_LIFE_SECONDS } from './token-book.ts';
import type { TokenSubject } from './token-book.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

/** Why a key cannot log in; null when it can. */
type Refusal = 'unknown' | 'disabled' | 'expired' | null;

/** `/identity/token` and `/identity/introspect` of the IAM Identity API. */
export class LoginRoutes {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  routes(): Hono<CloudEnv> {
    const routes = new StrictRoutes({ badQuery: badForm, onError: answerTokenError(this.#world.parts) });
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#gettoken-apikey
    routes.add('POST', '/identity/token', (context) => this.#token(context));
    // https://cloud.ibm.com/apidocs/iam-identity-token-api#introspect
    routes.add('POST', '/identity/introspect', (context) => this.#introspect(context));
    routes.app.all('/identity/token', () => {
      throw wrongMethod();
    });
    return routes.app;
  }

  async #token(context: Request): Promise<Response> {
    const grant = await formOf(context, Grant);
    const subject = 'apikey' in grant ? this.#subjectOfKey(grant.apikey) : this.#subjectOfProfile(grant);
    const { parts, tokens } = this.#world;
    const scope = grant.scope ?? 'ibm openid';
    const { accessToken, expiresAtSeconds } = tokens.issue(subject, grant.grant_type, scope);
    context.env.seen.caller = tokens.callerOf(accessToken);
    const body = {
      access_token: accessToken,
      refresh_token: 'not_supported',
      token_type: 'Bearer',
      expires_in: TOKEN_LIFE_SECONDS,
      expiration: expiresAtSeconds,
      scope,
    };
    return context.json(body, 200, tokenHeaders(parts.random.hex(16)));
  }

  /** Whether a key or token would be taken. Asking is no login. */
  async #introspect(context: Request): Promise<Response> {
    const { apikey, token } = await formOf(context, Introspection);
    if (apikey === undefined && token === undefined) {
      throw badForm({ property: 'apikey', missing: true, reason: 'or token is required' });
    }
    const active = apikey === undefined ? this.#isValid(token ?? '') : this.#mayLogIn(apikey);
    return context.json({ active }, 200, tokenHeaders(this.#world.parts.random.hex(16)));
  }

  #subjectOfKey(value: string): TokenSubject {
    const { keys, parts, serviceIds, users } = this.#world;
    const key = keys.withValue(value);
    const refusal = this.#refusalOf(key);
    if (refusal === 'unknown' || !key) throw keyNotFound(parts.switches.unknownKeyLoginStatus);
    if (refusal) throw keyRefused(parts.switches.refusedKeyLoginStatus, refusal);
    this.#recordLogin(key.activity);
    const serviceId = serviceIds.withIamId(key.iamId);
    const identity = serviceId ?? users.get(key.iamId);
    if (identity) this.#recordLogin(identity.activity);
    return { iamId: key.iamId, name: identity?.name ?? key.iamId, type: serviceId ? 'serviceid' : 'user' };
  }

  #subjectOfProfile(grant: ComputeResourceGrant): TokenSubject {
    const { computeResources, profiles } = this.#world;
    const resource = computeResources.read(grant.cr_token);
    if (!resource) throw invalidComputeResourceToken();
    const profile = this.#profileOf(grant);
    if (!profile) throw profileNotEligible('There is no such trusted profile.');
    if (!profiles.isLinked(profile.id, resource)) {
      const { componentType, componentName } = resource;
      throw profileNotEligible(`No link of '${profile.id}' names the ${componentType} '${componentName}'.`);
    }
    this.#recordLogin(profile.activity);
    return { iamId: profile.iamId, name: profile.name, type: 'profile' };
  }

  /** The profile with that id, or name; with both, they must agree. */
  #profileOf({ profile_id: id, profile_name: name }: ComputeResourceGrant): TrustedProfile | undefined {
    const { profiles } = this.#world;
    if (id === undefined && name === undefined) {
      throw badForm({ property: 'profile_id', missing: true, reason: 'or profile_name is required' });
    }
    const profile = id === undefined ? profiles.withName(name ?? '') : profiles.get(id);
    return name === undefined || profile?.name === name ? profile : undefined;
  }

  #mayLogIn(value: string): boolean {
    return this.#refusalOf(this.#world.keys.withValue(value)) === null;
  }

  #isValid(token: string): boolean {
    return this.#world.tokens.callerOf(token) !== null;
  }

  #refusalOf(key: ApiKey | undefined): Refusal {
    const { clock, switches } = this.#world.parts;
    // A fresh key is not known everywhere yet.
    if (!key || clock.nowMs() < key.createdAtMs + switches.firstLoginDelayMs) return 'unknown';
    if (key.disabled) return 'disabled';
    return key.expiresAtMs !== null && key.expiresAtMs <= clock.nowMs() ? 'expired' : null;
  }

  #recordLogin(activity: Activity): void {
    const { clock, switches } = this.#world.parts;
    activity.record(clock.nowMs(), switches.activityDelayMs);
  }
}
