import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';
import { Scribe } from './entities.ts';
import type { Entity, Verb } from './entities.ts';
import { EntityStore } from './entity-store.ts';
import { limitReached, taken } from './identity-errors.ts';

export interface ApiKey extends Entity {
  readonly value: string;
  /** Whether reads show the value: only for keys of service IDs. */
  readonly storeValue: boolean;
  readonly locked: boolean;
  readonly disabled: boolean;
  readonly supportSessions: boolean;
  readonly actionWhenLeaked: 'none' | 'disable' | 'delete';
  /** Null when the key does not expire. */
  readonly expiresAtMs: number | null;
}

/** What a caller decides about a new key. */
export interface NewApiKey {
  name: string;
  iamId: string;
  description?: string | undefined;
  /** Default: a random one. */
  value?: string | undefined;
  storeValue?: boolean | undefined;
  supportSessions?: boolean | undefined;
  actionWhenLeaked?: ApiKey['actionWhenLeaked'] | undefined;
  expiresAtMs?: number | null | undefined;
  locked?: boolean | undefined;
  disabled?: boolean | undefined;
}

export type ApiKeyChange = Partial<
  Pick<ApiKey, 'name' | 'description' | 'supportSessions' | 'actionWhenLeaked' | 'expiresAtMs' | 'locked' | 'disabled'>
>;

/** docs/iam, "IAM limits": API keys of one user or service ID. */
export const KEYS_PER_IDENTITY = 20;

/** How long an expired key that nobody modifies is kept. */
const KEPT_AFTER_EXPIRY_MS = 90 * 24 * 3_600_000;

/** The API keys of the account. */
export class ApiKeyBook {
  readonly #parts: CloudParts;
  readonly #scribe: Scribe;
  readonly #keys: EntityStore<ApiKey>;
  readonly #idOfValue = new Map<string, string>();
  #nextRemovalMs = Infinity;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#scribe = new Scribe(parts, 'apikey');
    this.#keys = new EntityStore<ApiKey>(parts, (key) => key.iamId);
  }

  get(id: string): ApiKey | undefined {
    this.#removeForgotten();
    return this.#keys.get(id);
  }

  withValue(value: string): ApiKey | undefined {
    this.#removeForgotten();
    const id = this.#idOfValue.get(value);
    return id === undefined ? undefined : this.#keys.get(id);
  }

  all(): readonly ApiKey[] {
    this.#removeForgotten();
    return this.#keys.all();
  }

  ofIdentity(iamId: string): ApiKey[] {
    this.#removeForgotten();
    return this.#keys.group(iamId);
  }

  /** How many keys count to the limit of the identity: expired ones too, and disabled ones unless switched. */
  countOf(iamId: string): number {
    this.#removeForgotten();
    if (this.#parts.switches.disabledKeysCount) return this.#keys.groupSize(iamId);
    return this.#keys.group(iamId).filter(({ disabled }) => !disabled).length;
  }

  /** The keys, all or of an identity, as lists show them. */
  listed(iamId?: string): readonly ApiKey[] {
    this.#removeForgotten();
    return this.#keys.listed(iamId);
  }

  /**
   * Makes a key. Throws 422 when the identity has as many as it can, 409 when the value is taken.
   * @param atMs When it was made, for a key that is older than the world. Default: now.
   */
  add(input: NewApiKey, byIamId: string, atMs?: number): ApiKey {
    if (this.countOf(input.iamId) >= KEYS_PER_IDENTITY) {
      throw limitReached('BXNIM0151E', 'The limit of supported API keys is reached', KEYS_PER_IDENTITY);
    }
    const value = input.value ?? this.#parts.random.apiKeyValue();
    this.demandFree(value);
    const key: ApiKey = {
      ...this.#scribe.begin(input.name, byIamId, atMs),
      id: `ApiKey-${this.#parts.random.uuid()}`,
      iamId: input.iamId,
      name: input.name,
      description: input.description ?? '',
      activity: new Activity(),
      value,
      storeValue: input.storeValue ?? false,
      locked: input.locked ?? false,
      disabled: input.disabled ?? false,
      supportSessions: input.supportSessions ?? false,
      actionWhenLeaked: input.actionWhenLeaked ?? 'disable',
      expiresAtMs: input.expiresAtMs ?? null,
    };
    this.#put(key);
    this.#idOfValue.set(value, key.id);
    this.#parts.audit.record({ action: 'api-key.create', keyId: key.id, name: key.name });
    return key;
  }

  /** Throws 409 when a key has that value. */
  demandFree(value: string): void {
    if (this.#idOfValue.has(value)) throw taken('apikey');
  }

  revise(key: ApiKey, change: ApiKeyChange, verb: Verb, byIamId: string): ApiKey {
    const revised = this.#scribe.revise(key, change, verb, byIamId);
    this.#put(revised);
    if (verb === 'disable' || verb === 'enable') {
      this.#parts.audit.record({ action: `api-key.${verb}`, keyId: key.id, name: key.name });
    }
    return revised;
  }

  remove(key: ApiKey): void {
    this.#keys.delete(key.id);
    this.#idOfValue.delete(key.value);
    this.#parts.audit.record({ action: 'api-key.delete', keyId: key.id, name: key.name });
  }

  #put(key: ApiKey): void {
    this.#keys.put(key);
    this.#nextRemovalMs = Math.min(this.#nextRemovalMs, removalMsOf(key));
  }

  /** Keys go once they are expired and unmodified for long enough, whether locked or not. */
  #removeForgotten(): void {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs <= this.#nextRemovalMs) return;
    const { due = [], later = [] } = Object.groupBy(this.#keys.all(), (key) =>
      removalMsOf(key) < nowMs ? 'due' : 'later',
    );
    for (const key of due) this.remove(key);
    this.#nextRemovalMs = later.reduce((nextMs, key) => Math.min(nextMs, removalMsOf(key)), Infinity);
  }
}

const removalMsOf = (key: ApiKey): number =>
  key.expiresAtMs === null ? Infinity : Math.max(key.expiresAtMs, key.modifiedAtMs) + KEPT_AFTER_EXPIRY_MS;
