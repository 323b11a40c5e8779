import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { Laboratory } from '../support/laboratory.ts';
import { manifestOf } from '../support/manifests.ts';

describe('a key of a service ID', () => {
  it('lives as the policy says: created, stored, superseded, disabled, deleted', async () => {
    const lab = await Laboratory.open();
    const effects = lab.recordEffects();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    for (let day = 0; day < 45; day += 1) {
      expect(await lab.works(await lab.fetchValue())).toBe(true);
      await lab.passWithTicks(manifest, DAY_MS);
    }
    expect(effects).toEqual(['create K1', 'store', 'create K2', 'store', 'disable K1', 'delete K1']);
  });

  it('leaves its guard on the current version and none on the previous, when its former key is gone', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.passWithTicks(manifest, 30 * DAY_MS);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    const locks = lab.secret().versions.map(({ alias, locks: found }) => [alias, found.map(({ name }) => name)]);
    expect(locks).toEqual([
      ['previous', []],
      ['current', ['keyrota-guard-lab']],
    ]);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({
      key_id: lab.currentKeyId(),
      previous_key_id: '',
      failures: 0,
    });
  });

  it('holds the field of a kv secret as well', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest({ secret: { group: lab.groupId, type: 'kv', field: 'apikey' } });
    await lab.tick(manifest);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('carries an expiry beyond its longest life, and is disabled by IBM when it leaks', async () => {
    const lab = await Laboratory.open();
    await lab.tick(lab.manifest());
    const [key] = lab.keys;
    const asIbmSaysIt = await lab.admin.request('GET', `/v1/apikeys/${key?.id}`);
    expect(asIbmSaysIt['action_when_leaked']).toBe('disable');
    expect((key?.expiresAtMs ?? 0) - lab.clock.nowMs()).toBeGreaterThan(99 * DAY_MS);
  });

  it('has its hashes in the summary, so that a leaked value is found without reading any', async () => {
    const lab = await Laboratory.open();
    await lab.tick(lab.manifest());
    const summary = lab.secret().customMetadata['keyrota'];
    expect(JSON.stringify(summary)).toMatch(/"sha256":"[0-9a-f]{64}","hmsl":"[0-9a-f]{64}"/);
  });
});

describe('at rest', () => {
  it('a tick costs a login and one list', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.pass(DAY_MS / 2);
    const before = lab.cloud.calls.total;
    await lab.tick(manifest, { timerMs: 60_000 });
    const calls = lab.cloud.calls.list(before + 1).map(({ method, path }) => `${method} ${path}`);
    expect(calls).toEqual(['POST /identity/token', 'GET /api/v2/secrets']);
  });

  it('values are never read by the rotator', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.passWithTicks(manifest, 31 * DAY_MS);
    expect(lab.secret().versions.map(({ downloaded }) => downloaded)).toEqual([false, false]);
  });
});

describe('several keys', () => {
  it('one key’s trouble never stops another', async () => {
    const lab = await Laboratory.open();
    const other = await lab.admin.createServiceId('other', 'Unknown to Keyrota’s policies.');
    const good = lab.manifest().keys;
    const bad = lab.manifest({ name: 'bad', serviceId: other.id, grants: [] }).keys;
    const report = await lab.tick(manifestOf('lab', [...bad, ...good]));
    expect(report.keys.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['bad', 'ask'],
      ['ingest', 'rest'],
    ]);
  });

  it('an entry that disappears is reported and left alone', async () => {
    const lab = await Laboratory.open();
    await lab.tick(lab.manifest());
    const others = lab.manifest({ name: 'another' });
    const report = await lab.tick(others);
    expect(report.unlisted).toEqual(['ingest']);
    expect(lab.keys).toHaveLength(2);
    expect(lab.keys.every((key) => !key.disabled)).toBe(true);
  });

  it('an entry that is renamed keeps its secret and retires the key of its former name', async () => {
    const lab = await Laboratory.open();
    const effects = lab.recordEffects();
    await lab.tick(lab.manifest());
    const renamed = lab.manifest({ name: 'agents', formerly: ['ingest'] });
    await lab.passWithTicks(renamed, 30 * DAY_MS);
    await lab.fetchValue();
    await lab.passWithTicks(renamed, 12 * DAY_MS);
    expect(effects).toEqual(['create K1', 'store', 'create K2', 'store', 'disable K1', 'delete K1']);
    expect(lab.keys.map((key) => key.name)).toEqual([expect.stringMatching(/^keyrota-lab-agents-/)]);
  });

  it('two entries on one identity never touch each other’s keys', async () => {
    const lab = await Laboratory.open();
    const both = manifestOf('lab', [...lab.manifest().keys, ...lab.manifest({ name: 'ingest-2' }).keys]);
    await lab.tick(both);
    const report = await lab.tick(both);
    expect(lab.keys).toHaveLength(2);
    expect(report.keys.every(({ outcome }) => outcome === 'rest')).toBe(true);
  });
});
