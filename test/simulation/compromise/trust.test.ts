import { describe, expect, it } from 'vitest';
import { ROLE } from '../../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS } from '../../../shared/keys/duration.ts';
import type { LeakedCredential } from '../../../shared/incidents/leak-report.ts';
import { CredentialLaboratory, WRITER } from '../../support/credentials.ts';
import { FunctionalId } from '../../support/functional-id.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { editKey, keyAt, makeKey, otherIdentity } from '../../support/leaked-keys.ts';
import { byValue, codeOf, keyOf, leakReport, respond } from '../../support/leaks.ts';
import { manifestOf } from '../../support/manifests.ts';
import { minted } from '../../support/rotated.ts';

const SECRETS = '* /api/v2/**';
const DOWN = { match: SECRETS, status: 503, times: 10_000 };
const UUID = '11111111-2222-4333-8444-555555555555';

const described = (crn: string | undefined) => `Auto-generated for key ${crn}`;
const resourceKeyCrn = ({ cloud }: Laboratory, id: string) =>
  `crn:v1:bluemix:public:cloud-object-storage:global:a/${cloud.account.id}:${UUID}:resource-key:${id}`;

/** The entry `ingest`, and one of the key that Keyrota runs on. */
const ownWorld = async () => {
  const lab = await Laboratory.open();
  const { id, iamId } = lab.keyrota;
  await lab.admin.grant(iamId, ROLE.operator, 'iam-identity', { resourceType: 'serviceid', resource: id });
  const own = { name: 'keyrota-own', serviceId: id, grants: [], runsKeyrota: true };
  const manifest = manifestOf('lab', [...lab.manifest(own).keys, ...lab.manifest().keys]);
  await lab.tick(manifest);
  await lab.pass(DAY_MS);
  return { lab, manifest };
};

const credentialWorld = async () => {
  const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
  const { lab } = world;
  const manifest = world.manifest({ role: 'Writer', secret: { type: 'kv' } });
  await lab.tick(manifest);
  await world.letDisable();
  const keyId = lab.currentKeyId('credential');
  const stored = JSON.parse(await lab.fetchStored('credential')) as { apikey: string };
  const inner = world.keys.find(({ id }) => id === keyId);
  return { world, lab, manifest, keyId, value: stored.apikey, innerId: inner?.apiKeyId ?? '', crn: inner?.crn };
};

describe('a key that only says whose it is', () => {
  it.each(['value', 'id'] as const)('has no key of IAM ended by its description, reported by %s', async (by) => {
    const { lab, manifest } = await minted(0);
    const id = lab.currentKeyId();
    const { iamId } = await otherIdentity(lab);
    for (const crn of [`x:${id}`, resourceKeyCrn(lab, id)]) {
      const liar = await makeKey(lab, { description: described(crn), iamId });
      await lab.pass(HOUR_MS);
      const credential: LeakedCredential = by === 'value' ? byValue(liar.value) : { by, id: liar.id };
      const answer = await respond(lab, manifest, leakReport(credential));
      expect(keyOf(answer)).toMatchObject({ keyId: liar.id, name: null, outcome: 'reported', poked: true });
    }
    await lab.tick(manifest, { only: ['ingest'] });
    expect(lab.currentKeyId()).toBe(id);
    expect(keyAt(lab, id)?.disabled).toBe(false);
  });

  it('has no credential ended that was made at the same time, when its value is shown', async () => {
    const { world, lab, manifest, keyId, crn } = await credentialWorld();
    const liar = await makeKey(lab, { description: described(crn) });
    const answer = await respond(lab, manifest, leakReport(byValue(liar.value)));
    expect(keyOf(answer)).toMatchObject({ keyId: liar.id, name: null, outcome: 'reported' });
    await lab.tick(manifest, { only: ['credential'] });
    expect(lab.currentKeyId('credential')).toBe(keyId);
    expect(world.keys.find(({ id }) => id === keyId)?.disabled).toBe(false);
  });

  it('has no credential ended that was made before, when it is named by its id', async () => {
    const { lab, manifest, keyId, crn } = await credentialWorld();
    await lab.pass(HOUR_MS);
    const liar = await makeKey(lab, { description: described(crn) });
    const answer = await respond(lab, manifest, leakReport({ by: 'id', id: liar.id }));
    expect(keyOf(answer)).toMatchObject({ keyId: liar.id, name: null, outcome: 'reported' });
    await lab.tick(manifest, { only: ['credential'] });
    expect(lab.currentKeyId('credential')).toBe(keyId);
  });

  it('has no keys of another identity disabled by the name of an entry', async () => {
    const lab = await Laboratory.open();
    const { iamId } = await otherIdentity(lab);
    const manifest = lab.manifest({ onCompromise: { siblings: 'contain' } });
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const liar = await makeKey(lab, { name: 'keyrota-lab-ingest-aaaaaaaaaaaa', iamId });
    await lab.pass(DAY_MS);
    const victim = await makeKey(lab, { iamId });
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(liar.value))));
    expect(answer).toMatchObject({ keyId: liar.id, name: null, outcome: 'reported' });
    expect(answer.siblings).toMatchObject([{ keyId: victim.id, contained: false }]);
    expect(keyAt(lab, victim.id)?.disabled).toBe(false);
  });
});

