import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { Laboratory } from '../support/laboratory.ts';

/** A laboratory in which the first rotation is due. */
async function labWithDueKey(entry: object = {}) {
  const lab = await Laboratory.open();
  const manifest = lab.manifest(entry);
  await lab.tick(manifest);
  await lab.fetchValue();
  await lab.pass(30 * DAY_MS);
  return { lab, manifest, effects: lab.recordEffects() };
}

const policiesOf = async (lab: Laboratory, iamId: string) => {
  const path = `/v1/policies?account_id=${lab.cloud.account.id}&iam_id=${iamId}`;
  return (await lab.admin.request('GET', path))['policies'] as { id: string }[];
};

describe('before a key is created', () => {
  it('a person is asked with the exact command when a grant is missing, and no key is made', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    for (const { id } of await policiesOf(lab, lab.serviceId.iamId))
      await lab.admin.request('DELETE', `/v1/policies/${id}`);
    const report = await lab.tick(manifest);
    expect(report.keys).toMatchObject([{ outcome: 'ask', code: 'grant_missing' }]);
    expect(report.keys[0]?.next[0]).toBe(
      `ibmcloud iam service-policy-create ${lab.serviceId.id} --service-name logs --roles Sender`,
    );
    expect(effects).toEqual([]);
  });

  it('a person is asked when the identity has as many keys as it may', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    for (let count = lab.keys.length; count < 20; count += 1) await lab.makeKeyByHand();
    effects.length = 0;
    const report = await lab.tick(manifest);
    expect(report.keys).toMatchObject([{ outcome: 'ask', code: 'key_limit_reached' }]);
    expect(effects).toEqual([]);
  });

  it('the current key is given a later expiry while a person is asked, as often as it takes, and nothing else is done', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    const value = await lab.fetchValue();
    for (const { id } of await policiesOf(lab, lab.serviceId.iamId))
      await lab.admin.request('DELETE', `/v1/policies/${id}`);
    const expiresAtMs = () => lab.keys[0]?.expiresAtMs ?? 0;
    const first = expiresAtMs();
    await lab.pass(first - lab.clock.nowMs() - 16 * DAY_MS);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys).toMatchObject([{ outcome: 'ask', steps: [] }]);
    expect(expiresAtMs()).toBe(first);
    await lab.pass(2 * DAY_MS);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys).toMatchObject([
      { outcome: 'ask', code: 'grant_missing', steps: [{ step: 'extend', keyId: lab.currentKeyId() }] },
    ]);
    expect(expiresAtMs() - lab.clock.nowMs()).toBeGreaterThan(99 * DAY_MS);
    await lab.pass(90 * DAY_MS);
    await lab.tick(manifest, { only: ['ingest'] });
    expect(expiresAtMs() - lab.clock.nowMs()).toBeGreaterThan(99 * DAY_MS);
    expect(effects).toEqual([]);
    await lab.admin.grant(lab.serviceId.iamId, ROLE.cloudLogsSender, 'logs');
    expect(await lab.works(value)).toBe(true);
    await lab.tick(manifest, { only: ['ingest'] });
    expect(effects).toEqual(['create K1', 'store']);
  });

  it('a dry run says so too', async () => {
    const { lab, manifest } = await labWithDueKey();
    for (const { id } of await policiesOf(lab, lab.serviceId.iamId))
      await lab.admin.request('DELETE', `/v1/policies/${id}`);
    expect((await lab.tick(manifest, { dryRun: true })).keys).toMatchObject([
      { outcome: 'ask', code: 'grant_missing' },
    ]);
  });

  it('a dry run changes nothing', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    const report = await lab.tick(manifest, { dryRun: true });
    expect(report.keys).toMatchObject([{ outcome: 'planned', steps: [{ step: 'mint' }] }]);
    expect(effects).toEqual([]);
    expect(lab.secret().versions.flatMap(({ locks }) => locks)).toEqual([]);
  });

  it('a consumer’s lock on the previous version holds the rotation, by name', async () => {
    const { lab, manifest } = await labWithDueKey();
    await lab.tick(manifest);
    await lab.fetchValue();
    const { id, versions } = lab.secret();
    const previous = versions.find(({ alias }) => alias === 'previous');
    await lab.admin.request('POST', `/api/v2/secrets/${id}/versions/${previous?.id}/locks_bulk`, {
      locks: [{ name: 'billing' }],
    });
    const reports = await lab.passWithTicks(manifest, 8 * DAY_MS);
    expect(JSON.stringify(reports.at(-1)?.keys)).toContain('consumers lock the old version: billing');
  });
});

describe('the guard', () => {
  it('lets exactly one of two runs store, and the other deletes its own key', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    // Both have looked before either claims.
    const reports = await Promise.all([lab.tick(manifest), lab.tick(manifest)]);
    const stores = effects.filter((effect) => effect === 'store');
    expect(stores).toHaveLength(1);
    expect(lab.keys).toHaveLength(2);
    expect(reports.flatMap(({ keys }) => keys.map(({ outcome }) => outcome))).not.toContain('failed');
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('lets exactly one of two first mints store', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await Promise.all([lab.tick(manifest), lab.tick(manifest)]);
    expect(lab.keys).toHaveLength(1);
    expect(lab.state.secretsManager.secrets).toHaveLength(1);
  });
});

