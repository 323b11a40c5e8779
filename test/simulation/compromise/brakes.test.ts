import { describe, expect, it } from 'vitest';
import { ROLE } from '../../../infra/demo/admin.ts';
import type { LeakReport } from '../../../shared/incidents/leak-report.ts';
import { HOUR_MS, MINUTE_MS } from '../../../shared/keys/duration.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { byValue, codeOf, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import { manifestOf } from '../../support/manifests.ts';

/** So many entries, each with a key of its own service ID. */
async function fleet(size: number, incidents: Partial<Manifest['incidents']> = {}) {
  const lab = await Laboratory.open();
  const keys = [];
  for (let n = 1; n <= size; n += 1) {
    const { id } = await lab.admin.createServiceId(`agent-${n}`, 'Sends logs.');
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', {
      resourceType: 'serviceid',
      resource: id,
    });
    keys.push(...lab.manifest({ name: `agent-${n}`, serviceId: id, grants: [] }).keys);
  }
  const plain = manifestOf('lab', keys);
  const manifest = { ...plain, incidents: { ...plain.incidents, ...incidents } };
  await lab.tick(manifest);
  await lab.pass(HOUR_MS);
  const idOf = (n: number) => lab.currentKeyId(`agent-${n}`);
  const byId = (n: number, more: Partial<LeakReport> = {}) =>
    respond(lab, manifest, leakReport({ by: 'id', id: idOf(n) }, { deliveryId: `delivery-${n}`, ...more }));
  const outCount = () => lab.state.iam.apiKeys.filter(({ disabled }) => disabled).length;
  const alarms = () => lab.logLines.filter((line) => line.includes('"event":"reports_braked"'));
  return { lab, manifest, idOf, byId, outCount, alarms };
}

