import { createHash } from 'node:crypto';
import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import type { Clock } from '../runtime/clock.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import { isApiError } from './api-error.ts';
import type { CallOptions, Calls } from './calls.ts';
import { freshHttpConfig } from './http-options.ts';
import type { HttpOptions } from './http-options.ts';

const KEYS = '/v1/config/keys';
const JSON_TYPE = 'application/json; charset=UTF-8';

/** Service keys open the configuration API, ingestion keys let log lines in. */
export type LoggingKeyType = 'service' | 'ingestion';

const CreatedAtMs = z.number().nonnegative().nullable().catch(null);
const KeyAnswer = z.object({ id: z.string().min(1), key: z.string().min(1), created: CreatedAtMs });
/** A key that nobody named may have no name. */
const NamedAnswer = KeyAnswer.extend({ name: z.string().nullish(), type: z.string().nullish().catch(null) });
/** Whether lists show the values is not documented. */
const ListAnswer = z.array(NamedAnswer.extend({ key: z.string().min(1).optional() }));
const Nothing = z.unknown().transform(() => undefined);

/** A key as a list tells of it: never its value. */
export interface ListedLoggingKey {
  id: string;
  /** Empty for a key without one; not unique. */
  name: string;
  /** Null when it is not told. */
  type: LoggingKeyType | null;
  /** Epoch milliseconds; null when it is not told. */
  createdAtMs: number | null;
  /** Of the value, in hexadecimal digits: tells which key a value belongs to. */
  sha256: string;
}

export interface NewLoggingKey {
  id: string;
  value: SecretValue;
  /** Epoch milliseconds; null when it is not told. */
  createdAtMs: number | null;
}

export interface LoggingConfigurationOptions {
  /** For example `https://api.us-south.logging.cloud.ibm.com`. */
  configurationUrl: string;
  /** For example `https://logs.us-south.logging.cloud.ibm.com`. */
  ingestionUrl: string;
  /** Without a login: each call carries a key of its own. */
  calls: Calls;
  clock: Clock;
  http: HttpOptions;
}

interface Outgoing {
  serviceUrl: string;
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  query?: object;
  headers: Record<string, string>;
  body?: object;
}

/**
 * The keys of an instance of Log Analysis or Activity Tracker, at LogDNA's configuration API; which instance is meant, the
 * service key alone tells. https://cloud.ibm.com/docs/log-analysis?topic=log-analysis-service_keys&interface=api
 */
export class LoggingConfiguration extends BaseService {
  readonly #options: LoggingConfigurationOptions;

  constructor(options: LoggingConfigurationOptions) {
    super({ ...freshHttpConfig(options.http), authenticator: new NoAuthAuthenticator() });
    this.#options = options;
  }

  /**
   * All keys of the type, in the order of the API.
   * @throws ApiError; `not_logged_in` or `forbidden` for a service key that is refused, `forbidden` also where the instance
   * has no configuration API.
   */
  async listKeys(type: LoggingKeyType, serviceKey: SecretValue, signal: AbortSignal): Promise<ListedLoggingKey[]> {
    const call: CallOptions = { operation: 'listLoggingKeys', kind: 'reads', signal, secret: serviceKey };
    const listed = await this.#send(call, ListAnswer, this.#toKeys('GET', serviceKey, { query: { type } }));
    const keys: ListedLoggingKey[] = [];
    for (const { key: value, ...one } of listed) {
      const found = value === undefined ? await this.getKey(one.id, serviceKey, signal) : shown({ key: value, ...one });
      if (found) keys.push({ ...found, type });
    }
    return keys;
  }

