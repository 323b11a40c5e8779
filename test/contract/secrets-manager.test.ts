import { describe, expect, it, vi } from 'vitest';
import { SecretsManagerV2 } from '../../shared/clients/secrets-manager.ts';
import {
  GUID,
  MINUTE_MS,
  START_MS,
  UNKNOWN_ID,
  createKv,
  createSecret,
  failureOf,
  guard,
  json,
  lockNames,
  refusalOf,
  resultOf,
  rotate,
  rotatedOnce,
  startCloud,
  versionsOf,
} from './support/secrets-manager-cloud.ts';

const numbered = (n: number): string =>
  JSON.stringify({ secret_type: 'arbitrary', name: `secret-${n}`, payload: 'x', custom_metadata: { n } });
describe('the client', () => {
  it('rejects unknown and missing parameters without sending a request', async () => {
    await using cloud = await startCloud();
    const unknown = await failureOf(cloud.admin.getSecret({ id: UNKNOWN_ID, verbose: true } as { id: string }));
    const missing = await failureOf(cloud.admin.getSecretVersion({ secretId: UNKNOWN_ID, id: '' }));
    const noLocks = await failureOf(cloud.admin.createSecretLocksBulk({ id: 'x' } as never));
    const noBody = await failureOf(cloud.admin.createSecret(undefined as never));
    expect(unknown.message).toBe('Parameter validation errors:\n  Found invalid parameters: verbose');
    expect(missing.message).toBe('Parameter validation errors:\n  Missing required parameters: id');
    expect(noLocks.message).toContain('locks');
    expect(noBody.message).toContain('secretPrototype');
    expect(cloud.requests).toEqual([]);
  });

  it('sends JSON with POST and a merge patch with PATCH, and asks for JSON wherever there is a body', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    const post = cloud.lastRequest();
    expect(post?.headers.get('content-type')).toBe('application/json');
    expect(post?.headers.get('accept')).toBe('application/json');
    expect(post?.headers.get('accept-encoding')).toBe('gzip');
    await cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { labels: ['one'], expiration_date: null } });
    const patch = cloud.lastRequest();
    expect(patch?.headers.get('content-type')).toBe('application/merge-patch+json');
    expect(patch?.body).toBe('{"labels":["one"],"expiration_date":null}');
    await cloud.admin.updateSecretVersionMetadata({ secretId: id, id: 'current', versionCustomMetadata: { op: '1' } });
    expect(cloud.lastRequest()?.headers.get('content-type')).toBe('application/merge-patch+json');
    expect(cloud.lastRequest()?.body).toBe('{"version_custom_metadata":{"op":"1"}}');
    await cloud.admin.deleteSecret({ id });
    expect(cloud.lastRequest()?.headers.get('accept')).not.toBe('application/json');
    expect(cloud.lastRequest()?.headers.get('content-type')).toBeNull();
  });

  it('joins the values of a query parameter with commas and leaves out what is undefined', async () => {
    await using cloud = await startCloud();
    await cloud.admin.listSecrets({
      limit: 5,
      groups: ['default', UNKNOWN_ID],
      secretTypes: ['arbitrary', 'kv'],
      matchAllLabels: ['a b', 'cd'],
    });
    expect(cloud.lastRequest()?.path).toBe(
      `/api/v2/secrets?limit=5&groups=default%2C${UNKNOWN_ID}&secret_types=arbitrary%2Ckv&match_all_labels=a%20b%2Ccd`,
    );
    const { id } = await createSecret(cloud);
    await cloud.admin.deleteSecretLocksBulk({ id, name: ['one', 'two'] });
    expect(cloud.lastRequest()?.path).toBe(`/api/v2/secrets/${id}/locks_bulk?name=one%2Ctwo`);
    await cloud.admin.listSecretGroups();
    expect(cloud.lastRequest()?.path).toBe('/api/v2/secret_groups');
    await cloud.admin.deleteSecret({ id, forceDelete: false });
    expect(cloud.lastRequest()?.path).toBe(`/api/v2/secrets/${id}?force_delete=false`);
  });

  it('encodes what it puts into a path', async () => {
    await using cloud = await startCloud();
    const call = cloud.admin.getSecretByNameType({ secretGroupName: 'a/b c', secretType: 'kv', name: 'x?y' });
    expect(await refusalOf(call)).toBe(404);
    expect(cloud.lastRequest()?.path).toBe('/api/v2/secret_groups/a%2Fb%20c/secret_types/kv/secrets/x%3Fy');
  });

  it("lets the caller's headers win over those of the client, and these over the defaults", async () => {
    await using cloud = await startCloud();
    cloud.admin.setDefaultHeaders({ 'X-Run': 'default', 'X-Other': 'kept' });
    await cloud.admin.listSecretGroups({ headers: { 'X-Run': 'mine', Accept: 'application/json; mine' } });
    const headers = cloud.lastRequest()?.headers;
    expect([headers?.get('x-run'), headers?.get('x-other')]).toEqual(['mine', 'kept']);
    expect(headers?.get('accept')).toBe('application/json; mine');
  });

  it('ends a call when its signal aborts', async () => {
    await using cloud = await startCloud();
    const signal = AbortSignal.abort();
    const failure = await failureOf(cloud.admin.listSecrets({ signal }));
    expect(failure.status).toBeUndefined();
    expect(cloud.requests).toEqual([]);
  });

  it('resolves to result, status, statusText and headers', async () => {
    await using cloud = await startCloud();
    const answer = await cloud.admin.listSecretGroups();
    expect(Object.keys(answer).toSorted()).toEqual(['headers', 'result', 'status', 'statusText']);
    expect([answer.status, answer.statusText]).toEqual([200, 'OK']);
    expect(answer.headers['content-type']).toContain('application/json');
  });

  it('does not repeat a refused call', async () => {
    await using cloud = await startCloud();
    expect(await refusalOf(cloud.admin.getSecret({ id: UNKNOWN_ID }))).toBe(404);
    expect(cloud.requests).toHaveLength(1);
  });

  it('builds the URL of an instance, and reads its configuration only through newInstance', () => {
    const variables = new Map([
      ['instance_id', 'guid'],
      ['region', 'eu-de'],
    ]);
    const url = 'https://guid.eu-de.secrets-manager.appdomain.cloud';
    expect(SecretsManagerV2.constructServiceUrl(variables)).toBe(url);
    expect(SecretsManagerV2.constructServiceUrl(null)).toBe(SecretsManagerV2.DEFAULT_SERVICE_URL);
    expect(() => SecretsManagerV2.constructServiceUrl(new Map([['zone', 'x']]))).toThrow(/zone/);
    expect(SecretsManagerV2.DEFAULT_SERVICE_NAME).toBe('secrets_manager');
    expect(() => new SecretsManagerV2({})).toThrow(/Authenticator/);
  });

  it('takes URL and authenticator from the environment, and lets options win', async () => {
    await using cloud = await startCloud();
    process.env['SECRETS_MANAGER_URL'] = cloud.url;
    process.env['SECRETS_MANAGER_AUTH_TYPE'] = 'bearerToken';
    process.env['SECRETS_MANAGER_BEARER_TOKEN'] = 'admin';
    try {
      const answer = await SecretsManagerV2.newInstance().listSecretGroups();
      expect(answer.status).toBe(200);
      const elsewhere = SecretsManagerV2.newInstance({ serviceUrl: 'http://127.0.0.1:1' });
      expect((await failureOf(elsewhere.listSecretGroups())).status).toBeUndefined();
    } finally {
      for (const name of ['URL', 'AUTH_TYPE', 'BEARER_TOKEN']) delete process.env[`SECRETS_MANAGER_${name}`];
    }
  });

  it('may compress what it sends', async () => {
    await using cloud = await startCloud();
    cloud.admin.setEnableGzipCompression(true);
    const { payload } = await createSecret(cloud);
    expect(cloud.lastRequest()?.headers.get('content-encoding')).toBe('gzip');
    expect(payload).toBe('v1');
  });
});

