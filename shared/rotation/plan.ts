import type { ManagedKey } from '../keys/manifest.ts';
import {
  askAboutAnotherOwner,
  askAboutLeftOvers,
  askAboutOurOwnKey,
  askAboutTheIdentity,
  askAboutThePlace,
  askAboutTheDisabled,
  askAboutTheSecret,
  askToEnd,
  askToImport,
} from './ask-rules.ts';
import {
  closedWindow,
  deathOf,
  dueAtMs,
  dueReason,
  extensionOf,
  mintBlock,
  occupantOf,
  regularBlock,
} from './mint-rules.ts';
import { guardName } from './observation.ts';
import type { Observation, SeenKey } from './observation.ts';
import { timeText } from './record.ts';
import { putOutOfUse, recentUse, retirementOf } from './retire-rules.ts';
import { idleSinceMs, isCompromised, isLockedByUndo, situationOf } from './situation.ts';
import type { OldKey, Situation } from './situation.ts';
import type { MintReason } from './record.ts';
import { isSettled } from './step.ts';
import type { Step } from './step.ts';

/** A rule of the policy: its step, or null when it has nothing to say. */
type Rule = (situation: Situation) => Step | null;

/**
 * The policy, most urgent first. The first rule that has something to say decides. People are told its name, so none is ever changed.
 */
const RULES: readonly (readonly [name: string, rule: Rule])[] = [
  ['contain-what-leaked', containWhatLeaked],
  ['ask-about-another-owner', askAboutAnotherOwner],
  ['ask-about-the-identity', askAboutTheIdentity],
  ['ask-about-the-secret', askAboutTheSecret],
  ['ask-about-the-disabled', askAboutTheDisabled],
  ['leave-alone-what-is-paused', leaveAloneWhatIsPaused],
  ['end-what-is-retired', endWhatIsRetired],
  ['ask-about-the-place', askAboutThePlace],
  ['replace-the-dead', replaceTheDead],
  ['retire-the-old', retireTheOld],
  ['free-the-previous', freeThePrevious],
  ['rotate-what-is-due', rotateWhatIsDue],
  ['tell-that-the-former-is-gone', tellThatTheFormerIsGone],
  ['wait-for-the-old', waitForTheOld],
];

/** The rule of a key for which no other one has anything to say. */
const REST = 'rest-until-due';

/** Names of all rules of the policy, most urgent first. */
export const RULE_NAMES: readonly string[] = [...RULES.map(([name]) => name), REST];

/**
 * The next step for one key. The whole policy of the product, and pure: the same key, observation and time always give
 * the same step.
 */
export function plan(key: ManagedKey, seen: Observation, nowMs: number): Step {
  return planByRule(key, seen, nowMs).step;
}

/** The same, with the name of the rule that decided. */
export function planByRule(key: ManagedKey, seen: Observation, nowMs: number): { step: Step; rule: string } {
  const situation = situationOf(key, seen, nowMs);
  for (const [name, rule] of RULES) {
    const step = rule(situation);
    if (step) return { step, rule: name };
  }
  const untilMs = dueAtMs(situation);
  const why = `key ${situation.currentKey?.id ?? ''} is current; the next rotation is due ${timeText(untilMs)}`;
  return { step: { step: 'rest', why, untilMs }, rule: REST };
}

/** A compromised key that still logs in is disabled before anything else. */
function containWhatLeaked({ key: entry, currentKey, oldKeys, secret, ownKeyId }: Situation): Step | null {
  const { replaceFirst } = entry.policy.onCompromise;
  const waits = replaceFirst && entry.state === 'active' && currentKey?.exists && !currentKey.canDisable;
  const candidates = [waits ? null : currentKey, ...oldKeys.map((old) => old.key)];
  // Without the key that it is logged in with Keyrota could not replace anything: that one is replaced first.
  const isLeaking = (key: SeenKey | null) =>
    key?.exists && !key.disabled && key.id !== ownKeyId && isCompromised(key, secret);
  const leaking = candidates.find(isLeaking);
  if (!leaking) return null;
  return { step: 'contain', why: `key ${leaking.id} was reported as compromised`, keyId: leaking.id };
}

