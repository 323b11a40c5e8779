import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';
import { Scribe } from './entities.ts';
import type { Entity, Verb } from './entities.ts';
import { EntityStore, viewOf } from './entity-store.ts';
import { limitReached } from './identity-errors.ts';

export interface ServiceId extends Entity {
  readonly locked: boolean;
  readonly uniqueInstanceCrns: readonly string[];
  /** Null in the default group. */
  readonly groupId: string | null;
  /** Whether it was made for a resource key. */
  readonly hidden: boolean;
}

export type NewServiceId = Partial<
  Pick<ServiceId, 'description' | 'locked' | 'uniqueInstanceCrns' | 'groupId' | 'hidden'>
> & {
  name: string;
};

export type ServiceIdChange = Partial<Pick<ServiceId, 'name' | 'description' | 'locked' | 'uniqueInstanceCrns'>>;

const IAM_ID_PREFIX = 'iam-';

/** Whether an IAM ID is, by its form, that of a service ID. */
export const isServiceIamId = (iamId: string): boolean => iamId.startsWith(`${IAM_ID_PREFIX}ServiceId-`);

/** `ServiceId-…`, the name that paths and policies use, of `iam-ServiceId-…`. */
export const serviceIdOf = (iamId: string): string => iamId.slice(IAM_ID_PREFIX.length);

/** The service IDs of the account. */
export class ServiceIdBook {
  readonly #parts: CloudParts;
  readonly #scribe: Scribe;
  readonly #serviceIds: EntityStore<ServiceId>;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#scribe = new Scribe(parts, 'serviceid');
    this.#serviceIds = new EntityStore<ServiceId>(parts, () => parts.account.id);
  }

  get(id: string): ServiceId | undefined {
    return this.#serviceIds.get(id);
  }

  withIamId(iamId: string): ServiceId | undefined {
    return isServiceIamId(iamId) ? this.#serviceIds.get(serviceIdOf(iamId)) : undefined;
  }

  all(): readonly ServiceId[] {
    return this.#serviceIds.all();
  }

  /** As lists show them. */
  listed(): readonly ServiceId[] {
    const listed = this.#serviceIds.listed();
    if (this.#parts.switches.hiddenServiceIdsListed) return listed;
    return viewOf(listed, 'not hidden', () => listed.filter(({ hidden }) => !hidden));
  }

  /** Throws 422 when the account has as many as it can. */
  add(input: NewServiceId, byIamId: string): ServiceId {
    // docs/iam, "IAM limits".
    const { serviceIdsPerAccount: most } = this.#parts.switches;
    if (this.#serviceIds.size >= most) {
      throw limitReached('', 'The limit of supported service IDs is reached', most);
    }
    const id = `ServiceId-${this.#parts.random.uuid()}`;
    const serviceId: ServiceId = {
      ...this.#scribe.begin(input.name, byIamId),
      id,
      iamId: IAM_ID_PREFIX + id,
      name: input.name,
      description: input.description ?? '',
      activity: new Activity(),
      locked: input.locked ?? false,
      uniqueInstanceCrns: input.uniqueInstanceCrns ?? [],
      groupId: input.groupId ?? null,
      hidden: input.hidden ?? false,
    };
    this.#serviceIds.put(serviceId);
    return serviceId;
  }

  revise(serviceId: ServiceId, change: ServiceIdChange, verb: Verb, byIamId: string): ServiceId {
    const revised = this.#scribe.revise(serviceId, change, verb, byIamId);
    this.#serviceIds.put(revised);
    return revised;
  }

  remove(id: string): void {
    this.#serviceIds.delete(id);
  }
}
