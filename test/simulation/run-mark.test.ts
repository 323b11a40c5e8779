import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { changeLedger, lastRunMs } from '../../shared/ledger/ledger.ts';
import { Laboratory } from '../support/laboratory.ts';
import { wholeTick } from '../support/whole-tick.ts';

const at = '2026-01-01T00:00:00.000Z';

/** An account whose deployment has a ledger. */
async function withLedger(): Promise<{ lab: Laboratory; manifest: Manifest; lastRun: () => Promise<number | null> }> {
  const lab = await Laboratory.open();
  const manifest = lab.manifest();
  await lab.withPorts(manifest, (ports) =>
    changeLedger(manifest, ports, (ledger) => ({ ...ledger, disabled_targets: { one: at } })),
  );
  return { lab, manifest, lastRun: () => lab.withPorts(manifest, (ports) => lastRunMs(manifest, ports)) };
}

const patchesOf = (lab: Laboratory): number =>
  lab.cloud.calls.list().filter(({ method, path }) => method === 'PATCH' && path.endsWith('/metadata')).length;

describe('a run of the timer', () => {
  it('notes on the ledger that it looked at the keys', async () => {
    const { lab, manifest, lastRun } = await withLedger();
    expect(await lastRun()).toBeNull();
    const beganMs = lab.clock.nowMs();
    await wholeTick(lab, manifest);
    const notedMs = (await lastRun()) ?? 0;
    expect(notedMs).toBeGreaterThanOrEqual(beganMs);
    expect(notedMs).toBeLessThanOrEqual(lab.clock.nowMs());
  });

  it('is not noted every minute, but every ten', async () => {
    const { lab, manifest, lastRun } = await withLedger();
    await wholeTick(lab, manifest);
    const first = await lastRun();
    const before = patchesOf(lab);
    for (let minute = 0; minute < 8; minute += 1) {
      await lab.pass(MINUTE_MS);
      await wholeTick(lab, manifest);
    }
    expect([await lastRun(), patchesOf(lab) - before]).toEqual([first, 0]);
    await lab.pass(2 * MINUTE_MS);
    await wholeTick(lab, manifest);
    expect(patchesOf(lab) - before).toBe(1);
    expect(await lastRun()).toBeGreaterThan(first ?? Infinity);
  });

  it('is not noted by a dry run, nor by one that looks at some keys only', async () => {
    const { lab, manifest, lastRun } = await withLedger();
    await wholeTick(lab, manifest, { dryRun: true });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(await lastRun()).toBeNull();
  });

  it('costs no key anything when it cannot be noted, or nobody answers to it', async () => {
    const { lab, manifest, lastRun } = await withLedger();
    lab.fault({ match: 'PATCH /api/v2/secrets/*/metadata', status: 500, times: 1 });
    const { keys } = await wholeTick(lab, manifest);
    expect(keys.map(({ steps }) => steps.map(({ step }) => step))).toEqual([['mint']]);
    expect(await lastRun()).toBeNull();
    lab.fault({ match: 'PATCH /api/v2/secrets/*/metadata', delayMs: 60_000, times: 1 });
    const beganMs = lab.clock.nowMs();
    await wholeTick(lab, manifest);
    expect(lab.clock.nowMs() - beganMs).toBeLessThan(10_000);
  });

  it('leaves alone what else stands on the ledger, and the ledger keeps the note', async () => {
    const { lab, manifest, lastRun } = await withLedger();
    await wholeTick(lab, manifest);
    const noted = await lastRun();
    const seen = await lab.withPorts(manifest, (ports) =>
      changeLedger(manifest, ports, (ledger) => ({ ...ledger, disabled_targets: { two: at } })),
    );
    expect([seen.disabled_targets, await lastRun()]).toEqual([{ two: at }, noted]);
  });

  it('writes nothing on a secret of that name that is no ledger', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    const secret = { name: manifest.ledger.name, secret_type: 'kv', labels: ['keyrota'], data: { a: 'b' } };
    await lab.admin.request('POST', '/api/v2/secrets', { ...secret, secret_group_id: lab.groupId });
    await wholeTick(lab, manifest);
    expect(lab.secret(manifest.ledger.name).customMetadata).toEqual({});
  });
});
