import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';

/** A line on standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const COLOURS = { rest: 'green', hold: 'cyan', planned: 'yellow', ask: 'magenta', failed: 'red', left: 'red' } as const;

/** A row a key: what was done or would be, how it is left, why, and when it goes on. */
export function printReports(keys: readonly KeyReport[], json: boolean): void {
  if (json) {
    print(JSON.stringify(keys));
    return;
  }
  const table = new Table({
    head: ['key', 'steps', 'then', 'why', 'until'],
    colWidths: [null, null, null, 60, null],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { name, steps, outcome, why, until } of keys) {
    const taken = steps.map(({ step }) => step).join(', ');
    table.push([name, taken, styleText(COLOURS[outcome], outcome), why, until?.slice(0, 16).replace('T', ' ') ?? '']);
  }
  print(table.toString());
  for (const { name, next } of keys.filter((key) => key.next.length > 0)) {
    print(`\n${name} needs a person:\n${next.map((step) => `  ${step}`).join('\n')}`);
  }
}
