import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IamCloud, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const LOGS = { serviceName: 'logs' };

let iam: IamCloud;
let owner: Person;
let robot: Awaited<ReturnType<IamCloud['serviceId']>>;

beforeEach(async () => {
  iam = await IamCloud.start();
  owner = await iam.owner();
  robot = await iam.serviceId();
});

afterEach(async () => {
  await iam[Symbol.asyncDispose]();
});

const maySend = () => {
  const caller = { iamId: robot.iamId, accountId: iam.accountId };
  return iam.cloud.iam.allows(caller, 'logs.data.send', LOGS);
};

const etagOf = async (policyId: string) => String((await owner.policies.getPolicy({ policyId })).headers['etag']);

const idsOf = async (params: object) => {
  const { result } = await owner.policies.listPolicies({ accountId: iam.accountId, ...params });
  return result.policies.map(({ id }) => id);
};

const setState = async (policyId: string, state: string) =>
  owner.policies.updatePolicyState({ policyId, ifMatch: await etagOf(policyId), state });

/** A policy that lets the robot send logs, and is deleted. */
async function deletedPolicy(): Promise<string> {
  const policyId = await iam.allow(robot.iamId, ROLE.sender, LOGS);
  await owner.policies.deletePolicy({ policyId });
  return policyId;
}

describe('a policy that is deleted', () => {
  it('grants nothing, and is shown as deleted by its id and in a list of its own', async () => {
    const policyId = await deletedPolicy();
    expect(maySend()).toBe(false);
    const { result } = await owner.policies.getPolicy({ policyId });
    expect(result).toMatchObject({ id: policyId, state: 'deleted', last_modified_by_id: owner.iamId });
    expect([await idsOf({}), await idsOf({ state: 'active' })]).toEqual([[], []]);
    expect(await idsOf({ state: 'deleted', iamId: robot.iamId })).toEqual([policyId]);
    expect(await idsOf({ state: 'deleted', iamId: 'iam-ServiceId-x' })).toEqual([]);
  });

  it('is neither replaced nor deleted again, and leaves its terms to others', async () => {
    const policyId = await deletedPolicy();
    const terms = iam.policy(robot.iamId, ROLE.sender, LOGS);
    const ifMatch = await etagOf(policyId);
    const gone = [404, 'policy_not_found'];
    expect((await refused(owner.policies.replacePolicy({ policyId, ifMatch, ...terms }))).slice(0, 2)).toEqual(gone);
    expect((await refused(owner.policies.deletePolicy({ policyId }))).slice(0, 2)).toEqual(gone);
    expect((await owner.policies.createPolicy(terms)).status).toBe(201);
    expect((await refused(setState(policyId, 'active'))).slice(0, 2)).toEqual([409, 'policy_conflict_error']);
  });

  it('is restored with its present ETag, and grants again', async () => {
    const policyId = await deletedPolicy();
    const { status, result, headers } = await setState(policyId, 'active');
    expect(status).toBe(200);
    expect(result).toMatchObject({ id: policyId, state: 'active', roles: [{ role_id: ROLE.sender }] });
    expect(headers['etag']).toBe(await etagOf(policyId));
    expect(maySend()).toBe(true);
    expect([await idsOf({}), await idsOf({ state: 'deleted' })]).toEqual([[policyId], []]);
  });

  it('goes for good with its subject', async () => {
    const policyId = await deletedPolicy();
    await owner.identity.deleteServiceId({ id: robot.id });
    expect((await refused(owner.policies.getPolicy({ policyId })))[0]).toBe(404);
    expect(await idsOf({ state: 'deleted' })).toEqual([]);
  });
});

