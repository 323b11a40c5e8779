import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAILURES } from '../../infra/operator/log-tables.ts';
import { logsCommand } from '../../infra/operator/logs.ts';
import type { LogsOptions } from '../../infra/operator/logs.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { LogEventName } from '../../shared/runtime/log-events.ts';
import { MINT_EVENTS } from '../../shared/runtime/log-events/mints.ts';
import { STEP_EVENTS } from '../../shared/runtime/log-events/steps.ts';
import { faultsOf } from '../support/log-line-faults.ts';
import { LOG_SCENES } from '../support/log-scenes.ts';
import { lucene } from '../support/lucene.ts';

/** A line as JSON. */
type Line = Record<string, unknown> & {
  event: string;
  at: string;
  key?: string | null;
  run?: string;
  incident?: string;
};

/** What the scenes must have reached; they reach more. */
const REACHED: LogEventName[] = [
  'account_list_failed',
  'account_list_forbidden',
  'alert_not_fetched',
  'call_repeated',
  'cleanup_failed',
  'containment_failed',
  'containment_undone',
  'entries_unlisted',
  'event_failed',
  'event_ignored',
  'failure_not_recorded',
  'former_secret_used',
  'helper_left',
  'key_contained',
  'key_created',
  'key_deleted',
  'key_disabled',
  'key_discarded',
  'key_failed',
  'key_gone_already',
  'key_handed_over',
  'key_held',
  'key_imported',
  'key_minted',
  'key_out_already',
  'key_rested',
  'key_stored',
  'key_unlocked',
  'leak_dry_run',
  'leak_reported',
  'ledger_not_read',
  'ledger_not_written',
  'mark_failed',
  'mint_failed',
  'mint_lost_race',
  'note_not_written',
  'notice_failed',
  'notice_sent',
  'person_asked',
  'poke_failed',
  'report_ignored',
  'report_refused',
  'reports_braked',
  'request_refused',
  'response_failed',
  'rotate_keys_called',
  'rotate_keys_not_called',
  'rotation_blocked',
  'rotation_undone',
  'run_failed',
  'run_finished',
  'run_started',
  'secret_data_deleted',
  'secret_deleted',
  'secret_expires',
  'sibling_found',
  'sibling_not_contained',
  'siblings_not_known',
  'store_unclear',
  'unmanaged_key_leaked',
  'user_login_last_resort',
  'user_without_key',
  'version_made',
  'version_made_by_somebody_else',
  'version_released',
];

const scenes = new Map<string, string[]>();
const linesOf = (name: string): string[] => scenes.get(name) ?? [];
const parsed = (lines: readonly string[]): Line[] => lines.map((line) => JSON.parse(line) as Line);
const all = (): Line[] => parsed([...scenes.values()].flat());

beforeAll(async () => {
  for (const [name, scene] of Object.entries(LOG_SCENES)) scenes.set(name, await scene());
});

describe('every line that is logged', () => {
  it.each(Object.keys(LOG_SCENES))('is as the catalogue says, in %s', (name) => {
    expect(linesOf(name).length).toBeGreaterThan(5);
    expect([...new Set(linesOf(name).flatMap(faultsOf))]).toEqual([]);
  });

  it('names the key where it is about one, or says that no entry manages it', () => {
    const events = { ...STEP_EVENTS, ...MINT_EVENTS };
    const nameless = all().filter(({ event, key }) => Object.hasOwn(events, event) && typeof key !== 'string');
    expect(nameless.filter(({ event, key }) => event !== 'key_contained' || key !== null)).toEqual([]);
  });

  it('was seen for most events', () => {
    const seen = new Set(all().map(({ event }) => event));
    expect(REACHED.filter((event) => !seen.has(event))).toEqual([]);
  });

  it.each<[string, object]>([
    ['no event', { event: 'key_mintd' }],
    ['level', { level: 'debug' }],
    ['lacks keyId', { keyId: undefined }],
    ['tookMs', { tookMs: 5 }],
    ['type of keyId', { keyId: 5 }],
    ['type of keyId', { keyId: null }],
    ['type of at', { at: '2026-01-05' }],
    ['lacks message', { message: undefined }],
  ])('would be found wrong otherwise: %s', (fault, changes) => {
    const good = {
      level: 'info',
      event: 'key_imported',
      message: '',
      at: '2026-01-05T08:00:00.000Z',
      keyId: 'ApiKey-1',
    };
    expect(faultsOf(JSON.stringify(good))).toEqual([]);
    expect(faultsOf(JSON.stringify({ ...good, ...changes }))[0]).toMatch(new RegExp(`^${fault}`));
  });

  it('is as the page shows one', () => {
    const [, sample = ''] = /```json\n(.*?)```/s.exec(readFileSync('docs/logs.md', 'utf8')) ?? [];
    expect(faultsOf(sample)).toEqual([]);
  });
});

