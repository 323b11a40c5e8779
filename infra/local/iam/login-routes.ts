import type { Context, Hono } from 'hono';
import type { CloudEnv } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { formOf, Grant, Introspection } from './login-forms.ts';
import { loginByAssuming, loginWithComputeResource, loginWithKey, refusalOf } from './login-subjects.ts';
import { addressNotAllowed, answerTokenError, badForm, tokenHeaders, wrongMethod } from './token-errors.ts';
import { transactionIdOf } from './transaction-id.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

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
    const { parts, settings, tokens, users } = this.#world;
    const { clock, switches } = parts;
    const { subject, uses } = this.#loginOf(grant);
    if (!settings.admits(switches.callerAddress)) throw addressNotAllowed(switches.callerAddress);
    for (const activity of uses) activity.record(clock.nowMs(), switches.activityDelayMs);
    const scope = grant.scope ?? 'ibm openid';
    const lifeSeconds = settings.tokenLifeSeconds();
    const token = tokens.issue(subject, { grantType: grant.grant_type, scope, lifeSeconds });
    context.env.seen.caller = tokens.callerOf(token.accessToken);
    const imsUserId = users.get(subject.iamId)?.classicUserId ?? null;
    const body = {
      access_token: token.accessToken,
      refresh_token: 'not_supported',
      token_type: 'Bearer',
      expires_in: lifeSeconds,
      expiration: token.expiresAtSeconds,
      scope,
      ...(imsUserId !== null && { ims_user_id: imsUserId }),
    };
    return context.json(body, 200, tokenHeaders(transactionIdOf(parts, context)));
  }

  #loginOf(grant: Grant) {
    if ('apikey' in grant) return loginWithKey(this.#world, grant.apikey);
    if ('cr_token' in grant) return loginWithComputeResource(this.#world, grant);
    return loginByAssuming(this.#world, grant);
  }

  /** Whether a key or token would be taken. Asking is no login. */
  async #introspect(context: Request): Promise<Response> {
    const { apikey, token } = await formOf(context, Introspection);
    if (apikey === undefined && token === undefined) {
      throw badForm({ property: 'apikey', missing: true, reason: 'or token is required' });
    }
    const active = apikey === undefined ? this.#isValid(token ?? '') : this.#isActive(apikey);
    return context.json({ active }, 200, tokenHeaders(transactionIdOf(this.#world.parts, context)));
  }

  #isActive(value: string): boolean {
    const { keys, users } = this.#world;
    const key = keys.withValue(value);
    const refusal = refusalOf(this.#world, key);
    const state = users.get(key?.iamId ?? '')?.state ?? 'active';
    if (state !== 'active' || refusal === 'unknown') return false;
    if (refusal === null) return true;
    return this.#world.parts.switches.refusedKeyIntrospection === 'active';
  }

  #isValid(token: string): boolean {
    return this.#world.tokens.callerOf(token) !== null;
  }
}