describe('access', () => {
  it('answers 401 without a valid token', async () => {
    await using cloud = await startCloud();
    const failure = await failureOf(cloud.clientOf('stranger').listSecrets());
    expect(failure.status).toBe(401);
    expect(failure.result.status_code).toBe(401);
    expect(failure.result.errors[0]?.code).toBe('unauthorized');
    expect((await fetch(`${cloud.url}/api/v2/secrets`)).status).toBe(401);
  });

  it('notes who called, for the call log', async () => {
    await using cloud = await startCloud();
    cloud.rights.grant('reader', []);
    await failureOf(cloud.clientOf('reader').listSecrets());
    expect(cloud.lastRequest()?.caller).toBe('reader');
  });

  it('answers 403 for each operation whose action is not granted, and lets through the one that is', async () => {
    await using cloud = await startCloud();
    const { secretId: id, secretId } = await rotatedOnce(cloud);
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const client = cloud.clientOf('worker');
    const lock = { locks: [{ name: 'guard' }] };
    const version = { secretId, id: 'current' };
    const named = { secretGroupName: 'default', secretType: 'arbitrary', name: 'database' };
    const prototype = { secret_type: 'arbitrary', name: 'new-one', payload: 'x' } as const;
    const calls: [string, () => Promise<unknown>][] = [
      ['secret-group.create', () => client.createSecretGroup({ name: 'other' })],
      ['secret-groups.list', () => client.listSecretGroups()],
      ['secret-group.read', () => client.getSecretGroup({ id: group.id })],
      ['secret.create', () => client.createSecret({ secretPrototype: prototype })],
      ['secrets.list', () => client.listSecrets()],
      ['secret.read', () => client.getSecret({ id })],
      ['secret.read', () => client.getSecretByNameType(named)],
      ['secret-metadata.read', () => client.getSecretMetadata({ id })],
      ['secret-metadata.update', () => client.updateSecretMetadata({ id, secretMetadataPatch: {} })],
      [
        'secret-version.create',
        () => client.createSecretVersion({ secretId, secretVersionPrototype: { payload: 'x' } }),
      ],
      ['secret-versions.list', () => client.listSecretVersions({ secretId })],
      ['secret-version.read', () => client.getSecretVersion(version)],
      ['secret-version-metadata.read', () => client.getSecretVersionMetadata(version)],
      [
        'secret-version-metadata.update',
        () => client.updateSecretVersionMetadata({ ...version, versionCustomMetadata: {} }),
      ],
      ['secret-locks.create', () => client.createSecretLocksBulk({ id, ...lock })],
      ['secret-version-locks.create', () => client.createSecretVersionLocksBulk({ ...version, ...lock })],
      ['secrets-locks.list', () => client.listSecretLocks({ id })],
      ['secret-version-locks.list', () => client.listSecretVersionLocks(version)],
      ['secrets-locks.list', () => client.listSecretsLocks()],
      ['secret-locks.delete', () => client.deleteSecretLocksBulk({ id })],
      ['secret-version-locks.delete', () => client.deleteSecretVersionLocksBulk(version)],
      ['secret.delete', () => client.deleteSecret({ id })],
    ];
    for (const [action, call] of calls) {
      cloud.rights.grant('worker', []);
      expect({ action, status: await refusalOf(call()) }).toEqual({ action, status: 403 });
      cloud.rights.grant('worker', [action]);
      await call();
    }
  });

  it('limits a right to its secret group', async () => {
    await using cloud = await startCloud();
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const inside = await createSecret(cloud, 'inside', { secret_group_id: group.id });
    const outside = await createSecret(cloud, 'outside');
    await cloud.admin.createSecretLocksBulk({ id: inside.id, locks: [{ name: 'guard' }] });
    await cloud.admin.createSecretLocksBulk({ id: outside.id, locks: [{ name: 'guard' }] });
    const actions = ['secret.read', 'secrets.list', 'secrets-locks.list'];
    cloud.rights.grant('tenant', actions, group.id);
    const tenant = cloud.clientOf('tenant');
    expect((await resultOf(tenant.getSecret({ id: inside.id }))).payload).toBe('v1');
    expect(await refusalOf(tenant.getSecret({ id: outside.id }))).toBe(403);
    const listed = await resultOf(tenant.listSecrets());
    expect(listed.secrets.map(({ name }) => name)).toEqual(['inside']);
    expect(listed.total_count).toBe(1);
    expect((await resultOf(tenant.listSecretsLocks())).secrets_locks.map((locks) => locks.secret_name)).toEqual([
      'inside',
    ]);
  });

  it('to secret groups ends with the group that it is limited to', async () => {
    await using cloud = await startCloud();
    const { id } = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const actions = ['create', 'read', 'update', 'delete'].map((verb) => `secret-group.${verb}`);
    cloud.rights.grant('tenant', ['secret-groups.list', ...actions], id);
    const tenant = cloud.clientOf('tenant');
    expect(await resultOf(tenant.listSecretGroups())).toMatchObject({ secret_groups: [{ id }], total_count: 1 });
    expect((await resultOf(tenant.getSecretGroup({ id }))).name).toBe('payments');
    const asTenant = { authorization: 'Bearer tenant', 'content-type': 'application/merge-patch+json' };
    const statusOf = async (method: string, group: string, body?: string) =>
      (await cloud.raw(method, `/api/v2/secret_groups/${group}`, asTenant, body)).status;
    expect(await statusOf('PATCH', id, '{"name":"pay"}')).toBe(200);
    for (const other of ['default', UNKNOWN_ID]) {
      expect(await refusalOf(tenant.getSecretGroup({ id: other }))).toBe(403);
      expect([await statusOf('PATCH', other, '{"name":"pay"}'), await statusOf('DELETE', other)]).toEqual([403, 403]);
    }
    expect(await refusalOf(tenant.createSecretGroup({ name: 'other' }))).toBe(403);
    expect(await statusOf('DELETE', id)).toBe(204);
  });

  it('asks for the right to delete locks with a lock mode only when the switch says so', async () => {
    await using cloud = await startCloud();
    const { secretId, secondId: id } = await rotatedOnce(cloud);
    const params = { secretId, id, locks: [{ name: 'guard' }], mode: 'remove_previous' as const };
    cloud.rights.grant('writer', ['secret-version-locks.create']);
    const writer = cloud.clientOf('writer');
    expect((await writer.createSecretVersionLocksBulk(params)).status).toBe(201);
    cloud.switches.removePreviousNeedsLockDelete = true;
    expect(await refusalOf(writer.createSecretVersionLocksBulk(params))).toBe(403);
    const { mode: _, ...withoutMode } = params;
    expect((await writer.createSecretVersionLocksBulk(withoutMode)).status).toBe(201);
    cloud.rights.grant('writer', ['secret-version-locks.create', 'secret-version-locks.delete']);
    expect((await writer.createSecretVersionLocksBulk(params)).status).toBe(201);
  });
});

