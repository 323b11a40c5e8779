import { NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import { IamLogin } from '../../shared/auth/iam-login.ts';
import { Calls } from '../../shared/clients/calls.ts';
import type { RateCap } from '../../shared/clients/calls.ts';
import type { HttpOptions } from '../../shared/clients/http-options.ts';
import { IamAccount } from '../../shared/clients/iam-account.ts';
import { IamIdentity } from '../../shared/clients/iam-identity.ts';
import type { ApiKey } from '../../shared/clients/iam-identity-answers.ts';
import { IamTokens } from '../../shared/clients/iam-token.ts';
import { ResourceKeys } from '../../shared/clients/resource-keys.ts';
import { SecretStore } from '../../shared/clients/secret-store.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { QUIET_LOG } from '../../shared/runtime/quiet-log.ts';
import type { SecretValue } from '../../shared/runtime/secret-value.ts';
import type { Login } from '../../shared/runtime/settings.ts';
import type { Book } from './book.ts';
import { RawApi } from './raw.ts';
import { textIn } from './raw-answer.ts';
import { thenRemoving } from './then-removing.ts';
import { SPREAD_MS, arrival } from './waiting.ts';

/** Where the APIs are. */
export interface Addresses {
  accountId: string;
  iamUrl: string;
  secretsManagerUrl: string;
  resourceControllerUrl: string;
}

export interface BenchOptions {
  addresses: Addresses;
  login: Login;
  http: HttpOptions;
  clock: Clock;
  rateCap: RateCap;
  book: Book;
  timeoutMs: number;
  /** When the last call may begin, in epoch milliseconds. */
  deadlineMs: number;
  /** Ends what is under way. */
  signal: AbortSignal;
}

/** What somebody who is logged in calls with: the product's own clients, and requests as they are on the wire. */
export interface Identity {
  keys: IamIdentity;
  secrets: SecretStore;
  resourceKeys: ResourceKeys;
  iam: RawApi;
  secretsManager: RawApi;
  resourceController: RawApi;
}

/** The one service ID and the one secret group in which all happens. */
export interface Ground {
  serviceId: { id: string; iamId: string; crn: string };
  groupId: string;
  /** GUID of the Secrets Manager instance, as its CRNs tell it. */
  instanceId: string;
}

/** A key of the service ID, with its value. */
export interface NewKey {
  id: string;
  value: SecretValue;
  key: ApiKey;
}

const DAY_MS = 86_400_000;

/** What contracts and open points work with. */
export class Bench {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly book: Book;
  readonly addresses: Addresses;
  /** Whoever runs this. */
  readonly own: Identity;
  readonly ownLogin: IamLogin;
  /** What whoever runs this sees of the account. */
  readonly account: IamAccount;
  /** Logins, which need none: 401 is an answer. */
  readonly logins: RawApi;
  readonly tokens: IamTokens;
  readonly #options: BenchOptions;
  readonly #ground: Ground | null;

  constructor(options: BenchOptions, ground: Ground | null = null) {
    this.#options = options;
    this.#ground = ground;
    this.clock = options.clock;
    this.signal = options.signal;
    this.book = options.book;
    this.addresses = options.addresses;
    const calls = new Calls(this.#common);
    const atIam = { serviceUrl: options.addresses.iamUrl, http: options.http };
    this.tokens = new IamTokens({ ...atIam, calls, clock: options.clock });
    this.logins = new RawApi({ ...atIam, calls, authenticator: new NoAuthAuthenticator(), hasLogin: false });
    this.ownLogin = this.#loginAs(options.login);
    this.own = this.#identity(this.ownLogin, 'in turns');
    const { accountId } = options.addresses;
    const ownCalls = new Calls({ ...this.#common, login: this.ownLogin });
    this.account = new IamAccount({ ...atIam, authenticator: this.ownLogin, calls: ownCalls, accountId });
  }

  /** The same with the ground on which items work. */
  on(ground: Ground): Bench {
    return new Bench(this.#options, ground);
  }

  /** @throws Error before it was made. */
  get ground(): Ground {
    if (!this.#ground) throw new Error('there is no ground yet');
    return this.#ground;
  }

  get #common() {
    const { clock, timeoutMs, deadlineMs, rateCap } = this.#options;
    return { clock, log: QUIET_LOG, timeoutMs, deadlineMs, rateCap };
  }

  /** The owner's calls without turns: for two that must meet. */
  get atOnce(): Identity {
    return this.#identity(this.ownLogin, 'at once');
  }

  #loginAs(login: Login): IamLogin {
    const { clock, signal } = this.#options;
    return new IamLogin({ login, tokens: this.tokens, clock, signal });
  }

  #identity(authenticator: IamLogin, pace: 'in turns' | 'at once'): Identity {
    const { http, addresses } = this.#options;
    const { rateCap, ...unpaced } = this.#common;
    const calls = new Calls({ ...unpaced, login: authenticator, ...(pace === 'in turns' && { rateCap }) });
    const { accountId, iamUrl, secretsManagerUrl, resourceControllerUrl } = addresses;
    const at = (serviceUrl: string) => ({ serviceUrl, authenticator, http, calls });
    const raw = (serviceUrl: string) => new RawApi({ ...at(serviceUrl), hasLogin: true });
    return {
      keys: new IamIdentity({ ...at(iamUrl), accountId }),
      secrets: new SecretStore(at(secretsManagerUrl)),
      resourceKeys: new ResourceKeys(at(resourceControllerUrl)),
      iam: raw(iamUrl),
      secretsManager: raw(secretsManagerUrl),
      resourceController: raw(resourceControllerUrl),
    };
  }

  nameOf(purpose: string): string {
    return `${this.book.runName}-${purpose}`;
  }

  async pause(delayMs: number): Promise<void> {
    await this.clock.sleep(delayMs, this.signal);
  }

  /** Lets `work` have a new key of the service ID once reads show it, and removes it. It expires after `livesMs`, a day by default. */
  async withKey<T>(purpose: string, work: (made: NewKey) => Promise<T>, livesMs = DAY_MS): Promise<T> {
    const shown = async (made: NewKey) => {
      await this.shown(made.id);
      return work(made);
    };
    return this.withFreshKey(purpose, shown, livesMs);
  }

  /** Resolves when reads show a new key. Before, what changes or removes it may be answered with 404. */
  async shown(id: string): Promise<void> {
    await arrival(this, 'a new key by its id', () => this.own.keys.getApiKey(id, this.signal));
  }

  /** The same at once: for what is about how late something shows. `work` waits for `shown` at its end. */
  async withFreshKey<T>(purpose: string, work: (made: NewKey) => Promise<T>, livesMs = DAY_MS): Promise<T> {
    const { keys } = this.own;
    const { key, value } = await keys.createApiKey(
      {
        iamId: this.ground.serviceId.iamId,
        name: this.nameOf(purpose),
        description: 'Made by a conformance run.',
        expiresAtMs: this.clock.nowMs() + livesMs,
      },
      this.signal,
    );
    return thenRemoving(
      () => work({ id: key.id, value, key }),
      () => this.removeKey(key.id),
    );
  }

  async removeKey(id: string): Promise<void> {
    await this.own.keys.unlockApiKey(id, this.signal);
    await this.own.keys.deleteApiKey(id, this.signal);
  }

  /** Logs in once: the status, and IBM's code of a refusal. */
  async login(value: SecretValue): Promise<{ status: number; code: string }> {
    const form = {
      grant_type: 'urn:ibm:params:oauth:grant-type:apikey',
      apikey: value.reveal(),
      response_type: 'cloud_iam',
    };
    const { status, body } = await this.logins.send({ method: 'POST', path: '/identity/token', form }, this.signal);
    return { status, code: textIn(body, 'errorCode') };
  }

  /** Resolves when a key logs in. @throws Error when it does not within two minutes. */
  async loggedIn(value: SecretValue): Promise<void> {
    await arrival(this, 'the first login with a new key', async () =>
      (await this.login(value)).status === 200 ? true : null,
    );
  }

  /** Resolves with the refusal when a key does not log in any more. @throws Error when it still does after `limitMs`, two minutes by default. */
  async refused(value: SecretValue, limitMs = SPREAD_MS): Promise<{ status: number; code: string }> {
    const look = async () => {
      const answer = await this.login(value);
      return answer.status === 200 ? null : answer;
    };
    return arrival(this, 'the refusal of a login', look, limitMs);
  }

  /** Lets `work` act as the service ID, with a key of its own for that long. */
  async asServiceId<T>(work: (identity: Identity) => Promise<T>): Promise<T> {
    return this.withKey('login', async ({ value }) => {
      await this.loggedIn(value);
      return work(this.#identity(this.#loginAs({ kind: 'api-key', apiKey: value }), 'in turns'));
    });
  }
}
