import { formatDuration } from '../keys/duration.ts';
import { READ_MARK } from '../keys/read-mark.ts';
import { lockedAtIssuer } from './obstacles.ts';
import { timeText } from './record.ts';
import { MINT_LIMIT_MS, OLDEST_MINT_MS, idleSinceMs } from './situation.ts';
import type { ExistingKey, OldKey, Situation } from './situation.ts';
import type { Hold, Step } from './step.ts';

/**
 * What happens next to a key that is not current any more: grace, evidence, disable, quarantine, delete. A key of ours
 * that no version names has lost its value and is discarded, unless somebody uses it.
 */
export function retirementOf(old: OldKey, situation: Situation): Step {
  const { nowMs, ownKeyId } = situation;
  if (old.compromised && old.key.id === ownKeyId && !old.key.disabled) return askForFreshStart(old.key, situation);
  if (old.supersededAtMs !== null) return retireSuperseded(old, old.supersededAtMs, situation);
  const underWay = mintUnderWay(old, nowMs);
  if (underWay) return underWay;
  // It was used after its mint: Secrets Manager was put back to an older day, so it is superseded rather than lost.
  if (wasUsedAfterMint(old.key)) return retireSuperseded(old, supersededAtLatestMs(old, situation), situation);
  return discard(old, situation);
}

/** It is not contained while Keyrota needs it, and Keyrota needs it only until it is started anew. */
function askForFreshStart({ id }: ExistingKey, { key: { secret } }: Situation): Step {
  const why = `key ${id} was reported as compromised, and Keyrota itself is logged in with it`;
  return {
    step: 'ask',
    why,
    code: 'own_key_leaked',
    problem: `${why[0]?.toUpperCase()}${why.slice(1)}: it is replaced, and works until Keyrota is started with its successor.`,
    steps: [`Start Keyrota with the current value of secret ${secret.name} (KEYROTA_API_KEY), at once.`],
  };
}

/** While a key is this young, a run may still be about to store it; null for one that a version names. */
export function mintUnderWay({ key, supersededAtMs }: OldKey, nowMs: number): Hold | null {
  const untilMs = key.createdAtMs + OLDEST_MINT_MS;
  if (supersededAtMs !== null || nowMs >= untilMs) return null;
  const why = `key ${key.id} is of ours and no version names it yet: its mint may be under way`;
  return { step: 'hold', why, code: 'mint-under-way', sinceMs: key.createdAtMs, untilMs };
}

/** A login during the mint is our own verification. Unknown counts as used. */
export function wasUsedAfterMint({ lastUsed, createdAtMs }: ExistingKey): boolean {
  if (lastUsed === 'never') return false;
  return lastUsed === 'unknown' || lastUsed.atMs > createdAtMs + MINT_LIMIT_MS;
}

const supersededAtLatestMs = (old: OldKey, { current }: Situation): number =>
  Math.max(old.key.createdAtMs, current?.createdAtMs ?? 0);

function retireSuperseded(old: OldKey, supersededAtMs: number, situation: Situation): Step {
  const { key } = old;
  if (key.disabled) return quarantine(old, supersededAtMs, situation, 'delete');
  const graceEndsMs = supersededAtMs + situation.key.policy.graceMs;
  if (situation.nowMs < graceEndsMs) {
    const why = `key ${key.id} was superseded ${timeText(supersededAtMs)} and is in grace`;
    return { step: 'hold', why, code: 'grace', sinceMs: supersededAtMs, untilMs: graceEndsMs };
  }
  const missing = missingEvidence(old, situation);
  if (missing.length > 0) return holdForEvidence(old, graceEndsMs, missing, situation);
  const why = `key ${key.id} is superseded, its grace is over, and ${evidenceOf(situation)}`;
  return putOutOfUse(old, why, graceEndsMs, situation);
}

/** What the entry wants to know before an old key ends is known. */
const evidenceOf = ({ key: { policy } }: Situation): string =>
  policy.evidence.unused ? 'nobody uses it' : 'the evidence that its entry asks for is there';

/** What is not yet known of the evidence that the manifest wants, as sentences. */
function missingEvidence({ key }: OldKey, situation: Situation): string[] {
  const { policy, state } = situation.key;
  const missing: string[] = [];
  // Of a retired entry nobody will fetch anything any more.
  if (policy.evidence.fetched && state === 'active' && !situation.current?.fetched) missing.push(notFetched(situation));
  const enabled = enabledLately(key, policy.unusedForMs, situation.nowMs);
  if (policy.evidence.unused) missing.push(...recentUse(key, policy.unusedForMs, situation.nowMs));
  else if (enabled) missing.push(enabled);
  if (policy.evidence.noConsumerLock && situation.consumerLocksOnPrevious.length > 0) {
    missing.push(`consumers lock the old version: ${situation.consumerLocksOnPrevious.join(', ')}`);
  }
  return missing;
}

