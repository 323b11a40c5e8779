import * as z from 'zod';
import { KeyrotaError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';
import { NOTICE_SETTINGS, noticeFaults, noticeTargetsOf } from './notice-targets.ts';
import type { NoticeTarget } from './notice-targets.ts';
import type { SecretValue } from './secret-value.ts';
import { senderSettingsOf, senderShape } from './sender-settings.ts';
import type { SenderSettings } from './sender-settings.ts';
import { secret, serviceUrl } from './setting-types.ts';

/** A string in an environment holds 128 KiB on Linux, its name and `=` and the closing zero byte included. */
const LONGEST_ENVIRONMENT_STRING_BYTES = 128 * 1024;

/** Where Code Engine puts the compute-resource token. https://cloud.ibm.com/docs/codeengine?topic=codeengine-trusted-profiles */
const CODE_ENGINE_TOKEN_FILE = '/var/run/secrets/codeengine.cloud.ibm.com/compute-resource-token/token';

const whole = (smallest: number, largest: number) => {
  const rule = `must be a whole number from ${smallest} to ${largest}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine((value) => smallest <= value && value <= largest, rule);
};

const fitsTheEnvironment = (value: string) =>
  Buffer.byteLength(`KEYROTA_MANIFEST=${value}`) + 1 <= LONGEST_ENVIRONMENT_STRING_BYTES;

/**
 * A look takes three calls to Secrets Manager, and is too old to act on after 30 s. With more keys at once than this, each would
 * wait so long for its turns that no look could be acted on.
 */
const MOST_KEYS_PER_CALL_A_SECOND = 6;

/** Instances of a job in Code Engine. https://cloud.ibm.com/docs/codeengine?topic=codeengine-limits */
const MOST_SHARDS = 1_000;
/** Ten minutes before Code Engine ends any job. */
const MOST_JOB_SECONDS = 85_800;

/** Every setting of Keyrota. `docs/settings.md` is made from it. */
export const SettingsSchema = z.strictObject({
  KEYROTA_ACCOUNT_ID: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 hexadecimal digits')
    .meta({ description: 'Id of the IBM Cloud account: 32 hexadecimal digits.' }),
  KEYROTA_MANIFEST: z
    .string()
    .refine(
      fitsTheEnvironment,
      'is longer than the 128 KiB that an environment string holds; pack the manifest instead',
    )
    .optional()
    .meta({ description: 'The manifest as JSON, at most 128 KiB. Not needed where the build packed one.' }),
  KEYROTA_SECRETS_MANAGER_URL: serviceUrl.meta({
    description: 'Address of the Secrets Manager instance, without `/api/v2`.',
  }),
  KEYROTA_IAM_URL: serviceUrl.default('https://iam.cloud.ibm.com').meta({ description: 'Address of IAM.' }),
  KEYROTA_RESOURCE_CONTROLLER_URL: serviceUrl
    .default('https://resource-controller.cloud.ibm.com')
    .meta({ description: 'Address of the resource controller, for service credentials and logging keys.' }),
  KEYROTA_CLASSIC_URL: serviceUrl
    .default('https://api.softlayer.com')
    .meta({ description: 'Address of the classic infrastructure API, without `/rest/v3.1`.' }),
  KEYROTA_USER_MANAGEMENT_URL: serviceUrl
    .default('https://user-management.cloud.ibm.com')
    .meta({ description: 'Address of user management, for the names of users in the inventory.' }),
  KEYROTA_LOGIN: z
    .enum(['trusted-profile', 'api-key'])
    .default('trusted-profile')
    .meta({ description: 'How Keyrota logs in.' }),
  KEYROTA_PROFILE_ID: z
    .string()
    .regex(/^Profile-[\w-]+$/, 'must look like Profile-…')
    .optional()
    .meta({ description: 'Trusted profile to log in as. This or the name, for `trusted-profile`.' }),
  KEYROTA_PROFILE_NAME: z.string().min(1).optional().meta({ description: 'Name of that trusted profile.' }),
  KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE: z
    .string()
    .min(1)
    .default(CODE_ENGINE_TOKEN_FILE)
    .meta({ description: 'File with the compute-resource token.' }),
  KEYROTA_API_KEY: secret(10).optional().meta({ description: 'Secret. API key to log in with, for `api-key`.' }),
  KEYROTA_TRIGGER_TOKEN: secret(32)
    .optional()
    .meta({ description: 'Secret. Bearer token of callers that target or force; without it nobody may.' }),
  KEYROTA_TRIGGER_TOKEN_PREVIOUS: secret(32)
    .optional()
    .meta({ description: 'Secret. The former bearer token, accepted while callers change to the new one.' }),
  KEYROTA_REPORT_TOKEN: secret(32)
    .optional()
    .meta({ description: 'Secret. What readers of `show-report` log in with; without it the report is closed.' }),
  KEYROTA_REPORT_TOKEN_PREVIOUS: secret(32)
    .optional()
    .meta({ description: 'Secret. The former one, accepted while readers change to the new one.' }),
  KEYROTA_TIMER_MINUTES: whole(1, 1440).prefault('1').meta({
    description:
      'How often the timer calls `rotate-keys`, or starts the job, in minutes. Spreads the regular looks over the ticks.',
  }),
  KEYROTA_RUN_SECONDS: whole(45, 110)
    .prefault('100')
    .meta({ description: 'How long one run works at most, in seconds. Code Engine ends it at 120.' }),
  KEYROTA_SHARDS: whole(1, MOST_SHARDS).prefault('1').meta({
    description:
      'Of the job for fleets: how many shards there are. Each is an instance of the job, by its `JOB_INDEX`.',
  }),
  KEYROTA_JOB_SECONDS: whole(60, MOST_JOB_SECONDS).prefault('3000').meta({
    description:
      'How long one run of the job works at most, in seconds. Code Engine ends it at 7200, unless told otherwise.',
  }),
  KEYROTA_KEYS_AT_ONCE: whole(1, 500)
    .prefault('128')
    .meta({ description: 'How many keys one run works on at a time; no more than six for each call a second.' }),
  KEYROTA_CALL_TIMEOUT_SECONDS: whole(1, 60)
    .prefault('10')
    .meta({ description: 'How long one call to IBM Cloud may take, in seconds.' }),
  KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND: whole(1, 1000).prefault('20').meta({
    description:
      'At most this many calls a second to the Secrets Manager instance, of one run. The shards of a job share them.',
  }),
  ...NOTICE_SETTINGS,
  KEYROTA_LOG_LEVEL: z.enum(LOG_LEVELS).default('info').meta({ description: 'Lowest level that is logged.' }),
  ...senderShape,
});

type ParsedSettings = z.infer<typeof SettingsSchema>;

/** How Keyrota logs in at IAM. */
export type Login =
  | { kind: 'trusted-profile'; profileId?: string; profileName?: string; tokenFile: string }
  | { kind: 'api-key'; apiKey: SecretValue };

/** The settings in the product's own terms. */
export interface Settings extends SenderSettings {
  accountId: string;
  manifestText: string | null;
  secretsManagerUrl: string;
  iamUrl: string;
  resourceControllerUrl: string;
  classicUrl: string;
  userManagementUrl: string;
  login: Login;
  triggerTokens: SecretValue[];
  /** What readers of the report log in with. */
  reportTokens: SecretValue[];
  timerMs: number;
  runMs: number;
  /** How many shards the job has. */
  shardCount: number;
  /** How long one run of the job works at most. */
  jobMs: number;
  keysAtOnce: number;
  callTimeoutMs: number;
  secretsManagerCallsPerSecond: number;
  /** Who is told of what Keyrota did. */
  notices: NoticeTarget[];
  logLevel: ParsedSettings['KEYROTA_LOG_LEVEL'];
}

/** One or more settings are missing or wrong. Names the variables, never their values. */
export class SettingsError extends KeyrotaError {
  override readonly name = 'SettingsError';
  readonly faults: string[];

  constructor(faults: string[]) {
    super('settings_invalid', `Settings: ${faults.join('; ')}.`, {
      next: 'Mend the named environment variables; docs/settings.md lists them all.',
    });
    this.faults = faults;
  }
}

/** What the chosen way to log in needs beside it. */
function loginFaults({ KEYROTA_LOGIN: login = 'trusted-profile', ...given }: Record<string, string>): string[] {
  if (login === 'api-key') {
    return given['KEYROTA_API_KEY'] ? [] : ['KEYROTA_API_KEY is missing, and KEYROTA_LOGIN=api-key needs it'];
  }
  if (login !== 'trusted-profile' || given['KEYROTA_PROFILE_ID'] || given['KEYROTA_PROFILE_NAME']) return [];
  return ['KEYROTA_PROFILE_ID or KEYROTA_PROFILE_NAME is missing, and KEYROTA_LOGIN=trusted-profile needs one'];
}

const setTokens = (tokens: readonly (SecretValue | undefined)[]): SecretValue[] =>
  tokens.filter((token) => token !== undefined);

function loginOf(parsed: ParsedSettings): Login {
  const { KEYROTA_API_KEY: apiKey, KEYROTA_PROFILE_ID: profileId, KEYROTA_PROFILE_NAME: profileName } = parsed;
  if (parsed.KEYROTA_LOGIN === 'api-key' && apiKey) return { kind: 'api-key', apiKey };
  const profile = { ...(profileId && { profileId }), ...(profileName && { profileName }) };
  return { kind: 'trusted-profile', ...profile, tokenFile: parsed.KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE };
}

/** zod's words for a fault, kept to what cannot hold a value. */
function faultOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: no such setting`;
  const variable = issue.path.join('.');
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined;
  return isMissing ? `${variable} is missing` : `${variable}: ${issue.message}`;
}

/**
 * Reads the settings from an environment. Variables that do not begin with `KEYROTA_` are not looked at; an empty one counts as
 * missing.
 * @throws SettingsError naming every variable at fault.
 */
export function readSettings(environment: Record<string, string | undefined>): Settings {
  const own = Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[0].startsWith('KEYROTA_') && !!entry[1],
    ),
  );
  const result = SettingsSchema.safeParse(own, { reportInput: true });
  const faults = [...(result.error?.issues.map(faultOf) ?? []), ...loginFaults(own), ...noticeFaults(own)];
  if (!result.success || faults.length > 0) throw new SettingsError(faults);
  const parsed = result.data;
  return {
    accountId: parsed.KEYROTA_ACCOUNT_ID,
    manifestText: parsed.KEYROTA_MANIFEST ?? null,
    secretsManagerUrl: parsed.KEYROTA_SECRETS_MANAGER_URL,
    iamUrl: parsed.KEYROTA_IAM_URL,
    resourceControllerUrl: parsed.KEYROTA_RESOURCE_CONTROLLER_URL,
    classicUrl: parsed.KEYROTA_CLASSIC_URL,
    userManagementUrl: parsed.KEYROTA_USER_MANAGEMENT_URL,
    login: loginOf(parsed),
    triggerTokens: setTokens([parsed.KEYROTA_TRIGGER_TOKEN, parsed.KEYROTA_TRIGGER_TOKEN_PREVIOUS]),
    reportTokens: setTokens([parsed.KEYROTA_REPORT_TOKEN, parsed.KEYROTA_REPORT_TOKEN_PREVIOUS]),
    timerMs: parsed.KEYROTA_TIMER_MINUTES * 60_000,
    runMs: parsed.KEYROTA_RUN_SECONDS * 1_000,
    shardCount: parsed.KEYROTA_SHARDS,
    jobMs: parsed.KEYROTA_JOB_SECONDS * 1_000,
    keysAtOnce: Math.min(
      parsed.KEYROTA_KEYS_AT_ONCE,
      MOST_KEYS_PER_CALL_A_SECOND * parsed.KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND,
    ),
    callTimeoutMs: parsed.KEYROTA_CALL_TIMEOUT_SECONDS * 1_000,
    secretsManagerCallsPerSecond: parsed.KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND,
    notices: noticeTargetsOf(parsed),
    logLevel: parsed.KEYROTA_LOG_LEVEL,
    ...senderSettingsOf(parsed),
  };
}
