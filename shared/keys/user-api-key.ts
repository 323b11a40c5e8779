import type { IamLogin } from '../auth/iam-login.ts';
import { isApiError } from '../clients/api-error.ts';
import type { ApiError } from '../clients/api-error.ts';
import type { IamIdentity } from '../clients/iam-identity.ts';
import type { ApiKey, SurveyedKey } from '../clients/iam-identity-answers.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { generatedFor } from './generated-for.ts';
import { grantCommand } from './grant-command.ts';
import {
  createdKeyOf,
  fullQuota,
  grantObstacles,
  isKeyLimit,
  issuerKeyOf,
  nullWhenGone,
  verifyApiKey,
  unmark,
} from './iam-api-key.ts';
import type { IamApiKeyPorts } from './iam-api-key.ts';
import { PersonNeeded } from './kind.ts';
import type { KeyKind, KindFacts, Obstacle } from './kind.ts';
import type { UserApiKey } from './manifest.ts';
import { isRefusedLogin } from './user-login.ts';
import type { UserLogins } from './user-login.ts';

export interface UserApiKeyPorts extends IamApiKeyPorts {
  logins: UserLogins;
  /** A client of IAM with that login. */
  identityOf: (login: IamLogin) => IamIdentity;
}

const USER_FACTS: KindFacts<UserApiKey> = {
  keysPerOwner: 'many',
  looksAcrossOwners: false,
  rolesNeeded: ({ iamId }) => [
    `On IAM Identity it needs nothing while a stored key logs in as ${iamId}; to contain keys without one, Administrator:`,
    grantCommand('--roles Administrator --service-name iam-identity'),
  ],
  ownerGone: ({ iamId }) => ({
    code: 'identity_gone',
    problem: `${iamId} does not exist.`,
    steps: ['ibmcloud account users', 'Name the right user in the entry, or say `state: retired`.'],
  }),
  toUnlock: (_, keyId) => `ibmcloud iam api-key-unlock ${keyId}`,
  toDelete: (_, keyId) => `ibmcloud iam api-key-delete ${keyId}`,
};

/**
 * API keys of users, that is of functional IDs. Only the user can make them, so whatever is done is done logged in as that
 * user; what an administrator may do too does not depend on it.
 */
