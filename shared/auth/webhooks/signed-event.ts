import { createPublicKey, verify } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../runtime/clock.ts';

/** How far the signer's clock may be from ours. */
const TOLERANCE_SECONDS = 300;

/** Whatever else the header names, such as a key, is not looked at. `crit` would demand just that. */
const Header = z.object({ alg: z.literal('RS256'), crit: z.undefined().optional() });
const Lifetime = z.object({ exp: z.number().optional(), nbf: z.number().optional() });

/**
 * The payload of a compact JWS whose signature is good: RS256 by the given key (PEM) and nothing else, and within its lifetime
 * if it tells one. Null for any other. RFC 7515, RFC 7518 section 3.3.
 */
export function payloadOfSigned(compact: string, publicKey: string, clock: Clock): Buffer | null {
  const [header = '', payload = '', signature = '', ...more] = compact.split('.');
  const signed = Buffer.from(`${header}.${payload}`);
  const isGood =
    more.length === 0 &&
    [header, payload, signature].every(isBase64Url) &&
    Header.safeParse(jsonOf(header)).success &&
    verify('RSA-SHA256', signed, createPublicKey(publicKey), Buffer.from(signature, 'base64url'));
  return isGood && isAlive(jsonOf(payload), clock) ? Buffer.from(payload, 'base64url') : null;
}

/** In its one canonical form: what differs in bits that do not count is no signature of ours. */
const isBase64Url = (text: string): boolean =>
  text !== '' && Buffer.from(text, 'base64url').toString('base64url') === text;

function jsonOf(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** What is no object tells no lifetime; whether it is an event is for others to find out. */
function isAlive(payload: unknown, clock: Clock): boolean {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return true;
  const lifetime = Lifetime.safeParse(payload);
  if (!lifetime.success) return false;
  const nowSeconds = clock.nowMs() / 1_000;
  const { exp = nowSeconds, nbf = nowSeconds } = lifetime.data;
  return nowSeconds <= exp + TOLERANCE_SECONDS && nbf - TOLERANCE_SECONDS <= nowSeconds;
}
