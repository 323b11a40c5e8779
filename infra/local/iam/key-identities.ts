import type { Caller, Target } from '../parts.ts';
import type { PolicyTerms } from './policy.ts';
import { notPossible } from './identity-errors.ts';
import { demand, demandGranted } from './identity-requests.ts';
import { lockedSubject } from './policy-errors.ts';
import type { ServiceId } from './service-id-book.ts';
import { identityCrn, ownerTarget, removeServiceId } from './world.ts';
import type { IamWorld } from './world.ts';

/** The instance of a service that credentials are for. */
export type InstanceTarget = Required<Pick<Target, 'serviceName' | 'serviceInstance'>>;

/** What a resource key needs of IAM. */
export interface IdentityRequest {
  guid: string;
  crn: string;
  /** The API key gets it too. */
  name: string;
  /** Whose API key it becomes; null for a new, hidden service ID. */
  serviceId: ServiceId | null;
  /** The role that the identity gets on the instance; null for none. */
  roleId: string | null;
  target: InstanceTarget;
}

/** What IAM holds for a resource key. */
export interface KeyIdentity {
  serviceIdCrn: string;
  serviceIdIamId: string;
  /** Whether the service ID was made for the resource key and goes with it. */
  hidden: boolean;
  apiKeyId: string;
  apiKeyValue: string;
  apiKeyName: string;
  apiKeyDescription: string;
}

/**
 * What the resource controller does in IAM: a service ID, an API key and a policy behind each resource key. Throws the errors
 * of the IAM APIs.
 */
export class KeyIdentities {
  readonly #world: IamWorld;

  constructor(world: IamWorld) {
    this.#world = world;
  }

  /** The roles of a caller on an instance; null stands for all: the account owner's. */
  rolesOn(caller: Caller, target: InstanceTarget): ReadonlySet<string> | null {
    const { parts, policies } = this.#world;
    return caller.iamId === parts.account.adminIamId ? null : policies.rolesOn(caller.iamId, target);
  }

  /** The service ID of the account with that CRN. */
  serviceIdWithCrn(crn: string): ServiceId | undefined {
    const serviceId = this.#world.serviceIds.get(crn.split(':').at(-1) ?? '');
    return serviceId && identityCrn(this.#world.parts, 'serviceid', serviceId.id) === crn ? serviceId : undefined;
  }

  /** Throws 403 when the caller may not make API keys of the service ID. */
  demandKeyRight(caller: Caller, serviceId: ServiceId): void {
    demand(this.#world, caller, 'iam-identity.apikey.create', ownerTarget(serviceId.iamId));
  }

  /** Throws 403 when the caller may not create service IDs, and the account restricts that. (unconfirmed) */
  demandServiceIdRight(caller: Caller): void {
    const { parts, settings } = this.#world;
    if (!parts.switches.restrictionBreaksResourceKeys || !settings.restricts('restrict_create_service_id')) return;
    demandGranted(this.#world, caller, 'iam-identity.account-serviceid.create');
  }

  /** Throws 422 at a limit, 409 when a policy is needed on a locked service ID. Nothing is left behind then. */
  issue(request: IdentityRequest, byIamId: string): KeyIdentity {
    const { keys, parts } = this.#world;
    const serviceId = request.serviceId ?? this.#hiddenServiceId(request, byIamId);
    const description = `Auto-generated for key ${request.crn}`;
    const key = keys.add({ name: request.name, description, iamId: serviceId.iamId }, byIamId);
    const identity = {
      serviceIdCrn: identityCrn(parts, 'serviceid', serviceId.id),
      serviceIdIamId: serviceId.iamId,
      hidden: request.serviceId === null,
      apiKeyId: key.id,
      apiKeyValue: key.value,
      apiKeyName: key.name,
      apiKeyDescription: key.description,
    };
    try {
      this.#grant(serviceId, request, byIamId);
    } catch (error) {
      this.withdraw(identity);
      throw error;
    }
    return identity;
  }

  /** Removes the API key and, where it was made for the resource key, the service ID. Refuses when one is locked. */
  withdraw(identity: KeyIdentity): void {
    this.demandWithdrawable(identity);
    const { keys, serviceIds } = this.#world;
    const serviceId = serviceIds.withIamId(identity.serviceIdIamId);
    for (const one of this.#goingKeys(identity)) keys.remove(one);
    if (identity.hidden && serviceId) removeServiceId(this.#world, serviceId);
  }

  /** Throws what the switch says when the API key is locked, or a service ID that would go with it. */
  demandWithdrawable(identity: KeyIdentity): void {
    const { parts, serviceIds } = this.#world;
    const { lockedWriteStatus } = parts.switches;
    const serviceId = serviceIds.withIamId(identity.serviceIdIamId);
    const lockedKey = this.#goingKeys(identity).find(({ locked }) => locked);
    if (lockedKey) throw notPossible(lockedWriteStatus, 'delete', `The API key '${lockedKey.id}' is locked.`);
    if (identity.hidden && serviceId?.locked)
      throw notPossible(lockedWriteStatus, 'delete', `The service ID '${serviceId.id}' is locked.`);
  }

  #goingKeys({ apiKeyId, serviceIdIamId, hidden }: KeyIdentity) {
    const { keys } = this.#world;
    const key = keys.get(apiKeyId);
    return hidden ? keys.ofIdentity(serviceIdIamId) : key ? [key] : [];
  }

  #hiddenServiceId({ guid, crn }: IdentityRequest, byIamId: string): ServiceId {
    const name = `auto-generated-serviceId-${guid}`;
    return this.#world.serviceIds.add({ name, description: `Auto-generated for key ${crn}`, hidden: true }, byIamId);
  }

  /** Makes the policy, unless there is one that says the same. */
  #grant({ iamId, locked }: ServiceId, { roleId, target }: IdentityRequest, byIamId: string): void {
    if (roleId === null) return;
    const { parts, policies } = this.#world;
    const attributes = Object.entries({ accountId: parts.account.id, ...target }).map(([name, value]) => ({
      name,
      value,
      operator: 'stringEquals' as const,
    }));
    const subject = { name: 'iam_id', value: iamId } as const;
    const terms: PolicyTerms = { subject, roleIds: [roleId], attributes, description: undefined };
    if (policies.has(terms)) return;
    if (locked) throw lockedSubject(iamId);
    policies.add(terms, byIamId);
  }
}
