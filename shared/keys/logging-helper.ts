import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { ApiError, isApiError } from '../clients/api-error.ts';
import { CredentialsRedacted } from '../clients/resource-keys.ts';
import type { ResourceKeys } from '../clients/resource-keys.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import type { Settings } from '../runtime/settings.ts';
import { MINUTE_MS } from './duration.ts';
import { newOp } from './key-name.ts';
import { PersonNeeded } from './kind.ts';
import { helperForbidden } from './logging-facts.ts';
import type { LoggingKey } from './manifest.ts';

/** Older by this than the longest run, which is that of a job: nobody can still use it. */
const LEFT_BEHIND_MS = 15 * MINUTE_MS;

const Credentials = z.object({
  service_key: z.string().min(1).optional().catch(undefined),
  ingestion_key: z.string().min(1).optional().catch(undefined),
});

/** What an instance hands out to us. */
export interface HandedOut {
  serviceKey: SecretValue;
  ingestionKey: SecretValue | null;
}

export interface LoggingHelperPorts {
  resourceKeys: ResourceKeys;
  clock: Clock;
  log: Log;
  settings: Pick<Settings, 'jobMs'>;
  /** Aborts when the run must end. */
  signal: AbortSignal;
}

/** Not read as the name of an entry's key: no part of an entry's name has a dot. */
const prefixOf = (deployment: string): string => `keyrota-${deployment}-helper.`;

/**
 * Resource keys of our own, one for each instance and run: in their credentials stands the service key that opens the
 * configuration API. They go when the run ends; one that was left behind is removed by a later run.
 */
export class LoggingHelpers {
  readonly #ports: LoggingHelperPorts;
  /** Ids of resource keys that are there by now. */
  readonly #made = new Set<string>();
  /** Names of resource keys that may be there, by instance. */
  readonly #unclear = new Map<string, string>();

  constructor(ports: LoggingHelperPorts) {
    this.#ports = ports;
  }

  /** Makes one. Null when the instance is gone. @throws PersonNeeded when we lack a role. */
  async make(key: LoggingKey): Promise<HandedOut | null> {
    const { resourceKeys, signal, settings, clock } = this.#ports;
    const leftBehindMs = settings.jobMs + LEFT_BEHIND_MS;
    try {
      const present = await resourceKeys.keysOfInstance(key.instance, signal);
      if (!present) return null;
      const old = present.filter(
        ({ name, createdAtMs }) =>
          name.startsWith(prefixOf(key.deployment)) && clock.nowMs() - createdAtMs >= leftBehindMs,
      );
      for (const { id } of old) await this.#remove(id, signal);
      return await this.#create(key);
    } catch (error) {
      if (isApiError(error, 'forbidden')) throw new PersonNeeded(helperForbidden(key, error.message));
      throw error;
    }
  }

  /** Removes all that this run made. */
  async close(signal: AbortSignal): Promise<void> {
    const { resourceKeys } = this.#ports;
    for (const [instance, name] of this.#unclear) {
      const present = (await resourceKeys.keysOfInstance(instance, signal).catch(() => null)) ?? [];
      for (const found of present.filter((one) => one.name === name)) this.#made.add(found.id);
    }
    for (const id of this.#made) await this.#remove(id, signal);
  }

  async #create(key: LoggingKey): Promise<HandedOut> {
    const { resourceKeys, signal } = this.#ports;
    const name = prefixOf(key.deployment) + newOp(randomBytes);
    // Until its answer is understood. A run that ends in the middle of the call does not know either.
    this.#unclear.set(key.instance, name);
    try {
      const wish = { name, instanceId: key.instance, role: 'Manager', parameters: {} };
      const created = await resourceKeys.createKey(wish, signal);
      this.#made.add(created.key.id);
      this.#unclear.delete(key.instance);
      return handedOut(key, created.credentials);
    } catch (error) {
      if (error instanceof CredentialsRedacted) {
        this.#made.add(error.keyId);
        this.#unclear.delete(key.instance);
        throw new PersonNeeded(helperForbidden(key, error.message));
      }
      if (error instanceof ApiError && error.effect === 'none') this.#unclear.delete(key.instance);
      throw error;
    }
  }

  /** What cannot be removed now is found by its name later. */
  async #remove(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#ports.resourceKeys.deleteKey(id, signal);
      this.#made.delete(id);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#ports.log.warn('helper_left', `resource key ${id}, which a run made for itself, is left for now`, {
        error,
      });
    }
  }
}

function handedOut(key: LoggingKey, credentials: SecretValue): HandedOut {
  const { service_key: service, ingestion_key: ingestion } = Credentials.parse(JSON.parse(credentials.reveal()));
  if (service === undefined) throw new PersonNeeded(helperForbidden(key, 'a resource key of role Manager has none'));
  return {
    serviceKey: new SecretValue(service),
    ingestionKey: ingestion === undefined ? null : new SecretValue(ingestion),
  };
}
