import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../shared/keys/duration.ts';
import { adopt } from '../../../shared/rotation/adopt.ts';
import { sha256Of } from '../../../shared/keys/value-hashes.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { CredentialLaboratory, WRITER } from '../../support/credentials.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { keyAt, makeKey, otherIdentity } from '../../support/leaked-keys.ts';
import { byValue, keyOf, leakReport, respond } from '../../support/leaks.ts';
import { manifestOf } from '../../support/manifests.ts';
import { minted } from '../../support/rotated.ts';

const CONTAIN = { onCompromise: { siblings: 'contain' } };

describe('a key that was made with the leaked one is seen,', () => {
  it('whatever its description says', async () => {
    const { lab, manifest } = await minted(5, { entry: CONTAIN });
    const value = await lab.fetchValue();
    const { id } = await makeKey(lab, { description: `Auto-generated for key x:${lab.currentKeyId()}` });
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(value))));
    expect(answer.siblings).toMatchObject([{ keyId: id, contained: true }]);
    expect(keyAt(lab, id)?.disabled).toBe(true);
  });

  it('though it bears the name of an entry of another identity', async () => {
    const lab = await Laboratory.open();
    const { id: serviceId } = await otherIdentity(lab);
    const other = lab.manifest({ name: 'agent', serviceId, grants: [] });
    const manifest = manifestOf('lab', [...lab.manifest(CONTAIN).keys, ...other.keys]);
    await lab.tick(manifest);
    await lab.pass(5 * DAY_MS);
    const { id } = await makeKey(lab, { name: 'keyrota-lab-agent-aaaaaaaaaaaa' });
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(await lab.fetchValue()))));
    expect(answer.siblings).toMatchObject([{ keyId: id, contained: true }]);
  });

  it('though the sender says that the leak is still to come', async () => {
    const { lab, manifest } = await minted(5);
    const { id } = await makeKey(lab, {});
    await lab.pass(HOUR_MS);
    const ahead = { leakedAtMs: lab.clock.nowMs() + DAY_MS };
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(await lab.fetchValue()), ahead)));
    expect(answer.siblings).toMatchObject([{ keyId: id }]);
  });
});

describe('a key that was taken in', () => {
  it('by the command is none', async () => {
    const { lab, manifest, key } = await minted(0, { entry: CONTAIN });
    const first = await makeKey(lab, {});
    await lab.pass(DAY_MS);
    const second = await makeKey(lab, {});
    for (const { id } of [first, second]) await lab.withPorts(manifest, (ports) => adopt(key, id, ports));
    await lab.pass(HOUR_MS);
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(first.value))));
    expect(answer).toMatchObject({ keyId: first.id, name: 'ingest', outcome: 'contained', siblings: [] });
    expect(keyAt(lab, second.id)?.disabled).toBe(false);
  });

  it('by the manifest is none', async () => {
    const { lab } = await minted(0);
    const { id } = await makeKey(lab, {});
    const manifest = lab.manifest({ ...CONTAIN, adopt: [id] });
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(await lab.fetchValue()))));
    expect(answer.siblings).toEqual([]);
    expect(keyAt(lab, id)?.disabled).toBe(false);
  });
});

describe('a report without the value', () => {
  it.each(['id', 'sha256'] as const)('by its %s has such keys told, and none disabled', async (by) => {
    const { lab, manifest } = await minted(5, { entry: CONTAIN });
    const { id } = await makeKey(lab, {});
    const hash = sha256Of(new SecretValue(await lab.fetchValue()));
    const credential = by === 'id' ? { by, id: lab.currentKeyId() } : { by, hash };
    const answer = keyOf(await respond(lab, manifest, leakReport(credential)));
    expect(answer).toMatchObject({ outcome: 'contained', siblings: [{ keyId: id, contained: false }] });
    expect(keyAt(lab, id)?.disabled).toBe(false);
  });
});

describe('the API key of a credential of ours on the identity of another entry', () => {
  it('is told, and not disabled', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const { serviceId, cloud } = lab;
    const crn = `crn:v1:bluemix:public:iam-identity::a/${cloud.account.id}::serviceid:${serviceId.id}`;
    const shared = world.manifest({ role: 'Writer', parameters: { serviceid_crn: crn }, secret: { type: 'kv' } });
    const ingest = lab.manifest(CONTAIN);
    await lab.tick(ingest);
    await lab.pass(DAY_MS);
    const manifest = manifestOf('lab', [...ingest.keys, ...shared.keys]);
    await lab.tick(manifest);
    const inner = world.keys.find(({ id }) => id === lab.currentKeyId('credential'))?.apiKeyId ?? '';
    expect(keyAt(lab, inner)?.iamId).toBe(serviceId.iamId);
    const answer = keyOf(await respond(lab, manifest, leakReport(byValue(await lab.fetchValue()))));
    expect(answer.siblings).toMatchObject([{ keyId: inner, contained: false }]);
    expect(keyAt(lab, inner)?.disabled).toBe(false);
  });
});
