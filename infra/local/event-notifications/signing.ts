import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

interface KeyPair {
  publicKey: string;
  privateKey: KeyObject;
}

const RSA_BITS = 2_048;

const encoded = (text: string): string => Buffer.from(text).toString('base64url');

/** The key pairs by which deliveries are signed, one for each destination, made when they are first needed. */
export class SigningKeys {
  readonly #pairs = new Map<string, KeyPair>();

  /** PEM, SPKI. */
  publicKeyOf(destinationId: string): string {
    return this.#pairOf(destinationId).publicKey;
  }

  /** A compact JWS, RS256: https://www.rfc-editor.org/rfc/rfc7515 */
  sign(destinationId: string, payload: string): string {
    const text = `${encoded(JSON.stringify({ alg: 'RS256', typ: 'JWT' }))}.${encoded(payload)}`;
    const signature = sign('RSA-SHA256', Buffer.from(text), this.#pairOf(destinationId).privateKey);
    return `${text}.${signature.toString('base64url')}`;
  }

  #pairOf(destinationId: string): KeyPair {
    const known = this.#pairs.get(destinationId);
    if (known) return known;
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS });
    const pair = { publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(), privateKey };
    this.#pairs.set(destinationId, pair);
    return pair;
  }
}
