import type { LedgerData } from '../ledger/ledger-data.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { timeOf } from '../rotation/record.ts';
import type { Summary } from '../rotation/record.ts';
import type { Step } from '../rotation/step.ts';
import { STATES } from './fleet-data.ts';
import type { KeyRow } from './fleet-data.ts';
import type { KeyLook } from './key-looks.ts';
import type { Look } from './look.ts';
import { EMPTY_ROW } from './row-table.ts';

/** So many mints may fail before a person should know: most pass by themselves. */
const FAILURES_TOLD = 2;

/** How each entry stands, the most urgent first. Pure. */
export function rowsOfFleet(manifest: Manifest, look: Look): KeyRow[] {
  const told = toldIn(look.ledger?.told ?? {});
  const rows = manifest.keys.map((key) => {
    const row = rowOf(key, look);
    const isSettled = look.looks.get(key.name)?.step && row.state !== 'planned';
    return isSettled ? row : { ...row, ...told.get(key.name) };
  });
  const keyless = manifest.keyless.map(({ name, profileId }): KeyRow => {
    const why = 'its workload logs in as a trusted profile: there is no key, and nothing has to rotate';
    return { ...EMPTY_ROW, name, kind: 'trusted-profile', owner: profileId, state: 'keyless', why };
  });
  return [...rows, ...keyless].toSorted(byUrgency);
}

/**
 * What people were told of and still holds, by entry. A mint may ask or fail for what a look does not show, such as a full quota: the
 * run that tried it knows.
 */
function toldIn(told: LedgerData['told']): Map<string, Partial<KeyRow>> {
  const found = new Map<string, Partial<KeyRow>>();
  for (const [entry, at] of Object.entries(told)) {
    const [name = '', what = '', code = ''] = entry.split(' ');
    const type = what.replace(/^again:/, '');
    const state = type === 'key.asked' ? 'ask' : type === 'key.failed' ? 'failed' : null;
    if (!state || found.get(name)?.state === 'ask') continue;
    const why = state === 'ask' ? `rotate-keys asks a person: ${code}` : `its last run failed with it: ${code}`;
    found.set(name, { state, code, why, step: '', since: secondsOf(at), until: null });
  }
  return found;
}

/** What leaks or is dead comes first, then by state, then what is due first. */
function byUrgency(one: KeyRow, other: KeyRow): number {
  const [due, otherDue] = [one.nextDue ?? Infinity, other.nextDue ?? Infinity];
  const dueFirst = due === otherDue ? 0 : due - otherDue;
  return rankOf(one) - rankOf(other) || dueFirst || (one.name < other.name ? -1 : 1);
}

const rankOf = ({ state, deadSince, compromisedAt }: KeyRow): number =>
  deadSince !== null || compromisedAt !== null ? -1 : STATES.indexOf(state);

function rowOf(key: ManagedKey, { summaries, looks, takenAtMs }: Look): KeyRow {
  const { name, kind, owner } = key;
  const seen = looks.get(name);
  const summary = summaries.get(name) ?? null;
  const own = summary && isOwn(key, summary) ? summary : null;
  const known = { ...EMPTY_ROW, name, kind, owner, ...(own && fieldsOf(own)) };
  const isSuspicious = seen?.step === null && seen.isSuspicious;
  const state = seen?.step
    ? stateOfStep(seen.step, known)
    : isSuspicious
      ? standing('unseen', { code: 'suspicious' })
      : stateOfSummary(key, own, takenAtMs);
  const row: KeyRow = { ...known, ...state, ...(seen?.step === null && { why: blindness(seen, own !== null) }) };
  const isFailing = row.failures >= FAILURES_TOLD && row.state !== 'ask';
  return isFailing ? { ...row, state: 'failed', code: row.code || 'mint_failed' } : row;
}

const isOwn = (key: ManagedKey, { deployment, name }: Summary): boolean =>
  deployment === key.deployment && [key.name, ...key.formerly].includes(name);

const secondsOf = (text: string): number | null => inSeconds(timeOf(text));
const inSeconds = (atMs: number | null): number | null => (atMs === null ? null : Math.floor(atMs / 1_000));

const fieldsOf = (summary: Summary) => ({
  keyId: summary.key_id,
  formerKeyId: summary.previous_key_id,
  rotatedAt: secondsOf(summary.rotated_at),
  nextDue: secondsOf(summary.next_due),
  graceOver: secondsOf(summary.retire_after),
  deadSince: secondsOf(summary.dead_since),
  compromisedAt: secondsOf(summary.compromised_at),
  failures: summary.failures,
});

type Known = Pick<KeyRow, 'nextDue' | 'graceOver' | 'deadSince'>;
type Standing = Pick<KeyRow, 'state' | 'code' | 'step' | 'since' | 'until'> & Partial<Pick<KeyRow, 'why'>>;

const standing = (state: KeyRow['state'], part: Partial<Standing> = {}): Standing => ({
  state,
  code: '',
  step: '',
  since: null,
  until: null,
  ...part,
});

/** As a look has shown it. */
function stateOfStep(step: Step, known: Known): Standing {
  const { why } = step;
  switch (step.step) {
    case 'rest':
      return standing('rest', { why });
    case 'hold':
      return standing('hold', { why, code: step.code, since: inSeconds(step.sinceMs), until: inSeconds(step.untilMs) });
    case 'ask':
      return standing('ask', { why: step.problem, code: step.code });
    case 'mint':
      return standing('planned', { why, step: step.step, since: known.deadSince ?? known.nextDue });
    case 'contain':
    case 'extend':
    case 'disable':
    case 'delete':
    case 'discard':
    case 'release':
      return standing('planned', { why, step: step.step });
    default:
      return step satisfies never;
  }
}

/** As its summary has it, which is a hint. */
function stateOfSummary({ policy, state }: ManagedKey, summary: Summary | null, nowMs: number): Standing {
  if (!summary) return standing('unseen', { code: 'no_secret' });
  const [dead, due, notBefore, retire] = [
    timeOf(summary.dead_since),
    timeOf(summary.next_due),
    timeOf(summary.not_before),
    timeOf(summary.retire_after),
  ];
  const since = secondsOf(summary.rotated_at);
  if (summary.compromised_at !== '') {
    return standing('planned', { code: 'compromised', step: 'contain', since: secondsOf(summary.compromised_at) });
  }
  if (policy.paused) return standing('hold', { code: 'paused' });
  if (dead !== null && state === 'active') return standing('planned', { step: 'mint', since: inSeconds(dead) });
  if (summary.previous_key_id !== '') {
    const isInGrace = retire !== null && retire > nowMs;
    return isInGrace
      ? standing('hold', { code: 'grace', since, until: inSeconds(retire) })
      : standing('hold', { code: 'retiring', since: inSeconds(retire) ?? since });
  }
  if (state === 'retired') return standing('hold', { code: 'retiring', since });
  if (notBefore !== null && notBefore > nowMs) {
    return standing('hold', { code: 'back-off', since: secondsOf(summary.failed_at), until: inSeconds(notBefore) });
  }
  if (due !== null && due <= nowMs) return standing('planned', { step: 'mint', since: inSeconds(due) });
  return standing('rest');
}

/** Why nobody looked, where that matters. */
function blindness({ why, isSuspicious }: Extract<KeyLook, { step: null }>, hasSummary: boolean): string {
  if (isSuspicious)
    return `its issuer lists its keys otherwise than its summary has them, and it was not looked at: ${why}`;
  return hasSummary ? `as its summary says; it was not looked at: ${why}` : `nothing is known of it: ${why}`;
}
