import * as z from 'zod';
import { SecretValue } from './secret-value.ts';
import { SERVICE_URL_RULE, isServiceUrl } from './service-url.ts';

/** A secret has no blank and no line end: one that was pasted along would never match, silently. */
export const secret = (shortest: number) =>
  z
    .string()
    .min(shortest, `must have at least ${shortest} characters`)
    .regex(/^\S+$/, 'must have no blanks or line ends')
    .transform((value) => new SecretValue(value));

export const serviceUrl = z.string().refine(isServiceUrl, `must be ${SERVICE_URL_RULE}`);

/** Texts with commas between them, each of that form. */
export const listOf = (item: RegExp, rule: string) =>
  z
    .string()
    .refine((text) => itemsOf(text).every((one) => item.test(one)), `must be ${rule}, with commas between them`)
    .transform(itemsOf);

const itemsOf = (text: string): string[] => text.split(',').map((one) => one.trim());

/** Of a key of Standard Webhooks, in bytes. */
const SHORTEST_KEY = 24;
const LONGEST_KEY = 64;

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
function isStandardWebhooksSecret(text: string): boolean {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const key = Buffer.from(encoded ?? '', 'base64');
  return key.toString('base64') === encoded && SHORTEST_KEY <= key.length && key.length <= LONGEST_KEY;
}

/** A secret as Standard Webhooks shows it. */
export const standardWebhooksSecret = z
  .string()
  .refine(isStandardWebhooksSecret, `must be whsec_ and base64 of ${SHORTEST_KEY} to ${LONGEST_KEY} bytes`)
  .transform((value) => new SecretValue(value));
