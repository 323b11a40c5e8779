import * as z from 'zod';
import { SERVICE_URL_RULE, isServiceUrl } from '../runtime/service-url.ts';
import { CheckShape } from './check-schema.ts';
import { IncidentsShape, LedgerShape } from './incident-schema.ts';
import { DAYS } from './maintenance-window.ts';
import { policyShape } from './policy-schema.ts';

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

const SECRET_NAME = z
  .string()
  .min(2)
  .max(256)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])$/, 'letters, digits, dots and dashes')
  .optional()
  .meta({ description: 'Name of the secret. Default: the name of the managed key.' });
const SECRET_GROUP = z
  .string()
  .min(1)
  .default('default')
  .meta({ description: 'Id of its secret group, or `default`.' });

const Secret = z.strictObject({
  name: SECRET_NAME,
  group: SECRET_GROUP,
  type: z
    .enum(['arbitrary', 'kv'])
    .default('arbitrary')
    .meta({ description: '`arbitrary` holds the value alone, `kv` a field.' }),
  field: z.string().min(1).default('apikey').meta({ description: 'For `kv`: the field that holds the value.' }),
});

const CredentialSecret = z.strictObject({
  name: SECRET_NAME,
  group: SECRET_GROUP,
  type: z
    .enum(['arbitrary', 'kv'])
    .default('kv')
    .meta({ description: '`kv` holds all fields of the credential, or one; `arbitrary` the value of one.' }),
  field: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+)*$/, 'the name of a field, and after a dot that of one inside it')
    .optional()
    .meta({
      description:
        'The one field of the credential that is stored, for example `cos_hmac_keys.secret_access_key`. Default: all for `kv`, `apikey` for `arbitrary`.',
    }),
});

const Probe = z.strictObject({
  url: z
    .string()
    .refine(isServiceUrl, SERVICE_URL_RULE)
    .meta({ description: 'Full address that takes a line as `singles` of Cloud Logs does.' }),
});

// YAML may read a time without quotes as a number.
const TIME_OF_DAY = 'a time of day in UTC, in quotes: for example "02:00"';
const TimeOfDay = z.string(TIME_OF_DAY).regex(/^([01]\d|2[0-3]):[0-5]\d$/, TIME_OF_DAY);

const Window = z.strictObject({
  from: TimeOfDay.meta({ description: 'Begin, in UTC, for example `02:00`.' }),
  until: TimeOfDay.meta({
    description: 'End, in UTC, at least 15 minutes later; on the next day where it is before the begin.',
  }),
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .default([...DAYS])
    .meta({ description: 'Days on which it begins, in UTC. Default: every day.' }),
});

/** Ids of keys of one kind that existed before. */
const adopted = (
  pattern: RegExp,
  example: string,
  { most = null, what = 'predecessors, retired after the first mint' }: { most?: number | null; what?: string } = {},
) => {
  const ids = z.array(z.string().regex(pattern, `a key id such as ${example}`));
  return (most === null ? ids : ids.max(most))
    .default([])
    .meta({ description: `Ids of keys that existed before: ${what}.` });
};

const ADOPTED_API_KEYS = adopted(/^ApiKey-[\w-]+$/, '"ApiKey-…"');

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
  secret: Secret.prefault({}).meta({ description: 'Where the value is stored.' }),
  ...policyShape,
};

/** Fields of entries whose key logs in at IAM. */
const iamEntryShape = {
  adopt: ADOPTED_API_KEYS,
  probe: Probe.optional().meta({ description: 'Ship one marked log line with a new key before it is stored.' }),
  grants: z
    .array(Grant)
    .default([])
    .meta({ description: 'Roles that the identity must have before a key is made for it.' }),
  runsKeyrota: z.boolean().default(false).meta({
    description:
      'Keyrota itself logs in with this key, and loads it from this secret at each start. Without it such a key is reported, and not rotated.',
  }),
  ...entryShape,
};

const ServiceIdApiKeyEntry = z.strictObject({
  kind: z.literal('service-id-api-key').meta({ description: 'What kind of key this is.' }),
  serviceId: z
    .string()
    .regex(/^ServiceId-[\w-]+$/, 'an id such as "ServiceId-…"')
    .optional()
    .meta({
      description:
        'The service ID whose API key this is. Left out until `keyrota provision` made it. Default: none yet.',
    }),
  description: z.string().min(1).max(500).optional().meta({
    description: 'What the service ID is for: `keyrota provision` gives it this description.',
  }),
  ...iamEntryShape,
});

const IamId = z
  .string()
  .regex(/^(?!iam-|ServiceId-|Profile-)[A-Za-z][\w]*-[\w-]+$/, 'the IAM id of a user, such as "IBMid-…"')
  .meta({ description: 'IAM id of the user: the functional ID whose key this is.' });

const UserApiKeyEntry = z.strictObject({
  kind: z.literal('user-api-key').meta({ description: 'What kind of key this is.' }),
  iamId: IamId,
  login: ManagedName.optional().meta({
    description:
      'Name of the `user-api-key` entry whose key logs in as this user, in a secret that only Keyrota reads. Default: this entry is such a login itself.',
  }),
  ...iamEntryShape,
});

const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

