import type { Clock } from '../../shared/runtime/clock.ts';
import { createLog, escapeControls } from '../../shared/runtime/log.ts';
import type { Log } from '../../shared/runtime/log.ts';

/** What long work tells of itself while it runs. */
export interface Progress {
  /** One of the keys is through. */
  keyDone: () => void;
}

interface Task {
  /** What is done, such as `looking at the keys`. */
  what: string;
  /** How many keys there are; null where it is one piece of work. */
  keyCount: number | null;
}

/**
 * Runs `work` and shows on a terminal how far it is: how many keys are through, and the latest line of its log. Log lines appear above
 * that. Where standard error is no terminal, or the environment says CI, there are the plain log lines alone.
 */
export async function withProgress<C extends { clock: Clock; log: Log }, T>(
  { what, keyCount }: Task,
  context: C,
  work: (context: C, progress: Progress) => Promise<T>,
): Promise<T> {
  const { isTTY, columns } = process.stderr;
  const quietly = () => work(context, { keyDone: () => undefined });
  // On a terminal of no width it would never come to the end of a line.
  if (!isTTY || !columns) return quietly();
  const { default: ora } = await import('ora');
  // It leaves keyboard, cursor and signals alone, so that Ctrl-C ends a command between two calls as ever.
  const spinner = ora({ stream: process.stderr, discardStdin: false, hideCursor: false, color: false });
  if (!spinner.isEnabled) return quietly();
  let doneCount = 0;
  let latest = '';
  const show = () => {
    const counted = keyCount === null ? '' : `: ${doneCount} of ${keyCount} keys done`;
    const text = `${what}${counted}${latest === '' ? '' : `, ${latest}`}`;
    spinner.text = text.length > columns - ROOM ? `${text.slice(0, columns - ROOM)}…` : text;
  };
  const watcher = createLog({
    clock: context.clock,
    level: 'debug',
    write: (line) => {
      latest = said(line);
      show();
    },
  });
  show();
  spinner.start();
  try {
    const keyDone = () => {
      doneCount += 1;
      show();
    };
    return await work({ ...context, log: both(context.log, watcher) }, { keyDone });
  } finally {
    spinner.stop();
  }
}

/** For the sign that turns, and the dots of a text that is cut off. */
const ROOM = 5;

function said(line: string): string {
  const { key = '', message } = JSON.parse(line) as { key?: string; message: string };
  return escapeControls(key === '' ? message : `${key}: ${message}`);
}

type Level = Exclude<keyof Log, 'with'>;
/** What a line has was checked where it was written. */
type AnyLine = (event: string, message: string, ...fields: readonly unknown[]) => void;

function both(one: Log, other: Log): Log {
  const line = (level: Level): AnyLine => {
    const [first, second] = [one[level], other[level]] as [AnyLine, AnyLine];
    return (...said) => {
      first(...said);
      second(...said);
    };
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: (fields) => both(one.with(fields), other.with(fields)),
  };
}
