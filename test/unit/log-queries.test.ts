import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../../infra/operator/log-tables.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { backOffMs } from '../../shared/rotation/back-off.ts';
import { LOG_EVENTS, logEventOf } from '../../shared/runtime/log-events.ts';
import { LOG_FIELDS } from '../../shared/runtime/log-events/fields.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { fieldsIn, lucene, textsIn } from '../support/lucene.ts';

const FOLDER = 'infra/cloud-logs';

interface View {
  name: string;
  search_query: { query: string; syntax_type: string };
  time_selection: { quick_selection: { caption: string; seconds: number } };
}

interface Alert {
  name: string;
  description: string;
  enabled: boolean;
  type: string;
  logs_threshold: {
    condition_type: string;
    logs_filter: { simple_filter: { lucene_query: string } };
    rules: {
      condition: { threshold: number; time_window: { logs_time_window_specific_value: string } };
      override: { priority: string };
    }[];
    notification_payload_filter: string[];
  };
  group_by_keys: string[];
  notification_group: { group_by_keys: string[]; webhooks: [] };
  incidents_settings: { minutes: number; notify_on: string };
  entity_labels: Record<string, string>;
}

const filesIn = (folder: string) => readdirSync(`${FOLDER}/${folder}`).map((file) => `${folder}/${file}`);
const read = (file: string): unknown => JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8'));
const VIEWS = filesIn('views').map((file) => ({ file, view: read(file) as View }));
const ALERTS = filesIn('alerts').map((file) => ({ file, alert: read(file) as Alert }));
const page = readFileSync('docs/logs.md', 'utf8');

const QUERIES = [
  ...VIEWS.map(({ file, view }) => ({ file, query: view.search_query.query })),
  ...ALERTS.map(({ file, alert }) => ({ file, query: alert.logs_threshold.logs_filter.simple_filter.lucene_query })),
];

/** Text that IBM's API takes in names, descriptions and queries: nothing but letters, digits, signs and blanks. */
const ALLOWED = /^[\p{L}\p{N}\p{P}\p{Z}\p{S}\p{M}]{1,4096}$/u;

/** What the API takes as time windows of log alerts, in milliseconds. */
const WINDOWS: Record<string, number> = {
  minutes_5_or_unspecified: 5 * MINUTE_MS,
  ...Object.fromEntries([10, 15, 20, 30].map((count) => [`minutes_${count}`, count * MINUTE_MS])),
  hour_1: HOUR_MS,
  ...Object.fromEntries([2, 4, 6, 12, 24, 36].map((count) => [`hours_${count}`, count * HOUR_MS])),
};

const windowOf = (alert: Alert): number => {
  const [rule] = alert.logs_threshold.rules;
  return WINDOWS[rule?.condition.time_window.logs_time_window_specific_value ?? ''] ?? NaN;
};

describe('every saved query', () => {
  it.each(QUERIES)(
    'names fields and events of the catalogue only, at both places where fields may be: $file',
    ({ query }) => {
      expect(query).toMatch(ALLOWED);
      expect(lucene(query)).toBeTypeOf('function');
      const own = fieldsIn(query).filter((field) => field !== 'app');
      const plain = own.map((field) => field.replace(/^message\./, '').replace(/\.keyword$/, ''));
      expect(plain.filter((field) => !Object.hasOwn(LOG_FIELDS, field))).toEqual([]);
      const nested = own.filter((field) => field.startsWith('message.'));
      expect(own.toSorted()).toEqual([...nested, ...nested.map((field) => field.replace('message.', ''))].toSorted());
      for (const field of nested)
        expect(textsIn(query, field)).toEqual(textsIn(query, ` ${field.replace('message.', '')}`));
      for (const event of textsIn(query, 'message.event')) expect(logEventOf(event)).toBeDefined();
    },
  );
});