const Instance = z
  .string()
  .regex(
    new RegExp(`^(crn:v1(:[\\w.-]+){3}:[\\w.-]*:[\\w/.-]*:${GUID}::|${GUID})$`),
    'the CRN (`crn:v1:…:<GUID>::`) or the GUID of a service instance',
  );

/** Another spelling, or a text, may be taken or not: then nobody knows whether there are keys whose use is not told. */
const Parameters = z.record(z.string(), z.unknown()).superRefine((parameters, context) => {
  for (const [name, value] of Object.entries(parameters)) {
    if (name.toUpperCase() !== 'HMAC') continue;
    if (name !== 'HMAC') context.addIssue({ code: 'custom', path: [name], message: '`HMAC`, in capitals' });
    else if (typeof value !== 'boolean') context.addIssue({ code: 'custom', path: [name], message: 'true or false' });
  }
});

const ServiceCredentialEntry = z.strictObject({
  kind: z.literal('service-credential').meta({ description: 'What kind of key this is.' }),
  instance: Instance.meta({ description: 'CRN or GUID of the service instance.' }),
  role: z.string().min(1).optional().meta({
    description: 'Role of the credential: a name such as `Writer`, a CRN, or `NONE`. Default: what the service takes.',
  }),
  parameters: Parameters.default({}).meta({
    description: 'What the service takes beside it, for example `HMAC: true` or `serviceid_crn`.',
  }),
  adopt: adopted(/^(crn:\S+:resource-key:)?[0-9a-f-]{36}$/, 'the GUID or CRN of a resource key'),
  ...entryShape,
  secret: CredentialSecret.prefault({}).meta({ description: 'Where the credential is stored.' }),
});

const LoggingKeyEntry = z.strictObject({
  kind: z.literal('logging-key').meta({ description: 'What kind of key this is.' }),
  legacy: z
    .literal(true, 'true, because Activity Tracker and Log Analysis ended on 30 March 2025')
    .meta({ description: 'Says that you know: Activity Tracker and Log Analysis ended on 30 March 2025.' }),
  instance: Instance.meta({ description: 'CRN or GUID of the service instance.' }),
  use: z
    .enum(['ingestion', 'service'])
    .meta({ description: 'Whether the key ships lines (`ingestion`) or reads and configures (`service`).' }),
  apiUrl: z
    .string()
    .refine(isServiceUrl, SERVICE_URL_RULE)
    .meta({ description: 'Address of its API, for example `https://api.us-south.logging.cloud.ibm.com`.' }),
  ingestionUrl: z.string().refine(isServiceUrl, SERVICE_URL_RULE).optional().meta({
    description:
      'Where a new ingestion key proves itself with one marked line, for example `https://logs.us-south.logging.cloud.ibm.com`. Required for `ingestion`.',
  }),
  adopt: adopted(/^[\w.:-]+$/, 'the id of a key in the configuration API'),
  ...entryShape,
});

const ClassicApiKeyEntry = z.strictObject({
  kind: z.literal('classic-api-key').meta({ description: 'What kind of key this is.' }),
  iamId: IamId,
  login: ManagedName.meta({
    description: 'Name of the `user-api-key` entry whose key logs in as this user.',
  }),
  window: z.union([z.literal('any'), Window], '"any" or `{ from, until }`').meta({
    description:
      'When the old key may be removed for a regular rotation, or `any`. A user without a key gets one at any time.',
  }),
  adopt: adopted(/^[1-9]\d{0,14}$/, '"1234567"', {
    most: 1,
    what: 'it may be removed in the window, once a key of this entry is stored',
  }),
  ...entryShape,
});

const TrustedProfileEntry = z.strictObject({
  kind: z.literal('trusted-profile').meta({ description: 'What kind of key this is.' }),
  name: ManagedName.meta({
    description: 'Name of the managed key, unique here. It is part of the key names at the issuer.',
  }),
  profileId: z
    .string()
    .regex(/^Profile-[\w-]+$/, 'an id such as "Profile-…"')
    .meta({
      description: 'The trusted profile that the workload logs in as: it needs no key, and nothing has to rotate.',
    }),
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
  incidents: IncidentsShape.prefault({}).meta({ description: 'What reports of leaks may do.' }),
  ledger: LedgerShape.prefault({}).meta({ description: 'The secret that remembers what belongs to no single key.' }),
  check: CheckShape.prefault({}).meta({ description: 'What the daily check of the account looks for.' }),
  keys: z
    .array(
      z.discriminatedUnion('kind', [
        ServiceIdApiKeyEntry,
        UserApiKeyEntry,
        ServiceCredentialEntry,
        LoggingKeyEntry,
        ClassicApiKeyEntry,
        TrustedProfileEntry,
      ]),
    )
    .min(1)
    .meta({ description: 'The entries, one for each managed key. At least one.' }),
});

export type ManifestFile = z.infer<typeof ManifestFile>;
export type EntryFile = Exclude<ManifestFile['keys'][number], { kind: 'trusted-profile' }>;
export type UserEntry = Extract<EntryFile, { kind: 'user-api-key' }>;
export type LoggingEntry = Extract<EntryFile, { kind: 'logging-key' }>;
export type PolicyFile = ManifestFile['defaults'];
