import { beforeAll, describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { LABEL } from '../../shared/clients/secret-store.ts';
import type { AccountKey, AccountSecret } from '../../shared/inventory/inventory.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { formatKeyName } from '../../shared/keys/key-name.ts';
import { InventoryAccount, saidOf, take } from './support/inventory-account.ts';
import { allow, ALL_SIGHTS } from '../support/sights.ts';
import type { Taken } from './support/inventory-account.ts';
import { Laboratory } from '../support/laboratory.ts';
import { manifestOf } from '../support/manifests.ts';
import { altering, cloudAdapter } from './support/adapters.ts';

const COS_PLAN = '744bfc56-d12c-4866-88d5-dac9139e0e5d';

const byId = (taken: Taken, id: string): AccountKey => {
  const found = taken.keys.filter((key) => key.id === id);
  if (found.length !== 1 || !found[0]) throw new Error(`key ${id} was seen ${found.length} times`);
  return found[0];
};

const secretNamed = (taken: Taken, name: string): AccountSecret => {
  const found = taken.secrets.find((secret) => secret.name === name);
  if (!found) throw new Error(`there is no secret ${name}`);
  return found;
};

/** A key that a person makes. */
async function makeKey(lab: Laboratory, iamId: string, fields: Record<string, unknown> = {}): Promise<string> {
  const body = { name: 'by hand', iam_id: iamId, account_id: lab.cloud.account.id, ...fields };
  return String((await lab.admin.request('POST', '/v1/apikeys', body))['id']);
}

const iamDate = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 16)}+0000`;
const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;

describe('an account with a key of every kind', () => {
  let account: InventoryAccount;
  let lab: Laboratory;
  let taken: Taken;
  const ids: Record<string, string> = {};
  let madeAtMs = 0;

  beforeAll(async () => {
    account = await InventoryAccount.open({ reportDelayMs: 1_000 });
    ({ lab } = account);
    ids['former'] = lab.currentKeyId('ingest');
    await lab.pass(DAY_MS);
    await lab.tick(account.manifest, { only: ['ingest'], force: true });
    madeAtMs = lab.clock.nowMs();
    const { iamId } = lab.serviceId;
    ids['byHand'] = await makeKey(lab, iamId, {
      description: 'Made by a person.',
      action_when_leaked: 'none',
      expires_at: iamDate(madeAtMs + 10 * DAY_MS),
    });
    ids['locked'] = await makeKey(lab, iamId);
    await lab.admin.request('POST', `/v1/apikeys/${ids['locked']}/lock`);
    await lab.admin.request('POST', `/v1/apikeys/${ids['locked']}/disable`);
    const ours = (name: string, deployment = 'lab') => formatKeyName({ deployment, name, op: 'abcdefghijkl' });
    ids['leftOver'] = await makeKey(lab, iamId, { name: ours('ingest') });
    ids['ofOther'] = await makeKey(lab, iamId, { name: ours('ingest', 'other') });
    ids['ofNoEntry'] = await makeKey(lab, iamId, { name: ours('gone') });
    await lab.admin.request('POST', '/api/v2/secrets', {
      secret_type: 'arbitrary',
      name: 'of-a-person',
      payload: 'a value that nobody may see',
      expiration_date: new Date(madeAtMs + 3 * DAY_MS).toISOString(),
    });
    await lab.admin.request('POST', '/api/v2/secrets', {
      secret_type: 'username_password',
      name: 'a-login',
      username: 'somebody',
      labels: ['team'],
    });
    const read = (await lab.admin.request('GET', '/api/v2/secrets?search=a-login'))['secrets'] as { id: string }[];
    await lab.admin.request('GET', `/api/v2/secrets/${read[0]?.id}`);
    await lab.admin.request('POST', `/api/v2/secrets/${read[0]?.id}/locks_bulk`, { locks: [{ name: 'in-use' }] });
    await lab.pass(HOUR_MS);
    taken = await take(lab, account.manifest);
  });

  it('is seen to its end', () => {
    const { inventory, keys, secrets } = taken;
    expect(saidOf(inventory.unseen)).toEqual(['ingestion and service keys of instances that no entry names: not_told']);
    expect([...inventory.complete].toSorted()).toEqual([
      'classic-api-key',
      'logging-key',
      'service-credential',
      'service-id-api-key',
      'user-api-key',
    ]);
    expect(inventory.keyCounts).toEqual({
      // Two of the entry, six by hand, that of Keyrota, and those behind two service credentials.
      'service-id-api-key': 2 + 5 + 1 + 2,
      'user-api-key': 2,
      'service-credential': 2,
      'logging-key': 2,
      'classic-api-key': 1,
    });
    expect(Object.values(inventory.keyCounts).reduce((sum, count) => sum + count, 0)).toBe(keys.length);
    expect(inventory.secretCount).toBe(secrets.length);
  });

  it('shows every key of IAM, and no other one', () => {
    const listed = taken.keys.filter(({ kind }) => kind === 'service-id-api-key' || kind === 'user-api-key');
    expect(listed.map(({ id }) => id).toSorted()).toEqual(lab.state.iam.apiKeys.map(({ id }) => id).toSorted());
  });

  it('tells of a key of a service ID whose it is, how it stands and what IBM does with it', () => {
    const common = {
      kind: 'service-id-api-key',
      name: 'by hand',
      owner: lab.serviceId.id,
      ownerName: 'log-agent',
      createdAtMs: minuteOf(madeAtMs),
      lastUsed: 'never',
      generatedFor: null,
      managed: null,
    };
    expect(byId(taken, ids['byHand'] ?? '')).toEqual({
      ...common,
      id: ids['byHand'],
      expiresAtMs: minuteOf(madeAtMs + 10 * DAY_MS),
      locked: false,
      disabled: false,
      actionWhenLeaked: 'none',
    });
    expect(byId(taken, ids['locked'] ?? '')).toEqual({
      ...common,
      id: ids['locked'],
      expiresAtMs: null,
      locked: true,
      disabled: true,
      actionWhenLeaked: 'disable',
    });
  });

  it('tells of a key of a user the IAM id and the login name, and no other name', () => {
    const key = taken.keys.find(({ kind, owner }) => kind === 'user-api-key' && owner === account.iamId);
    expect(key).toMatchObject({
      name: 'First key of functional ID',
      ownerName: 'functional.id.2@example.com',
      managed: { entry: 'login', as: 'current' },
    });
  });

  it('tells what a key is to an entry', () => {
    const marks = (name: string) => byId(taken, ids[name] ?? '').managed;
    expect(byId(taken, lab.currentKeyId('ingest')).managed).toEqual({ entry: 'ingest', as: 'current' });
    expect(marks('former')).toEqual({ entry: 'ingest', as: 'former' });
    expect(marks('leftOver')).toEqual({ entry: 'ingest', as: 'unknown' });
    expect([marks('ofOther'), marks('ofNoEntry'), marks('byHand')]).toEqual([null, null, null]);
  });

  it('tells of service credentials, and of the API keys that stand behind them', () => {
    const [credential] = taken.keys.filter(
      ({ kind, managed }) => kind === 'service-credential' && managed?.entry === 'store',
    );
    expect(credential).toMatchObject({
      owner: lab.cloud.account.cloudLogs.guid,
      ownerName: '',
      expiresAtMs: null,
      locked: null,
      disabled: null,
      actionWhenLeaked: null,
      generatedFor: null,
      managed: { entry: 'store', as: 'current' },
    });
    const inner = taken.keys.filter(({ generatedFor }) => generatedFor !== null);
    expect(inner.map(({ kind }) => kind)).toEqual(['service-id-api-key', 'service-id-api-key']);
    const behind = inner.find(({ generatedFor }) => generatedFor?.endsWith(`:resource-key:${credential?.id}`));
    expect(behind).toMatchObject({ name: credential?.name, ownerName: '', managed: null });
    expect(credential?.lastUsed).toEqual(behind?.lastUsed);
  });

  it('tells of the keys of issuers that show them to their owners alone what these tell', () => {
    const nothingTold = {
      locked: null,
      disabled: null,
      actionWhenLeaked: null,
      lastUsed: 'unknown',
      expiresAtMs: null,
    };
    const classic = taken.keys.filter(({ kind }) => kind === 'classic-api-key');
    expect(classic).toEqual([
      expect.objectContaining({
        ...nothingTold,
        owner: account.iamId,
        ownerName: 'functional.id.2@example.com',
        managed: { entry: 'classic', as: 'current' },
      }),
    ]);
    const logging = taken.keys.filter(({ kind }) => kind === 'logging-key');
    expect(logging.map(({ managed }) => managed)).toEqual([null, { entry: 'ship', as: 'current' }]);
    expect(logging).toMatchObject(Array.from({ length: 2 }, () => ({ ...nothingTold, owner: account.loggingGuid })));
  });

  it('tells of secrets, labelled or not, of every group, what their lists tell', () => {
    expect(secretNamed(taken, 'ingest')).toMatchObject({
      groupId: lab.groupId,
      type: 'arbitrary',
      state: 1,
      isLabelled: true,
      entry: 'ingest',
      summary: { key_id: lab.currentKeyId('ingest'), previous_key_id: ids['former'] },
    });
    expect(secretNamed(taken, 'store')).toMatchObject({ type: 'kv', entry: 'store' });
    expect(secretNamed(taken, 'of-a-person')).toEqual({
      id: lab.secret('of-a-person').id,
      name: 'of-a-person',
      groupId: 'default',
      type: 'arbitrary',
      state: 1,
      createdAtMs: madeAtMs,
      updatedAtMs: madeAtMs,
      expiresAtMs: madeAtMs + 3 * DAY_MS,
      readAtMs: null,
      lockCount: 0,
      isLabelled: false,
      summary: null,
      entry: null,
    });
    const login = secretNamed(taken, 'a-login');
    expect(login).toMatchObject({ type: 'username_password', isLabelled: false, lockCount: 1, readAtMs: madeAtMs });
  });

  it('tells what is known of the account beside', () => {
    const { facts } = taken.inventory;
    expect(facts).toMatchObject({ keysPerIdentity: 20, restrictsUserKeys: 'NOT_SET', restrictsServiceIds: 'NOT_SET' });
    const { iamId } = lab.serviceId;
    const { guid } = lab.cloud.account.cloudLogs;
    expect(facts.hasGrant?.(iamId, 'logs', 'Sender', null)).toBe(true);
    expect(facts.hasGrant?.(iamId, 'logs', 'Sender', guid)).toBe(true);
    expect(facts.hasGrant?.(iamId, 'logs-router', 'Writer', null)).toBe(false);
    expect(facts.hasGrant?.(account.iamId, 'logs', 'Sender', null)).toBe(false);
    expect(facts.mayCreateUserKeys?.(account.iamId)).toBe(false);
  });

  it('changes nothing but that it has a report built, and a key lent by Log Analysis', async () => {
    const before = JSON.stringify(lab.cloud.snapshot({ withValues: true }), ignoringUse);
    const from = lab.cloud.calls.total + 1;
    await take(lab, account.manifest);
    const writes = lab.cloud.calls
      .list(from)
      .filter(({ method, path }) => method !== 'GET' && path !== '/identity/token');
    expect([
      ...new Set(writes.map(({ method, path }) => `${method} ${path.split('/').slice(0, 3).join('/')}`)),
    ]).toEqual(['POST /v2/resource_keys', 'DELETE /v2/resource_keys']);
    expect(JSON.stringify(lab.cloud.snapshot({ withValues: true }), ignoringUse)).toBe(before);
  });
});

/** Logins and reads count, and are no change. */
const ignoringUse = (name: string, value: unknown): unknown =>
  ['authnCount', 'lastAuthnMs', 'retrievedAtMs', 'downloaded', 'calls', 'resourceController'].includes(name)
    ? undefined
    : value;

const sighted = async (switches = {}): Promise<Laboratory> => {
  const lab = await Laboratory.open({ reportDelayMs: 0, ...switches });
  await allow(lab, ALL_SIGHTS);
  return lab;
};

describe('a long list', () => {
  it('is seen page by page, each key and each secret once', async () => {
    const lab = await sighted();
    for (let owner = 0; owner < 12; owner += 1) {
      const { iamId } = await lab.admin.createServiceId(`owner-${owner}`, 'Has many keys.');
      for (let count = 0; count < 20; count += 1) await makeKey(lab, iamId);
      await lab.pass(MINUTE_MS);
    }
    for (let count = 0; count < 1_010; count += 1) {
      await lab.admin.request('POST', '/api/v2/secrets', {
        secret_type: 'arbitrary',
        name: `secret-${count}`,
        payload: 'a value',
      });
    }
    const { keys, secrets, pages, inventory } = await take(lab, lab.manifest());
    expect(keys.map(({ id }) => id).toSorted()).toEqual(lab.state.iam.apiKeys.map(({ id }) => id).toSorted());
    expect(secrets.map(({ id }) => id).toSorted()).toEqual(
      lab.state.secretsManager.secrets.map(({ id }) => id).toSorted(),
    );
    expect(Math.max(...pages.keys)).toBeLessThanOrEqual(100);
    expect(pages.secrets).toEqual([1_000, 10]);
    expect(saidOf(inventory.unseen)).toEqual([]);
  });
});

describe('service IDs that are in groups', () => {
  it('have lists of their own, which are seen too', async () => {
    const lab = await sighted();
    const account = { account_id: lab.cloud.account.id };
    const { id: groupId } = await lab.admin.request('POST', '/v1/serviceid_groups', { ...account, name: 'agents' });
    const grouped = { ...account, name: 'grouped', group_id: groupId };
    const created = await lab.admin.request('POST', '/v1/serviceids', grouped);
    const id = await makeKey(lab, String(created['iam_id']));
    const taken = await take(lab, lab.manifest());
    expect(byId(taken, id)).toMatchObject({ owner: created['id'], ownerName: 'grouped' });
  });
});

describe('an API key behind a service credential', () => {
  it('is seen whether or not the list of keys shows it', async () => {
    for (const hiddenApiKeysListed of [true, false]) {
      const account = await InventoryAccount.open({ reportDelayMs: 0, hiddenApiKeysListed });
      const { keys, inventory } = await take(account.lab, account.manifest);
      expect(keys.filter(({ generatedFor }) => generatedFor !== null)).toHaveLength(hiddenApiKeysListed ? 2 : 0);
      expect(saidOf(inventory.unseen)).toHaveLength(1);
    }
  });

  it('tells of the use of the credential where that holds nothing else, and of none with other secrets', async () => {
    const lab = await sighted();
    const instance = await lab.admin.request('POST', '/v2/resource_instances', {
      name: 'bucket',
      target: 'global',
      resource_group: lab.cloud.account.resourceGroupId,
      resource_plan_id: COS_PLAN,
    });
    const administrator = { serviceInstance: String(instance['guid']) };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.administrator, 'cloud-object-storage', administrator);
    const make = async (parameters: object) => {
      const body = { name: 'by hand', source: instance['guid'], role: 'Writer', parameters };
      return String((await lab.admin.request('POST', '/v2/resource_keys', body))['guid']);
    };
    const [plain, withHmac] = [await make({}), await make({ HMAC: true })];
    await lab.pass(HOUR_MS);
    const taken = await take(lab, lab.manifest());
    expect([byId(taken, plain).lastUsed, byId(taken, withHmac).lastUsed]).toEqual(['never', 'unknown']);
  });
});

describe('the marks of keys', () => {
  it('do not call a key left over whose secret could not be seen', async () => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    const name = formatKeyName({ deployment: 'lab', name: 'ingest', op: 'abcdefghijkl' });
    const leftOver = await makeKey(lab, lab.serviceId.iamId, { name });
    await lab.pass(HOUR_MS);
    lab.fault({ match: 'GET /api/v2/secrets', status: 400 });
    const blind = await take(lab, lab.manifest());
    expect(byId(blind, leftOver).managed).toEqual({ entry: 'ingest', as: 'untold' });
    expect(saidOf(blind.inventory.unseen)).toEqual(['secrets: failed']);
    const sighting = await take(lab, lab.manifest());
    expect(byId(sighting, leftOver).managed).toEqual({ entry: 'ingest', as: 'unknown' });
  });

  it('leave a key alone that is to be taken in until its successor is there', async () => {
    const lab = await sighted();
    const adopted = (await lab.makeKeyByHand()).id;
    const manifest = lab.manifest({ adopt: [adopted] });
    expect(byId(await take(lab, manifest), adopted).managed).toBeNull();
    await lab.tick(manifest);
    const taken = await take(lab, manifest);
    expect(byId(taken, adopted).managed).toEqual({ entry: 'ingest', as: 'former' });
    expect(byId(taken, lab.currentKeyId()).managed).toEqual({ entry: 'ingest', as: 'current' });
  });

  it('go by the secret in the place of the entry, not by one that somebody copied', async () => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    const { customMetadata } = lab.secret();
    const groupId = await lab.admin.createSecretGroup('elsewhere');
    lab.cloud.switches.secretNameScope = 'group';
    const { keyrota } = customMetadata as { keyrota: object };
    await lab.admin.request('POST', '/api/v2/secrets', {
      secret_type: 'arbitrary',
      name: 'ingest',
      secret_group_id: groupId,
      labels: [LABEL],
      payload: 'a value',
      custom_metadata: { keyrota: { ...keyrota, key_id: 'ApiKey-of-nobody' } },
    });
    const taken = await take(lab, lab.manifest());
    expect(byId(taken, lab.currentKeyId()).managed).toEqual({ entry: 'ingest', as: 'current' });
    expect(taken.secrets.map(({ entry }) => entry)).toEqual(['ingest', 'ingest']);
  });

  it('find the key of an entry whose secret is still in another group, and that of one under a former name', async () => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    const current = lab.currentKeyId();
    const groupId = await lab.admin.createSecretGroup('elsewhere');
    const moved = lab.manifest({ secret: { group: groupId } });
    expect(byId(await take(lab, moved), current).managed).toEqual({ entry: 'ingest', as: 'current' });
    const renamed = lab.manifest({ name: 'shipping', formerly: ['ingest'] });
    const taken = await take(lab, renamed);
    expect(byId(taken, current).managed).toEqual({ entry: 'shipping', as: 'current' });
    expect(secretNamed(taken, 'ingest').entry).toBe('shipping');
  });

  it('mark a leaked key that only the summary names', async () => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    const leaked = await makeKey(lab, lab.serviceId.iamId);
    const { id, customMetadata } = lab.secret();
    const { keyrota } = customMetadata as { keyrota: object };
    const compromised = [{ key_id: leaked, at: new Date(lab.clock.nowMs()).toISOString(), by: 'test', delivery: '1' }];
    const authorization = await lab.adminAuthorization();
    const body = JSON.stringify({ custom_metadata: { keyrota: { ...keyrota, compromised_keys: compromised } } });
    const headers = { authorization, 'content-type': 'application/merge-patch+json' };
    await lab.send(new Request(`http://cloud.local/api/v2/secrets/${id}/metadata`, { method: 'PATCH', headers, body }));
    expect(byId(await take(lab, lab.manifest()), leaked).managed).toEqual({ entry: 'ingest', as: 'former' });
  });
});

