import { BaseService, BasicAuthenticator } from 'ibm-cloud-sdk-core';
import type { AuthenticatorInterface } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import { SecretValue } from '../runtime/secret-value.ts';
import { isApiError } from './api-error.ts';
import type { CallOptions, Calls } from './calls.ts';
import { freshHttpConfig, withPlainAnswers } from './http-options.ts';
import type { ClientOptions, HttpOptions } from './http-options.ts';

const USERS = '/rest/v3.1/SoftLayer_User_Customer';
const CURRENT_USER = '/rest/v3.1/SoftLayer_Account/getCurrentUser.json';
const MASK = 'mask[id,username,userStatus[keyName],permissions[keyName]]';

const Named = z.object({ keyName: z.string() });

const UserAnswer = z.object({
  id: z.number().int().positive(),
  username: z.string().min(1),
  userStatus: Named.optional().catch(undefined),
  permissions: z.array(Named).optional().catch(undefined),
});

/** A time before 2001 is none: the field is told to be a time nowhere. In seconds. */
const FIRST_SECOND = 1_000_000_000;
const LAST_SECOND = 99_999_999_999;

/** Of a key only this is read: never the value, which its owner may see. */
const KeyAnswer = z.object({
  id: z.number().int().positive(),
  timestampKey: z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,12}(\.\d+)?$/)
        .transform(Number),
    ])
    .refine((seconds) => seconds >= FIRST_SECOND && seconds <= LAST_SECOND)
    .optional()
    .catch(undefined),
});

const plain = <T extends z.ZodType>(schema: T) => z.object({ plain: schema });

/** Of whatever form: a key that is made and not taken would be lost. */
const AddAnswer = plain(z.string().min(1));
const RemoveAnswer = plain(z.literal(true));
const Nothing = z.unknown().transform(() => undefined);

/** A user of classic infrastructure. */
export interface ClassicUser {
  id: number;
  username: string;
  /** Such as `ACTIVE` or `PENDING`; null when it is not told. */
  status: string | null;
  /** Key names of the classic permissions; null when they are not told. */
  permissions: string[] | null;
}

/** A classic API key without its value. */
export interface ClassicKey {
  id: number;
  /** Null when it is not told in a form that can be read. */
  createdAtMs: number | null;
}

/**
 * The users of classic infrastructure and their API keys, of which each has one at most. Nobody but the user can make it: the
 * authenticator logs that user in at IAM. https://sldn.softlayer.com/reference/services/SoftLayer_User_Customer/
 */
export class ClassicUsers {
  readonly #rest: ClassicRest;
  readonly #calls: Calls;
  readonly #callsWithKeys: Calls;
  readonly #restWithKey: (username: string, value: SecretValue) => ClassicRest;

  /** `callsWithKeys` are for calls that log in with a classic key: they have no login of their own. */
  constructor(options: ClientOptions & { calls: Calls; callsWithKeys: Calls }) {
    const { serviceUrl, http } = options;
    this.#rest = new ClassicRest(options);
    this.#calls = options.calls;
    this.#callsWithKeys = options.callsWithKeys;
    this.#restWithKey = (username, value) => {
      const authenticator = new BasicAuthenticator({ username, password: value.reveal() });
      return new ClassicRest({ serviceUrl, http, authenticator });
    };
  }

  /** Who we are there. @throws ApiError; `service_failed` also for who is no user of classic infrastructure. */
  async currentUser(signal: AbortSignal): Promise<ClassicUser> {
    const call: CallOptions = { operation: 'getCurrentUser', kind: 'reads', signal };
    const user = await this.#calls.send(call, UserAnswer, (attempt) =>
      this.#rest.get(CURRENT_USER, attempt, { objectMask: MASK }),
    );
    const { id, username, userStatus, permissions } = user;
    return {
      id,
      username,
      status: userStatus?.keyName ?? null,
      permissions: permissions?.map(({ keyName }) => keyName) ?? null,
    };
  }

  /** The keys of a user: one or none. @throws ApiError; `forbidden` for a user who is not below us. */
  async keysOf(userId: number, signal: AbortSignal): Promise<ClassicKey[]> {
    const call: CallOptions = { operation: 'getApiAuthenticationKeys', kind: 'reads', signal };
    // The value is not even asked for.
    const keys = await this.#calls.send(call, z.array(KeyAnswer), (attempt) =>
      this.#rest.get(`${USERS}/${userId}/getApiAuthenticationKeys.json`, attempt, {
        objectMask: 'mask[id,timestampKey]',
      }),
    );
    return keys.map(({ id, timestampKey }) => ({
      id,
      createdAtMs: timestampKey === undefined ? null : Math.floor(timestampKey * 1_000),
    }));
  }

  /**
   * Makes the user's key. It is a GET, and takes effect each time: sent once. The value is in this answer and nowhere else.
   * @throws ApiError; `conflict` with no effect when the user has a key already.
   */
  async addKey(userId: number, signal: AbortSignal): Promise<SecretValue> {
    const call: CallOptions = { operation: 'addApiAuthenticationKey', kind: 'once', signal };
    const { plain: value } = await this.#calls.send(call, AddAnswer, (attempt) =>
      this.#rest.get(`${USERS}/${userId}/addApiAuthenticationKey.json`, attempt),
    );
    return new SecretValue(value);
  }

  /** Removes a key, ours or that of a user below us. Done as well when it is gone already. @throws ApiError */
  async removeKey(keyId: number, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'removeApiAuthenticationKey', kind: 'repeatable', signal };
    try {
      await this.#calls.send(call, RemoveAnswer, (attempt) =>
        this.#rest.post(`${USERS}/removeApiAuthenticationKey.json`, { parameters: [keyId] }, attempt),
      );
    } catch (error) {
      if (!isApiError(error, 'not_found')) throw error;
    }
  }

  /** Logs in with a classic key. @throws ApiError; `not_logged_in` when it is not accepted. */
  async checkKey(username: string, value: SecretValue, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { operation: 'getCurrentUser', kind: 'reads', signal };
    const rest = this.#restWithKey(username, value);
    await this.#callsWithKeys.send(call, Nothing, (attempt) =>
      rest.get(CURRENT_USER, attempt, { objectMask: 'mask[id]' }),
    );
  }
}

/** How the API is called; each time on a connection of its own, and past all caches: one of its GETs takes effect. */
class ClassicRest extends BaseService {
  constructor(options: { serviceUrl: string; authenticator: AuthenticatorInterface; http: HttpOptions }) {
    const { serviceUrl, authenticator, http } = options;
    super({ ...freshHttpConfig(http), ...withPlainAnswers, serviceUrl, authenticator });
  }

  get(path: string, signal: AbortSignal, qs: Record<string, string> = {}): Promise<{ result: unknown }> {
    return this.#send({ url: path, method: 'GET', qs }, signal);
  }

  post(path: string, body: object, signal: AbortSignal): Promise<{ result: unknown }> {
    return this.#send({ url: path, method: 'POST', body }, signal);
  }

  #send(options: object, signal: AbortSignal): Promise<{ result: unknown }> {
    const headers = { Accept: 'application/json', 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
    const defaultOptions = { ...this.baseOptions, headers, axiosOptions: { signal } };
    return this.createRequest({ options, defaultOptions }) as Promise<{ result: unknown }>;
  }
}
