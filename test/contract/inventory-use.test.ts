import { beforeEach, describe, expect, it } from 'vitest';
import { LastUses } from '../../shared/inventory/last-uses.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, cloudAdapter } from './support/adapters.ts';
import { saidOf, take } from './support/inventory-account.ts';
import { ALL_SIGHTS, allow } from '../support/sights.ts';
import type { Taken } from './support/inventory-account.ts';

const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
const REPORT = (lab: Laboratory) => `/v1/activity/accounts/${lab.cloud.account.id}/report`;

let lab: Laboratory;
/** A key that was used two days ago, one that never was, and one that was used an hour ago. */
const ids = { old: '', never: '', recent: '' };
let oldUseMs = 0;
let recentUseMs = 0;

beforeEach(async () => {
  lab = await Laboratory.open({ firstLoginDelayMs: 0 });
  await allow(lab, ALL_SIGHTS);
  const make = async () => {
    const body = { name: 'by hand', iam_id: lab.serviceId.iamId, account_id: lab.cloud.account.id };
    const created = await lab.admin.request('POST', '/v1/apikeys', body);
    return { id: String(created['id']), value: String(created['apikey']) };
  };
  const [old, never, recent] = [await make(), await make(), await make()];
  [ids.old, ids.never, ids.recent] = [old.id, never.id, recent.id];
  await lab.works(old.value);
  oldUseMs = lab.clock.nowMs();
  await lab.pass(2 * DAY_MS);
  await lab.works(recent.value);
  recentUseMs = lab.clock.nowMs();
  await lab.pass(HOUR_MS);
});

const usesIn = ({ keys }: Taken) => {
  const useOf = (id: string) => keys.find((key) => key.id === id)?.lastUsed;
  return { old: useOf(ids.old), never: useOf(ids.never), recent: useOf(ids.recent) };
};

const reportCalls = (from: number): string[] =>
  lab.cloud.calls
    .list(from)
    .filter(({ path }) => path.startsWith(REPORT(lab)))
    .map(({ method, path, outcome }) => `${method} ${path.endsWith('/latest') ? 'latest' : 'report'} ${outcome}`);

