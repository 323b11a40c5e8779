import type { CloudParts } from '../parts.ts';
import { DEFAULT_GROUP } from './model.ts';
import type { Group, Secret, SecretType } from './model.ts';
import { settled } from './versions.ts';

interface Write {
  atMs: number;
  id: string;
  /** Null when the write created the secret. */
  before: Secret | null;
}

/** All groups and secrets of the instance, in the order of their creation. */
export class SecretStore {
  readonly groups = new Map<string, Group>();
  readonly #parts: CloudParts;
  readonly #secrets = new Map<string, Secret>();
  readonly #idsByName = new Map<string, string>();
  /** Oldest first; only kept while lists are to be stale. */
  #writes: Write[] = [];

  constructor(parts: CloudParts) {
    this.#parts = parts;
    const made = { createdBy: parts.account.adminIamId, createdAtMs: this.#nowMs, updatedAtMs: this.#nowMs };
    this.groups.set(DEFAULT_GROUP, { id: DEFAULT_GROUP, name: DEFAULT_GROUP, description: undefined, ...made });
  }

  get(id: string): Secret | null {
    const secret = this.#secrets.get(id);
    return secret ? this.#settle(secret) : null;
  }

  /** Names are unique within a type. */
  byName(type: SecretType, name: string): Secret | null {
    const id = this.#idsByName.get(nameKey({ type, name }));
    return id === undefined ? null : this.get(id);
  }

  all(): Secret[] {
    return [...this.#secrets.values()].map((secret) => this.#settle(secret));
  }

  /** Adds the secret, or puts it in the place of the one with its id. */
  put(secret: Secret): void {
    const before = this.#secrets.get(secret.id) ?? null;
    this.#remember(secret.id, before);
    if (before) this.#idsByName.delete(nameKey(before));
    this.#idsByName.set(nameKey(secret), secret.id);
    this.#secrets.set(secret.id, secret);
  }

  delete(secret: Secret): void {
    this.#remember(secret.id, secret);
    this.#idsByName.delete(nameKey(secret));
    this.#secrets.delete(secret.id);
  }

  /** The secrets as a list shows them: without the effect of writes that are younger than `staleListMs`. */
  listed(): Secret[] {
    const former = this.#former();
    const now = this.all();
    if (former.size === 0) return now;
    const shown = [...former.values()].filter((secret) => secret !== null);
    const unchanged = now.filter(({ id }) => !former.has(id));
    return [...unchanged, ...shown].toSorted((a, b) => a.createdAtMs - b.createdAtMs);
  }

  /** One secret as a list shows it, null when it is not there yet. */
  getListed(id: string): Secret | null {
    const former = this.#former().get(id);
    return former === undefined ? this.get(id) : former;
  }

  get #nowMs(): number {
    return this.#parts.clock.nowMs();
  }

  /** What secrets were before the first of their writes that lists do not show yet. */
  #former(): Map<string, Secret | null> {
    const shownUntilMs = this.#nowMs - this.#parts.switches.staleListMs;
    const found = new Map<string, Secret | null>();
    for (const { atMs, id, before } of this.#writes) {
      if (atMs > shownUntilMs && !found.has(id)) found.set(id, before && settled(before, this.#nowMs));
    }
    return found;
  }

  #remember(id: string, before: Secret | null): void {
    const { staleListMs } = this.#parts.switches;
    const nowMs = this.#nowMs;
    if (staleListMs === 0) this.#writes = [];
    else this.#writes.push({ atMs: nowMs, id, before });
    while (this.#writes[0] && this.#writes[0].atMs <= nowMs - staleListMs) this.#writes.shift();
  }

  #settle(secret: Secret): Secret {
    const now = settled(secret, this.#nowMs);
    if (now !== secret) this.put(now);
    return now;
  }
}

const nameKey = ({ type, name }: { type: SecretType; name: string }): string => `${type}/${name}`;
