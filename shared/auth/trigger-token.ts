import { createHash, timingSafeEqual } from 'node:crypto';
import type { SecretValue } from '../runtime/secret-value.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether an `Authorization` header carries one of the tokens. Compared in constant time; without tokens the answer is
 * always no. Two tokens are accepted while callers change from one to the other.
 */
export function isTrusted(authorization: string | null, tokens: readonly SecretValue[]): boolean {
  const [, given] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? [];
  return isOneOf(given ?? null, tokens);
}

/** Whether what was given is one of the tokens, in a time that does not tell how much of it is right; null never is. */
export function isOneOf(given: string | null, tokens: readonly SecretValue[]): boolean {
  const givenDigest = digest(given ?? '');
  const matches = tokens.map((token) => timingSafeEqual(digest(token.reveal()), givenDigest));
  return given !== null && matches.includes(true);
}
