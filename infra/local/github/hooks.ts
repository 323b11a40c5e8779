import { createHmac } from 'node:crypto';
import type { Outbox } from '../outbox.ts';
import type { CloudParts } from '../parts.ts';
import type { SeededRandom } from '../random.ts';
import type { Hook, HookDelivery, NewHook } from './model.ts';

// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
const TIMEOUT_MS = 10_000;
const REDELIVERY_MS_MAX = 3 * 86_400_000;

const KEPT_DELIVERIES = 1_000;

/** Webhooks: each event goes to each of them once, whatever becomes of it. Only a person delivers it again. */
export class Hooks {
  readonly #parts: CloudParts;
  readonly #random: SeededRandom;
  readonly #outbox: Outbox;
  readonly #hooks: Hook[] = [];
  readonly #cancels = new Set<() => void>();
  #deliveries: HookDelivery[] = [];
  #closed = false;

  constructor(parts: CloudParts, random: SeededRandom, outbox: Outbox) {
    this.#parts = parts;
    this.#random = random;
    this.#outbox = outbox;
  }

  add(hook: NewHook): Hook {
    const added = { ...hook, id: this.#random.bytes(4).readUInt32BE() };
    this.#hooks.push(added);
    return added;
  }

  /** The latest deliveries, oldest first. */
  list(): readonly HookDelivery[] {
    return this.#deliveries;
  }

  /** Tells all hooks, or one. */
  tell({ event, action }: Pick<HookDelivery, 'event' | 'action'>, payload: object, only?: Hook): void {
    const body = JSON.stringify(payload);
    for (const hook of only ? [only] : this.#hooks) {
      const atMs = this.#parts.clock.nowMs();
      const delivery = { id: this.#random.uuid(), event, action, hook, body, atMs, statuses: [] };
      this.#deliveries = [...this.#deliveries, delivery].slice(-KEPT_DELIVERIES);
      this.#send(delivery);
    }
  }

  /** The request of a delivery, signed. Throws RangeError for what was never delivered. */
  requestOf(deliveryId: string): Request {
    return signedRequest(this.#named(deliveryId));
  }

  /** Throws RangeError for what was never delivered, or first so long ago that GitHub has forgotten it. */
  redeliver(deliveryId: string): void {
    const delivery = this.#named(deliveryId);
    if (this.#parts.clock.nowMs() > delivery.atMs + REDELIVERY_MS_MAX) {
      throw new RangeError(`The delivery ${deliveryId} is older than three days.`);
    }
    this.#send(delivery);
  }

  /** Nothing is sent any more that is not under way. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels) cancel();
  }

  #named(deliveryId: string): HookDelivery {
    const delivery = this.#deliveries.find(({ id }) => id === deliveryId);
    if (!delivery) throw new RangeError(`There is no delivery ${deliveryId}.`);
    return delivery;
  }

  /** Sends it once whoever works at this moment has done. */
  #send(delivery: HookDelivery): void {
    const { clock } = this.#parts;
    const cancel = clock.at(clock.nowMs(), () => {
      this.#cancels.delete(cancel);
      // Not awaited: the clock would stand still until there is an answer, and so would a receiver that waits.
      void this.#attempt(delivery);
    });
    this.#cancels.add(cancel);
  }

  async #attempt(delivery: HookDelivery): Promise<void> {
    const { status } = await this.#outbox.send(signedRequest(delivery), TIMEOUT_MS);
    if (this.#closed) return;
    delivery.statuses.push(status);
    const { id: deliveryId, event, action: about } = delivery;
    this.#parts.audit.record({ action: 'webhook.send', deliveryId, event, about, status });
  }
}

/** The request of a delivery. https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
function signedRequest({ id, event, hook, body }: HookDelivery): Request {
  const { url, secret } = hook;
  const digest = (algorithm: 'sha1' | 'sha256', key: string) => createHmac(algorithm, key).update(body).digest('hex');
  const headers = {
    accept: '*/*',
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/embedded',
    'x-github-delivery': id,
    'x-github-event': event,
    'x-github-hook-id': String(hook.id),
    'x-github-hook-installation-target-id': '2',
    'x-github-hook-installation-target-type': 'organization',
    ...(secret !== null && {
      'x-hub-signature': `sha1=${digest('sha1', secret)}`,
      'x-hub-signature-256': `sha256=${digest('sha256', secret)}`,
    }),
  };
  return new Request(url, { method: 'POST', headers, body });
}
