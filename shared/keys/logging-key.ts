import type { Calls } from '../clients/calls.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { LoggingConfiguration } from '../clients/logging-configuration.ts';
import type { ListedLoggingKey } from '../clients/logging-configuration.ts';
import type { SecretStore } from '../clients/secret-store.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { ApiError } from '../clients/api-error.ts';
import { verdictOf } from './iam-api-key.ts';
import { parseKeyName } from './key-name.ts';
import { PersonNeeded } from './kind.ts';
import type { CreatedKey, IssuerKey, KeyKind, KeyRequest, Verdict } from './kind.ts';
import { LOGGING_KEY_FACTS, limitReached, refusalOf } from './logging-facts.ts';
import { LoggingHelpers } from './logging-helper.ts';
import type { HandedOut, LoggingHelperPorts } from './logging-helper.ts';
import { readShortName } from './logging-names.ts';
import { LoggingSession, opens } from './logging-session.ts';
import type { LoggingKey } from './manifest.ts';
import { readStoredLogin } from './stored-login.ts';
import { sha256Of } from './value-hashes.ts';

export interface LoggingKeyPorts extends LoggingHelperPorts {
  secrets: SecretStore;
  /** A dry run: what consumers hold is not read. */
  readOnly: boolean;
  http: HttpOptions;
  /** Without a login: each call of the configuration API carries a key of its own. */
  calls: Calls;
}

/** An instance, as a run has it open. */
interface Open {
  session: LoggingSession;
  handedOut: HandedOut;
}

/**
 * Ingestion and service keys of Log Analysis and Activity Tracker. Resource keys all bring the same values, so keys come
 * from the configuration API; what opens that is read from a resource key that lives as long as the run. Several keys of
 * each use can live at once; none can be disabled, and nobody tells when one was used.
 * https://cloud.ibm.com/docs/activity-tracker?topic=activity-tracker-service_keys
 */
class LoggingKeys implements KeyKind<LoggingKey> {
  readonly facts = LOGGING_KEY_FACTS;
  readonly #ports: LoggingKeyPorts;
  readonly #helpers: LoggingHelpers;
  /** By instance. One attempt a run: all entries of an instance share it. */
  readonly #opened = new Map<string, Promise<Open | null>>();

  constructor(ports: LoggingKeyPorts) {
    this.#ports = ports;
    this.#helpers = new LoggingHelpers(ports);
  }