describe('the views', () => {
  it('are bodies of POST /v1/views, with names of their own', () => {
    expect(VIEWS.map(({ file }) => file)).toEqual([
      'views/by-incident.json',
      'views/by-key.json',
      'views/by-run.json',
      'views/failures.json',
    ]);
    for (const { view } of VIEWS) {
      expect(Object.keys(view)).toEqual(['name', 'search_query', 'time_selection']);
      expect(Object.keys(view.search_query)).toEqual(['query', 'syntax_type']);
      expect(view.search_query.syntax_type).toBe('lucene');
      expect(Object.keys(view.time_selection)).toEqual(['quick_selection']);
      const { caption, seconds } = view.time_selection.quick_selection;
      const [, count, unit] = /^Last (\d+) (hours|days)$/.exec(caption) ?? [];
      expect(seconds).toBe(Number(count) * (unit === 'days' ? 86_400 : 3_600));
      expect(view.name).toMatch(ALLOWED);
    }
    expect(new Set(VIEWS.map(({ view }) => view.name)).size).toBe(VIEWS.length);
  });

  it('of failures names each event that is one, and no other', () => {
    const { view } = VIEWS.find(({ file }) => file.endsWith('failures.json')) ?? {};
    expect(textsIn(view?.search_query.query ?? '', 'message.event')).toEqual(FAILURES);
    expect(FAILURES).toContain('key_failed');
    expect(FAILURES).not.toContain('key_minted');
  });
});

describe('the alerts', () => {
  it('are definitions as IBM Cloud Logs takes them, with names of their own', () => {
    expect(ALERTS.map(({ file }) => file)).toEqual([
      'alerts/check-did-not-run.json',
      'alerts/rotation-failed-twice.json',
      'alerts/timer-did-not-run.json',
    ]);
    for (const { alert } of ALERTS) {
      expect(alert).toMatchObject({ enabled: true, type: 'logs_threshold' });
      expect([alert.name, alert.description].filter((text) => !ALLOWED.test(text))).toEqual([]);
      expect(['more_than_or_unspecified', 'less_than']).toContain(alert.logs_threshold.condition_type);
      expect(alert.logs_threshold.rules).toHaveLength(1);
      expect(alert.logs_threshold.rules[0]?.override.priority).toMatch(/^p[1-4]$|^p5_or_unspecified$/);
      expect(alert).not.toHaveProperty('priority'); // its rule has one
      expect(windowOf(alert)).toBeGreaterThan(0);
      expect(alert.notification_group.group_by_keys).toEqual(alert.group_by_keys);
      expect(['triggered_only_unspecified', 'triggered_and_resolved']).toContain(alert.incidents_settings.notify_on);
      const named = [...alert.group_by_keys, ...alert.logs_threshold.notification_payload_filter];
      const fields = named.map((name) => name.replace('message.', ''));
      expect(fields.filter((field) => !Object.hasOwn(LOG_FIELDS, field))).toEqual([]);
      expect(named.filter((name) => !/^[a-zA-Z0-9_.]+$/.test(name))).toEqual([]);
    }
    expect(new Set(ALERTS.map(({ alert }) => alert.name)).size).toBe(ALERTS.length);
  });

  it('say how grave they are, and which entry of the runbook says what to do', () => {
    for (const { alert } of ALERTS) {
      const { runbook = '', severity } = alert.entity_labels;
      const [file, anchor] = runbook.split('#');
      expect(file).toBe('docs/runbook.md');
      for (const text of [page, readFileSync(file ?? '', 'utf8')]) {
        const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
          title.toLowerCase().replaceAll(' ', '-'),
        );
        expect(anchors).toContain(anchor);
      }
      expect(alert.name.toLowerCase().replaceAll(' ', '-')).toContain(anchor);
      expect(alert.logs_threshold.rules[0]?.override.priority).toBe({ critical: 'p1', error: 'p2' }[severity ?? '']);
    }
  });

  it('count two failures of one key that are as far apart as two attempts can be', () => {
    const { alert } = ALERTS.find(({ file }) => file.includes('failed-twice')) ?? {};
    expect(alert?.logs_threshold).toMatchObject({
      condition_type: 'more_than_or_unspecified',
      rules: [{ condition: { threshold: 1 } }],
    });
    expect(alert?.group_by_keys).toEqual(['message.key']);
    expect(alert && windowOf(alert)).toBeGreaterThan(backOffMs(100));
    expect(LOG_EVENTS.mint_failed.levels).toEqual(['error']);
  });

  it('miss a timer after two calls that did not come, and the ten minutes that lines may take', () => {
    const { alert } = ALERTS.find(({ file }) => file.includes('timer')) ?? {};
    expect(alert?.logs_threshold).toMatchObject({
      condition_type: 'less_than',
      rules: [{ condition: { threshold: 1 } }],
    });
    const { timerMs } = readSettings({
      KEYROTA_ACCOUNT_ID: '0'.repeat(32),
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:4000',
      KEYROTA_PROFILE_ID: 'Profile-1',
    });
    const leastMs = (periodMs: number) => 2 * periodMs + 10 * MINUTE_MS;
    expect(alert && windowOf(alert)).toBeGreaterThanOrEqual(leastMs(timerMs));
    const rows = [...page.matchAll(/^\| ([\d,]+) to ([\d,]+) +\| `(\w+)` +\|$/gm)].map(([, from, to, name]) => ({
      from: Number(from?.replace(',', '')),
      to: Number(to?.replace(',', '')),
      windowMs: WINDOWS[name ?? ''] ?? NaN,
    }));
    expect(rows).toHaveLength(8);
    for (const [index, { from, to, windowMs }] of rows.entries()) {
      expect(from).toBe((rows[index - 1]?.to ?? 0) + 1);
      expect(leastMs(to * MINUTE_MS)).toBeLessThanOrEqual(windowMs);
    }
    expect(rows[0]?.windowMs).toBe(alert && windowOf(alert));
  });
});