describe('when a call fails', () => {
  it('a create that is not answered leaves no key behind, and the next run mints', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.fault({ match: 'POST /v1/apikeys', drop: 'answer' });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'failed', code: 'create_failed' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
    await lab.passWithTicks(manifest, HOUR_MS);
    expect(effects).toEqual(['create K1', 'delete K1', 'create K2', 'store']);
  });

  it('a key that is never accepted is deleted, and the next attempt waits longer each time', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.cloud.switches.firstLoginDelayMs = 10 * HOUR_MS;
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'failed', code: 'key_refused' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
    await lab.pass(MINUTE_MS);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys).toMatchObject([
      { outcome: 'hold', code: 'back-off' },
    ]);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ failures: 1 });
    await lab.pass(6 * MINUTE_MS);
    await lab.tick(manifest);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ failures: 2 });
    lab.cloud.switches.firstLoginDelayMs = 0;
    await lab.passWithTicks(manifest, HOUR_MS);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ failures: 0, not_before: '' });
  });

  it('a store that was carried out although its answer was lost counts', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', drop: 'answer' });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'hold', code: 'grace' }]);
    expect(effects).toEqual(['create K1', 'store']);
  });

  it.each(['stored', '{}', ''])('a store that is confirmed with %j counts: its key is current', async (text) => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.confirmWith(/^POST \/api\/v2\/secrets\/[^/]+\/versions$/, text);
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'hold', code: 'grace' }]);
    expect(effects).toEqual(['create K1', 'store']);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it.each(['stored', '{}', ''])('a first store that is confirmed with %j counts too', async (text) => {
    const lab = await Laboratory.open();
    const effects = lab.recordEffects();
    lab.confirmWith(/^POST \/api\/v2\/secrets$/, text);
    expect((await lab.tick(lab.manifest())).keys).toMatchObject([{ outcome: 'rest' }]);
    expect(effects).toEqual(['create K1', 'store']);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('a create that is confirmed without a value leaves no key behind: nobody knows it', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.confirmWith(/^POST \/v1\/apikeys$/, '{}');
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'failed', code: 'create_failed' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
  });

  it('a store that is not answered never costs its key at once: the claim makes others wait, then the key is discarded', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', drop: 'request' });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'hold', code: 'mint-under-way' }]);
    expect(effects).toEqual(['create K1']);
    await lab.passWithTicks(manifest, 2 * HOUR_MS);
    expect(effects).toEqual(['create K1', 'disable K1', 'create K2', 'store']);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 4 * DAY_MS);
    expect(effects).toContain('delete K1');
  });

  it('a store that is refused by role becomes a question, and its key is deleted', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', status: 403 });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'ask', code: 'role_missing' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
  });

  it('a first mint that fails leaves its disabled key to tell the next run to wait', async () => {
    const lab = await Laboratory.open();
    const effects = lab.recordEffects();
    const manifest = lab.manifest();
    lab.fault({ match: 'POST /api/v2/secrets', status: 400 });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'failed', code: 'store_failed' }]);
    expect(effects).toEqual(['create K1', 'disable K1']);
    await lab.pass(MINUTE_MS);
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'hold', code: 'back-off' }]);
    await lab.pass(16 * MINUTE_MS);
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'hold', steps: [{ step: 'mint' }] }]);
    await lab.passWithTicks(manifest, 4 * DAY_MS);
    expect(effects).toEqual(['create K1', 'disable K1', 'create K2', 'store', 'delete K1']);
  });

  it('a secret of that name that is not ours is a question, not a key each minute', async () => {
    const lab = await Laboratory.open();
    const effects = lab.recordEffects();
    const prototype = { name: 'ingest', secret_type: 'arbitrary', secret_group_id: lab.groupId, payload: 'by hand' };
    await lab.admin.request('POST', '/api/v2/secrets', prototype);
    expect((await lab.tick(lab.manifest())).keys).toMatchObject([{ outcome: 'ask', code: 'foreign_version' }]);
    expect(effects).toEqual(['store']);
  });

  it('a probe that is refused counts as a key that does not work', async () => {
    const { lab, effects } = await labWithDueKey();
    const probing = lab.manifest({ probe: { url: 'http://127.0.0.1:1/logs-router/v1/singles' } });
    expect((await lab.tick(probing)).keys).toMatchObject([{ outcome: 'failed', code: 'key_refused' }]);
    expect(effects).toEqual(['create K1', 'delete K1']);
  });

  it('a probe at a mistyped address leaves no key behind, and is tried at ever longer intervals, not at each tick', async () => {
    const { lab, effects } = await labWithDueKey();
    const former = lab.currentKeyId();
    const probing = lab.manifest({ probe: { url: 'http://127.0.0.1:1/logs/v1/single' } });
    lab.fault({ match: 'POST /logs/v1/single', status: 404, times: 1_000 });
    expect((await lab.tick(probing)).keys).toMatchObject([{ outcome: 'failed', code: 'key_failed' }]);
    const createdAtMs: number[] = [];
    lab.cloud.audit.watch(({ action, atMs }) => {
      if (action === 'api-key.create') createdAtMs.push(atMs);
    });
    for (let minutes = 0; minutes < 24 * 60; minutes += 5) {
      await lab.pass(5 * MINUTE_MS);
      await lab.tick(probing, { timerMs: 5 * MINUTE_MS });
      expect(lab.keys.map(({ id }) => id)).toEqual([former]);
    }
    const waits = createdAtMs.slice(1).map((atMs, index) => atMs - (createdAtMs[index] ?? 0));
    expect(waits.length).toBeGreaterThan(4);
    for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(waits[index - 1] ?? 0);
    expect(createdAtMs.length).toBeLessThan(12);
    expect(effects.filter((effect) => effect === 'store')).toEqual([]);
    lab.cloud.faults.clear();
    await lab.passWithTicks(lab.manifest(), DAY_MS);
    expect(lab.secret().customMetadata['keyrota']).toMatchObject({ failures: 0 });
    expect(lab.currentKeyId()).not.toBe(former);
  });

  it('a mistyped probe of a first mint leaves a few disabled keys at most, and all go when it is put right', async () => {
    const lab = await Laboratory.open();
    const probing = lab.manifest({ probe: { url: 'http://127.0.0.1:1/logs/v1/single' } });
    lab.fault({ match: 'POST /logs/v1/single', status: 404, times: 1_000 });
    await lab.tick(probing);
    const counts: number[] = [];
    for (let days = 0; days < 3; days += 1) {
      await lab.passWithTicks(probing, DAY_MS);
      counts.push(lab.keys.length);
    }
    expect(Math.max(...counts)).toBeLessThan(10);
    expect(lab.keys.every(({ disabled }) => disabled)).toBe(true);
    lab.cloud.faults.clear();
    await lab.passWithTicks(lab.manifest(), 5 * DAY_MS);
    expect(lab.keys.map(({ id }) => id)).toEqual([lab.currentKeyId()]);
  });

  it('a store that arrives late, in the middle of the next mint, is healed: its key was discarded by then', async () => {
    const { lab, manifest, effects } = await labWithDueKey();
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', lateMs: 17 * MINUTE_MS + 10_000 });
    expect((await lab.tick(manifest)).keys).toMatchObject([{ outcome: 'hold', code: 'mint-under-way' }]);
    await lab.pass(16 * MINUTE_MS + 50_000);
    await lab.tick(manifest, { only: ['ingest'] });
    expect(effects).toEqual(['create K1', 'disable K1', 'create K2', 'store', 'delete K2', 'create K3', 'store']);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(lab.keys.map(({ id }) => id)).toEqual([lab.currentKeyId()]);
  });

  it('a probe that is taken ships one marked line', async () => {
    const { lab } = await labWithDueKey();
    const probing = lab.manifest({ probe: { url: 'http://127.0.0.1:1/logs/v1/singles' } });
    expect((await lab.tick(probing)).keys).toMatchObject([{ steps: [{ step: 'mint' }] }]);
    expect(lab.state.logs.lastLine?.text).toBe('Keyrota checks a new key of ingest.');
  });
});

