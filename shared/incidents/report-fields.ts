import { createHash } from 'node:crypto';
import * as z from 'zod';

const LONGEST_URL = 2_000;

/** A hash of 256 bits in hexadecimal, made small letters. */
export const HexHash = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
  .transform((hash) => hash.toLowerCase());

/** Epoch milliseconds of a time as others tell it; null for what is none. */
export const LenientTime = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .nullable()
  .catch(null);

/** An address for a person to open; null for what is none. It is never fetched. */
export const LenientUrl = z
  .string()
  .max(LONGEST_URL)
  .refine((text) => URL.canParse(text) && new URL(text).protocol === 'https:')
  .nullable()
  .catch(null);

const LONGEST_DELIVERY_ID = 200;

const hashed = (text: string | Buffer): string => `sha256-${createHash('sha256').update(text).digest('hex')}`;

/** For senders that give a delivery no id: a repeat has the same body. */
export const idOfBody = (body: Buffer): string => hashed(body);

/** The id that a sender gives a delivery. It is kept in metadata that has room for little: of a long one the hash, which repeats like it. */
export const deliveryIdOf = (told: string): string => (told.length > LONGEST_DELIVERY_ID ? hashed(told) : told);
