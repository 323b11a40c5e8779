import { CredentialLaboratory, WRITER } from '../../support/credentials.ts';
import { describe, expect, it } from 'vitest';
import type { LeakedCredential } from '../../../shared/incidents/leak-report.ts';
import { HOUR_MS, MINUTE_MS } from '../../../shared/keys/duration.ts';
import { adopt } from '../../../shared/rotation/adopt.ts';
import { hashesOf } from '../../../shared/keys/value-hashes.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { byValue, codeOf, keyOf, keysOf, leakReport, respond } from '../../support/leaks.ts';
import { manifestOf } from '../../support/manifests.ts';
import { minted, rotated } from '../../support/rotated.ts';
import type { Scene } from '../../support/rotated.ts';

/** IAM dates to the minute, and a sender's clock may be a minute ahead: until then a key may be a replacement. */
const SURE_MS = 3 * MINUTE_MS;

const apiKeyCrn = ({ lab }: Scene, keyId: string, account = lab.cloud.account.id) =>
  `crn:v1:bluemix:public:iam-identity::a/${account}::apikey:${keyId}`;
const secretCrn = ({ lab }: Scene, account = lab.cloud.account.id) =>
  `crn:v1:bluemix:public:secrets-manager:us-south:a/${account}:${lab.cloud.account.secretsManager.guid}:secret:${lab.secret().id}`;
const nameOf = ({ lab }: Scene, keyId: string) => lab.keys.find(({ id }) => id === keyId)?.name ?? '';
const isOut = ({ lab }: Scene, keyId: string) => lab.keys.find(({ id }) => id === keyId)?.disabled;

/** Reports what was detected just now. */
const report = (
  { lab, manifest }: Scene,
  credential: LeakedCredential,
  detectedAtMs: number | null = lab.clock.nowMs(),
) => respond(lab, manifest, leakReport(credential, { detectedAtMs }));

describe('the current key is found', () => {
  const ways: { by: string; credential: (scene: Scene, keyId: string, value: string) => LeakedCredential }[] = [
    { by: 'its value', credential: (_, __, value) => byValue(value) },
    { by: 'its id', credential: (_, id) => ({ by: 'id', id }) },
    { by: 'its CRN', credential: (scene, id) => ({ by: 'crn', crn: apiKeyCrn(scene, id) }) },
    { by: 'its name', credential: (scene, id) => ({ by: 'name', name: nameOf(scene, id) }) },
    { by: 'its service ID', credential: ({ lab }) => ({ by: 'service-id', serviceId: lab.serviceId.id }) },
    { by: 'the IAM id of that', credential: ({ lab }) => ({ by: 'service-id', serviceId: lab.serviceId.iamId }) },
    { by: 'the CRN of its secret', credential: (scene) => ({ by: 'secret-crn', crn: secretCrn(scene) }) },
    { by: 'the id of its secret', credential: ({ lab }) => ({ by: 'secret-crn', crn: lab.secret().id }) },
    {
      by: 'its SHA-256',
      credential: (_, __, value) => ({ by: 'sha256', hash: hashesOf(new SecretValue(value)).sha256 }),
    },
    {
      by: 'the hash of GitGuardian',
      credential: (_, __, value) => ({ by: 'hmsl', hash: hashesOf(new SecretValue(value)).hmsl }),
    },
  ];

  it.each(ways)('by $by', async ({ credential }) => {
    const scene = await minted(5);
    const keyId = scene.lab.currentKeyId();
    const answer = await report(scene, credential(scene, keyId, await scene.lab.fetchValue()));
    expect(answer.status).toBe(202);
    expect(keyOf(answer)).toMatchObject({ keyId, name: 'ingest', outcome: 'contained' });
    expect(isOut(scene, keyId)).toBe(true);
  });
});

describe('a former key is found', () => {
  it.each(['sha256', 'hmsl'] as const)('by its %s, and the current one is not touched', async (by) => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const formerId = lab.currentKeyId();
    const former = new SecretValue(await lab.fetchValue());
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const answer = await report(scene, { by, hash: hashesOf(former)[by] });
    expect(keyOf(answer)).toMatchObject({ keyId: formerId, name: 'ingest', outcome: 'contained' });
    expect(isOut(scene, lab.currentKeyId())).toBe(false);
  });

  it('with the current one by the service ID, and by the secret', async () => {
    for (const by of ['service-id', 'secret-crn'] as const) {
      const scene = await rotated(1);
      const { lab, formerId } = scene;
      const credential: LeakedCredential =
        by === 'service-id' ? { by, serviceId: lab.serviceId.id } : { by, crn: secretCrn(scene) };
      const answer = await report(scene, credential);
      const found = keysOf(answer).map(({ keyId }) => keyId);
      expect(new Set(found)).toEqual(new Set([formerId, lab.currentKeyId()]));
      expect(lab.keys.every(({ disabled }) => disabled)).toBe(true);
      expect(keysOf(answer).every(({ marked }) => marked.version && marked.issuer)).toBe(true);
      const { reported_keys: counted } = lab.secret().customMetadata['keyrota'] as { reported_keys: object[] };
      expect(counted).toHaveLength(2);
    }
  });
});

