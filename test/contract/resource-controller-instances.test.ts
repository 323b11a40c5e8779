import ResourceControllerV2 from '@ibm-cloud/platform-services/resource-controller/v2.js';
import { NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import { ROLE } from './support/iam-cloud.ts';
import { PLAN, ResourceCloud, resourceRefusalOf, resourceRefused } from './support/resource-cloud.ts';

const UNKNOWN_GUID = '00000000-0000-4000-8000-000000000000';
const DAY_MS = 86_400_000;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{0,8}[1-9])?Z$/;

let world: ResourceCloud;

beforeEach(async () => {
  world = await ResourceCloud.start();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** The account's owner, who may do everything. */
const owner = (): ResourceControllerV2 => world.owner.resources;

const named = (name: string, resourcePlanId: string = PLAN.generic) => world.instance(resourcePlanId, { name });

const namesOf = (resources: readonly { name?: string }[]) => resources.map(({ name }) => name);

async function listedNames(params: ResourceControllerV2.ListResourceInstancesParams = {}) {
  const { result } = await owner().listResourceInstances(params);
  return namesOf(result.resources);
}

describe('resource instances', () => {
  it("are there from the start for the account's own services", async () => {
    const { cloudLogs, logsRouter, secretsManager, id, resourceGroupId } = world.iam.cloud.account;
    const { result } = await owner().listResourceInstances();
    expect(result.resources.map(({ crn }) => crn)).toEqual([secretsManager.crn, cloudLogs.crn, logsRouter.crn]);
    expect(result.resources[0]).toMatchObject({
      guid: secretsManager.guid,
      account_id: id,
      resource_group_id: resourceGroupId,
      state: 'active',
      locked: false,
    });
    expect([result.rows_count, result.next_url]).toEqual([3, null]);
  });

  it('are created as IBM describes them', async () => {
    const { account } = world.iam.cloud;
    const { status, headers, result } = await owner().createResourceInstance({
      name: 'My bucket store: 1_a.b-c',
      target: 'global',
      resourceGroup: account.resourceGroupId,
      resourcePlanId: PLAN.objectStorage,
      headers: { 'Transaction-Id': 'mine' },
    });
    const url = `/v2/resource_instances/${result.guid}`;
    expect([status, headers['transaction-id']]).toEqual([201, 'mine']);
    expect(result).toMatchObject({
      id: result.crn,
      crn: `crn:v1:bluemix:public:cloud-object-storage:global:a/${account.id}:${result.guid}::`,
      url,
      name: 'My bucket store: 1_a.b-c',
      region_id: 'global',
      resource_id: 'dff97f5c-bc5e-4455-b470-411c3edbe49c',
      resource_plan_id: PLAN.objectStorage,
      state: 'active',
      type: 'service_instance',
      created_by: world.owner.iamId,
      deleted_at: null,
      deleted_by: '',
      onetime_credentials: false,
      allow_cleanup: false,
      locked: false,
      migrated: false,
      last_operation: { type: 'create', state: 'succeeded', async: false },
      resource_keys_url: `${url}/resource_keys`,
    });
    expect(result.created_at).toMatch(RFC_3339);
    expect(Date.parse(result.created_at ?? '')).toBe(world.iam.clock.nowMs());
    expect(result.plan_history).toMatchObject([{ resource_plan_id: PLAN.objectStorage }]);
  });

  it('are found by GUID and by CRN', async () => {
    const { guid, crn } = await named('one');
    for (const id of [guid, crn]) {
      const { result } = await owner().getResourceInstance({ id });
      expect(result.guid).toBe(guid);
    }
  });

  it('are not found by a CRN that is not quite theirs', async () => {
    const { crn } = await named('one');
    const [status, code] = await resourceRefused(
      owner().getResourceInstance({ id: crn.replace('us-south', 'us-east') }),
    );
    expect([status, code]).toEqual([404, 'RC-DatabaseErrorResponse']);
  });

  it.each<[string, Partial<ResourceControllerV2.CreateResourceInstanceParams>]>([
    ['an unknown plan', { resourcePlanId: 'no-such-plan' }],
    ['a plan of a service that has ended', { resourcePlanId: PLAN.logdna }],
    ['a place where the service is not', { target: 'global' }],
    ['an unknown resource group', { resourceGroup: 'no-such-group' }],
    ['special characters in the name', { name: 'a/b' }],
    ['a name that is too long', { name: 'a'.repeat(181) }],
    ['a flag that is none', { parameters: { onetime_credentials: 'yes' } }],
  ])('are refused with %s', async (_, wrong) => {
    expect(await resourceRefused(world.instance(PLAN.generic, wrong))).toEqual([400, 'RC-BadRequest']);
  });

  it('of ended services can be made when that is switched on', async () => {
    world.switches.logdnaOffered = true;
    const { crn } = await world.instance(PLAN.logdna);
    expect(crn).toContain(':logdna:');
  });

  it('are renamed, get other parameters and another plan of their service', async () => {
    const { guid } = await named('one');
    await world.pass(1_000);
    const { result: renamed } = await owner().updateResourceInstance({
      id: guid,
      name: 'other',
      parameters: { hello: 'bye' },
    });
    expect(renamed).toMatchObject({
      name: 'other',
      parameters: { hello: 'bye' },
      last_operation: { type: 'update', sub_type: 'config', state: 'succeeded' },
    });
    expect(Date.parse(renamed.updated_at ?? '')).toBe(Date.parse(renamed.created_at ?? '') + 1_000);
    const change = { id: guid, resourcePlanId: 'generic-service-enterprise' };
    const { result: moved } = await owner().updateResourceInstance(change);
    expect(moved.plan_history?.map(({ resource_plan_id: planId }) => planId)).toEqual([
      PLAN.generic,
      'generic-service-enterprise',
    ]);
    expect(moved.last_operation?.sub_type).toBe('plan');
  });

  it('do not change to the plan of another service', async () => {
    const { guid } = await named('one');
    const call = owner().updateResourceInstance({ id: guid, resourcePlanId: PLAN.cloudant });
    expect(await resourceRefused(call)).toEqual([400, 'RC-BadRequest']);
  });

  it('refuse update and delete while they are locked, but nothing about their keys', async () => {
    const { guid } = await named('one');
    const { result: locked } = await owner().lockResourceInstance({ id: guid });
    expect(locked).toMatchObject({ locked: true, last_operation: { type: 'lock', state: 'succeeded' } });
    const key = await world.key(guid, { role: 'NONE' });
    await owner().deleteResourceKey({ id: key.guid });
    const writes = () => [
      owner().updateResourceInstance({ id: guid, name: 'b' }),
      owner().deleteResourceInstance({ id: guid }),
    ];
    for (const write of writes()) {
      expect(await resourceRefused(write)).toEqual([422, 'RC-ServiceBrokerErrorResponse']);
    }
    world.switches.lockedInstanceStatus = 400;
    for (const write of writes()) expect((await resourceRefused(write))[0]).toBe(400);
    const { result: unlocked } = await owner().unlockResourceInstance({ id: guid });
    expect(unlocked).toMatchObject({ locked: false, last_operation: { type: 'unlock' } });
    await owner().updateResourceInstance({ id: guid, name: 'b' });
  });

  it('can be locked from the start', async () => {
    const { guid } = await world.instance(PLAN.generic, { entityLock: true });
    expect((await resourceRefused(owner().deleteResourceInstance({ id: guid })))[0]).toBe(422);
  });

  it('cannot be deleted as long as they have keys, but with them', async () => {
    const { guid } = await world.instance(PLAN.cloudant);
    const key = await world.key(guid);
    expect(await resourceRefused(owner().deleteResourceInstance({ id: guid }))).toEqual([400, 'RC-BadRequest']);
    const { status } = await owner().deleteResourceInstance({ id: guid, recursive: true });
    const { result: left } = await owner().getResourceKey({ id: key.guid });
    expect([status, left.state]).toEqual([204, 'removed']);
    expect((await world.iam.logIn(String(key.credentials['apikey']))).status).toBe(400);
  });

  it('keep all of their keys when one of them is locked in IAM', async () => {
    const { guid } = await world.instance(PLAN.cloudant);
    const first = await world.key(guid);
    const second = await world.key(guid);
    const id = String(second.credentials['iam_apikey_id']);
    await world.owner.identity.lockApiKey({ id });
    const remove = () => owner().deleteResourceInstance({ id: guid, recursive: true });
    expect(await resourceRefused(remove())).toEqual([422, 'RC-IamErrorResponse']);
    expect((await owner().getResourceKey({ id: first.guid })).result.state).toBe('active');
    expect((await world.iam.logIn(String(first.credentials['apikey']))).status).toBe(200);
    await world.owner.identity.unlockApiKey({ id });
    expect((await remove()).status).toBe(204);
  });

  it('show as removed after their deletion, then not at all, and only in lists that ask for removed ones', async () => {
    const { guid } = await named('one');
    await owner().deleteResourceInstance({ id: guid });
    const { result } = await owner().getResourceInstance({ id: guid });
    expect(result).toMatchObject({
      state: 'removed',
      deleted_by: world.owner.iamId,
      last_operation: { type: 'delete' },
    });
    expect(result.deleted_at).toMatch(RFC_3339);
    expect(await listedNames()).not.toContain('one');
    expect(await listedNames({ state: 'removed' })).toEqual(['one']);
    expect((await resourceRefused(owner().deleteResourceInstance({ id: guid })))[0]).toBe(410);
    expect((await resourceRefused(owner().updateResourceInstance({ id: guid, name: 'b' })))[0]).toBe(410);
    await world.pass(DAY_MS);
    expect((await resourceRefused(owner().getResourceInstance({ id: guid })))[0]).toBe(404);
    expect(await listedNames({ state: 'removed' })).toEqual([]);
    world.switches.forgottenResourceStatus = 410;
    expect((await resourceRefused(owner().getResourceInstance({ id: guid })))[0]).toBe(410);
  });

  it('that other services here are built on cannot be deleted: the answer says that this is not embedded', async () => {
    const { guid } = world.iam.cloud.account.secretsManager;
    expect((await resourceRefused(owner().deleteResourceInstance({ id: guid })))[0]).toBe(501);
  });

  it('tell whoever watches the account of their creation and end', async () => {
    const records: AuditRecord[] = [];
    world.iam.cloud.audit.watch((record) => records.push(record));
    const { guid } = await named('one');
    await owner().deleteResourceInstance({ id: guid });
    const actions = records.map(({ action }) => action);
    expect(actions).toEqual(['resource-instance.create', 'resource-instance.delete']);
    expect(records[0]).toMatchObject({ instanceId: guid, name: 'one' });
  });
});

describe('lists of instances', () => {
  it('show what all filters let through', async () => {
    const { guid } = await named('one', PLAN.cloudant);
    await named('two', PLAN.cloudant);
    const { resourceGroupId } = world.iam.cloud.account;
    expect(await listedNames({ guid })).toEqual(['one']);
    expect(await listedNames({ name: 'two' })).toEqual(['two']);
    expect(await listedNames({ resourceId: 'cloudant' })).toEqual(['one', 'two']);
    expect(await listedNames({ resourcePlanId: PLAN.cloudant, name: 'one' })).toEqual(['one']);
    expect(await listedNames({ resourceGroupId })).toHaveLength(5);
    expect(await listedNames({ resourceGroupId: 'other' })).toEqual([]);
    expect(await listedNames({ type: 'service_instance' })).toHaveLength(5);
    expect(await listedNames({ type: 'other' })).toEqual([]);
    expect(await listedNames({ subType: 'kms' })).toEqual([]);
    expect(await listedNames({ state: 'active' })).toHaveLength(5);
    expect(await listedNames({ state: 'provisioning' })).toEqual([]);
  });

  it('look at the day and at the moment of the last update, inclusive', async () => {
    await world.pass(DAY_MS);
    const { guid } = await named('one');
    const { result } = await owner().getResourceInstance({ id: guid });
    const moment = new Date(Date.parse(result.updated_at ?? '')).toISOString();
    const day = moment.slice(0, 10);
    expect(await listedNames({ updatedFrom: day })).toEqual(['one']);
    expect(await listedNames({ updatedFrom: day, updatedTo: day })).toEqual(['one']);
    expect(await listedNames({ updatedFrom: moment, updatedTo: moment })).toEqual(['one']);
    expect(await listedNames({ updatedTo: new Date(Date.parse(day) - 1).toISOString() })).toHaveLength(3);
  });

  it("come in pages that IBM's pager puts together", async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await named(name);
    const pager = new ResourceControllerV2.ResourceInstancesPager(owner(), { limit: 2, resourceId: 'generic-service' });
    const pages: (string | undefined)[][] = [];
    while (pager.hasNext()) pages.push(namesOf(await pager.getNext()));
    expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('have relative links, and take everything from the page before but the token', async () => {
    for (const name of ['a', 'b', 'c']) await named(name);
    const { result } = await owner().listResourceInstances({ limit: 2, resourceId: 'generic-service' });
    expect(result.next_url).toMatch(/^\/v2\/resource_instances\?/);
    const start = new URLSearchParams(result.next_url.split('?')[1]).get('start') ?? '';
    expect(await listedNames({ start, limit: 1, resourceId: 'other', name: 'a' })).toEqual(['c']);
  });

  it.each<[string, ResourceControllerV2.ListResourceInstancesParams]>([
    ['a page token of nobody', { start: 'abc' }],
    ['no limit', { limit: 0 }],
    ['a limit beyond all', { limit: 201 }],
    ['a day that is none', { updatedFrom: '2026-02-30' }],
    ['a state that is none', { state: 'lost' }],
  ])('are refused with %s', async (_, params) => {
    expect(await resourceRefused(owner().listResourceInstances(params))).toEqual([400, 'RC-BadRequest']);
  });

  it('show the world of a moment ago when that is switched on', async () => {
    world.switches.staleListMs = 5_000;
    await named('one');
    expect(await listedNames({ name: 'one' })).toEqual([]);
    await world.pass(5_000);
    expect(await listedNames({ name: 'one' })).toEqual(['one']);
  });
});

describe('who may do what with instances', () => {
  const { viewer, operator, editor, administrator, manager } = ROLE;

  it.each([
    ['a viewer', viewer, { get: true, update: false, remove: false }],
    ['an operator', operator, { get: true, update: false, remove: false }],
    ['an editor', editor, { get: true, update: true, remove: true }],
    ['an administrator', administrator, { get: true, update: true, remove: true }],
    ['a manager', manager, { get: false, update: false, remove: false }],
  ])('%s', async (_, roleId, may) => {
    const { guid } = await named('one');
    const { resources } = await world.tenant([roleId], 'generic-service');
    const outcome = (call: Promise<unknown>) =>
      call.then(
        () => true,
        () => false,
      );
    expect({
      get: await outcome(resources.getResourceInstance({ id: guid })),
      update: await outcome(resources.updateResourceInstance({ id: guid, name: 'b' })),
      remove: await outcome(resources.deleteResourceInstance({ id: guid })),
    }).toEqual(may);
  });

  it('Editors of a service create instances of it, viewers do not', async () => {
    const params = {
      name: 'mine',
      target: 'us-south',
      resourceGroup: world.iam.cloud.account.resourceGroupId,
      resourcePlanId: PLAN.generic,
    };
    const viewing = await world.tenant([viewer], 'generic-service');
    const editing = await world.tenant([editor], 'generic-service');
    expect(await resourceRefused(viewing.resources.createResourceInstance(params))).toEqual([403, 'RC-Forbidden']);
    const { result } = await editing.resources.createResourceInstance(params);
    expect(result.created_by).toBe(editing.iamId);
    const other = { ...params, resourcePlanId: PLAN.cloudant };
    expect((await resourceRefused(editing.resources.createResourceInstance(other)))[0]).toBe(403);
  });

  it('lists show nothing of what the caller may not see', async () => {
    const { guid } = await named('one');
    await named('two');
    const { resources } = await world.tenant([viewer], 'generic-service', guid);
    const { result } = await resources.listResourceInstances();
    expect(namesOf(result.resources)).toEqual(['one']);
  });

  it('nobody does anything without a token', async () => {
    const nobody = new ResourceControllerV2({ serviceUrl: world.iam.url, authenticator: new NoAuthAuthenticator() });
    expect(await resourceRefused(nobody.listResourceInstances())).toEqual([401, 'RC-Unauthorized']);
  });
});

describe('refusals', () => {
  it('have the error body of the resource controller and its header', async () => {
    const headers = { 'Transaction-Id': 'mine' };
    const call = owner().getResourceInstance({ id: UNKNOWN_GUID, headers });
    const refusal = await resourceRefusalOf(call);
    expect(refusal.status).toBe(404);
    expect(refusal.headers['transaction-id']).toBe('mine');
    expect(refusal.result).toEqual({
      message: `The resource instance cannot be found: ${UNKNOWN_GUID}`,
      error_code: 'RC-DatabaseErrorResponse',
      status_code: 404,
      transaction_id: 'mine',
      details: 'status_code=404 error=not_found reason=missing',
    });
  });

  it('get a transaction of their own where the caller names none', async () => {
    const { headers, result } = await resourceRefusalOf(owner().getResourceInstance({ id: UNKNOWN_GUID }));
    expect(headers['transaction-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(result.transaction_id).toBe(headers['transaction-id']);
  });

  it('of what is not embedded are 501', async () => {
    const { guid } = await named('one');
    const { status } = await resourceRefusalOf(owner().cancelLastopResourceInstance({ id: guid }));
    expect(status).toBe(501);
  });
});
