import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../shared/keys/duration.ts';
import { CredentialLaboratory, WRITER } from '../../support/credentials.ts';
import { byValue, codeOf, keyOf, leakReport, respond } from '../../support/leaks.ts';
import { minted } from '../../support/rotated.ts';

describe('a leaked service credential that an entry takes in', () => {
  /** A credential that people made, and the entry that takes it in. */
  async function adopting() {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const made = await world.makeByHand();
    const manifest = world.manifest({ role: 'Writer', secret: { type: 'kv' }, adopt: [made.id] });
    const { apiKeyId } = world.keys.find(({ id }) => id === made.id) ?? {};
    return { world, lab: world.lab, made, manifest, apiKeyId: apiKeyId ?? '' };
  }

  it('is handed over by its id, and deleted at the next tick', async () => {
    const { world, lab, made, manifest } = await adopting();
    await lab.tick(manifest);
    await lab.pass(MINUTE_MS);
    const answer = await respond(lab, manifest, leakReport({ by: 'id', id: made.id }));
    expect(answer.status).toBe(202);
    expect(keyOf(answer)).toMatchObject({ keyId: made.id, name: 'credential', outcome: 'handed-over', poked: true });
    await lab.tick(manifest, { only: ['credential'] });
    expect(world.keys.map(({ id }) => id)).toEqual([lab.currentKeyId('credential')]);
  });

  it('is for people to see to where a key is shown that only says that it stands behind it', async () => {
    const { lab, made, manifest, apiKeyId } = await adopting();
    await lab.tick(manifest);
    await lab.pass(MINUTE_MS);
    for (const credential of [byValue(String(made.credentials['apikey'])), { by: 'id' as const, id: apiKeyId }]) {
      const answer = await respond(lab, manifest, leakReport(credential));
      expect(keyOf(answer)).toMatchObject({ keyId: apiKeyId, name: null, outcome: 'reported' });
    }
  });

  it('cannot be counted while there is no secret where it could be written down, and is taken once there is', async () => {
    const { lab, made, manifest } = await adopting();
    const report = leakReport({ by: 'id', id: made.id });
    const first = await respond(lab, manifest, report);
    expect([first.status, codeOf(first)]).toEqual([422, 'value_needed']);
    await lab.tick(manifest);
    await lab.pass(MINUTE_MS);
    const dry = await respond(lab, manifest, { ...report, dryRun: true });
    expect([dry.status, keyOf(dry).outcome]).toEqual([202, 'dry-run']);
    expect((await respond(lab, manifest, report)).status).toBe(202);
  });

  it('is not ended by an API key that was made later, and says that it stands behind it', async () => {
    const { world, lab, made, manifest } = await adopting();
    await lab.tick(manifest);
    await lab.pass(10 * MINUTE_MS);
    const description = `Auto-generated for key ${made.crn}`;
    const body = { name: 'liar', description, iam_id: lab.serviceId.iamId, account_id: lab.cloud.account.id };
    const { apikey: value } = await lab.admin.request('POST', '/v1/apikeys', body);
    await lab.pass(MINUTE_MS);
    await respond(lab, manifest, leakReport(byValue(String(value))));
    await lab.tick(manifest, { only: ['credential'] });
    expect(world.keys.map(({ id }) => id)).toContain(made.id);
  });
});

describe('what is written down of a leak', () => {
  it.each([
    { where: 'on its version', path: /\/versions\/[^/]+\/metadata$/, field: 'version_custom_metadata' },
    { where: 'in the summary', path: /\/secrets\/[^/]+\/metadata$/, field: 'custom_metadata' },
  ])('$where is written again where another run has overwritten it with what it read before', async (at) => {
    const { lab, manifest } = await minted(5);
    const keyId = lab.currentKeyId();
    const before =
      at.field === 'custom_metadata' ? lab.secret().customMetadata : lab.secret().versions.at(-1)?.customMetadata;
    const stale = JSON.stringify({ [at.field]: before });
    const handle = lab.cloud.handle.bind(lab.cloud);
    let overwrites = 0;
    lab.cloud.handle = async (request) => {
      const isHit = request.method === 'PATCH' && at.path.test(new URL(request.url).pathname) && overwrites === 0;
      const again = isHit && new Request(request.url, { method: 'PATCH', headers: request.headers, body: stale });
      const response = await handle(request);
      if (again) {
        overwrites += 1;
        if (!(await handle(again)).ok) throw new Error('it was not overwritten');
      }
      return response;
    };
    const answer = await respond(lab, manifest, leakReport({ by: 'id', id: keyId }));
    expect([overwrites, answer.status]).toEqual([1, 202]);
    const { customMetadata, versions } = lab.secret();
    expect(versions.at(-1)?.customMetadata.keyrota).toMatchObject({ contained_at: keyOf(answer).containedAt });
    expect(customMetadata['keyrota']).toMatchObject({
      compromised_keys: [{ key_id: keyId }],
      reported_keys: [{ key_id: keyId }],
    });
  });
});