/** Where Keyrota itself had to read it, nothing tells whether anybody else did. */
const notFetched = ({ current }: Situation): string =>
  current && READ_MARK in current.metadata
    ? 'Keyrota itself had to read the new version to log in, so it is not known whether consumers have'
    : 'nobody has fetched the new version';

/** Empty when the key counts as unused for that long. */
export function recentUse(key: ExistingKey, unusedForMs: number, nowMs: number): string[] {
  const { lastUsed, createdAtMs } = key;
  if (lastUsed === 'unknown') return ['the issuer does not tell when the key was last used'];
  const enabled = enabledLately(key, unusedForMs, nowMs);
  if (enabled) return [enabled];
  const lastUsedAtMs = lastUsed === 'never' ? createdAtMs : lastUsed.atMs;
  if (nowMs - lastUsedAtMs >= unusedForMs) return [];
  return [`the key was last used ${timeText(lastUsedAtMs)}, less than ${formatDuration(unusedForMs)} ago`];
}

/** Whoever enabled a key by hand wants to use it, whether it has logged in by now or not. */
function enabledLately({ enabledAtMs }: ExistingKey, unusedForMs: number, nowMs: number): string | null {
  if (enabledAtMs === null || nowMs - enabledAtMs >= unusedForMs) return null;
  return `the key was enabled again ${timeText(enabledAtMs)}, less than ${formatDuration(unusedForMs)} ago`;
}

function holdForEvidence(old: OldKey, sinceMs: number, missing: string[], situation: Situation): Step {
  const { key, nowMs } = situation;
  const { atMostMs, afterwards } = key.policy.hold;
  const untilMs = sinceMs + atMostMs;
  const why = `key ${old.key.id} waits to be ${old.key.canDisable ? 'disabled' : 'deleted'}: ${missing.join('; ')}`;
  if (nowMs < untilMs) return { step: 'hold', why, code: 'evidence', sinceMs, untilMs };
  if (afterwards === 'disable') {
    const enough = `${why}; it waited ${formatDuration(atMostMs)}, and the manifest says disable`;
    return putOutOfUse(old, enough, untilMs, situation);
  }
  return {
    step: 'ask',
    why,
    code: 'held_too_long',
    problem: `Key ${old.key.id} (${old.key.name}) cannot be retired: ${missing.join('; ')}.`,
    steps: [
      'Find who still uses the old key and let it fetch the current version of the secret.',
      'To retire it all the same: give its entry in the manifest `hold: { afterwards: disable }`.',
    ],
  };
}

/** Disables the key, unless somebody else protects it at the issuer. Where that cannot be, it is deleted later instead. */
export function putOutOfUse(old: OldKey, why: string, sinceMs: number, situation: Situation): Step {
  const own = waitForFreshStart(old.key.id, sinceMs, situation);
  if (own) return own;
  if (old.key.locked && !old.lockedByUndo) return waitForUnlock(old, sinceMs, situation);
  if (!old.key.canDisable) return deleteLater(old.key, why, situation);
  return { step: 'disable', why, keyId: old.key.id, unlockFirst: old.key.locked };
}

/**
 * There is no quarantine for a key that cannot be disabled: it works on for as long, from the moment in which all was there that
 * its end waits for, and goes if that has not changed. Until the moment is noted it has only just come.
 */
function deleteLater(key: ExistingKey, why: string, { key: { policy }, secret, nowMs }: Situation): Step {
  const sinceMs = idleSinceMs(secret?.versions ?? [], key.id) ?? nowMs;
  const untilMs = sinceMs + policy.quarantineMs;
  if (nowMs >= untilMs) return { step: 'delete', why: `${why}; Keyrota cannot disable it`, keyId: key.id };
  const waits = `${why}; Keyrota cannot disable it, so it works until ${timeText(untilMs)} and is deleted then`;
  return { step: 'hold', why: waits, code: 'quarantine', sinceMs, untilMs };
}

/** Whether a key that cannot be disabled is on its way to be deleted, by what is to be done with it next. */
export const isIdle = ({ canDisable, disabled }: ExistingKey, next: Step): boolean =>
  !canDisable && !disabled && (next.step === 'delete' || (next.step === 'hold' && next.code === 'quarantine'));

