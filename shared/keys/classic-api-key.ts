import type { IamLogin } from '../auth/iam-login.ts';
import { ApiError, isApiError } from '../clients/api-error.ts';
import type { ClassicKey, ClassicUser, ClassicUsers } from '../clients/classic-users.ts';
import { KeyrotaError, messageOf } from '../runtime/errors.ts';
import { makeClassicKey } from './classic-key-maker.ts';
import type { ClassicOwner, MakerPorts } from './classic-key-maker.ts';
import { verdictOf } from './iam-api-key.ts';
import { PersonNeeded } from './kind.ts';
import type { IssuerKey, KeyKind, KindFacts, Obstacle } from './kind.ts';
import type { ClassicApiKey } from './manifest.ts';
import type { UserLogins } from './user-login.ts';

export interface ClassicApiKeyPorts extends MakerPorts {
  logins: Pick<UserLogins, 'login'>;
  /** A client of classic infrastructure with that login. */
  usersOf(login: IamLogin): ClassicUsers;
}

/** The classic permission by which users manage API keys, as far as that is known. */
const MANAGES_KEYS = 'USER_MANAGE';

/** Classic infrastructure knows its users by another id, and by this name: the account's number and the e-mail address. */
const USER = 'ACCOUNT_EMAIL';

const CLASSIC_FACTS: KindFacts<ClassicApiKey> = {
  keysPerOwner: 'one',
  looksAcrossOwners: false,
  rolesNeeded: ({ iamId, logins }) => [
    `In classic infrastructure it needs nothing: the key of ${logins[0]?.name ?? 'the login'} logs in as ${iamId}.`,
  ],
  ownerGone: ({ iamId }) => ({
    code: 'identity_gone',
    problem: `${iamId} does not exist in classic infrastructure any more.`,
    steps: [
      'ibmcloud sl user list',
      'Invite the user to the account again, name another one in the entry, or say `state: retired`.',
    ],
  }),
  toUnlock: (_, keyId) => `Classic API keys cannot be locked: nothing has to be lifted from ${keyId}.`,
  toDelete: ({ iamId }, keyId) =>
    `Logged in as ${iamId}: ibmcloud sl call-api SoftLayer_User_Customer removeApiAuthenticationKey --parameters '[${keyId}]'`,
};

/**
 * API keys of users of classic infrastructure. Each user can have one, and only the user can make it: the old one goes first.
 * They carry no name, never expire, cannot be disabled or locked, and their use is not told.
 */
export function classicApiKeys(ports: ClassicApiKeyPorts): KeyKind<ClassicApiKey> {
  const owners = new ClassicOwners(ports);
  const list: KeyKind<ClassicApiKey>['list'] = async (key, signal) => {
    const listed = await owners.keysOf(key, signal);
    return listed && listed.map(issuerKeyOf);
  };
  return {
    facts: CLASSIC_FACTS,
    list,
    survey: async function* (keys, signal) {
      for (const key of keys) {
        try {
          yield (await list(key, signal)) ?? [];
        } catch (error) {
          signal.throwIfAborted();
          // The other users' keys are seen all the same, and this entry tells of it when it is looked at.
          ports.log.warn('user_not_surveyed', `${key.name}: ${messageOf(error)}`, { key: key.name, error });
        }
      }
    },
    look: async (key, keyId, signal) => (await list(key, signal))?.find(({ id }) => id === keyId) ?? null,
    obstacles: (key, _, signal) => owners.obstacles(key, signal),
    create: async (key, { removes }, signal) => {
      const owner = await owners.of(key, signal);
      const log = ports.log.with({ key: key.name });
      const added = await makeClassicKey(owner, removes, { ...ports, log }, signal);
      return { ...added, canDisable: false, secrets: [added.value] };
    },
    obstacleOf: (key, refusal) => {
      if (refusal.code === 'forbidden')
        return permissionMissing(key, USER, refusal.effect === 'none' ? NOTHING_REMOVED : KEY_REMOVED);
      return refusal.code === 'not_found' ? CLASSIC_FACTS.ownerGone(key) : null;
    },
    verify: async (key, value, _, signal) => {
      const { users, username } = await owners.of(key, signal);
      return users.checkKey(username, value, signal).then(() => ({ outcome: 'accepted' }), verdictOf);
    },
    identify: async (key, value, signal) => {
      const { users, username } = await owners.of(key, signal);
      // In this order: a value that works after the list was read belongs to the one key that it has shown.
      const [found] = (await owners.keysOf(key, signal)) ?? [];
      const works = await users.checkKey(username, value, signal).then(() => true, falseWhenRefused);
      if (!works || !found) return null;
      const createdAtMs = found.createdAtMs ?? ports.clock.nowMs();
      return { id: String(found.id), createdAtMs, canDisable: false, value, secrets: [value] };
    },
    disable: (_, keyId) => Promise.reject(cannot('disable', keyId)),
    enable: (_, keyId) => Promise.reject(cannot('enable', keyId)),
    delete: async (key, keyId, signal) => (await owners.client(key, signal)).removeKey(Number(keyId), signal),
    lock: () => Promise.resolve(),
    unlock: () => Promise.resolve(),
    extend: () => Promise.resolve(),
  };
}

