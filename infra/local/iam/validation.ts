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
  const path = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  const missing = issue?.code !== 'unrecognized_keys' && at(input, path) === undefined;
  const violation = { property: path.join('.') || 'body', missing, reason: issue?.message ?? 'invalid' };
  return { ok: false, violation };
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
