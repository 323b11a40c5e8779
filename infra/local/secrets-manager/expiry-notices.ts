import type { EventType } from './events.ts';
import { nextDue } from './lapses.ts';
import type { Secret } from './model.ts';
import { DAY_MS } from './rotation.ts';
import { isLocked } from './versions.ts';

/** What is to be told of a secret's expiration at some moment. */
export interface Notice {
  atMs: number;
  type: EventType;
  subtype?: string;
}

/** Whole days that are left when a secret is told to expire soon. It is looked at each midnight, UTC. */
const DAYS_LEFT = [90, 60, 30, 10, 1, 0];

/** The first notice after `afterMs`, null when there is none unless the secret changes. */
function nextNotice(secret: Secret, afterMs: number): Notice | null {
  const { expiresAtMs, destroyedAtMs } = secret;
  if (destroyedAtMs !== null) return { type: 'secret_expired', atMs: nextDayAfter(destroyedAtMs, afterMs) };
  if (expiresAtMs === null) return null;
  const early = DAYS_LEFT.map((days) => earlyNotice(expiresAtMs, days)).filter(
    ({ atMs }) => atMs > afterMs && atMs < expiresAtMs,
  );
  const [soonest = null] = early.toSorted((a, b) => a.atMs - b.atMs);
  if (soonest || !isLocked(secret)) return soonest;
  const atMs = afterMs < expiresAtMs ? expiresAtMs : nextDayAfter(expiresAtMs, afterMs);
  return { type: 'secret_expiration_blocked', atMs };
}

/** What is to be told of the secret at this very moment, null for nothing. */
export function noticeAt(secret: Secret, atMs: number): Notice | null {
  const notice = nextNotice(secret, atMs - 1);
  return notice?.atMs === atMs ? notice : null;
}

/** When something is to be told of the secret next, or time does something to it; Infinity for never. */
export const nextMomentMs = (secret: Secret, afterMs: number): number =>
  Math.min(nextNotice(secret, afterMs)?.atMs ?? Infinity, nextDue(secret)?.atMs ?? Infinity);

const earlyNotice = (expiresAtMs: number, days: number): Notice => ({
  type: 'secret_about_to_expire',
  subtype: days === 1 ? 'in_1_day' : `in_${days}_days`,
  atMs: Math.floor((expiresAtMs - days * DAY_MS) / DAY_MS) * DAY_MS,
});

/** The first moment after `afterMs` that is a whole number of days, at least one, after `startMs`. */
function nextDayAfter(startMs: number, afterMs: number): number {
  const days = Math.floor((afterMs - startMs) / DAY_MS) + 1;
  return startMs + Math.max(1, days) * DAY_MS;
}