export function userApiKeys(ports: UserApiKeyPorts): KeyKind<UserApiKey> {
  const { identity, policies, logins } = ports;
  const users = new UserIdentities(ports);
  return {
    facts: USER_FACTS,
    list: async (key, signal) => {
      const listed = await users
        .byUserOrKeyrota(key, null, signal, (asked) =>
          asked === identity ? asked.listApiKeysOfUser(key.iamId, signal) : asked.listApiKeys(key.iamId, signal),
        )
        .catch(nullWhenGone);
      return listed && listed.map((one) => issuerKeyOf(one, key.iamId));
    },
    survey: (keys, signal) => users.survey(keys, signal),
    look: async (key, keyId, signal) => {
      const found = await users.byUserOrKeyrota(key, null, signal, (asked) => asked.getApiKey(keyId, signal));
      return found && issuerKeyOf(found, key.iamId);
    },
    obstacles: async (key, keyCount, signal) => {
      const words = { owner: key.iamId, command: `ibmcloud iam user-policy-create USER_NAME_OF_${key.iamId}` };
      const [login, quota, grants] = await Promise.all([
        loginObstacle(logins.login(key, signal)),
        fullQuota(identity, key.iamId, keyCount, signal),
        grantObstacles(policies, key.iamId, key.grants, words, signal),
      ]);
      const full = quota && quotaReached(key, `${quota.count} API keys of at most ${quota.limit}`);
      return [login, full].filter((one) => one !== null).concat(grants);
    },
    create: async (key, { predecessorId, ...request }, signal) => {
      const user = await users.as(key, signal);
      const kept = keptOf(predecessorId === null ? null : await seenBy(user, predecessorId, signal));
      const created = await user.createApiKey({ iamId: key.iamId, ...request, ...kept }, signal);
      return createdKeyOf(created.key, created.value);
    },
    obstacleOf: (key, refusal) => {
      if (isKeyLimit(refusal)) return quotaReached(key, 'as many API keys as it may');
      return refusal.code === 'forbidden' && refusal.operation === 'createApiKey' ? creationRestricted(key) : null;
    },
    verify: (key, value, withProbe, signal) => verifyApiKey(key, value, withProbe, ports, signal),
    identify: async (key, value, signal) => {
      const found = await users.keyOfValue(value, signal);
      return found?.iam_id === key.iamId && generatedFor(found) === null ? createdKeyOf(found, value) : null;
    },
    disable: (key, keyId, signal) => users.end(key, keyId, signal, (asked) => asked.disableApiKey(keyId, signal)),
    enable: (key, keyId, signal) =>
      users.byUserOrKeyrota(key, null, signal, (asked) => asked.enableApiKey(keyId, signal)),
    delete: (key, keyId, signal) => users.end(key, keyId, signal, (asked) => asked.deleteApiKey(keyId, signal)),
    lock: (key, keyId, signal) => users.byUserOrKeyrota(key, null, signal, (asked) => asked.lockApiKey(keyId, signal)),
    unlock: (key, keyId, signal) =>
      users.byUserOrKeyrota(key, null, signal, (asked) => asked.unlockApiKey(keyId, signal)),
    extend: (key, keyId, expiresAtMs, signal) =>
      users.byUserOrKeyrota(key, null, signal, (asked) => asked.extendApiKey(keyId, expiresAtMs, signal)),
    unmark: (key, keyId, signal) => users.byUserOrKeyrota(key, null, signal, (asked) => unmark(asked, keyId, signal)),
  };
}

type Work<T> = (asked: IamIdentity) => Promise<T>;

/** Who asks IAM: the user, and for what does not take the user Keyrota itself. */
class UserIdentities {
  readonly #own: IamIdentity;
  readonly #logins: UserLogins;
  readonly #identityOf: UserApiKeyPorts['identityOf'];
  readonly #identities = new WeakMap<IamLogin, IamIdentity>();

  constructor({ identity, logins, identityOf }: UserApiKeyPorts) {
    this.#own = identity;
    this.#logins = logins;
    this.#identityOf = identityOf;
  }

  /** The user. @throws PersonNeeded `user_login_lost`. */
  async as(key: UserApiKey, signal: AbortSignal, insteadOf: string | null = null): Promise<IamIdentity> {
    return this.#of(await this.#logins.login(key, signal, { insteadOf }));
  }

  /**
   * The user, by a login that only Keyrota uses; else Keyrota itself, if it may; else the user by a login of consumers,
   * whose values are not read where there is another way. @param insteadOf The key that must not be logged in with.
   */
  async byUserOrKeyrota<T>(key: UserApiKey, insteadOf: string | null, signal: AbortSignal, work: Work<T>): Promise<T> {
    const attempt = await this.#byOwnLogin(key, insteadOf, signal, work);
    if ('done' in attempt) return attempt.done;
    try {
      return await work(this.#own);
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
      if (attempt.forbidden) throw attempt.forbidden; // the user may not, so another login of the user may not either
    }
    return work(await this.as(key, signal, insteadOf));
  }

  /** The users' keys in the account, for those who may see them; else of each user of these entries, by its own login. */
  async *survey(keys: readonly UserApiKey[], signal: AbortSignal): AsyncGenerator<SurveyedKey[]> {
    try {
      yield* this.#own.pagesOfAccount('user', signal);
      return;
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
    }
    for (const [first] of Map.groupBy(keys, ({ iamId }) => iamId).values())
      if (first) yield await this.#keysSeenBy(first, signal);
  }

  /** Where no login works none is seen: the look that follows asks a person. */
  async #keysSeenBy(key: UserApiKey, signal: AbortSignal): Promise<SurveyedKey[]> {
    try {
      return await (await this.as(key, signal)).listApiKeys(key.iamId, signal);
    } catch (error) {
      if (error instanceof PersonNeeded) return [];
      throw error;
    }
  }

