/** A line that Keyrota wrote, whatever it came wrapped in. */
export interface LogRecord {
  level: string;
  event: string;
  message: string;
  /** In epoch milliseconds; NaN where the line does not tell. */
  atMs: number;
  /** All of its fields. */
  fields: Readonly<Record<string, unknown>>;
}

/** One answer of a query can hold thousands of records in a line; what is longer was not written for lines. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Splits a stream into lines, and never holds more than one of them. Null stands for a line that is too long. */
export async function* linesOf(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<string | null> {
  const decoder = new TextDecoder();
  let rest: string | null = '';
  for await (const chunk of input) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const parts = text.split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      yield joined(rest, part);
      rest = '';
    }
    rest = joined(rest, last);
  }
  if (rest !== '') yield rest;
}

const joined = (rest: string | null, part: string): string | null =>
  rest === null || rest.length + part.length > LONGEST_LINE ? null : rest + part;

/** Fields in which Cloud Logs, its exports and the answers to its queries carry what was logged, as an object or as its JSON. */
const WRAPPERS = ['message', 'user_data', 'src_obj__user_data', 'text', 'log', 'result', 'results'];
const DEEPEST = 10;

/** The records of Keyrota in a line; none where it is something else. A word before the JSON, such as a name, is passed over. */
export function recordsOf(line: string): LogRecord[] {
  const start = line.indexOf('{');
  return start < 0 ? [] : recordsIn(parsed(line.slice(start)), DEEPEST);
}

function recordsIn(value: unknown, depth: number): LogRecord[] {
  if (depth === 0 || value === null) return [];
  if (typeof value === 'string') return value.startsWith('{') ? recordsIn(parsed(value), depth - 1) : [];
  if (typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap((item) => recordsIn(item, depth - 1));
  const fields = value as Record<string, unknown>;
  const { level, event, message, at } = fields;
  if (typeof level === 'string' && typeof event === 'string' && typeof message === 'string') {
    return [{ level, event, message, atMs: typeof at === 'string' ? Date.parse(at) : NaN, fields }];
  }
  for (const name of WRAPPERS) {
    const found = Object.hasOwn(fields, name) ? recordsIn(fields[name], depth - 1) : [];
    if (found.length > 0) return found;
  }
  return [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
