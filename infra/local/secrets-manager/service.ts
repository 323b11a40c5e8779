import type { Context, Hono } from 'hono';
import type { Access, CloudEnv, CloudParts } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { Desk } from './desk.ts';
import { badQuery, SecretsManagerError, unauthorized } from './errors.ts';
import { groupRoutes } from './routes-groups.ts';
import { lockRoutes } from './routes-locks.ts';
import { secretRoutes } from './routes-secrets.ts';
import { versionRoutes } from './routes-versions.ts';
import { snapshotOf } from './snapshot.ts';
import { SecretStore } from './store.ts';

/**
 * One Secrets Manager instance of the embedded cloud, API v2: groups, secrets of type arbitrary and kv, their versions and
 * locks. https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2
 */
export class SecretsManagerService {
  readonly #parts: CloudParts;
  readonly #store: SecretStore;
  readonly #desk: Desk;
  readonly #access: Access;

  constructor(parts: CloudParts, access: Access) {
    this.#parts = parts;
    this.#access = access;
    this.#store = new SecretStore(parts);
    this.#desk = new Desk(parts, this.#store, access);
  }

  routes(): Hono<CloudEnv> {
    const login = { access: this.#access, refusal: unauthorized };
    const onError = (error: Error, context: Context<CloudEnv>) => {
      if (!(error instanceof SecretsManagerError)) throw error;
      return context.json(error.toBody(this.#parts.random.uuid()), error.status);
    };
    const routes = new StrictRoutes({ login, badQuery, onError });
    groupRoutes(routes, this.#desk);
    secretRoutes(routes, this.#desk);
    versionRoutes(routes, this.#desk);
    lockRoutes(routes, this.#desk);
    return routes.app;
  }

  /** All that exists, for `GET /state`. Payloads only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    return { instance: this.#parts.account.secretsManager, ...snapshotOf(this.#store, options) };
  }
}
