import type { LoggingKeyType, LoggingServiceName } from './logging/model.ts';

/** What happened in the account, as its own records would tell: one entry an effect, never a value. */
export type AuditEvent =
  | { action: 'api-key.create' | 'api-key.disable' | 'api-key.enable' | 'api-key.delete'; keyId: string; name: string }
  | { action: 'classic-key.create' | 'classic-key.delete'; keyId: string; userId: string }
  | { action: 'resource-instance.create' | 'resource-instance.delete'; instanceId: string; name: string }
  | { action: 'resource-key.create' | 'resource-key.delete'; keyId: string; name: string; instanceId: string }
  | {
      action: 'logging-key.create' | 'logging-key.delete';
      keyId: string;
      name: string;
      type: LoggingKeyType;
      instanceId: string;
    }
  | { action: 'secret.create' | 'secret.delete'; secretId: string; name: string }
  | { action: 'secret-version.create'; secretId: string; name: string; versionId: string; supersededId: string | null }
  | { action: 'notification.send'; instanceCrn: string; eventType: string; severity: 'low' | 'high'; payload: object }
  | { action: 'event.accept'; eventId: string; type: string; source: string }
  | {
      action: 'event.deliver' | 'event.lose';
      eventId: string;
      type: string;
      subscriptionId: string;
      /** One for each attempt; null where there was no answer. */
      statuses: readonly (number | null)[];
    }
  | {
      action: 'webhook.send';
      deliveryId: string;
      event: string;
      /** What happened, as the payload's `action` says; null for a ping. */
      about: string | null;
      /** Null where there was no answer. */
      status: number | null;
    }
  | { action: 'log-line.accept' | 'log-line.refuse'; service: 'logs' | 'logs-router'; iamId: string | null }
  | { action: 'log-line.accept' | 'log-line.refuse'; service: LoggingServiceName | null; loggingKeyId: string | null };

export type AuditRecord = AuditEvent & { atMs: number };

/** Tells whoever watches the account of each effect as it happens. Nothing is kept. */
export class Audit {
  readonly #watchers = new Set<(record: AuditRecord) => void>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** `atMs`, now by default, is when it happened: earlier for what time did before anybody looked. */
  record(event: AuditEvent, atMs = this.#nowMs()): void {
    const record = { ...event, atMs };
    for (const watcher of this.#watchers) watcher(record);
  }

  /** Calls `watcher` for each effect from now on. Returns how to stop it. */
  watch(watcher: (record: AuditRecord) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
