import type { KeyRow, Level, State, Status } from '../fleet-data.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Characters that nobody sees, or that turn the text around them: each is shown by its number. */
// oxlint-disable-next-line no-control-regex
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The text as it can be shown: nothing in it is hidden. */
export const visible = (text: string): string =>
  text.replace(INVISIBLE, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);

/** A time in a sentence that was written for programs too. */
const ISO_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z/g;

/** A sentence for people: its times as they read them, and a full stop at its end. */
export function sentence(text: string): string {
  const readable = text.replace(ISO_TIME, (time) => absolute(Date.parse(time)));
  return /[.!?:]$/.test(readable) || readable === '' ? readable : `${readable}.`;
}

/** How long something is, in one unit. */
export function span(spanMs: number): string {
  if (spanMs < MINUTE_MS) return `${Math.round(spanMs / 1_000)} s`;
  if (spanMs < 90 * MINUTE_MS) return `${Math.round(spanMs / MINUTE_MS)} min`;
  if (spanMs < 36 * HOUR_MS) return `${Math.round(spanMs / HOUR_MS)} h`;
  return `${Math.round(spanMs / DAY_MS)} d`;
}

/** A time in relation to now. */
export function relative(atMs: number, nowMs: number): string {
  if (Math.abs(atMs - nowMs) < MINUTE_MS) return 'just now';
  return atMs < nowMs ? `${span(nowMs - atMs)} ago` : `in ${span(atMs - nowMs)}`;
}

/** A time as everybody reads it alike. */
export const absolute = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** What a state is called, and what it means. */
export const STATE_WORDS: Readonly<Record<State, { label: string; meaning: string }>> = {
  ask: { label: 'asks', meaning: 'only a person can go on' },
  failed: { label: 'fails', meaning: 'its last attempts failed' },
  unseen: { label: 'not seen', meaning: 'nobody could look at it' },
  planned: { label: 'acts next', meaning: 'the next run takes a step' },
  hold: { label: 'waits', meaning: 'for time, evidence or others' },
  rest: { label: 'rests', meaning: 'nothing to do until it is due' },
  keyless: { label: 'no key', meaning: 'its workload needs none' },
};

export const LEVEL_WORDS: Readonly<Record<Level, string>> = { critical: 'Critical', high: 'High', watch: 'Watch' };

/** A sign for each status, so that colour is not the only one. */
export const STATUS_SIGNS: Readonly<Record<Status, string>> = { act: '!', blind: '?', watch: '•', ok: '✓' };

/** What is waited for, for people; others are shown as they are. */
const CODE_WORDS: Readonly<Record<string, string>> = {
  grace: 'the grace of the old key',
  evidence: 'evidence that nobody uses the old key',
  quarantine: 'the quarantine of the old key',
  retiring: 'the old key to be retired',
  'issuer-lock': 'a lock at the issuer',
  'consumer-lock': 'a lock of a consumer',
  'former-key': 'the former key to go',
  'mint-under-way': 'a mint that is under way',
  'key-not-visible': 'the new key to be visible',
  'back-off': 'the next attempt after failures',
  freeze: 'the end of a freeze',
  window: 'its window',
  'own-key': 'a fresh start of Keyrota',
  paused: 'the manifest, which says paused',
};

/** What a step is called when it comes next. */
const STEP_WORDS: Readonly<Record<string, string>> = {
  mint: 'makes a new key',
  contain: 'puts a leaked key out of use',
  disable: 'disables the old key',
  delete: 'deletes the old key',
  discard: 'discards a stray key',
  release: 'frees the former version',
  extend: 'moves the expiry of the key',
};

const waitsFor = (code: string): string => CODE_WORDS[code] ?? code;
const doesNext = (step: string): string => STEP_WORDS[step] ?? step;

/** An id as it is told in passing. */
export const brief = (id: string): string => (id.length <= 16 || id.endsWith('…') ? id : `${id.slice(0, 15)}…`);

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** Why it is as it is, in a line. */
export function reasonOf({ state, code, step, why, failures }: KeyRow): string {
  if (why !== '') return sentence(why);
  if (state === 'failed') return `the last ${count(failures, 'mint')} failed; it waits for ${waitsFor(code)}`;
  if (state === 'hold') return `waits for ${waitsFor(code)}`;
  if (state === 'planned') return `the next run ${doesNext(step)}`;
  if (state === 'unseen') return 'nothing is known of it';
  return '';
}
