import type { Context } from 'hono';
import type { z } from 'zod';

/** What is wrong with a request, without any value of it: it may hold keys. */
export interface Violation {
  property: string;
  missing: boolean;
  reason: string;
}

export type Validated<T> = { ok: true; data: T } | { ok: false; violation: Violation };

/** Checks `input`; only the first violation is told. */
export function validate<T>(schema: z.ZodType<T>, input: unknown): Validated<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return { ok: true, data: parsed.data };
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const property = [...issue.path, issue.keys[0]].join('.');
    return { ok: false, violation: { property, missing: false, reason: 'is not known' } };
  }
  const path = issue?.path ?? [];
  const missing = at(input, path) === undefined;
  const violation = { property: path.join('.') || 'body', missing, reason: issue?.message ?? 'invalid' };
  return { ok: false, violation };
}

/** Checks the query of a request. One that repeats a parameter is wrong: which of the values counts is nowhere said. */
export function validateQuery<T>(schema: z.ZodType<T>, url: string): Validated<T> {
  if (!url.includes('?')) return validate(schema, {});
  const given = [...new URL(url).searchParams];
  const names = given.map(([name]) => name);
  const repeated = names.find((name, place) => names.indexOf(name) !== place);
  if (repeated === undefined) return validate(schema, Object.fromEntries(given));
  return { ok: false, violation: { property: repeated, missing: false, reason: 'is repeated' } };
}

/** The JSON body; undefined when there is none, or it is not JSON. */
export async function jsonOf(context: Context): Promise<unknown> {
  try {
    return await context.req.json<unknown>();
  } catch {
    return undefined;
  }
}

const at = (input: unknown, path: readonly PropertyKey[]): unknown => {
  let value = input;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
};
