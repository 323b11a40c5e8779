import { z } from 'zod';
import { badRequest } from './errors.ts';
import type { Instance, Resource } from './model.ts';

/** The first second of a day, or any moment, in epoch milliseconds. */
const Moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })])
  .refine((text) => !Number.isNaN(Date.parse(text)), 'is not a date');

const Limit = z
  .string()
  .regex(/^\d{1,3}$/, 'is not a whole number')
  .transform(Number)
  .pipe(z.number().min(1).max(200));

const Page = { limit: Limit.optional(), start: z.string().min(1).optional() };

const Filters = {
  guid: z.string().optional(),
  name: z.string().optional(),
  resource_group_id: z.string().optional(),
  resource_id: z.string().optional(),
  updated_from: Moment.optional(),
  updated_to: Moment.optional(),
};

const STATES = [
  'active',
  'inactive',
  'failed',
  'pending_reclamation',
  'provisioning',
  'pre_provisioning',
  'removed',
] as const;

export const InstancesQuery = z.strictObject({
  ...Page,
  ...Filters,
  resource_plan_id: z.string().optional(),
  type: z.string().optional(),
  sub_type: z.string().optional(),
  state: z.enum(STATES).optional(),
});
export const KeysQuery = z.strictObject({ ...Page, ...Filters });
export const KeysOfInstanceQuery = z.strictObject(Page);

/** Without `limit`. It is not public. */
const DEFAULT_LIMIT = 100;

type Query = Partial<z.infer<typeof InstancesQuery>>;

/** What is asked for: by the query, or by the page before, which then is all that counts. */
export interface Listing {
  path: string;
  offset: number;
  limit: number;
  filters: Omit<Query, 'limit' | 'start'>;
}

const Token = z.strictObject({
  path: z.string(),
  offset: z.number().int().min(1),
  limit: z.number().int().min(1).max(200),
  filters: InstancesQuery.omit({ limit: true, start: true }),
});

/** Throws 400 for a page token that no page of this list gave out. */
export function listingOf(path: string, { limit = DEFAULT_LIMIT, start, ...filters }: Query): Listing {
  if (start === undefined) return { path, offset: 0, limit, filters };
  const token = Token.safeParse(jsonIn(start));
  if (!token.success || token.data.path !== path) throw badRequest("The query parameter 'start' is unknown.");
  return token.data;
}

/** Whether a list with these filters shows the resource; what only instances have is not looked at here. */
export function matches(resource: Resource, { filters }: Listing, resourceGroupId: string): boolean {
  const fromMs = filters.updated_from === undefined ? -Infinity : Date.parse(filters.updated_from);
  const toMs = filters.updated_to === undefined ? Infinity : endMs(filters.updated_to);
  return (
    (filters.guid ?? resource.id) === resource.id &&
    (filters.name ?? resource.name) === resource.name &&
    (filters.resource_group_id ?? resourceGroupId) === resourceGroupId &&
    (filters.resource_id ?? resource.offering.resourceId) === resource.offering.resourceId &&
    resource.updatedAt.atMs >= fromMs &&
    resource.updatedAt.atMs <= toMs
  );
}

/** Whether a list with these filters shows the instance. */
export function matchesInstance(instance: Instance, listing: Listing, resourceGroupId: string): boolean {
  const { resource_plan_id: planId, type = 'service_instance', sub_type: subType } = listing.filters;
  return (
    matches(instance, listing, resourceGroupId) &&
    (planId ?? instance.planId) === instance.planId &&
    type === 'service_instance' &&
    subType === undefined
  );
}

/** A page of a list as the API answers it, with `view` made only of what is on it. */
export function pageOf<T>(items: readonly T[], listing: Listing, view: (item: T) => object): object {
  const { path, offset, limit } = listing;
  const nextOffset = offset + limit;
  const resources = items.slice(offset, nextOffset).map(view);
  const start = Buffer.from(JSON.stringify({ ...listing, offset: nextOffset })).toString('base64url');
  const nextUrl = nextOffset < items.length ? `${path}?limit=${limit}&start=${start}` : null;
  return { rows_count: resources.length, next_url: nextUrl, resources };
}

/** The last millisecond of a day, or the moment itself. */
const endMs = (text: string): number => Date.parse(text) + (text.includes('T') ? 0 : 24 * 3_600_000 - 1);

function jsonIn(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}
