import { styleText } from 'node:util';
import type { Clock } from './clock.ts';
import { KeyrotaError, messageOf } from './errors.ts';
import type { LogContext, LogEventName, LogFieldsOf } from './log-events.ts';
import { SecretValue, maskSecrets } from './secret-value.ts';

/** Levels as IBM Cloud Logs knows them, in words, rising. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

type LogFields = Record<string, unknown>;

/** Writes one line. `event` and its fields are those of the catalogue, log-events.ts; `message` is for people. */
type WriteLine = <Name extends LogEventName>(
  event: Name,
  message: string,
  ...fields: object extends LogFieldsOf<Name> ? [fields?: LogFieldsOf<Name>] : [fields: LogFieldsOf<Name>]
) => void;

/** Writes one line an event. Its level must be one that the catalogue gives it. */
export interface Log {
  debug: WriteLine;
  info: WriteLine;
  warn: WriteLine;
  error: WriteLine;
  /** A log whose every line carries `fields` too. */
  with: (fields: LogContext) => Log;
}

export interface LogOptions {
  clock: Clock;
  /** Takes one line, without its line end. */
  write: (line: string) => void;
  /** The lowest level that is written. Default `info`. */
  level?: LogLevel;
  /** `json`: an object a line, as IBM Cloud Logs wants it. `text`: for a terminal. Default `json`. */
  format?: 'json' | 'text';
}

/** A record of IBM Cloud Logs holds 32 KB. */
const LONGEST_LINE_BYTES = 30_000;
const LONGEST_TEXT = 4_000;
const DEEPEST = 5;

/** Line ends, escapes and other controls, also the Unicode ones that some readers break lines at. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A text as a line of a terminal or a log may hold it. */
export const escapeControls = (text: string): string =>
  text.replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);

const cut = (text: string): string => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)} [cut]` : text);

/** What a log line may hold: no secret, no class instance, no endless text. */
function printable(value: unknown, depth = 0): unknown {
  if (value instanceof SecretValue) return value.toString();
  if (typeof value === 'string') return cut(maskSecrets(value));
  if (value instanceof Error) return printableError(value, depth);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (value === null || typeof value !== 'object') return value;
  if (depth >= DEEPEST) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => printable(item, depth + 1));
  return isPlain(value) ? printableFields(value, depth) : `[${value.constructor.name}]`;
}

const isPlain = (value: object): boolean =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

function printableFields(value: object, depth: number): object {
  const fields = Object.keys(value).map((name): [string, unknown] => {
    try {
      return [maskSecrets(name), printable((value as LogFields)[name], depth + 1)];
    } catch {
      return [maskSecrets(name), '[unreadable]'];
    }
  });
  return Object.fromEntries(fields);
}

/** Only what errors are known to hold: libraries hang requests, and so credentials, on theirs. */
function printableError(error: Error, depth: number): object {
  const known = error instanceof KeyrotaError ? { code: error.code, effect: error.effect, next: error.next } : {};
  const cause = error.cause === undefined || depth >= DEEPEST ? {} : { cause: printable(error.cause, depth + 1) };
  return { name: error.name, message: cut(maskSecrets(messageOf(error))), ...known, ...cause };
}

const jsonOf = (line: object): string => JSON.stringify(line).replace(CONTROLS, (control) => escapeControls(control));

/** A line that is too long keeps what tells it apart. */
function jsonLine(head: LogFields, fields: LogFields): string {
  const line = jsonOf({ ...head, ...fields, ...head });
  if (Buffer.byteLength(line) <= LONGEST_LINE_BYTES) return line;
  const message = escapeControls(String(head['message'])).slice(0, LONGEST_TEXT);
  const short = Object.entries(fields).filter(([, value]) => typeof value === 'string' && value.length <= 100);
  return jsonOf({ ...head, ...Object.fromEntries(short.slice(0, 20)), ...head, message, cut: true });
}

const COLOURS = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

function textLine(atMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const time = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = `${time} ${styleText(COLOURS[level], level.padEnd(5))} ${escapeControls(message)}`;
  return [head, ...rest.map((field) => styleText('gray', escapeControls(field)))].join(' ');
}

/** Makes the log that everything in one run writes to. */
export function createLog(options: LogOptions, base: LogContext = {}): Log {
  const lowest = LOG_LEVELS.indexOf(options.level ?? 'info');
  const write = (level: LogLevel, event: string, message: string, fields: object = {}) => {
    if (LOG_LEVELS.indexOf(level) < lowest) return;
    const atMs = options.clock.nowMs();
    const all = printableFields({ ...base, ...fields }, 0) as LogFields;
    const said = cut(maskSecrets(message));
    const line =
      options.format === 'text'
        ? textLine(atMs, level, said, Object.assign({ event }, all, { event }))
        : jsonLine({ level, event, message: said, at: new Date(atMs).toISOString() }, all);
    options.write(line);
  };
  const writer =
    (level: LogLevel): WriteLine =>
    (event, message, ...[fields]: [object?]) =>
      write(level, event, message, fields);
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    with: (fields) => createLog(options, { ...base, ...fields }),
  };
}