describe('a key whose entry only the summaries know is found', () => {
  it('when it was adopted and bears another name', async () => {
    const { lab } = await minted(0);
    const legacy = await lab.makeKeyByHand();
    const manifest = lab.manifest({ adopt: [legacy.id] });
    await lab.tick(manifest, { only: ['ingest'] });
    await lab.pass(HOUR_MS);
    const answer = await respond(lab, manifest, leakReport(byValue(legacy.value)));
    expect(keyOf(answer)).toMatchObject({ keyId: legacy.id, name: 'ingest', outcome: 'contained' });
  });
});

describe('a key that only the versions of its entry know is found', () => {
  it('when the command took it in beside the current one', async () => {
    const { lab, manifest, key } = await minted(0);
    const legacy = await lab.makeKeyByHand();
    await lab.withPorts(manifest, (ports) => adopt(key, legacy.id, ports));
    await lab.pass(HOUR_MS);
    const answer = await respond(lab, manifest, leakReport(byValue(legacy.value)));
    expect(keyOf(answer)).toMatchObject({ keyId: legacy.id, name: 'ingest', outcome: 'contained' });
    await lab.tick(manifest, { only: ['ingest'] });
    expect(lab.keys.map(({ id }) => id)).toEqual([lab.currentKeyId()]);
  });
});

describe('a report that identifies no key of ours is refused, and nothing is touched:', () => {
  const cases: { what: string; credential: (scene: Scene) => LeakedCredential; code: string; without?: true }[] = [
    { what: 'an unknown value', credential: () => byValue('A'.repeat(44)), code: 'key_not_identified' },
    { what: 'an odd id', credential: () => ({ by: 'id', id: '../serviceids' }), code: 'key_not_identified' },
    { what: 'no CRN', credential: () => ({ by: 'crn', crn: 'crn:v1:x' }), code: 'key_not_identified' },
    {
      what: 'the CRN of another account',
      credential: (scene) => ({ by: 'crn', crn: apiKeyCrn(scene, scene.lab.currentKeyId(), 'f'.repeat(32)) }),
      code: 'foreign_account',
    },
    {
      what: 'a secret of another account',
      credential: (scene) => ({ by: 'secret-crn', crn: secretCrn(scene, 'f'.repeat(32)) }),
      code: 'foreign_account',
    },
    { what: 'an unknown name', credential: () => ({ by: 'name', name: 'nobody' }), code: 'key_not_identified' },
    {
      what: 'an unknown service ID',
      credential: () => ({ by: 'service-id', serviceId: 'ServiceId-00000000-0000-0000-0000-000000000000' }),
      code: 'key_not_identified',
    },
    {
      what: 'an unknown secret',
      credential: () => ({ by: 'secret-crn', crn: '00000000-0000-4000-8000-000000000000' }),
      code: 'key_not_identified',
    },
    { what: 'an unknown hash', credential: () => ({ by: 'sha256', hash: '0'.repeat(64) }), code: 'key_not_identified' },
    { what: 'an empty hash', credential: () => ({ by: 'hmsl', hash: '' }), code: 'key_not_identified' },
    {
      what: 'a name without a time',
      credential: (scene) => ({ by: 'name', name: nameOf(scene, scene.lab.currentKeyId()) }),
      code: 'detection_time_needed',
      without: true,
    },
    {
      what: 'a service ID without a time',
      credential: ({ lab }) => ({ by: 'service-id', serviceId: lab.serviceId.id }),
      code: 'detection_time_needed',
      without: true,
    },
    {
      what: 'a secret without a time',
      credential: (scene) => ({ by: 'secret-crn', crn: secretCrn(scene) }),
      code: 'detection_time_needed',
      without: true,
    },
  ];

  it.each(cases)('$what', async ({ credential, code, without }) => {
    const scene = await minted(5);
    const answer = await report(scene, credential(scene), without ? null : scene.lab.clock.nowMs());
    expect([answer.status, codeOf(answer)]).toEqual([422, code]);
    expect(scene.effects).toEqual([]);
  });

  it('a value whose key IAM says belongs to another account', async () => {
    const scene = await minted(5);
    const { lab, manifest, effects } = scene;
    const credential = byValue(await lab.fetchValue());
    const { settings } = lab.context(manifest);
    const foreign = { ...settings, accountId: 'e'.repeat(32) };
    const answer = await respond(lab, manifest, leakReport(credential), { settings: foreign });
    expect([answer.status, codeOf(answer)]).toEqual([422, 'foreign_account']);
    expect(effects).toEqual([]);
  });

  it('a time that lies ahead', async () => {
    const scene = await minted(5);
    const { lab } = scene;
    const answer = await report(scene, { by: 'service-id', serviceId: lab.serviceId.id }, lab.clock.nowMs() + HOUR_MS);
    expect(codeOf(answer)).toBe('detection_time_needed');
    expect(scene.effects).toEqual([]);
  });

  it('a name that several keys have', async () => {
    const scene = await minted(5);
    const { lab, effects } = scene;
    await lab.makeKeyByHand();
    await lab.makeKeyByHand();
    await lab.pass(SURE_MS);
    effects.length = 0;
    const answer = await report(scene, { by: 'name', name: 'made-by-hand' });
    expect([answer.status, codeOf(answer)]).toEqual([422, 'name_ambiguous']);
    expect(effects).toEqual([]);
  });

  it('a service ID where the manifest does not take them', async () => {
    const scene = await minted(5);
    const { lab, manifest, effects } = scene;
    const strict = { ...manifest, incidents: { ...manifest.incidents, byServiceId: false } };
    const answer = await report({ ...scene, manifest: strict }, { by: 'service-id', serviceId: lab.serviceId.id });
    expect(codeOf(answer)).toBe('service_ids_not_allowed');
    expect(effects).toEqual([]);
  });
});

