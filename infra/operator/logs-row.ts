import { styleText } from 'node:util';
import { maskSecrets } from '../../shared/runtime/secret-value.ts';
import { tellingOf, toldOf } from './log-verbs.ts';
import type { Told } from './log-verbs.ts';
import type { Row } from './logs-fold.ts';
import type { LogRecord } from './logs-input.ts';

export interface RowStyle {
  isColoured: boolean;
  /** Whether each row names its key. */
  showsKey: boolean;
}

/** Controls, escapes, marks of direction, line ends of any kind, halves of characters: whatever could steer a terminal or hide. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const escaped = (text: string): string =>
  text.replace(UNSEEN, (found) =>
    Array.from({ length: found.length }, (_, index) => found.charCodeAt(index))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );

const LONGEST_TEXT = 1_000;
const MOST_STEPS = 20;

/** A text from a line as it may be shown: without what looks like a secret, and without anything that is no letter. */
export function shown(text: string): string {
  const safe = escaped(maskSecrets(text));
  return safe.length > LONGEST_TEXT ? `${safe.slice(0, LONGEST_TEXT)} [cut]` : safe;
}

/** The record as one line of JSON that may be shown. */
export function jsonOf({ fields }: LogRecord): string {
  return escaped(JSON.stringify(masked(fields, DEEPEST)));
}

/** Deeper than any line of ours, and no deeper than the stack. */
const DEEPEST = 50;

function masked(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return maskSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => masked(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [maskSecrets(name), masked(inner, depth - 1)]),
  );
}

const COLOURS: Readonly<Record<string, Told['colour']>> = {
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

/** What is told of a record, in one line, and what a person has to do, in lines below it. */
export function textOf({ record, looks, lastMs }: Row, { isColoured, showsKey }: RowStyle): string {
  const { level, event, atMs, fields } = record;
  const { verb, colour } = toldOf(event) ?? { verb: level, colour: COLOURS[level] ?? 'gray' };
  const paint = (name: Told['colour'], text: string) =>
    isColoured ? styleText(name, text, { validateStream: false }) : text;
  const key = typeof fields['key'] === 'string' ? fields['key'] : '';
  const head = [
    paint('gray', timeOf(atMs)),
    ...(showsKey ? [shown(key).padEnd(22)] : []),
    paint(colour, shown(verb).slice(0, 8).padEnd(8)),
  ];
  const repeats = looks === 1 ? '' : ` ${paint('gray', repeatsOf(record, looks, lastMs))}`;
  const steps = stepsOf(fields).map((step) => `\n    - ${shown(step)}`);
  return `${head.join('  ')}  ${shown(sentenceOf(record))}${repeats}${steps.join('')}`;
}

/** What is told of it, with what it failed with where that does not say so itself. */
function sentenceOf({ event, message, fields }: LogRecord): string {
  const { keyId, error } = fields;
  const told = tellingOf({ event, message, keyId });
  const cause = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)['message'] : undefined;
  return typeof cause !== 'string' || told.includes(cause) ? told : `${told}: ${cause}`;
}

const SINCE: Readonly<Record<string, string>> = { key_held: 'held', person_asked: 'asked', key_rested: 'rested' };

function repeatsOf({ event, atMs, fields }: LogRecord, looks: number, lastMs: number): string {
  const { since } = fields;
  const knownMs = typeof since === 'string' ? Date.parse(since) : NaN;
  const sinceText = timeOf(Number.isNaN(knownMs) ? atMs : knownMs);
  return `[${SINCE[event] ?? 'the same'} since ${sinceText}: ${looks} looks, the last ${timeOf(lastMs)}]`;
}

/** In UTC, to the second. Beyond the years that a date can have there is no time. */
function timeOf(atMs: number): string {
  const date = new Date(atMs);
  const isDate = !Number.isNaN(date.getTime()) && date.getUTCFullYear() >= 0 && date.getUTCFullYear() <= 9_999;
  return isDate ? date.toISOString().slice(0, 19).replace('T', ' ') : '(no time)'.padEnd(19);
}

/** What a person is to do: of a question its steps, of a failure what its error says. */
function stepsOf({ steps, next, error }: LogRecord['fields']): string[] {
  if (Array.isArray(steps)) return steps.filter((step) => typeof step === 'string').slice(0, MOST_STEPS);
  const inner = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)['next'] : undefined;
  return [next, inner].filter((text) => typeof text === 'string' && text !== '').slice(0, 1) as string[];
}
