import crypto from 'node:crypto';
import type { BinaryLike, ScryptOptions } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/*
 * Scrypt, by which a leaked value is found, is slow on purpose. The laboratories grow from one seed, so that the keys of one are
 * mostly the keys of the next, and there are thousands: whoever loads this file has the same computed once.
 */

const { scryptSync } = crypto;
const known = new Map<string, Buffer>();

const textOf = (input: BinaryLike): string =>
  typeof input === 'string' ? input : Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('latin1');

crypto.scryptSync = (password: BinaryLike, salt: BinaryLike, byteCount: number, cost: ScryptOptions = {}) => {
  const asked = JSON.stringify([typeof password, textOf(password), textOf(salt), byteCount, cost]);
  const hash = known.get(asked) ?? scryptSync(password, salt, byteCount, cost);
  known.set(asked, hash);
  return Buffer.from(hash);
};
syncBuiltinESMExports();
