import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { putBundles } from '../bundle/kept-build.ts';
import type { EmbeddedCloud } from '../local/cloud.ts';
import { DEFAULT_PROJECT } from '../local/host/hosted-function.ts';
import type { HostedFunction } from '../local/host/hosted-function.ts';
import type { DemoAccount } from './account.ts';

/** The functions of Keyrota, by what they do. */
export const FUNCTIONS = {
  rotate: 'rotate-keys',
  respond: 'respond-to-compromise',
  handleEvent: 'handle-secret-event',
  check: 'check-expiry',
  report: 'show-report',
} as const;
export type FunctionName = (typeof FUNCTIONS)[keyof typeof FUNCTIONS];

const BUNDLES = resolve('.keyrota/bundles');

export const projectCrn = (accountId: string): string =>
  `crn:v1:bluemix:public:codeengine:${DEFAULT_PROJECT.region}:a/${accountId}:${DEFAULT_PROJECT.id}::`;

/** What callers and senders prove themselves with. */
export interface DemoSecrets {
  triggerToken: string;
  /** `whsec_…`: signs reports by Standard Webhooks. */
  incident: string;
  github: string;
  gitguardian: string;
  /** Bearer token of the destinations at Event Notifications. */
  eventNotifications: string;
  /** Password of the report. */
  report: string;
}

/** New ones for each demo. */
export function makeSecrets(): DemoSecrets {
  return {
    triggerToken: randomToken(),
    incident: `whsec_${randomBytes(32).toString('base64')}`,
    github: randomToken(),
    gitguardian: randomToken(),
    eventNotifications: randomToken(),
    report: randomToken(),
  };
}

const randomToken = (): string => randomBytes(24).toString('base64url');

/** Puts the functions in place as they are deployed. */
export const buildFunctions = (): void => putBundles(BUNDLES);

/** What the functions are set up with. */
export interface FunctionSetting {
  cloud: EmbeddedCloud;
  /** Where the cloud's APIs are. */
  url: string;
  /** Where the functions are. */
  functionsUrl: string;
  account: DemoAccount;
  manifest: object;
  secrets: DemoSecrets;
}

/** All functions, each logged in by a trusted profile of its own. */
export function hostedFunctions(setting: FunctionSetting): HostedFunction[] {
  const { cloud, account, secrets, functionsUrl } = setting;
  const notices = noticeEnvironment(setting);
  const callsRotateKeys = { KEYROTA_ROTATE_KEYS_URL: `${functionsUrl}/${FUNCTIONS.rotate}` };
  const fromEvents = { KEYROTA_EVENT_NOTIFICATIONS_SECRET: secrets.eventNotifications };
  const own = [FUNCTIONS.rotate, FUNCTIONS.respond, FUNCTIONS.check].map((name) => account.profiles[name].iamId);
  const environments: Record<FunctionName, Record<string, string>> = {
    [FUNCTIONS.rotate]: notices,
    [FUNCTIONS.respond]: {
      ...notices,
      ...callsRotateKeys,
      ...fromEvents,
      KEYROTA_INCIDENT_SECRET: secrets.incident,
      KEYROTA_GITHUB_SECRET: secrets.github,
      KEYROTA_GITHUB_TOKEN: cloud.github.token,
      KEYROTA_GITHUB_API_URL: setting.url,
      KEYROTA_GITGUARDIAN_SECRET: secrets.gitguardian,
    },
    [FUNCTIONS.check]: notices,
    [FUNCTIONS.report]: { KEYROTA_REPORT_TOKEN: secrets.report },
    [FUNCTIONS.handleEvent]: { ...callsRotateKeys, ...fromEvents, KEYROTA_OWN_IAM_IDS: own.join(',') },
  };
  return Object.values(FUNCTIONS).map((name) =>
    hosted(name, { ...commonEnvironment(name, setting), ...environments[name] }, cloud),
  );
}

