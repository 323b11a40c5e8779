import UserManagementV1 from '@ibm-cloud/platform-services/user-management/v1.js';
import { BearerTokenAuthenticator } from 'ibm-cloud-sdk-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IamCloud } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const VIEWER = 'crn:v1:bluemix:public:iam::::role:Viewer';

let iam: IamCloud;

beforeEach(async () => {
  iam = await IamCloud.start();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await iam[Symbol.asyncDispose]();
});

const clientOf = ({ token }: Person) =>
  new UserManagementV1({ serviceUrl: iam.url, authenticator: new BearerTokenAuthenticator({ bearerToken: token }) });

const listOf = async (person: Person, more: Partial<UserManagementV1.ListUsersParams> = {}) =>
  (await clientOf(person).listUsers({ accountId: iam.accountId, ...more })).result;

async function statusOf(call: Promise<unknown>): Promise<number> {
  const error: unknown = await call.then(
    () => null,
    (failure: unknown) => failure,
  );
  return error === null ? 200 : (error as { status: number }).status;
}

describe('the users of the account', () => {
  it('are listed as IBM describes them', async () => {
    const { iamId } = iam.cloud.iam.addUser('functional ID');
    const { total_results: total, limit, resources = [] } = await listOf(await iam.owner());
    expect([total, limit]).toEqual([2, 100]);
    expect(resources[1]).toEqual({
      id: iamId.replace('IBMid-', ''),
      iam_id: iamId,
      realm: 'IBMid',
      user_id: resources[1]?.email,
      firstname: 'functional',
      lastname: 'ID',
      state: 'ACTIVE',
      email: expect.stringMatching(/^functional\.id\.\d+@example\.com$/) as string,
      account_id: iam.accountId,
      added_on: new Date(iam.clock.nowMs()).toISOString(),
    });
  });

  it('come in pages', async () => {
    for (let count = 0; count < 4; count += 1) iam.cloud.iam.addUser('functional ID');
    const params = { accountId: iam.accountId, limit: 2 };
    const pager = new UserManagementV1.UsersPager(clientOf(await iam.owner()), params);
    const first = await pager.getNext();
    expect([first.length, (await pager.getAll()).length, pager.hasNext()]).toEqual([2, 3, false]);
  });

  it('are found by their user id', async () => {
    const { iamId } = iam.cloud.iam.addUser('functional ID');
    const owner = await iam.owner();
    const { resources: all = [] } = await listOf(owner);
    const userId = all.find((user) => user.iam_id === iamId)?.user_id ?? '';
    const { resources = [] } = await listOf(owner, { userId });
    expect(resources.map((user) => user.iam_id)).toEqual([iamId]);
    expect((await listOf(owner, { userId: 'nobody@example.com' })).resources).toEqual([]);
  });

  it('have settings when those are asked for', async () => {
    const { resources: [user] = [] } = await listOf(await iam.owner(), { includeSettings: true });
    expect(user).toMatchObject({ settings: { language: '', self_manage: false } });
  });

  it('tell what becomes of them in classic infrastructure, and that they have left', async () => {
    const { iamId } = iam.cloud.iam.addUser('functional ID');
    const { id } = iam.cloud.classic.linkUser(iamId);
    const owner = await iam.owner();
    const states = async () => (await listOf(owner)).resources?.map(({ state }) => state);
    expect(await states()).toEqual(['ACTIVE', 'ACTIVE']);
    iam.cloud.classic.changeUser(id, { status: 'DISABLED' });
    expect(await states()).toEqual(['ACTIVE', 'DISABLED_CLASSIC_INFRASTRUCTURE']);
    iam.cloud.classic.changeUser(id, { status: 'VPN_ONLY' });
    expect(await states()).toEqual(['ACTIVE', 'VPN_ONLY']);
    iam.cloud.iam.setUserState(iamId, 'left');
    expect(await states()).toEqual(['ACTIVE']);
  });

  it('see each other, unless the account restricts that', async () => {
    const user = await iam.person(iam.cloud.iam.addUser('functional ID').apiKey);
    expect(await statusOf(listOf(user))).toBe(200);
    const owner = await iam.owner();
    await owner.identity.updateAccountSettings({
      accountId: iam.accountId,
      ifMatch: '*',
      restrictUserListVisibility: 'RESTRICTED',
    });
    expect([await statusOf(listOf(user)), await statusOf(listOf(owner))]).toEqual([403, 200]);
    await iam.allow(user.iamId, VIEWER, { serviceName: 'user-management' });
    expect(await statusOf(listOf(user))).toBe(200);
  });

  it('are shown to a service ID with a role for it only', async () => {
    const { person } = await iam.serviceId({ roleId: VIEWER, attributes: { serviceName: 'logs' } });
    expect(await statusOf(listOf(person))).toBe(403);
    await iam.allow(person.iamId, VIEWER, { serviceName: 'user-management' });
    expect(await statusOf(listOf(person))).toBe(200);
  });

  it('are those of the own account, for who is logged in', async () => {
    const owner = await iam.owner();
    expect(await statusOf(listOf(owner, { accountId: 'another' }))).toBe(403);
    expect(await statusOf(listOf({ ...owner, token: 'unknown' }))).toBe(401);
  });

  it('are not listed for a query that is not known', async () => {
    const owner = await iam.owner();
    for (const query of ['limit=0', 'limit=101', 'limit=1e1', '_start=unknown', 'order=asc', 'include_settings=1']) {
      const answer = await iam.send('GET', `/v2/accounts/${iam.accountId}/users?${query}`, owner.token);
      expect(answer.status).toBe(400);
    }
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(await statusOf(listOf(owner, { search: 'state:ACTIVE' }))).toBe(501);
  });
});
