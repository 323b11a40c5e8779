import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { FunctionalId } from '../support/functional-id.ts';
import { Laboratory } from '../support/laboratory.ts';
import { onlyKey, rotated } from '../support/rotated.ts';

const STORE = 'POST /api/v2/secrets/*/versions';
const CREATE = 'POST /api/v2/secrets';

/** A key of the log agent that a person made, and its entry in a laboratory. */
async function madeByHand({ minted = true, switches = {} }: { minted?: boolean; switches?: object } = {}) {
  const lab = await Laboratory.open(switches);
  const manifest = lab.manifest();
  if (minted) await lab.tick(manifest);
  const formerId = minted ? lab.currentKeyId() : null;
  const { id, value } = await lab.makeKeyByHand();
  await lab.pass(DAY_MS);
  const key = onlyKey(manifest);
  const bringIn = (text = value, of = manifest) =>
    lab.withPorts(of, (ports) => importKey(onlyKey(of), new SecretValue(text), ports));
  return { lab, manifest, key, formerId, id, value, bringIn };
}

const reasonOf = (lab: Laboratory) =>
  lab.secret().versions.find(({ alias }) => alias === 'current')?.customMetadata.keyrota?.reason;

describe('an imported key', () => {
  it('is current, and the former one retires like any superseded key', async () => {
    const { lab, manifest, formerId, id, value, bringIn } = await madeByHand();
    const effects = lab.recordEffects();
    expect(await bringIn()).toEqual({ keyId: id, supersededKeyId: formerId });
    expect([lab.currentKeyId(), await lab.fetchValue(), reasonOf(lab)]).toEqual([id, value, 'imported']);
    expect(effects).toEqual(['store']);
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(lab.keys.map((key) => key.id)).toEqual([id]);
    expect(effects.slice(1)).toEqual(['disable K1', 'delete K1']);
  });

  it('is rotated when it is due, and goes like any other', async () => {
    const { lab, manifest, id, bringIn } = await madeByHand();
    await bringIn();
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 31 * DAY_MS);
    expect(lab.currentKeyId()).not.toBe(id);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 12 * DAY_MS);
    expect(lab.keys.map((key) => key.id)).toEqual([lab.currentKeyId()]);
  });

  it('is the first version where there is no secret yet, and the entry goes on by itself', async () => {
    const { lab, manifest, id, bringIn } = await madeByHand({ minted: false });
    expect(await bringIn()).toEqual({ keyId: id, supersededKeyId: null });
    expect(lab.secret().labels).toEqual(['keyrota']);
    expect((await lab.tick(manifest, { only: ['ingest'] })).keys).toMatchObject([{ outcome: 'rest' }]);
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 31 * DAY_MS);
    expect(lab.currentKeyId()).not.toBe(id);
  });

  it('takes the place of a dead one, while the key before that is still guarded', async () => {
    const { lab, manifest, formerId } = await rotated(1);
    const { id, value } = await lab.makeKeyByHand();
    const deadId = lab.currentKeyId();
    await lab.admin.request('POST', `/v1/apikeys/${deadId}/disable`);
    const report = await lab.withPorts(manifest, (ports) =>
      importKey(onlyKey(manifest), new SecretValue(value), ports),
    );
    expect(report).toEqual({ keyId: id, supersededKeyId: deadId });
    await lab.fetchValue();
    await lab.passWithTicks(manifest, 15 * DAY_MS);
    expect(lab.keys.map((key) => key.id)).toEqual([id]);
    expect(lab.keys.some((key) => key.id === formerId)).toBe(false);
  });

  it('may be so fresh that IAM does not know it everywhere', async () => {
    const { lab, bringIn } = await madeByHand();
    const body = { name: 'fresh', iam_id: lab.serviceId.iamId, account_id: lab.cloud.account.id };
    const created = await lab.admin.request('POST', '/v1/apikeys', body);
    expect(await bringIn(String(created['apikey']))).toMatchObject({ keyId: created['id'] });
  });

  it('may be so fresh that only its own login can tell whose it is', async () => {
    const user = await FunctionalId.open();
    const admin = await user.as();
    const body = { name: 'fresh', iam_id: user.iamId, account_id: user.lab.cloud.account.id };
    const created = await admin.request('POST', '/v1/apikeys', body);
    expect(await user.import('login', String(created['apikey']))).toMatchObject({ keyId: created['id'] });
  });

  it('is stored where the store is confirmed with something odd', async () => {
    const { lab, id, bringIn } = await madeByHand();
    lab.confirmWith(/^POST \/api\/v2\/secrets\/[^/]+\/versions$/, '{}');
    expect(await bringIn()).toMatchObject({ keyId: id });
    expect(lab.currentKeyId()).toBe(id);
  });

  it('never shows in a log', async () => {
    const { lab, value, bringIn } = await madeByHand();
    await bringIn();
    expect(lab.logLines.some((line) => line.includes('"key_imported"'))).toBe(true);
    expect(lab.logLines.some((line) => line.includes(value))).toBe(false);
  });
});

