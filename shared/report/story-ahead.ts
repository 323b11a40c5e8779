import { formatDuration } from '../keys/duration.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { deathOf, dueAtMs } from '../rotation/mint-rules.ts';
import type { Observation } from '../rotation/observation.ts';
import { retireTheCurrent } from '../rotation/plan.ts';
import { timeText } from '../rotation/record.ts';
import { retirementOf } from '../rotation/retire-rules.ts';
import { situationOf } from '../rotation/situation.ts';
import type { ExistingKey, OldKey, Situation } from '../rotation/situation.ts';
import type { Step } from '../rotation/step.ts';
import type { StoryEvent } from './key-story.ts';

/** What else is known by time alone. */
interface Ahead {
  atMs: number;
  what: StoryEvent['what'];
  keyId: string | null;
  text: string;
}

/**
 * What comes at which time if nothing changes: by the rules of plan itself, asked of each key by its own. Soonest first. What waits for
 * people or for evidence has no time, and is not in here.
 * @param step What plan has decided.
 */
export function storyAhead(key: ManagedKey, seen: Observation, step: Step, nowMs: number): StoryEvent[] {
  const situation = situationOf(key, seen, nowMs);
  const all = [
    ...situation.oldKeys.flatMap((old) => endOf(old, situation)),
    ...endOfRetired(situation),
    ...dueOf(situation),
    ...goingOn(step),
    ...seen.keys.flatMap((one) => (one.exists ? expiryOf(one, situation) : [])),
  ];
  return all
    .toSorted((one, other) => one.atMs - other.atMs)
    .map(({ atMs, ...event }) => ({ at: timeText(atMs), ...event }));
}

const endOf = (old: OldKey, situation: Situation): Ahead[] =>
  eventsOf(old.key, retirementOf(old, situation), situation);

/** The current key of a retired entry ends as well. */
function endOfRetired(situation: Situation): Ahead[] {
  const { key, currentKey } = situation;
  const next = key.state === 'retired' && currentKey?.exists ? retireTheCurrent(situation) : null;
  return next && currentKey?.exists ? eventsOf(currentKey, next, situation) : [];
}

/** What the next step for a key that goes means for its time. */
function eventsOf({ id, canDisable }: ExistingKey, next: Step, situation: Situation): Ahead[] {
  const { nowMs, key } = situation;
  const { quarantineMs, hold } = key.policy;
  const quarantine = formatDuration(quarantineMs);
  const of = (atMs: number, what: Ahead['what'], text: string): Ahead => ({ atMs, what, keyId: id, text });
  const deletedLater = (fromMs: number) =>
    of(fromMs + quarantineMs, 'deleted', `key ${id} is deleted, ${quarantine} after it was disabled`);
  if (next.step === 'disable' || (next.step === 'discard' && next.phase === 'disable'))
    return [of(nowMs, 'disabled', `key ${id} is disabled by the next run`), deletedLater(nowMs)];
  if (next.step === 'delete' || next.step === 'discard')
    return [of(nowMs, 'deleted', `key ${id} is deleted by the next run`)];
  if (next.step !== 'hold' || next.untilMs === null) return [];
  const { code, untilMs } = next;
  if (code === 'grace') {
    const then = canDisable ? `disabled as soon as the evidence is there, and deleted ${quarantine} later` : 'deleted';
    const waits = canDisable ? then : `${then} ${quarantine} after the evidence is there`;
    return [of(untilMs, 'grace over', `the grace of key ${id} is over; then it is ${waits}`)];
  }
  if (code === 'quarantine') return [of(untilMs, 'deleted', `key ${id} is deleted, for its quarantine is over`)];
  if (code !== 'evidence' || hold.afterwards !== 'disable') return [];
  const enough = `key ${id} has waited ${formatDuration(hold.atMostMs)} for evidence, and the manifest says disable`;
  return canDisable ? [of(untilMs, 'disabled', enough), deletedLater(untilMs)] : [];
}

/** The next regular rotation of a key that works. */
function dueOf(situation: Situation): Ahead[] {
  const { key, currentKey, nowMs } = situation;
  if (key.state === 'retired' || !currentKey?.exists || deathOf(situation)) return [];
  const atMs = dueAtMs(situation);
  if (atMs <= nowMs) return [];
  const freeze = key.policy.freeze.find(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
  const waits = key.policy.paused
    ? ', and waits as long as the manifest says paused'
    : freeze
      ? `, and waits until ${timeText(freeze.untilMs)}: ${freeze.reason}`
      : '';
  return [{ atMs, what: 'due', keyId: currentKey.id, text: `the next rotation is due${waits}` }];
}

const WAITS_TO_MINT: ReadonlySet<string> = new Set([
  'freeze',
  'window',
  'back-off',
  'mint-under-way',
  'key-not-visible',
]);

/** A mint that is held until a time. */
function goingOn(step: Step): Ahead[] {
  if (step.step !== 'hold' || step.untilMs === null || !WAITS_TO_MINT.has(step.code)) return [];
  return [{ atMs: step.untilMs, what: 'due', keyId: null, text: `what waits can go on: ${step.why}` }];
}

function expiryOf({ id, expiresAtMs }: ExistingKey, { nowMs, currentKey }: Situation): Ahead[] {
  if (expiresAtMs === null || expiresAtMs <= nowMs) return [];
  const unless = id === currentKey?.id ? 'replaced' : 'deleted';
  return [{ atMs: expiresAtMs, what: 'expires', keyId: id, text: `key ${id} expires, unless it is ${unless} by then` }];
}
