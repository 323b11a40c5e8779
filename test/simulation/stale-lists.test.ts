import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { RunReport } from '../../shared/rotation/rotate-all.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { minted, rotated } from '../support/rotated.ts';

const SECOND_MS = 1_000;
const NOW = { only: ['ingest'], timerMs: MINUTE_MS };

const stepsOf = ({ keys }: RunReport): string[] => keys.flatMap(({ steps }) => steps.map(({ step }) => step));

describe('a summary', () => {
  const summaryOf = (lab: Laboratory) => lab.secret().customMetadata['keyrota'] as Record<string, unknown>;
  const write = (lab: Laboratory, keyrota: unknown) =>
    lab.withPorts(lab.manifest(), ({ secrets, signal }) =>
      secrets.writeMetadata(lab.secret().id, { team: 'logs', ...(keyrota ? { keyrota } : {}) }, signal),
    );

  it.each([
    ['is gone', () => null],
    [
      'speaks of another key',
      (given: object) => ({ ...given, key_id: 'ApiKey-of-long-ago', rotated_at: '2026-01-01T00:00:00.000Z' }),
    ],
    ['calls a working key dead', (given: object) => ({ ...given, dead_since: '2026-01-01T00:00:00.000Z' })],
  ])('that %s is made true by the next look, and idle ticks rest again', async (_, spoilt) => {
    const { lab, manifest } = await rotated(1);
    const before = summaryOf(lab);
    await write(lab, spoilt(before));
    await lab.tick(manifest, NOW);
    expect(lab.secret().customMetadata).toEqual({
      team: 'logs',
      keyrota: {
        ...before,
        rotated_at: expect.any(String) as string,
        next_due: expect.any(String) as string,
        retire_after: expect.any(String) as string,
      },
    });
    await lab.pass(MINUTE_MS);
    expect((await lab.tick(manifest, { timerMs: SECOND_MS })).keys).toEqual([]);
  });
});

describe('with lists that lag behind', () => {
  it('a compromised key is contained once, and replaced in the same run', async () => {
    const { lab, manifest } = await minted(5);
    await lab.markCompromised(lab.currentKeyId());
    await lab.pass(MINUTE_MS);
    lab.cloud.switches.staleListMs = 3 * SECOND_MS;
    expect(stepsOf(await lab.tick(manifest, NOW))).toEqual(['contain', 'mint']);
    await lab.pass(MINUTE_MS);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('an old key is deleted once, and its version released once', async () => {
    const { lab, manifest, effects } = await rotated(9);
    lab.cloud.switches.staleListMs = 3 * SECOND_MS;
    const reports = await lab.passWithTicks(manifest, 3 * DAY_MS);
    expect(reports.flatMap(stepsOf)).toEqual(['delete', 'release']);
    expect(effects.filter((effect) => effect.startsWith('delete'))).toHaveLength(1);
  });

  it('an expiry is moved once', async () => {
    const { lab } = await minted(86);
    lab.cloud.switches.staleListMs = 3 * SECOND_MS;
    const report = await lab.tick(lab.manifest({ paused: true }), NOW);
    expect(stepsOf(report)).toEqual(['extend']);
    expect(report.keys).toMatchObject([{ outcome: 'hold', code: 'paused' }]);
  });

  it('a key that somebody enabled again in its quarantine is not deleted, and may be used', async () => {
    const { lab, manifest, formerId } = await rotated(9.5);
    const former = () => lab.keys.find(({ id }) => id === formerId);
    expect(former()?.disabled).toBe(true);
    lab.cloud.switches.staleListMs = 2 * DAY_MS;
    await lab.admin.request('DELETE', `/v1/apikeys/${formerId}/disable`);
    await lab.passWithTicks(manifest, DAY_MS);
    expect(former()?.disabled).toBe(false);
    await lab.passWithTicks(manifest, 3 * DAY_MS);
    expect(former()?.disabled).toBe(true);
  });

  it.each([1, 3])('the former value stays guarded after a rotation: versions are %d s late', async (seconds) => {
    const { lab, manifest } = await minted(30);
    const formerId = lab.currentKeyId();
    lab.cloud.switches.staleListMs = seconds * SECOND_MS;
    expect(stepsOf(await lab.tick(manifest, NOW))).toEqual(['mint']);
    const previous = lab.secret().versions.find(({ alias }) => alias === 'previous');
    expect(previous?.locks.map(({ name }) => name)).toEqual(['keyrota-guard-lab']);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ previous_key_id: formerId });
  });

  it('what one run stored is not made again by the next ones, which do not see it yet', async () => {
    const { lab, manifest, effects } = await minted(30);
    lab.cloud.switches.staleListMs = 5 * MINUTE_MS;
    for (let minutes = 0; minutes < 8; minutes += 1) {
      await lab.tick(manifest, NOW);
      await lab.pass(MINUTE_MS);
    }
    expect(effects).toEqual(['create K1', 'store']);
  });

  it('a key that another run has replaced meanwhile is not written down as dead', async () => {
    const { lab, manifest } = await minted(5);
    await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`);
    await lab.pass(10 * MINUTE_MS);
    lab.cloud.switches.staleListMs = 5 * MINUTE_MS;
    for (let runs = 0; runs < 3; runs += 1) await lab.tick(manifest, NOW);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ key_id: lab.currentKeyId(), dead_since: '' });
  });

  it('the account’s list may fail: keys that are due are rotated all the same', async () => {
    const { lab, manifest, effects } = await minted(30);
    lab.fault({ match: 'GET /v1/apikeys', status: 500, times: 4 });
    await lab.tick(manifest, { timerMs: HOUR_MS });
    expect(effects).toEqual(['create K1', 'store']);
    expect(lab.logLines.some((line) => line.includes('"account_list_failed"'))).toBe(true);
  });
});
