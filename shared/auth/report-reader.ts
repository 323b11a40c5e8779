import type { SecretValue } from '../runtime/secret-value.ts';
import { isOneOf, isTrusted } from './trigger-token.ts';

/**
 * Whether an `Authorization` header lets somebody read the report: a bearer token as programs send it, or Basic with the token as the
 * password and any name of a user, as browsers ask for it.
 */
export const isReader = (authorization: string | null, tokens: readonly SecretValue[]): boolean =>
  isTrusted(authorization, tokens) || isOneOf(passwordIn(authorization), tokens);

/** https://www.rfc-editor.org/rfc/rfc7617: the name has no colon, the password may. */
function passwordIn(authorization: string | null): string | null {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return null;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return password ?? null;
}