describe('errors', () => {
  it('names the invalid parameter in the documented shape', async () => {
    await using cloud = await startCloud();
    const failure = await failureOf(createSecret(cloud, 'x'));
    expect(failure.status).toBe(400);
    expect(failure.message).toMatch(/^Request validation error: Invalid parameter 'name'/);
    expect(failure.result).toMatchObject({
      errors: [{ target: { type: 'field', name: 'name' } }],
      trace: expect.any(String) as string,
      status_code: 400,
    });
  });

  it('refuses unknown fields, other content types and bodies that are not JSON', async () => {
    await using cloud = await startCloud();
    const unknown = await failureOf(createSecret(cloud, 'database', { colour: 'red' }));
    expect([unknown.status, unknown.message]).toEqual([
      400,
      "Request validation error: Invalid parameter 'colour': is not known",
    ]);
    const { id } = await createSecret(cloud);
    const patch = await cloud.raw('PATCH', `/api/v2/secrets/${id}/metadata`, json, '{}');
    expect(patch.status).toBe(400);
    const text = await cloud.raw('POST', '/api/v2/secrets', { 'content-type': 'text/plain' }, '{}');
    expect(text.status).toBe(400);
    expect((await cloud.raw('GET', '/api/v2/secrets?page=2')).status).toBe(400);
    expect((await cloud.raw('GET', '/api/v2/secrets?limit=5&limit=6')).status).toBe(400);
  });

  it('refuses what is nested too deep, wherever it is, and nothing breaks', async () => {
    await using cloud = await startCloud();
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    const kv = (data: string) => `{"secret_type":"kv","name":"settings","data":{"a":${data}}}`;
    const create = (body: string) => cloud.raw('POST', '/api/v2/secrets', json, body);
    for (const levels of [999, 20_000]) expect((await create(kv(nested(levels)))).status).toBe(400);
    const { id } = await createSecret(cloud);
    const merge = { 'content-type': 'application/merge-patch+json' };
    const body = `{"custom_metadata":{"a":${nested(4_000)}}}`;
    expect((await cloud.raw('PATCH', `/api/v2/secrets/${id}/metadata`, merge, body)).status).toBe(400);
    expect((await create(kv(nested(998)))).status).toBe(201);
  });

  it('never quotes what it was sent', async () => {
    await using cloud = await startCloud();
    const body = '{"secret_type":"arbitrary","name":"db","payload":"hush-hush"';
    const broken = await cloud.raw('POST', '/api/v2/secrets', json, body);
    expect(broken.status).toBe(400);
    expect(await broken.text()).not.toContain('hush');
    const wrong = await cloud.raw('POST', '/api/v2/secrets', json, `${body.replace('"name":"db"', '"name":"hush!"')}}`);
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).not.toContain('hush');
  });

  it('says 501, also on standard error, for a type of secret that it has not, and 400 for one that nobody has', async () => {
    await using cloud = await startCloud();
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const named = { secretGroupName: 'default', name: 'db' };
    const calls: ((type: string) => Promise<unknown>)[] = [
      (type) => createSecret(cloud, 'db', { secret_type: type }),
      (type) => cloud.admin.getSecretByNameType({ ...named, secretType: type }),
      (type) => cloud.admin.listSecrets({ secretTypes: ['arbitrary', type] }),
    ];
    for (const call of calls) {
      told.mockClear();
      expect([await refusalOf(call('nonsense')), told.mock.calls]).toEqual([400, []]);
      expect(await refusalOf(call('iam_credentials'))).toBe(501);
      expect(told.mock.calls).toEqual([['The embedded cloud has no secrets of type iam_credentials.\n']]);
    }
    told.mockRestore();
  });
});

describe('secret groups', () => {
  it('are there from the start as the default group, which can be neither changed nor deleted', async () => {
    await using cloud = await startCloud();
    const { result } = await cloud.admin.listSecretGroups();
    expect(result).toMatchObject({ secret_groups: [{ id: 'default', name: 'default' }], total_count: 1 });
    const patch = { 'content-type': 'application/merge-patch+json' };
    expect((await cloud.raw('PATCH', '/api/v2/secret_groups/default', patch, '{"name":"other"}')).status).toBe(400);
    expect((await cloud.raw('DELETE', '/api/v2/secret_groups/default')).status).toBe(400);
  });

  it('are created, read, renamed and, once empty, deleted', async () => {
    await using cloud = await startCloud();
    const { status, result: group } = await cloud.admin.createSecretGroup({
      name: 'payments',
      description: 'All of it',
    });
    expect(status).toBe(201);
    expect(group).toMatchObject({ name: 'payments', description: 'All of it', created_by: 'IBMid-ADMIN' });
    expect(await resultOf(cloud.admin.getSecretGroup({ id: group.id }))).toEqual(group);
    const path = `/api/v2/secret_groups/${group.id}`;
    const patch = { 'content-type': 'application/merge-patch+json' };
    expect(await (await cloud.raw('PATCH', path, patch, '{"name":"billing"}')).json()).toMatchObject({
      name: 'billing',
    });
    const secret = await createSecret(cloud, 'inside', { secret_group_id: group.id });
    expect((await cloud.raw('DELETE', path)).status).toBe(409);
    await cloud.admin.deleteSecret({ id: secret.id });
    expect((await cloud.raw('DELETE', path)).status).toBe(204);
    expect(await refusalOf(cloud.admin.getSecretGroup({ id: group.id }))).toBe(404);
  });

  it('have unique names of 2 to 64 characters', async () => {
    await using cloud = await startCloud();
    await cloud.admin.createSecretGroup({ name: 'payments' });
    expect(await refusalOf(cloud.admin.createSecretGroup({ name: 'payments' }))).toBe(409);
    expect(await refusalOf(cloud.admin.createSecretGroup({ name: 'default' }))).toBe(409);
    expect(await refusalOf(cloud.admin.createSecretGroup({ name: 'x' }))).toBe(400);
    expect(await refusalOf(cloud.admin.createSecretGroup({ name: 'x'.repeat(65) }))).toBe(400);
  });

  it('are at most 200', async () => {
    await using cloud = await startCloud();
    for (let n = 1; n < 200; n += 1) await cloud.admin.createSecretGroup({ name: `group-${n}` });
    expect(await refusalOf(cloud.admin.createSecretGroup({ name: 'group-200' }))).toBe(400);
  });
});

