import type { Outbox, Reply } from '../outbox.ts';
import type { CloudParts } from '../parts.ts';
import type { SeededRandom } from '../random.ts';
import type { Delivery, Notification, Subscription } from './model.ts';
import type { SigningKeys } from './signing.ts';

// https://cloud.ibm.com/docs/event-notifications?topic=event-notifications-en-destination, since February 2026.
const TIMEOUT_MS = 10_000;
const RETRIES_MAX = 3;
const BACKOFF_MS = { first: 1_000, most: 10_000 };

const KEPT_DELIVERIES = 1_000;

/**
 * Brings notifications to webhooks and to Code Engine: each on its own, in no order, up to four times within less than a
 * minute, then never again.
 */
export class Deliveries {
  readonly #parts: CloudParts;
  readonly #random: SeededRandom;
  readonly #outbox: Outbox;
  readonly #keys: SigningKeys;
  readonly #cancels = new Set<() => void>();
  #deliveries: Delivery[] = [];
  #closed = false;

  constructor(parts: CloudParts, random: SeededRandom, outbox: Outbox, keys: SigningKeys) {
    this.#parts = parts;
    this.#random = random;
    this.#outbox = outbox;
    this.#keys = keys;
  }

  /** The latest, oldest first. */
  list(): readonly Delivery[] {
    return this.#deliveries;
  }

  /** Begins once whoever works at this moment has done. */
  begin(notification: Notification, subscription: Subscription): void {
    const { id: notificationId, envelope } = notification;
    const { id: eventId, type } = envelope;
    const about = { notificationId, eventId, type, subscriptionId: subscription.id };
    const delivery: Delivery = { ...about, statuses: [], state: 'under way' };
    this.#deliveries = [...this.#deliveries, delivery].slice(-KEPT_DELIVERIES);
    this.#schedule(0, () => this.#attempt(notification, subscription, delivery));
  }

  /** Nothing is sent any more that is not under way. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #schedule(delayMs: number, attempt: () => Promise<void>): void {
    const { clock } = this.#parts;
    const cancel = clock.at(clock.nowMs() + delayMs, () => {
      this.#cancels.delete(cancel);
      // Not awaited: the clock would stand still until there is an answer, and so would a receiver that waits.
      void attempt();
    });
    this.#cancels.add(cancel);
  }

  async #attempt(notification: Notification, subscription: Subscription, delivery: Delivery): Promise<void> {
    const retries = delivery.statuses.length;
    const keepsId = retries === 0 || this.#parts.switches.notificationIdKept;
    const notificationId = keepsId ? notification.id : this.#random.uuid();
    const reply = await this.#outbox.send(this.#requestOf(notification, subscription, notificationId), TIMEOUT_MS);
    if (this.#closed) return;
    delivery.statuses.push(reply.status);
    if (reply.status !== null && reply.status >= 200 && reply.status < 300) return this.#end(delivery, 'delivered');
    if (retries === RETRIES_MAX || !this.#isRetried(reply)) return this.#end(delivery, 'lost');
    const backOffMs = Math.min(BACKOFF_MS.first * 2 ** retries, BACKOFF_MS.most);
    const delayMs = reply.retryAfterSeconds === null ? backOffMs : reply.retryAfterSeconds * 1_000;
    this.#schedule(delayMs, () => this.#attempt(notification, subscription, delivery));
  }

  #isRetried({ status }: Reply): boolean {
    if (status === null || this.#parts.switches.retriedEventDeliveries === 'all but 2xx') return true;
    return status === 429 || status >= 500;
  }

  #end(delivery: Delivery, state: 'delivered' | 'lost'): void {
    delivery.state = state;
    const { eventId, type, subscriptionId, statuses } = delivery;
    const action = state === 'lost' ? 'event.lose' : 'event.deliver';
    this.#parts.audit.record({ action, eventId, type, subscriptionId, statuses: [...statuses] });
  }

  #requestOf({ envelope }: Notification, subscription: Subscription, notificationId: string): Request {
    const { url, headers, destination, destinationId } = subscription;
    const { eventContentType, eventSigning } = this.#parts.switches;
    const text = JSON.stringify({ ...envelope, notification_id: notificationId });
    const given = new Headers(headers);
    given.set('content-type', eventContentType);
    if (destination === 'ibmce' || eventSigning === 'off') {
      return new Request(url, { method: 'POST', headers: given, body: text });
    }
    const jws = this.#keys.sign(destinationId, text);
    if (eventSigning === 'jws') given.set('content-type', 'application/jose');
    const body = eventSigning === 'jws' ? jws : JSON.stringify({ data: jws });
    return new Request(url, { method: 'POST', headers: given, body });
  }
}