function hosted(name: FunctionName, environment: Record<string, string>, cloud: EmbeddedCloud): HostedFunction {
  const resource = { crn: projectCrn(cloud.account.id), componentType: 'function' as const, componentName: name };
  const token = cloud.iam.issueComputeResourceToken(resource);
  return {
    name,
    directory: join(BUNDLES, name),
    environment,
    maxExecutionSeconds: 120,
    computeResourceToken: () => token,
    computeResourceTokenVariable: 'KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE',
  };
}

function commonEnvironment(
  name: FunctionName,
  { cloud, url, account, manifest, secrets }: FunctionSetting,
): Record<string, string> {
  return {
    ...addressesOf(cloud, url),
    KEYROTA_MANIFEST: JSON.stringify(manifest),
    KEYROTA_LOGIN: 'trusted-profile',
    KEYROTA_PROFILE_ID: account.profiles[name].id,
    KEYROTA_TRIGGER_TOKEN: secrets.triggerToken,
    KEYROTA_TIMER_MINUTES: '60',
  };
}

/** Whoever takes notices stands in the embedded cloud. */
function noticeEnvironment({ cloud, url }: FunctionSetting): Record<string, string> {
  const { noticesUrl, noticesSecret, slackUrl, ...events } = cloud.addresses(url, url);
  return {
    KEYROTA_NOTICE_WEBHOOK_URL: noticesUrl,
    KEYROTA_NOTICE_WEBHOOK_SECRET: noticesSecret,
    KEYROTA_NOTICE_SLACK_URL: slackUrl,
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: `${url}/event-notifications/v1/instances/${events.eventNotificationsId}`,
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: events.eventNotificationsSourceId,
    KEYROTA_ALLOWED_TARGETS: url,
  };
}

/** Where everything is. */
const addressesOf = (cloud: EmbeddedCloud, url: string): Record<string, string> => ({
  KEYROTA_ACCOUNT_ID: cloud.account.id,
  KEYROTA_IAM_URL: url,
  KEYROTA_RESOURCE_CONTROLLER_URL: url,
  KEYROTA_CLASSIC_URL: url,
  KEYROTA_USER_MANAGEMENT_URL: url,
  KEYROTA_SECRETS_MANAGER_URL: url,
});

/** The account's owner, who does what a person does. */
export const ownerEnvironment = (cloud: EmbeddedCloud, url: string): Record<string, string> => ({
  ...addressesOf(cloud, url),
  KEYROTA_LOGIN: 'api-key',
  KEYROTA_API_KEY: cloud.iam.adminApiKey,
});

const SECRET_EVENTS = [
  'secret_deleted',
  'secret_rotated',
  'secret_rotation_blocked',
  'secret_expiration_blocked',
  'secret_deletion_blocked',
  'secret_version_data_deleted',
  'secret_data_removed',
  'secret_about_to_expire',
  'secret_expired',
].map((name) => `com.ibm.cloud.secrets-manager.${name}`);

/** Reports in Keyrota's own format, and alerts of Cloud Logs of the usual kinds. */
const LEAK_EVENTS = [
  'com.keyrota.key.compromised',
  'com.ibm.cloud.logs.Alert',
  'com.ibm.cloud.logs.StandardMoreThanAlertEvent',
  'com.ibm.cloud.logs.StandardImmediateAlertEvent',
];

/** Has events and leaks on GitHub brought to the functions. */
export function subscribe(cloud: EmbeddedCloud, functionsUrl: string, secrets: DemoSecrets): void {
  const headers = { authorization: `Bearer ${secrets.eventNotifications}` };
  const responder = `${functionsUrl}/${FUNCTIONS.respond}`;
  const events = cloud.eventNotifications;
  events.subscribe({ url: `${functionsUrl}/${FUNCTIONS.handleEvent}`, headers, types: SECRET_EVENTS });
  events.subscribe({ url: `${responder}/event-notifications`, headers, types: LEAK_EVENTS });
  cloud.github.addHook({ url: `${responder}/github`, secret: secrets.github });
}