describe('secrets', () => {
  it('are created with data and everything that is known about them', async () => {
    await using cloud = await startCloud();
    const { status, result: secret } = await cloud.admin.createSecret({
      secretPrototype: {
        secret_type: 'arbitrary',
        name: 'database',
        description: 'Password',
        labels: ['keyrota'],
        custom_metadata: { kind: 'api-key' },
        version_custom_metadata: { op: '1' },
        payload: 'v1',
      },
    });
    expect(status).toBe(201);
    expect(secret).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      name: 'database',
      description: 'Password',
      secret_group_id: 'default',
      secret_type: 'arbitrary',
      labels: ['keyrota'],
      crn: `crn:v1:bluemix:public:secrets-manager:us-south:a/a0:${GUID}:secret:${secret.id}`,
      custom_metadata: { kind: 'api-key' },
      created_by: 'IBMid-ADMIN',
      created_at: '2026-11-20T00:00:00.000Z',
      updated_at: '2026-11-20T00:00:00.000Z',
      retrieved_at: '1970-01-01T00:00:00.000Z',
      downloaded: false,
      locks_total: 0,
      versions_total: 1,
      state: 1,
      state_description: 'active',
      referenced_by: [],
      payload: 'v1',
    });
    const { payload: _, ...metadata } = secret;
    expect(await resultOf(cloud.admin.getSecretMetadata({ id: secret.id }))).toEqual(metadata);
    expect((await versionsOf(cloud, secret.id))[0]?.version_custom_metadata).toEqual({ op: '1' });
  });

  it('of type kv hold an object with at least one key and never expire', async () => {
    await using cloud = await startCloud();
    const { id } = await createKv(cloud);
    expect((await resultOf(cloud.admin.getSecret({ id }))).data).toEqual({ user: 'u1' });
    expect(await refusalOf(createKv(cloud, 'empty', { data: {} }))).toBe(400);
    expect(await refusalOf(createKv(cloud, 'dated', { expiration_date: '2027-01-01T00:00:00Z' }))).toBe(400);
    expect(await refusalOf(createKv(cloud, 'large', { data: { text: 'x'.repeat(512_000) } }))).toBe(400);
  });

  it.each([
    ['a name with an underscore', { name: 'data_base' }],
    ['a name that ends in a dash', { name: 'database-' }],
    ['a name of 257 characters', { name: 'x'.repeat(257) }],
    ['a description of one character', { description: 'x' }],
    ['31 labels', { labels: Array.from({ length: 31 }, (_, n) => `label-${n}`) }],
    ['a label of one character', { labels: ['x'] }],
    ['custom metadata above 10 KB', { custom_metadata: { text: 'x'.repeat(10_000) } }],
    ['version metadata above 10 KB', { version_custom_metadata: { text: 'x'.repeat(10_000) } }],
    ['custom metadata that is a list', { custom_metadata: ['x'] }],
    ['an empty payload', { payload: '' }],
    ['a payload that is too long', { payload: 'x'.repeat(100_001) }],
    ['an expiration that is past', { expiration_date: '2026-11-20T00:00:00Z' }],
    ['an expiration in 1970', { expiration_date: '1970-01-01T00:00:00Z' }],
    ['the name of a group for its id', { secret_group_id: 'payments' }],
  ])('refuse %s', async (_, more) => {
    await using cloud = await startCloud();
    expect(await refusalOf(createSecret(cloud, 'database', more))).toBe(400);
    expect((await resultOf(cloud.admin.listSecrets())).total_count).toBe(0);
  });

  it('need a group that exists', async () => {
    await using cloud = await startCloud();
    expect(await refusalOf(createSecret(cloud, 'database', { secret_group_id: UNKNOWN_ID }))).toBe(404);
  });

  it('have a name that is unique in their type, in the whole instance, until they are deleted', async () => {
    await using cloud = await startCloud();
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const { id } = await createSecret(cloud);
    const failure = await failureOf(createSecret(cloud, 'database', { secret_group_id: group.id }));
    expect([failure.status, failure.message]).toEqual([409, 'A secret with the same name already exists: database']);
    expect((await createKv(cloud, 'database')).name).toBe('database');
    const other = await createSecret(cloud, 'other');
    const rename = { id: other.id, secretMetadataPatch: { name: 'database' } };
    expect(await refusalOf(cloud.admin.updateSecretMetadata(rename))).toBe(409);
    cloud.switches.duplicateSecretStatus = 400;
    expect(await refusalOf(createSecret(cloud))).toBe(400);
    await cloud.admin.deleteSecret({ id });
    expect((await resultOf(cloud.admin.updateSecretMetadata(rename))).name).toBe('database');
    expect((await createSecret(cloud, 'other')).name).toBe('other');
  });

  it('are found by the name of their group, their type and their name', async () => {
    await using cloud = await startCloud();
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'team a/b' }));
    const { id } = await createSecret(cloud, 'database', { secret_group_id: group.id });
    const params = { secretGroupName: 'team a/b', secretType: 'arbitrary', name: 'database' };
    expect(await resultOf(cloud.admin.getSecretByNameType(params))).toMatchObject({
      id,
      payload: 'v1',
      downloaded: true,
    });
    for (const wrong of [
      { secretGroupName: 'default' },
      { secretGroupName: group.id },
      { secretType: 'kv' },
      { name: 'x' },
    ]) {
      expect(await refusalOf(cloud.admin.getSecretByNameType({ ...params, ...wrong }))).toBe(404);
    }
    expect(await refusalOf(cloud.admin.getSecretByNameType({ ...params, secretType: 'nonsense' }))).toBe(400);
  });

  it('are gone once deleted', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    expect((await cloud.admin.deleteSecret({ id })).status).toBe(204);
    expect(await refusalOf(cloud.admin.getSecret({ id }))).toBe(404);
    expect(await refusalOf(cloud.admin.getSecretMetadata({ id }))).toBe(404);
    expect(await refusalOf(cloud.admin.listSecretVersions({ secretId: id }))).toBe(404);
    expect(await refusalOf(cloud.admin.deleteSecret({ id }))).toBe(404);
  });

  it('are not deleted by force, which is for custom credentials', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    expect(await refusalOf(cloud.admin.deleteSecret({ id, forceDelete: true }))).toBe(400);
  });

  it('tell the audit of each create, rotation and delete, without values', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId, secondId } = await rotatedOnce(cloud);
    await cloud.admin.deleteSecret({ id: secretId });
    const about = { secretId, name: 'database', atMs: START_MS };
    expect(cloud.audited).toEqual([
      { action: 'secret.create', ...about },
      { action: 'secret-version.create', ...about, versionId: firstId, supersededId: null },
      { action: 'secret-version.create', ...about, versionId: secondId, supersededId: firstId },
      { action: 'secret.delete', ...about },
    ]);
  });
});

describe('secret metadata', () => {
  it('is patched field by field, and the last writer wins', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', { description: 'Password', labels: ['one'] });
    await cloud.passMs(MINUTE_MS);
    const patch = { name: 'db', labels: ['two'] };
    const { status, result } = await cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: patch });
    expect(status).toBe(200);
    expect(result).toMatchObject({ ...patch, description: 'Password', updated_at: '2026-11-20T00:01:00.000Z' });
    expect(result).not.toHaveProperty('payload');
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).labels).toEqual(['two']);
  });

  it('refuses data, version metadata and a change of group', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    for (const patch of [{ payload: 'x' }, { version_custom_metadata: {} }, { secret_group_id: 'default' }]) {
      const secretMetadataPatch = patch as object;
      expect(await refusalOf(cloud.admin.updateSecretMetadata({ id, secretMetadataPatch }))).toBe(400);
    }
  });

  it('replaces custom metadata, or merges it where the switch says so', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', { custom_metadata: { a: 1, b: { c: 2, d: 3 } } });
    const patch = (custom_metadata: Record<string, unknown>) =>
      cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { custom_metadata } });
    cloud.switches.customMetadataPatch = 'merge';
    expect((await resultOf(patch({ b: { c: null, e: 4 } }))).custom_metadata).toEqual({ a: 1, b: { d: 3, e: 4 } });
    expect(await refusalOf(patch({ f: 'x'.repeat(9_980) })), 'the outcome is what is measured').toBe(400);
    cloud.switches.customMetadataPatch = 'replace';
    expect((await resultOf(patch({ f: 5 }))).custom_metadata).toEqual({ f: 5 });
  });

  it('is not stopped by a lock', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: [{ name: 'guard' }] });
    const patched = await cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { labels: ['new'] } });
    expect(patched.result).toMatchObject({ labels: ['new'], locks_total: 1 });
  });
});

