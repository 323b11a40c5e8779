import { createHash } from 'node:crypto';
import { MINUTE_MS } from './duration.ts';
import { COMPROMISED_MARK } from './kind.ts';

/** What is said at the issuer of a key that leaked. */
export interface CompromiseMark {
  atMs: number;
  incident: string;
  /** Who reported it. */
  by: string;
}

const HEX_DIGITS = 16;

/**
 * A key leaks once: it is replaced, and deleted. So its incident has an id that follows from the key, and whoever reports
 * the key again, however often, means the same incident.
 */
export function incidentIdOf(keyId: string): string {
  const digest = createHash('sha256').update(`keyrota incident of ${keyId}`).digest('hex');
  return `incident-${digest.slice(0, HEX_DIGITS)}`;
}

/** The mark goes first: what a person wrote stands behind it, and is kept. */
export function markDescription(description: string, { atMs, incident, by }: CompromiseMark): string {
  const mark = `${COMPROMISED_MARK} ${new Date(atMs).toISOString()} ${incident} by ${by}.`;
  return `${mark} ${unmarkDescription(description)}`.trimEnd();
}

const MARK = new RegExp(
  `${COMPROMISED_MARK.replace(/[[\]]/g, String.raw`\$&`)} (\\S+Z) (incident-[0-9a-f]{${HEX_DIGITS}}) by ([a-z-]+)\\. ?`,
);

/** The clocks of those who write dates may be so much apart. */
const CLOCK_SKEW_MS = MINUTE_MS;

/** Whether something can have happened then. Others can write dates where ours stand, also such that no calendar goes on from. */
export const isPast = (atMs: number, nowMs: number): boolean => atMs >= 0 && atMs <= nowMs + CLOCK_SKEW_MS;

/** Null where there is none, or none that tells more than that there is one: what is dated ahead was planted. */
export function markIn(description: string, nowMs: number): CompromiseMark | null {
  const [, at = '', incident = '', by = ''] = MARK.exec(description) ?? [];
  const atMs = Date.parse(at);
  return isPast(atMs, nowMs) ? { atMs, incident, by } : null;
}

/** The description without any mark. */
export const unmarkDescription = (description: string): string =>
  description.replace(MARK, '').replaceAll(COMPROMISED_MARK, '').trim();
