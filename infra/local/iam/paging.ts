import type { Context } from 'hono';
import { z } from 'zod';
import { badRequest } from './identity-errors.ts';
import { viewOf } from './entity-store.ts';

/** The number of items of a page, at most 100. Digits only: numbers have other forms that are none of this one's. */
export const pageSize = (standard: number) =>
  z
    .string()
    .regex(/^\d{1,3}$/, 'is not a number from 1 to 100')
    .transform(Number)
    .pipe(z.number().min(1).max(100))
    .default(standard);

/** The query parameters that all lists of IAM Identity share. */
export const PageQuery = {
  pagesize: pageSize(20),
  pagetoken: z.string().optional(),
  order: z.enum(['asc', 'desc']).default('asc'),
};

/** The `sort` parameter: by the API's names of the fields, our names. */
export function sortParameter<Field extends string>(fields: Readonly<Record<string, Field>>) {
  return z
    .string()
    .transform((name, context): Field => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (field !== undefined) return field;
      context.addIssue('is not a field to sort by');
      return z.NEVER;
    })
    .optional();
}

/** What service IDs and trusted profiles can be sorted by. */
export const EntitySort = sortParameter({
  name: 'name',
  description: 'description',
  created_at: 'createdAtMs',
  modified_at: 'modifiedAtMs',
});

interface Page<T> {
  items: readonly T[];
  /** The fields of the answer beside the items. */
  links: { offset: number; limit: number; first: string; previous?: string; next?: string };
}

/** One page, with full URLs of the others at the origin that the client called. Throws 400 for a foreign page token. */
export function pageOf<T>(
  context: Context,
  all: readonly T[],
  { pagesize, pagetoken }: { pagesize: number; pagetoken?: string | undefined },
): Page<T> {
  const offset = pagetoken === undefined ? 0 : offsetOf(pagetoken);
  const urlOf = (pageOffset: number) => {
    const url = new URL(context.req.url);
    url.searchParams.delete('pagetoken');
    if (pageOffset > 0) url.searchParams.set('pagetoken', tokenOf(pageOffset));
    return url.href;
  };
  const nextOffset = offset + pagesize;
  return {
    items: all.slice(offset, nextOffset),
    links: {
      offset,
      limit: pagesize,
      first: urlOf(0),
      ...(offset > 0 && { previous: urlOf(Math.max(0, offset - pagesize)) }),
      ...(nextOffset < all.length && { next: urlOf(nextOffset) }),
    },
  };
}

/** The items by one of their fields; in the order of their creation without. */
export function sortedBy<T>(
  items: readonly T[],
  field: (keyof T & string) | undefined,
  order: 'asc' | 'desc',
): readonly T[] {
  if (field === undefined && order === 'asc') return items;
  return viewOf(items, `${field} ${order}`, () => {
    const ascending =
      field === undefined ? [...items] : items.toSorted((one, other) => compare(one[field], other[field]));
    return order === 'asc' ? ascending : ascending.toReversed();
  });
}

const compare = (one: unknown, other: unknown): number => {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [text, otherText] = [String(one), String(other)];
  if (text === otherText) return 0;
  return text < otherText ? -1 : 1;
};

const tokenOf = (offset: number): string => Buffer.from(`page ${offset}`).toString('base64url');

function offsetOf(token: string): number {
  const [, digits] = /^page (\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (digits === undefined) throw badRequest({ property: 'pagetoken', missing: false, reason: 'is unknown' });
  return Number(digits);
}
