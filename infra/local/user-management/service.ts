import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { ClassicInfrastructure } from '../classic/service.ts';
import type { ClassicStatus } from '../classic/model.ts';
import type { IamService } from '../iam/service.ts';
import type { User } from '../iam/user-book.ts';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { callerOf, StrictRoutes } from '../strict-routes.ts';
import { answerError, forbidden, invalid, notEmbedded, unauthorized } from './errors.ts';

const PAGE = 100;

const Query = z.strictObject({
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, `is not a whole number from 1 to ${PAGE}`)
    .transform(Number)
    .default(PAGE),
  _start: z.string().optional(),
  user_id: z.string().optional(),
  search: z.string().optional(),
  include_settings: z.enum(['true', 'false']).optional(),
});
type Query = z.infer<typeof Query>;

/** How users stand in the account who cannot use classic infrastructure to the full. All others are active. */
const STATES: Partial<Record<ClassicStatus, string>> = {
  DISABLED: 'DISABLED_CLASSIC_INFRASTRUCTURE',
  VPN_ONLY: 'VPN_ONLY',
};

const SETTINGS = { language: '', notification_language: '', allowed_ip_addresses: '', self_manage: false };

/** User management of the embedded cloud: who is in the account. https://cloud.ibm.com/apidocs/user-management */
export class UserManagement {
  readonly #parts: CloudParts;
  readonly #iam: IamService;
  readonly #classic: ClassicInfrastructure;

  constructor(parts: CloudParts, iam: IamService, classic: ClassicInfrastructure) {
    this.#parts = parts;
    this.#iam = iam;
    this.#classic = classic;
  }

  routes(): Hono<CloudEnv> {
    const login = { access: this.#iam, refusal: unauthorized };
    const routes = new StrictRoutes({ login, badQuery: invalid, onError: answerError });
    // https://cloud.ibm.com/apidocs/user-management#list-users
    routes.addWithQuery('GET', '/v2/accounts/:account_id/users', Query, (context, query) => this.#list(context, query));
    return routes.app;
  }

  #list(context: Context<CloudEnv>, query: Query): Response {
    this.#demand(context);
    if (query.search !== undefined) throw notEmbedded('search of users');
    const path = `/v2/accounts/${this.#parts.account.id}/users`;
    const users = this.#iam
      .users()
      .filter(({ state, email }) => state !== 'left' && (query.user_id ?? email) === email);
    const offset = offsetOf(query._start);
    const nextOffset = offset + query.limit;
    return context.json({
      total_results: users.length,
      limit: query.limit,
      first_url: `${path}?limit=${query.limit}`,
      ...(nextOffset < users.length && { next_url: `${path}?limit=${query.limit}&_start=${tokenOf(nextOffset)}` }),
      resources: users.slice(offset, nextOffset).map((user) => ({
        ...this.#view(user),
        ...(query.include_settings === 'true' && { settings: SETTINGS }),
      })),
    });
  }

  /** Users see each other, unless the account restricts that. Throws 403. */
  #demand(context: Context<CloudEnv>): void {
    const caller = callerOf(context);
    const isOfAccount = context.req.param('account_id') === caller.accountId;
    const isUser = this.#iam.user(caller.iamId) !== undefined;
    const maySee =
      (isUser && this.#iam.usersSeeEachOther) ||
      this.#iam.allows(caller, 'user-management.user.list', { serviceName: 'user-management' });
    if (!isOfAccount || !maySee) throw forbidden('The identity may not list the users of the account.');
  }

  #view({ iamId, email, name, addedAtMs }: User): object {
    const [firstName, ...others] = name.split(' ');
    const classicStatus = this.#classic.userWithIamId(iamId)?.status ?? 'ACTIVE';
    return {
      id: iamId.slice(iamId.indexOf('-') + 1),
      iam_id: iamId,
      realm: iamId.slice(0, iamId.indexOf('-')),
      user_id: email,
      firstname: firstName,
      lastname: others.join(' '),
      state: STATES[classicStatus] ?? 'ACTIVE',
      email,
      account_id: this.#parts.account.id,
      added_on: new Date(addedAtMs).toISOString(),
    };
  }
}

const tokenOf = (offset: number): string => Buffer.from(`users ${offset}`).toString('base64url');

/** Throws 400 for a token that no page gave out. */
function offsetOf(start: string | undefined): number {
  if (start === undefined) return 0;
  const [, digits] = /^users ([1-9]\d{0,8})$/.exec(Buffer.from(start, 'base64url').toString()) ?? [];
  if (digits === undefined) throw invalid({ property: '_start', missing: false, reason: 'is unknown' });
  return Number(digits);
}
