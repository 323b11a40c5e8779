import UserManagementV1 from '@ibm-cloud/platform-services/user-management/v1.js';
import * as z from 'zod';
import type { CallOptions, Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';
import { MOST_PAGES, endless } from './paging.ts';
import { readable } from './readable.ts';
import type { Readable } from './readable.ts';
import { until } from './until.ts';

/** The most that a page holds. */
const PAGE = 100;

/** Of a person no more is read than how the account knows them. */
const User = z
  .object({ iam_id: z.string().min(1), user_id: z.string() })
  .transform(({ iam_id: iamId, user_id: userId }) => ({ iamId, userId }));

/** A user of the account: the IAM id, and the name to log in with. */
export type AccountUser = z.infer<typeof User>;

const UsersAnswer = z.object({ resources: readable(User), next_url: z.string().nullish() });

/** The users of the account. https://cloud.ibm.com/apidocs/user-management */
export class Users {
  readonly #sdk: UserManagementV1;
  readonly #calls: Calls;
  readonly #accountId: string;

  constructor(options: ClientOptions & { calls: Calls; accountId: string }) {
    const { serviceUrl, authenticator, http } = options;
    this.#sdk = new UserManagementV1({ ...httpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
    this.#accountId = options.accountId;
  }

  /** All users that we may see, a page of at most 100 at a time. */
  async *pages(signal: AbortSignal): AsyncGenerator<Readable<AccountUser>> {
    const call: CallOptions = { operation: 'listUsers', kind: 'reads', signal };
    let start: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = { limit: PAGE, ...(start !== null && { start }) };
      const answer: z.infer<typeof UsersAnswer> = await this.#calls.send(call, UsersAnswer, (attempt) =>
        until(this.#sdk, attempt).listUsers({ accountId: this.#accountId, ...page }),
      );
      yield answer.resources;
      // A path with a query, or nothing on the last page.
      const url = URL.parse(answer.next_url ?? '', 'https://user-management.cloud.ibm.com');
      start = url?.searchParams.get('_start') ?? null;
      if (start === null) return;
    }
    throw endless(call.operation);
  }
}
