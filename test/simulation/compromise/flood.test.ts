import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ROLE } from '../../../infra/demo/admin.ts';
import { HOUR_MS } from '../../../shared/keys/duration.ts';
import { hashesOf } from '../../../shared/keys/value-hashes.ts';
import type { ManagedKey } from '../../../shared/keys/manifest.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { byValue, codeOf, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import { manifestOf } from '../../support/manifests.ts';
import { minted } from '../../support/rotated.ts';

const LEAKED = 50;
const REPORTS_EACH = 20;
const NOISE = 100;

describe('a thousand reports at once', () => {
  it('contain the keys that leaked, each once, and nothing else, among reports of unknown values', async () => {
    const lab = await Laboratory.open();
    const keys: ManagedKey[] = [];
    for (let n = 1; n <= LEAKED + 10; n += 1) {
      const { id } = await lab.admin.createServiceId(`agent-${n}`, 'Sends logs.');
      const where = { resourceType: 'serviceid', resource: id };
      await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', where);
      keys.push(...lab.manifest({ name: `agent-${n}`, serviceId: id, grants: [] }).keys);
    }
    const manifest = manifestOf('lab', keys);
    await lab.passWithTicks(manifest, 4 * HOUR_MS);
    const names = Array.from({ length: LEAKED }, (_, index) => `agent-${index + 1}`);
    const leaked = await Promise.all(
      names.map(async (name) => ({ id: lab.currentKeyId(name), value: await lab.fetchStored(name) })),
    );
    const noise = Array.from({ length: NOISE }, (_, n) => byValue(`${'Unknown'.repeat(6)}${n}`.slice(-44)));
    const reports = leaked.flatMap(({ value }, index) =>
      Array.from({ length: REPORTS_EACH }, (_, n) =>
        leakReport(byValue(value), {
          sender: n % 2 === 0 ? 'github' : 'gitguardian',
          deliveryId: `delivery-${index}-${Math.floor(n / 4)}`,
        }),
      ),
    );
    const all = [...reports, ...noise.map((credential) => leakReport(credential))];
    const shuffled = all
      .map((report) => ({ report, at: lab.random.fraction() }))
      .toSorted((one, other) => one.at - other.at);
    const effects = lab.recordEffects();
    const answers = await Promise.all(
      shuffled.map(async ({ report }) => ({ report, answer: await respond(lab, manifest, report) })),
    );
    const ofNoise = answers.filter(({ report }) => noise.includes(report.credential));
    expect(new Set(ofNoise.map(({ answer }) => codeOf(answer)))).toEqual(new Set(['key_not_identified']));
    const others = answers.filter((one) => !ofNoise.includes(one));
    expect(new Set(others.map(({ answer }) => keyOf(answer).outcome))).toEqual(new Set(['contained']));
    const disabled = lab.state.iam.apiKeys.filter((one) => one.disabled).map(({ id }) => id);
    expect(new Set(disabled)).toEqual(new Set(leaked.map(({ id }) => id)));
    expect(effects.filter((effect) => effect.startsWith('disable'))).toHaveLength(LEAKED);
    expect(new Set(effects).size).toBe(LEAKED);
    for (const { id } of leaked) {
      const times = others.flatMap(({ answer }) => (keyOf(answer).keyId === id ? keyOf(answer).containedAt : []));
      expect(new Set(times).size).toBe(1);
    }
  });
});

it('no value reaches a log, an answer, a notice, metadata, a description or an address', async () => {
  const { lab, manifest } = await minted(5, { entry: { onCompromise: { siblings: 'contain' } } });
  const value = await lab.fetchValue();
  const byHand = await lab.makeKeyByHand();
  const unknown = 'Kq7_'.repeat(11);
  // Not every key has the shape by which values are masked.
  const odd = 'not shaped like a key, but long enough';
  const values = [value, byHand.value, unknown, odd];
  const told = nothingTold();
  const said: unknown[] = [];
  for (const one of values) {
    const wordy = { reason: `found ${one} in a file`, evidenceUrl: `https://example.com/?key=${one}` };
    for (const trouble of [null, { status: 500 }, { drop: 'answer' as const }]) {
      for (const match of [
        'GET /v1/apikeys/details',
        'POST /v1/apikeys/*/disable',
        'PUT /v1/apikeys/*',
        '* /api/v2/**',
      ]) {
        if (trouble) lab.fault({ match, ...trouble });
        said.push(await respond(lab, manifest, leakReport(byValue(one), wordy), { told }));
        lab.cloud.faults.clear();
      }
    }
    for (const credential of [
      { by: 'id', id: one } as const,
      { by: 'crn', crn: one } as const,
      { by: 'name', name: one } as const,
      { by: 'service-id', serviceId: one } as const,
      { by: 'secret-crn', crn: one } as const,
    ])
      said.push(await respond(lab, manifest, leakReport(credential, { detectedAtMs: lab.clock.nowMs() }), { told }));
    const { sha256 } = hashesOf(new SecretValue(one));
    said.push(await respond(lab, manifest, leakReport({ by: 'sha256', hash: sha256 }), { told }));
  }
  const { iam, secretsManager } = lab.cloud.snapshot({ withValues: false }) as { iam: object; secretsManager: object };
  const texts = [...lab.logLines, inspect(said, { depth: 20 }), inspect(told, { depth: 20 })];
  const all = [...texts, JSON.stringify([iam, secretsManager, lab.cloud.calls.list()])].join('\n');
  expect(all.length).toBeGreaterThan(20_000);
  expect(told.facts.length).toBeGreaterThan(0);
  expect(values.filter((one) => all.includes(one) || all.includes(encodeURIComponent(one)))).toEqual([]);
});