describe('the last use of keys', () => {
  it('is told by a report on the last day: of what rested since when, of all else that it was used on that day', async () => {
    lab.cloud.switches.reportDelayMs = 10_000;
    const from = lab.cloud.calls.total + 1;
    const startMs = lab.clock.nowMs();
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken)).toEqual({
      old: { atMs: minuteOf(oldUseMs), isAtLeast: false },
      never: 'never',
      recent: { atMs: minuteOf(startMs) - DAY_MS, isAtLeast: true },
    });
    expect(recentUseMs).toBeGreaterThan(startMs - DAY_MS);
    expect(reportCalls(from)).toEqual([
      'GET latest 404',
      'POST report 202',
      'GET report 204',
      'GET report 204',
      'GET report 204',
      'GET report 200',
    ]);
    expect(saidOf(taken.inventory.unseen)).toEqual([]);
  });

  it('is told by the report of the last check where a new one is not built within a third of the time', async () => {
    await take(lab, lab.manifest());
    const toldUntilMs = minuteOf(lab.clock.nowMs() - 40_000);
    await lab.pass(DAY_MS - HOUR_MS);
    const startMs = lab.clock.nowMs();
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken)).toMatchObject({ old: { atMs: minuteOf(oldUseMs), isAtLeast: false }, never: 'never' });
    const [late] = taken.inventory.unseen.filter(({ code }) => code === 'no_time');
    expect(late).toMatchObject({ what: expect.stringMatching(/^use of API keys since 2026-/) as string });
    expect(Date.parse(late?.what.slice(-24) ?? '')).toBeLessThanOrEqual(toldUntilMs + HOUR_MS);
    const waitedMs = lab.clock.nowMs() - startMs;
    expect(waitedMs).toBeGreaterThan(25_000);
    expect(waitedMs).toBeLessThan(40_000);
  });

  it('is not known where no report is built in time, and all else is seen', async () => {
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken)).toEqual({ old: 'unknown', never: 'unknown', recent: 'unknown' });
    expect(saidOf(taken.inventory.unseen)).toEqual(['last use of API keys: no_time']);
    expect(taken.keys).toHaveLength(lab.state.iam.apiKeys.length);
  });

  it('is not told by a report that is older than two days', async () => {
    await take(lab, lab.manifest());
    await lab.pass(2 * DAY_MS);
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken).old).toBe('unknown');
    expect(saidOf(taken.inventory.unseen)).toEqual(['last use of API keys: no_time']);
  });

  it('is told at once by a report of the last hour', async () => {
    await take(lab, lab.manifest());
    await lab.pass(30 * MINUTE_MS);
    const from = lab.cloud.calls.total + 1;
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken).old).toEqual({ atMs: minuteOf(oldUseMs), isAtLeast: false });
    expect([reportCalls(from), saidOf(taken.inventory.unseen)]).toEqual([['GET latest 200'], []]);
  });

  it('is not known of a key that is younger than the report', async () => {
    await take(lab, lab.manifest());
    await lab.pass(30 * MINUTE_MS);
    const young = (await lab.makeKeyByHand()).id;
    const taken = await take(lab, lab.manifest());
    expect(taken.keys.find(({ id }) => id === young)?.lastUsed).toBe('unknown');
  });

  it.each([
    { when: 'it is begun', match: 'POST', said: 'last use of API keys: failed' },
    { when: 'it is asked for', match: 'GET', said: 'last use of API keys: failed' },
  ])('is not known where the report fails when $when', async ({ match, said }) => {
    const path = match === 'POST' ? REPORT(lab) : `${REPORT(lab)}/*`;
    lab.fault({ match: `${match} ${path}`, status: 500, times: 8 });
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken).old).toBe('unknown');
    expect(saidOf(taken.inventory.unseen)).toContain(said);
    expect(taken.keys).toHaveLength(lab.state.iam.apiKeys.length);
  });

  it('is told by the report of the last check where the next one cannot be begun', async () => {
    await take(lab, lab.manifest());
    await lab.pass(20 * HOUR_MS);
    lab.fault({ match: `POST ${REPORT(lab)}`, status: 400 });
    const taken = await take(lab, lab.manifest());
    expect(usesIn(taken).never).toBe('never');
    expect(saidOf(taken.inventory.unseen)).toEqual(['last use of API keys: failed']);
  });

  it('is not told by a report that is not understood', async () => {
    lab.cloud.switches.reportDelayMs = 0;
    const without = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path.startsWith(REPORT(lab))) delete body['apikeys'];
    });
    const taken = await take(lab, lab.manifest(), { http: { adapter: without } });
    expect(usesIn(taken)).toEqual({ old: 'unknown', never: 'unknown', recent: 'unknown' });
    expect(saidOf(taken.inventory.unseen)).toEqual(['last use of API keys: failed']);
  });

  it('is not known of a key whose date in the report cannot be read', async () => {
    lab.cloud.switches.reportDelayMs = 0;
    const odd = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (!path.startsWith(REPORT(lab)) || !Array.isArray(body['apikeys'])) return;
      for (const row of body['apikeys'] as { id: string; last_authn?: string }[])
        if (row.id === ids.old) row.last_authn = 'the other day';
    });
    const taken = await take(lab, lab.manifest(), { http: { adapter: odd } });
    expect(usesIn(taken)).toMatchObject({ old: 'unknown', never: 'never' });
  });
});

describe('the dates of a report', () => {
  const reportAt = (startMs: number, endMs: number) => new LastUses({ hours: 24, startMs, endMs, apiKeys: [] });
  const NOON = Date.UTC(2026, 0, 10, 12);
  const before = NOON - 10 * DAY_MS;

  it('are those of its making, or those of the time that it is about', () => {
    const ofMaking = reportAt(NOON, NOON + 2 * MINUTE_MS);
    const ofPeriod = reportAt(NOON - DAY_MS, NOON);
    for (const uses of [ofMaking, ofPeriod]) {
      expect(uses.toldUntilMs).toBe(NOON);
      expect(uses.of('used', before)).toEqual({ atMs: NOON - DAY_MS, isAtLeast: true });
      expect(uses.of('young', NOON)).toBe('unknown');
      expect(uses.of('of today', NOON - HOUR_MS)).toEqual({ atMs: NOON - HOUR_MS, isAtLeast: true });
    }
  });

  it('tell nothing of a key whose own date nobody knows', () => {
    expect(reportAt(NOON, NOON).of('used', null)).toBe('unknown');
  });
});
