import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import { IamCloud, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const IAM_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}\+0000$/;
const NOT_FOUND = [404, 'not_found', 'BXNIM0102E'];

let iam: IamCloud;
let owner: Person;

beforeEach(async () => {
  iam = await IamCloud.start();
  owner = await iam.owner();
});

afterEach(async () => {
  await iam[Symbol.asyncDispose]();
});

async function newGroup(name = 'team') {
  const { result } = await owner.identity.createServiceIdGroup({ accountId: iam.accountId, name });
  return result;
}

async function newServiceId(name: string, more: Partial<IamIdentityV1.CreateServiceIdParams> = {}) {
  const { accountId } = iam;
  const { result } = await owner.identity.createServiceId({
    accountId,
    name,
    apikey: { name: `key of ${name}` },
    ...more,
  });
  return result;
}

const namesOf = (items: readonly { name: string }[]) => items.map(({ name }) => name);

const serviceIds = async (more: IamIdentityV1.ListServiceIdsParams = {}) =>
  namesOf((await owner.identity.listServiceIds({ accountId: iam.accountId, ...more })).result.serviceids);

const keys = async (more: IamIdentityV1.ListApiKeysParams) =>
  namesOf((await owner.identity.listApiKeys({ accountId: iam.accountId, ...more })).result.apikeys);

describe('service ID groups', () => {
  it('are created, read, listed, updated and deleted', async () => {
    const { accountId } = iam;
    const { identity } = owner;
    const made = await identity.createServiceIdGroup({ accountId, name: 'team', description: 'old' });
    const { id, entity_tag: tag = '' } = made.result;
    expect(made.status).toBe(201);
    expect(made.result).toEqual({
      id,
      entity_tag: made.headers['etag'],
      account_id: accountId,
      crn: expect.stringContaining(id) as string,
      name: 'team',
      description: 'old',
      created_at: expect.stringMatching(IAM_DATE) as string,
      created_by: owner.iamId,
      modified_at: expect.stringMatching(IAM_DATE) as string,
    });
    expect((await identity.getServiceIdGroup({ id })).result).toEqual(made.result);
    expect((await identity.listServiceIdGroup({ accountId })).result.serviceid_groups).toEqual([made.result]);
    const updated = await identity.updateServiceIdGroup({ id, ifMatch: tag, name: 'crew', description: 'new' });
    expect(updated.result).toMatchObject({ id, name: 'crew', description: 'new' });
    expect((await refused(identity.updateServiceIdGroup({ id, ifMatch: tag, name: 'x' })))[0]).toBe(409);
    expect((await identity.deleteServiceIdGroup({ id })).status).toBe(204);
    expect(await refused(identity.getServiceIdGroup({ id }))).toEqual(NOT_FOUND);
    expect(await refused(identity.deleteServiceIdGroup({ id }))).toEqual(NOT_FOUND);
  });

  it('have names of their own, and stay while service IDs are in them', async () => {
    const { id } = await newGroup();
    const { id: other } = await newGroup('crew');
    expect((await refused(newGroup()))[0]).toBe(409);
    const renamed = owner.identity.updateServiceIdGroup({ id: other, ifMatch: '*', name: 'team' });
    expect((await refused(renamed))[0]).toBe(409);
    const { id: member } = await newServiceId('robot', { groupId: id });
    expect((await refused(owner.identity.deleteServiceIdGroup({ id })))[0]).toBe(409);
    await owner.identity.deleteServiceId({ id: member });
    expect((await owner.identity.deleteServiceIdGroup({ id })).status).toBe(204);
  });

  it('are for those who may do the same to all service IDs', async () => {
    const { id } = await newGroup();
    const { identity } = (await iam.serviceId({ roleId: ROLE.viewer, attributes: { serviceName: 'iam-identity' } }))
      .person;
    const { accountId } = iam;
    expect((await identity.getServiceIdGroup({ id })).status).toBe(200);
    expect((await refused(identity.createServiceIdGroup({ accountId, name: 'x' })))[0]).toBe(403);
    expect((await refused(identity.deleteServiceIdGroup({ id })))[0]).toBe(403);
    expect((await refused(identity.listServiceIdGroup({ accountId: 'another' })))[0]).toBe(403);
  });
});