/** A paused key is left as it is. But a leak is dealt with to its end, and the key must not expire unseen. */
function leaveAloneWhatIsPaused(situation: Situation): Step | null {
  const { key, oldKeys } = situation;
  if (!key.policy.paused) return null;
  const death = deathOf(situation);
  const isLeak = death && 'reason' in death && (death.reason === 'compromised' || death.reason === 'disabled');
  if (isLeak) return askAboutThePlace(situation) ?? replaceTheDead(situation);
  const leaked = oldKeys.filter((old) => old.compromised).map((old) => retirementOf(old, situation));
  const hold: Step = { step: 'hold', why: 'the manifest says paused', code: 'paused', sinceMs: null, untilMs: null };
  const freed = wasLeak(situation) ? freeThePrevious(situation) : null;
  return firstChange(leaked) ?? freed ?? extensionOf(situation) ?? firstAsk(leaked) ?? hold;
}

/** A retired entry gets no new key; all that it has go as soon as nobody uses them. */
function endWhatIsRetired(situation: Situation): Step | null {
  if (situation.key.state !== 'retired') return null;
  const steps = situation.oldKeys.map((old) => retirementOf(old, situation));
  const last = retireTheCurrent(situation);
  const all = [...steps, ...(last ? [last] : [])];
  return firstChange(all) ?? firstAsk(all) ?? last ?? steps[0] ?? nothingLeft(situation);
}

/** What is to be done with the current key of a retired entry. */
export function retireTheCurrent(situation: Situation): Step | null {
  const { key, current, currentKey, nowMs, secret } = situation;
  if (!currentKey?.exists || !current) return null;
  const sinceMs = current.createdAtMs;
  const compromised = isCompromised(currentKey, secret);
  const last: OldKey = {
    key: {
      ...currentKey,
      canDisable: currentKey.canDisable && idleSinceMs(secret?.versions ?? [], currentKey.id) === null,
    },
    compromised,
    lockedByUndo: isLockedByUndo(secret?.versions ?? [], currentKey.id, nowMs),
    supersededAtMs: sinceMs,
  };
  if (currentKey.disabled) return retirementOf(last, situation);
  // Nobody is to switch to a successor, so there is no grace to count: only disuse shows that nobody needs it.
  const inUse = recentUse(currentKey, Math.max(key.policy.unusedForMs, key.policy.graceMs), nowMs);
  const locks = current.locks.map((lock) => lock.name).filter((name) => name !== guardName(key.deployment));
  const isUseTold = currentKey.lastUsed !== 'unknown' || key.policy.evidence.unused;
  if (!isUseTold && locks.length === 0) return askToEnd(currentKey, situation);
  if (locks.length > 0) inUse.push(`consumers lock the version: ${locks.join(', ')}`);
  if (inUse.length > 0) {
    const why = `key ${currentKey.id} of a retired entry waits to be disabled: ${inUse.join('; ')}`;
    return { step: 'hold', why, code: 'evidence', sinceMs, untilMs: null };
  }
  return putOutOfUse(last, `the entry is retired, and nobody uses key ${currentKey.id}`, sinceMs, situation);
}

const nothingLeft = ({ secret }: Situation): Step => ({
  step: 'rest',
  why: secret
    ? `retired, and every key is gone; the entry can be deleted, and secret ${secret.name} once its locks are removed`
    : 'retired, and there is nothing left',
  untilMs: null,
});

/** Without a working current key consumers stand still: replace it at once, even while an older one is in grace. */
function replaceTheDead(situation: Situation): Step | null {
  const death = deathOf(situation);
  if (!death || 'step' in death) return death;
  if (!situation.secret) {
    // Keys of first mints that failed would pile up while the next one waits.
    const steps = situation.oldKeys.map((old) => retirementOf(old, situation));
    const discard = steps.find((step) => step.step === 'discard');
    if (discard) return discard;
    const leftOver = askAboutLeftOvers(situation);
    if (leftOver) return leftOver;
  }
  // A key that the owner has instead may be in use; a dead one of ours that takes the place is not.
  const isGone = !situation.currentKey?.exists;
  const block = mintBlock(situation) ?? askToImport(situation) ?? (isGone ? closedWindow(situation) : null);
  if (block) return moveLocks(block, death, situation) ?? block;
  if (situation.guardOnPrevious && situation.current) {
    const why = `${death.why}, and nothing can be stored while the former version is guarded`;
    return { step: 'release', why, versionId: situation.current.id };
  }
  return mintStep(death, situation);
}

