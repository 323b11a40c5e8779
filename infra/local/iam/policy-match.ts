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

/** Stand for all services of a type in the target of a policy that names none: no name or pattern covers them. */
const TYPES = new Set(['service', 'platform_service']);

/** What a policy is about, as the target of the right to administer it. */
export function targetOf(attributes: readonly PolicyAttribute[]): Target {
  const valueOf = (name: string) => attributes.find((attribute) => attribute.name === name)?.value;
  const patterns = attributes.filter(isPattern).map(({ name }) => name);
  const ofAccountServices = valueOf('serviceType') === 'platform_service' || valueOf('service_group_id') !== undefined;
  const ofAnyType = valueOf('serviceName') === undefined && patterns.includes('serviceType');
  const serviceInstance = valueOf('serviceInstance');
  const resourceType = valueOf('resourceType');
  const resource = valueOf('resource');
  return {
    // Without a service name it is about all services of a type: only a policy on that type covers it.
    serviceName: ofAnyType ? '*' : (valueOf('serviceName') ?? (ofAccountServices ? 'platform_service' : 'service')),
    ...(serviceInstance !== undefined && { serviceInstance }),
    ...(resourceType !== undefined && { resourceType }),
    ...(resource !== undefined && { resource }),
    ...(patterns.length > 0 && { patterns: new Set(ofAnyType ? [...patterns, 'serviceName'] : patterns) }),
  };
}

/** The one service that a target is about; null for all of a type, and for a pattern. */
export function serviceOf({ serviceName, patterns }: Target): string | null {
  return TYPES.has(serviceName) || patterns?.has('serviceName') ? null : serviceName;
}

const isPattern = ({ value, operator }: PolicyAttribute): boolean => operator === 'stringMatch' && /[*?]/.test(value);

function attributeMatcher(attribute: PolicyAttribute, account: Account): Matcher {
  const fits = valueMatcher(attribute);
  // What a pattern matches is only covered as a whole by the very same pattern.
  const covers = ({ patterns }: Target, name: string, value: string) =>
    patterns?.has(name) ? isPattern(attribute) && value === attribute.value : fits(value);
  switch (attribute.name) {
    case 'accountId':
      return () => fits(account.id);
    case 'serviceName':
      return (target) => !TYPES.has(target.serviceName) && covers(target, 'serviceName', target.serviceName);
    case 'serviceType':
      return ({ serviceName, patterns }) =>
        !patterns?.has('serviceName') && fits(ACCOUNT_SERVICES.has(serviceName) ? 'platform_service' : 'service');
    case 'service_group_id':
      return ({ serviceName, patterns }) =>
        !patterns?.has('serviceName') && ACCOUNT_SERVICES.has(serviceName) && fits('IAM');
    case 'resourceGroupId':
      // Only instances are in a resource group: what iam-identity holds is not.
      return ({ serviceInstance }) => serviceInstance !== undefined && fits(account.resourceGroupId);
    case 'serviceInstance':
    case 'resourceType':
    case 'resource': {
      const { name } = attribute;
      return (target) => {
        const value = target[name];
        return value !== undefined && covers(target, name, value);
      };
    }
    default:
      return () => false;
  }
}

function valueMatcher({ value, operator }: PolicyAttribute): (candidate: string) => boolean {
  if (operator === 'stringEquals') return (candidate) => candidate === value;
  return (candidate) => matchesPattern(candidate, value);
}

/** Whether `text` is what a pattern with `*` and `?` stands for. Only the latest `*` is ever taken up again. */
function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let wanted = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pattern[wanted] === '*') {
      star = wanted++;
      starAt = at;
    } else if (pattern[wanted] === '?' || pattern[wanted] === text[at]) {
      wanted += 1;
      at += 1;
    } else if (star >= 0) {
      wanted = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[wanted] === '*') wanted += 1;
  return wanted === pattern.length;
}
