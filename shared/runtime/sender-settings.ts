import { createPublicKey } from 'node:crypto';
import * as z from 'zod';
import type { SecretValue } from './secret-value.ts';
import { SERVICE_URL_RULE, isServiceUrl } from './service-url.ts';
import { listOf, secret, serviceUrl, standardWebhooksSecret } from './setting-types.ts';

const SMALLEST_MODULUS_BITS = 2048;

/** What begins like a private key is refused: Node would take its public half, and the rest would lie about in a setting. */
function isRsaPublicKey(pem: string): boolean {
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) return false;
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem);
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= SMALLEST_MODULUS_BITS;
  } catch {
    return false;
  }
}

/** https://cloud.ibm.com/docs/codeengine?topic=codeengine-fun-work: within a project, functions are reached without TLS. */
const OF_THE_PROJECT = /^http:\/\/[a-z0-9]([a-z0-9-]*[a-z0-9])?\.[a-z0-9-]+\.function\.cluster\.local\/?$/;

const former = (of: string) => `Secret. The former one, accepted while ${of} changes to the new one.`;

/** The settings about those who report leaks and changes of secrets, and about what a report starts. */
export const senderShape = {
  KEYROTA_INCIDENT_SECRET: standardWebhooksSecret.optional().meta({
    description: 'Secret. Key of reports that are signed by Standard Webhooks, as `whsec_…`; without it none is taken.',
  }),
  KEYROTA_INCIDENT_SECRET_PREVIOUS: standardWebhooksSecret.optional().meta({ description: former('the sender') }),
  KEYROTA_GITHUB_SECRET: secret(32)
    .optional()
    .meta({ description: 'Secret. That of the webhook at GitHub; without it none of its alerts is taken.' }),
  KEYROTA_GITHUB_SECRET_PREVIOUS: secret(32)
    .optional()
    .meta({ description: former('the webhook') }),
  KEYROTA_GITHUB_TOKEN: secret(20).optional().meta({
    description: 'Secret. Token that may read and resolve secret scanning alerts: a webhook does not tell the value.',
  }),
  KEYROTA_GITHUB_API_URL: serviceUrl
    .default('https://api.github.com')
    .meta({ description: 'Address of the API of GitHub, for GitHub Enterprise Server with `/api/v3`.' }),
  KEYROTA_GITHUB_SECRET_TYPES: listOf(/^[\w-]+$/, 'slugs of secret types')
    .default([])
    .meta({
      description: 'Slugs of custom patterns that find keys of IBM Cloud, with commas; the built-in ones always count.',
    }),
  KEYROTA_GITGUARDIAN_SECRET: secret(16)
    .optional()
    .meta({ description: 'Secret. Signature token of the custom webhook at GitGuardian; without it none is taken.' }),
  KEYROTA_GITGUARDIAN_SECRET_PREVIOUS: secret(16)
    .optional()
    .meta({ description: former('the webhook') }),
  KEYROTA_EVENT_NOTIFICATIONS_SECRET: secret(32)
    .optional()
    .meta({ description: 'Secret. Bearer token in the `Authorization` header of the destination.' }),
  KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS: secret(32)
    .optional()
    .meta({ description: former('the destination') }),
  KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY: z
    .string()
    .refine(isRsaPublicKey, `must be a public RSA key in PEM, of ${SMALLEST_MODULUS_BITS} bits or more`)
    .optional()
    .meta({ description: 'Public key (PEM) of the destination, where its subscription signs what it sends.' }),
  KEYROTA_ROTATE_KEYS_URL: z
    .string()
    .refine(
      (text) => isServiceUrl(text) || OF_THE_PROJECT.test(text),
      `must be ${SERVICE_URL_RULE}, or http://NAME.SUBDOMAIN.function.cluster.local`,
    )
    .optional()
    .meta({
      description: 'Address of the function `rotate-keys`, which reports start at once; otherwise its timer does.',
    }),
  KEYROTA_OWN_IAM_IDS: listOf(/^(IBMid-|iam-(ServiceId|Profile)-)[\w-]+$/, 'IAM ids')
    .default([])
    .meta({ description: 'IAM ids of Keyrota’s own identities, with commas: what they do to secrets is no news.' }),
};

type ParsedSenders = z.infer<z.ZodObject<typeof senderShape>>;

/** What a sender signs with: one secret or, while it changes, two. Without any, nothing of it is accepted. */
export interface SenderSecrets {
  current: SecretValue | null;
  previous: SecretValue | null;
}

/** How event notifications prove where they come from: by a secret header, by a signature, or by either. */
export interface EventNotificationsSender extends SenderSecrets {
  /** PEM. */
  publicKey: string | null;
}

export interface GithubSender extends SenderSecrets {
  token: SecretValue | null;
  apiUrl: string;
  /** Slugs of custom patterns. */
  secretTypes: string[];
}

/** The settings of the senders, in the product's own terms. */
export interface SenderSettings {
  senders: {
    incident: SenderSecrets;
    github: GithubSender;
    gitguardian: SenderSecrets;
    eventNotifications: EventNotificationsSender;
  };
  /** Null where only the timer starts `rotate-keys`. */
  rotateKeysUrl: string | null;
  ownIamIds: string[];
}

const secretsOf = (current: SecretValue | undefined, previous: SecretValue | undefined): SenderSecrets => ({
  current: current ?? null,
  previous: previous ?? null,
});

export function senderSettingsOf(parsed: ParsedSenders): SenderSettings {
  return {
    senders: {
      incident: secretsOf(parsed.KEYROTA_INCIDENT_SECRET, parsed.KEYROTA_INCIDENT_SECRET_PREVIOUS),
      github: {
        ...secretsOf(parsed.KEYROTA_GITHUB_SECRET, parsed.KEYROTA_GITHUB_SECRET_PREVIOUS),
        token: parsed.KEYROTA_GITHUB_TOKEN ?? null,
        apiUrl: parsed.KEYROTA_GITHUB_API_URL,
        secretTypes: parsed.KEYROTA_GITHUB_SECRET_TYPES,
      },
      gitguardian: secretsOf(parsed.KEYROTA_GITGUARDIAN_SECRET, parsed.KEYROTA_GITGUARDIAN_SECRET_PREVIOUS),
      eventNotifications: {
        ...secretsOf(parsed.KEYROTA_EVENT_NOTIFICATIONS_SECRET, parsed.KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS),
        publicKey: parsed.KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY ?? null,
      },
    },
    rotateKeysUrl: parsed.KEYROTA_ROTATE_KEYS_URL ?? null,
    ownIamIds: parsed.KEYROTA_OWN_IAM_IDS,
  };
}
