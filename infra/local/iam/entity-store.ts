import type { CloudParts } from '../parts.ts';

interface Slot<T> {
  order: number;
  item: T;
}

interface Write<T> {
  atMs: number;
  id: string;
  /** What the write replaced or removed; null for a creation. */
  before: Slot<T> | null;
}

/**
 * Entities in the order of their creation, with an index by group. Lists may lag behind: they undo the writes that are
 * younger than `switches.staleListMs`. Items are never changed in place; a write puts a new version.
 */
export class EntityStore<T extends { readonly id: string }> {
  readonly #parts: CloudParts;
  readonly #groupOf: (item: T) => string;
  readonly #slots = new Map<string, Slot<T>>();
  readonly #groups = new Map<string, Map<string, Slot<T>>>();
  #writes: Write<T>[] = [];
  #created = 0;
  #all: readonly T[] | undefined;

  constructor(parts: CloudParts, groupOf: (item: T) => string) {
    this.#parts = parts;
    this.#groupOf = groupOf;
  }

  get size(): number {
    return this.#slots.size;
  }

  get(id: string): T | undefined {
    return this.#slots.get(id)?.item;
  }

  put(item: T): void {
    const before = this.#slots.get(item.id) ?? null;
    this.#remember(item.id, before);
    const slot = { order: before?.order ?? this.#created++, item };
    const groupName = this.#groupOf(item);
    if (before && this.#groupOf(before.item) !== groupName) this.#leaveGroup(before.item);
    this.#slots.set(item.id, slot);
    const group = this.#groups.get(groupName) ?? new Map<string, Slot<T>>();
    this.#groups.set(groupName, group.set(item.id, slot));
    this.#all = undefined;
  }

  delete(id: string): void {
    const slot = this.#slots.get(id);
    if (!slot) return;
    this.#remember(id, slot);
    this.#slots.delete(id);
    this.#leaveGroup(slot.item);
    this.#all = undefined;
  }

  /** All items as they are now. The same array until the next write. */
  all(): readonly T[] {
    this.#all ??= Array.from(this.#slots.values(), (slot) => slot.item);
    return this.#all;
  }

  /** The items of a group as they are now. */
  group(name: string): T[] {
    return Array.from(this.#groups.get(name)?.values() ?? [], (slot) => slot.item);
  }

  groupSize(name: string): number {
    return this.#groups.get(name)?.size ?? 0;
  }

  /** The items, all or of a group, as lists show them. */
  listed(group?: string): readonly T[] {
    const undone = this.#undone();
    if (undone.size === 0) return group === undefined ? this.all() : this.group(group);
    const live = group === undefined ? this.#slots : (this.#groups.get(group) ?? new Map<string, Slot<T>>());
    const slots = Array.from(live.values()).filter(({ item }) => !undone.has(item.id));
    for (const before of undone.values()) {
      if (before && (group === undefined || this.#groupOf(before.item) === group)) slots.push(before);
    }
    return slots.toSorted((one, other) => one.order - other.order).map(({ item }) => item);
  }

  #leaveGroup(item: T): void {
    const groupName = this.#groupOf(item);
    const group = this.#groups.get(groupName);
    group?.delete(item.id);
    if (group?.size === 0) this.#groups.delete(groupName);
  }

  #remember(id: string, before: Slot<T> | null): void {
    this.#forgetSettled();
    if (this.#parts.switches.staleListMs === 0) return;
    this.#writes.push({ atMs: this.#parts.clock.nowMs(), id, before });
  }

  #forgetSettled(): void {
    if (this.#writes.length === 0) return;
    const settledMs = this.#parts.clock.nowMs() - this.#parts.switches.staleListMs;
    const young = this.#writes.findIndex((write) => write.atMs > settledMs);
    this.#writes = young === -1 ? [] : this.#writes.slice(young);
  }

  /** By id, what lists still show instead of the present; null for what they do not show yet. */
  #undone(): Map<string, Slot<T> | null> {
    this.#forgetSettled();
    const undone = new Map<string, Slot<T> | null>();
    for (const { id, before } of this.#writes) {
      if (!undone.has(id)) undone.set(id, before);
    }
    return undone;
  }
}

const views = new WeakMap<object, Map<string, unknown>>();

/** What `derive` makes of `items`, remembered under `name` for as long as the same array is asked about. */
export function viewOf<T>(items: readonly T[], name: string, derive: (items: readonly T[]) => T[]): readonly T[] {
  const known = views.get(items) ?? new Map<string, unknown>();
  views.set(items, known);
  if (!known.has(name)) known.set(name, derive(items));
  return known.get(name) as readonly T[];
}
