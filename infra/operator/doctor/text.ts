import { styleText } from 'node:util';
import { escapeControls } from '../../../shared/runtime/log.ts';
import { tableOf } from '../output.ts';
import type { Finding, Result } from './finding.ts';
import type { CheckFinding } from './run.ts';

const COLOURS = {
  ok: 'green',
  warning: 'yellow',
  failed: 'red',
  'not looked at': 'cyan',
} as const satisfies Record<Result, string>;

const RESULTS = Object.keys(COLOURS) as Result[];

export const countsOf = (findings: readonly Finding[]): Record<Result, number> =>
  Object.fromEntries(
    RESULTS.map((result) => [result, findings.filter((one) => one.result === result).length]),
  ) as Record<Result, number>;

/** All findings as people read them: a table, what to do, and the count. */
export function doctorText(findings: readonly CheckFinding[]): string {
  const rows = folded(findings).map(({ check, subject, result, seen }) => [
    check,
    escapeControls(subject),
    styleText(COLOURS[result], result),
    escapeControls(seen),
  ]);
  const table = tableOf(['check', 'about', 'result', 'seen'], 'seen', rows);
  const steps = findings.filter(({ next }) => next.length > 0).map(stepsText);
  const counts = countsOf(findings);
  const headline = RESULTS.filter((result) => counts[result] > 0).map((result) => `${counts[result]} ${result}`);
  return [table, ...steps, headline.join(', ')].join('\n\n');
}

/** What is well stands in one row a check. */
function folded(findings: readonly CheckFinding[]): CheckFinding[] {
  return [...Map.groupBy(findings, ({ check }) => check)].flatMap(([check, all]): CheckFinding[] => {
    const well = all.filter(({ result, subject }) => result === 'ok' && subject !== '');
    if (well.length < 2) return all;
    const seen = well.map(({ subject }) => subject).join(', ');
    return [
      { check, subject: `${well.length} of ${all.length}`, result: 'ok', seen, next: [] },
      ...all.filter((one) => !well.includes(one)),
    ];
  });
}

function stepsText({ check, subject, result, next }: CheckFinding): string {
  const about = subject === '' ? '' : ` ${escapeControls(subject)}`;
  return [`${check}${about}, ${result}:`, ...next.map((step) => `  ${escapeControls(step)}`)].join('\n');
}
