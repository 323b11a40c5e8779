import { LOG_EVENTS, LOG_TOPICS } from '../../shared/runtime/log-events.ts';
import type { LogEventName } from '../../shared/runtime/log-events.ts';
import type { LogEvent } from '../../shared/runtime/log-events/event.ts';
import { FIELDS_OF_CONTEXT, FIELDS_OF_EVERY_LINE, LOG_FIELDS } from '../../shared/runtime/log-events/fields.ts';
import type { LogField, LogFieldName } from '../../shared/runtime/log-events/fields.ts';
import { markdownTable } from './markdown-table.ts';

const TYPES: Record<LogField['type'], string> = {
  text: 'text',
  time: 'time, ISO in UTC',
  number: 'number',
  boolean: '`true` or `false`',
  texts: 'list of texts',
  counts: 'object of numbers',
  error: 'object',
};

const coded = (name: string): string => `\`${name}\``;

/** For docs/logs.md: the fields that lines have whatever their event, the events by topic, and the other fields. */
export function logTables(): string {
  const common: readonly LogFieldName[] = [...FIELDS_OF_EVERY_LINE, ...FIELDS_OF_CONTEXT];
  const others = (Object.keys(LOG_FIELDS) as LogFieldName[]).filter((name) => !common.includes(name));
  const topics = LOG_TOPICS.flatMap(({ title, events }) => [`### ${title}`, eventTable(events)]);
  return [
    '### Every line, and where it comes from',
    fieldTable(common),
    ...topics,
    '### The other fields',
    fieldTable(others.toSorted()),
  ].join('\n\n');
}

function fieldTable(names: readonly LogFieldName[]): string {
  const rows = names.map((name) => {
    const { type, meaning, unit, nullable }: LogField = LOG_FIELDS[name];
    const shown = unit === undefined ? TYPES[type] : `${TYPES[type]}, ${unit}`;
    return [coded(name), nullable ? `${shown}, or null` : shown, meaning];
  });
  return markdownTable([['field', 'type', 'meaning'], ...rows]);
}

function eventTable(events: Readonly<Record<string, LogEvent>>): string {
  const rows = Object.entries(events).map(([name, { levels, when, always = [], sometimes = [], toDo }]) => [
    coded(name),
    levels.join(', '),
    when,
    [...always.map(coded), ...sometimes.map((field) => `(${coded(field)})`)].join(', '),
    toDo,
  ]);
  return markdownTable([['event', 'level', 'when', 'fields', 'what to do'], ...rows]);
}

/** The events that say that something did not succeed. */
export const FAILURES = (Object.keys(LOG_EVENTS) as LogEventName[]).filter((name) => {
  const { isFailure }: LogEvent = LOG_EVENTS[name];
  return isFailure;
});

/** The view of failures, as `POST /v1/views` of IBM Cloud Logs takes it. */
export function failuresView(): string {
  const anyOf = `(${FAILURES.map((name) => `"${name}"`).join(' OR ')})`;
  const view = {
    name: 'Keyrota: failures only',
    search_query: {
      query: `app:"codeengine" AND (message.event:${anyOf} OR event:${anyOf})`,
      syntax_type: 'lucene',
    },
    time_selection: { quick_selection: { caption: 'Last 24 hours', seconds: 86_400 } },
  };
  return `${JSON.stringify(view, null, 2)}\n`;
}
