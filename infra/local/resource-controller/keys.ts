import type { Caller } from '../parts.ts';
import { placeOf, targetOf } from './desk.ts';
import type { Desk } from './desk.ts';
import { badRequest, brokerFailure, inIam } from './errors.ts';
import type { Instance, ResourceKey } from './model.ts';

export interface NewKey {
  name: string;
  instance: Instance;
  roleId: string | null;
  /** Without `serviceid_crn`. */
  brokerParameters: Readonly<Record<string, unknown>>;
  serviceIdCrn: string | undefined;
}

/** Makes the key, with what it needs in IAM. Throws 400, 403 and 422; then nothing is made. */
export function makeKey(desk: Desk, input: NewKey, caller: Caller): ResourceKey {
  const { parts, random, keys, loggingKeys } = desk;
  const { name, instance, roleId, serviceIdCrn } = input;
  demandRoom(desk, instance);
  const serviceId = serviceIdCrn === undefined ? null : serviceIdOf(desk, instance, serviceIdCrn, caller);
  if (!serviceId && instance.offering.iamCompatible) inIam(() => desk.identities.demandServiceIdRight(caller));
  const guid = random.uuid();
  const crn = `${instance.crn.slice(0, -1)}resource-key:${guid}`;
  const request = { guid, crn, name, serviceId, roleId, target: targetOf(instance) };
  const identity = instance.offering.iamCompatible ? inIam(() => desk.identities.issue(request, caller.iamId)) : null;
  const parameters = { ...input.brokerParameters, ...(serviceIdCrn !== undefined && { serviceid_crn: serviceIdCrn }) };
  const about = { keyGuid: guid, instance, roleId, parameters, identity, random, loggingKeys };
  const now = desk.now();
  const key: ResourceKey = {
    id: guid,
    crn,
    name,
    offering: instance.offering,
    instanceId: instance.id,
    instanceCrn: instance.crn,
    roleId,
    parameters,
    onetimeCredentials: instance.onetimeCredentials,
    identity,
    credentials: instance.offering.credentials(about),
    createdAt: now,
    createdBy: caller.iamId,
    updatedAt: now,
    updatedBy: caller.iamId,
    removal: null,
  };
  keys.put(key);
  parts.audit.record({ action: 'resource-key.create', keyId: guid, name, instanceId: instance.id });
  return key;
}

/** Throws 422 when something that goes with the key is locked in IAM. */
export function demandRemovable({ identities }: Desk, { identity }: ResourceKey): void {
  if (identity) inIam(() => identities.demandWithdrawable(identity));
}

/** Removes the key and what was made for it in IAM. Throws 422 when something there is locked. */
export function removeKey(desk: Desk, key: ResourceKey, byIamId: string): void {
  const { identity } = key;
  if (identity) inIam(() => desk.identities.withdraw(identity));
  const now = desk.now();
  const removal = { at: now, by: byIamId };
  desk.keys.remove({ ...key, identity: null, credentials: {}, updatedAt: now, updatedBy: byIamId, removal });
  const about = { keyId: key.id, name: key.name, instanceId: key.instanceId };
  desk.parts.audit.record({ action: 'resource-key.delete', ...about });
}

/** What a read shows of the credentials; null when there are none any more. */
export function shownCredentials(desk: Desk, key: ResourceKey, caller: Caller): object | null {
  if (key.removal) return null;
  return key.onetimeCredentials ? REDACTED : allowedCredentials(desk, key, caller);
}

/** What the answer to the creation shows of them, also one-time ones. */
export function createdCredentials(desk: Desk, key: ResourceKey, caller: Caller): object {
  return desk.parts.switches.createdCredentialsWithheld ? allowedCredentials(desk, key, caller) : key.credentials;
}

/** What the caller's roles let them see. */
function allowedCredentials(desk: Desk, key: ResourceKey, caller: Caller): object {
  const place = placeOf(key);
  if (desk.allows(caller, 'credential.retrieve_all', place)) return key.credentials;
  const comparison = key.offering.comparesRoles ? desk.compare(caller, place, key.roleId) : 'not comparable';
  if (comparison === 'enough') return key.credentials;
  return comparison === 'too little' ? REDACTED : REDACTED_EXPLICIT;
}

const REDACTED = { REDACTED: 'REDACTED' };
const REDACTED_EXPLICIT = { REDACTED: 'REDACTED_EXPLICIT' };

function demandRoom({ keys, parts }: Desk, instance: Instance): void {
  const limit = parts.switches.resourceKeysPerInstance;
  if (limit === null || keys.group(instance.id).length < limit) return;
  throw brokerFailure(409, 'Conflict', `The instance has ${limit} keys: there can be no more.`);
}

function serviceIdOf(desk: Desk, instance: Instance, crn: string, caller: Caller) {
  const { identities, keys, parts } = desk;
  const serviceId = identities.serviceIdWithCrn(crn);
  if (!serviceId) throw badRequest(`The service ID '${crn}' does not exist.`);
  if (serviceId.hidden) throw badRequest(`The service ID '${crn}' was made for a resource key of its own.`);
  if (parts.switches.serviceIdCrnNeedsKeyRight) inIam(() => identities.demandKeyRight(caller, serviceId));
  const { offering } = instance;
  const isUsed = ({ identity, offering: other }: ResourceKey) =>
    other.name === offering.name && identity?.serviceIdCrn === crn;
  if (offering.name === 'cloud-object-storage' && parts.switches.cosRefusesUsedServiceId && keys.all().some(isUsed)) {
    throw brokerFailure(409, 'Conflict', `The service ID ${serviceId.id} is in use by another application.`);
  }
  return serviceId;
}
