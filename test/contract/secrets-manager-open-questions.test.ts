import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createKv,
  createSecret,
  guard,
  json,
  lockNames,
  MINUTE_MS,
  refusalOf,
  resultOf,
  rotate,
  rotatedOnce,
  startCloud,
  versionsOf,
} from './support/secrets-manager-cloud.ts';
import type { Cloud } from './support/secrets-manager-cloud.ts';

const inAnHour = { expiration_date: '2026-11-20T01:00:00Z' };
const nameOf = async ({ admin }: Cloud, id: string) => (await resultOf(admin.getSecretMetadata({ id }))).name;
const groupOf = async ({ admin }: Cloud, name: string) => (await resultOf(admin.createSecretGroup({ name }))).id;

describe('the name of a secret', () => {
  it('is unique in its group only, where the switch says so', async () => {
    await using cloud = await startCloud({ secretNameScope: 'group' });
    const groupId = await groupOf(cloud, 'payments');
    const first = await createSecret(cloud);
    const second = await createSecret(cloud, 'database', { secret_group_id: groupId });
    expect(await refusalOf(createSecret(cloud, 'database', { secret_group_id: groupId }))).toBe(409);
    const found = async (secretGroupName: string) =>
      (await resultOf(cloud.admin.getSecretByNameType({ secretGroupName, secretType: 'arbitrary', name: 'database' })))
        .id;
    expect([await found('default'), await found('payments')]).toEqual([first.id, second.id]);
    cloud.switches.secretNameScope = 'instance';
    const patch = { id: first.id, secretMetadataPatch: { labels: ['one'], name: 'database' } };
    expect((await cloud.admin.updateSecretMetadata(patch)).status, 'it is not renamed').toBe(200);
    expect(await refusalOf(createSecret(cloud))).toBe(409);
  });

  it('stays taken for a while after the secret is deleted, where the switch says so', async () => {
    await using cloud = await startCloud({ deletedNameTakenMs: MINUTE_MS });
    const { id } = await createSecret(cloud);
    const other = await createSecret(cloud, 'other');
    await cloud.admin.deleteSecret({ id });
    expect(await refusalOf(createSecret(cloud))).toBe(409);
    const rename = { id: other.id, secretMetadataPatch: { name: 'database' } };
    expect(await refusalOf(cloud.admin.updateSecretMetadata(rename))).toBe(409);
    expect((await createKv(cloud, 'database')).name, 'another type').toBe('database');
    await cloud.passMs(MINUTE_MS - 1);
    expect(await refusalOf(createSecret(cloud))).toBe(409);
    await cloud.passMs(1);
    expect((await createSecret(cloud)).name).toBe('database');
  });

  it('is free once its expiration has destroyed the secret, where the switch says so', async () => {
    await using cloud = await startCloud({ destroyedSecretKeepsName: false });
    const { id } = await createSecret(cloud, 'database', inAnHour);
    expect(await refusalOf(createSecret(cloud))).toBe(409);
    await cloud.passMs(60 * MINUTE_MS);
    const next = await createSecret(cloud);
    const named = { secretGroupName: 'default', secretType: 'arbitrary', name: 'database' };
    expect((await resultOf(cloud.admin.getSecretByNameType(named))).id).toBe(next.id);
    expect(await nameOf(cloud, id)).toBe('database');
  });
});

