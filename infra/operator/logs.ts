import { styleText } from 'node:util';
import { parseDuration } from '../../shared/keys/duration.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { InputError } from './input-error.ts';
import type { LogChoice } from './logs-choice.ts';
import { LOGS_EXAMPLE } from './logs-command.ts';
import { linesOf } from './logs-input.ts';
import { Telling } from './logs-telling.ts';
import type { LogsStreams } from './logs-telling.ts';

export interface LogsOptions {
  key?: string;
  keyId?: string;
  run?: string;
  incident?: string;
  failures?: boolean;
  since?: string;
  json?: boolean;
}

/** `logs [NAME]`: reads log lines and tells what became of a key. @returns 0, or 1 where nothing is found. */
export async function logsCommand(
  name: string | undefined,
  options: LogsOptions,
  streams: LogsStreams = streamsOfProcess(),
): Promise<0 | 1> {
  const choice = choiceOf(name, options, streams.nowMs);
  const telling = new Telling(choice, options.json ?? false, streams);
  for await (const line of linesOf(streams.input)) await telling.take(line);
  return telling.end();
}

function streamsOfProcess(): LogsStreams {
  const { stdin: input, stdout: output, stderr: errors } = process;
  if (input.isTTY) {
    throw new InputError('no_input', 'keyrota logs reads log lines from standard input.', {
      next: `For example: ${LOGS_EXAMPLE}`,
    });
  }
  const isColoured = styleText('red', 'x', { stream: output }) !== 'x';
  return { input, output, errors, isColoured, nowMs: systemClock.nowMs() };
}

function choiceOf(name: string | undefined, options: LogsOptions, nowMs: number): LogChoice {
  const { key = name, keyId, run, incident, failures, since } = options;
  if (name !== undefined && name !== key)
    throw new InputError('two_names', 'The argument and --key name different keys.');
  const given = { key, keyId, run, incident };
  const empty = Object.entries(given).find(([, value]) => value?.trim() === '');
  if (empty) throw new InputError('empty_choice', `${empty[0]}: is empty; name one, or leave it out.`);
  const sinceMs = since === undefined ? undefined : sinceMsOf(since, nowMs);
  const all = { ...given, failures, sinceMs };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A time without a zone is UTC, as all times are here. */
function sinceMsOf(since: string, nowMs: number): number {
  const durationMs = parseDuration(since);
  if (durationMs !== null) return nowMs - durationMs;
  const [, day, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(?:([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(since) ?? [];
  const atMs = day === undefined ? NaN : Date.parse(`${day}${time.replace(' ', 'T')}${zone}`);
  if (!Number.isNaN(atMs)) return atMs;
  const allowed = 'a duration such as 90m, 36h or 7d, or a time such as 2026-11-20T03:00Z';
  throw new InputError('since_invalid', `--since: must be ${allowed}.`);
}