describe('the alert of the daily check', () => {
  it('fires half a day after one that did not come, and not for one that comes late', () => {
    const { alert } = ALERTS.find(({ file }) => file.includes('check')) ?? {};
    expect(alert?.logs_threshold).toMatchObject({
      condition_type: 'less_than',
      rules: [{ condition: { threshold: 1 } }],
    });
    expect(alert && windowOf(alert)).toBe(36 * HOUR_MS);
    expect(LOG_EVENTS.check_finished.levels).toContain('info');
  });
});

describe('the page', () => {
  it('names each file, and nothing that is not there', () => {
    const named = [...page.matchAll(/\]\(\.\.\/infra\/cloud-logs\/([^)]+)\)/g)].map(([, file = '']) => file);
    expect([...new Set(named)].toSorted()).toEqual([...VIEWS, ...ALERTS].map(({ file }) => file).toSorted());
    const inCapitals = QUERIES.flatMap(({ query }) => query.match(/\b[A-Z]+_[A-Z]+\b/g) ?? []);
    for (const word of new Set(inCapitals)) expect(page).toContain(`\`${word}\``);
  });
});

describe('the evaluator of these tests', () => {
  const line = { app: 'codeengine', message: { event: 'key_failed', key: 'logs-ingest-two', level: 'error' } };

  it.each<[string, boolean]>([
    ['app:"codeengine"', true],
    ['app:"other"', false],
    ['NOT app:"other"', true],
    ['app:"codeengine" AND message.event:"key_failed"', true],
    ['app:"codeengine" AND (message.event:"x" OR message.event:"key_failed")', true],
    ['app:"codeengine" AND NOT (message.event:"x" OR message.event:"key_failed")', false],
    ['message.event:("a" OR "key_failed")', true],
    ['message.event:"key"', false],
    ['message.key:"logs-ingest"', true],
    ['message.key.keyword:"logs-ingest"', false],
    ['message.key.keyword:"logs-ingest-two"', true],
    ['message.none:"x" OR app:"codeengine"', true],
  ])('finds by %s: %s', (query, isFound) => {
    expect(lucene(query)(line)).toBe(isFound);
  });

  it.each([
    'a:"1" AND b:"2" OR c:"3"',
    'a:"1" b:"2"',
    'a:1',
    '(a:"1"',
    'a:"1")',
    'a',
    'AND a:"1"',
    'a:"1" AND',
    '"x"',
    '',
  ])('refuses %j', (query) => {
    expect(() => lucene(query)).toThrow(Error);
  });
});
