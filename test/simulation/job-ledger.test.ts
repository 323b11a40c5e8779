import { describe, expect, it } from 'vitest';
import { changeLedger } from '../../shared/ledger/ledger.ts';
import { dueFleet, linesOf, runJob } from '../support/job.ts';
import { inProcess } from '../support/in-process.ts';
import { Laboratory } from '../support/laboratory.ts';
import { telling, typesTold } from '../support/notice-receivers.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

const ORIGIN = 'http://127.0.0.1:1';
const at = '2026-01-01T00:00:00.000Z';

describe('shards that all have something to tell', () => {
  it('tell it once: each of its own keys, and the first one what nobody could be told of before', async () => {
    const fleet = await dueFleet(12);
    const { lab, manifest, written } = fleet;
    for (const match of ['POST /notices/standard-webhooks', 'POST /notices/slack/*']) {
      lab.fault({ match, status: 503, times: 1_000 });
    }
    await wholeTick(lab, manifest, { only: ['key-0'] }, telling(lab, manifest));
    lab.cloud.faults.clear();
    const left = (await ledgerOf(lab, manifest)).undelivered;
    expect(left).toMatchObject([{ type: 'key.rotated', name: 'key-0' }]);

    const keys = (written as { keys: object[] }).keys.slice(0, -1);
    const environment = {
      KEYROTA_NOTICE_WEBHOOK_URL: `${ORIGIN}/notices/standard-webhooks`,
      KEYROTA_NOTICE_WEBHOOK_SECRET: lab.cloud.notices.secret,
      KEYROTA_ALLOWED_TARGETS: ORIGIN,
      KEYROTA_TIMER_MINUTES: '1440',
    };
    const runs = await runJob({ ...fleet, written: { ...written, keys } }, 3, { environment });
    const sizes = runs.map((run) => linesOf(run, 'job_progress')[0]?.['totalCount']);
    expect(sizes.every((size) => Number(size) > 0)).toBe(true);
    const { webhooks } = lab.cloud.notices;
    const told = webhooks.map(({ times }) => times);
    expect([typesTold(lab).length, new Set(typesTold(lab))]).toEqual([11, new Set(['key.rotated'])]);
    expect(new Set(told)).toEqual(new Set([1]));
    expect((await ledgerOf(lab, manifest)).undelivered).toEqual([]);

    // What belongs to no single key, the first shard does.
    const ledgerId = lab.secret(manifest.ledger.name).id;
    const notes = runs.map(({ calls }) =>
      calls.filter(({ call }) => call === `PATCH /api/v2/secrets/${ledgerId}/metadata`),
    );
    expect(notes.map(({ length }) => length)).toEqual([1, 0, 0]);
    expect(runs.map((run) => linesOf(run, 'entries_unlisted').length)).toEqual([1, 0, 0]);
  });

  it('all get it into the one ledger, also when they write at the same moment', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    const write = (name: string, settings = lab.context(manifest).settings) => {
      const send = inProcess(lab.cloud);
      const adapter = (config: unknown) => lab.clock.sleep(50).then(() => send(config));
      return lab.withPorts(
        manifest,
        (ports) => changeLedger(manifest, ports, (ledger) => ({ ...ledger, told: { ...ledger.told, [name]: at } })),
        { settings, http: { adapter } },
      );
    };
    await write('before');
    const shares = { ...lab.context(manifest).settings, runMs: 3_000_000, secretsManagerCallsPerSecond: 2 };
    const names = Array.from({ length: 10 }, (_, index) => `key-${index} key.asked role_missing`);
    const beganMs = lab.clock.nowMs();
    await Promise.all(names.map((name) => write(name, shares)));
    const { told } = await ledgerOf(lab, manifest);
    expect(Object.keys(told).toSorted()).toEqual(['before', ...names].toSorted());
    // A run of a job keeps five minutes back for it.
    expect(lab.clock.nowMs() - beganMs).toBeLessThan(120_000);
  });
});
