import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PATHS } from '../../functions/show-report/schema.ts';
import { STATES } from '../../shared/report/fleet-data.ts';
import { dataOf } from '../../shared/report/fleet-report.ts';
import { METRICS, MOST_KEYS } from '../../shared/report/metrics.ts';
import { SettingsSchema } from '../../shared/runtime/settings.ts';
import { manifestOfNames, reportOf } from '../support/report-scenes.ts';

const PAGE = readFileSync(new URL('../../docs/report.md', import.meta.url), 'utf8');

/** The first cells of the rows of all tables. */
const firstCells = [...PAGE.matchAll(/^\| ([^|]*?) +\|/gm)].map(([, cell = '']) => cell);

describe('docs/report.md', () => {
  it('lists every metric as it is', () => {
    const rows = [...PAGE.matchAll(/^\| `(keyrota_\w+)` +\| (\w+) +\| ([^|]*?) +\| (.*?) +\|$/gm)];
    const told = METRICS.map(({ name, type, labels, help }) => {
      const sampled = type === 'info' ? `${name}_info` : name;
      return [sampled, type, labels.map((label) => `\`${label}\``).join(', ') || 'none', help];
    });
    expect(rows.map(([, ...cells]) => cells)).toEqual(told);
    expect(PAGE).toContain(`the ${MOST_KEYS} most urgent`);
  });

  it('names every path, and every state', () => {
    for (const path of PATHS) expect(PAGE).toContain(`\`${path}\``);
    for (const state of STATES) expect(firstCells).toContain(`\`${state}\``);
  });

  it('explains every field of the data', () => {
    const fields = Object.keys(dataOf(reportOf(manifestOfNames(['key-0']))));
    const explained = firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, field]) => field));
    expect(fields.filter((field) => !explained.includes(field))).toEqual([]);
  });

  it('names no setting that does not exist', () => {
    const named = PAGE.match(/KEYROTA_[A-Z_]*[A-Z]/g);
    expect([...new Set(named)].filter((name) => !(name in SettingsSchema.shape))).toEqual([]);
  });
});
