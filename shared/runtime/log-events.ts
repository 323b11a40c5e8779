import { CHECK_EVENTS } from './log-events/checks.ts';
import type { LogEvent } from './log-events/event.ts';
import type { FIELDS_OF_CONTEXT, LOG_FIELDS, LogFieldName, LogFieldType } from './log-events/fields.ts';
import { ISSUER_EVENTS } from './log-events/issuers.ts';
import { LEAK_EVENTS } from './log-events/leaks.ts';
import { MINT_EVENTS } from './log-events/mints.ts';
import { REPORT_EVENTS } from './log-events/report.ts';
import { RUN_EVENTS } from './log-events/runs.ts';
import { STEP_EVENTS } from './log-events/steps.ts';
import { TELLING_EVENTS } from './log-events/telling.ts';
import { WEBHOOK_EVENTS } from './log-events/webhooks.ts';

/**
 * The catalogue of all events that are logged, by topic. `docs/logs.md` is made from it, and types, tests and
 * `keyrota logs` go by it. The product imports nothing of it but types: no bundle holds its texts.
 *
 * To log a new event: add one entry to the file of its topic in `log-events/`; a field that no event has yet is one entry
 * in `log-events/fields.ts`. Then `npm run docs`.
 */
export const LOG_TOPICS = [
  { title: 'A run of `rotate-keys`', events: RUN_EVENTS },
  { title: 'The steps of a key', events: STEP_EVENTS },
  { title: 'A new key', events: MINT_EVENTS },
  { title: 'A leaked key', events: LEAK_EVENTS },
  { title: 'Requests, and changes of secrets', events: WEBHOOK_EVENTS },
  { title: 'A check of the account', events: CHECK_EVENTS },
  { title: 'Notices and the ledger', events: TELLING_EVENTS },
  { title: 'The report', events: REPORT_EVENTS },
  { title: 'Logins, calls and issuers', events: ISSUER_EVENTS },
] as const;

/** Every event, by its name. */
export const LOG_EVENTS = {
  ...RUN_EVENTS,
  ...STEP_EVENTS,
  ...MINT_EVENTS,
  ...LEAK_EVENTS,
  ...WEBHOOK_EVENTS,
  ...CHECK_EVENTS,
  ...TELLING_EVENTS,
  ...REPORT_EVENTS,
  ...ISSUER_EVENTS,
} as const;

type Catalogue = typeof LOG_EVENTS;

export type LogEventName = keyof Catalogue;

/** What the catalogue says of an event; undefined for a name that it does not have. */
export const logEventOf = (name: string): LogEvent | undefined =>
  Object.hasOwn(LOG_EVENTS, name) ? LOG_EVENTS[name as LogEventName] : undefined;

/** What is given for a field of each type. Times are ISO texts. */
interface Given {
  text: string;
  time: string;
  number: number;
  boolean: boolean;
  texts: readonly string[];
  counts: Readonly<Record<string, number>>;
  error: unknown;
}

type Fields = typeof LOG_FIELDS;

type ValueOf<Name extends LogFieldName> = Fields[Name] extends { type: infer Type extends LogFieldType }
  ? Given[Type] | (Fields[Name] extends { nullable: true } ? null : never)
  : never;

/** Fields that lines have by where they are written; a log is made with them, see `Log.with`. */
export type LogContext = { [Name in (typeof FIELDS_OF_CONTEXT)[number]]?: ValueOf<Name> | undefined };

type NamesIn<Event, Part extends 'always' | 'sometimes'> =
  Event extends Record<Part, readonly (infer Name extends LogFieldName)[]> ? Name : never;

type FieldsOf<Event> = { [Name in NamesIn<Event, 'always'>]: ValueOf<Name> } & {
  [Name in NamesIn<Event, 'sometimes'>]?: ValueOf<Name> | undefined;
} & LogContext;

/** What is given with an event. */
export type LogFieldsOf<Name extends LogEventName> = Name extends LogEventName ? FieldsOf<Catalogue[Name]> : never;
