import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import { SecretValue } from '../runtime/secret-value.ts';
import type { CallOptions, Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { HttpOptions } from './http-options.ts';

const AlertAnswer = z
  .object({
    secret: z
      .string()
      .min(1)
      .transform((secret) => new SecretValue(secret)),
    secret_type: z.string().optional(),
    state: z.string().optional(),
    resolution: z.string().nullish(),
  })
  .transform(({ secret, secret_type: type = null, state, resolution }): FoundAlert => {
    return { secret, type, resolution: state === 'resolved' ? (resolution ?? null) : null };
  });
const Nothing = z.unknown().transform(() => undefined);

/** What GitHub tells of an alert. */
export interface FoundAlert {
  secret: SecretValue;
  /** Slug of the pattern that found it; null where that is not told. */
  type: string | null;
  /** How it was resolved; null while it is open. */
  resolution: string | null;
}

/** Where an alert of secret scanning is. */
export interface AlertPlace {
  /** `OWNER/NAME`. */
  repository: string;
  number: number;
}

export interface GithubAlertsOptions {
  /** For example `https://api.github.com`. */
  apiUrl: string;
  /** With the right to read and write alerts of secret scanning. */
  token: SecretValue;
  /** Without a login: each call carries the token. */
  calls: Calls;
  http: HttpOptions;
}

/** Alerts of GitHub's secret scanning. https://docs.github.com/en/rest/secret-scanning/secret-scanning */
export class GithubAlerts extends BaseService {
  readonly #options: GithubAlertsOptions;

  constructor(options: GithubAlertsOptions) {
    super({ ...httpConfig(options.http), authenticator: new NoAuthAuthenticator() });
    this.#options = options;
  }

  /**
   * The alert as it is now, with the secret that was found.
   * @throws ApiError; `not_found` also where the token may not see the alert.
   */
  readAlert(place: AlertPlace, signal: AbortSignal): Promise<FoundAlert> {
    const { token: secret } = this.#options;
    const call: CallOptions = { operation: 'getSecretScanningAlert', kind: 'reads', signal, secret };
    return this.#send(call, AlertAnswer, place, 'GET');
  }

  /** Closes an alert: its secret was revoked. `found` is masked in what goes wrong. @throws ApiError */
  async resolveAsRevoked(place: AlertPlace, comment: string, found: SecretValue, signal: AbortSignal): Promise<void> {
    const secret = [this.#options.token, found];
    const call: CallOptions = { operation: 'updateSecretScanningAlert', kind: 'repeatable', signal, secret };
    const body = { state: 'resolved', resolution: 'revoked', resolution_comment: comment };
    await this.#send(call, Nothing, place, 'PATCH', body);
  }

  #send<T>(
    call: CallOptions,
    answer: z.ZodType<T>,
    { repository, number }: AlertPlace,
    method: 'GET' | 'PATCH',
    body?: object,
  ): Promise<T> {
    const { apiUrl: serviceUrl, token, calls } = this.#options;
    const [owner = '', name = ''] = repository.split('/').map((part) => encodeURIComponent(part));
    const url = `/repos/${owner}/${name}/secret-scanning/alerts/${number}`;
    const headers = {
      Accept: 'application/vnd.github+json',
      Authorization: `Bearer ${token.reveal()}`,
      'User-Agent': 'keyrota',
      'X-GitHub-Api-Version': '2022-11-28',
      ...(body && { 'Content-Type': 'application/json' }),
    };
    return calls.send(
      call,
      answer,
      (attempt) =>
        this.createRequest({
          options: { url, method, ...(body && { body }) },
          defaultOptions: { ...this.baseOptions, serviceUrl, headers, axiosOptions: { signal: attempt } },
        }) as Promise<{ result: unknown }>,
    );
  }
}
