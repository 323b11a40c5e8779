import { rotationTooLong } from './errors.ts';
import type { RotationPolicy, Secret } from './model.ts';

export const DAY_MS = 86_400_000;

/** The same day and time in a later month, or that month's last day where it is shorter. In UTC. */
function monthsAfter(ms: number, months: number): number {
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}

/** When a secret that was rotated at `fromMs` is rotated by itself, null when it never is. */
export function nextRotationMs(policy: RotationPolicy | null, fromMs: number): number | null {
  if (!policy?.auto_rotate || policy.interval === undefined) return null;
  return policy.unit === 'month' ? monthsAfter(fromMs, policy.interval) : fromMs + policy.interval * DAY_MS;
}

/** Throws 400 when the secret would be rotated by itself only after it has expired. */
export function assertRotatesInTime({ credentials, expiresAtMs }: Secret): void {
  const nextMs = credentials?.nextRotationMs ?? null;
  if (nextMs !== null && expiresAtMs !== null && nextMs >= expiresAtMs) throw rotationTooLong();
}
