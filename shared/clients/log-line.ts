import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import type { Token } from './iam-token.ts';
import type { Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { HttpOptions } from './http-options.ts';

/** Severity "info" in the ingestion API. */
const INFO = 3;

/** Ships single log lines. https://cloud.ibm.com/docs/cloud-logs?topic=cloud-logs-send-logs-api */
export class LogLines extends BaseService {
  readonly #calls: Calls;

  constructor(options: { calls: Calls; http: HttpOptions }) {
    super({ ...httpConfig(options.http), authenticator: new NoAuthAuthenticator() });
    this.#calls = options.calls;
  }

  /** @throws ApiError; `not_logged_in` or `forbidden` when the token's identity may not send. */
  async ship(url: string, text: string, token: Token, signal: AbortSignal): Promise<void> {
    const { origin, pathname } = new URL(url);
    const body = [{ applicationName: 'keyrota', subsystemName: 'probe', severity: INFO, text }];
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token.value.reveal()}` };
    await this.#calls.send(
      { operation: 'shipLogLine', kind: 'repeatable', signal },
      z.unknown(),
      (attempt) =>
        this.createRequest({
          options: { url: pathname, method: 'POST', body },
          defaultOptions: { ...this.baseOptions, serviceUrl: origin, headers, axiosOptions: { signal: attempt } },
        }) as Promise<{ result: unknown }>,
    );
  }
}
