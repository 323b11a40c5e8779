import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { invalid } from './errors.ts';
import { GroupId, LockName, SECRET_TYPES } from './schemas.ts';

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is not a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));

/** One parameter with several values, joined by commas. */
const joined = <T>(item: z.ZodType<T, string>) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(item));

const paging = (defaultLimit: number) => ({
  offset: whole(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: whole(1, 1_000).default(defaultLimit),
});
const Search = z.string().min(2).max(128);

const sorting = <const Field extends string>(...fields: readonly Field[]) =>
  z.enum([...fields, ...fields.map((field) => `-${field}` as const)]);

const ascendingOrDescending = (sort: string): { field: string; sign: 1 | -1 } =>
  sort.startsWith('-') ? { field: sort.slice(1), sign: -1 } : { field: sort, sign: 1 };

export const ListSecretsQuery = z.strictObject({
  ...paging(200),
  sort: sorting('id', 'created_at', 'updated_at', 'retrieved_at', 'expiration_date', 'secret_type', 'name').optional(),
  search: Search.optional(),
  groups: joined(GroupId).optional(),
  secret_types: joined(z.enum(SECRET_TYPES)).optional(),
  match_all_labels: joined(z.string().min(2).max(64)).optional(),
});
export type ListSecretsQuery = z.infer<typeof ListSecretsQuery>;

export const ListLocksQuery = z.strictObject({
  ...paging(25),
  sort: sorting('created_at', 'updated_at', 'name').optional(),
  search: Search.optional(),
});

export const ListSecretsLocksQuery = z.strictObject({
  ...paging(200),
  search: Search.optional(),
  groups: joined(GroupId).optional(),
});

export const CreateLocksQuery = z.strictObject({
  mode: z.enum(['remove_previous', 'remove_previous_and_delete']).optional(),
});

/** No name means every lock, so that an empty one must not pass for none. */
export const DeleteLocksQuery = z.strictObject({
  name: joined(LockName)
    .refine((names) => new Set(names).size === names.length, 'has a name twice')
    .optional(),
});

export const DeleteSecretQuery = z.strictObject({ force_delete: z.enum(['true', 'false']).optional() });

/** The items by a field of the API, `-` for descending; as they are when `sort` is absent. */
export function sorted<T>(
  items: readonly T[],
  sort: string | undefined,
  keys: Readonly<Record<string, (item: T) => string | number>>,
): readonly T[] {
  if (sort === undefined) return items;
  const { field, sign } = ascendingOrDescending(sort);
  const key = keys[field];
  if (!key) throw invalid('sort', 'is not a field to sort by', 'parameter');
  return items.toSorted((left, right) => {
    const [a, b] = [key(left), key(right)];
    if (a === b) return 0;
    return a < b ? -sign : sign;
  });
}

/** A page of a collection as the API answers it, with `view` made only of what is on it. */
export function paged<T>(
  context: Context<CloudEnv>,
  items: readonly T[],
  { offset, limit }: { offset: number; limit: number },
  name: string,
  view: (item: T) => object,
): object {
  const link = (to: number) => {
    const url = new URL(context.req.url);
    url.searchParams.set('offset', String(to));
    url.searchParams.set('limit', String(limit));
    return { href: url.toString() };
  };
  const total = items.length;
  return {
    total_count: total,
    limit,
    offset,
    first: link(0),
    last: link(Math.max(0, Math.floor((total - 1) / limit) * limit)),
    ...(offset + limit < total && { next: link(offset + limit) }),
    ...(offset > 0 && { previous: link(Math.max(0, offset - limit)) }),
    [name]: items.slice(offset, offset + limit).map((item) => view(item)),
  };
}
