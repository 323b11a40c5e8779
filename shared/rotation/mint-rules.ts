import { DAY_MS, MINUTE_MS } from '../keys/duration.ts';
import { timeOf, timeText } from './record.ts';
import type { MintReason } from './record.ts';
import { wasUsedAfterMint } from './retire-rules.ts';
import { OLDEST_MINT_MS, isCompromised } from './situation.ts';
import type { Situation } from './situation.ts';
import type { Step } from './step.ts';

/** A key that expires within this time must be replaced, or moved on if that has to wait. */
const EXPIRY_MARGIN_MS = 15 * DAY_MS;

/** A key is lost when its issuer says 404 and its version is older than this: IAM is eventually consistent. */
const LOST_AFTER_MS = 15 * MINUTE_MS;

/** Failed first mints leave a disabled key each; the next attempt waits longer with each of them. */
const FIRST_BACK_OFF_MS = 15 * MINUTE_MS;
const LONGEST_BACK_OFF_MS = DAY_MS;

/** Why the current key does not work, or null when it does. */
export function deathOf(
  situation: Situation,
): { reason: MintReason; why: string } | Extract<Step, { step: 'hold' }> | null {
  const { current, currentKey, secret, nowMs } = situation;
  if (!current?.record || !currentKey) return { reason: 'first', why: 'there is no key yet' };
  const id = currentKey.id;
  if (current.record.dead_at !== '') return { reason: 'lost', why: `key ${id} was dead when it was stored` };
  if (!currentKey.exists) {
    const lostAtMs = current.createdAtMs + LOST_AFTER_MS;
    if (nowMs >= lostAtMs) return { reason: 'lost', why: `the issuer says that key ${id} is gone` };
    const why = `key ${id} is not visible at the issuer yet`;
    return { step: 'hold', why, code: 'key-not-visible', sinceMs: current.createdAtMs, untilMs: lostAtMs };
  }
  if (isCompromised(currentKey, secret)) return { reason: 'compromised', why: `key ${id} was reported as compromised` };
  if (currentKey.disabled)
    return { reason: 'disabled', why: `key ${id} was disabled by somebody else: it counts as compromised` };
  if (currentKey.expiresAtMs !== null && currentKey.expiresAtMs <= nowMs)
    return { reason: 'expired', why: `key ${id} has expired` };
  return null;
}

/** When a working current key is to be replaced. */
export function dueAtMs({ key, current, currentKey }: Situation): number {
  const byAgeMs = (current?.createdAtMs ?? 0) + key.policy.dueAfterMs;
  const expiresAtMs = currentKey?.exists ? currentKey.expiresAtMs : null;
  return expiresAtMs === null ? byAgeMs : Math.min(byAgeMs, expiresAtMs - EXPIRY_MARGIN_MS);
}

/** Why a working current key is to be replaced now, or null. */
export function dueReason(situation: Situation): { reason: MintReason; why: string } | null {
  const { current, currentKey, rotationAsked, nowMs } = situation;
  if (rotationAsked) return { reason: 'asked', why: 'a rotation was asked for' };
  if (currentKey?.exists && !currentKey.ownerMatches) {
    return { reason: 'moved', why: `key ${currentKey.id} belongs to another identity than the manifest names` };
  }
  if (current?.record?.op === '') return { reason: 'adopted', why: 'an adopted key is replaced by one of ours' };
  const dueMs = dueAtMs(situation);
  return nowMs >= dueMs ? { reason: 'due', why: `the rotation was due ${timeText(dueMs)}` } : null;
}

/** What keeps any mint from starting, whatever its reason. */
export function mintBlock(situation: Situation): Extract<Step, { step: 'hold' }> | null {
  const { lease, consumerLocksOnPrevious, nowMs } = situation;
  const backOff = situation.rotationAsked ? null : backOffOf(situation);
  if (backOff && nowMs < backOff.untilMs) {
    const why = `the last ${backOff.failures} mints failed`;
    return { step: 'hold', why, code: 'back-off', sinceMs: backOff.sinceMs, untilMs: backOff.untilMs };
  }
  if (lease) {
    const why = `mint ${lease.op} has claimed the current version`;
    return { step: 'hold', why, code: 'mint-under-way', sinceMs: lease.sinceMs, untilMs: lease.untilMs };
  }
  if (consumerLocksOnPrevious.length === 0) return null;
  const why = `consumers lock the previous version: ${consumerLocksOnPrevious.join(', ')}`;
  return { step: 'hold', why, code: 'consumer-lock', sinceMs: oldestLockMs(situation), untilMs: null };
}

const oldestLockMs = ({ previous, nowMs }: Situation): number =>
  Math.min(nowMs, ...(previous?.locks ?? []).map((lock) => lock.updatedAtMs));

function backOffOf(situation: Situation): { failures: number; sinceMs: number; untilMs: number } | null {
  const { secret, nowMs } = situation;
  if (!secret) return firstBackOff(situation);
  const untilMs = timeOf(secret.summary?.not_before ?? '');
  return untilMs === null ? null : { failures: secret.summary?.failures ?? 0, sinceMs: nowMs, untilMs };
}

/** Without a secret there is no summary: the disabled keys of failed first mints tell how many there were, and when. */
function firstBackOff({ oldKeys }: Situation): { failures: number; sinceMs: number; untilMs: number } | null {
  const failed = oldKeys.filter((old) => old.supersededAtMs === null && !wasUsedAfterMint(old.key));
  if (failed.length === 0) return null;
  const latestMs = Math.max(...failed.map((old) => old.key.createdAtMs));
  const waitMs = Math.min(FIRST_BACK_OFF_MS * 2 ** (failed.length - 1), LONGEST_BACK_OFF_MS);
  return { failures: failed.length, sinceMs: latestMs, untilMs: latestMs + Math.max(waitMs, OLDEST_MINT_MS) };
}

/** What keeps a regular rotation, of a key that still works, from starting. */
export function regularBlock(situation: Situation): Extract<Step, { step: 'hold' }> | null {
  const { key, nowMs, guardOnPrevious, previous } = situation;
  const window = key.policy.freeze.find(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs);
  if (window && !situation.rotationAsked) {
    return { step: 'hold', why: window.reason, code: 'freeze', sinceMs: window.fromMs, untilMs: window.untilMs };
  }
  if (guardOnPrevious) {
    const why = `the former key ${previous?.record?.key_id ?? ''} is not gone yet`;
    return { step: 'hold', why, code: 'former-key', sinceMs: previous?.createdAtMs ?? nowMs, untilMs: null };
  }
  return mintBlock(situation);
}

/** The expiry to give to a current key that would expire while its replacement has to wait; null when it would not. */
export function extensionOf({ key, currentKey, nowMs }: Situation): Extract<Step, { step: 'extend' }> | null {
  if (!currentKey?.exists || currentKey.expiresAtMs === null || currentKey.disabled) return null;
  if (currentKey.expiresAtMs - nowMs > EXPIRY_MARGIN_MS) return null;
  const why = `key ${currentKey.id} would expire ${timeText(currentKey.expiresAtMs)} while its replacement waits`;
  return { step: 'extend', why, keyId: currentKey.id, expiresAtMs: nowMs + key.policy.expiresAfterMs };
}
