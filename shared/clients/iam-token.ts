import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import type { Clock } from '../runtime/clock.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import type { CallOptions, Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { HttpOptions } from './http-options.ts';

const GRANT = 'urn:ibm:params:oauth:grant-type:';

/** What a token can be had for. */
export type TokenRequest =
  | { grant: 'apikey'; apiKey: SecretValue }
  | { grant: 'cr-token'; computeResourceToken: SecretValue; profileId?: string; profileName?: string };

export interface Token {
  value: SecretValue;
  expiresAtMs: number;
}

const TokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

/** `POST /identity/token`: a fresh token each time, nothing is cached. https://cloud.ibm.com/apidocs/iam-identity-token-api */
export class IamTokens extends BaseService {
  readonly #calls: Calls;
  readonly #clock: Clock;

  constructor(options: { serviceUrl: string; calls: Calls; clock: Clock; http: HttpOptions }) {
    super({ ...httpConfig(options.http), serviceUrl: options.serviceUrl, authenticator: new NoAuthAuthenticator() });
    this.#calls = options.calls;
    this.#clock = options.clock;
  }

  /** @throws ApiError; `invalid_request` or `not_logged_in` when the credential is not accepted. */
  async exchange(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    // A login takes no effect that a second one would double, so it may be repeated.
    const secret = request.grant === 'apikey' ? request.apiKey : request.computeResourceToken;
    const call: CallOptions = { operation: 'getToken', kind: 'reads', signal, secret };
    const sentAtMs = this.#clock.nowMs();
    const answer = await this.#calls.send(call, TokenAnswer, (attemptSignal) =>
      this.#post(formOf(request), attemptSignal),
    );
    return { value: new SecretValue(answer.access_token), expiresAtMs: sentAtMs + answer.expires_in * 1_000 };
  }

  #post(form: Record<string, string>, signal: AbortSignal): Promise<{ result: unknown }> {
    return this.createRequest({
      options: { url: '/identity/token', method: 'POST', form },
      defaultOptions: { ...this.baseOptions, headers: { Accept: 'application/json' }, axiosOptions: { signal } },
    }) as Promise<{ result: unknown }>;
  }
}

function formOf(request: TokenRequest): Record<string, string> {
  if (request.grant === 'apikey') {
    return { grant_type: `${GRANT}apikey`, apikey: request.apiKey.reveal(), response_type: 'cloud_iam' };
  }
  return {
    grant_type: `${GRANT}cr-token`,
    cr_token: request.computeResourceToken.reveal(),
    ...(request.profileId && { profile_id: request.profileId }),
    ...(request.profileName && { profile_name: request.profileName }),
  };
}
