import { createHash } from 'node:crypto';
import * as z from 'zod';
import { isPrivateLiteral } from './public-address.ts';
import { SecretValue } from './secret-value.ts';
import { isLoopback } from './service-url.ts';
import { standardWebhooksSecret } from './setting-types.ts';

/** How a shown secret of Standard Webhooks begins; the rest is the key in Base64. */
export const SECRET_PREFIX = 'whsec_';

/** Somebody who is told. `isAllowed`: by KEYROTA_ALLOWED_TARGETS, on this machine or in its network. */
export type NoticeTarget = { id: string; isAllowed: boolean } & (
  | { kind: 'webhook'; url: string; secrets: SecretValue[] }
  /** Whoever knows the address may post. */
  | { kind: 'slack'; url: SecretValue }
  | { kind: 'event-notifications'; url: string; sourceId: string }
);

const URL_RULE = 'must be an https address without user, query and fragment, and not within a private network';
const INSTANCE_PATH = /^\/event-notifications\/v1\/instances\/[\w-]+$/;

const url = z.string().refine((text) => !/[\s?#]/.test(text) && URL.canParse(text), URL_RULE);
const secretUrl = url.transform((text) => new SecretValue(text));

const isOrigin = (text: string): boolean =>
  URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;

/** The settings that say who is told. */
export const NOTICE_SETTINGS = {
  KEYROTA_NOTICE_WEBHOOK_URL: url.optional().meta({
    description: 'Where notices are posted to, signed as Standard Webhooks say. Needs the secret.',
  }),
  KEYROTA_NOTICE_WEBHOOK_SECRET: standardWebhooksSecret.optional().meta({
    description: 'Secret. Signs those notices: `whsec_` and 24 to 64 random bytes in Base64.',
  }),
  KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: standardWebhooksSecret.optional().meta({
    description: 'Secret. The former one, which signs too while the receiver changes to the new one.',
  }),
  KEYROTA_NOTICE_SLACK_URL: secretUrl.optional().meta({
    description: 'Secret. Incoming webhook of Slack, or of what understands the same messages.',
  }),
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: url.optional().meta({
    description:
      'Address of an Event Notifications instance, with `/event-notifications/v1/instances/…`. Needs the source.',
  }),
  KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: z
    .string()
    .regex(/^[\w-]+:api$/, 'must look like …:api')
    .optional()
    .meta({ description: 'Id of the API source of that instance: `…:api`.' }),
  KEYROTA_ALLOWED_TARGETS: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .refine((origins) => origins.every(isOrigin), 'must be origins such as http://127.0.0.1:4000, with commas between')
    .optional()
    .meta({
      description:
        'Origins that may be told though they are plain http or private. Only where IAM is a loopback address.',
    }),
};

type Variable = keyof typeof NOTICE_SETTINGS;
type Given = Readonly<Record<string, string>>;

/** What is of no use without the other, both ways where `isPair`. */
const NEEDS: readonly (readonly [Variable, Variable])[] = [
  ['KEYROTA_NOTICE_WEBHOOK_URL', 'KEYROTA_NOTICE_WEBHOOK_SECRET'],
  ['KEYROTA_NOTICE_WEBHOOK_SECRET', 'KEYROTA_NOTICE_WEBHOOK_URL'],
  ['KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS', 'KEYROTA_NOTICE_WEBHOOK_SECRET'],
  ['KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL', 'KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE'],
  ['KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE', 'KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL'],
];

const ADDRESSES = [
  'KEYROTA_NOTICE_WEBHOOK_URL',
  'KEYROTA_NOTICE_SLACK_URL',
  'KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL',
] as const satisfies Variable[];

const allowedIn = (given: Given): string[] =>
  (given['KEYROTA_ALLOWED_TARGETS'] ?? '').split(',').map((origin) => origin.trim());

/** What is wrong with the settings of notices beside each other. Names variables, never their values. */
export function noticeFaults(given: Given): string[] {
  const missing = NEEDS.filter(([variable, needed]) => given[variable] && !given[needed]).map(
    ([variable, needed]) => `${variable}: is of no use without ${needed}, which is missing`,
  );
  const allowed = allowedIn(given);
  const addresses = ADDRESSES.filter((variable) => !isOpen(given[variable], allowed)).map(
    (variable) => `${variable}: ${URL_RULE}`,
  );
  const instance = given['KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL'];
  const noInstance =
    instance && isOpen(instance, allowed) && isUrl(instance) && !INSTANCE_PATH.test(new URL(instance).pathname);
  return [
    ...missing,
    ...addresses,
    ...(noInstance
      ? ['KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: must end with /event-notifications/v1/instances/ and the instance']
      : []),
    ...(isAllowedInVain(given)
      ? ['KEYROTA_ALLOWED_TARGETS: is for trials on one machine: KEYROTA_IAM_URL must be a loopback address']
      : []),
  ];
}

const isUrl = (text: string): boolean => url.safeParse(text).success;

/** What is no address at all is told by the schema. */
function isOpen(text: string | undefined, allowed: readonly string[]): boolean {
  if (!text || !isUrl(text)) return true;
  const { protocol, hostname, username, password, origin } = new URL(text);
  if (username + password !== '') return false;
  return allowed.includes(origin) || (protocol === 'https:' && !isPrivateLiteral(hostname));
}

/** Against IBM's own IAM nothing is allowed that is not safe everywhere. */
function isAllowedInVain({ KEYROTA_ALLOWED_TARGETS: allowed, KEYROTA_IAM_URL: iam = '' }: Given): boolean {
  if (!allowed || !allowed.split(',').every((origin) => isOrigin(origin.trim()))) return false;
  return !URL.canParse(iam) || !isLoopback(new URL(iam).hostname);
}

type Parsed = { [K in Variable]?: z.infer<(typeof NOTICE_SETTINGS)[K]> };

/** Who is told, in the order in which the settings stand. */
export function noticeTargetsOf(parsed: Parsed): NoticeTarget[] {
  const allowed = parsed.KEYROTA_ALLOWED_TARGETS ?? [];
  const isAllowed = (address: string) => allowed.includes(new URL(address).origin);
  const {
    KEYROTA_NOTICE_WEBHOOK_URL: webhook,
    KEYROTA_NOTICE_SLACK_URL: slack,
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: instance,
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: sourceId,
  } = parsed;
  const secrets = [parsed.KEYROTA_NOTICE_WEBHOOK_SECRET, parsed.KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS].filter(
    (secret) => secret !== undefined,
  );
  const targets: NoticeTarget[] = [];
  if (webhook) {
    targets.push({ kind: 'webhook', id: webhookIdOf(webhook), url: webhook, secrets, isAllowed: isAllowed(webhook) });
  }
  if (slack) targets.push({ kind: 'slack', id: 'slack', url: slack, isAllowed: isAllowed(slack.reveal()) });
  if (instance && sourceId) {
    const id = 'event-notifications';
    targets.push({ kind: 'event-notifications', id, url: instance, sourceId, isAllowed: isAllowed(instance) });
  }
  return targets;
}

/** Another address is another receiver: that the former one wants nothing any more does not hold for it. */
const webhookIdOf = (address: string): string =>
  `webhook-${createHash('sha256').update(address).digest('hex').slice(0, 8)}`;
