import { beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { changeLedger } from '../../shared/ledger/ledger.ts';
import type { LedgerData } from '../../shared/ledger/ledger-data.ts';
import type { KeyRow } from '../../shared/report/fleet-data.ts';
import { rowsOf } from '../../shared/report/row-table.ts';
import { byValue, leakReport, respond } from '../support/leaks.ts';
import { finding, incident } from '../support/report-scenes.ts';
import { ReportWorld } from '../support/report-world.ts';
import { wholeTick } from '../support/whole-tick.ts';

let world: ReportWorld;
beforeEach(async () => {
  world = await ReportWorld.open();
});

const containing = (text: string): string => expect.stringContaining(text) as string;
const A_NUMBER = expect.any(Number) as number;
const A_TEXT = expect.any(String) as string;
const A_TIME = expect.stringMatching(/^20/) as string;

const tick = () => wholeTick(world.lab, world.manifest, { timerMs: HOUR_MS });
const rowOf = async (name = 'ingest'): Promise<KeyRow | undefined> =>
  rowsOf((await world.fleet()).keys).find((row) => row.name === name);
const change = (work: (ledger: LedgerData) => LedgerData) =>
  world.lab.withPorts(world.manifest, (ports) => changeLedger(world.manifest, ports, work));

/** From now on there is a ledger. */
const remember = () => change((ledger) => ({ ...ledger, told: { 'ingest failing x': '2026-01-05T09:00:00.000Z' } }));

/** The account as an older key has left it: grace, or what comes after. */
async function rotated(daysAgo: number): Promise<void> {
  await tick();
  await world.lab.fetchValue();
  await world.lab.pass(31 * DAY_MS);
  await tick();
  await world.lab.fetchValue();
  await world.lab.pass(daysAgo * DAY_MS);
}

describe('the report of a life', () => {
  it('says what comes before there is any key, and that nothing of Keyrota is to be seen yet', async () => {
    const { status, unseen, counts } = await world.fleet();
    expect(counts).toMatchObject({ planned: 1 });
    expect(await rowOf()).toMatchObject({ state: 'planned', step: 'mint', keyId: '' });
    expect(status).toBe('blind');
    expect(unseen).toMatchObject([{ code: 'nothing_there', isEssential: true }, { code: 'never_checked' }]);
  });

  it('rests once the first key is there, and nobody looks at it for that', async () => {
    await tick();
    const calls = await world.callsOf(async () => {
      expect(await rowOf()).toMatchObject({ state: 'rest', keyId: world.lab.currentKeyId() });
    });
    expect(calls.filter(({ path }) => /\/versions$|\/locks$/.test(path))).toEqual([]);
    expect((await world.fleet()).status).toBe('watch'); // no check has been yet
  });

  it('is in grace, waits for evidence, acts next, and rests again', async () => {
    await rotated(1);
    expect(await rowOf()).toMatchObject({
      state: 'hold',
      code: 'grace',
      since: A_NUMBER,
      until: A_NUMBER,
    });
    await world.lab.pass(7 * DAY_MS);
    expect(await rowOf()).toMatchObject({ state: 'planned', step: 'disable' });
    await tick();
    expect(await rowOf()).toMatchObject({ state: 'hold', code: 'quarantine' });
    await world.lab.pass(4 * DAY_MS);
    await tick();
    expect(await rowOf()).toMatchObject({ state: 'rest', formerKeyId: '' });
  });

  it('calls a rotation overdue that no run has made', async () => {
    await tick();
    await world.lab.pass(31 * DAY_MS);
    const { attention, headline } = await world.fleet();
    expect(attention).toMatchObject([{ level: 'high', what: 'overdue', entries: ['ingest'], code: 'mint' }]);
    expect(headline).toBe('1 thing needs you now.');
  });

  it('asks with the exact steps where a run would', async () => {
    await tick();
    await world.lab.admin.request('POST', `/api/v2/secrets/${world.lab.secret().id}/versions`, {
      payload: 'made by hand',
    });
    await world.lab.pass(31 * DAY_MS);
    const { attention } = await world.fleet();
    expect(attention).toMatchObject([
      {
        what: 'ask',
        code: 'foreign_version',
        next: [containing('keyrota adopt ingest'), expect.anything()],
      },
    ]);
  });

  it('follows a leak from its report to its end', async () => {
    await rotated(10);
    const value = await world.lab.fetchValue();
    await respond(world.lab, world.manifest, leakReport(byValue(value)));
    const open = await world.fleet();
    expect(open.attention).toMatchObject([{ what: 'leak', level: 'watch' }]);
    expect(open.incidents).toMatchObject([{ name: 'ingest', contained_at: A_TIME, replaced_at: '' }]);
    await world.lab.pass(4 * HOUR_MS); // three ticks of the timer, and more
    expect((await world.fleet()).attention).toMatchObject([{ what: 'leak', level: 'critical' }]);
    await tick();
    await tick();
    const over = await world.fleet();
    expect(over.attention).toEqual([]);
    expect(over.incidents).toMatchObject([{ replaced_at: A_TIME, deleted_at: A_TIME }]);
  });

  it('tells the story of a key, with what was and what comes next', async () => {
    await rotated(1);
    const story = await world.story();
    expect(story).toMatchObject({
      name: 'ingest',
      decision: { step: 'hold', code: 'grace', rule: 'wait-for-the-old' },
      versions: [{ alias: 'previous' }, { alias: 'current' }],
    });
    expect(story.past.map(({ what }) => what)).toContain('superseded');
    expect(story.ahead.map(({ what }) => what)).toContain('grace over');
  });

  it('has the leaks that only the ledger remembers in that story', async () => {
    await tick();
    await change((ledger) => ({
      ...ledger,
      incidents: [incident({ name: 'ingest', deleted_at: '2026-01-05T09:00:00.000Z' })],
    }));
    expect((await world.story()).incidents).toMatchObject([{ incident: 'incident-0123456789abcdef' }]);
  });

  it('has metrics that say the same', async () => {
    await tick();
    const metrics = await world.metrics();
    expect(metrics.get('keyrota_keys')?.samples).toContainEqual({
      name: 'keyrota_keys',
      labels: { state: 'rest' },
      value: 1,
    });
    expect(metrics.get('keyrota_deployment')?.samples).toMatchObject([{ labels: { deployment: 'lab' } }]);
  });

  it('has the findings of the last check, and when that was', async () => {
    await tick();
    const at = new Date(world.lab.clock.nowMs() - HOUR_MS).toISOString();
    await change((ledger) => ({
      ...ledger,
      check: { ...ledger.check, at, counts: { 'key-too-old': 2 }, findings: [finding({ severity: 'high' })] },
    }));
    const { findings, lastCheck, attention, unseen } = await world.fleet();
    expect(findings).toMatchObject({
      counts: { 'key-too-old': 2 },
      listed: [{ rule: 'key-too-old' }],
      rules: { 'key-too-old': { title: 'A key is too old' } },
    });
    expect(lastCheck).toEqual({ at, isKnown: true, isLate: false });
    expect(attention).toMatchObject([{ what: 'finding', code: 'key-too-old' }]);
    expect(unseen).toEqual([]);
  });
});

describe('the rights of the report', () => {
  it('are to read: it changes nothing, whatever there is to be done', async () => {
    await rotated(8);
    const calls = await world.callsOf(async () => {
      await world.fleet();
      await world.story();
      await world.metrics();
    });
    const writes = calls.filter(({ method, path }) => method !== 'GET' && path !== '/identity/token');
    expect(calls.length).toBeGreaterThan(10);
    expect(writes).toEqual([]);
  });

  it('read no value but that of the ledger', async () => {
    await rotated(8);
    await remember();
    const calls = await world.callsOf(async () => {
      await world.fleet();
      await world.story();
    });
    const values = calls.filter(({ path }) => /\/secrets\/[^/]+\/versions\/[^/]+$/.test(path));
    const ledgerId = world.lab.secret('keyrota-ledger-lab').id;
    expect(values.length).toBeGreaterThan(0);
    expect(values.filter(({ path }) => !path.includes(ledgerId))).toEqual([]);
    expect(world.lab.secret().versions.find(({ alias }) => alias === 'current')?.downloaded).toBe(true);
  });

  it('leave a version that nobody has fetched as that', async () => {
    await tick();
    await world.fleet();
    await world.story();
    expect(world.lab.secret().versions.map(({ downloaded }) => downloaded)).toEqual([false]);
  });

  it('may be too few to see the ledger: then it says so, and what it still knows', async () => {
    await rotated(8);
    await remember();
    world.lab.fault({ match: 'GET /api/v2/secrets/*/versions/*', status: 403, times: 9 });
    const { status, unseen, attention } = await world.fleet();
    expect(status).toBe('blind');
    expect(unseen).toContainEqual(
      expect.objectContaining({ what: 'the ledger', code: 'forbidden', isEssential: true }),
    );
    expect(attention).toMatchObject([{ what: 'unseen', next: [containing('docs/report.md')] }]);
    expect(await rowOf()).toMatchObject({ state: 'planned', step: 'disable' });
  });

  it('may be too few to look at keys: they stand as their summaries have them, and no person is asked for that', async () => {
    await rotated(8);
    await world.lab.revoke(world.readerIamId, 'iam-identity');
    const { unseen, attention } = await world.fleet();
    expect(unseen).toContainEqual(expect.objectContaining({ code: 'not_allowed', isEssential: false }));
    expect(attention).toEqual([]);
    expect(await rowOf()).toMatchObject({
      state: 'hold',
      code: 'retiring',
      why: containing('not looked at'),
    });
    expect(await world.story()).toMatchObject({
      decision: { step: 'unseen', rule: 'could-not-look', next: [containing('keyrota explain ingest')] },
    });
  });

  it('see nothing at all: that is no quiet fleet', async () => {
    await tick();
    await world.lab.revoke(world.readerIamId, 'secrets-manager');
    const { status } = await world.fleet();
    expect(status).toBe('blind');
  });
});

describe('while something fails', () => {
  const STATUS = { status: 503, times: 500 };

  it.each([
    ['IAM does not let anybody log in', { match: 'POST /identity/token', ...STATUS }, 'the account'],
    ['Secrets Manager does not list', { match: 'GET /api/v2/secrets', ...STATUS }, 'the keys'],
    ['the ledger cannot be read', { match: 'GET /api/v2/secrets/*/versions/*', ...STATUS }, 'the ledger'],
    ['connections are refused', { match: '* /**', refuse: true, times: 500 }, 'the account'],
  ])('%s, the report says what it cannot see, within ten seconds', async (_, fault, what) => {
    await tick();
    await remember();
    const startMs = world.lab.clock.nowMs();
    world.lab.fault(fault);
    const { status, headline, unseen } = await world.fleet();
    expect([status, headline.startsWith('Nobody can say whether')]).toEqual(['blind', true]);
    expect(unseen).toContainEqual(expect.objectContaining({ what, isEssential: true }));
    for (const { next } of unseen) expect(next).not.toBe('');
    expect(world.lab.clock.nowMs() - startMs).toBeLessThanOrEqual(10_000);
    const metrics = await world.metrics();
    expect(metrics.get('keyrota_report_complete')?.samples).toMatchObject([{ value: 0 }]);
  });

  it('IAM does not show keys, it says so, and the rest of the page is there', async () => {
    await rotated(8);
    world.lab.fault({ match: 'GET /v1/apikeys', ...STATUS });
    const { status, unseen, counts } = await world.fleet();
    expect(status).toBe('blind');
    expect(unseen).toContainEqual(expect.objectContaining({ what: 'key ingest', isEssential: true }));
    expect(counts).toMatchObject({ hold: 1, rest: 0 });
  });

  it('all answers are slow, it ends with its time, and says what was left', async () => {
    await rotated(8);
    const startMs = world.lab.clock.nowMs();
    world.lab.fault({ match: 'GET /v1/apikeys/*', delayMs: HOUR_MS, times: 500 });
    const { unseen } = await world.fleet();
    expect(world.lab.clock.nowMs() - startMs).toBeLessThanOrEqual(10_000);
    expect(unseen).toContainEqual(expect.objectContaining({ code: 'no_time', what: 'key ingest' }));
  });

  it('a story cannot be told: its answer says why, and what to do', async () => {
    await tick();
    world.lab.fault({ match: 'POST /identity/token', status: 400, times: 500 });
    const { status, body } = await world.answer({ kind: 'key', name: 'ingest' });
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: A_TEXT, message: A_TEXT, next: A_TEXT });
  });
});

