import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runbookEntries, runbookIndex } from '../../infra/operator/runbook-index.ts';
import { RULE_IDS } from '../../shared/keys/check-schema.ts';
import { RULES } from '../../shared/findings/rules.ts';
import type { Severity } from '../../shared/findings/finding.ts';
import { NOTICE_TYPES, SEVERITIES } from '../../shared/notices/notice.ts';
import { codesInSources } from '../support/codes.ts';
import { commandsOn, refusalOf } from '../support/command-lines.ts';
import { deadLinks } from '../support/pages.ts';

const FILE = 'docs/runbook.md';
const ALERTS = 'infra/cloud-logs/alerts';
const page = readFileSync(FILE, 'utf8');
const entries = runbookEntries(page);
const titlesIn = (...chapters: string[]) =>
  entries.filter(({ chapter }) => chapters.includes(chapter)).map(({ title }) => title);

const alerts = readdirSync(ALERTS).map((file) => {
  const text = readFileSync(`${ALERTS}/${file}`, 'utf8');
  const { name, entity_labels: labels } = JSON.parse(text) as { name: string; entity_labels: { runbook: string } };
  const [page = '', anchor] = labels.runbook.split('#');
  return { title: name.replace('Keyrota: a', 'A'), page, anchor, priority: /"priority": "(\w+)"/.exec(text)?.[1] };
});
const PRIORITIES = new Map(alerts.map(({ title, priority }) => [title, priority]));

/** What whoever is on call must find in an entry. */
const PARTS = ['Look', 'Do', 'Over', 'Never'];

/** How urgent findings of each severity may be called. */
const OF_SEVERITY: Readonly<Record<Severity, readonly string[]>> = {
  critical: ['now'],
  high: ['now', 'today'],
  medium: ['this week', 'no hurry'],
  low: ['no hurry'],
};

const OF_CODES = [
  'A person is asked',
  'When the work on a key fails',
  'When a report of a leak was refused',
  'When something could not be seen',
  'When it only waits',
  'When a command refuses',
];

describe('the runbook', () => {
  it('has an entry for each finding, and for nothing that is none', () => {
    expect(titlesIn('Findings')).toEqual(RULE_IDS);
  });

  it('has an entry for each notice, and for nothing that is none', () => {
    expect(titlesIn('Notices')).toEqual(NOTICE_TYPES);
  });

  it('has an entry for each code that an operator can meet, and for nothing that is none', () => {
    const codes = codesInSources();
    const told = new Set(titlesIn(...OF_CODES));
    const withoutEntry = [...codes].filter((code) => !told.has(code));
    const withoutCode = [...told].filter((code) => !codes.has(code));
    expect({ withoutEntry, withoutCode }).toEqual({ withoutEntry: [], withoutCode: [] });
  });

  it('has an entry for each alert, which names it', () => {
    const told = entries.filter(({ chapter }) => chapter === 'Alerts').map(({ title, anchor }) => ({ title, anchor }));
    expect(told.toSorted((one, other) => one.title.localeCompare(other.title))).toEqual(
      alerts.map(({ title, anchor }) => ({ title, anchor })),
    );
    expect(new Set(alerts.map((one) => one.page))).toEqual(new Set([FILE]));
  });

  it('calls nothing less urgent than the product does', () => {
    const urgencyOf = new Map(entries.map(({ title, urgency }) => [title, urgency]));
    for (const rule of RULE_IDS) expect(OF_SEVERITY[RULES[rule].severity]).toContain(urgencyOf.get(rule));
    const critical = NOTICE_TYPES.filter((type) => SEVERITIES[type] === 'CRITICAL');
    for (const type of critical) expect([type, urgencyOf.get(type)]).toEqual([type, 'now']);
    for (const { title, urgency } of entries.filter(({ chapter }) => chapter === 'Alerts'))
      expect([title, urgency]).toEqual([title, PRIORITIES.get(title) === 'p1' ? 'now' : 'today']);
  });

  it('has each entry once, under an address of its own', () => {
    const anchors = entries.map(({ anchor }) => anchor);
    expect(anchors.filter((one, place) => anchors.indexOf(one) !== place)).toEqual([]);
    const ofCodes = entries.filter(({ isCode }) => isCode);
    for (const { title, anchor } of ofCodes) expect(anchor).toBe(title.replaceAll('.', ''));
  });

  it('says in each entry what to look at, what to do, when it is over, and what never to do', () => {
    for (const { title, text } of entries.filter((one) => !one.text.startsWith('|'))) {
      const parts = [...text.matchAll(/^- \*\*(\w+):\*\*/gm)].map(([, part]) => part);
      expect([title, parts]).toEqual([title, PARTS]);
    }
  });

  it('says it once above each table of codes', () => {
    const leads = new Map(
      [...page.matchAll(/^## (.+)\n\n((?:.+\n)+)/gm)].map(([, title = '', lead = '']) => [title, lead]),
    );
    const withRows = new Set(entries.filter(({ text }) => text.startsWith('|')).map(({ chapter }) => chapter));
    const lacking = [...withRows].flatMap((chapter) =>
      ['Look', 'Over', 'Never']
        .filter((part) => !leads.get(chapter)?.includes(`**${part}`))
        .map((part) => [chapter, part]),
    );
    expect(withRows.size).toBe(5);
    expect(lacking).toEqual([]);
  });

  it('finds each entry in its index, and says in bold what cannot wait', () => {
    const index = runbookIndex(page);
    for (const { anchor } of entries) expect(index.split(`(#${anchor})`)).toHaveLength(2);
    expect(index).toContain('**[`key-gone`](#key-gone)**');
    expect(index).not.toContain('**[`grace`](#grace)**');
  });

  it('must say how urgent an entry is', () => {
    expect(() => runbookEntries('## Findings\n\n### `key-gone`\n\nIt is gone.\n')).toThrow('how urgent');
    expect(() => runbookEntries('## Codes\n\n| <a id="gone"></a>`gone` | soon | it is gone |\n')).toThrow('how urgent');
  });
});

const PAGES = readdirSync('docs')
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);

describe.each([...PAGES, 'README.md', 'CHANGELOG.md', 'infra/terraform/README.md'])('%s', (file) => {
  it('has no link that leads nowhere', () => {
    expect(deadLinks(file)).toEqual([]);
  });

  it('shows no command of the operator, and no option, that there is not', async () => {
    const refused: [string, string][] = [];
    for (const words of commandsOn(file)) {
      const refusal = await refusalOf(words);
      if (refusal !== null) refused.push([words.join(' '), refusal]);
    }
    expect(refused).toEqual([]);
  });
});

describe('the reading of commands on pages', () => {
  it('takes them out of texts, blocks and pipes', () => {
    expect(commandsOn(FILE)).toEqual(
      expect.arrayContaining([['plan'], ['contain', 'NAME', '--key-id', 'KEY_ID'], ['import', 'NAME']]),
    );
  });

  it('tells those apart that there are not', async () => {
    expect(await refusalOf(['plan', 'NAME', '--no-such-option'])).toContain('--no-such-option');
    expect(await refusalOf(['no-such-command'])).toContain('no-such-command');
    expect(await refusalOf(['adopt', 'NAME'])).toContain('key-id');
    expect(await refusalOf(['adopt'])).toBeNull();
  });
});
