import { EntityStore } from '../iam/entity-store.ts';
import type { CloudParts } from '../parts.ts';
import { gone, notFound } from './errors.ts';
import type { ResourceKind } from './errors.ts';
import type { Resource } from './model.ts';

/** The instances or the keys of the account, by GUID or CRN. Removed ones are remembered and shown for a while. */
export class ResourceBook<T extends Resource> {
  readonly #parts: CloudParts;
  readonly #kind: ResourceKind;
  readonly #active: EntityStore<T>;
  readonly #removed = new Map<string, T>();

  constructor(parts: CloudParts, kind: ResourceKind, groupOf: (resource: T) => string) {
    this.#parts = parts;
    this.#kind = kind;
    this.#active = new EntityStore<T>(parts, groupOf);
  }

  /** Undefined for what does not exist or is removed. */
  active(id: string): T | undefined {
    const active = this.#active.get(guidOf(id));
    return active && isNameOf(active, id) ? active : undefined;
  }

  /** What a read shows: also, for some time, what is removed. Throws 404 or 410. */
  shown(id: string): T {
    const active = this.active(id);
    if (active) return active;
    const removed = this.#removedOne(id);
    if (this.#isShown(removed)) return removed;
    throw gone(this.#kind, id, this.#parts.switches.forgottenResourceStatus);
  }

  /** What a write works on. Throws 404 or 410. */
  writable(id: string): T {
    const active = this.active(id);
    if (active) return active;
    this.#removedOne(id);
    throw gone(this.#kind, id, this.#parts.switches.removedResourceWriteStatus);
  }

  /** All that are active, as they are now. */
  all(): readonly T[] {
    return this.#active.all();
  }

  /** The active ones of a group, as they are now. */
  group(name: string): T[] {
    return this.#active.group(name);
  }

  /** The active ones, all or of a group, as lists show them. */
  listed(group?: string): readonly T[] {
    return this.#active.listed(group);
  }

  /** The removed ones that a read still shows. */
  removed(): T[] {
    return [...this.#removed.values()].filter((removed) => this.#isShown(removed));
  }

  put(resource: T): void {
    this.#active.put(resource);
  }

  /** Takes a resource out, with what is left of it. */
  remove(remains: T): void {
    this.#active.delete(remains.id);
    this.#removed.set(remains.id, remains);
  }

  #isShown({ removal }: T): boolean {
    const { clock, switches } = this.#parts;
    return clock.nowMs() < (removal?.at.atMs ?? 0) + switches.removedResourceShownMs;
  }

  #removedOne(id: string): T {
    const removed = this.#removed.get(guidOf(id));
    if (removed && isNameOf(removed, id)) return removed;
    throw notFound(this.#kind, id);
  }
}

const isNameOf = ({ id, crn }: Resource, name: string): boolean => name === id || name === crn;

/** The GUID in a name that is a GUID or a CRN: keys have theirs at the end, instances before two colons. */
const guidOf = (name: string): string => {
  if (!name.startsWith('crn:')) return name;
  const [instance = '', , key = ''] = name.split(':').slice(7);
  return key === '' ? instance : key;
};
