import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { restingDay } from '../bench/cost.ts';
import { monthOf } from '../bench/month.ts';
import type { Measured, Work } from '../bench/month.ts';

const page = readFileSync('docs/costs.md', 'utf8');

/** The rows of the table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const [chapter = ''] = after.split('\n## ');
  const rows = [...chapter.matchAll(/^\| (.+) \|$/gm)].map(([, row = '']) =>
    row.split(' | ').map((cell) => cell.trim()),
  );
  return rows.slice(2);
}

const numberIn = (text = ''): number => Number(text.replaceAll(',', ''));

const works = rowsUnder('What was measured').map(([, calls, seconds, logBytes]): Work => {
  return { calls: numberIn(calls), seconds: numberIn(seconds), logBytes: numberIn(logBytes) };
});

describe('the page of the costs', () => {
  it('tells months as they follow from what was measured', () => {
    const [tick, entry, upkeep, check] = works;
    const measured = { tick, entry, upkeep, check } as Measured;
    const rounded = (value: number) => Number(value.toPrecision(4)).toLocaleString('en');
    for (const [entries, every = '', ...told] of rowsUnder('A month')) {
      const month = monthOf(measured, {
        entryCount: numberIn(entries),
        timerMinutes: parseInt(every, 10),
        startSeconds: 0,
      });
      const { invocations, instanceSeconds, vcpuSeconds, gigabyteSeconds, calls, logMegabytes } = month;
      const wanted = [invocations, instanceSeconds, vcpuSeconds, gigabyteSeconds, calls, logMegabytes].map(rounded);
      expect([entries, every, ...told]).toEqual([entries, every, ...wanted]);
    }
  });

  it('has a tick as it is, and a check that is no dearer', async () => {
    const { tick, check } = await restingDay(10, 3);
    expect(tick).toEqual(works[0]);
    expect(check.calls).toBeLessThanOrEqual(works[3]?.calls ?? 0);
  });

  it('counts the start of each invocation', () => {
    const [tick, entry, upkeep, check] = works;
    const measured = { tick, entry, upkeep, check } as Measured;
    const setup = { entryCount: 10, timerMinutes: 1, startSeconds: 0 };
    const [cold, warm] = [monthOf(measured, { ...setup, startSeconds: 2 }), monthOf(measured, setup)];
    expect(cold.instanceSeconds - warm.instanceSeconds).toBeCloseTo(2 * warm.invocations, 3);
  });
});
