import * as z from 'zod';
import { DURATION_TEXT, parseDuration } from './duration.ts';

/** The rules of the daily check, by id. What each is about stands in `shared/findings/rules.ts`. */
export const RULE_IDS = [
  'leak-open',
  'functional-id-lockout',
  'key-gone',
  'key-expired',
  'key-disabled',
  'secret-expires',
  'work-failed',
  'timer-late',
  'person-asked',
  'foreign-version',
  'policy-missing',
  'creation-restricted',
  'held-too-long',
  'quota-nearly-full',
  'key-expires-soon',
  'account-owner-key',
  'key-too-old',
  'key-unused',
  'key-never-used',
  'leak-action-not-disable',
  'key-without-expiry',
  'user-key-avoidable',
  'unknown-own-key',
  'foreign-key',
  'entry-gone',
  'creation-unrestricted',
  'secret-too-old',
] as const;
export type RuleId = (typeof RULE_IDS)[number];

/** Severities that a rule can be given, and that it is not wanted. */
const Level = z.enum(['critical', 'high', 'medium', 'low', 'off']);

const Duration = z
  .string()
  .regex(DURATION_TEXT, 'a whole number with m, h or d, for example "90d"')
  .transform((text) => parseDuration(text) ?? 0);

/** A default is told where it stands in the schema, as it is written. */
const duration = (standard: string, description: string) =>
  Duration.prefault(standard).meta({ description: `${description} Default: ${standard}.` });

const Accepted = z.strictObject({
  rule: z.enum(RULE_IDS).meta({ description: 'Id of the rule.' }),
  subject: z
    .string()
    .min(1)
    .max(500)
    .meta({ description: 'Id of the key, secret, identity or setting, as the finding names it.' }),
  reason: z.string().min(1).max(500).meta({ description: 'Why it is all right: for whoever asks later.' }),
  until: z.iso
    .datetime({ offset: true, error: 'a time with its zone, for example "2027-06-30T00:00:00Z"' })
    .meta({ description: 'From then on it is reported again.' }),
});

/** What the daily check looks for: `check` in the manifest. */
export const CheckShape = z.strictObject({
  maximumAge: duration('90d', 'Age from which a key is too old.'),
  cryptoperiod: duration('730d', 'Age from which that matters more: the longest use of any such key.'),
  expiresWithin: duration('30d', 'How long before its end a key is reported.'),
  unusedFor: duration('90d', 'How long a key may go without a login.'),
  inactiveFor: duration('180d', 'From when on that matters more.'),
  neverUsedFor: duration('30d', 'How long a new key may go without its first login.'),
  lockoutWithin: duration('14d', 'How long before the last key of a functional ID ends that is reported.'),
  secretAge: duration('90d', 'How long the value of a secret that Keyrota does not manage may stay as it is.'),
  quotaPercent: z.number().int().min(1).max(100).default(90).meta({
    description: 'From how many percent of its quota of keys an identity is reported.',
  }),
  accountOwner: z
    .string()
    .regex(/^[A-Za-z]\w*-[\w-]+$/, 'an IAM id such as "IBMid-…"')
    .optional()
    .meta({ description: 'IAM id of the owner of the account, which no documented API tells. Default: not checked.' }),
  rules: z
    .partialRecord(z.enum(RULE_IDS), Level)
    .default({})
    .meta({ description: 'Severity of single rules, or `off`, by their ids. Default: as docs/check.md says.' }),
  accept: z.array(Accepted).default([]).meta({ description: 'Findings that are known and all right, for a time.' }),
});
export type CheckPolicyFile = z.infer<typeof CheckShape>;
