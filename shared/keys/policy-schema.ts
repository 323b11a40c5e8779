import * as z from 'zod';
import { DURATION_TEXT, parseDuration } from './duration.ts';

/** A duration in the manifest: written as text, read as milliseconds. */
const Duration = z
  .string()
  .regex(DURATION_TEXT, 'a whole number with m, h or d, for example "30d"')
  .transform((text) => parseDuration(text) ?? 0);

const Evidence = z.strictObject({
  fetched: z.boolean().optional().meta({ description: 'Somebody has read the new version. Default: true.' }),
  unused: z
    .boolean()
    .optional()
    .meta({ description: 'The issuer saw no login with the old key for `unusedFor`. Default: true.' }),
  noConsumerLock: z
    .boolean()
    .optional()
    .meta({ description: 'No consumer holds a lock on the old version. Default: true.' }),
});

const Hold = z.strictObject({
  atMost: Duration.optional().meta({
    description: 'How long to wait for the evidence after the grace. Default: 30d.',
  }),
  afterwards: z.enum(['ask', 'disable']).optional().meta({
    description: 'What to do when that time is over: ask a person, or disable the key all the same. Default: ask.',
  }),
});

const Moment = z.iso.datetime({ offset: true, error: 'a time with its zone, for example "2026-12-20T18:00:00Z"' });

const Freeze = z
  .strictObject({
    from: Moment.meta({ description: 'First moment of the window.' }),
    until: Moment.meta({ description: 'First moment after the window.' }),
    reason: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'What a held rotation says that it waits for. Default: freeze window.' }),
  })
  .refine(({ from, until }) => !(Date.parse(from) >= Date.parse(until)), {
    path: ['until'],
    error: 'a time after `from`',
  });

const OnCompromise = z.strictObject({
  consumerLocks: z.enum(['override', 'override-or-wait', 'wait']).optional().meta({
    description:
      "Consumers' locks on the former version keep a replacement from being stored. `override` moves them to the new version, and asks a person where Keyrota may not; `override-or-wait` waits for the consumers then; `wait` never moves them. Default: override.",
  }),
  replaceFirst: z.boolean().optional().meta({
    description:
      'A leaked key that cannot be disabled works until its replacement is stored, in place of being deleted at once. Default: false.',
  }),
  disabledByOthers: z.enum(['replace', 'ask']).optional().meta({
    description:
      'What to do where somebody else disabled the current key: replace it at once, as after a leak, or ask a person. Default: replace.',
  }),
  siblings: z.enum(['report', 'contain']).optional().meta({
    description:
      'Keys that were made for the same identity since the leak, and not by Keyrota: only report them, or contain them too where the report shows the value of the leaked key. Default: report.',
  }),
});

/** The rotation policy: each field can stand in `defaults` or at a key. */
export const policyShape = {
  rotateEvery: Duration.optional().meta({
    description: 'Age at which the current key is replaced, at the latest. Default: 30d.',
  }),
  grace: Duration.optional().meta({ description: 'How long a superseded key stays untouched. Default: 7d.' }),
  quarantine: Duration.optional().meta({
    description: 'How long a key stays disabled before it is deleted. Default: 3d.',
  }),
  evidence: Evidence.optional().meta({ description: 'What must be known before a superseded key is disabled.' }),
  hold: Hold.optional().meta({ description: 'How long to wait for that evidence, and what then.' }),
  consumersRefreshWithin: Duration.optional().meta({
    description: 'The longest time that a consumer keeps a fetched value before it looks again. Default: 24h.',
  }),
  unusedFor: Duration.optional().meta({
    description: 'How long a key must not have been used to count as unused. Default: 3d.',
  }),
  expiresAfter: Duration.optional().meta({
    description: 'Expiry that a new key gets at the issuer. Default: the longest regular life and 30 days.',
  }),
  paused: z.boolean().optional().meta({
    description:
      'Create, disable and delete nothing; only a key that was reported as compromised is contained, replaced and deleted. Default: false.',
  }),
  onCompromise: OnCompromise.optional().meta({ description: 'What to do when the key leaked.' }),
  freeze: z.array(Freeze).optional().meta({ description: 'Times without a regular rotation.' }),
};
