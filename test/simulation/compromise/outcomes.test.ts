import { describe, expect, it } from 'vitest';
import { ROLE } from '../../../infra/demo/admin.ts';
import type { LeakReport, LeakedCredential } from '../../../shared/incidents/leak-report.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/keys/duration.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import { sha256Of } from '../../../shared/keys/value-hashes.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { CredentialLaboratory, WRITER } from '../../support/credentials.ts';
import { FunctionalId } from '../../support/functional-id.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { byValue, keyOf, leakReport, nothingTold, respond } from '../../support/leaks.ts';
import { manifestOf } from '../../support/manifests.ts';
import { minted } from '../../support/rotated.ts';

const EDITOR = 'crn:v1:bluemix:public:iam::::role:Editor';

const withIncidents = (manifest: Manifest, incidents: Partial<Manifest['incidents']>): Manifest => ({
  ...manifest,
  incidents: { ...manifest.incidents, ...incidents },
});
const keyAt = (lab: Laboratory, keyId: string) => lab.state.iam.apiKeys.find(({ id }) => id === keyId);
const eventsOf = (lab: Laboratory) => lab.logLines.map((line) => (JSON.parse(line) as { event: string }).event);
const linesOf = (lab: Laboratory, event: string) =>
  lab.logLines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event);
/** What Keyrota sent to IAM, in order, from that call on. */
const callsToIam = ({ cloud, keyrota }: Laboratory, from: number) =>
  cloud.calls
    .list(from)
    .filter(({ path, iamId }) => path.startsWith('/v1/apikeys') && iamId === keyrota.iamId)
    .map(({ method, path }) => `${method} ${path.replace(/ApiKey-[^/]+/, '*')}`);