describe('a key of an entry that the list of the account lacks', () => {
  it('is asked for by its id, so that it is not taken for gone', async () => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    await lab.works(await lab.fetchValue());
    const current = lab.currentKeyId();
    const without = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path !== '/v1/apikeys') return;
      body['apikeys'] = (body['apikeys'] as { id: string }[]).filter(({ id }) => id !== current);
    });
    const taken = await take(lab, lab.manifest(), { http: { adapter: without } });
    expect(byId(taken, current)).toMatchObject({
      ownerName: 'log-agent',
      lastUsed: { atMs: expect.any(Number) as number, isAtLeast: false },
      managed: { entry: 'ingest', as: 'current' },
    });
    expect(taken.inventory.complete.has('service-id-api-key')).toBe(true);
    await lab.admin.request('DELETE', `/v1/apikeys/${current}`);
    const { keys, inventory } = await take(lab, lab.manifest());
    expect(keys.map(({ id }) => id)).not.toContain(current);
    expect([inventory.complete.has('service-id-api-key'), saidOf(inventory.unseen)]).toEqual([true, []]);
  });
});

describe('a manifest without entries', () => {
  it('has an inventory of the account all the same', async () => {
    const lab = await sighted();
    const { inventory, keys } = await take(lab, manifestOf('lab', []));
    expect(keys).toHaveLength(lab.state.iam.apiKeys.length);
    expect(inventory.facts.keysPerIdentity).toBe(20);
  });
});
