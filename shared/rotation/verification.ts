import type { Verdict } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import type { Ports } from './ports.ts';

/** What Secrets Manager's documentation advises between creating a key and its first use. */
const FIRST_PAUSE_MS = 2_000;

/** Pauses after a refusal; the last one repeats. */
const PAUSES_MS = [1_000, 2_000, 3_000, 5_000];

/** A fresh key may be refused this long: IAM spreads it through the world. */
const PROPAGATION_LIMIT_MS = 60_000;

/** Between the first login that worked and the second, which shows that it was not luck. */
const SETTLE_MS = 15_000;

/** Kept back of the run's time for what comes after the last check. */
const STORE_RESERVE_MS = 12_000;

/** A check that is begun gets at least this long. */
const SHORTEST_CHECK_MS = 2_000;

/** The least time in which a key can be created, verified and stored: with less left, no mint is begun. */
export const SHORTEST_MINT_MS = FIRST_PAUSE_MS + 10_000 + SETTLE_MS + STORE_RESERVE_MS;

/**
 * The same where the old key is removed first: between the two the user has none, so there is time for an add that does not
 * answer, and for the next one.
 */
const SHORTEST_REPLACEMENT_MS = 75_000;

/** A run that is not long enough for that begins with one right at its start, or not at all. */
const START_MS = 10_000;

/** How much of a run of that length must be left to begin a mint, in milliseconds. */
export const leastMintMs = (removes: boolean, runMs: number): number =>
  removes ? Math.max(SHORTEST_MINT_MS, Math.min(SHORTEST_REPLACEMENT_MS, runMs - START_MS)) : SHORTEST_MINT_MS;

/** Waits until a new key works, lets it settle, and checks once more. Never longer than the run has time for. */
export async function verifyNewKey(key: ManagedKey, value: SecretValue, ports: Ports): Promise<Verdict> {
  const { clock, signal } = ports;
  await clock.sleep(FIRST_PAUSE_MS, signal);
  const first = await verifyAgainAndAgain(key, value, true, ports, SETTLE_MS + STORE_RESERVE_MS);
  if (first.outcome !== 'accepted') return first;
  await clock.sleep(SETTLE_MS, signal);
  return verifyAgainAndAgain(key, value, false, ports, STORE_RESERVE_MS);
}

/** A key that was enabled again may be refused for a while, as a fresh one. */
export function verifyRestoredKey(key: ManagedKey, value: SecretValue, ports: Ports): Promise<Verdict> {
  return verifyAgainAndAgain(key, value, false, ports, STORE_RESERVE_MS);
}

async function verifyAgainAndAgain(
  key: ManagedKey,
  value: SecretValue,
  withProbe: boolean,
  ports: Ports,
  reserveMs: number,
): Promise<Verdict> {
  const { clock, signal, deadlineMs, kindOf } = ports;
  const untilMs = Math.min(clock.nowMs() + PROPAGATION_LIMIT_MS, deadlineMs - reserveMs);
  const check = (limited: AbortSignal) => kindOf(key).verify(key, value, withProbe, limited);
  for (let refusals = 0; ; refusals += 1) {
    const limitMs = Math.max(untilMs - clock.nowMs(), SHORTEST_CHECK_MS);
    const verdict = await withTimeLimit(clock, limitMs, signal, check).catch(failedInTime);
    if (verdict.outcome === 'accepted' || clock.nowMs() >= untilMs) return verdict;
    await clock.sleep(PAUSES_MS[refusals] ?? 5_000, signal);
  }
}

/** A service that does not answer in time tells nothing about the key. */
function failedInTime(error: unknown): Verdict {
  if (error instanceof TimeIsUp) return { outcome: 'failed', why: error.message };
  throw error;
}
