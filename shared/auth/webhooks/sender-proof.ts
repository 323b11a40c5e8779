import { timingSafeEqual } from 'node:crypto';
import { HttpError } from '../../runtime/code-engine.ts';
import type { SecretValue } from '../../runtime/secret-value.ts';
import type { SenderSecrets } from '../../runtime/sender-settings.ts';

/** What a request was proven with. */
export type ProvenBy = 'current' | 'previous' | 'public-key';

/** The one answer to whatever is wrong with a proof: who guesses learns nothing from it. */
export const unauthorized = (): HttpError => new HttpError(401, 'unauthorized', 'Unauthorized.');

/** Nothing proves anything where there is nothing to check it with: such a route is closed. */
export const notConfigured = (): HttpError =>
  new HttpError(503, 'sender_not_configured', 'Nothing is accepted here: this sender is not configured.');

/** Compares texts in constant time; their lengths are no secret. */
export function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Which of the secrets fits. Both are tried, so that the time does not tell which.
 * @throws HttpError 401 where none fits, 503 where there is none.
 */
export function fittingSecret(
  { current, previous }: SenderSecrets,
  fits: (secret: SecretValue) => boolean,
): Exclude<ProvenBy, 'public-key'> {
  if (!current && !previous) throw notConfigured();
  const [byCurrent, byPrevious] = [current, previous].map((secret) => secret !== null && fits(secret));
  if (byCurrent) return 'current';
  if (byPrevious) return 'previous';
  throw unauthorized();
}