describe('a leaked key that Keyrota may disable', () => {
  it.each(['value', 'id'] as const)('is disabled with the second call, when it is reported by its %s', async (by) => {
    const { lab, manifest } = await minted(5);
    const credential = by === 'value' ? byValue(await lab.fetchValue()) : { by, id: lab.currentKeyId() };
    const from = lab.cloud.calls.total + 1;
    await respond(lab, manifest, leakReport(credential));
    const look = by === 'value' ? 'GET /v1/apikeys/details' : 'GET /v1/apikeys/*';
    expect(callsToIam(lab, from).slice(0, 2)).toEqual([look, 'POST /v1/apikeys/*/disable']);
  });

  it.each([
    { by: 'value', callsInARow: 3 },
    { by: 'id', callsInARow: 3 },
    { by: 'crn', callsInARow: 3 },
    { by: 'sha256', callsInARow: 4 },
  ] as const)('is disabled $callsInARow calls after a cold start, its login among them, by its $by', async (way) => {
    const { lab, manifest } = await minted(5);
    const value = new SecretValue(await lab.fetchValue());
    const id = lab.currentKeyId();
    const credential: LeakedCredential = {
      value: { by: 'value' as const, value },
      id: { by: 'id' as const, id },
      crn: {
        by: 'crn' as const,
        crn: `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::apikey:${id}`,
      },
      sha256: { by: 'sha256' as const, hash: sha256Of(value) },
    }[way.by];
    lab.fault({ match: '* /**', times: 1_000, delayMs: 100 });
    await respond(lab, manifest, leakReport(credential));
    expect(linesOf(lab, 'key_contained')).toMatchObject([{ elapsedMs: way.callsInARow * 100 }]);
  });

  it('is written down on its version, in the summary and at the issuer', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    const { containedAt, incident } = keyOf(await respond(lab, manifest, leakReport(byValue(await lab.fetchValue()))));
    const { customMetadata, versions } = lab.secret();
    expect(versions.at(-1)?.customMetadata.keyrota).toMatchObject({
      key_id: keyId,
      compromised_at: containedAt,
      contained_at: containedAt,
      incident,
      reports: [{ by: 'standard-webhooks', delivery: 'delivery-1', at: containedAt }],
    });
    expect(customMetadata['keyrota']).toMatchObject({ key_id: keyId, compromised_at: containedAt, reported_keys: [] });
    const { description } = await lab.admin.request('GET', `/v1/apikeys/${keyId}`);
    expect(description).toContain(`[keyrota: compromised] ${containedAt} ${incident} by standard-webhooks.`);
  });

  it('keeps its name, expiry and leak action when it is marked', async () => {
    const { lab, manifest } = await minted(5);
    const path = `/v1/apikeys/${lab.currentKeyId()}`;
    const before = await lab.admin.request('GET', path);
    await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
    const after = await lab.admin.request('GET', path);
    for (const field of ['name', 'expires_at', 'action_when_leaked']) expect(after[field]).toBe(before[field]);
    expect(after['description']).toContain(before['description']);
  });

  it('is contained through its lock, where a lock refuses that', async () => {
    const { lab, manifest } = await minted(5, { switches: { lockRefusesDisable: true } });
    const keyId = lab.currentKeyId();
    await lab.admin.request('POST', `/v1/apikeys/${keyId}/lock`);
    const answer = await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
    expect(keyOf(answer)).toMatchObject({ outcome: 'contained', marked: { issuer: true, version: true } });
    expect(keyAt(lab, keyId)).toMatchObject({ disabled: true, locked: false });
  });

  it('keeps its lock where that refuses no disabling, and is marked in Secrets Manager alone', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    await lab.admin.request('POST', `/v1/apikeys/${keyId}/lock`);
    const answer = await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
    expect(keyOf(answer)).toMatchObject({ outcome: 'contained', marked: { issuer: false, version: true } });
    expect(keyAt(lab, keyId)).toMatchObject({ disabled: true, locked: true });
    expect(eventsOf(lab)).toContain('mark_failed');
  });

  it('is told in one line, with how long it took', async () => {
    const { lab, manifest } = await minted(5);
    lab.fault({ match: 'GET /v1/apikeys/details', delayMs: 400 });
    await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
    expect(linesOf(lab, 'key_contained')).toMatchObject([
      {
        level: 'warn',
        keyId: lab.currentKeyId(),
        sender: 'standard-webhooks',
        delivery: 'delivery-1',
        elapsedMs: 400,
      },
    ]);
  });

  it('and that somebody else had disabled already is marked, and replaced all the same', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    const value = await lab.fetchValue();
    await lab.admin.request('POST', `/v1/apikeys/${keyId}/disable`);
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(keyOf(answer)).toMatchObject({ outcome: 'contained', marked: { issuer: true, version: true } });
    await lab.tick(manifest, { only: ['ingest'] });
    expect(lab.currentKeyId()).not.toBe(keyId);
  });

  it('is contained again when an undo has brought it back, with a new time', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    const report = leakReport(byValue(await lab.fetchValue()));
    const first = keyOf(await respond(lab, manifest, report));
    await lab.admin.request('DELETE', `/v1/apikeys/${keyId}/disable`);
    await lab.pass(MINUTE_MS);
    const second = keyOf(await respond(lab, manifest, report));
    expect(second).toMatchObject({ outcome: 'contained', incident: first.incident });
    expect(Date.parse(second.containedAt ?? '') - Date.parse(first.containedAt ?? '')).toBeGreaterThanOrEqual(
      MINUTE_MS,
    );
    expect(keyAt(lab, keyId)?.disabled).toBe(true);
    expect(keyOf(await respond(lab, manifest, report))).toEqual(second);
  });
});

