import { createHmac } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import type { FunctionRequest } from '../../runtime/code-engine.ts';
import type { SecretValue } from '../../runtime/secret-value.ts';
import type { SenderSecrets } from '../../runtime/sender-settings.ts';
import { fittingSecret, isSame, unauthorized } from './sender-proof.ts';
import type { ProvenBy } from './sender-proof.ts';

/** How far the sender's clock may be from ours, in either direction. */
const TOLERANCE_SECONDS = 300;

/** A dot within would let parts of what is signed change places. */
const ID = /^[^.\s]{1,256}$/;
const TIMESTAMP = /^\d{1,12}$/;

/**
 * Checks a signature by Standard Webhooks 1.0.0, scheme `v1`, over the exact bytes of the body. Several signatures may stand in
 * the header, of which one must be right.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @throws HttpError 401; 503 without a secret.
 */
export function verifyStandardWebhook(request: FunctionRequest, secrets: SenderSecrets, clock: Clock): ProvenBy {
  const id = request.header('webhook-id') ?? '';
  const timestamp = request.header('webhook-timestamp') ?? '';
  const given = (request.header('webhook-signature') ?? '').split(' ');
  const provenBy = fittingSecret(secrets, (secret) => {
    const signature = signatureOf(id, timestamp, request.body, secret);
    return given.map((one) => isSame(one, signature)).includes(true);
  });
  const offSeconds = Math.abs(Math.floor(clock.nowMs() / 1_000) - Number(timestamp));
  if (!ID.test(id) || !TIMESTAMP.test(timestamp) || offSeconds > TOLERANCE_SECONDS) throw unauthorized();
  return provenBy;
}

function signatureOf(id: string, timestamp: string, body: Buffer, secret: SecretValue): string {
  const key = Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}
