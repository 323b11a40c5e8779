import * as z from 'zod';

const SECRET_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])$/;

const Sender = z.strictObject({
  identities: z
    .array(
      z
        .string()
        .regex(/^(iam-)?(ServiceId|IBMid|Profile)-[\w-]+$|^[A-Za-z]\w*-[\w-]+$/, 'an IAM id such as "ServiceId-…"'),
    )
    .min(1)
    .optional()
    .meta({ description: 'Ids of the identities whose keys this sender may report. Default: all.' }),
  perHour: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .meta({ description: 'At most so many keys an hour, for this sender. Default: `incidents.perHour`.' }),
});

/** What reports of leaks may do: `incidents` in the manifest. */
export const IncidentsShape = z.strictObject({
  dryRun: z.boolean().default(false).meta({
    description: 'Reports are answered and logged, and nothing is contained: for trying out a sender.',
  }),
  containUnmanaged: z.boolean().default(false).meta({
    description: 'Also contain keys of the account that no entry manages. Without it they are only reported.',
  }),
  containOwnKey: z.boolean().default(false).meta({
    description:
      'Also contain the key that Keyrota itself is logged in with, which ends its work. Without it that one is replaced first.',
  }),
  byServiceId: z.boolean().default(true).meta({
    description: 'A report may name a service ID, and means all its keys.',
  }),
  perHour: z.number().int().min(0).max(10_000).default(20).meta({
    description:
      'At most so many keys an hour may each sender have contained without showing their values. What is over it alarms a person.',
  }),
  senders: z
    .strictObject({
      'standard-webhooks': Sender.optional().meta({ description: 'Reports to `/incident`.' }),
      github: Sender.optional().meta({ description: 'Alerts of GitHub secret scanning.' }),
      gitguardian: Sender.optional().meta({ description: 'Incidents of GitGuardian.' }),
      'event-notifications': Sender.optional().meta({ description: 'Events of Event Notifications.' }),
      operator: Sender.optional().meta({ description: 'People who use `keyrota contain`.' }),
    })
    .default({})
    .meta({ description: 'Brakes of single senders.' }),
});
export type Incidents = z.infer<typeof IncidentsShape>;

/** Where the ledger is kept: `ledger` in the manifest. */
export const LedgerShape = z.strictObject({
  name: z
    .string()
    .min(2)
    .max(256)
    .regex(SECRET_NAME, 'letters, digits, dots and dashes')
    .optional()
    .meta({ description: 'Name of the secret, of type `kv`. Default: `keyrota-ledger-<deployment>`.' }),
  group: z.string().min(1).default('default').meta({
    description: 'Id of its secret group, or `default`. Best one that only Keyrota reads.',
  }),
});