describe('a leaked key that no entry manages', () => {
  it('is only reported, loudly, and handed on for the record', async () => {
    const { lab, manifest, effects } = await minted(5);
    const { id, value } = await lab.makeKeyByHand();
    effects.length = 0;
    const told = nothingTold();
    const answer = await respond(lab, manifest, leakReport(byValue(value)), { told });
    expect(answer.status).toBe(202);
    expect(keyOf(answer)).toMatchObject({ keyId: id, name: null, outcome: 'reported', containedAt: null });
    expect(effects).toEqual([]);
    expect(linesOf(lab, 'unmanaged_key_leaked')).toMatchObject([{ level: 'error', keyId: id }]);
    expect(told.names).toEqual([[]]);
    expect(told.incidents).toMatchObject([[{ keyId: id, name: 'made-by-hand', owner: lab.serviceId.iamId }]]);
    expect(told.facts).toHaveLength(1);
  });

  it('is contained where the manifest wants that, and marked at the issuer', async () => {
    const { lab, manifest } = await minted(5);
    const { id, value } = await lab.makeKeyByHand();
    const told = nothingTold();
    const wide = withIncidents(manifest, { containUnmanaged: true });
    const answer = await respond(lab, wide, leakReport(byValue(value)), { told });
    const { containedAt } = keyOf(answer);
    expect(keyOf(answer)).toMatchObject({
      outcome: 'contained',
      marked: { issuer: true, version: false },
      poked: true,
    });
    expect(keyAt(lab, id)?.disabled).toBe(true);
    expect(told.incidents).toMatchObject([[{ keyId: id, containedAt }]]);
  });

  it('and that somebody has disabled already is as good as contained', async () => {
    const { lab, manifest } = await minted(5);
    const { id, value } = await lab.makeKeyByHand();
    await lab.admin.request('POST', `/v1/apikeys/${id}/disable`);
    expect(keyOf(await respond(lab, manifest, leakReport(byValue(value))))).toMatchObject({ outcome: 'contained' });
    expect(eventsOf(lab)).not.toContain('unmanaged_key_leaked');
  });

  it('and that Keyrota may not disable is reported, wherever the manifest wants it contained', async () => {
    const { lab, manifest } = await minted(5);
    const other = await lab.admin.createServiceId('other', 'Foreign.');
    const body = { name: 'foreign', iam_id: other.iamId, account_id: lab.cloud.account.id };
    const value = String((await lab.admin.request('POST', '/v1/apikeys', body))['apikey']);
    const wide = withIncidents(manifest, { containUnmanaged: true });
    expect(keyOf(await respond(lab, wide, leakReport(byValue(value))))).toMatchObject({ outcome: 'reported' });
    expect(eventsOf(lab)).toContain('unmanaged_key_leaked');
  });
});

describe('a dry run', () => {
  const dry: { by: string; report: Partial<LeakReport>; incidents: Partial<Manifest['incidents']> }[] = [
    { by: 'by the report', report: { dryRun: true }, incidents: {} },
    { by: 'by the manifest', report: {}, incidents: { dryRun: true } },
  ];

  it.each(dry)('$by finds and decides, and changes and tells nothing', async ({ report, incidents }) => {
    const { lab, manifest, effects } = await minted(5);
    const value = await lab.fetchValue();
    const told = nothingTold();
    const from = lab.cloud.calls.total + 1;
    const answer = await respond(lab, withIncidents(manifest, incidents), leakReport(byValue(value), report), { told });
    expect(keyOf(answer)).toMatchObject({ outcome: 'dry-run', wouldBe: 'contained', name: 'ingest', poked: false });
    expect([effects, told]).toEqual([[], nothingTold()]);
    const methods = lab.cloud.calls
      .list(from)
      .map(({ method, path }) => (path === '/identity/token' ? 'login' : method));
    expect(new Set(methods)).toEqual(new Set(['login', 'GET']));
  });
});

describe('a key that Keyrota runs on', () => {
  const ownWorld = async (isManaged: boolean) => {
    const lab = await Laboratory.open();
    const { id, iamId } = lab.keyrota;
    await lab.admin.grant(iamId, ROLE.operator, 'iam-identity', { resourceType: 'serviceid', resource: id });
    const own = { name: 'keyrota-own', serviceId: id, grants: [], runsKeyrota: true };
    const manifest = manifestOf('lab', [...(isManaged ? lab.manifest(own).keys : []), ...lab.manifest().keys]);
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    return { lab, manifest };
  };

  it('is marked and not contained, so that it is replaced first', async () => {
    const { lab, manifest } = await ownWorld(true);
    const value = await lab.fetchStored('keyrota-own');
    const keyId = lab.currentKeyId('keyrota-own');
    const { settings } = lab.context(manifest, { KEYROTA_API_KEY: value });
    for (const credential of [byValue(value), { by: 'id', id: keyId } as const]) {
      const answer = await respond(lab, manifest, leakReport(credential), { settings });
      expect(keyOf(answer)).toMatchObject({
        name: 'keyrota-own',
        outcome: 'replaced-first',
        containedAt: null,
        marked: { issuer: true, version: true },
        poked: true,
      });
      expect(keyAt(lab, keyId)?.disabled).toBe(false);
    }
    await lab.tick(manifest, { only: ['keyrota-own'] }, { settings });
    expect(lab.currentKeyId('keyrota-own')).not.toBe(keyId);
  });

  it('and that no entry manages is only reported, also where unmanaged keys are contained', async () => {
    const { lab, manifest } = await ownWorld(false);
    const { login } = lab.context(manifest).settings;
    const value = login.kind === 'api-key' ? login.apiKey.reveal() : '';
    const keyId = lab.state.iam.apiKeys.find((one) => one.value === value)?.id ?? '';
    const wide = withIncidents(manifest, { containUnmanaged: true });
    for (const credential of [byValue(value), { by: 'id', id: keyId } as const]) {
      expect(keyOf(await respond(lab, wide, leakReport(credential)))).toMatchObject({ keyId, outcome: 'reported' });
      expect(keyAt(lab, keyId)?.disabled).toBe(false);
    }
  });

  it('is contained where the manifest says so', async () => {
    const { lab, manifest } = await ownWorld(true);
    const keyId = lab.currentKeyId('keyrota-own');
    const bold = withIncidents(manifest, { containOwnKey: true });
    const answer = await respond(lab, bold, leakReport(byValue(await lab.fetchStored('keyrota-own'))));
    expect(keyOf(answer)).toMatchObject({ outcome: 'contained' });
    expect(keyAt(lab, keyId)?.disabled).toBe(true);
  });
});

