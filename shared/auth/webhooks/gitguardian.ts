import { createHmac } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import type { FunctionRequest } from '../../runtime/code-engine.ts';
import type { SenderSecrets } from '../../runtime/sender-settings.ts';
import { fittingSecret, isSame, unauthorized } from './sender-proof.ts';
import type { ProvenBy } from './sender-proof.ts';

/** "A few seconds" are advised; a request that waits for a function to start takes some of its own. */
const TOLERANCE_MS = 60_000;

/**
 * Checks `Gitguardian-Signature` over the exact bytes of the body; its key is the `Timestamp` header with the signature token
 * behind it. In which form the time stands there is not documented: epoch seconds and ISO 8601 are understood.
 * https://docs.gitguardian.com/platform/monitor-perimeter/notifiers-integrations/custom-webhook
 * @throws HttpError 401; 503 without a secret.
 */
export function verifyGitguardian(request: FunctionRequest, secrets: SenderSecrets, clock: Clock): ProvenBy {
  const timestamp = request.header('timestamp') ?? '';
  const given = request.header('gitguardian-signature') ?? '';
  const provenBy = fittingSecret(secrets, (secret) =>
    isSame(
      given,
      `sha256=${createHmac('sha256', timestamp + secret.reveal())
        .update(request.body)
        .digest('hex')}`,
    ),
  );
  const sentMs = epochMsOf(timestamp);
  if (sentMs === null || Math.abs(clock.nowMs() - sentMs) > TOLERANCE_MS) throw unauthorized();
  return provenBy;
}

function epochMsOf(timestamp: string): number | null {
  if (/^\d{1,12}(\.\d{1,9})?$/.test(timestamp)) return Number(timestamp) * 1_000;
  const isIso = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/.test(timestamp);
  const parsedMs = isIso ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(parsedMs) ? null : parsedMs;
}