describe('a key that stands behind a credential', () => {
  it('is that of the credential, named by its own id', async () => {
    const { lab, manifest, keyId, innerId } = await credentialWorld();
    await lab.pass(HOUR_MS);
    const answer = await respond(lab, manifest, leakReport({ by: 'id', id: innerId }));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'credential', outcome: 'contained', marked: { version: true } });
    expect(keyAt(lab, innerId)?.disabled).toBe(true);
  });

  it('is disabled at once while Secrets Manager is down, and found to be that of the credential later', async () => {
    const { lab, manifest, keyId, innerId, value } = await credentialWorld();
    await lab.pass(HOUR_MS);
    lab.fault(DOWN);
    for (let times = 1; times <= 2; times += 1) {
      const answer = await respond(lab, manifest, leakReport(byValue(value)));
      expect(answer.status).toBe(503);
      expect(keyOf(answer)).toMatchObject({ keyId: innerId, name: null, outcome: 'failed' });
      expect(keyAt(lab, innerId)?.disabled).toBe(true);
    }
    lab.cloud.faults.clear();
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'credential', outcome: 'contained', marked: { version: true } });
  });
});

describe('a leaked key of an entry', () => {
  it.each([
    { what: 'renamed as the key that Keyrota runs on', name: 'keyrota-lab-keyrota-own-aaaaaaaaaaaa' },
    { what: 'described as that', own: true },
    { what: 'described as a credential', description: described('x') },
  ])('is contained and replaced, though it is $what', async ({ name, own, description }) => {
    const { lab, manifest } = await ownWorld();
    const value = await lab.fetchValue();
    const keyId = lab.currentKeyId();
    const ownId = lab.currentKeyId('keyrota-own');
    await editKey(lab, keyId, {
      ...(name !== undefined && { name }),
      description: own ? described(resourceKeyCrn(lab, ownId)) : (description ?? ''),
    });
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'ingest', outcome: 'contained', marked: { version: true } });
    expect(keyAt(lab, keyId)?.disabled).toBe(true);
    await lab.tick(manifest, { only: ['ingest'] });
    expect(lab.currentKeyId()).not.toBe(keyId);
    expect(keyAt(lab, ownId)?.disabled).toBe(false);
  });

  it('is contained whatever its description says, while Secrets Manager is down', async () => {
    const { lab, manifest } = await minted(5);
    const value = await lab.fetchValue();
    const keyId = lab.currentKeyId();
    await editKey(lab, keyId, { description: described(resourceKeyCrn(lab, UUID)) });
    lab.fault(DOWN);
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'ingest', outcome: 'contained' });
    expect(keyAt(lab, keyId)?.disabled).toBe(true);
  });

  it('is not taken for that of another entry of the same identity whose name it bears', async () => {
    const lab = await Laboratory.open();
    const manifest = manifestOf('lab', [...lab.manifest().keys, ...lab.manifest({ name: 'other' }).keys]);
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const keyId = lab.currentKeyId();
    const value = await lab.fetchValue();
    await editKey(lab, keyId, { name: 'keyrota-lab-other-aaaaaaaaaaaa' });
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'ingest', outcome: 'contained', marked: { version: true } });
  });
});

