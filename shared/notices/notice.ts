import { createHash } from 'node:crypto';
import { maskSecrets } from '../runtime/secret-value.ts';

/** Every kind of notice. */
export const NOTICE_TYPES = [
  'key.contained',
  'key.replaced',
  'key.rotated',
  'key.failed',
  'key.asked',
  'key.held_too_long',
  'reports.braked',
  'check.found',
] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

/** What a detail may be: nothing that could hide a value or grow without end. */
type NoticeDetail = string | number | boolean | null | readonly string[];

/** What Keyrota tells people and programs. Never holds a value, or a part of a body that came in. */
export interface Notice {
  type: NoticeType;
  /** The same for the same fact, so that receivers can drop repeats. Without a dot: it is signed. */
  id: string;
  /** When it happened, in epoch milliseconds. */
  atMs: number;
  deployment: string;
  /** Name of the entry in the manifest; null for a key that Keyrota does not manage, or several at once. */
  name: string | null;
  keyId: string | null;
  /** The incident that it belongs to; null for none. */
  incident: string | null;
  /** What happened and why, as a sentence. */
  why: string;
  /** Exact steps for a person; empty when there is nothing to do. */
  next: string[];
  details: Readonly<Record<string, NoticeDetail>>;
}

/** An id for a notice: the same parts give the same id. `parts` tell the fact apart from all others of its type. */
export function noticeId(deployment: string, type: NoticeType, ...parts: readonly (string | null)[]): string {
  const digest = createHash('sha256').update(JSON.stringify([deployment, type, ...parts]));
  return `notice_${digest.digest('hex').slice(0, 32)}`;
}

/** How urgent each type is, in the words of Event Notifications. */
export const SEVERITIES = {
  'key.contained': 'CRITICAL',
  'key.replaced': 'HIGH',
  'key.rotated': 'LOW',
  'key.failed': 'HIGH',
  'key.asked': 'MEDIUM',
  'key.held_too_long': 'MEDIUM',
  'reports.braked': 'CRITICAL',
  'check.found': 'MEDIUM',
} as const satisfies Record<NoticeType, string>;

/** The severities of findings, in the same words. */
const OF_FINDINGS = { critical: 'CRITICAL', high: 'HIGH', medium: 'MEDIUM', low: 'LOW' } as const;

/** How urgent a notice is: a finding of the daily check as urgent as that is. */
export function severityOf({ type, details: { severity } }: Pick<Notice, 'type' | 'details'>) {
  const isOwn = type === 'check.found' && typeof severity === 'string' && severity in OF_FINDINGS;
  return isOwn ? OF_FINDINGS[severity as keyof typeof OF_FINDINGS] : SEVERITIES[type];
}

/** What happened, in a few words. */
const HEADLINES: Readonly<Record<NoticeType, (key: string) => string>> = {
  'key.contained': (key) => `${key} leaked and was put out of use`,
  'key.replaced': (key) => `${key} did not work any more and was replaced`,
  'key.rotated': (key) => `${key} was rotated`,
  'key.failed': (key) => `${key}: the work on it fails`,
  'key.asked': (key) => `${key} needs a person`,
  'key.held_too_long': (key) => `${key} waits too long`,
  'reports.braked': () => 'Too many reports of leaks: nothing more is contained by itself',
  'check.found': (key) => `${key}: the daily check found something new`,
};

/** The subject line of a notice. */
export function headlineOf({ type, name, keyId }: Notice): string {
  const key = name ?? (keyId === null ? 'Several keys' : `Key ${keyId}`);
  return HEADLINES[type](key);
}

/** Below what Standard Webhooks advises, and far below what Event Notifications takes. */
const MOST_BYTES = 16_000;
const LONGEST_WHY = 1_000;
const LONGEST_STEP = 400;
const LONGEST_DETAIL = 300;
const MOST_STEPS = 10;
const MOST_DETAILS = 20;

/** Line ends and other controls, also the Unicode ones. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** One line, without anything that has the shape of a value. */
function clean(text: string, longest: number): string {
  const line = maskSecrets(text).replace(CONTROLS, ' ').toWellFormed();
  return line.length > longest ? `${line.slice(0, longest).toWellFormed()} [cut]` : line;
}

const cleanDetail = (detail: NoticeDetail): NoticeDetail => {
  if (typeof detail === 'string') return clean(detail, LONGEST_DETAIL);
  if (typeof detail !== 'object' || detail === null) return detail;
  return detail.slice(0, MOST_DETAILS).map((text) => clean(text, LONGEST_DETAIL));
};

const orNull = (text: string | null): string | null => (text === null ? null : clean(text, LONGEST_DETAIL));

/** The notice as it may be sent: short, in single lines, and without anything that has the shape of a value. */
export function sendable(notice: Notice): Notice {
  const details = Object.entries(notice.details)
    .slice(0, MOST_DETAILS)
    .map(([name, detail]) => [clean(name, LONGEST_DETAIL), cleanDetail(detail)] as const);
  const cleaned: Notice = {
    ...notice,
    deployment: clean(notice.deployment, LONGEST_DETAIL),
    name: orNull(notice.name),
    keyId: orNull(notice.keyId),
    incident: orNull(notice.incident),
    why: clean(notice.why, LONGEST_WHY),
    next: notice.next.slice(0, MOST_STEPS).map((step) => clean(step, LONGEST_STEP)),
    details: Object.fromEntries(details),
  };
  const isShort = Buffer.byteLength(JSON.stringify(cleaned)) <= MOST_BYTES;
  return isShort ? cleaned : { ...cleaned, details: {} };
}

/** The parts of a notice that programs read, in the product's own names. */
export const dataOf = ({ deployment, name, keyId, incident, why, next, details }: Notice): object => ({
  deployment,
  name,
  keyId,
  incident,
  why,
  next,
  details,
});

/** The time of a notice as ISO text. */
export const timeOfNotice = ({ atMs }: Notice): string => new Date(atMs).toISOString();
