import { createHmac } from 'node:crypto';
import type { FunctionRequest } from '../../runtime/code-engine.ts';
import type { SenderSecrets } from '../../runtime/sender-settings.ts';
import { fittingSecret, isSame } from './sender-proof.ts';
import type { ProvenBy } from './sender-proof.ts';

/**
 * Checks `X-Hub-Signature-256` over the exact bytes of the body; the older header with SHA-1 is not looked at. GitHub signs no
 * time, so a delivery can be repeated: whoever acts on it must bear that.
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 * @throws HttpError 401; 503 without a secret.
 */
export function verifyGithub(request: FunctionRequest, secrets: SenderSecrets): ProvenBy {
  const given = request.header('x-hub-signature-256') ?? '';
  return fittingSecret(secrets, (secret) =>
    isSame(given, `sha256=${createHmac('sha256', secret.reveal()).update(request.body).digest('hex')}`),
  );
}
