import * as z from 'zod';
import { SecretValue } from '../runtime/secret-value.ts';
import { listed } from './listed.ts';
import { readable } from './readable.ts';

/** RFC 3339 with up to nine decimals. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

const Moment = z.string().transform((text, context): number => {
  const atMs = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) context.addIssue('is not a date');
  return atMs;
});

/** What `iam_…` and other fields of credentials may hold for us to look at: nothing that could be a value. */
const SERVICE_ID_CRN = /^crn:[^\s]*:serviceid:ServiceId-[\w-]+$/;
const API_KEY_ID = /^ApiKey-[\w-]+$/;
const ROLE_CRN = /^crn:[^\s]*:(?:role|serviceRole|customRole):[\w.-]+$/;

/** Fields of credentials that are no secret, or are the API key of IAM. Whatever is not among them may be a secret. */
const NO_OTHER_SECRETS = new Set(['apikey', 'endpoints', 'resource_instance_id', 'host', 'port', 'region']);
const isOtherSecret = (field: string): boolean => !field.startsWith('iam_') && !NO_OTHER_SECRETS.has(field);

/** Why credentials were withheld; `absent`: they were simply not there. */
export type Redaction = 'REDACTED' | 'REDACTED_EXPLICIT' | 'absent' | 'unknown';

type Fields = Readonly<Record<string, unknown>>;

const Fields = z.record(z.string(), z.unknown()).nullish();

/** Null for credentials that are shown. */
function redactionOf(credentials: Fields): Redaction | null {
  if (Object.keys(credentials).length === 0) return 'absent';
  if (!('REDACTED' in credentials)) return null;
  const { REDACTED: reason } = credentials;
  return reason === 'REDACTED' || reason === 'REDACTED_EXPLICIT' ? reason : 'unknown';
}

const textOf = (fields: Fields, name: string, form: RegExp): string | null => {
  const value = fields[name];
  return typeof value === 'string' && form.test(value) ? value : null;
};

const KeyFields = z.object({
  guid: z.string().min(1),
  crn: z.string(),
  name: z.string(),
  created_at: Moment,
  state: z
    .string()
    .nullish()
    .transform((state) => state ?? 'active'),
  source_crn: z.string(),
  role: z.unknown(),
  parameters: Fields.catch(null),
  credentials: Fields.catch(null),
});

/** A resource key. It never holds a value of its credentials. */
export interface ResourceKey {
  /** The GUID. */
  id: string;
  crn: string;
  name: string;
  createdAtMs: number;
  /** `active`; another one while the service is at work. */
  state: string;
  /** The instance, or an alias of it. */
  sourceCrn: string;
  /** Null for a key without a role, or one that the answer does not tell. */
  roleCrn: string | null;
  /** Of the service ID that the inner API key belongs to, often a hidden one. Null where it is not shown. */
  serviceIdCrn: string | null;
  /** Of the API key in IAM that stands behind this key. Null where it is not shown. */
  innerApiKeyId: string | null;
  /** Whether the credentials hold secrets beside the inner API key, which go on working when that is disabled. */
  hasOtherSecrets: boolean | 'unknown';
  /** Whether the credentials are withheld from us. */
  isRedacted: boolean;
}

/** Looks at the names of the fields, and at no value but ids of IAM. */
function keyOf(answer: z.output<typeof KeyFields>): ResourceKey {
  const { guid: id, crn, name, created_at: createdAtMs, state, source_crn: sourceCrn } = answer;
  const credentials = answer.credentials ?? {};
  const parameters = answer.parameters ?? {};
  const redaction = redactionOf(credentials);
  return {
    id,
    crn,
    name,
    createdAtMs,
    state,
    sourceCrn,
    roleCrn:
      textOf(parameters, 'role_crn', ROLE_CRN) ??
      textOf(credentials, 'iam_role_crn', ROLE_CRN) ??
      textOf(answer, 'role', ROLE_CRN),
    serviceIdCrn:
      textOf(credentials, 'iam_serviceid_crn', SERVICE_ID_CRN) ?? textOf(parameters, 'serviceid_crn', SERVICE_ID_CRN),
    innerApiKeyId: textOf(credentials, 'iam_apikey_id', API_KEY_ID),
    hasOtherSecrets: otherSecrets(answer, credentials, redaction),
    isRedacted: redaction !== null && redaction !== 'absent',
  };
}

function otherSecrets(
  { source_crn: sourceCrn, parameters }: z.output<typeof KeyFields>,
  credentials: Fields,
  redaction: Redaction | null,
): boolean | 'unknown' {
  if (redaction === null) return Object.keys(credentials).some(isOtherSecret);
  // What a key was asked for is told of withheld ones too. Object Storage adds nothing but what it is asked for.
  const hmac = parameters?.['HMAC'] ?? false;
  if (hmac !== false) return true;
  return parameters && serviceIn(sourceCrn) === OBJECT_STORAGE ? false : 'unknown';
}

const OBJECT_STORAGE = 'cloud-object-storage';
const serviceIn = (crn: string): string | undefined => crn.split(':')[4];

export const KeyAnswer = KeyFields.transform(keyOf);

/** The credentials as JSON, or why there are none. */
export const CreateAnswer = KeyFields.transform((answer) => {
  const credentials = answer.credentials ?? {};
  return {
    key: keyOf(answer),
    redaction: redactionOf(credentials),
    credentials: new SecretValue(JSON.stringify(credentials)),
    fieldNames: Object.keys(credentials),
  };
});

const NextUrl = z.string().nullish();
export const KeysAnswer = z.object({ resources: listed(KeyAnswer), next_url: NextUrl });

/** Of the whole account's keys only so much is read. */
const SurveyedKey = z.object({ guid: z.string().min(1), name: z.string() });
export const SurveyAnswer = z.object({
  resources: z.array(z.unknown()).transform((rows) => rows.flatMap((one) => SurveyedKey.safeParse(one).data ?? [])),
  next_url: NextUrl,
});

/** A resource key as an inventory needs it: whose it is, and what stands behind it. Of credentials only ids and names of fields are read. */
export interface ListedResourceKey {
  id: string;
  crn: string;
  name: string;
  /** Null where the answer does not tell. */
  createdAtMs: number | null;
  sourceCrn: string;
  innerApiKeyId: string | null;
  hasOtherSecrets: boolean | 'unknown';
}

const ListedRow = KeyFields.extend({ created_at: Moment.nullable().catch(null) }).transform(
  (answer): ListedResourceKey & { state: string } => {
    const { id, crn, name, sourceCrn, innerApiKeyId, hasOtherSecrets, state } = keyOf({ ...answer, created_at: 0 });
    return { id, crn, name, sourceCrn, innerApiKeyId, hasOtherSecrets, state, createdAtMs: answer.created_at };
  },
);
export const ListedAnswer = z.object({ resources: readable(ListedRow), next_url: NextUrl });

/** An instance of a service. */
export interface ResourceInstance {
  guid: string;
  crn: string;
  name: string;
  state: string;
  /** The service in the global catalog. */
  resourceId: string;
}

export const InstanceAnswer = z
  .object({
    guid: z.string().min(1),
    crn: z.string(),
    name: z.string(),
    state: z.string(),
    resource_id: z.string(),
  })
  .transform(({ resource_id: resourceId, ...instance }): ResourceInstance => ({ ...instance, resourceId }));
