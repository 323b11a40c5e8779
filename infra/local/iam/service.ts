import { Hono } from 'hono';
import type { Access, Caller, CloudEnv, CloudParts, Target } from '../parts.ts';
import { ApiKeyBook } from './api-key-book.ts';
import type { NewApiKey } from './api-key-book.ts';
import { ApiKeyRoutes } from './api-key-routes.ts';
import { claimRuleRoutes } from './claim-rule-routes.ts';
import { ComputeResourceTokens } from './compute-resources.ts';
import type { ComputeResource } from './compute-resources.ts';
import { GroupBook } from './group-book.ts';
import { groupRoutes } from './group-routes.ts';
import { limitRoutes } from './limit-routes.ts';
import { KeyIdentities } from './key-identities.ts';
import { LinkRoutes } from './link-routes.ts';
import { callerWithKey } from './login-subjects.ts';
import { LoginRoutes } from './login-routes.ts';
import { PolicyBook } from './policy-book.ts';
import { PolicyRoutes } from './policy-routes.ts';
import { ProfileBook } from './profile-book.ts';
import { profileIdentityRoutes } from './profile-identity-routes.ts';
import { ProfileRoutes } from './profile-routes.ts';
import { ReportBook } from './report-book.ts';
import { reportRoutes } from './report-routes.ts';
import { ServiceIdBook } from './service-id-book.ts';
import { ServiceIdRoutes } from './service-id-routes.ts';
import { SettingsBook } from './settings-book.ts';
import { settingsRoutes } from './settings-routes.ts';
import { snapshotOf } from './snapshot.ts';
import { TokenBook } from './token-book.ts';
import { TrustBook } from './trust-book.ts';
import { UserBook } from './user-book.ts';
import type { User, UserState } from './user-book.ts';
import type { IamWorld } from './world.ts';

export type { ComputeResource } from './compute-resources.ts';

/** How much older than the world the first keys of users are: they can log in at once. */
const FIRST_KEY_AGE_MS = 24 * 3_600_000;

const BEARER = 'bearer ';

/** What a reviewer of API keys may do, unless switched. */
const READS_KEYS = new Set(['iam-identity.apikey.get', 'iam-identity.apikey.list']);

/** IAM of the embedded cloud: tokens, API keys, service IDs, policies, trusted profiles, limits. */
export class IamService implements Access {
  readonly #world: IamWorld;
  /** The account owner's API key, made when the account is. */
  readonly adminApiKey: string;
  /** For the resource controller. */
  readonly keyIdentities: KeyIdentities;

  constructor(parts: CloudParts) {
    this.#world = {
      parts,
      access: this,
      keys: new ApiKeyBook(parts),
      serviceIds: new ServiceIdBook(parts),
      groups: new GroupBook(parts),
      profiles: new ProfileBook(parts),
      trust: new TrustBook(parts),
      policies: new PolicyBook(parts),
      users: new UserBook(parts),
      settings: new SettingsBook(parts),
      reports: new ReportBook(parts),
      tokens: new TokenBook(parts),
      computeResources: new ComputeResourceTokens(parts),
    };
    this.keyIdentities = new KeyIdentities(this.#world);
    this.adminApiKey = this.#firstKey(parts.account.adminIamId, 'Account owner');
  }

  callerOf(authorization: string | undefined): Caller | null {
    if (authorization?.slice(0, BEARER.length).toLowerCase() !== BEARER) return null;
    return this.#world.tokens.callerOf(authorization.slice(BEARER.length));
  }

  allows(caller: Caller, action: string, target: Target): boolean {
    const { parts, policies } = this.#world;
    if (caller.iamId === parts.account.adminIamId || policies.grant(caller.iamId, action, target)) return true;
    const mayReview = READS_KEYS.has(action) && parts.switches.reviewerReadsKeys;
    return mayReview && policies.grant(caller.iamId, 'iam-identity.apikey.review', target);
  }

  routes(): Hono<CloudEnv> {
    const app = new Hono<CloudEnv>();
    app.route('/', new LoginRoutes(this.#world).routes());
    app.route('/', new ApiKeyRoutes(this.#world).routes());
    app.route('/', new ServiceIdRoutes(this.#world).routes());
    app.route('/', new PolicyRoutes(this.#world).routes());
    app.route('/', new ProfileRoutes(this.#world).routes());
    app.route('/', new LinkRoutes(this.#world).routes());
    const others = [groupRoutes, profileIdentityRoutes, claimRuleRoutes, limitRoutes, settingsRoutes, reportRoutes];
    for (const routes of others) app.route('/', routes(this.#world));
    return app;
  }

  /** A user who joins the account, such as a functional ID, and the first key that the user made in the console. */
  addUser(name: string): { iamId: string; apiKey: string } {
    const { iamId } = this.#world.users.add(name);
    return { iamId, apiKey: this.#firstKey(iamId, name) };
  }

  /** A service ID, for accounts that are too large to be built by calls. */
  addServiceId(name: string): { id: string; iamId: string } {
    const { parts, serviceIds } = this.#world;
    const { id, iamId } = serviceIds.add({ name }, parts.account.adminIamId);
    return { id, iamId };
  }

  /** A key that was made at that moment, and last used then or never, for accounts that are too large to be built by calls. Returns its id. */
  addApiKey(key: NewApiKey, createdAtMs: number, lastUsedAtMs: number | null): string {
    const { keys, parts } = this.#world;
    const { id, activity } = keys.add(key, parts.account.adminIamId, createdAtMs);
    if (lastUsedAtMs !== null) activity.record(lastUsedAtMs, 0);
    return id;
  }

  /** Suspends a user, lets one leave the account, or take part again. The tokens of who leaves end at once. */
  setUserState(iamId: string, state: UserState): void {
    const { tokens, users } = this.#world;
    users.revise(iamId, { state });
    if (state === 'left') tokens.revoke(iamId);
  }

  /** Users who have left too. */
  users(): readonly User[] {
    return this.#world.users.all();
  }

  user(iamId: string): User | undefined {
    return this.#world.users.get(iamId);
  }

  /** Makes a user a user of classic infrastructure too. Throws when there is no such user. */
  linkToClassic(iamId: string, classicUserId: number): void {
    this.#world.users.revise(iamId, { classicUserId });
  }

  /** Whether users see the other users of the account without having a role for it. */
  get usersSeeEachOther(): boolean {
    return this.#world.settings.present.restrict_user_list_visibility === 'NOT_RESTRICTED';
  }

  /** Who logs in with an API key at a service that takes it in place of a token; null when IAM refuses. It counts as a use. */
  callerWithKey(value: string): Caller | null {
    return callerWithKey(this.#world, value);
  }

  /** A token as Code Engine would write it into the function's file system. */
  issueComputeResourceToken(resource: ComputeResource): string {
    return this.#world.computeResources.issue(resource);
  }

  /** All that exists, for `GET /state`. Values of keys only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    return snapshotOf(this.#world, options);
  }

  #firstKey(iamId: string, owner: string): string {
    const { keys, parts } = this.#world;
    return keys.add({ name: `First key of ${owner}`, iamId }, iamId, parts.clock.nowMs() - FIRST_KEY_AGE_MS).value;
  }
}