/** Keyrota's own key goes when Keyrota has been started with the next one, which is when this very run is logged in with that. */
function waitForFreshStart(keyId: string, sinceMs: number, situation: Situation): Step | null {
  const { key, ownKeyId, currentKey, nowMs } = situation;
  const isStarted = ownKeyId !== null && ownKeyId === currentKey?.id && keyId !== ownKeyId;
  if (keyId !== ownKeyId && (!key.runsKeyrota || isStarted)) return null;
  const why =
    keyId === ownKeyId
      ? `Keyrota itself is logged in with key ${keyId}`
      : `no start of Keyrota with key ${currentKey?.id ?? ''} was seen, and it may still run on key ${keyId}`;
  const untilMs = sinceMs + key.policy.hold.atMostMs;
  if (nowMs < untilMs) return { step: 'hold', why, code: 'own-key', sinceMs, untilMs };
  return {
    step: 'ask',
    why,
    code: 'own_key_in_use',
    problem: `Key ${keyId} cannot be retired: ${why}.`,
    steps: [
      `Let Keyrota load its key from secret ${key.secret.name} at each start, and start it again (KEYROTA_API_KEY).`,
      'If it logs in otherwise by now, take `runsKeyrota` out of the entry.',
    ],
  };
}

/** Somebody protects the key at the issuer. While it is there nothing new can be stored, so in the end a person is asked. */
function waitForUnlock({ key }: OldKey, sinceMs: number, { key: entry, nowMs, facts }: Situation): Step {
  const why = `key ${key.id} is locked at the issuer by somebody else: unlock it there to let it retire`;
  const untilMs = sinceMs + entry.policy.hold.atMostMs;
  if (nowMs < untilMs) return { step: 'hold', why, code: 'issuer-lock', sinceMs, untilMs };
  return {
    step: 'ask',
    why,
    ...lockedAtIssuer(facts.toUnlock(entry, key.id), `Key ${key.id} cannot be retired: it is locked at the issuer.`),
  };
}

function discard(old: OldKey, situation: Situation): Step {
  const { key } = old;
  if (key.disabled) return quarantine(old, key.createdAtMs, situation, 'discard');
  if (key.locked) return waitForUnlock(old, key.createdAtMs, situation);
  const phase = key.canDisable ? 'disable' : 'delete';
  const why = `key ${key.id} is of ours, no version names it, and nobody used it after its mint: its value is lost`;
  return { step: 'discard', why, keyId: key.id, phase };
}

/** A disabled key waits, so that somebody who needs it after all can have it back. */
function quarantine(old: OldKey, fromAtLeastMs: number, situation: Situation, then: 'delete' | 'discard'): Step {
  const { key } = old;
  const { nowMs } = situation;
  const { quarantineMs } = situation.key.policy;
  // When the issuer does not tell since when it is disabled, the quarantine has only just begun.
  const fromMs = Math.max(fromAtLeastMs, key.disabledAtMs ?? nowMs);
  const untilMs = fromMs + quarantineMs;
  if (nowMs < untilMs && !old.compromised) {
    if (key.disabledAtMs === null && nowMs >= longestRetirementMs(fromAtLeastMs, situation))
      return askToDelete(old, situation, 'disabled_since_unknown');
    const why = `key ${key.id} is disabled and in quarantine`;
    return { step: 'hold', why, code: 'quarantine', sinceMs: fromMs, untilMs };
  }
  if (key.locked && old.lockedByUndo) {
    return {
      step: 'disable',
      why: `an undo locked key ${key.id}; it is superseded again`,
      keyId: key.id,
      unlockFirst: true,
    };
  }
  if (key.locked)
    return old.compromised
      ? askToDelete(old, situation, 'compromised_key_locked')
      : waitForUnlock(old, untilMs, situation);
  const why = old.compromised
    ? `key ${key.id} was compromised and is replaced`
    : `key ${key.id} was disabled ${timeText(fromMs)} and its quarantine is over`;
  return then === 'delete'
    ? { step: 'delete', why, keyId: key.id }
    : { step: 'discard', why, keyId: key.id, phase: 'delete' };
}

/** By then every regular retirement is over. */
const longestRetirementMs = (sinceMs: number, { key: { policy } }: Situation): number =>
  sinceMs + policy.graceMs + policy.hold.atMostMs + policy.quarantineMs;

function askToDelete(
  { key }: OldKey,
  { key: entry, facts }: Situation,
  code: 'disabled_since_unknown' | 'compromised_key_locked',
): Step {
  const why =
    code === 'disabled_since_unknown'
      ? `key ${key.id} is disabled, and the issuer does not tell since when`
      : `key ${key.id} was compromised and is replaced, but somebody locked it at the issuer`;
  return {
    step: 'ask',
    why,
    code,
    problem: `${why[0]?.toUpperCase()}${why.slice(1)}: it is not deleted.`,
    steps: [
      ...(key.locked ? [facts.toUnlock(entry, key.id)] : []),
      `When nobody needs it any more: ${facts.toDelete(entry, key.id)}`,
    ],
  };
}