  /** Puts a key out of use: not by its own login where there is another one, and from then on that login comes last. */
  async end(key: UserApiKey, keyId: string, signal: AbortSignal, work: Work<void>): Promise<void> {
    await this.byUserOrKeyrota(key, keyId, signal, work);
    await this.#logins.putLast(keyId);
  }

  /** Who may not look at others' keys may still look at the one that logs in. */
  async keyOfValue(value: SecretValue, signal: AbortSignal): Promise<ApiKey | null> {
    try {
      return await this.#own.keyOfValue(value, signal);
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
    }
    const asItself = this.#identityOf(this.#logins.with(value));
    return asItself.keyOfValue(value, signal).catch((error: unknown) => {
      if (isRefusedLogin(error)) return null;
      throw error;
    });
  }

  async #byOwnLogin<T>(
    key: UserApiKey,
    insteadOf: string | null,
    signal: AbortSignal,
    work: Work<T>,
  ): Promise<{ done: T } | { forbidden: ApiError | null }> {
    let login: IamLogin;
    try {
      login = await this.#logins.login(key, signal, { from: 'own', insteadOf });
    } catch (error) {
      // Whatever is wrong with the login, containing a key must not depend on it.
      if (signal.aborted || !(error instanceof KeyrotaError)) throw error;
      return { forbidden: null };
    }
    try {
      return { done: await work(this.#of(login)) };
    } catch (error) {
      if (isApiError(error, 'forbidden')) return { forbidden: error };
      if (!isRefusedLogin(error)) throw error;
      await this.#logins.forget(login);
      return { forbidden: null };
    }
  }

  #of(login: IamLogin): IamIdentity {
    const identity = this.#identities.get(login) ?? this.#identityOf(login);
    this.#identities.set(login, identity);
    return identity;
  }
}

async function loginObstacle(login: Promise<IamLogin>): Promise<Obstacle | null> {
  try {
    await login;
    return null;
  } catch (error) {
    if (error instanceof PersonNeeded) return error.obstacle;
    throw error;
  }
}

/** Null when it is gone, or another user's. */
async function seenBy(user: IamIdentity, keyId: string, signal: AbortSignal): Promise<ApiKey | null> {
  return user.getApiKey(keyId, signal).catch((error: unknown) => {
    if (isApiError(error, 'forbidden')) return null;
    throw error;
  });
}

/** What a key takes over from the one before it. */
const keptOf = (predecessor: ApiKey | null) => ({
  supportSessions: predecessor?.support_sessions ?? false,
  actionWhenLeaked: predecessor?.action_when_leaked || 'disable',
});

function quotaReached({ iamId }: UserApiKey, has: string): Obstacle {
  return {
    code: 'key_limit_reached',
    problem: `${iamId} has ${has}.`,
    steps: [
      `Log in as ${iamId}: ibmcloud login`,
      'ibmcloud iam api-keys',
      'Delete what nobody uses: ibmcloud iam api-key-delete KEY_ID',
    ],
  };
}

function creationRestricted({ iamId, name }: UserApiKey): Obstacle {
  return {
    code: 'creation_restricted',
    problem: `${iamId} may not make API keys: the account restricts that.`,
    steps: [
      'Give the user the role "User API key creator":',
      `ibmcloud iam user-policy-create USER_NAME_OF_${iamId} --roles "User API key creator" --service-name iam-identity`,
      `Or let somebody who may log in as ${iamId} make the key: ibmcloud iam api-key-create ${name} --file key.json`,
      `jq -r .apikey key.json | keyrota import ${name}, and delete key.json.`,
    ],
  };
}
