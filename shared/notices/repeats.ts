import type { Reaction } from '../clients/outgoing.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';

/** What one request may take. */
export const REQUEST_MS = 10_000;

/** Delays before each attempt, by Standard Webhooks; what it lists beyond these, from two hours on, outlasts any run. */
const DELAYS_MS = [0, 5_000, 300_000, 1_800_000];

/** What limits the attempts. */
export interface Limits {
  clock: Clock;
  signal: AbortSignal;
  /** Nothing is begun, or waited for, beyond this. Epoch milliseconds. */
  deadlineMs: number;
}

/** Why there was no attempt. */
const NO_TIME: Reaction = { status: null, reason: 'no_time' };

/**
 * Makes attempts by the schedule, later where the receiver asks for that, until one gets a reaction that is not worth repeating, or
 * the time is over. Gives the last reaction. Never throws.
 */
export async function repeated(
  limits: Limits,
  isWorthRepeating: (reaction: Reaction) => boolean,
  attempt: (signal: AbortSignal) => Promise<Reaction>,
): Promise<Reaction> {
  let last = NO_TIME;
  for (const delayMs of DELAYS_MS) {
    if (!(await waited(limits, Math.max(delayMs, retryAfterMs(last, limits.clock.nowMs()))))) return last;
    last = await once(limits, attempt);
    if (!isWorthRepeating(last)) return last;
  }
  return last;
}

/** Whether there is time left after that wait. Waits only then. */
async function waited({ clock, signal, deadlineMs }: Limits, delayMs: number): Promise<boolean> {
  if (clock.nowMs() + delayMs >= deadlineMs) return false;
  return clock.sleep(delayMs, signal).then(
    () => true,
    () => false, // the run ends
  );
}

async function once({ clock, signal, deadlineMs }: Limits, attempt: (signal: AbortSignal) => Promise<Reaction>) {
  const limitMs = Math.min(REQUEST_MS, deadlineMs - clock.nowMs());
  return withTimeLimit(clock, limitMs, signal, attempt).catch((error: unknown): Reaction => {
    return error instanceof TimeIsUp ? { status: null, reason: 'ETIMEDOUT' } : NO_TIME;
  });
}

/** `Retry-After` is in seconds, or a date. */
function retryAfterMs(reaction: Reaction, nowMs: number): number {
  const text = reaction.status === null ? null : reaction.retryAfter;
  if (text === null) return 0;
  const waitMs = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return waitMs > 0 ? waitMs : 0;
}
