import { IamLogin, unlessAborted } from '../auth/iam-login.ts';
import { ApiError } from '../clients/api-error.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { PersonNeeded } from './kind.ts';
import type { KindParts } from './kinds.ts';
import type { LoginSecret } from './manifest.ts';
import { readStoredLogin } from './stored-login.ts';

/** A user, and the secrets whose values log in as that user. */
export interface UserWithLogins {
  iamId: string;
  logins: readonly LoginSecret[];
}

/** Which logins are tried. */
export interface LoginWish {
  /** `own`: only secrets that nobody but Keyrota reads. Default: `all`, those of consumers as a last resort. */
  from?: 'own' | 'all';
  /** The key that is about to be changed: it is logged in with only where no other works. */
  insteadOf?: string | null;
}

type LoginParts = Pick<KindParts, 'clock' | 'log' | 'login' | 'readOnly' | 'secrets' | 'signal' | 'tokens'>;

/** What became of one secret's value: it logs in, or why not. */
type Attempt = { login: IamLogin; keyId: string | null } | { login: null; why: string };

/** So long a login that was refused is not tried again. */
const REFUSED_FOR_MS = 60_000;

/** Not in the account any more; suspended in it. */
const USER_ABSENT: Readonly<Record<string, string>> = {
  BXNIM0410E: 'the user has left the account',
  BXNIM0436E: 'the user is suspended in the account',
};

/** The caller's address is not allowed: that says nothing about the key, and is the same with every other one. */
const ADDRESS_REFUSED = 'BXNIM0430E';

/** The key is not known, or not yet, or not everywhere. */
const KEY_NOT_FOUND = 'BXNIM0415E';

/** Pauses before such a key is tried again. */
const REFUSED_AGAIN_MS = [2_000, 4_000];

/**
 * Logins as users, for what nobody else can do for them. One object serves one run: a login that works is kept, and those
 * who ask at the same time share one attempt.
 */
export class UserLogins {
  readonly #parts: LoginParts;
  readonly #attempts = new Map<string, { attempt: Promise<Attempt>; untilMs: number }>();
  /** Logins whose keys were put out of use in this run. */
  readonly #spent = new Map<string, IamLogin>();

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /**
   * Logs in as that user with the first value that works. Whatever their order in the manifest, consumers' values come last.
   * @throws PersonNeeded `user_login_lost` when none does; ApiError when that cannot be told.
   */
  async login(user: UserWithLogins, signal: AbortSignal, { from = 'all', insteadOf = null }: LoginWish = {}) {
    const own = await this.#firstOf(user, false, insteadOf, signal);
    if (own.first) return own.first;
    const { login: ourselves, readOnly } = this.#parts;
    if (from === 'own') throw loginLost(user, own.refusals);
    if (ourselves.iamId === user.iamId) return ourselves;
    // To read consumers' values leaves a mark, and a look is to leave none.
    if (readOnly) throw loginLost(user, [...own.refusals, 'a dry run does not read what consumers hold']);
    const ofConsumers = await this.#firstOf(user, true, insteadOf, signal);
    const last = ofConsumers.first ?? own.last ?? ofConsumers.last ?? this.#spentOf(user);
    if (last) return last;
    throw loginLost(user, [...own.refusals, ...ofConsumers.refusals]);
  }

