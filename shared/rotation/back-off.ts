import { DAY_MS, HOUR_MS, MINUTE_MS } from '../keys/duration.ts';
import { timeOf } from './record.ts';
import { wasUsedAfterMint } from './retire-rules.ts';
import { OLDEST_MINT_MS } from './situation.ts';
import type { OldKey, Situation } from './situation.ts';
import type { Hold } from './step.ts';

/** After a failed mint the next one waits, twice as long each time. */
const BACK_OFF_MS = 5 * MINUTE_MS;
const LONGEST_BACK_OFF_MS = 6 * HOUR_MS;

/** Failed first mints leave a key each, disabled where it can be; the next attempt waits longer with each of them. */
const FIRST_BACK_OFF_MS = 15 * MINUTE_MS;
const LONGEST_FIRST_BACK_OFF_MS = DAY_MS;

/** A time further ahead than any back-off was written with a wrong clock. */
const FAR_AHEAD_MS = 12 * HOUR_MS;

/** How long a mint waits after so many failures in a row, in milliseconds. */
export const backOffMs = (failures: number): number => Math.min(BACK_OFF_MS * 2 ** (failures - 1), LONGEST_BACK_OFF_MS);

/** The wait after mints that failed, `atMostMs` long, or null. A person who asks need not wait. */
export function backOffOf(situation: Situation, atMostMs: number): Hold | null {
  const { secret, nowMs, rotationAsked } = situation;
  if (rotationAsked) return null;
  if (!secret) return firstBackOff(situation);
  const { not_before: notBefore = '', failures = 0 } = secret.summary ?? {};
  const saidMs = timeOf(notBefore);
  if (saidMs === null || saidMs > nowMs + FAR_AHEAD_MS) return null;
  const sinceMs = saidMs - backOffMs(failures);
  const untilMs = Math.min(saidMs, sinceMs + atMostMs);
  if (nowMs >= untilMs) return null;
  const why = `the last ${mints(failures)} failed`;
  return { step: 'hold', why, code: 'back-off', sinceMs, untilMs };
}

const mints = (count: number): string => (count === 1 ? 'mint' : `${count} mints`);

/** Without a secret there is no summary: the keys of failed first mints tell how many there were, and when. */
function firstBackOff({ oldKeys, nowMs }: Situation): Hold | null {
  const failed = oldKeys.filter((old) => isOfFirstMint(old, nowMs));
  const latest = failed.toSorted((one, other) => other.key.createdAtMs - one.key.createdAtMs)[0]?.key;
  if (!latest) return null;
  const waitMs = Math.min(FIRST_BACK_OFF_MS * 2 ** (failed.length - 1), LONGEST_FIRST_BACK_OFF_MS);
  const untilMs = latest.createdAtMs + Math.max(waitMs, OLDEST_MINT_MS);
  if (nowMs >= untilMs) return null;
  const why = `the last ${mints(failed.length)} failed`;
  return { step: 'hold', why, code: 'back-off', sinceMs: latest.createdAtMs, untilMs };
}

/** A login right after the creation is the mint's own; what the issuer does not tell is no sign of use here. */
function isOfFirstMint({ key, supersededAtMs }: OldKey, nowMs: number): boolean {
  if (supersededAtMs !== null) return false;
  const isYoung = nowMs < key.createdAtMs + OLDEST_MINT_MS;
  return isYoung || key.lastUsed === 'unknown' || !wasUsedAfterMint(key);
}
