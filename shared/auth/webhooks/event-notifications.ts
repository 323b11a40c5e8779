import type { Clock } from '../../runtime/clock.ts';
import type { FunctionRequest } from '../../runtime/code-engine.ts';
import type { EventNotificationsSender } from '../../runtime/sender-settings.ts';
import { isTrusted } from '../trigger-token.ts';
import { fittingSecret, notConfigured, unauthorized } from './sender-proof.ts';
import type { ProvenBy } from './sender-proof.ts';
import { payloadOfSigned } from './signed-event.ts';

/** The body itself, or the one field of an object; found without parsing what nobody has vouched for. */
const COMPACT = String.raw`[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`;
const SIGNED = new RegExp(String.raw`^\s*(?:"?(${COMPACT})"?|\{\s*"\w{1,40}"\s*:\s*"(${COMPACT})"\s*\})\s*$`);

/** An event, and what proves where it comes from. */
export interface ProvenEvent {
  provenBy: ProvenBy;
  /** JSON of the event: what was sent, or the payload of what was signed. */
  body: Buffer;
}

/**
 * Checks that a request comes from the destination at Event Notifications: by the secret header that was configured there or,
 * for a signed body, by the destination's public key. A signature that is wrong is not made good by the header.
 * https://cloud.ibm.com/docs/event-notifications?topic=event-notifications-en-destination-webhook
 * @throws HttpError 401; 503 where nothing is configured to check it with.
 */
export function verifyEventNotification(
  request: FunctionRequest,
  sender: EventNotificationsSender,
  clock: Clock,
): ProvenEvent {
  const signed = compactOf(request.body);
  const { publicKey } = sender;
  if (signed !== null && publicKey !== null) {
    const body = payloadOfSigned(signed, publicKey, clock);
    if (body === null) throw unauthorized();
    return { provenBy: 'public-key', body };
  }
  const hasSecret = sender.current !== null || sender.previous !== null;
  if (!hasSecret && publicKey !== null) throw unauthorized();
  const provenBy = fittingSecret(sender, (secret) => isTrusted(request.header('authorization'), [secret]));
  // What is in it cannot be had without the key, and to drop it quietly would lose events.
  if (signed !== null) throw notConfigured();
  return { provenBy, body: request.body };
}

function compactOf(body: Buffer): string | null {
  const [, whole, field] = SIGNED.exec(body.toString('utf8')) ?? [];
  return whole ?? field ?? null;
}