describe('the state of a policy', () => {
  it('can be set to deleted, and to what it is', async () => {
    const policyId = await iam.allow(robot.iamId, ROLE.sender, LOGS);
    const same = await setState(policyId, 'active');
    expect([same.result.state, maySend()]).toEqual(['active', true]);
    expect((await setState(policyId, 'deleted')).result.state).toBe('deleted');
    expect(maySend()).toBe(false);
  });

  it('needs the present ETag, a state, and an unlocked subject', async () => {
    const policyId = await deletedPolicy();
    const ifMatch = await etagOf(policyId);
    const { policies } = owner;
    const stale = policies.updatePolicyState({ policyId, ifMatch: '1-x', state: 'active' });
    expect((await refused(stale)).slice(0, 2)).toEqual([409, 'policy_conflict_error']);
    expect((await refused(policies.updatePolicyState({ policyId, ifMatch: '*', state: 'active' })))[0]).toBe(409);
    expect((await iam.send('PATCH', `/v1/policies/${policyId}`, owner.token, { state: 'active' })).status).toBe(400);
    const wrong = policies.updatePolicyState({ policyId, ifMatch, state: 'paused' });
    expect((await refused(wrong)).slice(0, 2)).toEqual([400, 'invalid_body']);
    expect((await refused(policies.updatePolicyState({ policyId, ifMatch })))[0]).toBe(400);
    await owner.identity.lockServiceId({ id: robot.id });
    expect((await refused(policies.updatePolicyState({ policyId, ifMatch, state: 'active' })))[0]).toBe(409);
    const unknown = policies.updatePolicyState({ policyId: 'x', ifMatch, state: 'active' });
    expect((await refused(unknown)).slice(0, 2)).toEqual([404, 'policy_not_found']);
  });

  it('is set by administrators of what the policy is about', async () => {
    const policyId = await deletedPolicy();
    const ifMatch = await etagOf(policyId);
    const editor = await iam.serviceId({ roleId: ROLE.editor, attributes: LOGS });
    const admin = await iam.serviceId({ roleId: ROLE.administrator, attributes: LOGS });
    await iam.allow(admin.iamId, ROLE.sender, LOGS);
    const change = { policyId, ifMatch, state: 'active' };
    expect((await refused(editor.person.policies.updatePolicyState(change))).slice(0, 2)).toEqual([
      403,
      'insufficent_permissions',
    ]);
    expect((await admin.person.policies.updatePolicyState(change)).status).toBe(200);
  });
});

describe('policies', () => {
  it('are not found by their id for a while after they are made, when switched', async () => {
    iam.cloud.switches.policyReadDelayMs = 5_000;
    const policyId = await iam.allow(robot.iamId, ROLE.sender, LOGS);
    const early = await refused(owner.policies.getPolicy({ policyId }));
    expect([early.slice(0, 2), maySend(), await idsOf({})]).toEqual([[404, 'policy_not_found'], true, [policyId]]);
    await iam.pass(5_000);
    expect((await owner.policies.getPolicy({ policyId })).status).toBe(200);
  });

  it.each(['id', 'type', 'href', 'created_by_id', 'last_modified_at', 'last_modified_by_id', 'state'])(
    'are sorted by %s, too',
    async (sort) => {
      const made = [
        await iam.allow(robot.iamId, ROLE.sender, LOGS),
        await iam.allow(robot.iamId, ROLE.writer, { serviceName: 'logs-router' }),
      ];
      const expected = sort === 'id' || sort === 'href' ? made.toSorted() : made;
      expect(await idsOf({ sort })).toEqual(expected);
    },
  );

  it('are not made for a user who has left', async () => {
    const { iamId } = iam.cloud.iam.addUser('functional ID');
    iam.cloud.iam.setUserState(iamId, 'left');
    const refusal = await refused(iam.allow(iamId, ROLE.viewer, LOGS));
    expect(refusal.slice(0, 2)).toEqual([400, 'invalid_body']);
  });

  it.each(['0x10', '1e1', '5.0', ' 1 ', '+1', '0', '101', ''])('and keys come in no pages of "%s"', async (size) => {
    const pagesize = size as unknown as number;
    expect((await refused(owner.identity.listApiKeys({ pagesize })))[0]).toBe(400);
    const listed = owner.policies.listPolicies({ accountId: iam.accountId, limit: pagesize });
    expect((await refused(listed))[0]).toBe(400);
  });

  it('that move to another subject keep their place in the list', async () => {
    const other = await iam.serviceId();
    const policyId = await iam.allow(robot.iamId, ROLE.sender, LOGS);
    const second = await iam.allow(other.iamId, ROLE.viewer, LOGS);
    const terms = iam.policy(other.iamId, ROLE.sender, LOGS);
    await owner.policies.replacePolicy({ policyId, ifMatch: await etagOf(policyId), ...terms });
    expect([await idsOf({}), await idsOf({ iamId: robot.iamId })]).toEqual([[policyId, second], []]);
    expect(await idsOf({ iamId: other.iamId })).toHaveLength(2);
  });
});

