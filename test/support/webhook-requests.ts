import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readRequest } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest } from '../../shared/runtime/code-engine.ts';

/** What a sender sends. */
export interface Delivery {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** Secrets of the senders, current and former; all made up. */
export const INCIDENT: readonly [string, string] = [`whsec_${'aW5j'.repeat(8)}`, `whsec_${'b2xk'.repeat(8)}`];
export const GITHUB: readonly [string, string] = [
  'github-secret-0123456789-0123456789',
  'github-former-0123456789-0123456789',
];
export const GITGUARDIAN: readonly [string, string] = ['gitguardian-token-0123456789', 'gitguardian-former-0123456789'];
export const EVENTS: readonly [string, string] = [
  'events-token-0123456789-0123456789-x',
  'events-former-0123456789-0123456789',
];

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const EVENTS_PRIVATE_KEY = privateKey;
export const EVENTS_PUBLIC_KEY = publicKey.export({ type: 'spki', format: 'pem' }).toString();

const PATH_OF = {
  incident: '/incident',
  github: '/github',
  gitguardian: '/gitguardian',
  eventNotifications: '/event-notifications',
};

export const bytesOf = (body: unknown): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Signed by Standard Webhooks. */
export function incident(body: unknown, { secret = INCIDENT[0], id = 'msg_1', atMs = Date.now() } = {}): Delivery {
  const bytes = bytesOf(body);
  const timestamp = String(Math.floor(atMs / 1_000));
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(bytes).digest('base64');
  const headers = { 'Webhook-Id': id, 'Webhook-Timestamp': timestamp, 'Webhook-Signature': `v1,${signature}` };
  return { path: PATH_OF.incident, headers: { ...JSON_TYPE, ...headers }, body: bytes };
}

export function github(
  body: unknown,
  { secret = GITHUB[0], event = 'secret_scanning_alert', delivery = 'delivery-1' } = {},
): Delivery {
  const bytes = bytesOf(body);
  const signature = `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`;
  const headers = { 'X-Github-Event': event, 'X-Github-Delivery': delivery, 'X-Hub-Signature-256': signature };
  return { path: PATH_OF.github, headers: { ...JSON_TYPE, ...headers }, body: bytes };
}

export function gitguardian(
  body: unknown,
  { secret = GITGUARDIAN[0], timestamp = String(Math.floor(Date.now() / 1_000)) } = {},
): Delivery {
  const bytes = bytesOf(body);
  const signature = createHmac('sha256', `${timestamp}${secret}`).update(bytes).digest('hex');
  const headers = { Timestamp: timestamp, 'Gitguardian-Signature': `sha256=${signature}` };
  return { path: PATH_OF.gitguardian, headers: { ...JSON_TYPE, ...headers }, body: bytes };
}

/** With the secret header. */
export const eventNotification = (body: unknown, { secret = EVENTS[0] } = {}): Delivery => ({
  path: PATH_OF.eventNotifications,
  headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` },
  body: bytesOf(body),
});

/** Without the header; the body is signed. */
export const signedEvent = (body: unknown, form: (compact: string) => unknown = (compact) => compact): Delivery => ({
  path: PATH_OF.eventNotifications,
  headers: { ...JSON_TYPE },
  body: bytesOf(form(compactOf(body))),
});

/** A compact JWS, with whatever header is asked for. */
export function compactOf(payload: unknown, header: object = { alg: 'RS256' }, key: KeyObject = privateKey): string {
  const signed = [JSON.stringify(header), bytesOf(payload)]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}

/** What Code Engine passes to `main` for a delivery. */
export const paramsOf = ({ path, headers, body }: Delivery): Record<string, unknown> => ({
  __ce_method: 'POST',
  __ce_path: path,
  __ce_headers: headers,
  __ce_body: body.toString('base64'),
});

export const requestOf = (delivery: Delivery): FunctionRequest => readRequest(paramsOf(delivery));

/** The same delivery with headers changed; null takes one away. */
export function withHeaders(delivery: Delivery, changes: Record<string, string | null>): Delivery {
  const changed = Object.entries({ ...delivery.headers, ...changes });
  const headers = Object.fromEntries(changed.filter((header): header is [string, string] => header[1] !== null));
  return { ...delivery, headers };
}