describe('a key that the manifest', () => {
  it('does not have is not found', async () => {
    await expect(world.answer({ kind: 'key', name: 'nobody' })).rejects.toMatchObject({ status: 404 });
  });

  it('has no key for has a story too', async () => {
    world = await ReportWorld.open(() => [{ kind: 'trusted-profile', name: 'job', profileId: 'Profile-1' }]);
    expect(await world.story('job')).toMatchObject({ decision: { rule: 'needs-no-key' } });
  });

  it('has, and that only a change would show, is not looked at', async () => {
    world = await ReportWorld.open((lab) => [
      {
        kind: 'logging-key',
        legacy: true,
        name: 'old-logs',
        instance: '88888888-9999-4aaa-8bbb-cccccccccccc',
        use: 'ingestion',
        apiUrl: 'http://127.0.0.1:1',
        ingestionUrl: 'http://127.0.0.1:1',
        secret: { group: lab.groupId },
      },
    ]);
    const calls = await world.callsOf(async () => {
      expect(await rowOf('old-logs')).toMatchObject({ state: 'unseen', code: 'no_secret' });
      expect(await world.answer({ kind: 'key', name: 'old-logs' })).toMatchObject({
        status: 409,
        body: { code: 'takes_change' },
      });
    });
    expect(calls.filter(({ method, path }) => method !== 'GET' && path !== '/identity/token')).toEqual([]);
  });
});