/** Locks of consumers keep a regular rotation waiting. While a key that leaked is dead they would keep consumers without one. */
function moveLocks(
  block: Step,
  death: { reason: MintReason; why: string },
  { key, current, consumerLocksOnPrevious: moves }: Situation,
): Step | null {
  const isLock = block.step === 'hold' && block.code === 'consumer-lock';
  const isLeak = death.reason === 'compromised' || death.reason === 'disabled';
  if (!isLock || !isLeak || !current || key.policy.onCompromise.consumerLocks === 'wait') return null;
  const why = `${death.why}, and consumers lock the former version: ${moves.join(', ')}`;
  return { step: 'release', why, versionId: current.id, moves };
}

/** Locks of consumers on a version whose key leaked, and was replaced: what they protect is of no use to anybody. */
function uselessLocks(situation: Situation): readonly string[] {
  const { key, consumerLocksOnPrevious } = situation;
  return wasLeak(situation) && key.policy.onCompromise.consumerLocks !== 'wait' ? consumerLocksOnPrevious : [];
}

/** Whether the key of the former version leaked, or was taken for leaked when it was replaced. */
function wasLeak({ current, previous }: Situation): boolean {
  const reason = current?.record?.reason;
  return reason === 'compromised' || reason === 'disabled' || (previous?.record?.compromised_at ?? '') !== '';
}

/** Superseded and left-over keys: whatever can be done for one of them now. */
function retireTheOld(situation: Situation): Step | null {
  return firstChange(situation.oldKeys.map((old) => retirementOf(old, situation)));
}

/** Once the former key is gone its version needs no protection any more, and the summary says so. */
function freeThePrevious(situation: Situation): Step | null {
  const { guardOnPrevious, previous, oldKeys, current } = situation;
  const moves = uselessLocks(situation);
  const isHeld = guardOnPrevious || moves.length > 0;
  if (!isHeld || !current || oldKeys.some((old) => old.key.id === previous?.record?.key_id)) return null;
  const moving = moves.length === 0 ? '' : `, and the locks of ${moves.join(', ')} go to the new version`;
  const why = `the former key is gone${moving}`;
  return { step: 'release', why, versionId: current.id, ...(moves.length > 0 && { moves }) };
}

/**
 * Where there was no former version (an adopted key), or the summary could not be written, only that is put right: it
 * keeps no rotation waiting.
 */
function tellThatTheFormerIsGone({ guardOnPrevious, oldKeys, secret, current }: Situation): Step | null {
  // A summary that speaks of another key than the current one was written by a run that this list does not show yet.
  const summary = secret?.summary?.key_id === current?.record?.key_id ? secret?.summary : undefined;
  const former = summary?.previous_key_id || undefined;
  if (guardOnPrevious || former === undefined || oldKeys.some((old) => old.key.id === former)) return null;
  return current && { step: 'release', why: 'the former key is gone', versionId: current.id };
}

/** The regular rotation; where it has to wait, the current key must not expire meanwhile. */
function rotateWhatIsDue(situation: Situation): Step | null {
  const due = dueReason(situation);
  if (!due) return null;
  const own = askAboutOurOwnKey(situation);
  if (own) return extensionOf(situation) ?? own;
  const block = regularBlock(situation);
  if (block) return extensionOf(situation) ?? preferAsk(situation, block);
  return mintStep(due, situation);
}

function mintStep(wish: { reason: MintReason; why: string }, situation: Situation): Step {
  const removes = occupantOf(situation);
  if (removes === null) return { step: 'mint', ...wish };
  return { step: 'mint', reason: wish.reason, why: `${wish.why}; key ${removes} goes first`, removes };
}

/** A rotation that waits for the former key waits for whatever that key waits for: a person may have to be asked. */
function preferAsk(situation: Situation, block: Extract<Step, { step: 'hold' }>): Step {
  if (block.code !== 'former-key') return block;
  return waitForTheOld(situation) ?? block;
}

/** Nothing can be done now, but an old key is on its way. */
function waitForTheOld(situation: Situation): Step | null {
  const steps = situation.oldKeys.map((old) => retirementOf(old, situation));
  return firstAsk(steps) ?? steps[0] ?? null;
}

function firstAsk(steps: readonly Step[]): Step | null {
  return steps.find((step) => step.step === 'ask') ?? null;
}

function firstChange(steps: readonly Step[]): Step | null {
  return steps.find((step) => !isSettled(step)) ?? null;
}
