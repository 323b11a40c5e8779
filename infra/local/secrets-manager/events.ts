import type { CloudParts } from '../parts.ts';
import type { Secret, SecretType } from './model.ts';
import { crnOf } from './views.ts';

/** Events that the embedded types of secret can have, and their severity at Event Notifications. */
const SEVERITIES = {
  secret_created: 'low',
  secret_rotated: 'low',
  secret_deleted: 'low',
  secret_deletion_blocked: 'low',
  secret_rotation_blocked: 'low',
  secret_expiration_blocked: 'high',
  secret_about_to_expire: 'high',
  secret_expired: 'high',
  secret_version_data_deleted: 'low',
  secret_data_removed: 'low',
  test_event: 'low',
} as const;
export type EventType = keyof typeof SEVERITIES;

/** How Secrets Manager is connected with an instance of Event Notifications. */
export interface Registration {
  instanceCrn: string;
  sourceName: string;
  sourceDescription: string | undefined;
}

interface Circumstances {
  /** IAM id of whoever did it, or the service itself. */
  by: string;
  /** Default: now. */
  atMs?: number;
  subtype?: string;
  reason?: string;
}

/** An event on its way to an instance of Event Notifications. */
interface SentEvent {
  /** With its subtype, where it has one. */
  type: string;
  source: string;
  severity: 'low' | 'high';
  data: object;
}

/** Takes what is sent to an instance of Event Notifications. */
export type SendEvent = (instanceCrn: string, event: SentEvent) => void;

interface PendingEvent {
  type: EventType;
  subtype: string | undefined;
  secretType: SecretType;
  secret: object;
}

const SECRETS_PER_NOTIFICATION_MAX = 100;

/** Dates in notifications have no fraction of a second. */
const instant = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/**
 * What Secrets Manager tells Event Notifications: events are collected by type, subtype and type of secret, and sent
 * together every one or two minutes as `notification.send` of the audit. Nothing is collected while there is no
 * registration. https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-event-notifications
 */
export class SecretEvents {
  readonly #parts: CloudParts;
  readonly #sendEvent: SendEvent;
  #registration: Registration | null = null;
  #pending: PendingEvent[] = [];
  #cancelDispatch: (() => void) | undefined;

  constructor(parts: CloudParts, sendEvent: SendEvent) {
    this.#parts = parts;
    this.#sendEvent = sendEvent;
  }

  get registration(): Registration | null {
    return this.#registration;
  }

  /** From now on events are sent there; null ends it, and what is not sent yet never is. */
  set registration(registration: Registration | null) {
    if (!registration) this.#drop();
    this.#registration = registration;
  }

  raise(type: EventType, secret: Secret, { by, atMs, subtype, reason }: Circumstances): void {
    if (!this.#registration) return;
    const { account, clock, switches } = this.#parts;
    const about = {
      event_time: instant(atMs ?? clock.nowMs()),
      event_triggered_by: by,
      secret_id: crnOf(secret, account.secretsManager.crn),
      secret_name: secret.name,
      secret_group_id: secret.groupId,
      secret_expiration: secret.expiresAtMs === null ? undefined : instant(secret.expiresAtMs),
      failure_reason: reason,
    };
    this.#pending.push({ type, subtype, secretType: secret.type, secret: about });
    this.#cancelDispatch ??= clock.at(clock.nowMs() + switches.eventDispatchMs, () => this.#dispatch());
  }

  /** Sends a test event at once. */
  sendTest(registration: Registration): void {
    this.#send(registration, 'test_event', { event_type: 'test_event' });
  }

  snapshot(): object {
    return { registration: this.#registration, pendingEvents: this.#pending };
  }

  /** Nothing is sent any more that was not yet. */
  #drop(): void {
    this.#cancelDispatch?.();
    this.#cancelDispatch = undefined;
    this.#pending = [];
  }

  #dispatch(): void {
    const events = this.#pending;
    const registration = this.#registration;
    this.#drop();
    if (!registration) return;
    const groups = Map.groupBy(events, ({ type, subtype, secretType }) => `${type}/${subtype}/${secretType}`);
    for (const group of groups.values()) {
      for (let from = 0; from < group.length; from += SECRETS_PER_NOTIFICATION_MAX) {
        this.#sendTogether(registration, group.slice(from, from + SECRETS_PER_NOTIFICATION_MAX));
      }
    }
  }

  #sendTogether(registration: Registration, events: readonly PendingEvent[]): void {
    const [first] = events;
    if (!first) return;
    const { type, subtype, secretType } = first;
    const secrets = events.map(({ secret }) => secret);
    this.#send(registration, type, {
      event_type: type,
      event_sub_type: subtype,
      secret_type: secretType,
      secrets,
    });
  }

  #send(
    { instanceCrn }: Registration,
    type: EventType,
    payload: { event_sub_type?: string | undefined; [field: string]: unknown },
  ) {
    const { audit, account } = this.#parts;
    const eventType = `com.ibm.cloud.secrets-manager.${type}`;
    const severity = SEVERITIES[type];
    const data = { ...payload, ...sourceOf(account.secretsManager) };
    audit.record({ action: 'notification.send', instanceCrn, eventType, severity, payload: data });
    const subtype = payload.event_sub_type === undefined ? '' : `:${payload.event_sub_type}`;
    this.#sendEvent(instanceCrn, { type: eventType + subtype, source: account.secretsManager.crn, severity, data });
  }
}

/** The fields by which every notification names the instance that it comes from. */
function sourceOf({ guid, crn }: CloudParts['account']['secretsManager']): object {
  const region = crn.split(':')[5];
  return {
    source_service: 'SecretsManager',
    source_instance_crn: crn,
    source_instance_api_public_url: `https://${guid}.${region}.secrets-manager.appdomain.cloud/api`,
    source_instance_api_private_url: `https://${guid}.private.${region}.secrets-manager.appdomain.cloud/api`,
    source_instance_dashboard_url: `https://cloud.ibm.com/services/secrets-manager/${encodeURIComponent(crn)}`,
  };
}