/** Lines as they may be found in IBM Cloud Logs: with the fields of a JSON message below `message`, or at the top. */
const FORMS: [string, (line: Line) => object][] = [
  [
    'below message',
    (message) => ({ app: 'codeengine', codeengine: { component: 'f' }, level: message['level'], message }),
  ],
  ['at the top', (line) => ({ app: 'codeengine', codeengine: { component: 'f' }, ...line })],
];

const read = (file: string): unknown => JSON.parse(readFileSync(`infra/cloud-logs/${file}`, 'utf8'));
const viewQuery = (file: string) => (read(`views/${file}`) as { search_query: { query: string } }).search_query.query;
const alertOf = (file: string) =>
  read(`alerts/${file}`) as {
    logs_threshold: {
      logs_filter: { simple_filter: { lucene_query: string } };
      rules: { condition: { threshold: number; time_window: Record<string, string> } }[];
    };
  };
const alertQuery = (file: string) => alertOf(file).logs_threshold.logs_filter.simple_filter.lucene_query;

/** What a query selects of all lines, in that form. */
const selected = (query: string, form: (line: Line) => object): Line[] =>
  all().filter((line) => lucene(query)(form(line)));

describe.each(FORMS)('where fields are %s, a saved query selects exactly', (_, form) => {
  it('the lines of one run', () => {
    const runs = new Set(all().flatMap(({ run }) => run ?? []));
    expect(runs.size).toBeGreaterThan(100);
    for (const run of [...runs].slice(0, 5)) {
      const wanted = all().filter((line) => line.run === run);
      expect(selected(viewQuery('by-run.json').replaceAll('RUN_ID', run), form)).toEqual(wanted);
      expect(wanted.map(({ event }) => event)).toEqual(expect.arrayContaining(['run_started', 'run_finished']));
    }
  });

  it('the lines of one key, and of none whose name contains it', () => {
    const longer = { event: 'key_held', at: '', key: 'ingest-eu' };
    const query = lucene(viewQuery('by-key.json').replaceAll('KEY_NAME', 'ingest'));
    const wanted = all().filter(({ key }) => key === 'ingest');
    expect(wanted.length).toBeGreaterThan(500);
    expect(all().filter((line) => query(form(line)))).toEqual(wanted);
    expect(query(form(longer))).toBe(false);
    expect(new Set(wanted.map(({ event }) => event)).size).toBeGreaterThan(20);
  });

  it('the lines of one incident', () => {
    const incidents = new Set(all().flatMap(({ incident }) => incident ?? []));
    expect(incidents.size).toBeGreaterThan(4);
    for (const incident of incidents) {
      const wanted = all().filter((line) => line.incident === incident);
      expect(selected(viewQuery('by-incident.json').replaceAll('INCIDENT_ID', incident), form)).toEqual(wanted);
    }
  });

  it('what did not succeed', () => {
    const wanted = all().filter(({ event }) => (FAILURES as string[]).includes(event));
    expect(wanted.length).toBeGreaterThan(40);
    expect(selected(viewQuery('failures.json'), form)).toEqual(wanted);
    expect(wanted.filter(({ level }) => level === 'error')).toEqual(all().filter(({ level }) => level === 'error'));
  });

  it('nothing that another service wrote', () => {
    const files = ['by-run.json', 'by-key.json', 'by-incident.json', 'failures.json'].map(viewQuery);
    const alerts = ['rotation-failed-twice.json', 'timer-did-not-run.json', 'check-did-not-run.json'].map(alertQuery);
    const queries = [...files, ...alerts];
    const foreign = all().map((line) => ({ ...form(line), app: 'another' }));
    for (const query of queries) expect(foreign.filter(lucene(query))).toEqual([]);
  });

  it('failed rotations: one key fails twice within the window where that happened, and none in a quiet life', () => {
    const alert = alertOf('rotation-failed-twice.json').logs_threshold;
    const query = lucene(alertQuery('rotation-failed-twice.json'));
    const isFired = (name: string) => {
      const { threshold } = alert.rules[0]?.condition ?? { threshold: NaN };
      const failed = parsed(linesOf(name)).filter((line) => query(form(line)));
      expect(
        failed.every(({ event, key }) => (event === 'mint_failed' || event === 'key_failed') && key !== undefined),
      ).toBe(true);
      return failed.some(({ at, key }) => {
        const untilMs = Date.parse(at);
        const within = failed.filter((one) => one.key === key && isWithin(one, untilMs - 12 * HOUR_MS, untilMs));
        return within.length > threshold;
      });
    };
    expect([isFired('failing mints'), isFired('a life'), isFired('a leak')]).toEqual([true, false, false]);
  });

  it('finished checks, and nothing else', () => {
    const query = lucene(alertQuery('check-did-not-run.json'));
    const others = all().filter(({ event }) => event !== 'check_finished');
    expect(others.filter((line) => query(form(line)))).toEqual([]);
    // The function writes it itself: no scene of a run has one.
    expect(others.slice(0, 5).every((line) => query(form({ ...line, event: 'check_finished' })))).toBe(true);
  });

  it('finished runs: there is one in every window while the timer calls, and none once it stands still', () => {
    const query = lucene(alertQuery('timer-did-not-run.json'));
    const runs = parsed(linesOf('a timer'));
    const finished = runs.filter((line) => query(form(line)));
    expect(finished).toEqual(runs.filter(({ event }) => event === 'run_finished'));
    const [first, last] = [finished[0], finished.at(-1)].map((line) => Date.parse(line?.at ?? ''));
    const quiet: number[] = [];
    for (let untilMs = (first ?? 0) + 30 * MINUTE_MS; untilMs <= (last ?? 0); untilMs += MINUTE_MS) {
      if (!finished.some((line) => isWithin(line, untilMs - 30 * MINUTE_MS, untilMs))) quiet.push(untilMs);
    }
    const stoodStillMs = Date.parse(finished.at(-4)?.at ?? '');
    expect(quiet.length).toBeGreaterThan(10);
    expect(quiet.every((atMs) => atMs >= stoodStillMs + 30 * MINUTE_MS)).toBe(true);
  });
});