  /** One key of either type; null when it is gone. @throws ApiError as `listKeys`. */
  async getKey(id: string, serviceKey: SecretValue, signal: AbortSignal): Promise<ListedLoggingKey | null> {
    const call: CallOptions = { operation: 'getLoggingKey', kind: 'reads', signal, secret: serviceKey };
    try {
      return shown(await this.#send(call, NamedAnswer, this.#toKeys('GET', serviceKey, { id })));
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  /** The value of one key of either type, to log in with; null when it is gone. @throws ApiError as `listKeys`. */
  async readValue(id: string, serviceKey: SecretValue, signal: AbortSignal): Promise<SecretValue | null> {
    const call: CallOptions = { operation: 'getLoggingKey', kind: 'reads', signal, secret: serviceKey };
    try {
      const { key } = await this.#send(call, NamedAnswer, this.#toKeys('GET', serviceKey, { id }));
      return new SecretValue(key);
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  /**
   * Makes a key; sent once. `name` has at most 30 characters and need not be unique.
   * @throws ApiError; its `effect` tells whether there may be a key all the same.
   */
  async createKey(
    type: LoggingKeyType,
    name: string,
    serviceKey: SecretValue,
    signal: AbortSignal,
  ): Promise<NewLoggingKey> {
    const call: CallOptions = { operation: 'createLoggingKey', kind: 'once', signal, secret: serviceKey };
    const outgoing = this.#toKeys('POST', serviceKey, { query: { type }, body: { name } });
    const { id, key, created } = await this.#send(call, KeyAnswer, outgoing);
    return { id, value: new SecretValue(key), createdAtMs: created };
  }

  /** Deletes a key of either type; one that is gone is done. A service key may be unable to delete itself. @throws ApiError */
  async deleteKey(id: string, serviceKey: SecretValue, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'deleteLoggingKey', kind: 'repeatable', signal, secret: serviceKey };
    try {
      await this.#send(call, Nothing, this.#toKeys('DELETE', serviceKey, { id }));
    } catch (error) {
      if (!isApiError(error, 'not_found')) throw error;
    }
  }

  /** Resolves when the service key is good. @throws ApiError as `listKeys`. */
  async checkServiceKey(serviceKey: SecretValue, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'checkServiceKey', kind: 'reads', signal, secret: serviceKey };
    await this.#send(call, Nothing, this.#toKeys('GET', serviceKey, { query: { type: 'service' } }));
  }

  /**
   * Resolves when a marked line was let in: no documented call proves an ingestion key without one.
   * https://cloud.ibm.com/docs/log-analysis?topic=log-analysis-ingest
   * @throws ApiError; `not_logged_in` or `forbidden` when the key is refused.
   */
  async checkIngestionKey(ingestionKey: SecretValue, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'checkIngestionKey', kind: 'repeatable', signal, secret: ingestionKey };
    const timestamp = this.#options.clock.nowMs();
    const line = { line: 'Keyrota checks an ingestion key.', app: 'keyrota', level: 'INFO', timestamp };
    const credentials = Buffer.from(`${ingestionKey.reveal()}:`).toString('base64');
    await this.#send(call, Nothing, {
      serviceUrl: this.#options.ingestionUrl,
      method: 'POST',
      path: '/logs/ingest',
      query: { hostname: 'keyrota' },
      headers: { 'Content-Type': JSON_TYPE, Authorization: `Basic ${credentials}` },
      body: { lines: [line] },
    });
  }

  /** A request about all keys, or about the one with the id. */
  #toKeys(
    method: Outgoing['method'],
    serviceKey: SecretValue,
    { id, ...more }: Pick<Outgoing, 'query' | 'body'> & { id?: string },
  ): Outgoing {
    const path = id === undefined ? KEYS : `${KEYS}/${encodeURIComponent(id)}`;
    const headers = { 'Content-Type': JSON_TYPE, servicekey: serviceKey.reveal() };
    return { serviceUrl: this.#options.configurationUrl, method, path, headers, ...more };
  }

  #send<T>(call: CallOptions, answer: z.ZodType<T>, outgoing: Outgoing): Promise<T> {
    const { serviceUrl, method, path: url, query, headers, body } = outgoing;
    const options = { url, method, ...(query && { qs: query }), ...(body && { body }) };
    return this.#options.calls.send(
      call,
      answer,
      (attempt) =>
        this.createRequest({
          options,
          defaultOptions: { ...this.baseOptions, serviceUrl, headers, axiosOptions: { signal: attempt } },
        }) as Promise<{ result: unknown }>,
    );
  }
}

/** Without the value. */
const shown = ({ id, name, type, created, key }: z.output<typeof NamedAnswer>): ListedLoggingKey => ({
  id,
  name: name ?? '',
  type: type === 'service' || type === 'ingestion' ? type : null,
  createdAtMs: created,
  sha256: sha256Of(key),
});

const sha256Of = (value: string): string => createHash('sha256').update(value).digest('hex');