describe('a version', () => {
  it.each([404, 400] as const)('that is asked for as previous where there is none is %i', async (status) => {
    await using cloud = await startCloud({ absentPreviousStatus: status });
    const { id: secretId } = await createSecret(cloud);
    const version = { secretId, id: 'previous' };
    expect(await refusalOf(cloud.admin.getSecretVersion(version))).toBe(status);
    expect(await refusalOf(cloud.admin.getSecretVersionMetadata(version))).toBe(status);
    expect(await refusalOf(cloud.admin.createSecretVersionLocksBulk({ ...version, locks: guard() }))).toBe(status);
    expect(await refusalOf(cloud.admin.deleteSecretVersionLocksBulk(version))).toBe(status);
    const other = { secretId, id: '0b5571f7-21e6-42b7-91c5-3f5ac9793a46' };
    expect(await refusalOf(cloud.admin.getSecretVersion(other)), 'an unknown id').toBe(404);
  });

  it('whose payload is gone cannot be read, where the switch says so; its metadata can', async () => {
    await using cloud = await startCloud({ goneVersionReadStatus: 404 });
    const { secretId, firstId: id } = await rotatedOnce(cloud);
    expect((await cloud.admin.getSecretVersion({ secretId, id })).status).toBe(200);
    await rotate(cloud, secretId, 'v3');
    expect(await refusalOf(cloud.admin.getSecretVersion({ secretId, id }))).toBe(404);
    expect((await cloud.admin.getSecretVersionMetadata({ secretId, id })).status).toBe(200);
  });

  it('beyond the fiftieth is refused, where the switch says so', async () => {
    await using cloud = await startCloud({ versionsBeyondLimit: 'refused' });
    const { id } = await createSecret(cloud);
    for (let n = 2; n <= 50; n += 1) await rotate(cloud, id, `v${n}`);
    expect(await refusalOf(rotate(cloud, id, 'v51'))).toBe(400);
    expect((await resultOf(cloud.admin.getSecret({ id }))).payload).toBe('v50');
  });

  it('replaces the custom metadata of its secret or is merged into it, apart from what patches do', async () => {
    await using cloud = await startCloud({ customMetadataPatch: 'merge' });
    const { id } = await createSecret(cloud, 'database', { custom_metadata: { a: 1 } });
    const custom = async () => (await resultOf(cloud.admin.getSecretMetadata({ id }))).custom_metadata;
    await cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { custom_metadata: { b: 2 } } });
    expect(await custom()).toEqual({ a: 1, b: 2 });
    await rotate(cloud, id, 'v2', { custom_metadata: { c: 3 } });
    expect(await custom()).toEqual({ c: 3 });
    cloud.switches.rotationCustomMetadata = 'merge';
    await rotate(cloud, id, 'v3', { custom_metadata: { d: 4 } });
    expect(await custom()).toEqual({ c: 3, d: 4 });
    const text = 'x'.repeat(9_995);
    expect(await refusalOf(rotate(cloud, id, 'v4', { custom_metadata: { text: text.slice(0, 9_985) } }))).toBe(400);
    expect(await versionsOf(cloud, id), 'a refused one is none').toHaveLength(3);
  });

  it('is marked by a read of its metadata, where the switch says so', async () => {
    await using cloud = await startCloud({ metadataReadMarksDownloaded: true });
    const { secretId } = await rotatedOnce(cloud);
    const marks = async () => (await versionsOf(cloud, secretId)).map(({ downloaded }) => downloaded);
    expect(await marks(), 'lists mark nothing').toEqual([false, false]);
    const previous = await resultOf(cloud.admin.getSecretVersionMetadata({ secretId, id: 'previous' }));
    expect([previous.downloaded, await marks()]).toEqual([true, [true, false]]);
    expect(await resultOf(cloud.admin.getSecretMetadata({ id: secretId }))).toMatchObject({
      downloaded: true,
      retrieved_at: '2026-11-20T00:00:00.000Z',
    });
    expect(await marks()).toEqual([true, true]);
  });

  it('lets its metadata be patched by Managers only, where the switch says so', async () => {
    await using cloud = await startCloud({ versionMetadataNeedsManager: true });
    const { secretId } = await rotatedOnce(cloud);
    const write = () =>
      cloud
        .clientOf('worker')
        .updateSecretVersionMetadata({ secretId, id: 'current', versionCustomMetadata: { a: 1 } });
    cloud.rights.grant('worker', ['secret-version-metadata.update']);
    expect(await refusalOf(write())).toBe(403);
    cloud.rights.grant('worker', ['secret-version-metadata.update', 'secret-version-data.delete']);
    expect((await write()).status).toBe(200);
  });
});

