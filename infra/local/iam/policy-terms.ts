import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { invalidBody } from './policy-errors.ts';
import type { Policy, PolicyAttribute, PolicyTerms } from './policy.ts';
import { ownerOfRole, roleExists, ROLES } from './roles.ts';
import { jsonOf, validate } from '../validation.ts';
import type { IamWorld } from './world.ts';

const Value = z.string().min(1).max(1_000);

const AttributeName = z.enum([
  'accountId',
  'serviceName',
  'serviceType',
  'serviceInstance',
  'resourceGroupId',
  'service_group_id',
  'resourceType',
  'resource',
  'region',
]);

const Body = z.strictObject({
  type: z.literal('access'),
  description: z.string().max(300).optional(),
  subjects: z
    .array(
      z.strictObject({
        attributes: z.array(z.strictObject({ name: z.enum(['iam_id', 'access_group_id']), value: Value })).length(1),
      }),
    )
    .length(1),
  // What an answer shows beside the role's CRN may come back with the next request.
  roles: z
    .array(z.strictObject({ role_id: Value, display_name: z.string().optional(), description: z.string().optional() }))
    .min(1),
  resources: z
    .array(
      z.strictObject({
        attributes: z.array(
          z.strictObject({
            name: AttributeName,
            value: Value,
            operator: z.enum(['stringEquals', 'stringMatch']).default('stringEquals'),
          }),
        ),
      }),
    )
    .length(1),
});

const SCOPES = ['serviceName', 'serviceType', 'resourceGroupId', 'service_group_id'];

/** The policy that the body describes. Throws 400. */
export async function termsOf(world: IamWorld, context: Context<CloudEnv>): Promise<PolicyTerms> {
  const body = validate(Body, await jsonOf(context));
  if (!body.ok) throw invalidBody(`${body.violation.property}: ${body.violation.reason}`);
  const { subjects, roles, resources, description } = body.data;
  const subject = subjects[0]?.attributes[0];
  const attributes = resources[0]?.attributes ?? [];
  if (!subject) throw invalidBody('subjects: is empty');
  demandSubject(world, subject);
  demandAttributes(world, attributes);
  const roleIds = [...new Set(roles.map(({ role_id: roleId }) => roleId))];
  for (const roleId of roleIds) demandRole(world, roleId, attributes);
  return { subject, roleIds, attributes, description };
}

const StateBody = z.strictObject({ state: z.enum(['active', 'deleted']) });

/** The state that the body asks for. Throws 400. */
export async function stateOf(context: Context<CloudEnv>): Promise<Policy['state']> {
  const body = validate(StateBody, await jsonOf(context));
  if (!body.ok) throw invalidBody(`${body.violation.property}: ${body.violation.reason}`);
  return body.data.state;
}

/** A `Policy` of the API, at the origin that the client called. */
export function policyView(context: Context<CloudEnv>, policy: Policy) {
  return {
    id: policy.id,
    type: 'access',
    ...(policy.description !== undefined && { description: policy.description }),
    subjects: [{ attributes: [policy.subject] }],
    roles: policy.roleIds.map((roleId) => {
      const role = ROLES.get(roleId);
      return { role_id: roleId, display_name: role?.displayName, description: role?.description };
    }),
    resources: [{ attributes: policy.attributes }],
    href: new URL(`/v1/policies/${policy.id}`, context.req.url).href,
    created_at: new Date(policy.createdAtMs).toISOString(),
    created_by_id: policy.createdBy,
    last_modified_at: new Date(policy.modifiedAtMs).toISOString(),
    last_modified_by_id: policy.modifiedBy,
    state: policy.state,
  };
}

function demandSubject({ serviceIds, profiles, users }: IamWorld, { name, value }: PolicyTerms['subject']): void {
  if (name === 'access_group_id') return;
  if (serviceIds.withIamId(value) ?? profiles.withIamId(value)) return;
  const user = users.get(value);
  if (user && user.state !== 'left') return;
  throw invalidBody(`The subject '${value}' does not exist.`);
}

function demandAttributes({ parts }: IamWorld, attributes: readonly PolicyAttribute[]): void {
  const names = attributes.map(({ name }) => name);
  const repeated = names.filter((name, place) => names.indexOf(name) !== place);
  if (repeated.length > 0) {
    throw invalidBody(`The following resource attribute(s) had multiple entries: ${repeated.join(', ')}`);
  }
  const account = attributes.find(({ name }) => name === 'accountId');
  if (account?.value !== parts.account.id) throw invalidBody("The resource attribute 'accountId' must be the account.");
  if (!names.some((name) => SCOPES.includes(name))) {
    throw invalidBody(`One of the resource attributes ${SCOPES.join(', ')} is required.`);
  }
}

function demandRole({ parts }: IamWorld, roleId: string, attributes: readonly PolicyAttribute[]): void {
  if (!roleExists(roleId, parts.switches)) throw invalidBody(`The role '${roleId}' does not exist.`);
  const owner = ownerOfRole(roleId);
  const serviceName = attributes.find(({ name }) => name === 'serviceName')?.value;
  if (owner !== null && owner !== serviceName) {
    throw invalidBody(`The role '${roleId}' is not one of the service '${serviceName ?? ''}'.`);
  }
}
