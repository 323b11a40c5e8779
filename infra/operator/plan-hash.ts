import { createHash } from 'node:crypto';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { InputError } from './input-error.ts';

/** What a dry run came to. */
export interface Plan {
  /** By name. */
  keys: readonly KeyReport[];
  manifest: Manifest;
  /** A rotation was asked for. */
  force: boolean;
}

const WHOLE_DIGITS = 12;
const CHECK_DIGITS = 2;
/** With more keys several share a check. */
const MOST_CHECKS = 20;

const FORM = new RegExp(`^[0-9a-f]{${WHOLE_DIGITS}}(?:-(?:[0-9a-f]{${CHECK_DIGITS}}){1,${MOST_CHECKS}})?$`);

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * What would be done with each key, and what that was decided on, as a short text. The first 12 digits stand for all of it; each of the
 * pairs after the dash for one key, in the order of names, so that where something moved it can be said which.
 */
export function planHash(plan: Plan): string {
  const marks = marksOf(plan);
  const whole = digest(JSON.stringify([plan.force, marks])).slice(0, WHOLE_DIGITS);
  const checks = checksOf(marks);
  return checks.length === 0 ? whole : `${whole}-${checks.join('')}`;
}

/** @throws InputError for what is no hash of a plan. */
export function demandHash(text: string): void {
  if (FORM.test(text)) return;
  throw new InputError('no_plan_hash', '--plan: takes the hash that `plan` prints, such as 0123456789ab-cdef.');
}

/**
 * @param again The command that shows the plan as it is now.
 * @throws KeyrotaError `world_moved` where the world is not as it was planned.
 */
export function demandSame(hash: string, plan: Plan, again: string): void {
  const now = planHash(plan);
  if (now.slice(0, WHOLE_DIGITS) === hash.slice(0, WHOLE_DIGITS)) return;
  throw new KeyrotaError('world_moved', `The world is not as it was planned: ${whatDiffers(hash, now, plan)}.`, {
    next: `Nothing was changed. Look at the plan anew, and give its hash: ${again}`,
  });
}

/** Of each key: its entry in the manifest, the step or what it waits for, and the world. No time that merely passes is in it. */
function marksOf({ keys, manifest: { keys: managed, keyless } }: Plan): string[] {
  const entries = new Map([...managed, ...keyless].map((entry) => [entry.name, entry]));
  return keys.map(({ name, steps, outcome, code, fingerprint = '' }) => {
    const planned = steps.map(({ step, keyId, reason }) => ({ step, keyId, reason }));
    return digest(JSON.stringify({ entry: entries.get(name), planned, outcome, code, fingerprint }));
  });
}

function checksOf(marks: readonly string[]): string[] {
  const groups = Array.from({ length: Math.min(marks.length, MOST_CHECKS) }, (_, group) =>
    marks.filter((_mark, index) => index % MOST_CHECKS === group),
  );
  return groups.map((group) => digest(group.join(' ')).slice(0, CHECK_DIGITS));
}

function whatDiffers(hash: string, now: string, { keys }: Plan): string {
  const [before = '', after = ''] = [hash, now].map((one) => one.slice(WHOLE_DIGITS + 1));
  if (before === '') return 'which keys differ, the whole hash would tell';
  if (before.length !== after.length) return 'it was planned for other keys than these';
  const differing = keys.filter((_, index) => {
    const place = index % MOST_CHECKS;
    return checkAt(before, place) !== checkAt(after, place);
  });
  if (differing.length === 0) return 'which keys differ, the short hash does not tell; or `--force` does';
  const share = keys.length > MOST_CHECKS ? ' (some of these)' : '';
  return `${differing.map(nowOf).join('; ')}${share}`;
}

const checkAt = (checks: string, place: number): string =>
  checks.slice(place * CHECK_DIGITS, (place + 1) * CHECK_DIGITS);

function nowOf({ name, steps, outcome, why }: KeyReport): string {
  return `${name} (now ${steps[0]?.step ?? outcome}: ${why})`;
}
