import type { Account, Target } from '../parts.ts';
import type { PolicyAttribute } from './policy.ts';

/** Account management services: "All Identity and Access enabled services" does not include them. */
const ACCOUNT_SERVICES = new Set([
  'platform_service',
  'iam-identity',
  'iam-access-management',
  'iam-groups',
  'user-management',
  'enterprise',
  'billing',
  'support',
]);

/** Whether policy attributes cover a target. An attribute that the target lacks does not. */
export type Matcher = (target: Target) => boolean;

/** Prepares the check of a policy's attributes, so that asking is cheap. */
export function matcherOf(attributes: readonly PolicyAttribute[], account: Account): Matcher {
  const matchers = attributes.map((attribute) => attributeMatcher(attribute, account));
  return (target) => matchers.every((matches) => matches(target));
}

/** What a policy is about, as the target of the right to administer it. */
export function targetOf(attributes: readonly PolicyAttribute[]): Target {
  const valueOf = (name: string) => attributes.find((attribute) => attribute.name === name)?.value;
  const ofAccountServices = valueOf('serviceType') === 'platform_service' || valueOf('service_group_id') !== undefined;
  const serviceInstance = valueOf('serviceInstance');
  const resourceType = valueOf('resourceType');
  const resource = valueOf('resource');
  return {
    // Without a service name it is about all services of a type: only a policy on that type covers it.
    serviceName: valueOf('serviceName') ?? (ofAccountServices ? 'platform_service' : 'service'),
    ...(serviceInstance !== undefined && { serviceInstance }),
    ...(resourceType !== undefined && { resourceType }),
    ...(resource !== undefined && { resource }),
  };
}

function attributeMatcher(attribute: PolicyAttribute, account: Account): Matcher {
  const fits = valueMatcher(attribute);
  switch (attribute.name) {
    case 'accountId':
      return () => fits(account.id);
    case 'serviceName':
      return ({ serviceName }) => fits(serviceName);
    case 'serviceType':
      return ({ serviceName }) => fits(ACCOUNT_SERVICES.has(serviceName) ? 'platform_service' : 'service');
    case 'service_group_id':
      return ({ serviceName }) => ACCOUNT_SERVICES.has(serviceName) && fits('IAM');
    case 'resourceGroupId':
      // Only instances are in a resource group: what iam-identity holds is not.
      return ({ serviceInstance }) => serviceInstance !== undefined && fits(account.resourceGroupId);
    case 'serviceInstance':
    case 'resourceType':
    case 'resource': {
      const { name } = attribute;
      return (target) => {
        const value = target[name];
        return value !== undefined && fits(value);
      };
    }
    default:
      return () => false;
  }
}

function valueMatcher({ value, operator }: PolicyAttribute): (candidate: string) => boolean {
  if (operator === 'stringEquals') return (candidate) => candidate === value;
  const escaped = value.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return (candidate) => pattern.test(candidate);
}
