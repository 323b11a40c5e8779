import { logEventOf } from '../../shared/runtime/log-events.ts';
import { FIELDS_OF_CONTEXT, FIELDS_OF_EVERY_LINE, LOG_FIELDS } from '../../shared/runtime/log-events/fields.ts';
import type { LogField, LogFieldType } from '../../shared/runtime/log-events/fields.ts';

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const IS: Record<LogFieldType, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string',
  time: (value) => typeof value === 'string' && new Date(value).toISOString() === value,
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  boolean: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  counts: (value) => isObject(value) && Object.values(value).every((count) => typeof count === 'number'),
  error: isObject,
};

function isOfType(name: string, value: unknown): boolean {
  const field: LogField | undefined = Object.hasOwn(LOG_FIELDS, name)
    ? LOG_FIELDS[name as keyof typeof LOG_FIELDS]
    : undefined;
  if (!field) return false;
  return value === null ? field.nullable === true : IS[field.type](value);
}

/** What a line has that the catalogue does not say, or lacks though the catalogue says it, in words. */
export function faultsOf(line: string): string[] {
  const fields = JSON.parse(line) as Record<string, unknown>;
  const event = logEventOf(String(fields['event']));
  if (!event) return [`no event: ${line}`];
  const { always = [], sometimes = [], levels } = event;
  const demanded: readonly string[] = [...FIELDS_OF_EVERY_LINE, ...always];
  const known: readonly string[] = [...demanded, ...sometimes, ...FIELDS_OF_CONTEXT];
  const wrong = [
    ...(levels.some((level) => level === fields['level']) ? [] : ['level']),
    ...(fields['cut'] === true ? [] : demanded.filter((name) => !(name in fields)).map((name) => `lacks ${name}`)),
    ...Object.keys(fields).filter((name) => !known.includes(name)),
    ...Object.entries(fields).flatMap(([name, value]) => (isOfType(name, value) ? [] : [`type of ${name}`])),
  ];
  return wrong.map((fault) => `${fault}: ${line}`);
}
