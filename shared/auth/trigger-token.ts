import { createHash, timingSafeEqual } from 'node:crypto';
import type { SecretValue } from '../runtime/secret-value.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether an `Authorization` header carries one of the tokens. Compared in constant time; without tokens the answer is
 * always no. Two tokens are accepted while callers change from one to the other.
 */
export function isTrusted(authorization: string | null, tokens: readonly SecretValue[]): boolean {
  const [, given] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? [];
  const givenDigest = digest(given ?? '');
  const matches = tokens.map((token) => timingSafeEqual(digest(token.reveal()), givenDigest));
  return given !== undefined && matches.includes(true);
}
