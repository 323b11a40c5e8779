import type { CloudParts } from '../parts.ts';
import { DeletedNames } from './deleted-names.ts';
import { expired, lapsesOf } from './lapses.ts';
import type { Lapse } from './lapses.ts';
import { DEFAULT_GROUP } from './model.ts';
import type { Group, Secret, SecretType, Version } from './model.ts';
import { nextData } from './new-data.ts';
import { newVersion } from './versions.ts';

interface Slot {
  /** Place in the order of creation: many secrets are created in one millisecond. */
  order: number;
  secret: Secret;
}

interface Write {
  atMs: number;
  id: string;
  /** Null when the write created the secret. */
  before: Slot | null;
}

/** Who is told of what becomes of secrets. */
export interface StoreWatcher {
  /** After each write, also those of time. */
  onPut: (secret: Secret) => void;
  onLapse: (lapse: Lapse) => void;
}

/** Who did what time alone does, as `created_by` and events name them. */
export const ITSELF = 'SecretsManager';

/**
 * All groups and secrets of the instance, in the order of their creation. What time does to a secret, expiration and
 * automatic rotation, shows from its moment on: it is caught up with whenever somebody looks.
 */
export class SecretStore {
  readonly groups = new Map<string, Group>();
  watcher: StoreWatcher | undefined;
  readonly #parts: CloudParts;
  readonly #slots = new Map<string, Slot>();
  readonly #idsByName = new Map<string, Set<string>>();
  readonly #deletedNames: DeletedNames;
  /** Oldest first; only kept while somebody is to be shown the past. */
  #writes: Write[] = [];
  #created = 0;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#deletedNames = new DeletedNames(parts);
    const made = { createdBy: parts.account.adminIamId, createdAtMs: this.#nowMs, updatedAtMs: this.#nowMs };
    this.groups.set(DEFAULT_GROUP, { id: DEFAULT_GROUP, name: DEFAULT_GROUP, description: undefined, ...made });
  }

  get(id: string): Secret | null {
    const slot = this.#slots.get(id);
    return slot ? this.#settle(slot.secret) : null;
  }

  /** The secrets of that type and name: one, unless switches let there be more. */
  byName(type: SecretType, name: string): Secret[] {
    const ids = this.#idsByName.get(nameKey({ type, name })) ?? [];
    return [...ids].map((id) => this.get(id)).filter((secret) => secret !== null);
  }

  /** Whether a secret other than `exceptId` has the name, or had it until just now. */
  isTaken({ type, name, groupId }: Pick<Secret, 'type' | 'name' | 'groupId'>, exceptId?: string): boolean {
    const { secretNameScope: scope, destroyedSecretKeepsName: keepsName } = this.#parts.switches;
    const isIn = (otherGroupId: string) => scope === 'instance' || otherGroupId === groupId;
    const holds = (other: Secret) =>
      other.id !== exceptId && isIn(other.groupId) && (keepsName || other.destroyedAtMs === null);
    return this.byName(type, name).some(holds) || this.#deletedNames.some(nameKey({ type, name }), isIn);
  }

  all(): Secret[] {
    return [...this.#slots.values()].map(({ secret }) => this.#settle(secret));
  }

  /** Adds the secret, or puts it in the place of the one with its id. Returns what it is at once, or becomes by time. */
  put(secret: Secret): Secret {
    this.#write(secret, this.#nowMs);
    return this.#settle(secret, this.#nowMs);
  }

  /** Returns whether there was anything to delete. */
  delete({ id }: Secret): boolean {
    const slot = this.#slots.get(id);
    if (!slot) return false;
    const { secret } = slot;
    this.#remember(id, slot, this.#nowMs);
    this.#forgetName(secret);
    this.#deletedNames.add(nameKey(secret), secret.groupId);
    return this.#slots.delete(id);
  }

  /** The secrets as a list shows them: without the effect of writes that are younger than `staleListMs`. */
  listed(): Secret[] {
    const now = this.all();
    const former = this.#former(this.#parts.switches.staleListMs);
    if (former.size === 0) return now;
    const shown = [...former.values()].filter((slot) => slot !== null);
    const unchanged = [...this.#slots.values()].filter(({ secret }) => !former.has(secret.id));
    return [...unchanged, ...shown].toSorted((a, b) => a.order - b.order).map(({ secret }) => secret);
  }

  /** One secret as a list shows it, null when it is not there yet. */
  getListed(id: string): Secret | null {
    return this.#getFormer(id, this.#parts.switches.staleListMs);
  }

  /** One secret as a read by its id shows it: without the effect of writes that are younger than `staleReadMs`. */
  getShown(id: string): Secret | null {
    return this.#getFormer(id, this.#parts.switches.staleReadMs);
  }

  get #nowMs(): number {
    return this.#parts.clock.nowMs();
  }

  #getFormer(id: string, staleMs: number): Secret | null {
    const present = this.get(id);
    const former = this.#former(staleMs).get(id);
    return former === undefined ? present : (former?.secret ?? null);
  }

  /** What secrets were before the first of their writes that is younger than `staleMs`. */
  #former(staleMs: number): Map<string, Slot | null> {
    const found = new Map<string, Slot | null>();
    if (staleMs === 0) return found;
    const nowMs = this.#nowMs;
    for (const { atMs, id, before } of this.#writes) {
      if (atMs <= nowMs - staleMs || found.has(id)) continue;
      found.set(id, before && { ...before, secret: expired(before.secret, nowMs) });
    }
    return found;
  }

  #write(secret: Secret, atMs: number): void {
    const before = this.#slots.get(secret.id) ?? null;
    this.#remember(secret.id, before, atMs);
    if (before) this.#forgetName(before.secret);
    const key = nameKey(secret);
    this.#idsByName.set(key, (this.#idsByName.get(key) ?? new Set()).add(secret.id));
    this.#slots.set(secret.id, { order: before?.order ?? this.#created++, secret });
    this.watcher?.onPut(secret);
  }

  #forgetName(secret: Secret): void {
    const key = nameKey(secret);
    const ids = this.#idsByName.get(key);
    ids?.delete(secret.id);
    if (ids?.size === 0) this.#idsByName.delete(key);
  }

  #remember(id: string, before: Slot | null, atMs: number): void {
    const { staleListMs, staleReadMs } = this.#parts.switches;
    const staleMs = Math.max(staleListMs, staleReadMs);
    if (staleMs === 0) this.#writes = [];
    else this.#writes.push({ atMs, id, before });
    while (this.#writes[0] && this.#writes[0].atMs <= this.#nowMs - staleMs) this.#writes.shift();
  }

  /** The secret with all that time has done to it; what a lock held back is done at `fromMs` at the earliest. */
  #settle(secret: Secret, fromMs = -Infinity): Secret {
    const lapses = lapsesOf(secret, { fromMs, nowMs: this.#nowMs }, (...about) => this.#automaticVersion(...about));
    for (const { atMs, after } of lapses) this.#write(after, atMs);
    for (const lapse of lapses) this.watcher?.onLapse(lapse);
    return lapses.at(-1)?.after ?? secret;
  }

  #automaticVersion(secret: Secret, createdAtMs: number): Version {
    const { random } = this.#parts;
    return newVersion({
      id: random.uuid(),
      createdBy: ITSELF,
      createdAtMs,
      autoRotated: true,
      data: nextData(secret, {}, random),
      customMetadata: {},
    });
  }
}

const nameKey = ({ type, name }: Pick<Secret, 'type' | 'name'>): string => `${type}/${name}`;
