import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';
import { PLAN, ResourceCloud, resourceRefused } from './support/resource-cloud.ts';

const HOUR_MS = 3_600_000;

let world: ResourceCloud;

beforeEach(async () => {
  world = await ResourceCloud.start();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** Status of shipping a line with a key, to an instance that the path names. */
async function ship(apiKey: unknown, instance: string): Promise<number> {
  const { body } = await world.iam.logIn(String(apiKey));
  return (await shipWith(body.access_token, `/logs/${instance}/logs/v1/singles`)).status;
}

const shipWith = (token: string, path: string): Promise<Response> =>
  world.iam.send('POST', path, token, [{ applicationName: 'agent', subsystemName: 'test', text: 'hello' }]);

/** A key with which lines can be sent to an instance of Cloud Logs. */
async function sender() {
  const instance = await world.instance(PLAN.logs);
  const { guid, credentials } = await world.key(instance.guid, { role: ROLE.sender });
  const serviceId = String(credentials['iam_serviceid_crn']).split(':').at(-1) ?? '';
  return { instance, guid, serviceId, id: String(credentials['iam_apikey_id']), apiKey: credentials['apikey'] };
}

/** Somebody with Operator on iam-identity, for one service ID or for all. */
async function rotator(serviceId?: string): Promise<Person> {
  const resource = serviceId === undefined ? {} : { resourceType: 'serviceid', resource: serviceId };
  const attributes = { serviceName: 'iam-identity', ...resource };
  return (await world.iam.serviceId({ roleId: ROLE.operator, attributes })).person;
}

describe('the inner API key of a key with the role Sender', () => {
  it('ships lines to its own instance of Cloud Logs and to no other', async () => {
    const { instance, apiKey } = await sender();
    const other = await world.instance(PLAN.logs);
    const fromTheStart = world.iam.cloud.account.cloudLogs.guid;
    expect(await ship(apiKey, instance.guid)).toBe(200);
    expect([await ship(apiKey, other.guid), await ship(apiKey, fromTheStart)]).toEqual([403, 403]);
  });

  it('ships lines to the instance of the start by both of its paths', async () => {
    const { guid } = world.iam.cloud.account.cloudLogs;
    const { credentials } = await world.key(guid, { role: ROLE.sender });
    const { body } = await world.iam.logIn(String(credentials['apikey']));
    for (const path of ['/logs/v1/singles', `/logs/${guid}/logs/v1/singles`])
      expect((await shipWith(body.access_token, path)).status).toBe(200);
  });

  it('ships nothing to what is no instance of Cloud Logs, or is removed', async () => {
    const { instance, guid, apiKey } = await sender();
    const { body } = await world.iam.logIn(String(apiKey));
    expect(await ship(apiKey, world.iam.cloud.account.secretsManager.guid)).toBe(404);
    await world.owner.resources.deleteResourceKey({ id: guid });
    await world.owner.resources.deleteResourceInstance({ id: instance.guid });
    const path = `/logs/${instance.guid}/logs/v1/singles`;
    expect((await shipWith(body.access_token, path)).status).toBe(401);
    expect((await shipWith(world.owner.token, path)).status).toBe(404);
  });

  it.each([
    ['of all service IDs', false],
    ['of its hidden service ID alone', true],
  ])('is disabled and enabled by an operator %s', async (_, alone) => {
    const { instance, serviceId, id, apiKey } = await sender();
    const { identity } = await rotator(alone ? serviceId : undefined);
    expect((await identity.disableApiKey({ id })).status).toBe(204);
    expect((await world.iam.logIn(String(apiKey))).body.errorCode).toBe('BXNIM0462E');
    expect((await identity.getApiKey({ id })).result).toMatchObject({ disabled: true, name: 'a key' });
    expect((await identity.enableApiKey({ id })).status).toBe(204);
    expect(await ship(apiKey, instance.guid)).toBe(200);
  });

  it('is not disabled by an operator of another service ID', async () => {
    const { id } = await sender();
    const other = await sender();
    const { identity } = await rotator(other.serviceId);
    await expect(identity.disableApiKey({ id })).rejects.toMatchObject({ status: 403 });
  });

  it('tells when it was last logged in with', async () => {
    const { serviceId, id, apiKey } = await sender();
    const activityOf = async () => {
      const { identity } = await rotator(serviceId);
      return (await identity.getApiKey({ id, includeActivity: true })).result.activity;
    };
    expect(await activityOf()).toEqual({ authn_count: 0 });
    await world.pass(HOUR_MS);
    await world.iam.logIn(String(apiKey));
    const minute = new Date(world.iam.clock.nowMs()).toISOString().slice(0, 16);
    await world.pass(HOUR_MS);
    expect(await activityOf()).toEqual({ authn_count: 1, last_authn: `${minute}+0000` });
  });
});

describe('a key that is asked for by the name of a role', () => {
  it('gets one that its service alone has only where that is switched on', async () => {
    const { guid } = await world.instance(PLAN.logs);
    expect(await resourceRefused(world.key(guid, { role: 'Sender' }))).toEqual([400, 'RC-BadRequest']);
    world.switches.serviceRolesByName = true;
    const { credentials } = await world.key(guid, { role: 'Sender' });
    expect(credentials['iam_role_crn']).toBe(ROLE.sender);
    for (const role of ['SecretsReader', 'Viewer', 'Key Manager'])
      expect(await resourceRefused(world.key(guid, { role }))).toEqual([400, 'RC-BadRequest']);
  });
});

describe('the answer to the creation of a key', () => {
  const credentialsFor = async (plan: string, roleIds: string[], parameters: object = {}) => {
    const { guid } = await world.instance(plan, { parameters });
    const service = plan === PLAN.logs ? 'logs' : 'cloud-object-storage';
    const { resources } = await world.tenant(roleIds, service);
    const role = plan === PLAN.logs ? ROLE.sender : 'Manager';
    return (await resources.createResourceKey({ name: 'a key', source: guid, role })).result.credentials;
  };

  it('shows the credentials of Object Storage to all who may make keys, or to administrators only', async () => {
    const { operator, administrator, manager } = ROLE;
    expect(await credentialsFor(PLAN.objectStorage, [operator, manager])).toHaveProperty('apikey');
    world.switches.createdCredentialsWithheld = true;
    expect(await credentialsFor(PLAN.objectStorage, [operator, manager])).toEqual({ REDACTED: 'REDACTED_EXPLICIT' });
    expect(await credentialsFor(PLAN.objectStorage, [administrator, manager])).toHaveProperty('apikey');
  });

  it('shows one-time credentials, also where it withholds others', async () => {
    world.switches.createdCredentialsWithheld = true;
    const shown = await credentialsFor(PLAN.logs, [ROLE.operator, ROLE.sender], { onetime_credentials: true });
    expect(shown).toHaveProperty('apikey');
  });
});
