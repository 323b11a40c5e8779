import * as z from 'zod';
import { IamDate, NoDate, orElse } from './iam-identity-answers.ts';
import { readable } from './readable.ts';

/** Without a date, or with one that nobody can read: unknown. Not of an expiry: a key that ends must not pass for one that does not. */
const MaybeDate = IamDate.nullish()
  .catch(null)
  .transform((atMs) => atMs ?? null);

const AccountKeyRow = z
  .object({
    id: z.string().min(1),
    name: z.string(),
    description: orElse(z.string(), ''),
    created_at: MaybeDate,
    expires_at: z.union([NoDate, IamDate]).optional(),
    disabled: orElse(z.boolean(), false),
    locked: orElse(z.boolean(), false),
    iam_id: z.string().min(1),
    action_when_leaked: z.string().nullish().catch(null),
  })
  .transform(({ id, name, description, created_at: createdAtMs, expires_at: expiresAtMs = null, ...rest }) => ({
    id,
    name,
    description,
    createdAtMs,
    expiresAtMs,
    iamId: rest.iam_id,
    disabled: rest.disabled,
    locked: rest.locked,
    actionWhenLeaked: rest.action_when_leaked ?? null,
  }));

/** An API key of the account. Dates in epoch milliseconds. It never holds the value. */
export type AccountApiKey = z.infer<typeof AccountKeyRow>;

const next = z.string().nullish();

export const AccountKeysAnswer = z
  .object({ apikeys: readable(AccountKeyRow), next })
  .transform(({ apikeys, next: nextUrl }) => ({ ...apikeys, nextUrl }));

const ServiceIdRow = z
  .object({ id: z.string().min(1), name: z.string(), created_at: MaybeDate })
  .transform(({ id, name, created_at: createdAtMs }) => ({ id, name, createdAtMs }));

/** What people call a service ID. */
export type NamedServiceId = z.infer<typeof ServiceIdRow>;

export const ServiceIdsAnswer = z
  .object({ serviceids: readable(ServiceIdRow), next })
  .transform(({ serviceids, next: nextUrl }) => ({ ...serviceids, nextUrl }));

export const GroupsAnswer = z.object({ serviceid_groups: z.array(z.object({ id: z.string().min(1) })) });

export const SettingsAnswer = z.object({
  restrict_create_platform_apikey: z.string(),
  restrict_create_service_id: z.string(),
});

export const ReferenceAnswer = z.object({ reference: z.string().min(1) });

const Unreadable = z.unknown().transform(() => 'unknown' as const);
const Never = NoDate.transform(() => 'never' as const);

/** A report, or nothing while it is being built: 204. A row without an id would make its key look used. */
export const ReportAnswer = z.union([
  z.literal('').transform(() => null),
  z
    .object({
      report_duration: z.coerce.number().positive(),
      report_start_time: IamDate,
      report_end_time: IamDate,
      apikeys: z.array(
        z.object({ id: z.string().min(1), last_authn: z.union([Never, IamDate, Unreadable]).default('never') }),
      ),
    })
    .transform((report) => ({
      hours: report.report_duration,
      startMs: report.report_start_time,
      endMs: report.report_end_time,
      apiKeys: report.apikeys.map(({ id, last_authn: lastUsed }) => ({ id, lastUsed })),
    })),
]);

/** Which API keys were not used for so many hours. */
export type ActivityReport = NonNullable<z.infer<typeof ReportAnswer>>;