const issuerKeyOf = ({ id, createdAtMs }: ClassicKey): IssuerKey => ({
  id: String(id),
  name: '',
  description: '',
  createdAtMs: createdAtMs ?? 0,
  expiresAtMs: null,
  disabled: false,
  canDisable: false,
  locked: false,
  ownerMatches: true,
  generatedFor: null,
  disabledAtMs: null,
  enabledAtMs: null,
  lastUsed: 'unknown',
});

const cannot = (what: string, keyId: string): KeyrotaError =>
  new KeyrotaError('not_possible', `Classic API keys cannot be ${what}d: key ${keyId} is left as it is.`);

function falseWhenRefused(error: unknown): false {
  if (verdictOf(error).outcome === 'refused') return false;
  throw error;
}

/** The users that the entries name, each logged in as itself. */
class ClassicOwners {
  readonly #ports: ClassicApiKeyPorts;
  readonly #clients = new WeakMap<IamLogin, ClassicUsers>();
  /** Ids and names do not change. */
  readonly #known = new Map<string, Pick<ClassicOwner, 'userId' | 'username'>>();

  constructor(ports: ClassicApiKeyPorts) {
    this.#ports = ports;
  }

  /** @throws PersonNeeded when no login is left. */
  async client(key: ClassicApiKey, signal: AbortSignal): Promise<ClassicUsers> {
    const login = await this.#ports.logins.login(key, signal);
    const users = this.#clients.get(login) ?? this.#ports.usersOf(login);
    this.#clients.set(login, users);
    return users;
  }

  async of(key: ClassicApiKey, signal: AbortSignal): Promise<ClassicOwner> {
    const users = await this.client(key, signal);
    const known = this.#known.get(key.iamId);
    if (known) return { iamId: key.iamId, users, ...known };
    const { id: userId, username } = await this.#user(key, signal);
    return { iamId: key.iamId, users, userId, username };
  }

  /** Null when the user is gone. */
  async keysOf(key: ClassicApiKey, signal: AbortSignal): Promise<ClassicKey[] | null> {
    const { users, userId } = await this.of(key, signal);
    return users.keysOf(userId, signal).catch((error: unknown) => {
      if (isApiError(error, 'not_found')) return null;
      throw personNeeded(key, error);
    });
  }

  async obstacles(key: ClassicApiKey, signal: AbortSignal): Promise<Obstacle[]> {
    try {
      const { username, status, permissions } = await this.#user(key, signal);
      if (status !== null && status !== 'ACTIVE') return [notActive(key, `has the status ${status}`)];
      // Master users have all permissions and show none, so that an empty list tells nothing.
      const isMissing = permissions !== null && permissions.length > 0 && !permissions.includes(MANAGES_KEYS);
      return isMissing ? [permissionMissing(key, username)] : [];
    } catch (error) {
      if (error instanceof PersonNeeded) return [error.obstacle];
      throw error;
    }
  }

  async #user(key: ClassicApiKey, signal: AbortSignal): Promise<ClassicUser> {
    const users = await this.client(key, signal);
    try {
      const user = await users.currentUser(signal);
      this.#known.set(key.iamId, { userId: user.id, username: user.username });
      return user;
    } catch (error) {
      throw personNeeded(key, error);
    }
  }
}

/** IAM lets the user in, and classic infrastructure does not. */
function personNeeded(key: ClassicApiKey, error: unknown): unknown {
  if (!(error instanceof ApiError) || error.operation === 'getToken') return error;
  if (error.code === 'not_logged_in') return new PersonNeeded(notActive(key, 'is not let in'));
  const isUnlinked = error.code === 'service_failed' && /token exchange/i.test(error.message);
  return isUnlinked ? new PersonNeeded(notLinked(key)) : error;
}

const notActive = ({ iamId }: ClassicApiKey, how: string): Obstacle => ({
  code: 'user_not_active',
  problem: `${iamId} ${how} in classic infrastructure, and only active users get a key there. ${NOTHING_REMOVED}`,
  steps: [
    'ibmcloud sl user list --column id --column username --column status',
    'A pending user accepts the invitation first: log in as that user to cloud.ibm.com once.',
    'One that is disabled: Manage > Access (IAM) > Users, the user, and set the classic infrastructure status to Active.',
  ],
});

const NOTHING_REMOVED = 'Nothing was removed.';

const KEY_REMOVED =
  'Its old key was removed before a new one was refused: it has none that works until this is settled.';

const permissionMissing = ({ iamId }: ClassicApiKey, username: string, state = NOTHING_REMOVED): Obstacle => ({
  code: 'permission_missing',
  problem: `${iamId} does not show the classic permission to manage API keys. ${state}`,
  steps: [
    'As a user above it in classic infrastructure: ibmcloud sl user list --column id --column username',
    `ibmcloud sl user permission-edit USER_ID_OF_${username} --permission ${MANAGES_KEYS} --enable true`,
    `To see what it has: ibmcloud sl user permissions USER_ID_OF_${username}`,
  ],
});

const notLinked = ({ iamId }: ClassicApiKey): Obstacle => ({
  code: 'not_linked_to_classic',
  problem: `${iamId} is no user of classic infrastructure: IAM lets it in, and classic infrastructure does not know it.`,
  steps: [
    'ibmcloud sl user list',
    'Give the user access to classic infrastructure: Manage > Access (IAM) > Users, the user, Classic infrastructure.',
    'Then log in as that user to cloud.ibm.com once, so that both are linked. Service IDs cannot be linked.',
  ],
});
