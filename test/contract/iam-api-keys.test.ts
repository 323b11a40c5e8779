import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IamCloud, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

let iam: IamCloud;
let owner: Person;

beforeEach(async () => {
  iam = await IamCloud.start();
  owner = await iam.owner();
});

afterEach(async () => {
  await iam[Symbol.asyncDispose]();
});

async function ownKey(more: object = {}) {
  const { result } = await owner.identity.createApiKey({ name: 'key', iamId: owner.iamId, ...more });
  return result;
}

describe('what the facts leave open about API keys', () => {
  it('a write that a lock refuses is 409, or what is switched, for keys and service IDs', async () => {
    const { identity } = owner;
    const { id } = await ownKey({ entityLock: 'true' });
    const robot = await iam.serviceId();
    await identity.lockServiceId({ id: robot.id });
    const outcomes = async () => [
      await refused(identity.deleteApiKey({ id })),
      await refused(identity.updateServiceId({ id: robot.id, ifMatch: '*', name: 'x' })),
    ];
    expect(await outcomes()).toEqual([
      [409, 'delete_not_possible', 'BXNIM0105E'],
      [409, 'update_not_possible', 'BXNIM0105E'],
    ]);
    for (const [status, code, messageCode] of [
      [412, 'precondition_failed', ''],
      [422, 'invalid_state', 'BXNIM0908E'],
    ] as const) {
      iam.cloud.switches.lockedWriteStatus = status;
      expect(await outcomes()).toEqual([
        [status, code, messageCode],
        [status, code, messageCode],
      ]);
    }
  });

  it('a change that changes nothing is 204, or 409 when switched, but for unlock', async () => {
    const { identity } = owner;
    const { id } = await ownKey({ entityLock: 'true', entityDisable: 'true' });
    const robot = await iam.serviceId();
    await identity.lockServiceId({ id: robot.id });
    const repeated = [
      () => identity.lockApiKey({ id }),
      () => identity.disableApiKey({ id }),
      () => identity.lockServiceId({ id: robot.id }),
    ];
    for (const repeat of repeated) expect((await repeat()).status).toBe(204);
    iam.cloud.switches.repeatedChangeStatus = 409;
    for (const repeat of repeated) expect((await refused(repeat()))[0]).toBe(409);
    await identity.enableApiKey({ id });
    expect((await refused(identity.enableApiKey({ id })))[0]).toBe(409);
    for (let n = 0; n < 2; n += 1) expect((await identity.unlockApiKey({ id })).status).toBe(204);
  });

  it('disabled keys count to the limit, unless switched', async () => {
    const { iamId, key } = await iam.serviceId();
    const create = () => owner.identity.createApiKey({ name: 'x', iamId });
    for (let n = 2; n <= 20; n += 1) await create();
    await owner.identity.disableApiKey({ id: key.id });
    expect((await refused(create())).at(2)).toBe('BXNIM0151E');
    iam.cloud.switches.disabledKeysCount = false;
    const { accountId } = iam;
    const limits = await owner.identity.getAccountLimits({ accountId, apikeysPerIdentity: iamId });
    expect(limits.result.apikeys_per_identity?.identities).toEqual([{ iam_id: iamId, count: 19 }]);
    expect((await create()).status).toBe(201);
    expect((await refused(create())).at(2)).toBe('BXNIM0151E');
  });

  it('an expiry that is past is refused, or makes an expired key when switched', async () => {
    const past = { expiresAt: '2001-01-01T00:00+0000' };
    expect((await refused(ownKey(past)))[0]).toBe(400);
    iam.cloud.switches.pastExpiry = 'accepted';
    const expiresAt = `${new Date(iam.clock.nowMs() - 60_000).toISOString().slice(0, 16)}+0000`;
    const { id, apikey } = await ownKey({ expiresAt });
    expect((await iam.logIn(apikey ?? '')).body.errorCode).toBe('BXNIM0462E');
    expect((await owner.identity.updateApiKey({ id, ifMatch: '*', ...past })).result.expires_at).toBe(past.expiresAt);
  });

  it('the details of an unknown value are not found, or refused when switched', async () => {
    const details = () => refused(owner.identity.getApiKeysDetails({ iamApiKey: 'unknown' }));
    expect(await details()).toEqual([404, 'not_found', 'BXNIM0102E']);
    iam.cloud.switches.unknownKeyDetailsStatus = 400;
    expect(await details()).toEqual([400, 'validation', 'BXNIM0106E']);
  });

  it('a reviewer reads and lists the keys of service IDs, unless switched, and changes none', async () => {
    const roleId = 'crn:v1:bluemix:public:iam-identity::::serviceRole:ApiKeyReviewer';
    const { person } = await iam.serviceId({ roleId, attributes: { serviceName: 'iam-identity' } });
    const { id, key } = await iam.serviceId();
    const list = () => person.identity.listApiKeys({ accountId: iam.accountId, scope: 'account', type: 'serviceid' });
    expect((await list()).result.apikeys.map((one) => one.id)).toContain(key.id);
    expect((await person.identity.getApiKey({ id: key.id })).status).toBe(200);
    expect((await refused(person.identity.disableApiKey({ id: key.id })))[0]).toBe(403);
    expect((await refused(person.identity.getServiceId({ id })))[0]).toBe(403);
    iam.cloud.switches.reviewerReadsKeys = false;
    expect((await refused(list()))[0]).toBe(403);
    expect((await refused(person.identity.getApiKey({ id: key.id })))[0]).toBe(403);
  });

  it('a reviewer reads no values, be they stored, which is for who may read the key by a policy', async () => {
    const attributes = { serviceName: 'iam-identity' };
    const roleId = 'crn:v1:bluemix:public:iam-identity::::serviceRole:ApiKeyReviewer';
    const reviewer = await iam.serviceId({ roleId, attributes });
    const operator = await iam.serviceId({ roleId: ROLE.operator, attributes });
    const { iamId } = await iam.serviceId();
    const made = await owner.identity.createApiKey({ name: 'stored', iamId, storeValue: true });
    const { id, apikey } = made.result;
    const seenBy = async ({ identity }: Person) => [
      (await identity.getApiKey({ id })).result.apikey,
      (await identity.getApiKeysDetails({ iamApiKey: apikey })).result.apikey,
    ];
    expect(await seenBy(reviewer.person)).toEqual(['', '']);
    expect(await seenBy(operator.person)).toEqual([apikey, apikey]);
  });

  it('the history names what was done to a key, or calls all of it an update when switched', async () => {
    const { identity } = owner;
    const { id } = await ownKey();
    const changes = async () => {
      await identity.lockApiKey({ id });
      await identity.unlockApiKey({ id });
      await identity.disableApiKey({ id });
      await identity.enableApiKey({ id });
      const { history = [] } = (await identity.getApiKey({ id, includeHistory: true })).result;
      return history.slice(-4).map(({ action, params }) => [action, ...params]);
    };
    expect(await changes()).toEqual([['lock-apikey'], ['unlock-apikey'], ['disable-apikey'], ['enable-apikey']]);
    iam.cloud.switches.stateHistory = 'updates';
    expect(await changes()).toEqual([
      ['update-apikey', 'locked'],
      ['update-apikey', 'locked'],
      ['update-apikey', 'disabled'],
      ['update-apikey', 'disabled'],
    ]);
  });

  it('the role SecretsReader belongs to Secrets Manager, or to IAM when switched', async () => {
    const { iamId } = await iam.serviceId();
    const grant = (owning: string) =>
      iam.allow(iamId, `crn:v1:bluemix:public:${owning}::::serviceRole:SecretsReader`, {
        serviceName: 'secrets-manager',
      });
    const reads = () => {
      const caller = { iamId, accountId: iam.accountId };
      return iam.cloud.iam.allows(caller, 'secrets-manager.secret.read', { serviceName: 'secrets-manager' });
    };
    expect((await refused(grant('iam'))).slice(0, 2)).toEqual([400, 'invalid_body']);
    iam.cloud.switches.secretsReaderOwner = 'iam';
    expect((await refused(grant('secrets-manager'))).slice(0, 2)).toEqual([400, 'invalid_body']);
    expect(reads()).toBe(false);
    await grant('iam');
    expect(reads()).toBe(true);
  });
});
