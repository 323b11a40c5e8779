import { describe, expect, it } from 'vitest';
import { leakNotices } from '../../../shared/incidents/leak-notices.ts';
import { ToldLately } from '../../../shared/incidents/told-lately.ts';
import { HOUR_MS, MINUTE_MS } from '../../../shared/keys/duration.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import { CredentialLaboratory, WRITER } from '../../support/credentials.ts';
import type { Laboratory } from '../../support/laboratory.ts';
import { byValue, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import type { Told } from '../../support/leaks.ts';
import { minted } from '../../support/rotated.ts';

function stepsOf(lab: Laboratory, manifest: Manifest, { facts: [facts] }: Told): string[] {
  if (!facts) throw new Error('nobody was told');
  const about = { deployment: 'lab', accountId: lab.cloud.account.id, manifest };
  return leakNotices(facts, lab.clock.nowMs(), about).flatMap(({ next }) => next);
}

describe('a leaked key that no entry manages, reported again and again', () => {
  it('is told once in an hour, to people and rotate-keys, and answered the same', async () => {
    const { lab, manifest } = await minted(5);
    const { id } = await lab.makeKeyByHand();
    const told = nothingTold();
    const toldLately = new ToldLately();
    const answers = [];
    for (let n = 1; n <= 10; n += 1) {
      const report = leakReport({ by: 'id', id }, { deliveryId: `delivery-${n}` });
      answers.push(await respond(lab, manifest, report, { told, toldLately }));
      await lab.pass(MINUTE_MS);
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0] && keyOf(answers[0])).toMatchObject({ outcome: 'reported', poked: true });
    expect([told.facts.length, told.incidents.length]).toEqual([1, 1]);
    await lab.pass(HOUR_MS);
    await respond(lab, manifest, leakReport({ by: 'id', id }), { told, toldLately });
    expect([told.facts.length, told.incidents.length]).toEqual([2, 2]);
  });

  it('is told again where nobody took the word', async () => {
    const { lab, manifest } = await minted(5);
    const { id } = await lab.makeKeyByHand();
    const told = nothingTold();
    const toldLately = new ToldLately();
    const report = leakReport({ by: 'id', id });
    await respond(lab, manifest, report, { toldLately, notify: () => Promise.reject(new Error('down')) });
    await respond(lab, manifest, report, { told, toldLately });
    expect([told.facts.length, told.incidents.length]).toEqual([1, 1]);
  });

  it('is told again where it is contained by then', async () => {
    const { lab, manifest } = await minted(5);
    const { id } = await lab.makeKeyByHand();
    const told = nothingTold();
    const toldLately = new ToldLately();
    const report = leakReport({ by: 'id', id });
    await respond(lab, manifest, report, { toldLately });
    const wide = { ...manifest, incidents: { ...manifest.incidents, containUnmanaged: true } };
    expect(keyOf(await respond(lab, wide, report, { told, toldLately })).outcome).toBe('contained');
    expect(told.facts).toHaveLength(1);
  });
});

describe('what a person is told to do', () => {
  it('about a key that no entry manages names that key', async () => {
    const { lab, manifest } = await minted(5);
    const { id } = await lab.makeKeyByHand();
    const told = nothingTold();
    await respond(lab, manifest, leakReport({ by: 'id', id }), { told });
    expect(stepsOf(lab, manifest, told).join('\n')).toContain(`POST /v1/apikeys/${id}/disable`);
  });

  it('about a service credential names the API key behind it', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const manifest = lab.manifest();
    const made = await world.makeByHand();
    const { apiKeyId } = world.keys.find(({ id }) => id === made.id) ?? {};
    const told = nothingTold();
    const answer = await respond(lab, manifest, leakReport(byValue(String(made.credentials['apikey']))), { told });
    expect(keyOf(answer)).toMatchObject({ keyId: apiKeyId, name: null, outcome: 'reported' });
    const steps = stepsOf(lab, manifest, told).join('\n');
    expect(steps).toContain(`POST /v1/apikeys/${apiKeyId}/disable`);
    expect(steps).not.toContain(`/v1/apikeys/${made.id}`);
  });
});
