import { createHmac } from 'node:crypto';
import { SECRET_PREFIX } from '../runtime/notice-targets.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { dataOf, timeOfNotice } from './notice.ts';
import type { Notice } from './notice.ts';

/** The body of a notice by Standard Webhooks. https://github.com/standard-webhooks/standard-webhooks */
export const webhookBody = (notice: Notice): string =>
  JSON.stringify({ type: notice.type, timestamp: timeOfNotice(notice), data: dataOf(notice) });

const signatureOf = (content: string, secret: SecretValue): string => {
  const key = Buffer.from(secret.reveal().slice(SECRET_PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
};

/** The headers of one attempt: signed with every secret, so that receivers can change theirs at their leisure. */
export function webhookHeaders(
  id: string,
  body: string,
  secrets: readonly SecretValue[],
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signatures = secrets.map((secret) => signatureOf(`${id}.${timestamp}.${body}`, secret));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
