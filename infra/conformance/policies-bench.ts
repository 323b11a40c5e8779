import { roleIdOf } from '../../shared/clients/role-ids.ts';
import type { Bench, Identity } from './bench.ts';
import { textIn } from './raw-answer.ts';
import type { RawAnswer } from './raw-answer.ts';

// Policies of the run's service ID: the guard lets no other pass.

interface Place {
  service: 'secrets-manager' | 'iam-identity';
  /** GUID of the instance that the resource is in: who grants may have no rights beyond it. */
  instance?: string;
  resourceType: 'secret-group' | 'serviceid';
  resource: string;
}

export const onGroup = ({ ground }: Bench): Place => ({
  service: 'secrets-manager',
  instance: ground.instanceId,
  resourceType: 'secret-group',
  resource: ground.groupId,
});

export const onItself = ({ ground }: Bench): Place => ({
  service: 'iam-identity',
  resourceType: 'serviceid',
  resource: ground.serviceId.id,
});

/** Asks for a policy of the service ID; what comes back may be a refusal. */
export function requestPolicy(bench: Bench, role: string, place: Place, as: Identity = bench.own): Promise<RawAnswer> {
  const { ground, addresses, signal } = bench;
  const attributes = Object.entries({
    accountId: addresses.accountId,
    serviceName: place.service,
    ...(place.instance !== undefined && { serviceInstance: place.instance }),
    resourceType: place.resourceType,
    resource: place.resource,
  }).map(([name, value]) => ({ name, value }));
  const body = {
    type: 'access',
    subjects: [{ attributes: [{ name: 'iam_id', value: ground.serviceId.iamId }] }],
    roles: [{ role_id: roleIdOf(place.service, role) }],
    resources: [{ attributes }],
  };
  return as.iam.send({ method: 'POST', path: '/v1/policies', body }, signal);
}

/** Lets `work` run while the service ID has a role there. @throws Error with the status of a refusal. */
export async function withRole<T>(
  bench: Bench,
  role: string,
  place: Place,
  work: (policyId: string) => Promise<T>,
): Promise<T> {
  const answer = await requestPolicy(bench, role, place);
  if (answer.status !== 201) throw new Error(`giving the role ${role}: status ${answer.status}`);
  const id = textIn(answer.body, 'id');
  try {
    return await work(id);
  } finally {
    await removePolicy(bench, id).catch(() => undefined); // it goes with the service ID at the latest
  }
}

export const removePolicy = (bench: Bench, id: string): Promise<RawAnswer> =>
  bench.own.iam.send({ method: 'DELETE', path: `/v1/policies/${id}` }, bench.signal);
