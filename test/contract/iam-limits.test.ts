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

describe('account limits', () => {
  it('are told to a long list, too', async () => {
    const { accountId } = iam;
    const { iamId } = await iam.serviceId();
    const wish = { accountId, apikeysPerIdentity: [iamId, owner.iamId], profiles: true };
    const { status, result } = await owner.identity.bulkListAccountEntityConsumption(wish);
    expect(status).toBe(200);
    expect(result).toEqual({
      apikeys_per_identity: {
        limit: 20,
        identities: [
          { iam_id: iamId, count: 1 },
          { iam_id: owner.iamId, count: 1 },
        ],
      },
      profiles: { limit: 2_000, count: 0 },
    });
    const robot = await iam.serviceId();
    const nothing = robot.person.identity.bulkListAccountEntityConsumption({ accountId });
    expect((await refused(nothing))[0]).toBe(403);
    const unknown = owner.identity.bulkListAccountEntityConsumption({ accountId, idps: true });
    expect((await refused(unknown))[0]).toBe(400);
  });

  it('count the claim rules of a profile for those who may see it', async () => {
    const { accountId } = iam;
    const { id } = (await owner.identity.createProfile({ accountId, name: 'rotator' })).result;
    const conditions = [{ claim: 'location', operator: 'EQUALS', value: '"us-south"' }];
    await owner.identity.createClaimRule({ profileId: id, type: 'Profile-CR', crType: 'CE', conditions });
    const viewer = await iam.serviceId({ roleId: ROLE.viewer, attributes: { serviceName: 'iam-identity' } });
    const { identity } = viewer.person;
    const count = { limit: 20, profiles: [{ profile_id: id, count: 1 }] };
    const wish = { accountId, crRulesPerProfile: id, claimRulesPerProfile: id };
    expect((await identity.getAccountLimits(wish)).result).toEqual({
      cr_rules_per_profile: count,
      claim_rules_per_profile: count,
    });
    const unknown = identity.getAccountLimits({ accountId, crRulesPerProfile: 'Profile-x' });
    expect((await refused(unknown))[0]).toBe(404);
    const stranger = (await iam.serviceId()).person.identity;
    expect((await refused(stranger.getAccountLimits({ accountId, crRulesPerProfile: id })))[0]).toBe(403);
  });
});