describe('expiration', () => {
  const inAnHour = { expiration_date: '2026-11-20T01:00:00Z' };

  it('destroys the secret and its data for good, but leaves it listed under its name', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', inAnHour);
    await rotate(cloud, id, 'v2');
    await cloud.passMs(60 * MINUTE_MS - 1);
    expect(await resultOf(cloud.admin.getSecret({ id }))).toMatchObject({ state: 1, payload: 'v2' });
    await cloud.passMs(1);
    const secret = await resultOf(cloud.admin.getSecret({ id }));
    expect(secret).toMatchObject({ state: 5, state_description: 'destroyed' });
    expect(secret).not.toHaveProperty('payload');
    expect((await versionsOf(cloud, id)).map((version) => version.payload_available)).toEqual([false, false]);
    expect((await resultOf(cloud.admin.listSecrets())).secrets).toMatchObject([{ id, state: 5 }]);
    expect(await refusalOf(createSecret(cloud))).toBe(409);
  });

  it('leaves nothing to do but delete', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', inAnHour);
    await cloud.passMs(60 * MINUTE_MS);
    const version = { secretId: id, id: 'current' };
    expect(await refusalOf(rotate(cloud, id, 'v2'))).toBe(400);
    expect(
      await refusalOf(cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { expiration_date: null } })),
    ).toBe(400);
    expect(await refusalOf(cloud.admin.updateSecretVersionMetadata({ ...version, versionCustomMetadata: {} }))).toBe(
      400,
    );
    expect(await refusalOf(cloud.admin.createSecretLocksBulk({ id, locks: [{ name: 'guard' }] }))).toBe(400);
    expect((await cloud.admin.deleteSecret({ id })).status).toBe(204);
  });

  it('waits for the last lock to go', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', inAnHour);
    await cloud.admin.createSecretLocksBulk({ id, locks: [{ name: 'guard' }] });
    await cloud.passMs(120 * MINUTE_MS);
    expect(await resultOf(cloud.admin.getSecret({ id }))).toMatchObject({ state: 1, payload: 'v1' });
    await cloud.admin.deleteSecretLocksBulk({ id });
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).state).toBe(5);
  });

  it('is moved and switched off by a patch', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', inAnHour);
    const patch = (expiration_date: string | null) =>
      cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { expiration_date } });
    expect((await resultOf(patch('2026-11-20T05:00:00+02:00'))).expiration_date).toBe('2026-11-20T03:00:00.000Z');
    expect(await refusalOf(patch('2026-11-19T00:00:00Z'))).toBe(400);
    expect(await resultOf(patch(null))).not.toHaveProperty('expiration_date');
    await cloud.passMs(24 * 60 * MINUTE_MS);
    expect((await resultOf(cloud.admin.getSecret({ id }))).payload).toBe('v1');
  });
});

describe('versions', () => {
  it('shift with each rotation: current, previous, and then without data', async () => {
    await using cloud = await startCloud();
    const { id, versions_total } = await createSecret(cloud, 'database', { version_custom_metadata: { op: '1' } });
    expect(versions_total).toBe(1);
    await cloud.passMs(MINUTE_MS);
    const second = await cloud.admin.createSecretVersion({
      secretId: id,
      secretVersionPrototype: { payload: 'v2', version_custom_metadata: { op: '2' } },
    });
    expect(second.status).toBe(201);
    expect(second.result).toEqual({
      id: expect.any(String) as string,
      alias: 'current',
      secret_id: id,
      secret_name: 'database',
      secret_type: 'arbitrary',
      secret_group_id: 'default',
      created_by: 'IBMid-ADMIN',
      created_at: '2026-11-20T00:01:00.000Z',
      auto_rotated: false,
      downloaded: false,
      payload_available: true,
      version_custom_metadata: { op: '2' },
      payload: 'v2',
    });
    await rotate(cloud, id, 'v3', { version_custom_metadata: { op: '3' } });
    const versions = await versionsOf(cloud, id);
    expect(
      versions.map((version) => [version.version_custom_metadata, version.alias, version.payload_available]),
    ).toEqual([
      [{ op: '1' }, undefined, false],
      [{ op: '2' }, 'previous', true],
      [{ op: '3' }, 'current', true],
    ]);
    expect(versions.some((version) => 'payload' in version)).toBe(false);
    expect(await resultOf(cloud.admin.getSecretMetadata({ id }))).toMatchObject({
      versions_total: 3,
      updated_at: '2026-11-20T00:01:00.000Z',
    });
  });

  it('are read by id or alias, with data while there is any', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId, secondId } = await rotatedOnce(cloud);
    const read = (id: string) => resultOf(cloud.admin.getSecretVersion({ secretId, id }));
    expect(await read('current')).toMatchObject({ id: secondId, payload: 'v2' });
    expect(await read('previous')).toMatchObject({ id: firstId, payload: 'v1' });
    await rotate(cloud, secretId, 'v3');
    const oldest = await read(firstId);
    expect(oldest).toMatchObject({ id: firstId, payload_available: false });
    expect(oldest).not.toHaveProperty('payload');
    expect(oldest).not.toHaveProperty('alias');
    const metadata = await resultOf(cloud.admin.getSecretVersionMetadata({ secretId, id: 'previous' }));
    expect(metadata).toMatchObject({ id: secondId, alias: 'previous' });
    expect(metadata).not.toHaveProperty('payload');
  });

  it('are 404 when there is no previous one, or none of that id', async () => {
    await using cloud = await startCloud();
    const { id: secretId } = await createSecret(cloud);
    for (const id of ['previous', UNKNOWN_ID]) {
      expect(await refusalOf(cloud.admin.getSecretVersion({ secretId, id }))).toBe(404);
      expect(await refusalOf(cloud.admin.getSecretVersionMetadata({ secretId, id }))).toBe(404);
      expect(
        await refusalOf(cloud.admin.updateSecretVersionMetadata({ secretId, id, versionCustomMetadata: {} })),
      ).toBe(404);
      expect(await refusalOf(cloud.admin.listSecretVersionLocks({ secretId, id }))).toBe(404);
    }
  });

  it('take the data of their type and no expiration', async () => {
    await using cloud = await startCloud();
    const arbitrary = await createSecret(cloud);
    const kv = await createKv(cloud);
    const version = (secretId: string, secretVersionPrototype: object) =>
      cloud.admin.createSecretVersion({
        secretId,
        secretVersionPrototype: secretVersionPrototype as { payload: string },
      });
    expect(await refusalOf(version(arbitrary.id, { data: { a: 1 } }))).toBe(400);
    expect(await refusalOf(version(arbitrary.id, { payload: 'x', expiration_date: '2027-01-01T00:00:00Z' }))).toBe(400);
    expect(await refusalOf(version(arbitrary.id, {}))).toBe(400);
    expect(await refusalOf(version(kv.id, { payload: 'x' }))).toBe(400);
    expect(await resultOf(version(kv.id, { data: { user: 'u2' } }))).toMatchObject({ data: { user: 'u2' } });
    expect(await refusalOf(version(UNKNOWN_ID, { payload: 'x' }))).toBe(404);
  });

  it('may carry new custom metadata for the secret', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 'database', { custom_metadata: { a: 1 } });
    await rotate(cloud, id, 'v2', { custom_metadata: { b: 2 } });
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).custom_metadata).toEqual({ b: 2 });
    cloud.switches.rotationCustomMetadata = 'merge';
    await rotate(cloud, id, 'v3', { custom_metadata: { c: 3 } });
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).custom_metadata).toEqual({ b: 2, c: 3 });
    await rotate(cloud, id, 'v4');
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).custom_metadata).toEqual({ b: 2, c: 3 });
  });

  it('are kept fifty at most: the oldest goes', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    for (let n = 2; n <= 51; n += 1) await rotate(cloud, id, `v${n}`, { version_custom_metadata: { n } });
    const versions = await versionsOf(cloud, id);
    expect(versions).toHaveLength(50);
    expect([versions[0], versions[49]].map((version) => version?.version_custom_metadata)).toEqual([
      { n: 2 },
      { n: 51 },
    ]);
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).versions_total).toBe(50);
  });

  it('have metadata of their own, that can be changed as long as the switch lets it', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId } = await rotatedOnce(cloud);
    await rotate(cloud, secretId, 'v3');
    const patch = (id: string, versionCustomMetadata: Record<string, unknown>) =>
      cloud.admin.updateSecretVersionMetadata({ secretId, id, versionCustomMetadata });
    const { status, result } = await patch(firstId, { retired: true });
    expect([status, result.version_custom_metadata, result.id]).toEqual([200, { retired: true }, firstId]);
    cloud.switches.oldVersionMetadataWritable = false;
    expect(await refusalOf(patch(firstId, { retired: false }))).toBe(400);
    expect((await patch('previous', { a: 1 })).status).toBe(200);
    cloud.switches.customMetadataPatch = 'merge';
    expect((await patch('previous', { b: 2 })).result.version_custom_metadata).toEqual({ a: 1, b: 2 });
    expect(await refusalOf(patch('current', { text: 'x'.repeat(10_000) }))).toBe(400);
  });

  it('do not let their data be deleted, for these types of secret', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    expect((await cloud.raw('DELETE', `/api/v2/secrets/${id}/versions/current/secret_data`)).status).toBe(400);
    expect((await cloud.raw('DELETE', `/api/v2/secrets/${id}/versions/previous/secret_data`)).status).toBe(404);
  });
});

