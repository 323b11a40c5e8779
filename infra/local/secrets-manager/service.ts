import type { Context, Hono } from 'hono';
import type { Access, CloudEnv, CloudParts } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { Desk } from './desk.ts';
import { badQuery, SecretsManagerError, unauthorized } from './errors.ts';
import { SecretEvents } from './events.ts';
import type { SendEvent } from './events.ts';
import { ExpiryWatch } from './expiry-watch.ts';
import type { Lapse } from './lapses.ts';
import { actionRoutes } from './routes-actions.ts';
import { groupRoutes } from './routes-groups.ts';
import { lockRoutes } from './routes-locks.ts';
import { notificationRoutes } from './routes-notifications.ts';
import { secretRoutes } from './routes-secrets.ts';
import { versionRoutes } from './routes-versions.ts';
import { snapshotOf } from './snapshot.ts';
import { ITSELF, SecretStore } from './store.ts';
import { rotationRecord } from './versions.ts';

const EVENT_TYPES = {
  rotated: 'secret_rotated',
  'rotation-blocked': 'secret_rotation_blocked',
  destroyed: 'secret_expired',
} as const;

/**
 * One Secrets Manager instance of the embedded cloud, API v2: groups, secrets of type arbitrary, kv and username_password,
 * their versions and locks, and what it tells Event Notifications.
 * https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2
 */
export class SecretsManagerService {
  readonly #parts: CloudParts;
  readonly #store: SecretStore;
  readonly #events: SecretEvents;
  readonly #watch: ExpiryWatch;
  readonly #desk: Desk;
  readonly #access: Access;

  constructor(parts: CloudParts, access: Access, sendEvent: SendEvent) {
    this.#parts = parts;
    this.#access = access;
    this.#store = new SecretStore(parts);
    this.#events = new SecretEvents(parts, sendEvent);
    this.#watch = new ExpiryWatch(parts, this.#store, this.#events);
    this.#desk = new Desk(parts, this.#store, this.#events, access);
    this.#store.watcher = {
      onPut: (secret) => this.#watch.changed(secret),
      onLapse: (lapse) => this.#tell(lapse),
    };
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
    actionRoutes(routes, this.#desk);
    notificationRoutes(routes, this.#desk, this.#watch);
    return routes.app;
  }

  /** All that exists, for `GET /state`. Payloads only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    const state = snapshotOf(this.#store, options);
    return { instance: this.#parts.account.secretsManager, ...state, notifications: this.#events.snapshot() };
  }

  /** Nothing happens here any more unless it is asked for. */
  close(): void {
    this.#watch.stop();
    this.#events.registration = null;
  }

  #tell({ kind, atMs, before, after }: Lapse): void {
    if (kind === 'rotated') this.#parts.audit.record(rotationRecord(before, after), atMs);
    const reason = kind === 'rotation-blocked' ? { reason: 'The previous secret version is locked.' } : {};
    this.#events.raise(EVENT_TYPES[kind], after, { by: ITSELF, atMs, ...reason });
  }
}
