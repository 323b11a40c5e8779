import * as z from 'zod';
import { listed } from './listed.ts';

/** `2026-11-20T12:09+0000`, sometimes with seconds: `Date.parse` reads this form differently from engine to engine. */
const IAM_DATE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)?(?:Z|([+-]\d\d):?(\d\d))$/;

export const IamDate = z.string().transform((text, context): number => {
  const [, minute, seconds = ':00', hours = '+00', minutes = '00'] = IAM_DATE.exec(text) ?? [];
  const atMs = minute === undefined ? Number.NaN : Date.parse(`${minute}${seconds}${hours}:${minutes}`);
  if (Number.isNaN(atMs)) context.addIssue('is not a date');
  return atMs;
});

/** Rounded up, so that nothing expires early. */
export const wholeMinute = (atMs: number): number => Math.ceil(atMs / 60_000) * 60_000;

/** A date as IAM wants it. */
export function iamDate(atMs: number): string {
  return new Date(wholeMinute(atMs)).toISOString().replace(/:\d\d\.\d{3}Z$/, '+0000');
}

/** Fields without a value are left out, empty or null: which of these is not documented. */
export const orElse = <T extends z.ZodType>(schema: T, fallback: z.output<T>) =>
  schema.nullish().transform((value) => value ?? fallback);
export const NoDate = z.union([z.literal(''), z.null()]).transform(() => undefined);
const Unreadable = z.unknown().transform(() => null);

export const ApiKeyAnswer = z.object({
  id: z.string().min(1),
  name: z.string(),
  description: orElse(z.string(), ''),
  entity_tag: orElse(z.string(), '*'),
  created_at: IamDate,
  expires_at: z.union([z.literal('').transform(() => null), IamDate]).nullish(),
  disabled: orElse(z.boolean(), false),
  locked: z.boolean(),
  iam_id: z.string(),
  account_id: z.string().nullish(),
  crn: z.string().nullish(),
  action_when_leaked: z.string().nullish(),
  support_sessions: z.boolean().nullish(),
  // The form of these dates is not documented: one that we cannot read counts as unknown.
  history: z
    .array(
      z.object({
        timestamp: IamDate.optional().catch(undefined),
        action: z.string(),
        params: orElse(z.array(z.string()), []).catch([]),
      }),
    )
    .nullish(),
  // `last_authn` is null where there is one and it cannot be read.
  activity: z
    .object({ last_authn: z.union([NoDate, IamDate, Unreadable]).optional(), authn_count: z.number() })
    .nullish(),
});

/** An API key as IAM answers. Dates in epoch milliseconds. It never holds the value. */
export type ApiKey = z.infer<typeof ApiKeyAnswer>;

export const CreateAnswer = ApiKeyAnswer.extend({ apikey: z.string().min(1) });
export const ListAnswer = z.object({ apikeys: listed(ApiKeyAnswer), next: z.string().nullish() });
/** Of the whole account's keys only so much is read. */
const SurveyedKey = z.object({
  id: z.string().min(1),
  name: z.string(),
  description: z.string().optional().catch(undefined),
  disabled: z.boolean().default(false),
  created_at: IamDate.optional().catch(undefined),
});
export const SurveyAnswer = z.object({
  apikeys: z
    .array(z.unknown())
    .transform((rows) => rows.filter((one) => !isInner(one)).flatMap((one) => SurveyedKey.safeParse(one).data ?? [])),
  next: z.string().nullish(),
});

/** The API key behind a resource key has the name of that, and is none that anybody may rotate by itself. */
const INNER = /^Auto-generated for key (crn:\S+)/;
const InnerDescription = z.object({ description: z.string().regex(INNER) });
const Inner = InnerDescription.extend({ id: z.string().min(1), name: z.string(), created_at: IamDate }).transform(
  ({ id, name, description, created_at: createdAtMs }) => ({
    id,
    name,
    createdAtMs,
    resourceKeyCrn: INNER.exec(description)?.[1] ?? '',
  }),
);
const isInner = (row: unknown): boolean => InnerDescription.safeParse(row).success;
export const InnerAnswer = z.object({
  apikeys: z.array(z.unknown()).transform((rows) => rows.flatMap((one) => Inner.safeParse(one).data ?? [])),
  next: z.string().nullish(),
});

/** An API key, and the resource key that it was made for. */
export type InnerKey = z.infer<typeof Inner>;

/** A key as the list of the whole account shows it. */
export type SurveyedKey = z.infer<typeof SurveyedKey>;

export const LimitsAnswer = z.object({
  apikeys_per_identity: z.object({
    limit: z.number(),
    identities: z.array(z.object({ iam_id: z.string(), count: z.number() })).default([]),
  }),
});
export const ServiceIdAnswer = z.object({ group_id: orElse(z.string(), '') });
