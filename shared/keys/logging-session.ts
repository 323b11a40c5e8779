import { randomBytes } from 'node:crypto';
import { ApiError, isApiError } from '../clients/api-error.ts';
import type { ListedLoggingKey, LoggingConfiguration, NewLoggingKey } from '../clients/logging-configuration.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { newOp } from './key-name.ts';
import type { KeyName } from './key-name.ts';
import { PersonNeeded } from './kind.ts';
import { LOGGING_KEY_FACTS, limitReached, refusalOf } from './logging-facts.ts';
import { shortNameOf } from './logging-names.ts';
import type { LoggingKey } from './manifest.ts';
import { sha256Of } from './value-hashes.ts';

/** Pauses in which a fresh service key comes to be accepted. */
const PAUSES_MS = [1_000, 2_000, 3_000, 5_000, 5_000];

/** So many other service keys are tried: the API takes few calls in a minute. */
const MOST_TRIED = 5;

/** One instance's configuration API, for the time of a run. */
export class LoggingSession {
  readonly #clock: Clock;
  /** The service key that all calls carry. */
  #login: SecretValue;
  /** The newest service key that this run made and did not delete. */
  #newest: { id: string; value: SecretValue } | null = null;
  /** The hash of each value that was seen, by the id of its key. */
  readonly #hashes = new Map<string, string>();
  readonly #unlocked = new Set<string>();
  /** Keys that the API gave our name in place of making one. */
  readonly #renamed = new Set<string>();

  constructor(login: SecretValue, clock: Clock) {
    this.#login = login;
    this.#clock = clock;
  }

  /** All keys of the entry's use. @throws PersonNeeded when the API refuses us; ApiErrors. */
  async list(key: LoggingKey, api: LoggingConfiguration, signal: AbortSignal): Promise<ListedLoggingKey[]> {
    const listed = await asking(key, api.listKeys(key.use, this.#login, signal));
    for (const one of listed) this.#hashes.set(one.id, one.sha256);
    return listed;
  }

  /** Null when it is gone. */
  async get(
    key: LoggingKey,
    keyId: string,
    api: LoggingConfiguration,
    signal: AbortSignal,
  ): Promise<ListedLoggingKey | null> {
    const found = await asking(key, api.getKey(keyId, this.#login, signal));
    if (found) this.#hashes.set(keyId, found.sha256);
    else this.#hashes.delete(keyId);
    return found;
  }

  /**
   * A key that is new in truth: a name that brought no value of its own would be stored as a rotation that is none.
   * @throws ApiError `unexpected_answer` for such a one.
   */
  async create(
    key: LoggingKey,
    name: KeyName,
    api: LoggingConfiguration,
    signal: AbortSignal,
  ): Promise<NewLoggingKey & { createdAtMs: number }> {
    const nowMs = this.#clock.nowMs();
    const made = await asking(key, api.createKey(key.use, shortNameOf(name, nowMs), this.#login, signal));
    const hash = sha256Of(made.value);
    const twin = [...this.#hashes].find(([id, known]) => id === made.id || known === hash)?.[0];
    this.#hashes.set(made.id, hash);
    // The key was there before, and only got our name: whoever tidies up by that name would end a key in use.
    if (twin === made.id) this.#renamed.add(made.id);
    if (twin !== undefined) throw sameValue(twin);
    if (key.use === 'service') this.#newest = { id: made.id, value: made.value };
    return { ...made, createdAtMs: made.createdAtMs ?? nowMs };
  }

  /** We log in with it, or another key has the same value: whoever deletes it ends more than it. */
  isProtected({ id, sha256 }: Pick<ListedLoggingKey, 'id' | 'sha256'>): boolean {
    if (this.#unlocked.has(id)) return false;
    if (this.#renamed.has(id) || sha256 === sha256Of(this.#login)) return true;
    return [...this.#hashes].some(([other, hash]) => other !== id && hash === sha256);
  }

  /** From now on it may be deleted all the same. */
  unprotect(keyId: string): void {
    this.#unlocked.add(keyId);
  }

  /** Gone already counts as deleted. @throws KeyrotaError `key_protected`. */
  async delete(key: LoggingKey, keyId: string, api: LoggingConfiguration, signal: AbortSignal): Promise<void> {
    const found = await this.get(key, keyId, api, signal);
    if (!found) return;
    if (this.isProtected(found)) {
      throw new KeyrotaError(
        'key_protected',
        `Key ${keyId} is not deleted: it opens the instance, or shares its value.`,
      );
    }
    // A service key cannot delete itself.
    if (found.sha256 === sha256Of(this.#login)) this.#login = await this.#otherLogin(key, keyId, api, signal);
    await asking(key, api.deleteKey(keyId, this.#login, signal));
    this.#hashes.delete(keyId);
    if (this.#newest?.id === keyId) this.#newest = null;
  }

  /**
   * The newest of this run, or one for the occasion: that bears the entry's name, so it ends as every key of ours that no
   * version knows. Where there is no room for one, another one that is there.
   * @throws PersonNeeded where none of these opens the API.
   */
  async #otherLogin(
    key: LoggingKey,
    keyId: string,
    api: LoggingConfiguration,
    signal: AbortSignal,
  ): Promise<SecretValue> {
    if (this.#newest && this.#newest.id !== keyId) return this.#newest.value;
    const service: LoggingKey = { ...key, use: 'service' };
    const listed = await this.list(service, api, signal);
    const limit = limitReached(service, listed.length);
    if (limit) {
      const other = await this.#oneOf(listed, keyId, api, signal);
      if (other) return other;
      throw new PersonNeeded({
        ...limit,
        steps: [...limit.steps, `And at once: ${LOGGING_KEY_FACTS.toDelete(key, keyId)}`],
      });
    }
    const { deployment, name } = key;
    const { value } = await this.create(service, { deployment, name, op: newOp(randomBytes) }, api, signal);
    for (const pauseMs of PAUSES_MS) {
      if (await opens(api, value, signal)) break;
      await this.#clock.sleep(pauseMs, signal);
    }
    return value;
  }

  /** The value of another service key that opens the API: it is kept for this run only. */
  async #oneOf(
    listed: readonly ListedLoggingKey[],
    keyId: string,
    api: LoggingConfiguration,
    signal: AbortSignal,
  ): Promise<SecretValue | null> {
    const own = sha256Of(this.#login);
    const others = listed.filter(({ id, sha256 }) => id !== keyId && sha256 !== own);
    for (const { id } of others.slice(0, MOST_TRIED)) {
      const value = await api.readValue(id, this.#login, signal);
      if (value && (await opens(api, value, signal))) return value;
    }
    return null;
  }
}

/** Whether a service key is accepted. */
export async function opens(api: LoggingConfiguration, value: SecretValue, signal: AbortSignal): Promise<boolean> {
  try {
    await api.checkServiceKey(value, signal);
    return true;
  } catch (error) {
    if (isApiError(error, 'not_logged_in') || isApiError(error, 'forbidden')) return false;
    throw error;
  }
}

/** Turns a refusal that only a person can put right into that. */
async function asking<T>(key: LoggingKey, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const obstacle = refusalOf(key, error);
    if (obstacle) throw new PersonNeeded(obstacle);
    throw error;
  }
}

function sameValue(twin: string): ApiError {
  const failure = { status: 200, ibmCode: 'same_value', retryAfterMs: null };
  const detail = `a new key brought the same value: key ${twin} has it already, so nothing was rotated`;
  return new ApiError('createLoggingKey', 'unexpected_answer', failure, detail, 'changed');
}