describe('an import changes nothing and says why', () => {
  const refusal = (words: string) => ({
    code: 'import_refused',
    message: expect.stringContaining(words) as string,
    next: 'Nothing was changed.',
  });

  it('where nobody knows the value, or it is somebody else’s', async () => {
    const { lab, formerId, bringIn } = await madeByHand();
    const effects = lab.recordEffects();
    await expect(bringIn('x'.repeat(44))).rejects.toMatchObject(refusal('does not know this value'));
    await expect(bringIn(lab.cloud.iam.adminApiKey)).rejects.toMatchObject(refusal('somebody else'));
    expect([effects, lab.currentKeyId()]).toEqual([[], formerId]);
  });

  it('where the key does not log in', async () => {
    const { lab, id, formerId, bringIn } = await madeByHand();
    await lab.admin.request('POST', `/v1/apikeys/${id}/disable`);
    await expect(bringIn()).rejects.toMatchObject(refusal('does not log in'));
    expect(lab.currentKeyId()).toBe(formerId);
  });

  it('where the key is current already, or was', async () => {
    const { lab, manifest, formerId } = await rotated(1);
    const values = new Map(lab.keys.map(({ id, value = '' }) => [id, value]));
    const bringIn = (id: string) =>
      lab.withPorts(manifest, (ports) => importKey(onlyKey(manifest), new SecretValue(values.get(id) ?? ''), ports));
    await expect(bringIn(lab.currentKeyId())).rejects.toMatchObject(refusal('the current key already'));
    await expect(bringIn(formerId)).rejects.toMatchObject(refusal('keyrota undo'));
  });

  it('where the current version is not ours', async () => {
    const { lab, bringIn } = await madeByHand({ minted: false });
    const fields = { name: 'ingest', secret_type: 'arbitrary', secret_group_id: lab.groupId, payload: 'theirs' };
    await lab.admin.request('POST', CREATE.slice(5), fields);
    await expect(bringIn()).rejects.toMatchObject(refusal('keyrota adopt ingest KEY_ID'));
    expect(lab.secret().versions).toHaveLength(1);
  });

  it('where a consumer locks the former version', async () => {
    const { lab, manifest } = await rotated(1);
    const { value } = await lab.makeKeyByHand();
    const { id } = lab.secret();
    await lab.admin.request('POST', `/api/v2/secrets/${id}/versions/previous/locks_bulk`, {
      locks: [{ name: 'agent' }],
    });
    const bringIn = lab.withPorts(manifest, (ports) => importKey(onlyKey(manifest), new SecretValue(value), ports));
    await expect(bringIn).rejects.toMatchObject(refusal('consumers lock the former version: agent'));
  });

  it('where the entry is retired', async () => {
    const { lab, bringIn } = await madeByHand();
    await expect(bringIn(undefined, lab.manifest({ state: 'retired' }))).rejects.toMatchObject(refusal('retired'));
  });

  it.each([{ minted: true }, { minted: false }])(
    'where another run stores first, minted before: $minted',
    async ({ minted }) => {
      const { lab, manifest, key, id, value } = await madeByHand({ minted });
      const overtaken = lab.withPorts(manifest, (ports) => {
        const kind = ports.kindOf(key);
        const identify: typeof kind.identify = async (...asked) => {
          const found = await kind.identify(...asked);
          await lab.tick(manifest, { only: ['ingest'], force: true });
          return found;
        };
        return importKey(key, new SecretValue(value), { ...ports, kindOf: () => ({ ...kind, identify }) });
      });
      await expect(overtaken).rejects.toMatchObject(refusal('another run stored a key meanwhile'));
      expect(lab.currentKeyId()).not.toBe(id);
      expect(await lab.works(await lab.fetchValue())).toBe(true);
    },
  );

  it('where Keyrota may not store: a person is asked for the role', async () => {
    const { lab, formerId, bringIn } = await madeByHand();
    lab.fault({ match: STORE, status: 403 });
    await expect(bringIn()).rejects.toMatchObject({ name: 'PersonNeeded', code: 'role_missing' });
    lab.fault({ match: 'POST /api/v2/secrets/*/versions/*/locks_bulk', status: 403 });
    await expect(bringIn()).rejects.toMatchObject({ name: 'PersonNeeded', code: 'release_forbidden' });
    expect(lab.currentKeyId()).toBe(formerId);
  });

  it('where the secret’s group does not exist', async () => {
    const { lab, bringIn } = await madeByHand({ minted: false });
    const manifest = lab.manifest({ secret: { group: 'b49ad24d-81d4-5ebc-b9b9-b0937d1c84d5' } });
    lab.fault({ match: CREATE, status: 404 });
    await expect(bringIn(undefined, manifest)).rejects.toMatchObject({ code: 'secret_group_missing' });
  });
});

describe('an import whose store is not answered', () => {
  it.each([
    { minted: true, match: STORE, next: 'see which key is current' },
    { minted: false, match: CREATE, next: 'See whether secret ingest exists' },
  ])('says so, and that it may have been stored: $match', async ({ minted, match, next }) => {
    const { lab, id, manifest, bringIn } = await madeByHand({ minted });
    lab.fault({ match, drop: 'answer' });
    await expect(bringIn()).rejects.toMatchObject({
      code: 'import_unclear',
      effect: 'unknown',
      next: expect.stringContaining(next) as string,
    });
    expect(lab.currentKeyId()).toBe(id);
    await lab.passWithTicks(manifest, DAY_MS);
    expect(lab.currentKeyId()).toBe(id);
  });

  it('can be repeated where it was not stored', async () => {
    const { lab, id, bringIn } = await madeByHand();
    lab.fault({ match: STORE, drop: 'request' });
    await expect(bringIn()).rejects.toMatchObject({ code: 'import_unclear' });
    expect(await bringIn()).toMatchObject({ keyId: id });
    expect(lab.currentKeyId()).toBe(id);
  });
});

it('a secret of type kv takes an imported value into its field', async () => {
  const lab = await Laboratory.open();
  const { value } = await lab.makeKeyByHand();
  const manifest = lab.manifest({ secret: { group: lab.groupId, type: 'kv', field: 'token' } });
  await lab.withPorts(manifest, (ports) => importKey(onlyKey(manifest), new SecretValue(value), ports));
  expect(lab.secret().versions[0]?.payload).toEqual({ token: value });
});
