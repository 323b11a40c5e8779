import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import { undoAndRemember } from '../../shared/ledger/whole-run.ts';
import { COMPROMISED_MARK } from '../../shared/keys/kind.ts';
import { undo } from '../../shared/rotation/undo.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { byValue, keyOf, leakReport, respond } from '../support/leaks.ts';
import { minted, rotated } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { ledgerOf, wholeTick } from '../support/whole-tick.ts';

const undoOf = ({ lab, manifest, key }: Scene) => lab.withPorts(manifest, (ports) => undo(key, ports));

const issued = (lab: Laboratory, keyId: string) => lab.admin.request('GET', `/v1/apikeys/${keyId}`);

/** The current key is reported, and nothing has replaced it yet. */
async function reported(scene: Scene): Promise<string> {
  const { lab, manifest } = scene;
  const answer = await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
  return keyOf(answer).keyId;
}

describe('an undo after a false report', () => {
  it('enables the key again, and it counts as one that did not leak', async () => {
    const scene = await minted(2);
    const { lab, manifest, effects } = scene;
    const value = await lab.fetchValue();
    const keyId = await reported(scene);
    expect(await lab.works(value)).toBe(false);
    expect(await undoOf(scene)).toEqual({ keyId, supersededKeyId: null });
    expect(await lab.works(value)).toBe(true);
    expect((await issued(lab, keyId))['description']).not.toContain(COMPROMISED_MARK);
    const report = await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(report.keys).toMatchObject([{ outcome: 'rest', steps: [] }]);
    expect(effects).toEqual(['disable K1', 'enable K1']);
  });

  it('goes for the current key, though a former one could be had back', async () => {
    const scene = await rotated(1);
    const keyId = await reported(scene);
    expect(await undoOf(scene)).toEqual({ keyId, supersededKeyId: null });
    expect(scene.lab.currentKeyId()).toBe(keyId);
  });

  it('enables a key as well that somebody else disabled', async () => {
    const scene = await minted(2, { entry: { onCompromise: { disabledByOthers: 'ask' } } });
    const keyId = scene.lab.currentKeyId();
    await scene.lab.admin.request('POST', `/v1/apikeys/${keyId}/disable`);
    await undoOf(scene);
    expect(await scene.lab.works(await scene.lab.fetchValue())).toBe(true);
  });

  it('is refused while the replacement is under way, and says since when', async () => {
    const scene = await minted(2);
    await reported(scene);
    scene.lab.fault({ match: 'POST /v1/apikeys', status: 503 });
    await scene.lab.tick(scene.manifest, { only: ['ingest'] });
    await expect(undoOf(scene)).rejects.toMatchObject({
      code: 'undo_refused',
      message: expect.stringMatching(/is under way since 2026-/) as string,
    });
  });

  it('cut off before the key is enabled leads to a replacement, not to a key that stands still', async () => {
    const scene = await minted(2);
    const { lab, manifest } = scene;
    await reported(scene);
    lab.fault({ match: 'DELETE /v1/apikeys/*/disable', status: 400 });
    await expect(undoOf(scene)).rejects.toMatchObject({ code: 'invalid_request' });
    await lab.pass(MINUTE_MS);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('is told in the incident, which begins anew when the key is reported again', async () => {
    const scene = await minted(2);
    const { lab, manifest } = scene;
    await reported(scene);
    lab.fault({ match: 'POST /v1/apikeys', status: 503 });
    await wholeTick(lab, manifest, { only: ['ingest'] });
    await lab.pass(10 * MINUTE_MS);
    await lab.withPorts(manifest, (ports) => undoAndRemember(scene.key, manifest, ports));
    const [dismissed] = (await ledgerOf(lab, manifest)).incidents;
    expect(dismissed?.actions.map(({ action }) => action)).toEqual(['reported', 'contained', 'dismissed']);
    await lab.pass(MINUTE_MS);
    await reported(scene);
    await wholeTick(lab, manifest, { only: ['ingest'] });
    const [again] = (await ledgerOf(lab, manifest)).incidents;
    expect(again).toMatchObject({ incident: dismissed?.incident, dismissed_at: '', replaced_by: lab.currentKeyId() });
    expect(again?.actions.map(({ action }) => action).slice(0, 4)).toEqual([
      'reported',
      'contained',
      'dismissed',
      'reported',
    ]);
  });

  it('leaves the incident in the ledger, though no run has seen it', async () => {
    const scene = await minted(2);
    const { lab, manifest, key } = scene;
    const keyId = await reported(scene);
    await lab.withPorts(manifest, (ports) => undoAndRemember(key, manifest, ports));
    const { incidents } = await ledgerOf(lab, manifest);
    expect(incidents).toMatchObject([
      { key_id: keyId, actions: [{ action: 'reported' }, { action: 'contained' }, { action: 'dismissed' }] },
    ]);
    expect(incidents[0]?.dismissed_at).not.toBe('');
  });
});
