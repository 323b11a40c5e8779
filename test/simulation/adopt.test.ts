import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { Laboratory } from '../support/laboratory.ts';

function adoptNow(lab: Laboratory, manifest: Manifest, keyId: string) {
  const [key] = manifest.keys;
  if (!key) throw new Error('no key');
  return lab.withPorts(manifest, (ports) => adopt(key, keyId, ports));
}

const idsOf = (lab: Laboratory) => lab.keys.map(({ id }) => id);

describe('a key that existed before', () => {
  it('named in the manifest is retired after the first mint, once nobody uses it', async () => {
    const lab = await Laboratory.open();
    const byHand = await lab.makeKeyByHand();
    const manifest = lab.manifest({ adopt: [byHand.id] });
    await lab.tick(manifest);
    expect(await lab.works(byHand.value)).toBe(true);
    await lab.passWithTicks(manifest, 5 * DAY_MS);
    expect(await lab.works(byHand.value)).toBe(true);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 8 * DAY_MS);
    expect(idsOf(lab)).toEqual([lab.currentKeyId()]);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ previous_key_id: '' });
  });

  it('stays as long as it is used', async () => {
    const lab = await Laboratory.open();
    const byHand = await lab.makeKeyByHand();
    const manifest = lab.manifest({ adopt: [byHand.id] });
    await lab.tick(manifest);
    await lab.fetchValue();
    for (let day = 0; day < 12; day += 1) {
      expect(await lab.works(byHand.value)).toBe(true);
      await lab.passWithTicks(manifest, DAY_MS);
    }
    expect(idsOf(lab)).toContain(byHand.id);
  });

  it('adopted by command before there is a secret: the first key is minted, and it retires', async () => {
    const lab = await Laboratory.open();
    const byHand = await lab.makeKeyByHand();
    const manifest = lab.manifest();
    expect(await adoptNow(lab, manifest, byHand.id)).toMatchObject({ outcome: 'minted', mint: { outcome: 'stored' } });
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 11 * DAY_MS);
    expect(idsOf(lab)).toEqual([lab.currentKeyId()]);
  });

  it('whose value a person stored: its version counts as ours, is replaced, and its value stays readable meanwhile', async () => {
    const lab = await Laboratory.open();
    const byHand = await lab.makeKeyByHand();
    const prototype = {
      name: 'ingest',
      secret_type: 'arbitrary',
      secret_group_id: lab.groupId,
      payload: byHand.value,
      labels: ['team-a'],
      custom_metadata: { owner: 'team-a' },
    };
    await lab.admin.request('POST', '/api/v2/secrets', prototype);
    const manifest = lab.manifest();
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'ask', code: 'foreign_version' }]);
    expect(await adoptNow(lab, manifest, byHand.id)).toMatchObject({ outcome: 'version-taken' });
    await lab.passWithTicks(manifest, HOUR_MS);
    expect(lab.secret().versions.map(({ customMetadata }) => customMetadata.keyrota?.key_id)).toEqual([
      byHand.id,
      lab.currentKeyId(),
    ]);
    expect(lab.currentKeyId()).not.toBe(byHand.id);
    expect(lab.secret().versions[0]).toMatchObject({ payloadAvailable: true });
    expect(lab.secret()).toMatchObject({ labels: ['team-a', 'keyrota'], customMetadata: { owner: 'team-a' } });
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 11 * DAY_MS);
    expect(idsOf(lab)).toEqual([lab.currentKeyId()]);
  });

  it('adopted beside a current key of ours is retired like a superseded one', async () => {
    const lab = await Laboratory.open();
    const byHand = await lab.makeKeyByHand();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.fetchValue();
    expect(await adoptNow(lab, manifest, byHand.id)).toMatchObject({ outcome: 'noted' });
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(idsOf(lab)).toEqual([lab.currentKeyId()]);
  });

  it('is refused when it belongs to somebody else, does not exist, or is the current key', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await expect(adoptNow(lab, manifest, 'ApiKey-unknown')).rejects.toMatchObject({ code: 'adoption_refused' });
    await expect(adoptNow(lab, manifest, lab.currentKeyId())).rejects.toMatchObject({ code: 'adoption_refused' });
    const keyrotasOwn = lab.state.iam.apiKeys.find((key) => key.iamId === lab.keyrota.iamId);
    await expect(adoptNow(lab, manifest, keyrotasOwn?.id ?? '')).rejects.toMatchObject({ code: 'adoption_refused' });
  });

  it('can be adopted twice with the same end', async () => {
    const lab = await Laboratory.open();
    const byHand = await lab.makeKeyByHand();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await adoptNow(lab, manifest, byHand.id);
    await adoptNow(lab, manifest, byHand.id);
    expect(lab.secret().versions.at(-1)?.customMetadata.keyrota).toMatchObject({
      predecessors: [{ key_id: byHand.id, adopted_at: expect.any(String) as string }],
    });
  });
});
