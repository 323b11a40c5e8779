import ResourceControllerV2 from '@ibm-cloud/platform-services/resource-controller/v2.js';
import * as z from 'zod';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { ApiError, isApiError } from './api-error.ts';
import type { ApiErrorCode } from './api-error.ts';
import type { CallOptions, Calls } from './calls.ts';
import { freshHttpConfig, httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';
import type { SurveyedKey } from './iam-identity-answers.ts';
import { MOST_PAGES, endless } from './paging.ts';
import {
  CreateAnswer,
  InstanceAnswer,
  KeyAnswer,
  KeysAnswer,
  ListedAnswer,
  SurveyAnswer,
} from './resource-key-answers.ts';
import type { Readable } from './readable.ts';
import type { ListedResourceKey, Redaction, ResourceInstance, ResourceKey } from './resource-key-answers.ts';
import { until } from './until.ts';

/** The most that we ask for at a time. */
const PAGE = 100;

const Nothing = z.unknown().transform(() => undefined);

/** How an answer withholds credentials, and what to do about it. */
const WITHHELD: Readonly<Record<Redaction, { reason: string; next: string }>> = {
  REDACTED: {
    reason: 'they are REDACTED: our service role on the instance is below that of the key',
    next: 'Give Keyrota at least the role of the key on the instance.',
  },
  REDACTED_EXPLICIT: {
    reason: 'they are REDACTED_EXPLICIT: our role cannot be compared with that of the key',
    next: 'Give Keyrota a role with resource-controller.credential.retrieve_all on the instance: Administrator.',
  },
  absent: { reason: 'the answer has none', next: '' },
  unknown: { reason: 'they are redacted for a reason that we do not know', next: '' },
};

/**
 * A key was created, and its credentials are withheld from us: it is of no use, and must be removed. That an instance shows
 * credentials once does no harm: it shows them in the answer to the creation.
 */
export class CredentialsRedacted extends KeyrotaError {
  override readonly name = 'CredentialsRedacted';
  override readonly code: ApiErrorCode = 'unexpected_answer';
  /** The GUID of the key that exists now. */
  readonly keyId: string;
  readonly redaction: Redaction;

  constructor(keyId: string, redaction: Redaction) {
    const { reason, next } = WITHHELD[redaction];
    super('unexpected_answer', `createResourceKey: key ${keyId} has no credentials for us: ${reason}`, {
      effect: 'changed',
      next,
    });
    this.keyId = keyId;
    this.redaction = redaction;
  }
}

export interface NewResourceKey {
  name: string;
  /** GUID or CRN. */
  instanceId: string;
  /** Reader, Writer or Manager by name or CRN, `NONE`, or another role of the service by CRN; null to name none. */
  role: string | null;
  /** Such as `HMAC` or `serviceid_crn`. */
  parameters: Readonly<Record<string, unknown>>;
}

export interface CreatedResourceKey {
  key: ResourceKey;
  /** All credentials, as the JSON text of an object. */
  credentials: SecretValue;
  /** The names in that object. */
  fieldNames: string[];
}

/**
 * Resource keys, which the console calls service credentials, and their instances. What the service behind an instance
 * refuses fails with `broker_refused`. https://cloud.ibm.com/apidocs/resource-controller/resource-controller
 */
export class ResourceKeys {
  readonly #sdk: ResourceControllerV2;
  /** For what may be sent once. */
  readonly #sdkForOnce: ResourceControllerV2;
  readonly #calls: Calls;

  constructor(options: ClientOptions & { calls: Calls }) {
    const { serviceUrl, authenticator, http } = options;
    this.#sdk = new ResourceControllerV2({ ...httpConfig(http), serviceUrl, authenticator });
    this.#sdkForOnce = new ResourceControllerV2({ ...freshHttpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
  }

  /** All keys of an instance, by its GUID or CRN, without the removed ones; null when the instance is gone. */
  async keysOfInstance(instanceId: string, signal: AbortSignal): Promise<ResourceKey[] | null> {
    const call: CallOptions = { operation: 'listResourceKeysForInstance', kind: 'reads', signal };
    const list = (page: Page, attempt: AbortSignal) =>
      until(this.#sdk, attempt).listResourceKeysForInstance({ id: instanceId, ...page });
    const keys: ResourceKey[] = [];
    try {
      for await (const page of this.#pages(call, KeysAnswer, list)) keys.push(...page);
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
    const present = keys.filter(isThere);
    if (present.length > 0) return present;
    // That a removed instance has a list of keys at all is not ruled out: it would look like one that lost them.
    return (await this.#seemsGone(instanceId, signal)) ? null : [];
  }

  /** All keys of the account that we may see, a page of at most 100 at a time. A resource key cannot be disabled. */
  async *pagesOfAccount(signal: AbortSignal): AsyncGenerator<SurveyedKey[]> {
    const call: CallOptions = { operation: 'listResourceKeys', kind: 'reads', signal };
    const list = (page: Page, attempt: AbortSignal) => until(this.#sdk, attempt).listResourceKeys(page);
    for await (const page of this.#pages(call, SurveyAnswer, list))
      yield page.map(({ guid: id, name }) => ({ id, name, disabled: false }));
  }

  /** The same with what an inventory needs of each. None of them holds a value. */
  async *pagesOfInventory(signal: AbortSignal): AsyncGenerator<Readable<ListedResourceKey>> {
    const call: CallOptions = { operation: 'listResourceKeys', kind: 'reads', signal };
    const list = (page: Page, attempt: AbortSignal) => until(this.#sdk, attempt).listResourceKeys(page);
    for await (const { rows, oddCount } of this.#pages(call, ListedAnswer, list))
      yield { rows: rows.filter(isThere), oddCount };
  }

  /** One key; null when it is gone, or is so new that it is not known everywhere: the caller knows which. */
  async getKey(id: string, signal: AbortSignal): Promise<ResourceKey | null> {
    const found = await this.#look(id, signal);
    return found && isThere(found) ? found : null;
  }

  /**
   * Sent once. The credentials are in this answer, and later only where IBM shows them.
   * @throws CredentialsRedacted when the key is there and its credentials are not shown.
   */
  async createKey(key: NewResourceKey, signal: AbortSignal): Promise<CreatedResourceKey> {
    const call: CallOptions = { operation: 'createResourceKey', kind: 'once', signal };
    const { redaction, ...created } = await this.#calls.send(call, CreateAnswer, (attempt) =>
      until(this.#sdkForOnce, attempt).createResourceKey({
        name: key.name,
        source: key.instanceId,
        ...(key.role !== null && { role: key.role }),
        parameters: { ...key.parameters },
      }),
    );
    if (redaction !== null) throw new CredentialsRedacted(created.key.id, redaction);
    return created;
  }

  /** Gone already counts as deleted. So does a key that is so new that it is not known everywhere: the caller knows which. */
  async deleteKey(id: string, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'deleteResourceKey', kind: 'repeatable', signal };
    try {
      await this.#calls.send(call, Nothing, (attempt) => until(this.#sdk, attempt).deleteResourceKey({ id }));
    } catch (error) {
      if (isApiError(error, 'not_found')) return;
      // How a second delete is refused is not documented, and the answer to the first may have been lost.
      const found = isRefusal(error) ? await this.#look(id, signal).catch(() => null) : null;
      if (!found || isThere(found)) throw error;
    }
  }

  /** An instance by its GUID or CRN; null when it is gone. */
  async getInstance(id: string, signal: AbortSignal): Promise<ResourceInstance | null> {
    const call: CallOptions = { operation: 'getResourceInstance', kind: 'reads', signal };
    const found = await this.#orGone(
      this.#calls.send(call, InstanceAnswer, (attempt) => until(this.#sdk, attempt).getResourceInstance({ id })),
    );
    return found && isThere(found) ? found : null;
  }

  /** Who may not see an instance takes it as there. */
  async #seemsGone(instanceId: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.getInstance(instanceId, signal)) === null;
    } catch (error) {
      if (isApiError(error, 'forbidden')) return false;
      throw error;
    }
  }

  /** A key, also one that is told as removed. */
  #look(id: string, signal: AbortSignal): Promise<ResourceKey | null> {
    const call: CallOptions = { operation: 'getResourceKey', kind: 'reads', signal };
    return this.#orGone(
      this.#calls.send(call, KeyAnswer, (attempt) => until(this.#sdk, attempt).getResourceKey({ id })),
    );
  }

  async #orGone<T>(reading: Promise<T>): Promise<T | null> {
    try {
      return await reading;
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  async *#pages<T>(
    call: CallOptions,
    schema: z.ZodType<{ resources: T; next_url?: string | null | undefined }>,
    list: (page: Page, attempt: AbortSignal) => Promise<{ result: unknown }>,
  ): AsyncGenerator<T> {
    let start: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page: Page = { limit: PAGE, ...(start !== null && { start }) };
      const answer: { resources: T; next_url?: string | null | undefined } = await this.#calls.send(
        call,
        schema,
        (attempt) => list(page, attempt),
      );
      yield answer.resources;
      // A path with a query, or nothing on the last page.
      start =
        URL.parse(answer.next_url ?? '', 'https://resource-controller.cloud.ibm.com')?.searchParams.get('start') ??
        null;
      if (start === null) return;
    }
    throw endless(call.operation);
  }
}

interface Page {
  limit: number;
  start?: string;
}

const isThere = ({ state }: { state: string }): boolean => state !== 'removed';

/** Whether a call was clearly refused for the state of what it was about. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ApiError &&
  ['invalid_request', 'conflict', 'locked', 'limit_reached', 'broker_refused'].includes(error.code);