describe('a lock', () => {
  it.each([400, 404, 409, 412] as const)('on a version without payload is %i', async (status) => {
    await using cloud = await startCloud({ lockWithoutPayloadStatus: status });
    const { secretId, firstId: id } = await rotatedOnce(cloud);
    await rotate(cloud, secretId, 'v3');
    expect(await refusalOf(cloud.admin.createSecretVersionLocksBulk({ secretId, id, locks: guard() }))).toBe(status);
  });

  it('on any version refuses to patch the metadata of the secret, where the switch says so; that of versions never', async () => {
    await using cloud = await startCloud({ lockRefusesSecretPatch: true });
    const { secretId: id } = await rotatedOnce(cloud);
    const patch = () => cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { labels: ['one'] } });
    await cloud.admin.createSecretVersionLocksBulk({ secretId: id, id: 'previous', locks: guard() });
    expect(await refusalOf(patch())).toBe(412);
    const version = { secretId: id, id: 'previous', versionCustomMetadata: { a: 1 } };
    expect((await cloud.admin.updateSecretVersionMetadata(version)).status).toBe(200);
    await cloud.admin.deleteSecretLocksBulk({ id });
    expect((await patch()).status).toBe(200);
  });

  it('that replaces one is new, where the switch says so', async () => {
    await using cloud = await startCloud({ replacedLockCreatedAt: 'new' });
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    await cloud.passMs(MINUTE_MS);
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    expect((await resultOf(cloud.admin.listSecretLocks({ id }))).locks).toMatchObject([
      { created_at: '2026-11-20T00:01:00.000Z', updated_at: '2026-11-20T00:01:00.000Z' },
    ]);
  });

  it('with a mode on previous undoes itself and wipes the version, where the switch says so', async () => {
    await using cloud = await startCloud({ lockModeOnPrevious: 'applied' });
    const { secretId } = await rotatedOnce(cloud);
    const previous = { secretId, id: 'previous', locks: guard() };
    await cloud.admin.createSecretVersionLocksBulk({ ...previous, mode: 'remove_previous' });
    expect(await lockNames(cloud, secretId, 'previous')).toEqual([]);
    expect((await versionsOf(cloud, secretId))[0]?.payload_available).toBe(true);
    await cloud.admin.createSecretVersionLocksBulk({ ...previous, mode: 'remove_previous_and_delete' });
    expect((await versionsOf(cloud, secretId))[0]?.payload_available).toBe(false);
  });
});

describe('stale reads', () => {
  it('show secrets and versions as they were before a young write, and lists show the present', async () => {
    await using cloud = await startCloud({ staleReadMs: 5_000 });
    const { id } = await createSecret(cloud);
    const named = { secretGroupName: 'default', secretType: 'arbitrary', name: 'database' };
    expect(await refusalOf(cloud.admin.getSecretMetadata({ id }))).toBe(404);
    expect(await refusalOf(cloud.admin.getSecret({ id }))).toBe(404);
    expect(await refusalOf(cloud.admin.getSecretByNameType(named))).toBe(404);
    expect(await refusalOf(cloud.admin.getSecretVersion({ secretId: id, id: 'current' }))).toBe(404);
    expect((await resultOf(cloud.admin.listSecrets())).total_count).toBe(1);
    await cloud.passMs(5_000);
    await rotate(cloud, id, 'v2', { custom_metadata: { a: 1 } });
    const shown = async () => {
      const version = { secretId: id, id: 'current' };
      const { versions_total: total, custom_metadata: custom } = await resultOf(cloud.admin.getSecretMetadata({ id }));
      const { id: versionId } = await resultOf(cloud.admin.getSecretVersionMetadata(version));
      return { total, custom, versionId, payload: (await resultOf(cloud.admin.getSecret({ id }))).payload };
    };
    const [first, second] = await versionsOf(cloud, id);
    expect(await shown()).toEqual({ total: 1, custom: {}, versionId: first?.id, payload: 'v1' });
    await cloud.passMs(5_000);
    expect(await shown()).toEqual({ total: 2, custom: { a: 1 }, versionId: second?.id, payload: 'v2' });
  });

  it('still show a secret that is deleted, and writes see the present', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    cloud.switches.staleReadMs = 5_000;
    await cloud.admin.deleteSecret({ id });
    expect((await resultOf(cloud.admin.getSecret({ id }))).payload).toBe('v1');
    expect(await refusalOf(rotate(cloud, id, 'v2'))).toBe(404);
    await cloud.passMs(5_000);
    expect(await refusalOf(cloud.admin.getSecret({ id }))).toBe(404);
  });

  it('mark what they read on the present, and take nothing of it back', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    cloud.switches.staleReadMs = 5_000;
    await rotate(cloud, id, 'v2');
    expect((await resultOf(cloud.admin.getSecret({ id }))).payload).toBe('v1');
    await cloud.passMs(5_000);
    expect(await versionsOf(cloud, id)).toMatchObject([
      { alias: 'previous', downloaded: true },
      { alias: 'current', downloaded: false },
    ]);
  });
});