it('no key, no token and no hash of a value is in any answer or line, in a life with trouble', async () => {
  const values = new Set<string>();
  const handle = world.lab.cloud.handle.bind(world.lab.cloud);
  world.lab.cloud.handle = async (request) => {
    const response = await handle(request);
    const text = await response.clone().text();
    for (const [, value] of text.matchAll(/"(?:apikey|access_token|payload|sha256|hmsl)":"([^"]{20,})"/g))
      if (value) values.add(value);
    return response;
  };
  const said: unknown[] = [];
  const ask = async () => {
    for (const kind of ['fleet', 'metrics'] as const) said.push(await world.answer({ kind }));
    said.push(await world.answer({ kind: 'key', name: 'ingest' }));
  };
  await rotated(1);
  await ask();
  const value = await world.lab.fetchValue();
  await respond(world.lab, world.manifest, leakReport(byValue(value)));
  await ask();
  for (const match of ['GET /api/v2/secrets/*/versions/*', 'GET /v1/apikeys/*', 'GET /api/v2/secrets']) {
    world.lab.fault({ match, status: 400, times: 9 });
    await ask();
    world.lab.cloud.faults.clear();
    await world.lab.pass(5 * MINUTE_MS);
    await tick();
  }
  const all = said
    .map((one) => {
      const { body } = one as { body: object | Uint8Array };
      return body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : JSON.stringify(body);
    })
    .concat(world.lines)
    .join('\n');
  expect(values.size).toBeGreaterThan(8);
  expect(all.length).toBeGreaterThan(10_000);
  expect([...values].filter((one) => all.includes(one))).toEqual([]);
});

it('names from the account are data: they come as they are, and are no path, markup or line of a log', async () => {
  await tick();
  const hostile = `<img src=x onerror=alert(1)>\u202Egpj"'\\\n{"level":"error"} ${'x'.repeat(200)}`;
  await change((ledger) => ({
    ...ledger,
    check: {
      ...ledger.check,
      at: new Date(world.lab.clock.nowMs()).toISOString(),
      counts: { [hostile]: 1 },
      findings: [
        finding({
          severity: 'critical',
          name: hostile,
          owner: hostile,
          subject: hostile,
          why: hostile,
          next: [hostile],
        }),
      ],
    },
    incidents: [incident({ name: hostile, owner: hostile })],
  }));
  const { findings, attention } = await world.fleet();
  expect(findings.listed).toMatchObject([{ name: hostile }]);
  expect(attention.some(({ why }) => why.includes(hostile))).toBe(true);
  const metrics = await world.metrics();
  expect(metrics.get('keyrota_findings')?.samples).toEqual([
    { name: 'keyrota_findings', labels: { rule: hostile }, value: 1 },
  ]);
  for (const line of world.lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
});
