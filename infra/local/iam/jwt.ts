import { createHmac } from 'node:crypto';

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const signatureOf = (text: string, secret: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url');

/** A JSON web token that `readJwt` with the same secret takes. */
export function signJwt(claims: object, secret: string): string {
  const text = `${encoded({ alg: 'HS256', typ: 'JWT', kid: 'embedded-cloud' })}.${encoded(claims)}`;
  return `${text}.${signatureOf(text, secret)}`;
}

/** The claims of a token that was signed with `secret`; null for any other text. */
export function readJwt(token: string, secret: string): unknown {
  const [header = '', claims = '', signature = ''] = token.split('.');
  if (signature === '' || signature !== signatureOf(`${header}.${claims}`, secret)) return null;
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}
