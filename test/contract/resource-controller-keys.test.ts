import ResourceControllerV2 from '@ibm-cloud/platform-services/resource-controller/v2.js';
import { IamAuthenticator } from 'ibm-cloud-sdk-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import { Fault } from '../../infra/local/faults.ts';
import { PLAN, ResourceCloud, resourceRefusalOf, resourceRefused } from './support/resource-cloud.ts';

const UNKNOWN_GUID = '00000000-0000-4000-8000-000000000000';
const HOUR_MS = 3_600_000;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{0,8}[1-9])?Z$/;
const WRITER = 'crn:v1:bluemix:public:iam::::serviceRole:Writer';
const SECRETS_READER = 'crn:v1:bluemix:public:secrets-manager::::serviceRole:SecretsReader';

let world: ResourceCloud;

beforeEach(async () => {
  world = await ResourceCloud.start();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** The account's owner, who may do everything. */
const owner = (): ResourceControllerV2 => world.owner.resources;

const secretsManager = () => world.iam.cloud.account.secretsManager;

const namesOf = (resources: readonly { name?: string }[]) => resources.map(({ name }) => name);

interface IamState {
  apiKeys: { id: string; name: string; iamId: string }[];
  serviceIds: { id: string; iamId: string; name: string }[];
  policies: { id: string; subject: string; roleIds: string[] }[];
}

const iamState = () => world.iam.cloud.iam.snapshot({ withValues: false }) as IamState;

const serviceIdIn = (crn: unknown): string => String(crn).split(':').at(-1) ?? '';

async function ownServiceId(): Promise<{ id: string; crn: string; iamId: string }> {
  const { accountId, identity } = { accountId: world.iam.accountId, identity: world.owner.identity };
  const { result } = await identity.createServiceId({ accountId, name: 'application' });
  return { id: result.id, crn: result.crn, iamId: result.iam_id };
}

describe('resource keys', () => {
  it('are created as IBM describes them', async () => {
    const { account } = world.iam.cloud;
    const { guid, crn } = secretsManager();
    const { status, headers, result } = await owner().createResourceKey({
      name: 'my key',
      source: guid,
      role: 'Writer',
    });
    expect(status).toBe(201);
    expect(headers['transaction-id']).toMatch(/^[0-9a-f]{32}$/);
    const keyCrn = `${crn.slice(0, -1)}resource-key:${result.guid}`;
    expect(result).toEqual({
      id: keyCrn,
      guid: result.guid,
      url: `/v2/resource_keys/${result.guid}`,
      created_at: expect.stringMatching(RFC_3339) as unknown,
      updated_at: result.created_at,
      deleted_at: null,
      created_by: world.owner.iamId,
      updated_by: world.owner.iamId,
      deleted_by: '',
      source_crn: crn,
      role: WRITER,
      parameters: { role_crn: WRITER },
      name: 'my key',
      crn: keyCrn,
      state: 'active',
      account_id: account.id,
      resource_group_id: account.resourceGroupId,
      resource_id: 'ebc0cdb0-af2a-11ea-98c7-29e5db822649',
      onetime_credentials: false,
      credentials: {
        apikey: expect.stringMatching(/^[A-Za-z0-9_-]{44}$/) as unknown,
        iam_apikey_description: `Auto-generated for key ${keyCrn}`,
        iam_apikey_id: expect.stringMatching(/^ApiKey-/) as unknown,
        iam_apikey_name: 'my key',
        iam_role_crn: WRITER,
        iam_serviceid_crn: expect.stringContaining(':serviceid:ServiceId-') as unknown,
      },
      iam_compatible: true,
      migrated: false,
      resource_instance_url: `/v2/resource_instances/${guid}`,
      resource_alias_url: null,
    });
  });

  it('are found by GUID and by CRN, with their credentials', async () => {
    const key = await world.key(secretsManager().crn);
    for (const id of [key.guid, key.crn]) {
      const { result } = await owner().getResourceKey({ id });
      expect(result.credentials).toEqual(key.credentials);
    }
  });

  it('are not found for a moment after their creation', async () => {
    world.switches.freshResourceKeyReadDelayMs = 2_000;
    const key = await world.key(secretsManager().guid);
    await world.pass(1_999);
    const { status, result } = await resourceRefusalOf(owner().getResourceKey({ id: key.crn }));
    expect([status, result.error_code]).toEqual([404, 'RC-DatabaseErrorResponse']);
    expect(result.message).toBe(`The resource key cannot be found: ${key.crn}`);
    await world.pass(1);
    expect((await owner().getResourceKey({ id: key.crn })).status).toBe(200);
  });

  it('are renamed, and nothing else', async () => {
    const key = await world.key(secretsManager().guid);
    await world.pass(1_000);
    const { status, result } = await owner().updateResourceKey({ id: key.crn, name: 'renamed' });
    expect([status, result.name]).toEqual([200, 'renamed']);
    expect(result.credentials).toEqual(key.credentials);
    expect(Date.parse(result.updated_at ?? '')).toBe(Date.parse(key.created_at ?? '') + 1_000);
    const path = `/v2/resource_keys/${key.guid}`;
    const answer = await world.iam.send('PATCH', path, world.owner.token, { name: 'again', role: 'Reader' });
    expect(answer.status).toBe(400);
  });

  it('may have the same name', async () => {
    const one = await world.key(secretsManager().guid, { name: 'same' });
    const other = await world.key(secretsManager().guid, { name: 'same' });
    expect(one.guid).not.toBe(other.guid);
  });

  it('show as removed after their deletion, without credentials, and later not at all', async () => {
    const key = await world.key(secretsManager().guid);
    const { status } = await owner().deleteResourceKey({ id: key.guid });
    const { result } = await owner().getResourceKey({ id: key.guid });
    expect(status).toBe(204);
    expect(result).toMatchObject({ id: key.crn, state: 'removed', deleted_by: world.owner.iamId });
    expect(result.deleted_at).toMatch(RFC_3339);
    expect(result).not.toHaveProperty('credentials');
    world.switches.removedResourceShownMs = HOUR_MS;
    await world.pass(HOUR_MS);
    expect((await resourceRefused(owner().getResourceKey({ id: key.guid })))[0]).toBe(404);
    world.switches.forgottenResourceStatus = 410;
    expect((await resourceRefused(owner().getResourceKey({ id: key.guid })))[0]).toBe(410);
  });

  it('are deleted once: the next time they are gone, or not found when that is switched on', async () => {
    const key = await world.key(secretsManager().guid);
    await owner().deleteResourceKey({ id: key.crn });
    expect((await resourceRefused(owner().deleteResourceKey({ id: key.crn })))[0]).toBe(410);
    expect((await resourceRefused(owner().updateResourceKey({ id: key.crn, name: 'b' })))[0]).toBe(410);
    world.switches.removedResourceWriteStatus = 404;
    expect(await resourceRefused(owner().deleteResourceKey({ id: key.crn }))).toEqual([
      404,
      'RC-DatabaseErrorResponse',
    ]);
  });

  it('that never were are not found', async () => {
    const calls = [
      owner().getResourceKey({ id: UNKNOWN_GUID }),
      owner().deleteResourceKey({ id: UNKNOWN_GUID }),
      owner().updateResourceKey({ id: UNKNOWN_GUID, name: 'b' }),
      owner().createResourceKey({ name: 'a', source: UNKNOWN_GUID, role: 'Reader' }),
      owner().listResourceKeysForInstance({ id: UNKNOWN_GUID }),
    ];
    for (const call of calls) expect(await resourceRefused(call)).toEqual([404, 'RC-DatabaseErrorResponse']);
  });

  it.each<[string, Partial<ResourceControllerV2.CreateResourceKeyParams>]>([
    ['an unknown role', { role: 'Owner' }],
    ['a platform role', { role: 'Viewer' }],
    ['the last two parts of the CRN of a role', { role: 'serviceRole:Reader' }],
    ['the end of the CRN of a role', { role: 'iam::::serviceRole:Reader' }],
    ['the role of another service', { role: 'crn:v1:bluemix:public:logs::::serviceRole:Sender' }],
    ['a parameter that the service does not know', { parameters: { HMAC: true } }],
    ['an unknown service ID', { parameters: { serviceid_crn: `crn:serviceid:ServiceId-${UNKNOWN_GUID}` } }],
  ])('are refused with %s', async (_, wrong) => {
    expect(await resourceRefused(world.key(secretsManager().guid, wrong))).toEqual([400, 'RC-BadRequest']);
  });

  it('are refused without a role where the service has IAM', async () => {
    const call = owner().createResourceKey({ name: 'a', source: secretsManager().guid });
    expect(await resourceRefused(call)).toEqual([400, 'RC-BadRequest']);
  });

  it('can have a role of their service alone', async () => {
    const key = await world.key(secretsManager().guid, { role: SECRETS_READER });
    expect(key.credentials['iam_role_crn']).toBe(SECRETS_READER);
  });

  it('can be limited in number by the broker of their service', async () => {
    world.switches.resourceKeysPerInstance = 1;
    await world.key(secretsManager().guid);
    const { status, result } = await resourceRefusalOf(world.key(secretsManager().guid));
    expect([status, result.error_code]).toEqual([422, 'RC-ServiceBrokerErrorResponse']);
    expect(result.message).toContain('[409, Conflict]');
    expect(iamState().serviceIds).toHaveLength(1);
  });

  it('are there when only the answer to their creation is lost: a list finds them by name', async () => {
    world.iam.cloud.faults.add(Fault.parse({ match: 'POST /v2/resource_keys', drop: 'answer' }));
    const { status } = await resourceRefusalOf(world.key(secretsManager().guid, { name: 'run 7' }));
    const { result } = await owner().listResourceKeys({ name: 'run 7' });
    expect([status, result.rows_count]).toEqual([undefined, 1]);
  });

  it('tell whoever watches the account of their creation and end', async () => {
    const records: AuditRecord[] = [];
    world.iam.cloud.audit.watch((record) => records.push(record));
    const key = await world.key(secretsManager().guid);
    await owner().deleteResourceKey({ id: key.guid });
    expect(records.map(({ action }) => action)).toEqual([
      'api-key.create',
      'resource-key.create',
      'api-key.delete',
      'resource-key.delete',
    ]);
  });

  it('show in the state of the world, their credentials only on demand', async () => {
    const key = await world.key(secretsManager().guid);
    const stateOf = (withValues: boolean) =>
      (world.iam.cloud.snapshot({ withValues }) as { resourceController: { keys: object[] } }).resourceController.keys;
    expect(stateOf(true)).toMatchObject([{ guid: key.guid, name: 'a key', credentials: key.credentials }]);
    expect(stateOf(false)).toMatchObject([{ guid: key.guid, apiKeyId: key.credentials['iam_apikey_id'] }]);
    expect(JSON.stringify(stateOf(false))).not.toContain(key.credentials['apikey']);
  });
});

describe('lists of keys', () => {
  it('show what all filters let through', async () => {
    const cloudant = await world.instance(PLAN.cloudant);
    const one = await world.key(cloudant.guid, { name: 'one' });
    await world.key(secretsManager().guid, { name: 'two' });
    const listed = async (params: ResourceControllerV2.ListResourceKeysParams) =>
      namesOf((await owner().listResourceKeys(params)).result.resources);
    expect(await listed({})).toEqual(['one', 'two']);
    expect(await listed({ guid: one.guid })).toEqual(['one']);
    expect(await listed({ name: 'two' })).toEqual(['two']);
    expect(await listed({ resourceId: 'cloudant' })).toEqual(['one']);
    expect(await listed({ resourceGroupId: 'other' })).toEqual([]);
    expect(await listed({ updatedFrom: new Date(world.iam.clock.nowMs() + 1).toISOString() })).toEqual([]);
    await owner().deleteResourceKey({ id: one.guid });
    expect(await listed({})).toEqual(['two']);
  });

  it('of an instance show its keys only, by GUID and by CRN', async () => {
    const cloudant = await world.instance(PLAN.cloudant);
    const key = await world.key(cloudant.guid, { name: 'one' });
    await world.key(secretsManager().guid, { name: 'two' });
    for (const id of [cloudant.guid, cloudant.crn]) {
      const { result } = await owner().listResourceKeysForInstance({ id });
      expect(result).toMatchObject({ rows_count: 1, next_url: null, resources: [{ guid: key.guid }] });
      expect(result.resources[0]?.credentials).toEqual(key.credentials);
    }
  });

  it("come in pages that IBM's pagers put together", async () => {
    const { guid } = secretsManager();
    for (const name of ['a', 'b', 'c']) await world.key(guid, { name });
    const all = await new ResourceControllerV2.ResourceKeysPager(owner(), { limit: 2 }).getAll();
    const ofInstance = new ResourceControllerV2.ResourceKeysForInstancePager(owner(), { id: guid, limit: 1 });
    expect(namesOf(all)).toEqual(['a', 'b', 'c']);
    expect(namesOf(await ofInstance.getNext())).toEqual(['a']);
    expect(namesOf(await ofInstance.getAll())).toEqual(['b', 'c']);
  });
});

describe('what stands behind a key in IAM', () => {
  it('is an API key that logs in, with the role of the key on its instance and nowhere else', async () => {
    const { guid } = secretsManager();
    const key = await world.key(guid);
    const authenticator = new IamAuthenticator({ apikey: String(key.credentials['apikey']), url: world.iam.url });
    const request = { headers: {} as Record<string, string> };
    await authenticator.authenticate(request);
    const caller = world.iam.cloud.iam.callerOf(request.headers['Authorization']);
    expect(caller?.iamId).toBe(`iam-${serviceIdIn(key.credentials['iam_serviceid_crn'])}`);
    const may = (serviceInstance: string, action: string) =>
      caller !== null &&
      world.iam.cloud.iam.allows(caller, action, { serviceName: 'secrets-manager', serviceInstance });
    expect(may(guid, 'secrets-manager.secret.create')).toBe(true);
    expect(may(guid, 'secrets-manager.secret.delete')).toBe(false);
    expect(may(UNKNOWN_GUID, 'secrets-manager.secret.create')).toBe(false);
  });

  it('is refused for its first moments, as any fresh API key', async () => {
    world.switches.firstLoginDelayMs = 2_000;
    const key = await world.key(secretsManager().guid);
    const early = await world.iam.logIn(String(key.credentials['apikey']));
    expect(early.body.errorCode).toBe('BXNIM0415E');
  });

  it('is a service ID of its own, which goes with the key, and its tokens too', async () => {
    const before = iamState();
    const key = await world.key(secretsManager().guid);
    const made = iamState();
    expect([made.serviceIds.length, made.apiKeys.length, made.policies.length]).toEqual([
      before.serviceIds.length + 1,
      before.apiKeys.length + 1,
      before.policies.length + 1,
    ]);
    const { body } = await world.iam.logIn(String(key.credentials['apikey']));
    await owner().deleteResourceKey({ id: key.guid });
    expect(iamState()).toEqual(before);
    expect(world.iam.cloud.iam.callerOf(`Bearer ${body.access_token}`)).toBeNull();
    expect((await world.iam.logIn(String(key.credentials['apikey']))).body.errorCode).toBe('BXNIM0415E');
  });

  it('shows in the list of API keys but not in that of service IDs; both can be switched', async () => {
    const key = await world.key(secretsManager().guid);
    const { accountId } = world.iam;
    const listed = async () => {
      const { identity } = world.owner;
      const keys = await identity.listApiKeys({ accountId, scope: 'account', type: 'serviceid' });
      const serviceIds = await identity.listServiceIds({ accountId });
      return [keys.result.apikeys.map(({ id }) => id), serviceIds.result.serviceids.map(({ id }) => id)];
    };
    const serviceId = serviceIdIn(key.credentials['iam_serviceid_crn']);
    expect(await listed()).toEqual([[key.credentials['iam_apikey_id']], []]);
    world.switches.hiddenApiKeysListed = false;
    world.switches.hiddenServiceIdsListed = true;
    expect(await listed()).toEqual([[], [serviceId]]);
    const { result } = await world.owner.identity.getServiceId({ id: serviceId });
    expect(result.description).toBe(`Auto-generated for key ${key.crn}`);
  });

  it('counts to the limit of service IDs, and nothing is left of a key that finds no room', async () => {
    const body = { account_id: world.iam.accountId, name: 'many' };
    for (let made = 0; made < 2_000; made += 1) await world.iam.send('POST', '/v1/serviceids', world.owner.token, body);
    const call = world.key(secretsManager().guid);
    expect(await resourceRefused(call)).toEqual([422, 'RC-IamErrorResponse']);
    const state = iamState();
    expect([state.serviceIds.length, state.apiKeys.length, state.policies.length]).toEqual([2_000, 1, 0]);
    expect((await owner().listResourceKeys()).result.resources).toEqual([]);
  });

  it('counts to the limit of policies, and nothing is left of a key that finds no room', async () => {
    const { iamId } = await world.iam.serviceId();
    const { iamId: other } = await world.iam.serviceId();
    const more = [world.owner.iamId, (await ownServiceId()).iamId, (await ownServiceId()).iamId];
    const before = iamState();
    let left = 4_020;
    for (const subject of [iamId, other, ...more]) {
      for (let made = 0; made < 1_000 && left > 0; made += 1, left -= 1) {
        const policy = world.iam.policy(subject, WRITER, { serviceName: 'logs', serviceInstance: `number-${made}` });
        await world.iam.send('POST', '/v1/policies', world.owner.token, policy);
      }
    }
    expect(await resourceRefused(world.key(secretsManager().guid))).toEqual([422, 'RC-IamErrorResponse']);
    const { apiKeys, serviceIds, policies } = iamState();
    expect([apiKeys, serviceIds, policies.length]).toEqual([before.apiKeys, before.serviceIds, 4_020]);
  });

  it('has no policy for the role NONE', async () => {
    const key = await world.key(secretsManager().guid, { role: 'NONE' });
    expect(iamState().policies).toEqual([]);
    expect(key.credentials).not.toHaveProperty('iam_role_crn');
    expect((await world.iam.logIn(String(key.credentials['apikey']))).status).toBe(200);
  });

  it('is an API key of the service ID that is named, which stays with its policy', async () => {
    const { crn, iamId } = await ownServiceId();
    const { guid } = secretsManager();
    const parameters = { serviceid_crn: crn };
    const one = await world.key(guid, { parameters });
    const other = await world.key(guid, { parameters });
    const keysOf = () =>
      iamState()
        .apiKeys.filter((key) => key.iamId === iamId)
        .map(({ id }) => id);
    expect(one.credentials['iam_serviceid_crn']).toBe(crn);
    expect(keysOf()).toEqual([one.credentials['iam_apikey_id'], other.credentials['iam_apikey_id']]);
    await owner().deleteResourceKey({ id: one.guid });
    expect(keysOf()).toEqual([other.credentials['iam_apikey_id']]);
    expect(iamState().policies).toMatchObject([{ subject: iamId, roleIds: [WRITER] }]);
    expect((await world.iam.logIn(String(other.credentials['apikey']))).status).toBe(200);
  });

  it('is never the service ID of another key, which would go with that one', async () => {
    const other = await world.key(secretsManager().guid);
    const parameters = { serviceid_crn: String(other.credentials['iam_serviceid_crn']) };
    const call = world.key(secretsManager().guid, { parameters });
    expect(await resourceRefused(call)).toEqual([400, 'RC-BadRequest']);
    expect(iamState().apiKeys.filter(({ name }) => name === 'a key')).toHaveLength(1);
  });

  it('is no more than 20 API keys of a service ID', async () => {
    const { crn, iamId } = await ownServiceId();
    const { identity } = world.owner;
    for (let made = 0; made < 20; made += 1) await identity.createApiKey({ name: 'key', iamId });
    const call = world.key(secretsManager().guid, { parameters: { serviceid_crn: crn } });
    expect(await resourceRefused(call)).toEqual([422, 'RC-IamErrorResponse']);
    expect(iamState().policies).toEqual([]);
  });

  it('does not come where a locked service ID would need a policy', async () => {
    const { id, crn } = await ownServiceId();
    await world.owner.identity.lockServiceId({ id });
    const call = world.key(secretsManager().guid, { parameters: { serviceid_crn: crn } });
    expect(await resourceRefused(call)).toEqual([422, 'RC-IamErrorResponse']);
    expect(iamState().apiKeys).toHaveLength(1);
  });

  it('keeps the key from being deleted while it is locked', async () => {
    const key = await world.key(secretsManager().guid);
    const { identity } = world.owner;
    const id = String(key.credentials['iam_apikey_id']);
    await identity.lockApiKey({ id });
    expect(await resourceRefused(owner().deleteResourceKey({ id: key.guid }))).toEqual([422, 'RC-IamErrorResponse']);
    await identity.unlockApiKey({ id });
    expect((await owner().deleteResourceKey({ id: key.guid })).status).toBe(204);
  });

  it('is refused where service IDs are restricted, but for a service ID that is named; that is a switch', async () => {
    const { identity } = world.owner;
    const { accountId } = world.iam;
    const { crn } = await ownServiceId();
    await identity.updateAccountSettings({ accountId, ifMatch: '*', restrictCreateServiceId: 'RESTRICTED' });
    const { guid } = secretsManager();
    expect(await resourceRefused(world.key(guid))).toEqual([403, 'RC-Forbidden']);
    await world.key(guid, { parameters: { serviceid_crn: crn } });
    world.switches.restrictionBreaksResourceKeys = false;
    await world.key(guid);
  });

  it('may be deleted by hand: the key then goes all the same', async () => {
    const key = await world.key(secretsManager().guid);
    await world.owner.identity.deleteServiceId({ id: serviceIdIn(key.credentials['iam_serviceid_crn']) });
    expect((await owner().deleteResourceKey({ id: key.guid })).status).toBe(204);
  });
});

describe('the credentials of a key', () => {
  it('for Cloud Object Storage have its endpoints, and an HMAC pair on demand', async () => {
    const { guid, crn } = await world.instance(PLAN.objectStorage);
    const plain = await world.key(guid);
    const withHmac = await world.key(guid, { parameters: { HMAC: true, 'service-endpoints': 'private' } });
    const common = {
      endpoints: 'https://control.cloud-object-storage.cloud.ibm.com/v2/endpoints',
      resource_instance_id: crn,
    };
    expect(plain.credentials).toMatchObject(common);
    expect(plain.credentials).not.toHaveProperty('cos_hmac_keys');
    expect(withHmac.credentials).toMatchObject({
      ...common,
      cos_hmac_keys: {
        access_key_id: withHmac.guid.replaceAll('-', ''),
        secret_access_key: expect.stringMatching(/^[0-9a-f]{48}$/) as unknown,
      },
    });
    const wrong = world.key(guid, { parameters: { HMAC: 'true' } });
    expect(await resourceRefused(wrong)).toEqual([400, 'RC-BadRequest']);
  });

  it('for Cloud Object Storage need a service ID of their own, unless that is switched off', async () => {
    const { crn } = await ownServiceId();
    const { guid } = await world.instance(PLAN.objectStorage);
    const parameters = { serviceid_crn: crn };
    const first = await world.key(guid, { parameters });
    const { status, result } = await resourceRefusalOf(world.key(guid, { parameters }));
    expect([status, result.error_code]).toEqual([422, 'RC-ServiceBrokerErrorResponse']);
    expect(result.message).toContain('is in use by another application');
    world.switches.cosRefusesUsedServiceId = false;
    await world.key(guid, { parameters });
    world.switches.cosRefusesUsedServiceId = true;
    await owner().deleteResourceKey({ id: first.guid });
    expect((await resourceRefusalOf(world.key(guid, { parameters }))).status).toBe(422);
  });

  it('for Cloudant have a user and a password beside the API key', async () => {
    const { guid } = await world.instance(PLAN.cloudant);
    const { credentials } = await world.key(guid);
    const [host, username, password] = ['host', 'username', 'password'].map((name) => String(credentials[name]));
    expect(password).toMatch(/^[0-9a-f]{64}$/);
    expect(credentials).toMatchObject({ port: 443, url: `https://${username}:${password}@${host}` });
    expect(credentials['apikey']).toMatch(/^[A-Za-z0-9_-]{44}$/);
  });

  it('for logdna have the same service key whatever is created and deleted, and only for managers', async () => {
    world.switches.logdnaOffered = true;
    const { guid } = await world.instance(PLAN.logdna);
    const first = await world.key(guid, { role: 'Manager' });
    await owner().deleteResourceKey({ id: first.guid });
    const second = await world.key(guid, { role: 'Manager' });
    const writer = await world.key(guid, { role: 'Writer' });
    const keysOf = ({ credentials }: typeof first) => [credentials['ingestion_key'], credentials['service_key']];
    expect(first.credentials['service_key']).toMatch(/^[0-9a-f]{32}$/);
    expect(keysOf(second)).toEqual(keysOf(first));
    expect(second.credentials['apikey']).not.toBe(first.credentials['apikey']);
    expect(keysOf(writer)).toEqual([first.credentials['ingestion_key'], undefined]);
  });

  it('for a service without IAM are a user and a password, with no role and nothing in IAM', async () => {
    const { guid } = await world.instance(PLAN.generic);
    const { result } = await owner().createResourceKey({ name: 'a', source: guid, parameters: { anything: 'goes' } });
    expect(Object.keys(result.credentials ?? {})).toEqual(['host', 'password', 'port', 'username']);
    expect(result).toMatchObject({ iam_compatible: false, role: 'NONE', parameters: { anything: 'goes' } });
    expect(iamState().serviceIds).toEqual([]);
    expect(await resourceRefused(world.key(guid))).toEqual([400, 'RC-BadRequest']);
    const { crn } = await ownServiceId();
    const withServiceId = world.key(guid, { role: 'NONE', parameters: { serviceid_crn: crn } });
    expect(await resourceRefused(withServiceId)).toEqual([400, 'RC-BadRequest']);
  });

  it('of a one-time instance show at the creation only, even to the owner, and that stays so', async () => {
    const { guid } = await world.instance(PLAN.cloudant, { parameters: { onetime_credentials: true } });
    const key = await world.key(guid);
    expect(key.credentials).toHaveProperty('apikey');
    await owner().updateResourceInstance({ id: guid, parameters: { onetime_credentials: false } });
    const { result } = await owner().getResourceKey({ id: key.guid });
    expect(result).toMatchObject({ onetime_credentials: true, credentials: { REDACTED: 'REDACTED' } });
    const later = await world.key(guid);
    const { result: shown } = await owner().getResourceKey({ id: later.guid });
    expect(shown.credentials).toEqual(later.credentials);
  });
});
