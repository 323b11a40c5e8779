import type { Context } from 'hono';
import { z } from 'zod';
import { badForm } from './token-errors.ts';
import { validate } from '../validation.ts';
import type { Violation } from '../validation.ts';

const GRANT_PREFIX = 'urn:ibm:params:oauth:grant-type:';

/** The form of `POST /identity/token`, by grant. */
export const Grant = z.discriminatedUnion('grant_type', [
  z.strictObject({
    grant_type: z.literal(`${GRANT_PREFIX}apikey`),
    apikey: z.string().min(1),
    response_type: z.literal('cloud_iam').optional(),
    scope: z.string().optional(),
  }),
  z.strictObject({
    grant_type: z.literal(`${GRANT_PREFIX}cr-token`),
    cr_token: z.string().min(1),
    profile_id: z.string().optional(),
    profile_name: z.string().optional(),
    response_type: z.literal('cloud_iam').optional(),
    scope: z.string().optional(),
  }),
  z.strictObject({
    grant_type: z.literal(`${GRANT_PREFIX}assume`),
    access_token: z.string().min(1),
    profile_crn: z.string().optional(),
    profile_id: z.string().optional(),
    profile_name: z.string().optional(),
    account: z.string().optional(),
    response_type: z.literal('cloud_iam').optional(),
    scope: z.string().optional(),
  }),
]);

export type Grant = z.infer<typeof Grant>;
export type ComputeResourceGrant = Extract<Grant, { cr_token: string }>;
export type AssumeGrant = Extract<Grant, { access_token: string }>;

/** The form of `POST /identity/introspect`. */
export const Introspection = z.strictObject({ apikey: z.string().optional(), token: z.string().optional() });

const KNOWN_FIELDS = new Set([...Grant.options, Introspection].flatMap(({ shape }) => Object.keys(shape)));

/** An unknown name can be the tail of a value with `&` in it: it is not told. */
const toTell = (violation: Violation): Violation =>
  KNOWN_FIELDS.has(violation.property) ? violation : { ...violation, property: '' };

/** The form in the body. Throws 400, also for a field that is repeated or unknown. */
export async function formOf<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const isForm = context.req.header('content-type')?.startsWith('application/x-www-form-urlencoded');
  const fields = new URLSearchParams(isForm ? await context.req.text() : '');
  const repeated = [...fields.keys()].find((name) => fields.getAll(name).length > 1);
  if (repeated !== undefined) throw badForm(toTell({ property: repeated, missing: false, reason: 'is repeated' }));
  const form = validate(schema, Object.fromEntries(fields));
  if (!form.ok) throw badForm(toTell(form.violation));
  return form.data;
}