describe('a leaked key of a user', () => {
  it('is contained by an administrator, and refresh tokens are told of', async () => {
    const user = await FunctionalId.withLogin({ isAdministrator: true });
    const { lab, manifest } = user;
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const keyId = lab.currentKeyId('pipeline');
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(await lab.fetchValue('pipeline')))));
    expect(answer).toMatchObject({ keyId, name: 'pipeline', outcome: 'contained' });
    const atMs = Date.parse(answer.containedAt ?? '');
    expect(Date.parse(answer.tokensMayBeValidUntil ?? '')).toBe(atMs + HOUR_MS);
    expect(Date.parse(answer.refreshTokensMayBeValidUntil ?? '')).toBe(atMs + 72 * HOUR_MS);
  });

  it.each(['value', 'id'] as const)(
    'that Keyrota itself may not see is known by its secret, reported by %s: it is marked, and rotate-keys contains it',
    async (by) => {
      const user = await FunctionalId.withLogin();
      const { lab, manifest } = user;
      await lab.tick(manifest);
      await lab.pass(HOUR_MS);
      const keyId = lab.currentKeyId('pipeline');
      const credential = by === 'value' ? byValue(await lab.fetchValue('pipeline')) : { by, id: keyId };
      const answer = await respond(lab, manifest, leakReport(credential));
      expect(keyOf(answer)).toMatchObject({
        keyId,
        name: 'pipeline',
        outcome: 'handed-over',
        marked: { issuer: false, version: true },
        poked: true,
      });
      const report = await lab.tick(manifest, { only: ['pipeline'] });
      expect(report.keys[0]?.steps[0]).toMatchObject({ step: 'contain', keyId });
      expect(lab.currentKeyId('pipeline')).not.toBe(keyId);
    },
  );
});

