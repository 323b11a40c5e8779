import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { escapeControls } from '../../shared/runtime/log.ts';

/** A line on standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The one line of `--json`: nothing else goes to standard output then. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

const COLOURS = {
  rest: 'green',
  hold: 'cyan',
  planned: 'yellow',
  ask: 'magenta',
  failed: 'red',
  left: 'red',
} as const satisfies Record<KeyReport['outcome'], string>;

/** ISO, to the minute, as people read it. */
export const timeOfDay = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

/** What the other columns and all lines between columns take at least. */
const OTHER_COLUMNS = 70;
const WIDEST = 60;
const NARROWEST = 24;

/** Long sentences wrap; where the terminal is narrow, they wrap earlier. */
const widthOfWhy = (): number => {
  const { isTTY, columns } = process.stdout;
  return isTTY ? Math.min(WIDEST, Math.max(NARROWEST, columns - OTHER_COLUMNS)) : WIDEST;
};

/** Names and reasons come from the account: what would steer a terminal is shown instead. */
export const tableOf = (head: readonly string[], why: string, rows: readonly (readonly string[])[]): string => {
  const table = new Table({
    head: [...head],
    colWidths: head.map((title) => (title === why ? widthOfWhy() : null)),
    wordWrap: true,
    style: { head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
};

const coloured = ({ outcome }: KeyReport, text: string): string => styleText(COLOURS[outcome], text);

/** A row a key: what was done, how it is left, why, and when it goes on. */
export function printReports(keys: readonly KeyReport[]): void {
  const rows = keys.map((key) => {
    const { name, steps, outcome, why, until } = key;
    const taken = steps.map(({ step }) => step).join(', ');
    return [name, taken, coloured(key, outcome), escapeControls(why), until === null ? '' : timeOfDay(until)];
  });
  print(tableOf(['key', 'steps', 'then', 'why', 'until'], 'why', rows));
  printAsked(keys);
}

/** A row a key: the next step, why, and when it comes; below it the hash that `rotate --plan` takes. */
export function printPlan(keys: readonly KeyReport[], hash: string): void {
  const rows = keys.map((key) => {
    const { name, steps, outcome, why } = key;
    return [name, coloured(key, steps[0]?.step ?? outcome), escapeControls(why), whenOf(key)];
  });
  print(tableOf(['key', 'step', 'why', 'when'], 'why', rows));
  printAsked(keys);
  print(`\nplan ${hash}`);
}

function whenOf({ outcome, until }: KeyReport): string {
  if (outcome === 'planned') return 'now';
  if (outcome === 'ask') return 'after a person';
  if (outcome === 'failed' || outcome === 'left') return 'not known';
  if (until !== null) return timeOfDay(until);
  return outcome === 'rest' ? '' : 'open';
}

function printAsked(keys: readonly KeyReport[]): void {
  for (const { name, next } of keys.filter((key) => key.next.length > 0)) {
    print(`\n${name} needs a person:\n${next.map((step) => `  ${escapeControls(step)}`).join('\n')}`);
  }
}