describe('the marks of a read', () => {
  it('are set by reading data, each time, on the version and on the secret', async () => {
    await using cloud = await startCloud();
    const { secretId } = await rotatedOnce(cloud);
    await cloud.passMs(MINUTE_MS);
    const previous = await resultOf(cloud.admin.getSecretVersion({ secretId, id: 'previous' }));
    expect(previous.downloaded).toBe(true);
    const metadata = () => resultOf(cloud.admin.getSecretMetadata({ id: secretId }));
    expect(await metadata()).toMatchObject({ downloaded: false, retrieved_at: '2026-11-20T00:01:00.000Z' });
    await cloud.passMs(MINUTE_MS);
    await cloud.admin.getSecret({ id: secretId });
    expect(await metadata()).toMatchObject({ downloaded: true, retrieved_at: '2026-11-20T00:02:00.000Z' });
    await rotate(cloud, secretId, 'v3');
    expect((await versionsOf(cloud, secretId)).map(({ downloaded }) => downloaded)).toEqual([true, true, false]);
  });

  it('are left alone by everything else, and by reading a version without data', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId } = await rotatedOnce(cloud);
    await rotate(cloud, secretId, 'v3');
    await cloud.admin.listSecrets();
    await cloud.admin.getSecretVersionMetadata({ secretId, id: 'current' });
    await cloud.admin.getSecretVersion({ secretId, id: firstId });
    expect(await resultOf(cloud.admin.getSecretMetadata({ id: secretId }))).toMatchObject({
      downloaded: false,
      retrieved_at: '1970-01-01T00:00:00.000Z',
    });
    expect((await versionsOf(cloud, secretId)).map(({ downloaded }) => downloaded)).toEqual([false, false, false]);
  });
});