describe('service IDs in groups', () => {
  it('show their group when asked, and no other answer does', async () => {
    const { id: groupId } = await newGroup();
    const made = await newServiceId('robot', { groupId, showGroupId: 'true' });
    expect(made.group_id).toBe(groupId);
    const { id } = made;
    const { identity } = owner;
    expect((await identity.getServiceId({ id })).result).not.toHaveProperty('group_id');
    expect((await identity.getServiceId({ id, showGroupId: 'true' })).result.group_id).toBe(groupId);
    const updated = await identity.updateServiceId({ id, ifMatch: '*', description: 'x', showGroupId: 'true' });
    expect(updated.result.group_id).toBe(groupId);
    const { accountId } = iam;
    const list = await identity.listServiceIds({ accountId, groupId, showGroupId: 'true' });
    expect(list.result.serviceids[0]?.group_id).toBe(groupId);
    const usual = await newServiceId('usual', { showGroupId: 'true' });
    expect(usual).not.toHaveProperty('group_id');
  });

  it('are in the list of their group only, and so are their keys', async () => {
    const { id: groupId } = await newGroup();
    const robot = await newServiceId('robot', { groupId });
    await newServiceId('usual');
    expect([await serviceIds(), await serviceIds({ groupId })]).toEqual([['usual'], ['robot']]);
    const ofAccount = { scope: 'account', type: 'serviceid' };
    expect([await keys(ofAccount), await keys({ ...ofAccount, groupId })]).toEqual([
      ['key of usual'],
      ['key of robot'],
    ]);
    expect(await keys({ groupId }), 'of a user').toEqual(['First key of Account owner']);
    const iamId = robot.iam_id;
    expect([await keys({ iamId }), await keys({ iamId, groupId })]).toEqual([[], ['key of robot']]);
    iam.cloud.switches.groupedKeysNeedGroupId = false;
    expect([await keys({ iamId }), await keys(ofAccount)]).toEqual([['key of robot'], ['key of usual']]);
  });

  it('are refused in a group that is unknown', async () => {
    expect(await refused(newServiceId('robot', { groupId: 'x' }))).toEqual(NOT_FOUND);
    expect(await refused(serviceIds({ groupId: 'x' }))).toEqual(NOT_FOUND);
    expect(await refused(keys({ groupId: 'x' }))).toEqual(NOT_FOUND);
    expect(await serviceIds()).toEqual([]);
  });
});

describe('the filter of lists', () => {
  beforeEach(async () => {
    await newServiceId('blue robot', { description: 'paints "walls"' });
    await newServiceId('red robot', { description: 'paints doors' });
    await newServiceId('Robot', { description: '' });
  });

  it.each([
    ['name co "robot"', ['blue robot', 'red robot']],
    ['name co_ci "robot"', ['blue robot', 'red robot', 'Robot']],
    ['name sw "red"', ['red robot']],
    ['name sw_ci "RED"', ['red robot']],
    ['name ew "bot"', ['blue robot', 'red robot', 'Robot']],
    ['name ew_ci "BOT"', ['blue robot', 'red robot', 'Robot']],
    ['description co "\\"walls\\""', ['blue robot']],
    ['name sw "red" or name sw "blue" and description co "doors"', ['red robot']],
    ['(name sw "red" or name sw "blue") and description co "doors"', ['red robot']],
    [' ( name sw "Rob" ) or(name sw "blue") ', ['blue robot', 'Robot']],
    ['name co "or and ("', []],
  ])('%s selects %j', async (filter, expected) => {
    expect(await serviceIds({ filter })).toEqual(expected);
  });

  it('selects API keys and trusted profiles too, and counts before paging', async () => {
    const { accountId } = iam;
    const filter = 'name co "of red"';
    expect(await keys({ scope: 'account', type: 'serviceid', filter, pagesize: 1 })).toEqual(['key of red robot']);
    for (const name of ['rotator', 'reporter']) await owner.identity.createProfile({ accountId, name });
    const { result } = await owner.identity.listProfiles({ accountId, filter: 'name sw "rot"' });
    expect(namesOf(result.profiles)).toEqual(['rotator']);
  });

  it.each([
    'name eq "x"',
    'id co "x"',
    'name CO "x"',
    'name co x',
    'name co "x',
    'name co "\\x"',
    'name co "x" and',
    'name co "x" name co "y"',
    '(name co "x"',
    'not (name co "x")',
    'name co "x" & name co "y"',
    ' ',
  ])('is refused as %s', async (filter) => {
    expect(await refused(serviceIds({ filter }))).toEqual([400, 'validation', 'BXNIM0106E']);
    expect((await refused(keys({ filter })))[0]).toBe(400);
  });
});
