import * as z from 'zod';
import { SERVICE_URL_RULE, isServiceUrl } from '../runtime/service-url.ts';
import { DURATION_TEXT, parseDuration } from './duration.ts';

/** A duration in the manifest: written as text, read as milliseconds. */
const Duration = z
  .string()
  .regex(DURATION_TEXT, 'a whole number with m, h or d, for example "30d"')
  .transform((text) => parseDuration(text) ?? 0);

const ManagedName = z
  .string()
  .min(2)
  .max(60)
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'lower-case words and digits joined by single dashes, beginning with a letter',
  );

const Grant = z.strictObject({
  service: z.string().min(1).meta({ description: 'Service name in policies, for example `logs-router` or `logs`.' }),
  role: z.string().min(1).meta({ description: 'Role that is needed there, for example `Writer` or `Sender`.' }),
  instance: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'GUID of the one instance that it is needed on. Default: any.' }),
});

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

/** The rotation policy: each field can stand in `defaults` or at a key. */
const policyShape = {
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
  freeze: z.array(Freeze).optional().meta({ description: 'Times without a regular rotation.' }),
};

const Secret = z.strictObject({
  name: z
    .string()
    .min(2)
    .max(256)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])$/, 'letters, digits, dots and dashes')
    .optional()
    .meta({ description: 'Name of the secret. Default: the name of the managed key.' }),
  group: z.string().min(1).default('default').meta({ description: 'Id of its secret group, or `default`.' }),
  type: z
    .enum(['arbitrary', 'kv'])
    .default('arbitrary')
    .meta({ description: '`arbitrary` holds the value alone, `kv` a field.' }),
  field: z.string().min(1).default('apikey').meta({ description: 'For `kv`: the field that holds the value.' }),
});

const Probe = z.strictObject({
  url: z
    .string()
    .refine(isServiceUrl, SERVICE_URL_RULE)
    .meta({ description: 'Full address that takes a line as `singles` of Cloud Logs does.' }),
});

/** Fields of every kind of entry. */
const entryShape = {
  name: ManagedName.meta({
    description: 'Name of the managed key, unique here. It is part of the key names at the issuer.',
  }),
  formerly: z.array(ManagedName).default([]).meta({ description: 'Names that this entry had before.' }),
  state: z
    .enum(['active', 'retired'])
    .default('active')
    .meta({ description: '`retired` ends all keys of this entry.' }),
  adopt: z
    .array(z.string().regex(/^ApiKey-[\w-]+$/, 'a key id such as "ApiKey-…"'))
    .default([])
    .meta({ description: 'Ids of keys that existed before: predecessors, retired after the first mint.' }),
  secret: Secret.prefault({}).meta({ description: 'Where the value is stored.' }),
  probe: Probe.optional().meta({ description: 'Ship one marked log line with a new key before it is stored.' }),
  ...policyShape,
};

const ServiceIdApiKeyEntry = z.strictObject({
  kind: z.literal('service-id-api-key').meta({ description: 'What kind of key this is.' }),
  serviceId: z
    .string()
    .regex(/^ServiceId-[\w-]+$/, 'an id such as "ServiceId-…"')
    .meta({ description: 'The service ID whose API key this is.' }),
  grants: z
    .array(Grant)
    .default([])
    .meta({ description: 'Roles that the service ID must have before a key is made for it.' }),
  ...entryShape,
});

/** The manifest as a person writes it. `npm run schema` writes the JSON Schema of this. */
export const ManifestFile = z.strictObject({
  deployment: z
    .string()
    .regex(/^[a-z][a-z0-9]{1,15}$/, '2 to 16 lower-case letters and digits, beginning with a letter, no dash')
    .meta({ description: 'Id of this installation. It is part of every key name: never change it.' }),
  defaults: z
    .strictObject(policyShape)
    .default({})
    .meta({ description: 'Policy of every key that does not say otherwise.' }),
  keys: z
    .array(z.discriminatedUnion('kind', [ServiceIdApiKeyEntry]))
    .min(1)
    .meta({ description: 'The entries, one for each managed key. At least one.' }),
});

export type ManifestFile = z.infer<typeof ManifestFile>;
export type EntryFile = ManifestFile['keys'][number];
export type PolicyFile = ManifestFile['defaults'];
