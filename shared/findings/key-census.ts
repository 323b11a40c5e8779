import type { AccountKey } from '../inventory/inventory.ts';

/**
 * What is remembered of keys that went by: a number for each identity that has API keys, and for each functional ID of the manifest
 * until when it can log in.
 */
export class KeyCensus {
  readonly #functionalIds: ReadonlySet<string>;
  readonly #nowMs: number;
  /** How many API keys an identity has. */
  readonly keysOfOwner = new Map<string, number>();
  /** When the last key ends that a functional ID can log in with, in epoch milliseconds; absent where it has none. */
  readonly lastEndOfUser = new Map<string, number>();
  /** Keys of entries that were seen. */
  readonly seenManaged = new Set<string>();

  constructor(functionalIds: ReadonlySet<string>, nowMs: number) {
    this.#functionalIds = functionalIds;
    this.#nowMs = nowMs;
  }

  note(key: AccountKey): void {
    const { kind, id, owner, managed, disabled, expiresAtMs } = key;
    if (managed) this.seenManaged.add(id);
    if (kind !== 'service-id-api-key' && kind !== 'user-api-key') return;
    this.keysOfOwner.set(owner, (this.keysOfOwner.get(owner) ?? 0) + 1);
    if (kind !== 'user-api-key' || !this.#functionalIds.has(owner)) return;
    const endMs = expiresAtMs ?? Infinity;
    if (disabled === true || endMs <= this.#nowMs) return;
    this.lastEndOfUser.set(owner, Math.max(this.lastEndOfUser.get(owner) ?? 0, endMs));
  }
}