describe('a leaked key of an identity with several entries', () => {
  it.each([
    { how: 'is down', fault: DOWN },
    { how: 'hangs', fault: { match: SECRETS, delayMs: HOUR_MS, times: 10_000 } },
  ])('is contained by its value while Secrets Manager $how, in time', async ({ fault }) => {
    const lab = await Laboratory.open();
    const manifest = manifestOf('lab', [...lab.manifest().keys, ...lab.manifest({ name: 'other' }).keys]);
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const keyId = lab.currentKeyId();
    const value = await lab.fetchValue();
    lab.fault(fault);
    const beganMs = lab.clock.nowMs();
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(lab.clock.nowMs() - beganMs).toBeLessThanOrEqual(8_000);
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'ingest', outcome: 'contained' });
    expect(keyAt(lab, keyId)?.disabled).toBe(true);
  });

  it('and that a user holds is found by its own id, whatever its name and description say', async () => {
    const { lab, manifest } = await FunctionalId.withLogin({ isAdministrator: true });
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const keyId = lab.currentKeyId('pipeline');
    const value = await lab.fetchValue('pipeline');
    await editKey(lab, keyId, { name: 'keyrota-lab-login-aaaaaaaaaaaa', description: described('x') });
    const answer = await respond(lab, manifest, leakReport(byValue(value)));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'pipeline', outcome: 'contained', marked: { version: true } });
  });
});

describe('the key that Keyrota is logged in with', () => {
  it.each(['\n', '\r\n', ' ', '\t'])('stays as it is when its value is reported with %j behind it', async (end) => {
    const { lab, manifest } = await ownWorld();
    const { settings } = lab.context(manifest);
    const { login } = settings;
    const value = login.kind === 'api-key' ? login.apiKey.reveal() : '';
    const keyId = lab.state.iam.apiKeys.find((one) => one.value === value)?.id ?? '';
    const unmanaged = lab.manifest();
    const wide = { ...unmanaged, incidents: { ...unmanaged.incidents, containUnmanaged: true } };
    for (const odd of [`${value}${end}`, `${end}${value}`]) {
      const answer = await respond(lab, wide, leakReport(byValue(odd)));
      expect(keyOf(answer)).toMatchObject({ keyId, outcome: 'reported' });
      expect(keyAt(lab, keyId)?.disabled).toBe(false);
    }
  });
});

describe('a value that no header can carry', () => {
  it.each(['pässwörd-pässwörd', 'line one\nline two', '秘密の値秘密の値秘密の値', 'nul\u0000character'])(
    'is looked up by its hash alone: %j',
    async (value) => {
      const { lab, manifest } = await minted(5);
      const from = lab.cloud.calls.total + 1;
      const answer = await respond(lab, manifest, leakReport(byValue(value)));
      expect([answer.status, codeOf(answer)]).toEqual([422, 'key_not_identified']);
      expect(lab.cloud.calls.list(from).filter(({ path }) => path.startsWith('/v1/apikeys'))).toEqual([]);
    },
  );

  it('is that of an entry with a line end behind it', async () => {
    const { lab, manifest } = await minted(5);
    const answer = await respond(lab, manifest, leakReport(byValue(`${await lab.fetchValue()}\r\n`)));
    expect(keyOf(answer)).toMatchObject({ keyId: lab.currentKeyId(), name: 'ingest', outcome: 'contained' });
  });
});

describe('a name', () => {
  it('that many keys were given since the detection still means the one from before', async () => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    const name = keyAt(lab, keyId)?.name ?? '';
    const detectedAtMs = lab.clock.nowMs();
    await lab.pass(HOUR_MS);
    for (let identities = 1; identities <= 3; identities += 1) {
      const { iamId } = await otherIdentity(lab, `other-${identities}`);
      for (let keys = 1; keys <= 8; keys += 1) await makeKey(lab, { name, iamId });
    }
    const answer = await respond(lab, manifest, leakReport({ by: 'name', name }, { detectedAtMs }));
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'ingest', outcome: 'contained' });
  });
});
