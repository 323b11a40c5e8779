import { matches } from '../../../shared/clients/iam-policies.ts';
import type { Policy } from '../../../shared/clients/iam-policies.ts';
import { ANY, KNOWN_ROLES } from './needs.ts';
import type { Need, Place } from './needs.ts';

/** Whether policies give what is needed; `unclear` where one might, and what decides that is not known here. */
export type Coverage = 'given' | 'unclear' | 'missing';

export function coverageOf({ accepted, place }: Need, policies: readonly Policy[]): Coverage {
  const reaches = policies.map((policy) => ({ roles: policy.roles.map(endOf), reach: reachOf(policy, place) }));
  const gives = ({ roles }: { roles: string[] }) => roles.some((role) => accepted.includes(role));
  if (reaches.some((one) => one.reach === 'whole' && gives(one))) return 'given';
  const mayGive = reaches.some(
    (one) =>
      (one.reach === 'unclear' && gives(one)) ||
      (one.reach !== 'none' && one.roles.some((role) => !KNOWN_ROLES.has(role) && !accepted.includes(role))),
  );
  return mayGive ? 'unclear' : 'missing';
}

const endOf = ({ role_id: id }: Policy['roles'][number]): string => id.split(':').at(-1) ?? '';

type Attributes = Policy['resources'][number]['attributes'];
type Reach = 'whole' | 'unclear' | 'none';

const RANKS: readonly Reach[] = ['none', 'unclear', 'whole'];

/** The best that any of its resources says of the place. */
const reachOf = ({ resources }: Policy, place: Place): Reach =>
  resources
    .map(({ attributes }) => reachIn(attributes, place))
    .reduce<Reach>((best, one) => (RANKS.indexOf(one) > RANKS.indexOf(best) ? one : best), 'none');

/** Which attributes narrow a policy, and to what they may narrow it so that the place is still all in it. */
function reachIn(attributes: Attributes, place: Place): Reach {
  const narrowing = attributes.filter(({ name }) => name !== 'accountId');
  const valueOf = (wanted: string) => narrowing.find(({ name }) => name === wanted)?.value;
  // What names neither a service nor a family is about services, and never about account management.
  const family = valueOf('serviceType') ?? (valueOf('serviceName') === undefined ? 'service' : place.family);
  if (family !== place.family) return 'none';
  const reaches = narrowing.map((attribute): Reach => {
    const { name } = attribute;
    if (name === 'serviceType') return 'whole';
    const wanted = wantedOf(name, place);
    if (wanted === undefined) return 'unclear';
    if (wanted === ANY) return 'whole';
    return wanted !== null && matches(attribute, wanted) ? 'whole' : 'none';
  });
  if (reaches.includes('none')) return 'none';
  return reaches.includes('unclear') ? 'unclear' : 'whole';
}

/** What the place has in an attribute; null for nothing, undefined for an attribute that is not known here. */
function wantedOf(name: string, { service, instance, resourceType, resource }: Place): string | null | undefined {
  switch (name) {
    case 'serviceName':
      return service;
    case 'serviceInstance':
      return instance;
    case 'resourceType':
      return resourceType;
    case 'resource':
      return resource;
    default:
      return undefined;
  }
}
