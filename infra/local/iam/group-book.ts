import type { CloudParts } from '../parts.ts';
import { nextTag } from './entities.ts';
import { taken } from './identity-errors.ts';

/** A group of service IDs. Those that are in none are in the default group, which has no entry here. */
export interface ServiceIdGroup {
  readonly id: string;
  readonly entityTag: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly modifiedAtMs: number;
  readonly name: string;
  /** Empty when there is none. */
  readonly description: string;
}

export type GroupTerms = Pick<ServiceIdGroup, 'name' | 'description'>;

/** The service ID groups of the account. */
export class GroupBook {
  readonly #parts: CloudParts;
  readonly #groups = new Map<string, ServiceIdGroup>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#groups.size;
  }

  get(id: string): ServiceIdGroup | undefined {
    return this.#groups.get(id);
  }

  all(): ServiceIdGroup[] {
    return [...this.#groups.values()];
  }

  /** Throws 409 when the name is taken. */
  add(terms: GroupTerms, byIamId: string): ServiceIdGroup {
    this.#demandFree(terms.name);
    const { clock, random } = this.#parts;
    const nowMs = clock.nowMs();
    const begun = { entityTag: nextTag(this.#parts), createdAtMs: nowMs, createdBy: byIamId, modifiedAtMs: nowMs };
    const group = { id: `ServiceIdGroup-${random.uuid()}`, ...begun, ...terms };
    this.#groups.set(group.id, group);
    return group;
  }

  /** Throws 409 when another group has the name. */
  revise(group: ServiceIdGroup, terms: GroupTerms): ServiceIdGroup {
    if (terms.name !== group.name) this.#demandFree(terms.name);
    const entityTag = nextTag(this.#parts, group.entityTag);
    const revised = { ...group, ...terms, entityTag, modifiedAtMs: this.#parts.clock.nowMs() };
    this.#groups.set(group.id, revised);
    return revised;
  }

  remove(group: ServiceIdGroup): void {
    this.#groups.delete(group.id);
  }

  #demandFree(name: string): void {
    if (this.all().some((group) => group.name === name)) throw taken('name');
  }
}