describe('a sender that shows no values', () => {
  it('has so many keys an hour contained, and then a person is alarmed and nothing is touched', async () => {
    const { lab, manifest, byId, outCount, alarms, idOf } = await fleet(4, { perHour: 2 });
    await byId(1);
    await lab.pass(10 * MINUTE_MS);
    await byId(2);
    expect([outCount(), alarms()]).toEqual([2, []]);
    const told = nothingTold();
    const braked = await respond(lab, manifest, leakReport({ by: 'id', id: idOf(3) }), { told });
    expect([braked.status, codeOf(braked), outCount()]).toEqual([429, 'too_many_keys', 2]);
    // The first of the two is an hour old in 50 minutes.
    expect(braked.retryAfterSeconds).toBeGreaterThan(49 * 60);
    expect(braked.retryAfterSeconds).toBeLessThanOrEqual(50 * 60);
    expect(alarms()).toHaveLength(1);
    expect(JSON.parse(alarms()[0] ?? '')).toMatchObject({ level: 'error', count: 3, limit: 2 });
    expect(told.facts).toMatchObject([{ refused: 'too_many_keys', incidents: [] }]);
    expect(told.names).toEqual([]);
    await lab.pass((braked.retryAfterSeconds ?? 0) * 1_000);
    expect(keyOf(await byId(3))).toMatchObject({ outcome: 'contained' });
  });

  it('is counted also when the keys are replaced and gone', async () => {
    const { lab, manifest, byId } = await fleet(3, { perHour: 2 });
    for (const n of [1, 2]) {
      await byId(n);
      await lab.tick(manifest, { only: [`agent-${n}`] });
    }
    await lab.pass(5 * MINUTE_MS);
    await lab.tick(manifest, { only: ['agent-1', 'agent-2'] });
    expect(codeOf(await byId(3))).toBe('too_many_keys');
  });

  it('costs nothing by reporting again what is contained, and is answered as before', async () => {
    const { byId, outCount } = await fleet(3, { perHour: 2 });
    const first = await byId(1);
    await byId(2);
    expect(await byId(1)).toEqual(first);
    expect(codeOf(await byId(3))).toBe('too_many_keys');
    expect(await byId(1)).toEqual(first);
    expect(outCount()).toBe(2);
  });

  it('is counted by itself, with a limit of its own', async () => {
    const { byId } = await fleet(4, { perHour: 1, senders: { github: { perHour: 2 } } });
    expect(keyOf(await byId(1)).outcome).toBe('contained');
    expect(codeOf(await byId(2))).toBe('too_many_keys');
    expect(keyOf(await byId(2, { sender: 'github' })).outcome).toBe('contained');
    expect(keyOf(await byId(3, { sender: 'github' })).outcome).toBe('contained');
    expect(codeOf(await byId(4, { sender: 'github' }))).toBe('too_many_keys');
  });

  it('may be kept to some identities', async () => {
    const { manifest, byId, outCount } = await fleet(2);
    const [one] = manifest.keys;
    for (const id of [one?.owner ?? '', `iam-${one?.owner}`]) {
      Object.assign(manifest.incidents, { senders: { github: { identities: [id] } } });
      const refused = await byId(2, { sender: 'github' });
      expect([refused.status, codeOf(refused), keyOf(await byId(1, { sender: 'github' })).outcome]).toEqual([
        403,
        'not_allowed',
        'contained',
      ]);
    }
    expect(outCount()).toBe(1);
  });

  it('is told also of a key of another identity that it is gone', async () => {
    const { lab, manifest, byId, idOf } = await fleet(1);
    Object.assign(manifest.incidents, { senders: { github: { identities: ['ServiceId-x'] } } });
    const id = idOf(1);
    await lab.admin.request('DELETE', `/v1/apikeys/${id}`);
    await lab.pass(MINUTE_MS);
    expect(keyOf(await byId(1, { sender: 'github' }))).toMatchObject({ keyId: id, outcome: 'gone' });
  });

  it('is not heard while nobody can tell how many there were', async () => {
    const { lab, byId, outCount } = await fleet(1);
    lab.fault({ match: '* /api/v2/**', status: 503, times: 1_000 });
    const answer = await byId(1);
    expect([answer.status, codeOf(answer), outCount()]).toEqual([503, 'cloud_not_answering', 0]);
    lab.cloud.faults.clear();
    expect(keyOf(await byId(1)).outcome).toBe('contained');
  });

  it('alarms a person also where it overshoots, because all reports come in the same instant', async () => {
    const { byId, alarms, outCount } = await fleet(6, { perHour: 3 });
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => byId(n)));
    expect(outCount()).toBeGreaterThan(3);
    expect(alarms().length).toBeGreaterThan(0);
  });

  it('has all keys of a service ID counted before any of them is touched', async () => {
    const { lab, manifest, outCount } = await fleet(1, { perHour: 1 });
    await lab.pass(30 * 24 * HOUR_MS);
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const serviceId = manifest.keys[0]?.owner ?? '';
    const report = leakReport({ by: 'service-id', serviceId }, { detectedAtMs: lab.clock.nowMs() });
    expect([codeOf(await respond(lab, manifest, report)), outCount()]).toEqual(['too_many_keys', 0]);
  });

  it('has keys counted that no entry manages, where those are contained', async () => {
    const { lab, manifest } = await fleet(0, { perHour: 1, containUnmanaged: true });
    const ids = [(await lab.makeKeyByHand()).id, (await lab.makeKeyByHand()).id];
    const [first, second] = ids.map((id) => leakReport({ by: 'id', id }));
    if (!first || !second) throw new Error('two were made');
    expect(keyOf(await respond(lab, manifest, first)).outcome).toBe('contained');
    expect(codeOf(await respond(lab, manifest, second))).toBe('too_many_keys');
    expect(keyOf(await respond(lab, manifest, first)).outcome).toBe('contained');
  });
});

