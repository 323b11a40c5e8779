import type { Hono } from 'hono';
import type { Outbox } from '../outbox.ts';
import type { Access, CloudEnv, CloudParts } from '../parts.ts';
import { SeededRandom } from '../random.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { Deliveries } from './deliveries.ts';
import { answerError, invalid, unauthorized } from './errors.ts';
import { logsAlertEvent } from './logs-alert.ts';
import type { LogsAlert } from './logs-alert.ts';
import type { Delivery, Envelope, NewEvent, NewSubscription, Notification, Subscription } from './model.ts';
import { eventNotificationsRoutes } from './routes.ts';
import { SigningKeys } from './signing.ts';

const KEPT_NOTIFICATIONS = 1_000;

/**
 * Event Notifications of the embedded cloud: one instance with one API source, which takes events and delivers them to
 * webhooks and Code Engine. https://cloud.ibm.com/apidocs/event-notifications
 */
export class EventNotifications {
  readonly #parts: CloudParts;
  readonly #access: Access;
  /** Of its own, so that ids and values elsewhere are the same with and without what is made here. */
  readonly #random: SeededRandom;
  readonly #keys = new SigningKeys();
  readonly #deliveries: Deliveries;
  /** `ibmensourceid` of what is sent through the API. */
  readonly apiSourceId: string;
  #subscriptions: Subscription[] = [];
  #notifications: Notification[] = [];

  constructor(parts: CloudParts, access: Access, outbox: Outbox) {
    this.#parts = parts;
    this.#access = access;
    this.#random = new SeededRandom(`${parts.random.seed} event notifications`);
    this.apiSourceId = `${this.#random.uuid()}:api`;
    this.#deliveries = new Deliveries(parts, this.#random, outbox, this.#keys);
  }

  routes(): Hono<CloudEnv> {
    const login = { access: this.#access, refusal: unauthorized };
    const routes = new StrictRoutes({ login, badQuery: invalid, onError: answerError(this.#random) });
    eventNotificationsRoutes(routes, {
      parts: this.#parts,
      access: this.#access,
      apiSourceId: this.apiSourceId,
      accept: (event) => this.publish(event),
      publicKeyOf: (destinationId) => {
        const isKnown = this.#subscriptions.some((one) => one.destinationId === destinationId);
        return isKnown ? this.publicKeyOf(destinationId) : undefined;
      },
    });
    return routes.app;
  }

  /** A topic for these types, a destination, and their subscription. From now on events are delivered there. */
  subscribe({ url, headers = {}, types, destination = 'webhook' }: NewSubscription): Subscription {
    const ids = { id: this.#random.uuid(), destinationId: this.#random.uuid() };
    const subscription = { ...ids, url, headers, types: types ?? null, destination };
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /** From now on nothing is delivered; what is under way still is. */
  unsubscribeAll(): void {
    this.#subscriptions = [];
  }

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions;
  }

  /** PEM of the key that deliveries to a destination are signed with. */
  publicKeyOf(destinationId: string): string {
    return this.#keys.publicKeyOf(destinationId);
  }

  /** Takes an event of any producer, such as an alert of Cloud Logs, and delivers it to whoever subscribed to its type. */
  publish(event: NewEvent): Notification {
    const { audit, clock } = this.#parts;
    const notification = { id: this.#random.uuid(), atMs: clock.nowMs(), envelope: this.#envelopeOf(event) };
    this.#notifications = [...this.#notifications, notification].slice(-KEPT_NOTIFICATIONS);
    const { id: eventId, type, source } = notification.envelope;
    audit.record({ action: 'event.accept', eventId, type, source });
    for (const subscription of this.#subscriptions) {
      if (isMeant(subscription, type)) this.#deliveries.begin(notification, subscription);
    }
    return notification;
  }

  /** Publishes what Cloud Logs sends of an alert. */
  publishLogsAlert(alert: LogsAlert): Notification {
    const { account, clock } = this.#parts;
    const ids = { alertId: this.#random.uuid(), incidentId: this.#random.uuid() };
    return this.publish(logsAlertEvent(alert, { crn: account.cloudLogs.crn, nowMs: clock.nowMs(), ...ids }));
  }

  /** The latest, oldest first. */
  get notifications(): readonly Notification[] {
    return this.#notifications;
  }

  /** The latest, oldest first. */
  get deliveries(): readonly Delivery[] {
    return this.#deliveries.list();
  }

  /** Values of headers only where `withValues` is set: they let somebody in. */
  snapshot({ withValues }: { withValues: boolean }): object {
    return {
      instance: this.#parts.account.eventNotifications,
      apiSourceId: this.apiSourceId,
      subscriptions: this.#subscriptions.map(({ headers, ...rest }) => ({
        ...rest,
        headers: withValues ? headers : Object.keys(headers),
      })),
      notifications: this.#notifications,
      deliveries: this.#deliveries.list(),
    };
  }

  /** Nothing is delivered any more that is not under way. */
  close(): void {
    this.#deliveries.close();
  }

  #envelopeOf({ id, source, type, data, time, severity, short, long, subject, sourceId }: NewEvent): Envelope {
    return {
      specversion: '1.0',
      id: id ?? this.#random.uuid(),
      source,
      type,
      time: time ?? new Date(this.#parts.clock.nowMs()).toISOString(),
      ibmensourceid: sourceId ?? source,
      ibmenseverity: severity ?? 'low',
      ibmendefaultshort: short ?? type,
      ibmendefaultlong: long ?? type,
      ...(subject !== undefined && { subject }),
      datacontenttype: 'application/json',
      data,
    };
  }
}

const isMeant = ({ types }: Subscription, type: string): boolean =>
  types === null || types.some((one) => type === one || type.startsWith(`${one}:`));
