import { createHash, scryptSync } from 'node:crypto';
import type { SecretValue } from '../runtime/secret-value.ts';

const HMSL_SALT = createHash('sha256').update('GitGuardian').digest();
const HMSL_COST = { N: 2048, r: 8, p: 1 };
const HMSL_BYTES = 32;

/**
 * Hashes by which a leaked value is found without reading any secret: plain SHA-256, and the one that GitGuardian reports
 * ("HasMySecretLeaked", scrypt; as computed by GitGuardian/ggshield, ggshield/verticals/hmsl/crypto.py). Hexadecimal.
 * A key is long and random, so a hash does not help to guess it. Of several secrets, in their order, with blanks between.
 */
export function hashesOf(...secrets: readonly SecretValue[]): { sha256: string; hmsl: string } {
  return { sha256: secrets.map(sha256Of).join(' '), hmsl: secrets.map(hmslOf).join(' ') };
}

const hmslOf = (value: SecretValue): string =>
  scryptSync(value.reveal(), HMSL_SALT, HMSL_BYTES, HMSL_COST).toString('hex');

/** Hexadecimal. */
export const sha256Of = (value: SecretValue): string => createHash('sha256').update(value.reveal()).digest('hex');
