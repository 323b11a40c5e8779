import { RULES } from '../../shared/findings/rules.ts';
import { markdownTable } from './markdown-table.ts';

/** The rules of the daily check, as docs/check.md shows them. */
export function ruleTables(): string {
  const rules = Object.entries(RULES);
  const first = rules.map(([id, { title, severity, otherwise, threshold, isDrift }]) => [
    `\`${id}\``,
    `${title}${isDrift ? ' (drift)' : ''}`,
    otherwise === '' ? severity : `${severity}; ${otherwise}`,
    threshold === ''
      ? ''
      : threshold
          .split(', ')
          .map((field) => `\`${field}\``)
          .join(', '),
  ]);
  const second = rules.map(([id, { matters, controls }]) => [`\`${id}\``, matters, controls.join('; ')]);
  return [
    markdownTable([['rule', 'found', 'severity', 'moved by'], ...first]),
    '### Why each matters, and the controls that it answers to',
    markdownTable([['rule', 'why', 'controls'], ...second]),
  ].join('\n\n');
}
