import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { logsCommand } from '../../infra/operator/logs.ts';
import type { LogsOptions } from '../../infra/operator/logs.ts';
import type { LogsStreams } from '../../infra/operator/logs-telling.ts';

const DAY_MS = 86_400_000;
export const START_MS = Date.UTC(2026, 0, 5, 8);
const timeOf = (afterMinutes: number) => new Date(START_MS + afterMinutes * 60_000).toISOString();

/** A line as a run writes it, so many minutes after the start. */
export const line = (afterMinutes: number, event: string, fields: object = {}): string => {
  const head = { level: 'info', event, message: `said by ${event}`, at: timeOf(afterMinutes) };
  return JSON.stringify({ ...head, run: 'run-1', key: 'ingest', ...fields });
};
export const held = (afterMinutes: number, fields: object = {}) =>
  line(afterMinutes, 'key_held', {
    step: 'hold',
    code: 'grace',
    since: timeOf(0),
    until: null,
    message: 'in grace',
    ...fields,
  });

export async function* chunksOf(chunks: Iterable<Uint8Array | string>): AsyncGenerator<Uint8Array | string> {
  yield* chunks;
}

export interface Told {
  code: number;
  /** What was printed, line by line; without the summary. */
  rows: string[];
  summary: string;
  errors: string;
}

/** What the command `logs` makes of these lines, or chunks. */
export async function told(
  input: readonly string[] | AsyncIterable<Uint8Array | string>,
  name?: string,
  options: LogsOptions = {},
  changes: Partial<LogsStreams> = {},
): Promise<Told> {
  const output = new PassThrough();
  let errors = '';
  const streams: LogsStreams = {
    input: Array.isArray(input) ? chunksOf([(input as string[]).join('\n')]) : (input as AsyncIterable<string>),
    output,
    errors: { write: (more) => (errors += more) },
    isColoured: false,
    nowMs: START_MS + DAY_MS,
    ...changes,
  };
  const printed = text(output);
  try {
    const code = await logsCommand(name, options, streams);
    output.end();
    const [story = '', summary = ''] = (await printed).split(/\n?^(?=\d+ lines? read)/m);
    return { code, rows: story.split('\n').filter((row) => row !== ''), summary: summary.trimEnd(), errors };
  } finally {
    output.end();
  }
}

export const MINTED = line(0, 'key_minted', { message: 'mint: there is no key yet', keyId: 'ApiKey-1', op: 'op' });
