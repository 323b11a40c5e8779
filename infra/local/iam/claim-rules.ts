import { z } from 'zod';
import type { Account } from '../parts.ts';
import type { ComputeResource } from './compute-resources.ts';

const CLAIMS = [
  'crn',
  'service_instance',
  'location',
  'resource_group_id',
  'project_name',
  'component_type',
  'component_name',
] as const;

const Text = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('is not JSON');
    return z.NEVER;
  }
});

const SingleCondition = z.strictObject({
  claim: z.enum(CLAIMS),
  operator: z.enum(['EQUALS', 'NOT_EQUALS', 'EQUALS_IGNORE_CASE', 'NOT_EQUALS_IGNORE_CASE', 'CONTAINS']),
  value: Text.pipe(z.string()),
});

const ListCondition = z.strictObject({
  claim: z.enum(CLAIMS),
  operator: z.literal('IN'),
  value: Text.pipe(z.array(z.string()).min(1)),
});

/** A condition of a claim rule. The API has its value as JSON in a string. */
export const ClaimCondition = z.discriminatedUnion('operator', [SingleCondition, ListCondition]);
export type ClaimCondition = z.infer<typeof ClaimCondition>;

/** Lets all components of Code Engine log in as a trusted profile that satisfy all of its conditions. */
export interface ClaimRule {
  readonly id: string;
  readonly entityTag: string;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
  readonly name: string;
  readonly conditions: readonly ClaimCondition[];
}

/** Whether a compute resource of the account satisfies all conditions. Rules never reach into other accounts. */
export function satisfies({ conditions }: ClaimRule, resource: ComputeResource, account: Account): boolean {
  const claims = claimsOf(resource, account);
  return resource.crn.split(':')[6] === `a/${account.id}` && conditions.every((condition) => holds(condition, claims));
}

/** docs/iam, "IAM condition properties": what the operators mean. */
const OPERATORS: Record<z.infer<typeof SingleCondition>['operator'], (claim: string, value: string) => boolean> = {
  EQUALS: (claim, value) => claim === value,
  NOT_EQUALS: (claim, value) => claim !== value,
  EQUALS_IGNORE_CASE: (claim, value) => claim.toLowerCase() === value.toLowerCase(),
  NOT_EQUALS_IGNORE_CASE: (claim, value) => claim.toLowerCase() !== value.toLowerCase(),
  CONTAINS: (claim, value) => claim.includes(value),
};

/** A claim that the resource lacks satisfies nothing. */
function holds(condition: ClaimCondition, claims: Readonly<Record<string, string | undefined>>): boolean {
  const claim = claims[condition.claim];
  if (claim === undefined) return false;
  if (condition.operator === 'IN') return condition.value.includes(claim);
  return OPERATORS[condition.operator](claim, condition.value);
}

function claimsOf(resource: ComputeResource, account: Account): Readonly<Record<string, string | undefined>> {
  const { crn, projectName, componentType, componentName } = resource;
  const [location, serviceInstance] = [crn.split(':')[5], crn.split(':')[7]];
  return {
    crn,
    service_instance: serviceInstance,
    location,
    resource_group_id: account.resourceGroupId,
    project_name: projectName,
    component_type: componentType,
    component_name: componentName,
  };
}
