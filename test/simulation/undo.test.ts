import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { Laboratory } from '../support/laboratory.ts';

/** K1 was superseded by K2 so many days ago; the consumer has switched. */
async function labAfterRotation(days: number, switches = {}) {
  const lab = await Laboratory.open(switches);
  const manifest = lab.manifest();
  await lab.tick(manifest);
  const oldKeyId = lab.currentKeyId();
  await lab.pass(27 * DAY_MS);
  await lab.passWithTicks(manifest, 2 * DAY_MS);
  await lab.fetchValue();
  const newKeyId = lab.currentKeyId();
  expect(newKeyId).not.toBe(oldKeyId);
  await lab.passWithTicks(manifest, days * DAY_MS);
  return { lab, manifest, oldKeyId, newKeyId };
}

function undoNow(lab: Laboratory, manifest: Manifest) {
  const [key] = manifest.keys;
  if (!key) throw new Error('no key');
  return lab.withPorts(manifest, (ports) => undo(key, ports));
}

const keyOf = (lab: Laboratory, id: string) => lab.keys.find((key) => key.id === id);

describe('undo', () => {
  for (const lockRefusesDisable of [false, true]) {
    it(`makes a disabled former key current again (${lockRefusesDisable ? 'a lock refuses' : 'a lock allows'} enabling)`, async () => {
      const { lab, manifest, oldKeyId, newKeyId } = await labAfterRotation(8, { lockRefusesDisable });
      expect(keyOf(lab, oldKeyId)).toMatchObject({ disabled: true });
      expect(await undoNow(lab, manifest)).toEqual({ keyId: oldKeyId, supersededKeyId: newKeyId });
      expect(lab.currentKeyId()).toBe(oldKeyId);
      expect(keyOf(lab, oldKeyId)).toMatchObject({ disabled: false, locked: true });
      expect(await lab.works(await lab.fetchValue())).toBe(true);
    });
  }

  it('makes a former key current that is still in its grace', async () => {
    const { lab, manifest, oldKeyId } = await labAfterRotation(1);
    await undoNow(lab, manifest);
    expect(lab.currentKeyId()).toBe(oldKeyId);
  });

  it('is not undone by the next tick, and the superseded key is retired like any other', async () => {
    const { lab, manifest, oldKeyId, newKeyId } = await labAfterRotation(8);
    await undoNow(lab, manifest);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(lab.currentKeyId()).toBe(oldKeyId);
    expect(keyOf(lab, newKeyId)).toBeUndefined();
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('leaves its lock while the key is current, and plan lifts it when the key is superseded again', async () => {
    const { lab, manifest, oldKeyId } = await labAfterRotation(8);
    await undoNow(lab, manifest);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 11 * DAY_MS);
    await lab.pass(16 * DAY_MS);
    expect(keyOf(lab, oldKeyId)).toMatchObject({ locked: true });
    await lab.passWithTicks(manifest, 3 * DAY_MS);
    expect(lab.currentKeyId()).not.toBe(oldKeyId);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(keyOf(lab, oldKeyId)).toBeUndefined();
  });

  it('says that there is nothing to undo, and changes nothing, when the former key is gone', async () => {
    const { lab, manifest, newKeyId } = await labAfterRotation(12);
    const effects = lab.recordEffects();
    await expect(undoNow(lab, manifest)).rejects.toMatchObject({ code: 'nothing_to_undo' });
    expect(effects).toEqual([]);
    expect(lab.currentKeyId()).toBe(newKeyId);
  });

  it('says that there is nothing to undo when there is no former version', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await expect(undoNow(lab, manifest)).rejects.toMatchObject({ code: 'nothing_to_undo' });
  });

  it('puts everything back when the store is refused', async () => {
    const { lab, manifest, oldKeyId, newKeyId } = await labAfterRotation(8);
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', status: 400 });
    await expect(undoNow(lab, manifest)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(keyOf(lab, oldKeyId)).toMatchObject({ disabled: true, locked: false });
    expect(lab.currentKeyId()).toBe(newKeyId);
    await lab.passWithTicks(manifest, 4 * DAY_MS);
    expect(keyOf(lab, oldKeyId)).toBeUndefined();
  });

  it('leaves the former key on when it is not known whether it is current again', async () => {
    const { lab, manifest, oldKeyId } = await labAfterRotation(8);
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', drop: 'answer' });
    await expect(undoNow(lab, manifest)).rejects.toMatchObject({ code: 'undo_unclear', effect: 'unknown' });
    expect(lab.currentKeyId()).toBe(oldKeyId);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it.each([
    ['no JSON', 'stored'],
    ['no id', '{}'],
    ['nothing', ''],
  ])('leaves the former key on when the store is confirmed with %s: it is current again', async (_, text) => {
    const { lab, manifest, oldKeyId, newKeyId } = await labAfterRotation(8);
    lab.confirmWith(/^POST \/api\/v2\/secrets\/[^/]+\/versions$/, text);
    expect(await undoNow(lab, manifest)).toEqual({ keyId: oldKeyId, supersededKeyId: newKeyId });
    expect(lab.currentKeyId()).toBe(oldKeyId);
    expect(keyOf(lab, oldKeyId)).toMatchObject({ disabled: false, locked: true });
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    await lab.passWithTicks(manifest, DAY_MS);
    expect(keyOf(lab, oldKeyId)).toMatchObject({ disabled: false });
  });

  it('that died after its lock leaves a key that waits for a person, and can be run again', async () => {
    const { lab, manifest, oldKeyId } = await labAfterRotation(8);
    await lab.admin.request('POST', `/v1/apikeys/${oldKeyId}/lock`);
    await lab.passWithTicks(manifest, 5 * DAY_MS);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys).toMatchObject([
      { outcome: 'hold', code: 'issuer-lock' },
    ]);
    await undoNow(lab, manifest);
    expect(lab.currentKeyId()).toBe(oldKeyId);
  });

  it('reads a value, and no other run ever does', async () => {
    const { lab, manifest } = await labAfterRotation(1);
    const reads = () =>
      lab.cloud.calls
        .list()
        .filter(({ method, path }) => method === 'GET' && /\/secrets\/[^/]+(\/versions\/[^/]+)?$/.test(path));
    const byKeyrota = () => reads().filter(({ iamId }) => iamId === lab.keyrota.iamId);
    expect(byKeyrota()).toHaveLength(0);
    await undoNow(lab, manifest);
    expect(byKeyrota()).toHaveLength(1);
  });
});