describe('writes that are not atomic', () => {
  const raced = () => startCloud({ atomicWrites: false });
  const twice = (call: (n: number) => Promise<unknown>) => Promise.allSettled([call(1), call(2)]);
  const fulfilled = (outcomes: PromiseSettledResult<unknown>[]) =>
    outcomes.filter(({ status }) => status === 'fulfilled').length;

  /** Both calls in this process, so that they meet for sure. */
  const inProcess = async (cloud: Cloud, method: string, path: string, body?: object): Promise<Response> => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { ...json, authorization: 'Bearer admin' };
    const request = new Request(`${cloud.url}${path}`, { method, headers, ...text });
    return cloud.service.routes().fetch(request, { seen: { caller: null } });
  };

  it('let two rotations at once both through, past the lock that should stop the second', async () => {
    await using cloud = await raced();
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    const path = `/api/v2/secrets/${id}/versions`;
    const answers = await Promise.all(['a', 'b'].map((payload) => inProcess(cloud, 'POST', path, { payload })));
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect((await versionsOf(cloud, id)).map((version) => version.payload_available)).toEqual([false, true, true]);
  });

  it('let two secrets of one name be created, and one secret be deleted twice', async () => {
    await using cloud = await raced();
    const body = { secret_type: 'arbitrary', name: 'database', payload: 'v1' };
    const created = await Promise.all([1, 2].map(() => inProcess(cloud, 'POST', '/api/v2/secrets', body)));
    expect(created.map(({ status }) => status)).toEqual([201, 201]);
    const { secrets } = await resultOf(cloud.admin.listSecrets());
    expect(secrets.map(({ name }) => name)).toEqual(['database', 'database']);
    const path = `/api/v2/secrets/${secrets[0]?.id}`;
    const deleted = await Promise.all([1, 2].map(() => inProcess(cloud, 'DELETE', path)));
    expect(deleted.map(({ status }) => status)).toEqual([204, 204]);
    expect(cloud.audited.filter(({ action }) => action === 'secret.delete')).toHaveLength(1);
  });

  it('leave no secret in a group that is deleted meanwhile', async () => {
    await using cloud = await raced();
    const groupId = await groupOf(cloud, 'payments');
    const body = { secret_type: 'arbitrary', name: 'database', payload: 'v1', secret_group_id: groupId };
    const creating = inProcess(cloud, 'POST', '/api/v2/secrets', body);
    // Reading the body takes less turns than the write then lets pass.
    for (let turns = 0; turns < 5; turns += 1) await turn();
    const deleted = await inProcess(cloud, 'DELETE', `/api/v2/secret_groups/${groupId}`);
    expect([(await creating).status, deleted.status]).toEqual([404, 204]);
    expect((await resultOf(cloud.admin.listSecrets())).total_count).toBe(0);
    expect(cloud.audited).toEqual([]);
  });

  it('lose nothing that another write has done meanwhile', async () => {
    await using cloud = await raced();
    const { id } = await createSecret(cloud);
    const labels = cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { labels: ['one'] } });
    const locks = cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    expect(fulfilled(await Promise.allSettled([labels, locks]))).toBe(2);
    expect(await resultOf(cloud.admin.getSecretMetadata({ id }))).toMatchObject({ labels: ['one'], locks_total: 1 });
  });

  it('are not the default: one of two at once wins', async () => {
    await using cloud = await startCloud();
    expect(fulfilled(await twice(() => createSecret(cloud)))).toBe(1);
    const [secret] = (await resultOf(cloud.admin.listSecrets())).secrets;
    const id = secret?.id ?? '';
    const path = `/api/v2/secrets/${id}`;
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    const rotated = await Promise.all(
      ['a', 'b'].map((payload) => inProcess(cloud, 'POST', `${path}/versions`, { payload })),
    );
    expect(rotated.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 412]);
    await cloud.admin.deleteSecretLocksBulk({ id });
    const deleted = await Promise.all([1, 2].map(() => inProcess(cloud, 'DELETE', path)));
    expect(deleted.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404]);
  });
});
