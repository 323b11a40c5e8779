import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { insufficientPermissions, invalidQuery } from './policy-errors.ts';
import { targetOf } from './policy-match.ts';
import { policyView } from './policy-terms.ts';
import type { Policy } from './policy.ts';
import { pageSize, sortedBy } from './paging.ts';
import type { IamWorld } from './world.ts';

/** One list holds policies of one type and state, and `href` ends with the id. */
const FIELDS = {
  id: 'id',
  type: 'state',
  href: 'id',
  state: 'state',
  created_at: 'createdAtMs',
  created_by_id: 'createdBy',
  last_modified_at: 'modifiedAtMs',
  last_modified_by_id: 'modifiedBy',
} as const;

const Sort = z.string().transform((text, context) => {
  const [, minus, name = ''] = /^(-?)(.*)$/.exec(text) ?? [];
  const field = Object.entries(FIELDS).find(([candidate]) => candidate === name)?.[1];
  if (field) return { field, order: minus === '-' ? ('desc' as const) : ('asc' as const) };
  context.addIssue('is not a field to sort by');
  return z.NEVER;
});

export const ListPoliciesQuery = z.strictObject({
  account_id: z.string(),
  iam_id: z.string().optional(),
  access_group_id: z.string().optional(),
  type: z.enum(['access', 'authorization']).optional(),
  service_type: z.enum(['service', 'platform_service']).optional(),
  state: z.enum(['active', 'deleted']).default('active'),
  sort: Sort.optional(),
  limit: pageSize(50),
  start: z.string().optional(),
});
type ListPoliciesQuery = z.infer<typeof ListPoliciesQuery>;

/** `GET /v1/policies`: those that match, and that the caller may see. */
export function listPolicies(world: IamWorld, context: Context<CloudEnv>, query: ListPoliciesQuery): Response {
  const caller = callerOf(context);
  if (query.account_id !== caller.accountId) {
    throw insufficientPermissions(caller.iamId, 'iam.policy.read', `a/${query.account_id}`);
  }
  const found = matching(world, query).filter(({ attributes }) =>
    world.access.allows(caller, 'iam.policy.read', targetOf(attributes)),
  );
  const sorted = sortedBy(found, query.sort?.field, query.sort?.order ?? 'asc');
  const offset = offsetOf(query.start);
  const page = sorted.slice(offset, offset + query.limit);
  return context.json({
    limit: query.limit,
    ...linksOf(context, offset, query.limit, sorted.length),
    policies: page.map((policy) => policyView(context, policy)),
  });
}

function matching(world: IamWorld, query: ListPoliciesQuery): readonly Policy[] {
  // Authorizations between services do not exist here.
  if (query.type === 'authorization') return [];
  const ofSubject = world.policies.listed(query.state, query.iam_id ?? query.access_group_id);
  return ofSubject.filter(
    ({ subject, attributes }) =>
      (query.iam_id === undefined || (subject.name === 'iam_id' && subject.value === query.iam_id)) &&
      (query.access_group_id === undefined || subject.value === query.access_group_id) &&
      (query.service_type === undefined ||
        attributes.some(({ name, value }) => name === 'serviceType' && value === query.service_type)),
  );
}

function linksOf(context: Context, offset: number, limit: number, total: number): object {
  const linkTo = (pageOffset: number) => {
    const start = Buffer.from(`policies ${pageOffset}`).toString('base64url');
    const url = new URL(context.req.url);
    url.searchParams.set('start', start);
    return { href: url.href, start };
  };
  const first = new URL(context.req.url);
  first.searchParams.delete('start');
  return {
    first: { href: first.href },
    ...(offset > 0 && { previous: linkTo(Math.max(0, offset - limit)) }),
    ...(offset + limit < total && { next: linkTo(offset + limit) }),
  };
}

function offsetOf(start: string | undefined): number {
  if (start === undefined) return 0;
  const [, digits] = /^policies (\d{1,9})$/.exec(Buffer.from(start, 'base64url').toString()) ?? [];
  if (digits === undefined) throw invalidQuery('start: is unknown');
  return Number(digits);
}
