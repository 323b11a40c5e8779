import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../shared/keys/duration.ts';
import type { LeakReport } from '../../../shared/incidents/leak-report.ts';
import { byValue, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import { minted } from '../../support/rotated.ts';
import type { Scene } from '../../support/rotated.ts';

const isWrite = ({ method, path }: { method: string; path: string }) => method !== 'GET' && path !== '/identity/token';
const recordOf = ({ lab }: Scene) =>
  lab.secret().versions.at(-1)?.customMetadata.keyrota as unknown as Record<string, unknown> | undefined;

async function leaked(): Promise<Scene & { report: (more?: Partial<LeakReport>) => LeakReport }> {
  const scene = await minted(5);
  const credential = byValue(await scene.lab.fetchValue());
  return { ...scene, report: (more = {}) => leakReport(credential, more) };
}

describe('the same report ten times', () => {
  it('one after the other writes nothing more, tells people once, and is answered the same', async () => {
    const { lab, manifest, report } = await leaked();
    const told = nothingTold();
    const first = await respond(lab, manifest, report(), { told });
    const from = lab.cloud.calls.total + 1;
    for (let again = 2; again <= 10; again += 1) {
      await lab.pass(again * 20_000);
      expect(await respond(lab, manifest, report(), { told })).toEqual(first);
    }
    expect(lab.cloud.calls.list(from).filter(isWrite)).toEqual([]);
    expect(told.facts).toHaveLength(1);
  });

  it('at once disables it, and is answered the same', async () => {
    const { lab, manifest, report, effects } = await leaked();
    // Calls that take different times come in every order.
    for (const [index, match] of ['GET /v1/apikeys/details', 'PUT /v1/apikeys/*', '* /v1/apikeys/*/disable'].entries())
      for (let times = 0; times < 10; times += 1)
        lab.fault({ match, delayMs: ((times * 7 + index * 3) % 10) * 40 + 1 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => respond(lab, manifest, report())));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(effects).toEqual(['disable K1']);
  });

  it('from two senders is one incident, and only who reported it is added', async () => {
    const scene = await leaked();
    const { lab, manifest, report } = scene;
    const first = await respond(lab, manifest, report());
    const before = recordOf(scene);
    await lab.pass(HOUR_MS);
    expect(await respond(lab, manifest, report({ sender: 'github', deliveryId: 'alert-7' }))).toEqual(first);
    const reports = [
      { by: 'standard-webhooks', delivery: 'delivery-1', at: keyOf(first).containedAt },
      { by: 'github', delivery: 'alert-7', at: expect.any(String) as string },
    ];
    expect(recordOf(scene)).toEqual({ ...before, reports });
  });

  it('from many senders keeps the first five', async () => {
    const scene = await leaked();
    for (let n = 0; n < 9; n += 1)
      await respond(scene.lab, scene.manifest, scene.report({ deliveryId: `delivery-${n}` }));
    expect(recordOf(scene)?.['reports']).toHaveLength(5);
  });
});

describe('a report that comes while rotate-keys replaces the key', () => {
  it('leaves the replacement current and working', async () => {
    const { lab, manifest, report } = await leaked();
    const keyId = lab.currentKeyId();
    await respond(lab, manifest, report());
    await Promise.all([
      lab.tick(manifest, { only: ['ingest'] }),
      respond(lab, manifest, report({ deliveryId: 'delivery-2' })),
      respond(lab, manifest, report({ sender: 'github' })),
    ]);
    expect(lab.currentKeyId()).not.toBe(keyId);
    await lab.pass(HOUR_MS);
    await lab.tick(manifest);
    await lab.passWithTicks(manifest, 24 * HOUR_MS);
    expect(lab.keys.map(({ id, disabled }) => [id, disabled])).toEqual([[lab.currentKeyId(), false]]);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });
});
