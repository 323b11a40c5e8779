import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../shared/keys/duration.ts';
import { METRICS, MOST_KEYS, metricsText, phaseOf } from '../../shared/report/metrics.ts';
import { timeText } from '../../shared/rotation/record.ts';
import { readOpenMetrics } from '../support/open-metrics.ts';
import {
  NOW_MS,
  finding,
  incident,
  ledgerWith,
  manifestOfNames,
  nameOf,
  reportOf,
  summaryOf,
} from '../support/report-scenes.ts';

const ONE = manifestOfNames(['key-0']);
const at = (offsetMs: number): string => timeText(NOW_MS + offsetMs);

describe('the metrics', () => {
  it('are what OpenMetrics allows, with help for each and the unit in the name of each that has one', () => {
    const families = readOpenMetrics(metricsText(reportOf(ONE)));
    expect([...families.keys()]).toEqual(METRICS.map(({ name }) => name));
    for (const [name, { help, unit }] of families) {
      expect([name, help]).not.toEqual([name, '']);
      expect(unit).toBe(name.endsWith('_seconds') ? 'seconds' : '');
      expect(name).not.toMatch(/_(total|info|count|sum|bucket|created)$/);
    }
  });

  it('tell the same as the report', () => {
    const summaries = new Map([['key-0', summaryOf('key-0', 0, { failures: 3, failed_at: at(-HOUR_MS) })]]);
    const ledger = ledgerWith({
      incidents: [incident(), incident({ incident: 'incident-2', replaced_at: at(0), deleted_at: at(0) })],
    });
    ledger.check.counts = { 'key-too-old': 41 };
    ledger.check.findings = [finding({ severity: 'high' })];
    const report = reportOf(ONE, { summaries, ledger });
    const families = readOpenMetrics(metricsText(report));
    const valueOf = (name: string, labels: Record<string, string> = {}) =>
      families.get(name)?.samples.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels))?.value;
    expect(valueOf('keyrota_keys', { state: 'failed' })).toBe(1);
    expect(valueOf('keyrota_keys', { state: 'rest' })).toBe(0);
    expect(valueOf('keyrota_key_needs_person', { key: 'key-0', code: 'mint_failed' })).toBe(1);
    expect(valueOf('keyrota_attention', { level: 'critical' })).toBe(1);
    expect(valueOf('keyrota_attention', { level: 'high' })).toBe(2);
    expect(valueOf('keyrota_findings', { rule: 'key-too-old' })).toBe(41);
    expect(valueOf('keyrota_findings_listed', { severity: 'high' })).toBe(1);
    expect(valueOf('keyrota_incidents', { phase: 'reported' })).toBe(1);
    expect(valueOf('keyrota_incidents', { phase: 'over' })).toBe(1);
    expect(valueOf('keyrota_report_complete')).toBe(1);
    expect(valueOf('keyrota_last_run_seconds')).toBe(
      (report.lastRun.at === null ? 0 : Date.parse(report.lastRun.at)) / 1_000,
    );
    expect(valueOf('keyrota_report_time_seconds')).toBe((NOW_MS + 800) / 1_000);
    expect(valueOf('keyrota_report_duration_seconds')).toBe(0.8);
  });

  it('leave out what is not known, and say that not all could be seen', () => {
    const unseen = [{ what: 'the ledger', code: 'forbidden', why: '', next: '', isEssential: true }];
    const families = readOpenMetrics(metricsText(reportOf(ONE, { ledger: null, lastRunMs: null, unseen })));
    expect(families.get('keyrota_last_run_seconds')?.samples).toEqual([]);
    expect(families.get('keyrota_last_check_seconds')?.samples).toEqual([]);
    expect(families.get('keyrota_report_complete')?.samples).toMatchObject([{ value: 0 }]);
  });

  it('escape whatever others have named', () => {
    const ledger = ledgerWith({});
    const rule = 'a "rule" \\ of\nmany lines } 1';
    ledger.check.counts = { [rule]: 1 };
    const families = readOpenMetrics(metricsText(reportOf(ONE, { ledger })));
    expect(families.get('keyrota_findings')?.samples).toEqual([
      { name: 'keyrota_findings', labels: { rule }, value: 1 },
    ]);
  });

  it('have series of the most urgent keys alone where there are many, and say so', () => {
    const names = Array.from({ length: MOST_KEYS + 300 }, (_, place) => nameOf(place, 60));
    const text = metricsText(reportOf(manifestOfNames(names)));
    const families = readOpenMetrics(text);
    expect(families.get('keyrota_key_next_due_seconds')?.samples).toHaveLength(MOST_KEYS);
    expect(families.get('keyrota_keys_without_series')?.samples).toMatchObject([{ value: 300 }]);
    expect(Buffer.byteLength(text)).toBeLessThan(500_000);
  });
});

it.each([
  [{}, 'reported'],
  [{ contained_at: 'x' }, 'contained'],
  [{ contained_at: 'x', replaced_at: 'x' }, 'replaced'],
  [{ contained_at: 'x', replaced_at: 'x', deleted_at: 'x' }, 'over'],
  [{ contained_at: 'x', dismissed_at: 'x' }, 'dismissed'],
])('a leak with %j is %s', (changes, phase) => {
  expect(phaseOf(incident(changes))).toBe(phase);
});