describe('locks', () => {
  it('on current let it rotate once, travel with it to previous, and stop the next rotation', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    await rotate(cloud, id, 'v2');
    expect(await lockNames(cloud, id, 'previous')).toEqual(['guard']);
    expect(await lockNames(cloud, id, 'current')).toEqual([]);
    const failure = await failureOf(rotate(cloud, id, 'v3'));
    expect([failure.status, failure.message]).toEqual([412, 'The previous secret version is locked.']);
    expect((await resultOf(cloud.admin.getSecretVersion({ secretId: id, id: 'previous' }))).payload).toBe('v1');
    await cloud.admin.deleteSecretVersionLocksBulk({ secretId: id, id: 'previous', name: ['guard'] });
    expect((await rotate(cloud, id, 'v3')).alias).toBe('current');
  });

  it('let exactly one of two simultaneous rotations through', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    const outcomes = await Promise.allSettled([rotate(cloud, id, 'a'), rotate(cloud, id, 'b')]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await versionsOf(cloud, id)).toHaveLength(2);
  });

  it('keep the secret from being deleted, on whichever version they are', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId } = await rotatedOnce(cloud);
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: firstId, locks: guard() });
    const failure = await failureOf(cloud.admin.deleteSecret({ id: secretId }));
    expect([failure.status, failure.message]).toEqual([412, 'The secret version is locked.']);
    await cloud.admin.deleteSecretLocksBulk({ id: secretId });
    expect((await cloud.admin.deleteSecret({ id: secretId })).status).toBe(204);
  });

  it('answer with the locked versions, and are listed with all that is known about them', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId, secondId } = await rotatedOnce(cloud);
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: 'previous', locks: guard({ op: '1' }) });
    const locks = [{ name: 'backup', description: 'Nightly' }];
    const { status, result } = await cloud.admin.createSecretLocksBulk({ id: secretId, locks });
    expect(status).toBe(201);
    expect(result).toEqual({
      secret_id: secretId,
      secret_group_id: 'default',
      secret_type: 'arbitrary',
      secret_name: 'database',
      versions: [
        { version_id: firstId, version_alias: 'previous', locks: ['guard'], payload_available: true },
        { version_id: secondId, version_alias: 'current', locks: ['backup'], payload_available: true },
      ],
    });
    const list = await resultOf(cloud.admin.listSecretLocks({ id: secretId }));
    expect(list).toMatchObject({ total_count: 2, limit: 25, offset: 0 });
    expect(list.locks[0]).toEqual({
      name: 'guard',
      attributes: { op: '1' },
      created_at: '2026-11-20T00:00:00.000Z',
      updated_at: '2026-11-20T00:00:00.000Z',
      created_by: 'IBMid-ADMIN',
      secret_group_id: 'default',
      secret_id: secretId,
      secret_version_id: firstId,
      secret_version_alias: 'previous',
    });
    expect((await resultOf(cloud.admin.getSecretMetadata({ id: secretId }))).locks_total).toBe(2);
  });

  it('replace one of the same name, whoever made it, and keep when it was made', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: guard({ owner: 'a' }) });
    await cloud.passMs(MINUTE_MS);
    cloud.rights.grant('other', ['secret-locks.create']);
    const again = await cloud.clientOf('other').createSecretLocksBulk({ id, locks: guard({ owner: 'b' }) });
    expect(again.status).toBe(201);
    expect((await resultOf(cloud.admin.listSecretLocks({ id }))).locks).toMatchObject([
      {
        attributes: { owner: 'b' },
        created_by: 'other',
        created_at: '2026-11-20T00:00:00.000Z',
        updated_at: '2026-11-20T00:01:00.000Z',
      },
    ]);
  });

  it('need a version that exists and has data', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId } = await rotatedOnce(cloud);
    await rotate(cloud, secretId, 'v3');
    const lock = (id: string) => cloud.admin.createSecretVersionLocksBulk({ secretId, id, locks: guard() });
    expect(await refusalOf(lock(firstId))).toBe(400);
    expect(await refusalOf(lock(UNKNOWN_ID))).toBe(404);
    expect(await refusalOf(cloud.admin.createSecretLocksBulk({ id: UNKNOWN_ID, locks: guard() }))).toBe(404);
  });

  it.each([
    ['no lock', [], undefined],
    ['a name that begins with a digit', [{ name: '1guard' }], undefined],
    ['a name of one character', [{ name: 'g' }], undefined],
    ['a name of 65 characters', [{ name: 'g'.repeat(65) }], undefined],
    ['a name with a comma', [{ name: 'a,b' }], undefined],
    ['a name twice', [{ name: 'guard' }, { name: 'guard' }], undefined],
    ['an unknown field', [{ name: 'guard', owner: 'me' }], undefined],
    ['more than 1000', Array.from({ length: 1_001 }, (_, n) => ({ name: `guard-${n}` })), undefined],
    ['a retired mode', [{ name: 'guard' }], 'exclusive'],
  ])('refuse %s', async (_, locks, mode) => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    const params = { id, locks, ...(mode !== undefined && { mode: mode as 'remove_previous' }) };
    expect(await refusalOf(cloud.admin.createSecretLocksBulk(params))).toBe(400);
  });

  it('are at most 1000 on all versions of a secret', async () => {
    await using cloud = await startCloud();
    const { secretId } = await rotatedOnce(cloud);
    const locks = Array.from({ length: 1_000 }, (_, n) => ({ name: `guard-${n}` }));
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: 'previous', locks });
    expect(await refusalOf(cloud.admin.createSecretLocksBulk({ id: secretId, locks: guard() }))).toBe(400);
    const moved = await cloud.admin.createSecretLocksBulk({ id: secretId, locks, mode: 'remove_previous' });
    expect(moved.status).toBe(201);
  });

  it('with remove_previous take the place of those of the same name on previous, and keep its data', async () => {
    await using cloud = await startCloud();
    const { secretId, secondId } = await rotatedOnce(cloud);
    const locks = [{ name: 'guard' }, { name: 'backup' }];
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: 'previous', locks });
    const mode = 'remove_previous';
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: secondId, locks: guard(), mode });
    expect(await lockNames(cloud, secretId, 'previous')).toEqual(['backup']);
    expect(await lockNames(cloud, secretId, 'current')).toEqual(['guard']);
    await cloud.admin.createSecretLocksBulk({ id: secretId, locks: [{ name: 'backup' }], mode });
    const previous = await resultOf(cloud.admin.getSecretVersion({ secretId, id: 'previous' }));
    expect(previous.payload).toBe('v1');
    expect((await rotate(cloud, secretId, 'v3')).alias).toBe('current');
  });

  it('with remove_previous_and_delete also wipe the data of previous, unless another lock holds it', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId, secondId } = await rotatedOnce(cloud);
    const mode = 'remove_previous_and_delete';
    const locks = [{ name: 'guard' }, { name: 'backup' }];
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: firstId, locks });
    const held = await cloud.admin.createSecretVersionLocksBulk({ secretId, id: secondId, locks: guard(), mode });
    expect(held.status).toBe(201);
    expect((await versionsOf(cloud, secretId))[0]?.payload_available).toBe(true);
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: secondId, locks: [{ name: 'backup' }], mode });
    expect((await versionsOf(cloud, secretId))[0]?.payload_available).toBe(false);
    expect(await resultOf(cloud.admin.getSecretVersion({ secretId, id: 'previous' }))).not.toHaveProperty('payload');
    expect(await refusalOf(cloud.admin.createSecretVersionLocksBulk({ secretId, id: firstId, locks }))).toBe(400);
  });

  it('with a mode on previous itself change nothing else', async () => {
    await using cloud = await startCloud();
    const { secretId } = await rotatedOnce(cloud);
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: 'previous', locks: [{ name: 'backup' }] });
    const mode = 'remove_previous_and_delete';
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: 'previous', locks: guard(), mode });
    expect(await lockNames(cloud, secretId, 'previous')).toEqual(['backup', 'guard']);
    expect((await versionsOf(cloud, secretId))[0]?.payload_available).toBe(true);
  });

  it('are deleted by name, on one version or on all, and a name that is not there does not matter', async () => {
    await using cloud = await startCloud();
    const { secretId } = await rotatedOnce(cloud);
    const locks = [{ name: 'guard' }, { name: 'backup' }];
    for (const id of ['previous', 'current']) {
      await cloud.admin.createSecretVersionLocksBulk({ secretId, id, locks });
    }
    const one = await cloud.admin.deleteSecretVersionLocksBulk({ secretId, id: 'previous', name: ['guard', 'absent'] });
    expect(one.status).toBe(200);
    expect(one.result.versions.map((version) => version.locks)).toEqual([['backup'], ['guard', 'backup']]);
    const all = await cloud.admin.deleteSecretLocksBulk({ id: secretId, name: ['backup'] });
    expect(all.result.versions.map((version) => version.locks)).toEqual([['guard']]);
    expect(await lockNames(cloud, secretId, 'previous')).toEqual([]);
  });

  it('are not deleted by a name twice, or by what no lock is called', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    await cloud.admin.createSecretLocksBulk({ id, locks: [{ name: 'guard' }] });
    for (const name of [['guard', 'guard'], ['guard', '9 !*'], ['*'], ['guard', '']]) {
      expect(await refusalOf(cloud.admin.deleteSecretLocksBulk({ id, name }))).toBe(400);
      const version = { secretId: id, id: 'current', name };
      expect(await refusalOf(cloud.admin.deleteSecretVersionLocksBulk(version))).toBe(400);
    }
    expect(await lockNames(cloud, id, 'current')).toEqual(['guard']);
  });

  it('are all deleted without a name, but not with an empty one', async () => {
    await using cloud = await startCloud();
    const { secretId } = await rotatedOnce(cloud);
    for (const id of ['previous', 'current']) {
      await cloud.admin.createSecretVersionLocksBulk({ secretId, id, locks: [{ name: 'guard' }, { name: 'backup' }] });
    }
    expect(await refusalOf(cloud.admin.deleteSecretLocksBulk({ id: secretId, name: [] }))).toBe(400);
    await cloud.admin.deleteSecretVersionLocksBulk({ secretId, id: 'current' });
    expect(await lockNames(cloud, secretId, 'previous')).toEqual(['guard', 'backup']);
    await cloud.admin.deleteSecretLocksBulk({ id: secretId });
    expect((await resultOf(cloud.admin.listSecretLocks({ id: secretId }))).total_count).toBe(0);
  });

  it('are listed in pages of 25, sorted and searched by name', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    const locks = Array.from({ length: 30 }, (_, n) => ({ name: `guard-${String(n).padStart(2, '0')}` }));
    await cloud.admin.createSecretLocksBulk({ id, locks });
    const first = await resultOf(cloud.admin.listSecretLocks({ id, sort: '-name' }));
    expect(first.locks).toHaveLength(25);
    expect(first.locks[0]?.name).toBe('guard-29');
    expect(new URL(first.next?.href ?? '').search).toBe('?sort=-name&offset=25&limit=25');
    const found = await resultOf(
      cloud.admin.listSecretVersionLocks({ secretId: id, id: 'current', search: 'd-1', limit: 3 }),
    );
    expect([found.total_count, found.locks.length]).toEqual([10, 3]);
    expect(await refusalOf(cloud.admin.listSecretLocks({ id, sort: 'owner' }))).toBe(400);
  });

  it('are listed by secret over the whole instance, for the secrets that have any', async () => {
    await using cloud = await startCloud();
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const locked = await createSecret(cloud, 'locked', { secret_group_id: group.id });
    const other = await createSecret(cloud, 'other');
    await createSecret(cloud, 'free');
    await cloud.admin.createSecretLocksBulk({ id: locked.id, locks: [{ name: 'guard' }, { name: 'backup' }] });
    await cloud.admin.createSecretLocksBulk({ id: other.id, locks: [{ name: 'backup' }] });
    const names = async (params?: object) =>
      (await resultOf(cloud.admin.listSecretsLocks(params))).secrets_locks.map((secret) => [
        secret.secret_name,
        ...secret.versions.flatMap((version) => version.locks),
      ]);
    expect(await names()).toEqual([
      ['locked', 'guard', 'backup'],
      ['other', 'backup'],
    ]);
    expect(await names({ search: 'gua' })).toEqual([['locked', 'guard']]);
    expect(await names({ groups: ['default'] })).toEqual([['other', 'backup']]);
    expect((await resultOf(cloud.admin.listSecretsLocks())).limit).toBe(200);
  });
});