describe('a pattern in a policy', () => {
  const ALL_SERVICES = { serviceType: 'service' };
  const IDENTITY = { serviceName: 'iam-identity' };

  /** A policy of Administrator for the robot, with a pattern in place of one attribute. */
  const withPattern = (name: string, value: string, attributes: Record<string, string> = {}) => {
    const terms = iam.policy(robot.iamId, ROLE.administrator, attributes);
    const pattern = { name, value, operator: 'stringMatch' };
    return { ...terms, resources: [{ attributes: [...(terms.resources[0]?.attributes ?? []), pattern] }] };
  };

  it.each([
    ['serviceName', 'iam-identit?'],
    ['serviceName', '*'],
    ['serviceType', '*'],
    ['serviceType', 'platform_servic?'],
  ])('does not widen what an administrator of all services gives out: %s %s', async (name, value) => {
    await iam.allow(robot.iamId, ROLE.administrator, ALL_SERVICES);
    const { policies } = robot.person;
    const refusal = await refused(policies.createPolicy(withPattern(name, value)));
    expect(refusal.slice(0, 2)).toEqual([403, 'insufficent_permissions']);
    expect((await owner.policies.createPolicy(withPattern(name, value))).status).toBe(201);
  });

  it('is given out by who has the very same one, or is free of it', async () => {
    const { policies } = robot.person;
    await owner.policies.createPolicy(withPattern('resource', 'ServiceId-a*', IDENTITY));
    const wider = withPattern('resource', 'ServiceId-*', IDENTITY);
    const within = withPattern('resource', 'ServiceId-a?', IDENTITY);
    for (const terms of [wider, within]) expect((await refused(policies.createPolicy(terms)))[0]).toBe(403);
    const same = withPattern('resource', 'ServiceId-a*', IDENTITY);
    const toOther = { ...same, subjects: iam.policy(owner.iamId, ROLE.viewer, {}).subjects };
    expect((await policies.createPolicy(toOther)).status).toBe(201);
    expect(
      (await policies.createPolicy(iam.policy(owner.iamId, ROLE.viewer, { ...IDENTITY, resource: 'ServiceId-ab' })))
        .status,
    ).toBe(201);
    await iam.allow(robot.iamId, ROLE.administrator, IDENTITY);
    expect((await policies.createPolicy(wider)).status).toBe(201);
  });

  it('for names of services covers no policy on all services of a type', async () => {
    await owner.policies.createPolicy(withPattern('serviceName', 's*'));
    const { policies } = robot.person;
    const all = iam.policy(robot.iamId, ROLE.administrator, ALL_SERVICES);
    expect((await refused(policies.createPolicy(all)))[0]).toBe(403);
    const one = iam.policy(robot.iamId, ROLE.administrator, { serviceName: 'secrets-manager' });
    expect((await policies.createPolicy(one)).status).toBe(201);
  });

  it('of many stars is matched at once', async () => {
    const service = (serviceName: string) => ({ serviceName });
    await owner.policies.createPolicy(withPattern('serviceName', `${'*a'.repeat(200)}*b?c`));
    const caller = { iamId: robot.iamId, accountId: iam.accountId };
    const allows = (name: string) => iam.cloud.iam.allows(caller, 'iam.policy.read', service(name));
    expect(allows('a'.repeat(2_000))).toBe(false);
    expect(allows(`${'xa'.repeat(200)}bbxc`)).toBe(true);
    expect(allows(`${'xa'.repeat(200)}bc`)).toBe(false);
  });
});

describe('granting a role', () => {
  const SECRETS = { serviceName: 'secrets-manager' };
  const grant = (roleId: string, attributes: Record<string, string> = SECRETS) =>
    robot.person.policies.createPolicy(iam.policy(robot.iamId, roleId, attributes));

  it('takes Administrator, and no less than that role on the same target', async () => {
    await iam.allow(robot.iamId, ROLE.administrator, SECRETS);
    expect((await refused(grant(ROLE.manager))).slice(0, 2)).toEqual([403, 'insufficent_permissions']);
    expect((await grant(ROLE.editor)).status).toBe(201);
    await iam.allow(robot.iamId, ROLE.manager, SECRETS);
    for (const lower of [ROLE.reader, ROLE.writer, ROLE.secretsReader]) expect((await grant(lower)).status).toBe(201);
    expect((await refused(grant(ROLE.taskUpdater)))[0]).toBe(403);
    expect((await refused(grant(ROLE.reader, { serviceType: 'service' })))[0]).toBe(403);
  });

  it('goes above the own one when switched', async () => {
    iam.cloud.switches.grantsAboveOwnRole = 'accepted';
    await iam.allow(robot.iamId, ROLE.administrator, SECRETS);
    expect((await grant(ROLE.manager)).status).toBe(201);
  });

  it('by a replacement, or by bringing a policy back, is no way around', async () => {
    await iam.allow(robot.iamId, ROLE.administrator, SECRETS);
    const policyId = (await grant(ROLE.viewer)).result.id ?? '';
    const above = iam.policy(robot.iamId, ROLE.manager, SECRETS);
    const replaced = robot.person.policies.replacePolicy({ policyId, ifMatch: await etagOf(policyId), ...above });
    expect((await refused(replaced))[0]).toBe(403);
    const deletedId = await iam.allow(robot.iamId, ROLE.manager, SECRETS);
    await owner.policies.deletePolicy({ policyId: deletedId });
    const restore = { policyId: deletedId, ifMatch: await etagOf(deletedId), state: 'active' };
    expect((await refused(robot.person.policies.updatePolicyState(restore)))[0]).toBe(403);
  });
});