describe('a leaked service credential', () => {
  const credentialWorld = async (service: 'cloud-object-storage' | 'cloudantnosqldb' = 'cloud-object-storage') => {
    const world = await CredentialLaboratory.open(service, WRITER);
    const { lab } = world;
    const manifest = world.manifest({ role: 'Writer', secret: { type: 'kv' } });
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const stored = JSON.parse(await lab.fetchStored('credential')) as { apikey: string };
    return { world, lab, manifest, stored, keyId: lab.currentKeyId('credential') };
  };

  it('is contained by its inner API key, where that is ours to disable; its description stays as it is', async () => {
    const { world, lab, manifest, stored, keyId } = await credentialWorld();
    await world.letDisable();
    const answer = await respond(lab, manifest, leakReport(byValue(stored.apikey)));
    expect(keyOf(answer)).toMatchObject({
      keyId,
      name: 'credential',
      outcome: 'contained',
      marked: { issuer: false, version: true },
    });
    const inner = world.keys.find(({ id }) => id === keyId);
    expect(inner?.disabled).toBe(true);
    const { description } = await lab.admin.request('GET', `/v1/apikeys/${inner?.apiKeyId}`);
    expect(description).toMatch(/^Auto-generated for key crn/);
    await lab.tick(manifest, { only: ['credential'] });
    expect(lab.currentKeyId('credential')).not.toBe(keyId);
  });

  it('is handed over where it is not, and rotate-keys deletes it', async () => {
    const { world, lab, manifest, stored, keyId } = await credentialWorld();
    const answer = await respond(lab, manifest, leakReport(byValue(stored.apikey)));
    expect(keyOf(answer)).toMatchObject({
      keyId,
      name: 'credential',
      outcome: 'handed-over',
      marked: { version: true },
    });
    await lab.tick(manifest, { only: ['credential'] });
    expect(world.keys.map(({ id }) => id)).toEqual([lab.currentKeyId('credential')]);
    expect(lab.currentKeyId('credential')).not.toBe(keyId);
  });

  it.each(['id', 'crn'] as const)('is handed over when it is reported by its %s', async (by) => {
    const { world, lab, manifest, keyId } = await credentialWorld();
    const { crn = '' } = world.keys.find(({ id }) => id === keyId) ?? {};
    const answer = await respond(lab, manifest, leakReport(by === 'id' ? { by, id: keyId } : { by, crn }));
    expect(keyOf(answer)).toMatchObject({ keyId, outcome: 'handed-over', marked: { issuer: false, version: true } });
    await lab.tick(manifest, { only: ['credential'] });
    expect(lab.currentKeyId('credential')).not.toBe(keyId);
  });

  it('is not ended by an API key that only says that it stands behind it', async () => {
    const { world, lab, manifest, keyId } = await credentialWorld();
    await lab.pass(DAY_MS);
    await lab.admin.grant(lab.keyrota.iamId, EDITOR, 'iam-identity');
    const { crn } = world.keys.find(({ id }) => id === keyId) ?? {};
    const description = `Auto-generated for key ${crn}`;
    const body = { name: 'liar', description, iam_id: lab.serviceId.iamId, account_id: lab.cloud.account.id };
    const value = String((await lab.admin.request('POST', '/v1/apikeys', body))['apikey']);
    await lab.pass(MINUTE_MS);
    await respond(lab, manifest, leakReport(byValue(value)));
    await lab.tick(manifest, { only: ['credential'] });
    expect(lab.currentKeyId('credential')).toBe(keyId);
  });
});

describe('keys of the same identity that were made since the leak', () => {
  it('are told, and only those that are none of ours', async () => {
    const { lab, manifest } = await minted(5);
    const value = await lab.fetchValue();
    const { id } = await lab.makeKeyByHand();
    const report = leakReport(byValue(value), { leakedAtMs: lab.clock.nowMs() - HOUR_MS });
    const answer = keyOf(await respond(lab, manifest, report));
    expect(answer.siblings).toMatchObject([{ keyId: id, name: 'made-by-hand', contained: false }]);
    await lab.pass(HOUR_MS);
    await lab.tick(manifest, { only: ['ingest'] });
    expect(linesOf(lab, 'sibling_found')).toHaveLength(1);
    expect(keyAt(lab, id)?.disabled).toBe(false);
  });

  it('are contained where the entry says so, and never the replacement', async () => {
    const { lab, manifest } = await minted(5, { entry: { onCompromise: { siblings: 'contain' } } });
    const value = await lab.fetchValue();
    const { id } = await lab.makeKeyByHand();
    const report = leakReport(byValue(value));
    const first = keyOf(await respond(lab, manifest, report));
    expect(first.siblings).toMatchObject([{ keyId: id, contained: true }]);
    expect(keyAt(lab, id)?.disabled).toBe(true);
    expect(keyOf(await respond(lab, manifest, report))).toEqual(first);
    await lab.tick(manifest, { only: ['ingest'] });
    await respond(lab, manifest, leakReport({ by: 'id', id }));
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });

  it('and before it are not', async () => {
    const lab = await Laboratory.open();
    await lab.makeKeyByHand();
    await lab.pass(DAY_MS);
    const manifest = lab.manifest();
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const report = leakReport(byValue(await lab.fetchValue()), { leakedAtMs: 0 });
    expect(keyOf(await respond(lab, manifest, report)).siblings).toEqual([]);
  });
});
