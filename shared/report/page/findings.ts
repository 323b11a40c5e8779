import { SEVERITIES } from '../../findings/finding.ts';
import type { Severity } from '../../findings/finding.ts';
import type { FindingRecord } from '../fleet-data.ts';
import { fill, h, named, part } from './dom.ts';
import type { Child } from './dom.ts';
import { entryLink } from './needs.ts';
import { badge, sinceWords, step, steps, timeOf } from './pieces.ts';
import type { Actions, PageState } from './state.ts';
import { count, sentence } from './words.ts';

/** How many findings are shown at first, and more each time. */
const SOME = 20;

/** What is chosen in this part of the page: kept while it is drawn again. */
interface Choice {
  severity: Severity | '';
  shown: number;
}
const choice: Choice = { severity: '', shown: SOME };

/** What the last check of the account has found, the worst first. */
export function drawFindings(state: PageState, actions: Actions): void {
  const { findings, lastCheck } = state.data;
  const { listed, counts, rules, unseen } = findings;
  part('findings', HTMLElement).hidden = false;
  const wanted = choice.severity === '' ? listed : listed.filter(({ severity }) => severity === choice.severity);
  const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const redraw = (change: Partial<Choice>) => {
    Object.assign(choice, change);
    drawFindings(state, actions);
  };
  fill(
    part('findings-list', HTMLElement),
    h(
      'p',
      {},
      lastCheck.at === null
        ? 'No check of the account is known.'
        : ['Of the check of ', timeOf(lastCheck.at, state.nowMs), '.'],
    ),
    listed.length > 0 && severities(listed, redraw),
    h('p', { role: 'status', class: 'result' }, foundText(wanted.length, listed.length, all)),
    h(
      'ul',
      { class: 'cards' },
      wanted.slice(0, choice.shown).map((one) => findingItem(one, state, actions)),
    ),
    wanted.length > choice.shown &&
      h(
        'button',
        { type: 'button', id: 'findings-more', click: () => redraw({ shown: choice.shown + 5 * SOME }) },
        'Show more',
      ),
    all > listed.length && [h('h3', {}, 'All, by rule'), byRule(counts, rules)],
    unseen.length > 0 && [
      h('h3', {}, 'What the check could not see'),
      h(
        'ul',
        {},
        unseen.map((one) => h('li', {}, step(one))),
      ),
    ],
  );
}

function foundText(wanted: number, listed: number, all: number): string {
  if (all === 0 && listed === 0) return 'No findings.';
  const others = all > listed ? `, and ${count(all - listed, 'other')} of less weight` : '';
  return wanted === listed
    ? `${count(listed, 'finding')}${others}`
    : `${wanted} of ${count(listed, 'finding')}${others}`;
}

const severities = (listed: readonly FindingRecord[], redraw: (change: Partial<Choice>) => void): HTMLElement =>
  h(
    'div',
    { class: 'counts', role: 'group', 'aria-label': 'Findings by severity' },
    SEVERITIES.map((severity) => {
      const isPressed = choice.severity === severity;
      const click = () => redraw({ severity: isPressed ? '' : severity, shown: SOME });
      return h(
        'button',
        {
          type: 'button',
          id: `findings-${severity}`,
          class: `count ${severity}`,
          'aria-pressed': String(isPressed),
          click,
        },
        h('b', {}, listed.filter((one) => one.severity === severity).length),
        ' ',
        severity,
      );
    }),
  );

const byRule = (counts: Readonly<Record<string, number>>, rules: PageState['data']['findings']['rules']): Child =>
  h(
    'ul',
    {},
    Object.entries(counts)
      .toSorted(([, one], [, other]) => other - one)
      .map(([rule, found]) =>
        h('li', {}, `${found.toLocaleString('en')} × ${rules[rule]?.title ?? rule} `, h('code', {}, rule)),
      ),
  );

/** One finding. Without actions it stands with the entry that it is about. */
export function findingItem(found: FindingRecord, { data, nowMs }: PageState, actions: Actions | null): HTMLElement {
  const { severity, rule, why, next, since, first_seen: firstSeen, entry, subject, name, owner } = found;
  const words = data.findings.rules[rule];
  return h(
    'li',
    { class: `card ${severity}` },
    h(actions ? 'h3' : 'h4', {}, badge(severity, severity), ' ', words?.title ?? rule, ' ', h('code', {}, rule)),
    h('p', {}, sentence(why), sinceWords(since, nowMs)),
    h(
      'p',
      { class: 'muted' },
      actions && entry !== '' && [entryLink(entry, actions), ' '],
      name !== '' && [named(name), ' '],
      subject !== name && [named(subject, 'id'), ' '],
      owner !== '' && ['of ', named(owner, 'id'), ' '],
      firstSeen !== '' && ['first found ', timeOf(firstSeen, nowMs)],
    ),
    words !== undefined && words.matters !== '' && h('p', { class: 'muted' }, words.matters),
    steps(next),
  );
}