describe('the brake is not walked around', () => {
  it('by keys that were reported before, and enabled again by an undo', async () => {
    const { lab, idOf, byId, outCount } = await fleet(4, { perHour: 1 });
    for (const n of [1, 2, 3, 4]) {
      expect(keyOf(await byId(n)).outcome).toBe('contained');
      await lab.admin.request('DELETE', `/v1/apikeys/${idOf(n)}/disable`);
      await lab.pass(2 * HOUR_MS);
    }
    const codes = [];
    for (const n of [1, 2, 3, 4]) codes.push(codeOf(await byId(n)));
    expect([codes, outCount()]).toEqual([[null, 'too_many_keys', 'too_many_keys', 'too_many_keys'], 1]);
  });

  it('by a second sender that reports what an undo gave back from the first', async () => {
    const { lab, idOf, byId } = await fleet(2, { perHour: 1 });
    await byId(1);
    await lab.admin.request('DELETE', `/v1/apikeys/${idOf(1)}/disable`);
    await lab.pass(MINUTE_MS);
    expect(keyOf(await byId(1, { sender: 'github' })).outcome).toBe('contained');
    expect(codeOf(await byId(2, { sender: 'github' }))).toBe('too_many_keys');
  });

  /** Keys that an entry takes in, and that has stored none yet. */
  async function adopted(count: number) {
    const lab = await Laboratory.open();
    const ids: string[] = [];
    for (let n = 1; n <= count; n += 1) ids.push((await lab.makeKeyByHand()).id);
    const plain = lab.manifest({ adopt: ids });
    return { lab, manifest: { ...plain, incidents: { ...plain.incidents, perHour: 1 } }, ids };
  }

  it('by keys that are to be taken in, while their entry has no secret yet', async () => {
    const { lab, manifest, ids } = await adopted(3);
    const codes = [];
    for (const id of ids) codes.push(codeOf(await respond(lab, manifest, leakReport({ by: 'id', id }))));
    expect(codes).toEqual([null, 'too_many_keys', 'too_many_keys']);
  });

  it('by keys whose descriptions cannot be marked: they are only contained by their values', async () => {
    const { lab, manifest, ids } = await adopted(1);
    const [id = ''] = ids;
    await lab.admin.request('POST', `/v1/apikeys/${id}/lock`);
    const told = nothingTold();
    const refused = await respond(lab, manifest, leakReport({ by: 'id', id }), { told });
    expect([refused.status, codeOf(refused)]).toEqual([422, 'value_needed']);
    expect(told.facts).toMatchObject([{ refused: 'value_needed' }]);
    expect(lab.state.iam.apiKeys.find((key) => key.id === id)?.disabled).toBe(false);
  });
});

describe('the brake is not closed', () => {
  /** Whoever may make keys writes into their descriptions what they like. */
  const makePlanted = async ({ admin, serviceId, cloud }: Laboratory, date: string) => {
    const description = `[keyrota: compromised] ${date} incident-0123456789abcdef by standard-webhooks.`;
    const body = { name: 'planted', description, iam_id: serviceId.iamId, account_id: cloud.account.id };
    const { id, apikey } = await admin.request('POST', '/v1/apikeys', body);
    return { id: String(id), value: String(apikey) };
  };

  it.each([
    { marks: 'that are dated ahead', at: '2999-01-01T00:00:00.000Z', isDisabled: true },
    { marks: 'on keys that work', at: null, isDisabled: false },
  ])('by marks $marks', async ({ at, isDisabled }) => {
    const { lab, manifest } = await fleet(0, { perHour: 1, containUnmanaged: true });
    const planted = await makePlanted(lab, at ?? new Date(lab.clock.nowMs()).toISOString());
    if (isDisabled) await lab.admin.request('POST', `/v1/apikeys/${planted.id}/disable`);
    const { id } = await lab.makeKeyByHand();
    expect(keyOf(await respond(lab, manifest, leakReport({ by: 'id', id }))).outcome).toBe('contained');
  });

  it.each(['+275760-09-13T00:00:00.000Z', '-271821-04-20T00:00:00.000Z', '2999-01-01T00:00:00.000Z'])(
    'nor an answer broken by a key that is marked for %s',
    async (date) => {
      const { lab, manifest } = await fleet(0, { containUnmanaged: true });
      const { id, value } = await makePlanted(lab, date);
      await lab.admin.request('POST', `/v1/apikeys/${id}/disable`);
      const told = nothingTold();
      const answer = await respond(lab, manifest, leakReport(byValue(value)), { told });
      expect(keyOf(answer)).toMatchObject({ outcome: 'contained', poked: true });
      expect(Math.abs(Date.parse(keyOf(answer).containedAt ?? '') - lab.clock.nowMs())).toBeLessThan(MINUTE_MS);
      expect([told.names, told.facts.length]).toEqual([[[]], 1]);
    },
  );
});

describe('a report that shows the value', () => {
  it('is never braked', async () => {
    const { lab, manifest, outCount, alarms } = await fleet(5, {
      perHour: 0,
      senders: { github: { identities: ['ServiceId-x'] } },
    });
    for (let n = 1; n <= 5; n += 1) {
      const value = await lab.fetchStored(`agent-${n}`);
      const report = leakReport(byValue(value), { sender: 'github' });
      expect(keyOf(await respond(lab, manifest, report)).outcome).toBe('contained');
    }
    expect([outCount(), alarms()]).toEqual([5, []]);
  });
});