const isWithin = ({ at }: Line, fromMs: number, untilMs: number): boolean =>
  Date.parse(at) > fromMs && Date.parse(at) <= untilMs;

describe('keyrota logs, with real lines', () => {
  const told = async (lines: readonly string[], name: string | undefined, options: LogsOptions = {}) => {
    const output = new PassThrough();
    const input = [lines.join('\n')];
    const streams = { input: streamOf(input), output, errors: { write: () => true }, isColoured: false, nowMs: 0 };
    const printed = text(output);
    const code = await logsCommand(name, options, streams);
    output.end();
    return { code, rows: (await printed).split('\n') };
  };
  const verbs = (rows: readonly string[]) => rows.flatMap((row) => /^\d{4}-\S+ \S+ {2}(\w+)/.exec(row)?.[1] ?? []);

  it('tells the life of a key in few rows', async () => {
    const { code, rows } = await told(linesOf('a life'), 'ingest');
    expect(code).toBe(0);
    expect(verbs(rows)).toEqual(expect.arrayContaining(['mint', 'hold', 'disable', 'delete', 'release']));
    const steps = verbs(rows).filter((verb) => ['mint', 'disable', 'delete', 'release'].includes(verb));
    expect(steps).toEqual(['mint', 'mint', 'disable', 'delete', 'release']);
    expect(rows.length).toBeLessThan(linesOf('a life').length / 4);
    expect(rows.join('\n')).toMatch(/\[held since 2026-\d\d-\d\d \d\d:\d\d:\d\d: \d+ looks, the last 2026-/);
  });

  it('tells an incident from the report to the deletion of the key, though each line names only a part of it', async () => {
    const [incident = ''] = parsed(linesOf('a leak')).flatMap(({ incident }) =>
      incident === undefined ? [] : [incident],
    );
    const { code, rows } = await told(linesOf('a leak'), undefined, { incident });
    expect(code).toBe(0);
    expect(verbs(rows.map((row) => row.replace(/ {2}(ingest)? +/, '  ')))).toEqual(
      expect.arrayContaining(['report', 'contain', 'delete']),
    );
    expect(rows.some((row) => row.includes('reports a leaked key'))).toBe(true);
  });

  it('tells the failures alone', async () => {
    const { rows } = await told(linesOf('failures'), 'ingest', { failures: true });
    const failures = parsed(linesOf('failures')).filter(
      ({ key, event }) => key === 'ingest' && (FAILURES as string[]).includes(event),
    );
    expect(rows.at(-2)).toMatch(
      new RegExp(`, ${failures.length} of ingest, 0 skipped .*, ${failures.length} failures$`),
    );
  });
});

async function* streamOf(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}