describe('a current key that dies', () => {
  it('is replaced in the same hour when somebody deletes it', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.pass(DAY_MS);
    await lab.admin.request('DELETE', `/v1/apikeys/${lab.currentKeyId()}`);
    await lab.passWithTicks(manifest, HOUR_MS);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    expect(lab.secret().versions.at(-1)?.customMetadata.keyrota?.reason).toBe('lost');
  });

  it('is replaced when somebody disables it, even while the former key is in grace, which lives on', async () => {
    const { lab, manifest } = await labWithDueKey();
    const former = lab.currentKeyId();
    await lab.tick(manifest);
    await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/disable`);
    await lab.passWithTicks(manifest, HOUR_MS);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
    expect(lab.secret().versions.at(-1)?.customMetadata.keyrota?.reason).toBe('disabled');
    expect(lab.keys.find((key) => key.id === former)).toMatchObject({ disabled: false });
  });

  it('that is marked as compromised is contained, replaced and deleted in one run', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    const leaked = lab.currentKeyId();
    const { name, entity_tag: tag } = await lab.admin.request('GET', `/v1/apikeys/${leaked}`);
    await lab.cloud.handle(
      new Request(`http://cloud.local/v1/apikeys/${leaked}`, {
        method: 'PUT',
        headers: {
          'content-type': 'application/json',
          'if-match': String(tag),
          authorization: await lab.adminAuthorization(),
        },
        body: JSON.stringify({ name, description: '[keyrota: compromised] found in a repository' }),
      }),
    );
    const effects = lab.recordEffects();
    await lab.tick(manifest, { only: ['ingest'] });
    expect(effects).toEqual(['disable K1', 'create K2', 'store', 'delete K1']);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });
});
