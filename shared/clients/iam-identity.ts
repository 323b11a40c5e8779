import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import * as z from 'zod';
import { SecretValue } from '../runtime/secret-value.ts';
import { ApiError, isApiError } from './api-error.ts';
import type { CallOptions, Calls } from './calls.ts';
import {
  ApiKeyAnswer,
  CreateAnswer,
  InnerAnswer,
  LimitsAnswer,
  ListAnswer,
  ServiceIdAnswer,
  SurveyAnswer,
  iamDate,
  wholeMinute,
} from './iam-identity-answers.ts';
import type { ApiKey, InnerKey, SurveyedKey } from './iam-identity-answers.ts';
import { MOST_PAGES, endless } from './paging.ts';
import { freshHttpConfig, httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';

/** Which keys are listed. */
interface KeyFilter {
  iamId?: string;
  groupId?: string;
  scope?: 'account';
  type?: 'serviceid' | 'user';
  includeHistory?: boolean;
}

const Nothing = z.unknown().transform(() => undefined);

export interface NewApiKey {
  iamId: string;
  name: string;
  description: string;
  expiresAtMs: number;
  /** Default: `disable`. */
  actionWhenLeaked?: string;
  /** For keys of users: whether the key may manage support sessions. Default: it may not. */
  supportSessions?: boolean;
}

/** API keys at IAM Identity. https://cloud.ibm.com/apidocs/iam-identity-token-api */
export class IamIdentity {
  readonly #sdk: IamIdentityV1;
  /** For what may be sent once. */
  readonly #sdkForOnce: IamIdentityV1;
  readonly #calls: Calls;
  readonly #accountId: string;

  constructor(options: ClientOptions & { calls: Calls; accountId: string }) {
    const { serviceUrl, authenticator, http } = options;
    this.#sdk = new IamIdentityV1({ ...httpConfig(http), serviceUrl, authenticator });
    this.#sdkForOnce = new IamIdentityV1({ ...freshHttpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
    this.#accountId = options.accountId;
  }

  /** All keys of one service ID, or of the user who is logged in, with history and without last use. */
  async listApiKeys(iamId: string, signal: AbortSignal): Promise<ApiKey[]> {
    const keys = await this.#allOf({ iamId }, signal);
    if (keys.length > 0 || !iamId.startsWith('iam-ServiceId-')) return keys;
    // By the letter of IBM's reference, a service ID that is in a group shows its keys only to who names the group.
    const groupId = await this.#groupOf(iamId, signal);
    return groupId === null ? [] : this.#allOf({ iamId, groupId }, signal);
  }

  /** All keys of service IDs, or of users, of the account that we may see but those behind resource keys, a page of at most 100 at a time. */
  pagesOfAccount(type: 'serviceid' | 'user', signal: AbortSignal): AsyncGenerator<SurveyedKey[]> {
    return this.#pages({ scope: 'account', type }, SurveyAnswer, signal);
  }

  /** The same of a user who is not logged in: of all keys of users in the account, for those who may see all of them. */
  async listApiKeysOfUser(iamId: string, signal: AbortSignal): Promise<ApiKey[]> {
    const all = await this.#allOf({ scope: 'account', type: 'user' }, signal);
    return all.filter((key) => key.iam_id === iamId);
  }

  /** All keys of the account behind resource keys that we may see, page by page of that whole list. */
  pagesOfInnerKeys(signal: AbortSignal): AsyncGenerator<InnerKey[]> {
    return this.#pages({ scope: 'account', type: 'serviceid' }, InnerAnswer, signal);
  }

  /** One key with history and last use; null when IAM says that it is gone. */
  async getApiKey(id: string, signal: AbortSignal): Promise<ApiKey | null> {
    const call: CallOptions = { operation: 'getApiKey', kind: 'reads', signal };
    try {
      return await this.#calls.send(call, ApiKeyAnswer, (attempt) =>
        this.#sdk.getApiKey({ id, includeActivity: true, includeHistory: true, signal: attempt }),
      );
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  /** The key that has this value; null when IAM knows none. It is no login with it. */
  async keyOfValue(value: SecretValue, signal: AbortSignal): Promise<ApiKey | null> {
    const call: CallOptions = { operation: 'getApiKeysDetails', kind: 'reads', signal, secret: value };
    try {
      return await this.#calls.send(call, ApiKeyAnswer, (attempt) =>
        this.#sdk.getApiKeysDetails({ iamApiKey: value.reveal(), signal: attempt }),
      );
    } catch (error) {
      // Which of these answers an unknown value gets is not documented.
      if (isApiError(error, 'not_found') || isApiError(error, 'invalid_request')) return null;
      throw error;
    }
  }

  /** Sent once. The value is in this answer and nowhere else. */
  async createApiKey(key: NewApiKey, signal: AbortSignal): Promise<{ key: ApiKey; value: SecretValue }> {
    const call: CallOptions = { operation: 'createApiKey', kind: 'once', signal };
    const { apikey, ...created } = await this.#calls.send(call, CreateAnswer, (attempt) =>
      this.#sdkForOnce.createApiKey({
        iamId: key.iamId,
        accountId: this.#accountId,
        name: key.name,
        description: key.description,
        expiresAt: iamDate(key.expiresAtMs),
        actionWhenLeaked: key.actionWhenLeaked ?? 'disable',
        storeValue: false,
        ...(key.supportSessions !== undefined && { supportSessions: key.supportSessions }),
        signal: attempt,
      }),
    );
    return { key: created, value: new SecretValue(apikey) };
  }

  /**
   * Changes the expiry, and nothing else.
   * @throws ApiError `conflict` or `locked` when somebody changed the key meanwhile; the next look sees what.
   */
  async extendApiKey(id: string, expiresAtMs: number, signal: AbortSignal): Promise<void> {
    const found = await this.getApiKey(id, signal);
    if (!found) return;
    const isSo = (key: ApiKey) => key.expires_at === wholeMinute(expiresAtMs);
    await this.#update(found, { expiresAtMs }, isSo, signal);
  }

  /**
   * Changes the description, and nothing else. `change` gets the present one; where it returns the same, nothing is sent.
   * @returns the description as it is then; null when IAM says that the key is gone.
   * @throws ApiError `conflict` or `locked` when somebody changed the key meanwhile, or where it is locked.
   */
  async describeApiKey(
    id: string,
    change: (description: string) => string,
    signal: AbortSignal,
  ): Promise<string | null> {
    const found = await this.getApiKey(id, signal);
    if (!found) return null;
    const description = change(found.description);
    if (description === found.description) return description;
    await this.#update(found, { description }, (key) => key.description === description, signal);
    return description;
  }

  /** Gone already counts as disabled. */
  disableApiKey(id: string, signal: AbortSignal): Promise<void> {
    const change = this.#change('disableApiKey', signal, 'gone-is-done', (attempt) =>
      this.#sdk.disableApiKey({ id, signal: attempt }),
    );
    return this.#unlessSo(change, id, ({ disabled }) => disabled, signal);
  }

  enableApiKey(id: string, signal: AbortSignal): Promise<void> {
    const change = this.#change('enableApiKey', signal, 'gone-is-failure', (attempt) =>
      this.#sdk.enableApiKey({ id, signal: attempt }),
    );
    return this.#unlessSo(change, id, ({ disabled }) => !disabled, signal);
  }

  /** Gone already counts as deleted. A locked key is refused with `conflict`. */
  deleteApiKey(id: string, signal: AbortSignal): Promise<void> {
    return this.#change('deleteApiKey', signal, 'gone-is-done', (attempt) =>
      this.#sdk.deleteApiKey({ id, signal: attempt }),
    );
  }

  lockApiKey(id: string, signal: AbortSignal): Promise<void> {
    const change = this.#change('lockApiKey', signal, 'gone-is-failure', (attempt) =>
      this.#sdk.lockApiKey({ id, signal: attempt }),
    );
    return this.#unlessSo(change, id, ({ locked }) => locked, signal);
  }

  unlockApiKey(id: string, signal: AbortSignal): Promise<void> {
    return this.#change('unlockApiKey', signal, 'gone-is-done', (attempt) =>
      this.#sdk.unlockApiKey({ id, signal: attempt }),
    );
  }

  /** How many keys an identity has and may have. */
  async keyQuota(iamId: string, signal: AbortSignal): Promise<{ count: number; limit: number }> {
    const call: CallOptions = { operation: 'getAccountLimits', kind: 'reads', signal };
    const { apikeys_per_identity: usage } = await this.#calls.send(call, LimitsAnswer, (attempt) =>
      this.#sdk.getAccountLimits({ accountId: this.#accountId, apikeysPerIdentity: iamId, signal: attempt }),
    );
    return { limit: usage.limit, count: usage.identities.find((identity) => identity.iam_id === iamId)?.count ?? 0 };
  }

  /** What an update may change besides is sent as it is at this moment. */
  async #update(
    found: ApiKey,
    change: { description?: string; expiresAtMs?: number },
    isSo: (key: ApiKey) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const call: CallOptions = { operation: 'updateApiKey', kind: 'repeatable', signal };
    const { id, name, entity_tag: ifMatch, action_when_leaked: actionWhenLeaked } = found;
    const { support_sessions: supportSessions } = found;
    const { description = found.description, expiresAtMs = found.expires_at ?? null } = change;
    const updating = this.#calls.send(call, Nothing, (attempt) =>
      this.#sdk.updateApiKey({
        id,
        ifMatch,
        name,
        description,
        ...(actionWhenLeaked && { actionWhenLeaked }),
        ...(supportSessions && { supportSessions }),
        ...(expiresAtMs !== null && { expiresAt: iamDate(expiresAtMs) }),
        signal: attempt,
      }),
    );
    await updating.catch(async (error: unknown) => {
      // An attempt whose answer was lost may have succeeded: it changed the tag, and the next attempt was refused.
      const isUnclear = error instanceof ApiError && error.effect === 'unknown';
      const looked = isUnclear ? await this.getApiKey(id, signal).catch(() => null) : null;
      if (!looked || !isSo(looked)) throw error;
    });
  }

  async #allOf(filter: KeyFilter, signal: AbortSignal): Promise<ApiKey[]> {
    const keys: ApiKey[] = [];
    for await (const page of this.#pages({ ...filter, includeHistory: true }, ListAnswer, signal)) keys.push(...page);
    return keys;
  }

  /** The group of a service ID; null where it is in none, or we may not see that. */
  async #groupOf(iamId: string, signal: AbortSignal): Promise<string | null> {
    const call: CallOptions = { operation: 'getServiceId', kind: 'reads', signal };
    const id = iamId.replace(/^iam-/, '');
    try {
      const answer = await this.#calls.send(call, ServiceIdAnswer, (attempt) =>
        this.#sdk.getServiceId({ id, showGroupId: 'true', signal: attempt }),
      );
      return answer.group_id || null;
    } catch (error) {
      if (isApiError(error, 'forbidden') || isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  async *#pages<T>(
    filter: KeyFilter,
    schema: z.ZodType<{ apikeys: T[]; next?: string | null | undefined }>,
    signal: AbortSignal,
  ): AsyncGenerator<T[]> {
    const call: CallOptions = { operation: 'listApiKeys', kind: 'reads', signal };
    let pagetoken: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = pagetoken === null ? {} : { pagetoken };
      const answer: { apikeys: T[]; next?: string | null | undefined } = await this.#calls.send(
        call,
        schema,
        (attempt) =>
          this.#sdk.listApiKeys({
            ...filter,
            ...page,
            accountId: this.#accountId,
            pagesize: 100,
            signal: attempt,
          }),
      );
      yield answer.apikeys;
      // Some services send a path here, and some an empty text on the last page.
      pagetoken = URL.parse(answer.next ?? '', 'https://iam.cloud.ibm.com')?.searchParams.get('pagetoken') ?? null;
      if (pagetoken === null) return;
    }
    throw endless(call.operation);
  }

  /** What a change asks for may be so already, for instance by an attempt whose answer was lost; some APIs refuse it then. */
  async #unlessSo(
    change: Promise<void>,
    id: string,
    isSo: (key: ApiKey) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await change;
    } catch (error) {
      const found = isApiError(error, 'conflict') ? await this.getApiKey(id, signal).catch(() => null) : null;
      if (!found || !isSo(found)) throw error;
    }
  }

  async #change(
    operation: string,
    signal: AbortSignal,
    whenGone: 'gone-is-done' | 'gone-is-failure',
    attempt: (signal: AbortSignal) => Promise<{ result: unknown }>,
  ): Promise<void> {
    try {
      await this.#calls.send({ operation, kind: 'repeatable', signal }, Nothing, attempt);
    } catch (error) {
      if (whenGone === 'gone-is-done' && isApiError(error, 'not_found')) return;
      throw error;
    }
  }
}
