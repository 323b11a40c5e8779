import type { Clock } from '../../shared/runtime/clock.ts';
import type { Answer } from './answer.ts';

/** When something that is waited for is looked at, after its beginning, in milliseconds: often at first, and then seldom. */
const LOOKS_MS = [
  0, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000,
  60_000, 90_000, 120_000, 180_000, 240_000, 300_000, 360_000, 420_000, 480_000, 540_000, 600_000, 660_000,
];

export const MINUTE_MS = 60_000;

/** How long a change in IAM or Secrets Manager is given to be seen everywhere, in milliseconds. */
export const SPREAD_MS = 2 * MINUTE_MS;

/** How long what may well take minutes is waited for, in milliseconds. */
export const PATIENCE_MS = 11 * MINUTE_MS;

/** How long something is looked for before it counts as not there, or as refused for good, in milliseconds. */
export const ABSENCE_MS = 60_000;

export interface Waiter {
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Looks again and again until `look` gives something else than null, at most for `limitMs`. Gives what was found, and between
 * which two moments it came; null for nothing.
 */
export async function awaited<T>(
  { clock, signal }: Waiter,
  limitMs: number,
  look: () => Promise<T | null>,
): Promise<{ found: T; moreThanMs: number; atMostMs: number } | null> {
  const beganMs = clock.nowMs();
  let moreThanMs = 0;
  for (const dueMs of LOOKS_MS.filter((one) => one <= limitMs)) {
    await clock.sleep(Math.max(beganMs + dueMs - clock.nowMs(), 0), signal);
    const lookedAtMs = clock.nowMs() - beganMs;
    const found = await look();
    if (found !== null) return { found, moreThanMs, atMostMs: dueMs === 0 ? 0 : clock.nowMs() - beganMs };
    moreThanMs = lookedAtMs;
  }
  return null;
}

/** How late something shows, as the answer to an open point. */
export async function lateness(waiter: Waiter, limitMs: number, look: () => Promise<boolean>): Promise<Answer<number>> {
  const found = await awaited(waiter, limitMs, async () => ((await look()) ? true : null));
  if (!found) return { kind: 'longer', thanMs: LOOKS_MS.findLast((one) => one <= limitMs) ?? 0 };
  return { kind: 'after', moreThanMs: found.moreThanMs, atMostMs: found.atMostMs };
}

/** The same for what must come: @throws Error with `what`, when it has not within `limitMs`. */
export async function arrival<T>(
  waiter: Waiter,
  what: string,
  look: () => Promise<T | null>,
  limitMs = SPREAD_MS,
): Promise<T> {
  const result = await awaited(waiter, limitMs, look);
  if (!result) throw new Error(`${what} did not come within ${limitMs / 1_000} s`);
  return result.found;
}