  /** `last` is the login with the key that is about to be changed. */
  async #firstOf(user: UserWithLogins, ofConsumers: boolean, insteadOf: string | null, signal: AbortSignal) {
    const refusals: string[] = [];
    let last: IamLogin | null = null;
    for (const one of user.logins.filter(({ isForConsumers }) => isForConsumers === ofConsumers)) {
      const attempt = await this.#attempt(user.iamId, one, signal);
      if (attempt.login === null) refusals.push(`${one.name}: ${attempt.why}`);
      else if (attempt.keyId === null || attempt.keyId !== insteadOf) return { first: attempt.login, last, refusals };
      else last = attempt.login;
    }
    return { first: null, last, refusals };
  }

  #spentOf({ iamId, logins }: UserWithLogins): IamLogin | undefined {
    const [spent] = logins.flatMap(({ name }) => this.#spent.get(`${iamId} ${name}`) ?? []);
    return spent;
  }

  /** A login with a value that is not stored. It begins when it is used. */
  with(apiKey: SecretValue): IamLogin {
    const { tokens, clock, signal } = this.#parts;
    return new IamLogin({ login: { kind: 'api-key', apiKey }, tokens, clock, signal });
  }

  /** That key is out of use. Its token lives on for a while: it serves where nothing else does, so that nobody is locked out. */
  async putLast(keyId: string): Promise<void> {
    for (const [name, { attempt }] of this.#attempts) {
      const known = await attempt.catch(() => null);
      if (!known?.login || known.keyId !== keyId) continue;
      this.#attempts.delete(name);
      this.#spent.set(name, known.login);
    }
  }

  /** Forgets a login whose token or key was refused meanwhile. */
  async forget(login: IamLogin): Promise<void> {
    for (const [name, spent] of this.#spent) if (spent === login) this.#spent.delete(name);
    for (const [name, { attempt }] of this.#attempts) {
      if ((await attempt.catch(() => null))?.login === login) this.#attempts.delete(name);
    }
  }

  async #attempt(iamId: string, secret: LoginSecret, signal: AbortSignal): Promise<Attempt> {
    signal.throwIfAborted();
    const { clock } = this.#parts;
    const name = `${iamId} ${secret.name}`;
    const known = this.#attempts.get(name);
    if (known && clock.nowMs() < known.untilMs) return unlessAborted(known.attempt, signal);
    const entry = { attempt: this.#tryOut(iamId, secret), untilMs: Infinity };
    this.#attempts.set(name, entry);
    entry.attempt.then(
      ({ login }) => {
        if (!login) entry.untilMs = clock.nowMs() + REFUSED_FOR_MS;
      },
      () => {
        if (this.#attempts.get(name) === entry) this.#attempts.delete(name);
      },
    );
    return unlessAborted(entry.attempt, signal);
  }

  async #tryOut(iamId: string, secret: LoginSecret): Promise<Attempt> {
    const { log } = this.#parts;
    const found = await readStoredLogin(secret, this.#parts);
    if (!found) return { login: null, why: `secret ${secret.secret.name} has no current value` };
    const { value, keyId } = found;
    const login = this.with(value);
    try {
      await this.#logIn(login);
    } catch (error) {
      if (!isRefusedLogin(error)) throw error;
      const absent = USER_ABSENT[error.failure.ibmCode ?? ''];
      return { login: null, why: absent ? `${absent} (${error.message})` : error.message };
    }
    if (login.iamId !== iamId)
      return { login: null, why: `the value in ${secret.secret.name} logs in as somebody else` };
    if (secret.isForConsumers) {
      const message = `logged in as ${iamId} with the key of ${secret.name}, which is for consumers: no other login works`;
      log.warn('user_login_last_resort', message, { iamId, login: secret.name });
    }
    return { login, keyId };
  }

  /** One refusal may be a moment in which the key is not known somewhere: it leads to nothing that costs more. */
  async #logIn(login: IamLogin): Promise<void> {
    const { clock, signal } = this.#parts;
    for (const pauseMs of REFUSED_AGAIN_MS) {
      try {
        return await login.ready(signal);
      } catch (error) {
        if (!isRefusedLogin(error) || error.failure.ibmCode !== KEY_NOT_FOUND) throw error;
        await clock.sleep(pauseMs, signal);
      }
    }
    await login.ready(signal);
  }
}

/** Whether a login was clearly refused, for its key or its user. */
export const isRefusedLogin = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  error.operation === 'getToken' &&
  ['invalid_request', 'not_logged_in', 'forbidden'].includes(error.code) &&
  error.failure.ibmCode !== ADDRESS_REFUSED;

function loginLost({ iamId, logins }: UserWithLogins, refusals: readonly string[]): PersonNeeded {
  const [first] = logins;
  const name = first?.name ?? '';
  return new PersonNeeded({
    code: 'user_login_lost',
    problem: `No stored key logs in as ${iamId}, and only that user can make its keys. ${refusals.join('; ')}.`,
    steps: [
      `Log in as ${iamId}: ibmcloud login`,
      `ibmcloud iam api-key-create ${name} -d "Login of Keyrota" --file key.json`,
      'Or in the console, logged in as that user: Manage > Access (IAM) > API keys > Create.',
      `jq -r .apikey key.json | keyrota import ${name}, or without a pipe: keyrota import ${name}, and type the value in.`,
      'Delete key.json.',
    ],
  });
}
