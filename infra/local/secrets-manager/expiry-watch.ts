import type { CloudParts } from '../parts.ts';
import type { SecretEvents } from './events.ts';
import { nextMomentMs, noticeAt } from './expiry-notices.ts';
import type { Secret } from './model.ts';
import { ITSELF } from './store.ts';
import type { SecretStore } from './store.ts';

/**
 * Looks at secrets at the very moments when time does something to them, or something is to be told of their expiration.
 * Only while events are sent: otherwise nobody notices when it was done.
 */
export class ExpiryWatch {
  readonly #parts: CloudParts;
  readonly #store: SecretStore;
  readonly #events: SecretEvents;
  #wake: { atMs: number; cancel: () => void } | undefined;

  constructor(parts: CloudParts, store: SecretStore, events: SecretEvents) {
    this.#parts = parts;
    this.#store = store;
    this.#events = events;
  }

  /** Begins, and goes on where it already has begun. */
  start(): void {
    for (const secret of this.#store.all()) this.changed(secret);
  }

  stop(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
  }

  /** After each change of a secret. */
  changed(secret: Secret): void {
    if (this.#events.registration) this.#wakeBy(nextMomentMs(secret, this.#parts.clock.nowMs()));
  }

  #wakeBy(atMs: number): void {
    if (atMs === Infinity || (this.#wake && this.#wake.atMs <= atMs)) return;
    this.stop();
    this.#wake = { atMs, cancel: this.#parts.clock.at(atMs, () => this.#look()) };
  }

  #look(): void {
    const nowMs = this.#parts.clock.nowMs();
    this.stop();
    for (const secret of this.#store.all()) {
      const notice = noticeAt(secret, nowMs);
      if (notice) this.#events.raise(notice.type, secret, { ...notice, by: ITSELF });
      this.changed(secret);
    }
  }
}
