import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROLE } from './support/iam-cloud.ts';
import { PLAN, ResourceCloud, resourceRefused } from './support/resource-cloud.ts';
import type { Tenant } from './support/resource-cloud.ts';

const KEY_MANAGER = 'crn:v1:bluemix:public:iam::::serviceRole:KeyManager';

let world: ResourceCloud;
let guid: string;

beforeEach(async () => {
  world = await ResourceCloud.start();
  ({ guid } = world.iam.cloud.account.secretsManager);
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const onSecretsManager = (...roleIds: string[]): Promise<Tenant> => world.tenant(roleIds, 'secrets-manager');

const keyFor = ({ resources }: Tenant, role: string, source = guid) =>
  resources.createResourceKey({ name: 'a key', source, role });

const statusOf = (call: Promise<{ status: number }>): Promise<number> =>
  call.then(
    ({ status }) => status,
    (error: unknown) => (error as { status: number }).status,
  );

describe('who may do what with resource keys', () => {
  const { viewer, operator, editor, administrator, writer } = ROLE;

  it.each([
    ['a viewer', viewer, { list: 200, get: 200, create: 403, update: 403, remove: 403 }],
    ['an operator', operator, { list: 200, get: 200, create: 201, update: 200, remove: 204 }],
    ['an editor', editor, { list: 200, get: 200, create: 201, update: 200, remove: 204 }],
    ['an administrator', administrator, { list: 200, get: 200, create: 201, update: 200, remove: 204 }],
    ['a key manager', KEY_MANAGER, { list: 200, get: 200, create: 201, update: 200, remove: 204 }],
    ['a writer', writer, { list: 403, get: 403, create: 403, update: 403, remove: 403 }],
  ])('%s', async (_, roleId, may) => {
    const { guid: id } = await world.key(guid, { role: 'Reader' });
    const tenant = await onSecretsManager(roleId, writer);
    const { resources } = tenant;
    expect({
      list: await statusOf(resources.listResourceKeysForInstance({ id: guid })),
      get: await statusOf(resources.getResourceKey({ id })),
      create: await statusOf(keyFor(tenant, 'Reader')),
      update: await statusOf(resources.updateResourceKey({ id, name: 'b' })),
      remove: await statusOf(resources.deleteResourceKey({ id })),
    }).toEqual(may);
  });

  it('nobody gives a key a role that is higher than their own on the service', async () => {
    const tenant = await onSecretsManager(operator, writer);
    expect(await statusOf(keyFor(tenant, 'Reader'))).toBe(201);
    expect(await statusOf(keyFor(tenant, 'Writer'))).toBe(201);
    expect(await statusOf(keyFor(tenant, 'NONE'))).toBe(201);
    expect(await resourceRefused(keyFor(tenant, 'Manager'))).toEqual([403, 'RC-Forbidden']);
  });

  it('a role of the service alone is given by who has that very role', async () => {
    const manager = await onSecretsManager(operator, ROLE.manager);
    const reader = await onSecretsManager(operator, ROLE.secretsReader);
    expect(await statusOf(keyFor(manager, ROLE.secretsReader))).toBe(403);
    expect(await statusOf(keyFor(reader, ROLE.secretsReader))).toBe(201);
  });

  it('an administrator without a service role makes no key but one without a role', async () => {
    const tenant = await onSecretsManager(administrator);
    expect(await statusOf(keyFor(tenant, 'Reader'))).toBe(403);
    expect(await statusOf(keyFor(tenant, 'NONE'))).toBe(201);
  });

  it('roles count on the instance that they are for', async () => {
    const mine = await world.instance(PLAN.cloudant);
    const other = await world.instance(PLAN.cloudant);
    const tenant = await world.tenant([operator, ROLE.manager], 'cloudantnosqldb', mine.guid);
    await world.key(other.guid, { name: 'not mine' });
    expect(await statusOf(keyFor(tenant, 'Manager', mine.guid))).toBe(201);
    expect(await statusOf(keyFor(tenant, 'Reader', other.guid))).toBe(403);
    const { result } = await tenant.resources.listResourceKeys();
    expect(result.resources.map(({ name }) => name)).toEqual(['a key']);
  });

  it('roles count once they take effect', async () => {
    world.switches.policyDelayMs = 60_000;
    const tenant = await onSecretsManager(operator, writer);
    expect(await statusOf(keyFor(tenant, 'Writer'))).toBe(403);
    await world.pass(60_000);
    expect(await statusOf(keyFor(tenant, 'Writer'))).toBe(201);
  });

  it('a service ID is named by who may make API keys of it, or by anybody when that is switched', async () => {
    const { id, person } = await world.iam.serviceId();
    const parameters = {
      serviceid_crn: `crn:v1:bluemix:public:iam-identity::a/${world.iam.accountId}::serviceid:${id}`,
    };
    const tenant = await onSecretsManager(operator, writer);
    const make = () => tenant.resources.createResourceKey({ name: 'a', source: guid, role: 'Writer', parameters });
    expect(await resourceRefused(make())).toEqual([403, 'RC-Forbidden']);
    world.switches.serviceIdCrnNeedsKeyRight = false;
    expect((await make()).status).toBe(201);
    world.switches.serviceIdCrnNeedsKeyRight = true;
    await world.iam.allow(tenant.iamId, operator, {
      serviceName: 'iam-identity',
      resourceType: 'serviceid',
      resource: id,
    });
    expect((await make()).status).toBe(201);
    expect(person.iamId).toBe(`iam-${id}`);
  });
});

describe('who sees the credentials of a key', () => {
  const { viewer, administrator, reader, writer, manager, secretsReader } = ROLE;
  const REDACTED = { REDACTED: 'REDACTED' };
  const EXPLICIT = { REDACTED: 'REDACTED_EXPLICIT' };

  it.each([
    ['a reader sees that of a writer redacted', [reader], 'Writer', REDACTED],
    ['a writer sees that of a writer', [writer], 'Writer', null],
    ['a manager sees that of a writer', [manager], 'Writer', null],
    ['nobody in the service sees anything', [], 'Reader', REDACTED],
    ['a manager cannot be compared with a role of the service alone', [manager], secretsReader, EXPLICIT],
    ['a role of the service alone equals itself', [secretsReader], secretsReader, null],
    ['a manager cannot be compared with no role', [manager], 'NONE', EXPLICIT],
    ['an administrator sees every one', [administrator], secretsReader, null],
  ])('%s', async (_, roleIds, role, shown) => {
    const key = await world.key(guid, { role });
    const { resources } = await onSecretsManager(viewer, ...roleIds);
    const { status, result } = await resources.getResourceKey({ id: key.crn });
    const { result: list } = await resources.listResourceKeys();
    expect(status).toBe(200);
    expect(result.credentials).toEqual(shown ?? key.credentials);
    expect(list.resources[0]?.credentials).toEqual(shown ?? key.credentials);
  });

  it('those of Cloud Object Storage are for administrators, because access to single buckets cannot be compared', async () => {
    const { guid: source } = await world.instance(PLAN.objectStorage);
    const key = await world.key(source, { role: 'Reader' });
    const managing = await world.tenant([viewer, manager], 'cloud-object-storage');
    const administering = await world.tenant([administrator], 'cloud-object-storage');
    const credentialsFor = async ({ resources }: Tenant) =>
      (await resources.getResourceKey({ id: key.guid })).result.credentials;
    expect(await credentialsFor(managing)).toEqual(EXPLICIT);
    expect(await credentialsFor(administering)).toEqual(key.credentials);
  });

  it('whoever makes a key sees them once, in the answer', async () => {
    const { guid: source } = await world.instance(PLAN.objectStorage);
    const tenant = await world.tenant([ROLE.operator, writer], 'cloud-object-storage');
    const { result } = await keyFor(tenant, 'Writer', source);
    expect(result.credentials).toHaveProperty('apikey');
    const { result: again } = await tenant.resources.getResourceKey({ id: result.crn ?? '' });
    expect(again.credentials).toEqual(EXPLICIT);
  });
});
