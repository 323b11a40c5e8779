import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IamCloud, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
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

const iamDate = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 16)}+0000`;

const begin = async (more: { type?: string; duration?: string } = {}) => {
  const { status, result } = await owner.identity.createReport({ accountId: iam.accountId, ...more });
  expect(status).toBe(202);
  return result.reference;
};

const read = (reference: string) => owner.identity.getReport({ accountId: iam.accountId, reference });

describe('activity reports', () => {
  it('list what was not used for so many hours, with its last use', async () => {
    const { accountId } = iam;
    const profile = (await owner.identity.createProfile({ accountId, name: 'rotator' })).result;
    const old = await iam.serviceId();
    const lastUse = iamDate(iam.clock.nowMs());
    const never = (await owner.identity.createApiKey({ name: 'never', iamId: old.iamId })).result;
    await iam.pass(121 * HOUR_MS);
    const fresh = await iam.serviceId();
    owner = await iam.owner();
    const startMs = iam.clock.nowMs();
    const reference = await begin({ type: 'inactive', duration: '120' });
    await iam.pass(2 * MINUTE_MS);
    const { status, result } = await read(reference);
    expect(status).toBe(200);
    expect(result).toEqual({
      created_by: owner.iamId,
      reference,
      report_duration: '120',
      report_start_time: iamDate(startMs),
      report_end_time: iamDate(startMs + 2 * MINUTE_MS),
      users: [],
      apikeys: [
        {
          id: old.key.id,
          name: 'robot key',
          type: 'serviceid',
          serviceid: { id: old.id, name: 'robot' },
          last_authn: lastUse,
        },
        { id: never.id, name: 'never', type: 'serviceid', serviceid: { id: old.id, name: 'robot' } },
      ],
      serviceids: [{ id: old.id, name: 'robot', last_authn: lastUse }],
      profiles: [{ id: profile.id, name: 'rotator' }],
    });
    expect(JSON.stringify(result)).not.toContain(fresh.id);
  });

  it('list users and their keys as people', async () => {
    const user = iam.cloud.iam.addUser('functional ID');
    const reference = await begin();
    await iam.pass(2 * MINUTE_MS);
    const { result } = await read(reference);
    const person = { iam_id: user.iamId, name: 'functional ID', username: 'functional ID' };
    expect(result).toMatchObject({ report_duration: '720', users: [person] });
    expect(result.apikeys).toMatchObject([{ name: 'First key of functional ID', type: 'user', user: person }]);
  });

  it('are empty while they are built, by reference and as the latest', async () => {
    expect(await refused(read('latest'))).toEqual(NOT_FOUND);
    const first = await begin();
    const building = await read(first);
    expect([building.status, building.result]).toEqual([204, '']);
    await iam.pass(2 * MINUTE_MS);
    expect((await read('latest')).result.reference).toBe(first);
    const second = await begin();
    expect([(await read('latest')).status, (await read(first)).status]).toEqual([204, 200]);
    await iam.pass(2 * MINUTE_MS - 1);
    expect((await read(second)).status).toBe(204);
    await iam.pass(1);
    expect((await read('latest')).result.reference).toBe(second);
  });

  it('take as long as is switched', async () => {
    iam.cloud.switches.reportDelayMs = 0;
    expect((await read(await begin())).status).toBe(200);
  });

  it('show use as late as activity does', async () => {
    iam.cloud.switches.activityDelayMs = 30 * MINUTE_MS;
    iam.cloud.switches.reportDelayMs = 0;
    const { key } = await iam.serviceId();
    const listed = async () => (await read(await begin())).result.apikeys?.map(({ id }) => id);
    expect(await listed()).toContain(key.id);
    await iam.pass(30 * MINUTE_MS);
    expect(await listed()).not.toContain(key.id);
  });

  it('go a day later, when another one is asked for', async () => {
    const first = await begin();
    await iam.pass(25 * HOUR_MS);
    owner = await iam.owner();
    expect((await read(first)).status).toBe(200);
    await begin();
    expect(await refused(read(first))).toEqual(NOT_FOUND);
  });

  it.each([{ type: 'active' }, { duration: '0' }, { duration: '1.5' }, { duration: 'P30D' }])(
    'are refused with %o',
    async (params) => {
      const refusal = await refused(owner.identity.createReport({ accountId: iam.accountId, ...params }));
      expect(refusal).toEqual([400, 'validation', 'BXNIM0106E']);
    },
  );

  it('are for Administrators and Service Configuration Readers', async () => {
    const { accountId } = iam;
    const roles = [ROLE.administrator, 'crn:v1:bluemix:public:iam::::role:ConfigReader'];
    for (const roleId of roles) {
      const { identity } = (await iam.serviceId({ roleId, attributes: { serviceName: 'iam-identity' } })).person;
      const { result } = await identity.createReport({ accountId });
      expect((await identity.getReport({ accountId, reference: result.reference })).status).toBe(204);
    }
    const reference = await begin();
    for (const roleId of [ROLE.operator, ROLE.editor]) {
      const { identity } = (await iam.serviceId({ roleId, attributes: { serviceName: 'iam-identity' } })).person;
      expect((await refused(identity.createReport({ accountId })))[0]).toBe(403);
      expect((await refused(identity.getReport({ accountId, reference })))[0]).toBe(403);
    }
    expect((await refused(owner.identity.createReport({ accountId: 'another' })))[0]).toBe(403);
    expect(await refused(read('unknown'))).toEqual(NOT_FOUND);
  });
});