  async list(key: LoggingKey, signal: AbortSignal): Promise<IssuerKey[] | null> {
    const open = await this.#open(key);
    if (!open) return null;
    const listed = await open.session.list(key, this.#apiOf(key), signal);
    return listed.map((one) => issuerKeyOf(key, one, open.session));
  }

  async look(key: LoggingKey, keyId: string, signal: AbortSignal): Promise<IssuerKey | null> {
    const open = await this.#open(key);
    const found = open && (await open.session.get(key, keyId, this.#apiOf(key), signal));
    return found && issuerKeyOf(key, found, open.session);
  }

  obstacles(key: LoggingKey, keyCount: number): ReturnType<KeyKind['obstacles']> {
    const limit = limitReached(key, keyCount);
    return Promise.resolve(limit ? [limit] : []);
  }

  async create(key: LoggingKey, request: KeyRequest, signal: AbortSignal): Promise<CreatedKey> {
    const name = parseKeyName(request.name);
    if (!name) throw new KeyrotaError('not_our_name', `${request.name} is no name of ours.`);
    const { session } = await this.#openOrAsk(key);
    const api = this.#apiOf(key);
    const limit = limitReached(key, (await session.list(key, api, signal)).length);
    if (limit) throw new PersonNeeded(limit);
    const made = await session.create(key, name, api, signal);
    return createdKey(made, made.value);
  }

  obstacleOf = refusalOf;

  async verify(key: LoggingKey, value: SecretValue, withProbe: boolean, signal: AbortSignal): Promise<Verdict> {
    const api = this.#apiOf(key);
    try {
      if (key.use === 'service') await api.checkServiceKey(value, signal);
      // A list may be late, and then only a line tells.
      else if (withProbe || !(await this.#isListed(key, value, signal))) await api.checkIngestionKey(value, signal);
      return { outcome: 'accepted' };
    } catch (error) {
      return verdictOf(error);
    }
  }

  async identify(key: LoggingKey, value: SecretValue, signal: AbortSignal): Promise<CreatedKey | null> {
    const open = await this.#open(key);
    if (!open) return null;
    const api = this.#apiOf(key);
    try {
      const listed = await open.session.list(key, api, signal);
      return createdKeyOf(key, listed, value);
    } catch (error) {
      if (!(error instanceof PersonNeeded)) throw error;
      return this.#identifyByItself(key, value, open.handedOut, error, signal);
    }
  }

  disable(key: LoggingKey): Promise<never> {
    return Promise.reject(impossible(key, 'disabled'));
  }

  enable(key: LoggingKey): Promise<never> {
    return Promise.reject(impossible(key, 'enabled'));
  }

  async delete(key: LoggingKey, keyId: string, signal: AbortSignal): Promise<void> {
    const open = await this.#open(key);
    await open?.session.delete(key, keyId, this.#apiOf(key), signal);
  }

  lock(): Promise<void> {
    return Promise.resolve();
  }

  async unlock(key: LoggingKey, keyId: string): Promise<void> {
    (await this.#open(key))?.session.unprotect(keyId);
  }

  extend(key: LoggingKey): Promise<never> {
    return Promise.reject(impossible(key, 'moved in their expiry, which they do not have'));
  }

  async close(signal: AbortSignal): Promise<void> {
    await Promise.allSettled(this.#opened.values());
    await this.#helpers.close(signal);
  }

  /** Null when the instance is gone. */
  #open(key: LoggingKey): Promise<Open | null> {
    const known = this.#opened.get(key.owner);
    if (known) return known;
    const opening = this.#openWith(key);
    this.#opened.set(key.owner, opening);
    return opening;
  }

  async #openWith(key: LoggingKey): Promise<Open | null> {
    const handedOut = await this.#helpers.make(key);
    if (!handedOut) return null;
    const login = (await this.#storedInstead(key, handedOut)) ?? handedOut.serviceKey;
    return { session: new LoggingSession(login, this.#ports.clock), handedOut };
  }

  /** A stored service key of that instance, where what it hands out is refused; null where none is needed, or none opens it. */
  async #storedInstead(key: LoggingKey, { serviceKey }: HandedOut): Promise<SecretValue | null> {
    const { log, readOnly, signal } = this.#ports;
    if (readOnly || key.serviceKeys.length === 0) return null;
    const api = this.#apiOf(key);
    try {
      if (await opens(api, serviceKey, signal)) return null;
      for (const one of key.serviceKeys) {
        const stored = await readStoredLogin(one, this.#ports, key.owner);
        if (!stored || !(await opens(api, stored.value, signal))) continue;
        const { owner: instance } = key;
        const message = `opened instance ${instance} with the key of ${one.name}: what the instance hands out is refused`;
        log.warn('service_key_stored', message, { instance, login: one.name });
        return stored.value;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      log.warn('service_key_unclear', `no other service key was found for instance ${key.owner}`, { error });
    }
    return null;
  }

  async #openOrAsk(key: LoggingKey): Promise<Open> {
    const open = await this.#open(key);
    if (!open) throw new PersonNeeded(LOGGING_KEY_FACTS.ownerGone(key));
    return open;
  }

  #apiOf({ apiUrl, ingestionUrl }: LoggingKey): LoggingConfiguration {
    const { calls, clock, http } = this.#ports;
    return new LoggingConfiguration({
      configurationUrl: apiUrl,
      ingestionUrl: ingestionUrl ?? apiUrl,
      calls,
      clock,
      http,
    });
  }

  async #isListed(key: LoggingKey, value: SecretValue, signal: AbortSignal): Promise<boolean> {
    const open = await this.#open(key).catch(() => null);
    const listed = await open?.session.list(key, this.#apiOf(key), signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return [];
    });
    return listed?.some(({ sha256 }) => sha256 === sha256Of(value)) ?? false;
  }

  /**
   * Where the API is closed to us, the value is of this instance if that hands it out; and a service key may open the API for
   * itself, where the ingestion key that the instance hands out then shows whose it is.
   */
  async #identifyByItself(
    key: LoggingKey,
    value: SecretValue,
    { serviceKey, ingestionKey }: HandedOut,
    refusal: PersonNeeded,
    signal: AbortSignal,
  ): Promise<CreatedKey | null> {
    const hash = sha256Of(value);
    const handedOut = key.use === 'service' ? serviceKey : ingestionKey;
    if (handedOut && sha256Of(handedOut) === hash) {
      // The API alone knows its id. Should it open one day, this one is unknown there, and replaced.
      return createdKey({ id: `handed-out-${hash.slice(0, 12)}`, createdAtMs: 0 }, value);
    }
    if (key.use !== 'service' || !ingestionKey) throw refusal;
    const api = this.#apiOf(key);
    const own = new LoggingSession(value, this.#ports.clock);
    const ingestion = await own.list({ ...key, use: 'ingestion' }, api, signal);
    if (!ingestion.some(({ sha256 }) => sha256 === sha256Of(ingestionKey))) return null;
    return createdKeyOf(key, await own.list(key, api, signal), value);
  }
}

/** Opens the kind for one run. */
export const loggingKeys = (ports: LoggingKeyPorts): KeyKind<LoggingKey> => new LoggingKeys(ports);

function issuerKeyOf(key: LoggingKey, listed: ListedLoggingKey, session: LoggingSession): IssuerKey {
  const named = readShortName(key, listed.name);
  return {
    id: listed.id,
    name: named?.name ?? listed.name,
    description: '',
    createdAtMs: listed.createdAtMs ?? named?.createdAtMs ?? 0,
    expiresAtMs: null,
    disabled: false,
    canDisable: false,
    locked: session.isProtected(listed),
    ownerMatches: listed.type === null || listed.type === key.use,
    generatedFor: null,
    disabledAtMs: null,
    enabledAtMs: null,
    lastUsed: 'unknown',
  };
}

/** The one listed key that has the value. */
function createdKeyOf(key: LoggingKey, listed: readonly ListedLoggingKey[], value: SecretValue): CreatedKey | null {
  const hash = sha256Of(value);
  const [found, ...others] = listed.filter(({ sha256 }) => sha256 === hash);
  if (!found || others.length > 0) return null;
  const createdAtMs = found.createdAtMs ?? readShortName(key, found.name)?.createdAtMs ?? 0;
  return createdKey({ id: found.id, createdAtMs }, value);
}

const createdKey = ({ id, createdAtMs }: Pick<CreatedKey, 'id' | 'createdAtMs'>, value: SecretValue): CreatedKey => ({
  id,
  createdAtMs,
  canDisable: false,
  value,
  secrets: [value],
});

const impossible = (key: LoggingKey, what: string): KeyrotaError =>
  new KeyrotaError('not_possible', `Keys of instance ${key.instance} cannot be ${what}.`);
