import { MINUTE_MS } from '../keys/duration.ts';
import { backOffOf } from './back-off.ts';
import { lockedAtIssuer } from './obstacles.ts';
import { timeOf, timeText } from './record.ts';
import type { MintReason } from './record.ts';
import { mintUnderWay } from './retire-rules.ts';
import { opensAtMs } from '../keys/maintenance-window.ts';
import { EXPIRY_MARGIN_MS, LEASE_MS, MINT_LIMIT_MS, expiresSoon, isCompromised, isLockedByUndo } from './situation.ts';
import type { Situation } from './situation.ts';
import type { Hold, Step } from './step.ts';

/** A key is lost when its issuer says 404 and its version is older than this: IAM is eventually consistent. */
const LOST_AFTER_MS = 15 * MINUTE_MS;

/** How long the versions of a secret may lag behind what was stored. */
const VERSIONS_LAG_MS = 15 * MINUTE_MS;

/** The issuer's clock, that of Secrets Manager and ours may differ by this much. */
const CLOCKS_DIFFER_MS = MINUTE_MS;

/** Why the current key does not work, or null when it does. */
export function deathOf(situation: Situation): { reason: MintReason; why: string } | Hold | null {
  const { current, currentKey, secret, nowMs, claimedRemoval } = situation;
  if (!current?.record || !currentKey) return { reason: 'first', why: 'there is no key yet' };
  const id = currentKey.id;
  if (current.record.dead_at !== '') return { reason: 'lost', why: `key ${id} was dead when it was stored` };
  if (!currentKey.exists) {
    if (isCompromised({ id, markedCompromised: false }, secret))
      return { reason: 'compromised', why: `key ${id} was compromised, and is gone` };
    // What a mint of ours was to remove is not merely late.
    const lostAtMs = claimedRemoval === id ? nowMs : current.createdAtMs + LOST_AFTER_MS;
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
export function mintBlock(situation: Situation): Hold | null {
  const { secret, lease, consumerLocksOnPrevious } = situation;
  // The first mint has nothing to claim: its key is what tells others of it.
  const underWay = secret ? notVisibleYet(situation) : youngMint(situation);
  const wait = underWay ?? backOffOf(situation, isWithoutKey(situation) ? LEASE_MS : Infinity);
  if (wait) return wait;
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

/** The summary comes with the store, the list of versions may come later: what is stored already is not made again. */
export function notVisibleYet({ secret, current, nowMs }: Situation): Hold | null {
  const { key_id: keyId = '', rotated_at: rotatedAt = '' } = secret?.summary ?? {};
  const sinceMs = timeOf(rotatedAt);
  if (keyId === '' || keyId === current?.record?.key_id || sinceMs === null) return null;
  const untilMs = sinceMs + VERSIONS_LAG_MS;
  if (nowMs >= untilMs || sinceMs > nowMs + VERSIONS_LAG_MS) return null;
  const why = `key ${keyId} was stored, and its version is not visible yet`;
  return { step: 'hold', why, code: 'mint-under-way', sinceMs, untilMs };
}

/** A key of ours that no version names yet: a run may be about to store it, or have stored it just now. */
function youngMint({ oldKeys, nowMs }: Situation): Hold | null {
  for (const old of oldKeys) {
    const hold = old.key.disabled ? null : mintUnderWay(old, nowMs);
    if (hold) return hold;
  }
  return null;
}

/** What keeps a regular rotation, of a key that still works, from starting. */
export function regularBlock(situation: Situation): Hold | null {
  const { key, nowMs, guardOnPrevious, previous, current, oldKeys } = situation;
  const window = key.policy.freeze.find(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs);
  if (window && !situation.rotationAsked) {
    return { step: 'hold', why: window.reason, code: 'freeze', sinceMs: window.fromMs, untilMs: window.untilMs };
  }
  const closed = closedWindow(situation);
  if (closed) return closed;
  const formerId = previous?.record?.key_id;
  // Its guard may have been taken off: what is stored now would push its value out all the same.
  if (guardOnPrevious || (formerId !== undefined && oldKeys.some((old) => old.key.id === formerId))) {
    const why = `the former key ${formerId ?? ''} is not gone yet`;
    return { step: 'hold', why, code: 'former-key', sinceMs: current?.createdAtMs ?? null, untilMs: null };
  }
  return mintBlock(situation) ?? youngMint(situation);
}

/** The key that must go before another can come, where the owner can have one only; null where the place is free, or there is no end of places. */
export function occupantOf({ facts, currentKey, oldKeys, stranger, key, seenKeys }: Situation): string | null {
  if (facts.keysPerOwner === 'many') return null;
  if (currentKey?.exists) return currentKey.id;
  const adopted = seenKeys.find((one) => one.exists && key.adopt.includes(one.id));
  return oldKeys[0]?.key.id ?? adopted?.id ?? stranger?.id ?? null;
}

/** The owner could have one key, and has none of use: its consumers stand still, and there is nothing left to lose. */
function isWithoutKey(situation: Situation): boolean {
  if (situation.facts.keysPerOwner === 'many') return false;
  return occupantOf(situation) === null || (!situation.currentKey?.exists && isLeftOver(situation));
}

/** A key that somebody may use is removed in its window only, unless a person wants it now. */
export function closedWindow(situation: Situation): Hold | null {
  const { key, nowMs, rotationAsked } = situation;
  if (key.window === null || rotationAsked || occupantOf(situation) === null || isLeftOver(situation)) return null;
  const untilMs = opensAtMs(key.window, nowMs);
  if (untilMs === null) return null;
  const why = `its owner can have one key only, so the old one goes first, and its window opens ${timeText(untilMs)}`;
  return { step: 'hold', why, code: 'window', sinceMs: null, untilMs };
}

/**
 * The key that takes the place was made by a mint of ours that was cut off: nobody has its value. Or the mint that was cut off
 * was to remove it, which was decided then.
 */
export function isLeftOver({ stranger, claimedAtMs, claimedRemoval, claimEndedAtMs }: Situation): boolean {
  if (!stranger || claimedAtMs === null) return false;
  const { id, createdAtMs } = stranger;
  if (id === claimedRemoval) return true;
  const untilMs = Math.min(claimedAtMs + MINT_LIMIT_MS, (claimEndedAtMs ?? Infinity) + CLOCKS_DIFFER_MS);
  return claimedAtMs - CLOCKS_DIFFER_MS <= createdAtMs && createdAtMs <= untilMs;
}

/** Moves the expiry of a current key that would expire while its replacement has to wait; null when it would not. */
export function extensionOf({
  key,
  currentKey,
  secret,
  nowMs,
  facts,
}: Situation): Extract<Step, { step: 'extend' | 'ask' }> | null {
  if (!currentKey?.exists || currentKey.expiresAtMs === null || currentKey.disabled) return null;
  if (!expiresSoon(currentKey, nowMs)) return null;
  const { id, locked } = currentKey;
  const why = `key ${id} would expire ${timeText(currentKey.expiresAtMs)} while its replacement waits`;
  // A locked key cannot be changed, whoever locked it.
  if (locked && !isLockedByUndo(secret?.versions ?? [], id, nowMs)) {
    return {
      step: 'ask',
      why,
      ...lockedAtIssuer(facts.toUnlock(key, id), `${why}, and somebody locked it at the issuer`),
    };
  }
  return { step: 'extend', why, keyId: id, expiresAtMs: nowMs + key.policy.expiresAfterMs, unlockFirst: locked };
}