describe('a report that comes again after the replacement', () => {
  const ways: { by: string; credential: (scene: Scene) => LeakedCredential }[] = [
    { by: 'its service ID', credential: ({ lab }) => ({ by: 'service-id', serviceId: lab.serviceId.id }) },
    { by: 'its secret', credential: (scene) => ({ by: 'secret-crn', crn: secretCrn(scene) }) },
    { by: 'its id', credential: ({ lab }) => ({ by: 'id', id: lab.currentKeyId() }) },
    { by: 'its name', credential: (scene) => ({ by: 'name', name: nameOf(scene, scene.lab.currentKeyId()) }) },
  ];

  it.each(ways)('by $by never hits the new key, however late it comes', async ({ credential }) => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const leaked = credential(scene);
    const detectedAtMs = lab.clock.nowMs();
    await report(scene, leaked, detectedAtMs);
    await lab.tick(manifest, { only: ['ingest'] });
    const value = await lab.fetchValue();
    for (const laterMs of [0, 1_000, MINUTE_MS, HOUR_MS, 30 * HOUR_MS]) {
      await lab.pass(laterMs);
      await report(scene, leaked, detectedAtMs);
      expect(await lab.works(value)).toBe(true);
    }
  });

  it('by its value neither, and says that the key is not known any more', async () => {
    const scene = await minted(5);
    const { lab, manifest } = scene;
    const leaked = byValue(await lab.fetchValue());
    await report(scene, leaked);
    await lab.tick(manifest, { only: ['ingest'] });
    await lab.pass(HOUR_MS);
    expect(codeOf(await report(scene, leaked))).toBe('key_not_identified');
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });
});

describe('a key that a report names', () => {
  it('and that exists no more is told to be gone', async () => {
    const scene = await minted(5);
    const { lab } = scene;
    const { id } = await lab.makeKeyByHand();
    await lab.admin.request('DELETE', `/v1/apikeys/${id}`);
    const answer = await report(scene, { by: 'id', id }, null);
    expect(answer.status).toBe(202);
    expect(keyOf(answer)).toMatchObject({ keyId: id, name: null, outcome: 'gone', poked: false });
  });

  it('of an entry that another manifest has is not ours', async () => {
    const scene = await minted(5);
    const { lab, effects } = scene;
    const answer = await report({ ...scene, manifest: manifestOf('lab', []) }, byValue(await lab.fetchValue()));
    expect(keyOf(answer)).toMatchObject({ name: null, outcome: 'reported' });
    expect(effects).toEqual([]);
  });
});

describe('a credential with several secrets', () => {
  it.each(['apikey', 'secret_access_key'])('is found by its %s', async (field) => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const manifest = world.manifest({ role: 'Writer', parameters: { HMAC: true }, evidence: { unused: false } });
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    const stored = JSON.parse(await lab.fetchStored('credential')) as Record<string, unknown>;
    const pair = stored['cos_hmac_keys'] as Record<string, unknown>;
    const answer = await respond(lab, manifest, leakReport(byValue(String(stored[field] ?? pair[field]))));
    expect(keyOf(answer)).toMatchObject({ name: 'credential', marked: { version: true } });
    await lab.tick(manifest, { only: ['credential'] });
    expect(world.holds(stored)).toBe(false);
    expect(world.holds(JSON.parse(await lab.fetchStored('credential')))).toBe(true);
  });
});