describe('the list of secrets', () => {
  it('comes in pages with links on the origin that was asked', async () => {
    await using cloud = await startCloud();
    for (const name of ['s1', 's2', 's3', 's4', 's5']) await createSecret(cloud, name);
    const page = await resultOf(cloud.admin.listSecrets({ offset: 2, limit: 2, groups: ['default'] }));
    const href = (offset: number) => ({ href: `${cloud.url}/api/v2/secrets?offset=${offset}&limit=2&groups=default` });
    const { secrets, ...rest } = page;
    expect(secrets.map(({ name }) => name)).toEqual(['s3', 's4']);
    expect(rest).toEqual({
      total_count: 5,
      limit: 2,
      offset: 2,
      first: href(0),
      last: href(4),
      next: href(4),
      previous: href(0),
    });
    const all = await resultOf(cloud.admin.listSecrets());
    expect([all.limit, all.next, all.previous]).toEqual([200, undefined, undefined]);
    expect(secrets[0]).not.toHaveProperty('payload');
  });

  it.each([
    { limit: 0 },
    { limit: 1_001 },
    { offset: -1 },
    { sort: 'colour' },
    { search: 'x' },
    { search: 'x'.repeat(129) },
    { groups: ['payments'] },
    { secretTypes: ['nonsense'] },
  ])('refuses %o', async (params) => {
    await using cloud = await startCloud();
    expect(await refusalOf(cloud.admin.listSecrets(params))).toBe(400);
  });

  it('is sorted by any field, and with a dash the other way', async () => {
    await using cloud = await startCloud();
    await createSecret(cloud, 'b-first', { expiration_date: '2027-01-01T00:00:00Z' });
    await cloud.passMs(MINUTE_MS);
    await createKv(cloud, 'c-second');
    await cloud.passMs(MINUTE_MS);
    const third = await createSecret(cloud, 'a-third', { expiration_date: '2026-12-01T00:00:00Z' });
    await cloud.admin.getSecret({ id: third.id });
    const names = async (sort: string) =>
      (await resultOf(cloud.admin.listSecrets({ sort }))).secrets.map(({ name }) => name.charAt(0)).join('');
    expect(await names('name')).toBe('abc');
    expect(await names('-name')).toBe('cba');
    expect(await names('created_at')).toBe('bca');
    expect(await names('-updated_at')).toBe('acb');
    expect(await names('-retrieved_at')).toBe('abc');
    expect(await names('expiration_date')).toBe('abc');
    expect(await names('-secret_type')).toBe('cba');
    expect(await names('id')).not.toBe(await names('-id'));
  });

  it('is filtered by text, group, type and labels', async () => {
    await using cloud = await startCloud();
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const mine = await createSecret(cloud, 'mine', { secret_group_id: group.id, labels: ['keyrota', 'team a'] });
    await createSecret(cloud, 'yours', {
      labels: ['keyrota'],
      description: 'not mine',
      custom_metadata: { of: 'them' },
    });
    await createKv(cloud, 'theirs');
    const names = async (params: object) =>
      (await resultOf(cloud.admin.listSecrets(params))).secrets.map(({ name }) => name);
    expect(await names({ search: 'mine' })).toEqual(['mine', 'yours']);
    expect(await names({ search: mine.id.slice(4, 20) })).toEqual(['mine']);
    expect(await names({ search: 'team' })).toEqual(['mine']);
    expect(await names({ search: 'them' }), 'custom metadata is not searched').toEqual([]);
    expect(await names({ groups: [group.id] })).toEqual(['mine']);
    expect(await names({ groups: ['default', group.id] })).toHaveLength(3);
    expect(await names({ groups: [UNKNOWN_ID] })).toEqual([]);
    expect(await names({ secretTypes: ['kv'] })).toEqual(['theirs']);
    expect(await names({ matchAllLabels: ['keyrota'] })).toEqual(['mine', 'yours']);
    expect(await names({ matchAllLabels: ['keyrota', 'team a'] })).toEqual(['mine']);
  });

  it('gives a thousand of ten thousand secrets without copying all of them', async () => {
    await using cloud = await startCloud();
    const app = cloud.service.routes();
    const headers = { ...json, authorization: 'Bearer admin' };
    for (let n = 0; n < 10_000; n += 1) {
      const request = new Request('http://x/api/v2/secrets', { method: 'POST', headers, body: numbered(n) });
      await app.fetch(request, { seen: { caller: null } });
    }
    const startMs = performance.now();
    const page = await resultOf(cloud.admin.listSecrets({ limit: 1_000, offset: 9_000, sort: 'name' }));
    expect(page.secrets).toHaveLength(1_000);
    expect(page.total_count).toBe(10_000);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  }, 30_000);
});

describe('stale lists', () => {
  it('show secrets as they were before a young write, and reads by id show the present', async () => {
    await using cloud = await startCloud({ staleListMs: 5_000 });
    const { id } = await createSecret(cloud);
    const listed = async () => (await resultOf(cloud.admin.listSecrets())).secrets;
    expect(await listed()).toEqual([]);
    expect((await resultOf(cloud.admin.getSecretMetadata({ id }))).name).toBe('database');
    await cloud.passMs(4_999);
    expect(await listed()).toEqual([]);
    await cloud.passMs(1);
    expect(await listed()).toHaveLength(1);
    await cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { name: 'renamed' } });
    await cloud.passMs(3_000);
    await cloud.admin.deleteSecret({ id });
    expect((await listed()).map(({ name }) => name)).toEqual(['database']);
    await cloud.passMs(2_000);
    expect((await listed()).map(({ name }) => name)).toEqual(['renamed']);
    await cloud.passMs(3_000);
    expect(await listed()).toEqual([]);
  });

  it('hold for versions and locks too, and end when the switch is set back', async () => {
    await using cloud = await startCloud({ staleListMs: 5_000 });
    const { id } = await createSecret(cloud);
    expect(await refusalOf(cloud.admin.listSecretVersions({ secretId: id }))).toBe(404);
    await cloud.passMs(5_000);
    await rotate(cloud, id, 'v2');
    await cloud.admin.createSecretLocksBulk({ id, locks: [{ name: 'guard' }] });
    const counts = async () => [
      (await versionsOf(cloud, id)).length,
      (await resultOf(cloud.admin.listSecretLocks({ id }))).total_count,
      (await lockNames(cloud, id, 'current')).length,
      (await resultOf(cloud.admin.listSecretsLocks())).total_count,
    ];
    expect(await counts()).toEqual([1, 0, 0, 0]);
    expect((await resultOf(cloud.admin.getSecretVersion({ secretId: id, id: 'current' }))).payload).toBe('v2');
    cloud.switches.staleListMs = 0;
    expect(await counts()).toEqual([2, 1, 1, 1]);
  });

  it('never show a secret as alive that has expired', async () => {
    await using cloud = await startCloud({ staleListMs: 60 * MINUTE_MS });
    const { id } = await createSecret(cloud, 'database', { expiration_date: '2026-11-20T01:00:01Z' });
    await cloud.passMs(60 * MINUTE_MS);
    await rotate(cloud, id, 'v2');
    await cloud.passMs(1_000);
    const states = async () => (await resultOf(cloud.admin.listSecrets())).secrets.map(({ state }) => state);
    expect(await states()).toEqual([5]);
    expect(await states()).toEqual([5]);
  });
});

describe('the snapshot', () => {
  it('tells all that exists, and values only when asked for them', async () => {
    await using cloud = await startCloud();
    const { secretId, firstId, secondId } = await rotatedOnce(cloud);
    await cloud.admin.createSecretLocksBulk({ id: secretId, locks: [{ name: 'guard', attributes: { op: '1' } }] });
    await createKv(cloud);
    const bare = JSON.stringify(cloud.service.snapshot({ withValues: false }));
    expect(bare).not.toContain('"v1"');
    expect(bare).not.toContain('"u1"');
    expect(cloud.service.snapshot({ withValues: true })).toMatchObject({
      instance: { guid: GUID },
      groups: [{ id: 'default' }],
      secrets: [
        {
          id: secretId,
          name: 'database',
          type: 'arbitrary',
          state: 'active',
          versions: [
            { id: firstId, alias: 'previous', payloadAvailable: true, payload: 'v1', locks: [] },
            {
              id: secondId,
              alias: 'current',
              createdAtMs: START_MS,
              downloaded: false,
              payload: 'v2',
              locks: [{ name: 'guard', attributes: { op: '1' } }],
            },
          ],
        },
        { type: 'kv', versions: [{ payload: { user: 'u1' } }] },
      ],
    });
  });
});
