import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import type * as z from 'zod';
import { isApiError } from './api-error.ts';
import type { CallOptions, Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';
import {
  AccountKeysAnswer,
  GroupsAnswer,
  ReferenceAnswer,
  ReportAnswer,
  ServiceIdsAnswer,
  SettingsAnswer,
} from './iam-account-answers.ts';
import type { AccountApiKey, ActivityReport, NamedServiceId } from './iam-account-answers.ts';
import { MOST_PAGES, endless } from './paging.ts';
import type { Readable } from './readable.ts';

/** The most that a page holds. */
const PAGE = 100;

/** In which order a list comes, by the date of creation. */
export type Order = 'asc' | 'desc';

/** One page of a list, and whether it says that it is the last. */
export interface ListPage<T> extends Readable<T> {
  isLast: boolean;
}

interface Answer<T> extends Readable<T> {
  nextUrl?: string | null | undefined;
}

/** Which part of a list: of service IDs and their keys each group has its own; null is the group that all are in by default. */
export interface ListPart {
  order: Order;
  groupId: string | null;
}

/**
 * What IAM Identity tells of the account as a whole, for those who may see it: keys, service IDs, settings, use.
 * https://cloud.ibm.com/apidocs/iam-identity-token-api
 */
export class IamAccount {
  readonly #sdk: IamIdentityV1;
  readonly #calls: Calls;
  readonly #accountId: string;

  constructor(options: ClientOptions & { calls: Calls; accountId: string }) {
    const { serviceUrl, authenticator, http } = options;
    this.#sdk = new IamIdentityV1({ ...httpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
    this.#accountId = options.accountId;
  }

  /** All keys of users, or of the service IDs of a group, a page at a time, by their dates of creation. */
  keys(type: 'user' | 'serviceid', { order, groupId }: ListPart, signal: AbortSignal) {
    const filter = { ...ofGroup(groupId), scope: 'account', type, sort: 'created_at', order };
    return this.#pages<AccountApiKey>('listApiKeys', AccountKeysAnswer, signal, (page, attempt) =>
      this.#sdk.listApiKeys({ accountId: this.#accountId, ...filter, ...page, signal: attempt }),
    );
  }

  /** All service IDs of a group, without those behind resource keys, a page at a time, by their dates of creation. */
  serviceIds({ order, groupId }: ListPart, signal: AbortSignal) {
    const filter = { ...ofGroup(groupId), sort: 'created_at', order };
    return this.#pages<NamedServiceId>('listServiceIds', ServiceIdsAnswer, signal, (page, attempt) =>
      this.#sdk.listServiceIds({ accountId: this.#accountId, ...filter, ...page, signal: attempt }),
    );
  }

  /** Ids of all groups of service IDs but the default one, which has none. */
  async serviceIdGroups(signal: AbortSignal): Promise<string[]> {
    const call: CallOptions = { operation: 'listServiceIdGroup', kind: 'reads', signal };
    const { serviceid_groups: groups } = await this.#calls.send(call, GroupsAnswer, (attempt) =>
      this.#sdk.listServiceIdGroup({ accountId: this.#accountId, signal: attempt }),
    );
    return groups.map(({ id }) => id);
  }

  /** Who may create user API keys and service IDs: `RESTRICTED`, `NOT_RESTRICTED` or `NOT_SET`. */
  async restrictions(signal: AbortSignal): Promise<{ userKeys: string; serviceIds: string }> {
    const call: CallOptions = { operation: 'getAccountSettings', kind: 'reads', signal };
    const settings = await this.#calls.send(call, SettingsAnswer, (attempt) =>
      this.#sdk.getAccountSettings({ accountId: this.#accountId, signal: attempt }),
    );
    return {
      userKeys: settings.restrict_create_platform_apikey,
      serviceIds: settings.restrict_create_service_id,
    };
  }

  /** Begins a report on what was not used for so many hours. It takes minutes to build. Returns its reference. */
  async startReport(hours: number, signal: AbortSignal): Promise<string> {
    const call: CallOptions = { operation: 'createReport', kind: 'repeatable', signal };
    const { reference } = await this.#calls.send(call, ReferenceAnswer, (attempt) =>
      this.#sdk.createReport({
        accountId: this.#accountId,
        type: 'inactive',
        duration: String(hours),
        signal: attempt,
      }),
    );
    return reference;
  }

  /** A report by its reference, or the `latest`; null while it is being built, and where there is none. */
  async report(reference: string, signal: AbortSignal): Promise<ActivityReport | null> {
    const call: CallOptions = { operation: 'getReport', kind: 'reads', signal };
    try {
      return await this.#calls.send(call, ReportAnswer, (attempt) =>
        this.#sdk.getReport({ accountId: this.#accountId, reference, signal: attempt }),
      );
    } catch (error) {
      if (isApiError(error, 'not_found')) return null;
      throw error;
    }
  }

  async *#pages<T>(
    operation: string,
    schema: z.ZodType<Answer<T>>,
    signal: AbortSignal,
    list: (page: { pagesize: number; pagetoken?: string }, attempt: AbortSignal) => Promise<{ result: unknown }>,
  ): AsyncGenerator<ListPage<T>> {
    let pagetoken: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = { pagesize: PAGE, ...(pagetoken !== null && { pagetoken }) };
      const answer: Answer<T> = await this.#calls.send({ operation, kind: 'reads', signal }, schema, (attempt) =>
        list(page, attempt),
      );
      // Some services send a path here, and some an empty text on the last page.
      pagetoken = URL.parse(answer.nextUrl ?? '', 'https://iam.cloud.ibm.com')?.searchParams.get('pagetoken') ?? null;
      yield { rows: answer.rows, oddCount: answer.oddCount, isLast: pagetoken === null };
      if (pagetoken === null) return;
    }
    throw endless(operation);
  }
}

const ofGroup = (groupId: string | null) => (groupId === null ? {} : { groupId });
