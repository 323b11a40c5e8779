import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import { IamCloud, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const NOT_FOUND = [404, 'not_found', 'BXNIM0102E'];
const INVALID = [400, 'validation', 'BXNIM0106E'];

let iam: IamCloud;
let owner: Person;
let profileId: string;

beforeEach(async () => {
  iam = await IamCloud.start();
  owner = await iam.owner();
  profileId = (await newProfile('rotator')).id;
});

afterEach(async () => {
  await iam[Symbol.asyncDispose]();
});

async function newProfile(name: string) {
  const { result } = await owner.identity.createProfile({ accountId: iam.accountId, name, description: 'old' });
  return result;
}

/** Somebody who may look, but not change. */
const viewer = async () => {
  const robot = await iam.serviceId({ roleId: ROLE.viewer, attributes: { serviceName: 'iam-identity' } });
  return robot.person.identity;
};

describe('updating a trusted profile', () => {
  it('changes what is given, with a new tag and history', async () => {
    const before = (await owner.identity.getProfile({ profileId })).result;
    const change = { profileId, ifMatch: before.entity_tag, name: 'renamed', email: 'a@b.c' };
    const { status, result, headers } = await owner.identity.updateProfile(change);
    expect(status).toBe(200);
    expect(result).toMatchObject({ id: profileId, name: 'renamed', description: 'old', email: 'a@b.c' });
    expect([result.entity_tag, headers['etag']]).toEqual([headers['etag'], expect.stringMatching(/^2-/)]);
    const cleared = await owner.identity.updateProfile({ profileId, ifMatch: '*', description: '', email: '' });
    expect(cleared.result).not.toHaveProperty('description');
    expect(cleared.result).not.toHaveProperty('email');
    const list = await owner.identity.listProfiles({ accountId: iam.accountId, includeHistory: true });
    const actions = list.result.profiles[0]?.history?.map(({ action }) => action);
    expect(actions).toEqual(['create-profile', 'update-profile', 'update-profile']);
  });

  it('moves the name: the former one is free, and the new one taken', async () => {
    const { accountId } = iam;
    await owner.identity.updateProfile({ profileId, ifMatch: '*', name: 'renamed' });
    const named = async (name: string) =>
      (await owner.identity.listProfiles({ accountId, name })).result.profiles.map(({ id }) => id);
    expect([await named('rotator'), await named('renamed')]).toEqual([[], [profileId]]);
    const { id: other } = await newProfile('rotator');
    expect((await refused(owner.identity.updateProfile({ profileId: other, ifMatch: '*', name: 'renamed' })))[0]).toBe(
      409,
    );
    expect((await owner.identity.updateProfile({ profileId, ifMatch: '*', name: 'renamed' })).status).toBe(200);
  });

  it('is refused with an outdated tag, an empty name, for a Viewer, and of what is unknown', async () => {
    const { entity_tag: ifMatch } = (await owner.identity.getProfile({ profileId })).result;
    const { identity } = owner;
    await identity.updateProfile({ profileId, ifMatch, description: 'new' });
    expect((await refused(identity.updateProfile({ profileId, ifMatch, description: 'x' })))[0]).toBe(409);
    expect(await refused(identity.updateProfile({ profileId, ifMatch: '*', name: '' }))).toEqual(INVALID);
    expect(await refused(identity.updateProfile({ profileId: 'Profile-x', ifMatch: '*' }))).toEqual(NOT_FOUND);
    expect((await refused((await viewer()).updateProfile({ profileId, ifMatch: '*' })))[0]).toBe(403);
  });
});

describe('claim rules', () => {
  const conditions = [{ claim: 'component_name', operator: 'EQUALS', value: '"rotate-keys"' }];
  const rule = () => ({ profileId, type: 'Profile-CR', crType: 'CE', conditions });

  it('are created, read, listed, updated and deleted', async () => {
    const { identity } = owner;
    const made = await identity.createClaimRule({ ...rule(), name: 'its functions' });
    const { id: ruleId, entity_tag: ifMatch } = made.result;
    expect(made.status).toBe(201);
    expect(made.result).toMatchObject({
      id: expect.stringMatching(/^ClaimRule-/) as string,
      entity_tag: made.headers['etag'],
      name: 'its functions',
      type: 'Profile-CR',
      cr_type: 'CE',
      conditions,
    });
    expect((await identity.getClaimRule({ profileId, ruleId })).result).toEqual(made.result);
    expect((await identity.listClaimRules({ profileId })).result.rules).toEqual([made.result]);
    const other = [{ claim: 'location', operator: 'IN', value: '["us-south","eu-de"]' }];
    const updated = await identity.updateClaimRule({ ...rule(), ruleId, ifMatch, conditions: other });
    expect(updated.result).toMatchObject({ id: ruleId, name: 'its functions', conditions: other });
    expect(updated.result.entity_tag).not.toBe(ifMatch);
    expect((await refused(identity.updateClaimRule({ ...rule(), ruleId, ifMatch })))[0]).toBe(409);
    expect((await identity.deleteClaimRule({ profileId, ruleId })).status).toBe(204);
    expect(await refused(identity.getClaimRule({ profileId, ruleId }))).toEqual(NOT_FOUND);
    expect(await refused(identity.deleteClaimRule({ profileId, ruleId }))).toEqual(NOT_FOUND);
  });

  it.each([
    ['another type', { type: 'Profile-SAML' }],
    ['another kind of resource', { crType: 'VSI' }],
    ['no condition', { conditions: [] }],
    ['an unknown claim', { conditions: [{ ...conditions[0], claim: 'colour' }] }],
    ['an unknown operator', { conditions: [{ ...conditions[0], operator: 'MATCHES' }] }],
    ['a value that is not JSON', { conditions: [{ ...conditions[0], value: 'rotate-keys' }] }],
    ['a list where one value belongs', { conditions: [{ ...conditions[0], value: '["rotate-keys"]' }] }],
    ['one value where a list belongs', { conditions: [{ ...conditions[0], operator: 'IN' }] }],
    ['a realm', { realmName: 'https://idp.example.org' }],
  ])('are refused with %s', async (_, change) => {
    const made = { ...rule(), ...change } as IamIdentityV1.CreateClaimRuleParams;
    expect((await refused(owner.identity.createClaimRule(made)))[0]).toBe(400);
  });

  it('are at most 20 a profile', async () => {
    for (let n = 1; n <= 20; n += 1) await owner.identity.createClaimRule(rule());
    expect((await refused(owner.identity.createClaimRule(rule())))[0]).toBe(422);
  });

  it('are for those who may change the profile, and go with it', async () => {
    const { result } = await owner.identity.createClaimRule(rule());
    const identity = await viewer();
    expect((await identity.listClaimRules({ profileId })).result.rules).toHaveLength(1);
    expect((await refused(identity.createClaimRule(rule())))[0]).toBe(403);
    expect((await refused(identity.deleteClaimRule({ profileId, ruleId: result.id })))[0]).toBe(403);
    await owner.identity.deleteProfile({ profileId });
    expect(await refused(owner.identity.listClaimRules({ profileId }))).toEqual(NOT_FOUND);
    expect(await refused(owner.identity.createClaimRule(rule()))).toEqual(NOT_FOUND);
  });
});

describe('the identities of a trusted profile', () => {
  it('are replaced with the tag of the profile', async () => {
    const { identity } = owner;
    const robot = await iam.serviceId();
    const { crn } = iam.cloud.account.secretsManager;
    const before = await identity.getProfileIdentities({ profileId });
    expect(before.result).toEqual({ entity_tag: before.headers['etag'], identities: [] });
    const identities = [
      { type: 'user', identifier: owner.iamId, accounts: [iam.accountId], description: 'the owner' },
      { type: 'serviceid', identifier: robot.id },
      { type: 'crn', identifier: crn, description: 'a service' },
    ];
    const ifMatch = before.result.entity_tag ?? '';
    const { status, result } = await identity.setProfileIdentities({ profileId, ifMatch, identities });
    expect(status).toBe(200);
    expect(result.identities).toEqual([
      { ...identities[0], iam_id: owner.iamId },
      { ...identities[1], iam_id: robot.iamId },
      { ...identities[2], iam_id: `crn-${crn}` },
    ]);
    expect((await identity.getProfile({ profileId })).result.entity_tag).toBe(result.entity_tag);
    expect((await refused(identity.setProfileIdentities({ profileId, ifMatch, identities })))[0]).toBe(409);
    const cleared = await identity.setProfileIdentities({ profileId, ifMatch: '*', identities: [] });
    expect(cleared.result.identities).toEqual([]);
  });

  it('are set, read and deleted one by one, also by a CRN', async () => {
    const { identity } = owner;
    const { crn } = iam.cloud.account.secretsManager;
    const one = { profileId, identityType: 'crn', type: 'crn', identifier: crn };
    const named = { profileId, identityType: 'crn', identifierId: crn };
    const made = await identity.setProfileIdentity(one);
    expect([made.status, made.result]).toEqual([200, { iam_id: `crn-${crn}`, type: 'crn', identifier: crn }]);
    const again = await identity.setProfileIdentity({ ...one, description: 'again' });
    expect((await identity.getProfileIdentity(named)).result).toEqual(again.result);
    expect((await identity.getProfileIdentities({ profileId })).result.identities).toHaveLength(1);
    expect((await identity.deleteProfileIdentity(named)).status).toBe(204);
    expect(await refused(identity.getProfileIdentity(named))).toEqual(NOT_FOUND);
    expect(await refused(identity.deleteProfileIdentity(named))).toEqual(NOT_FOUND);
  });

  it('lose a service ID that is deleted, and can be written as they are then', async () => {
    const { identity } = owner;
    const [one, other] = [await iam.serviceId(), await iam.serviceId()];
    const identities = [one, other].map(({ id }) => ({ type: 'serviceid', identifier: id }));
    await identity.setProfileIdentities({ profileId, ifMatch: '*', identities });
    await identity.deleteServiceId({ id: one.id });
    const { result } = await identity.getProfileIdentities({ profileId });
    expect(result.identities?.map(({ identifier }) => identifier)).toEqual([other.id]);
    const ifMatch = result.entity_tag ?? '';
    const left = [{ type: 'serviceid', identifier: other.id }];
    expect((await identity.setProfileIdentities({ profileId, ifMatch, identities: left })).status).toBe(200);
  });

  it('show the description of a service ID that has none of its own', async () => {
    const { accountId } = iam;
    const { result } = await owner.identity.createServiceId({ accountId, name: 'x', description: 'usual' });
    const one = { profileId, identityType: 'serviceid', type: 'serviceid', identifier: result.id };
    expect((await owner.identity.setProfileIdentity(one)).result.description).toBe('usual');
    expect((await owner.identity.setProfileIdentity({ ...one, description: 'own' })).result.description).toBe('own');
  });

  it.each([
    ['another type than the path', { identityType: 'crn', type: 'user', identifier: 'IBMid-1' }],
    ['an unknown type', { identityType: 'group', type: 'group', identifier: 'x' }],
    ['an unknown service ID', { identityType: 'serviceid', type: 'serviceid', identifier: 'ServiceId-x' }],
    ['what is no CRN', { identityType: 'crn', type: 'crn', identifier: 'x' }],
    ['a service ID as a user', { identityType: 'user', type: 'user', identifier: 'iam-ServiceId-x' }],
    ['accounts of a service', { identityType: 'crn', type: 'crn', identifier: 'crn:v1:x', accounts: ['x'] }],
  ])('are refused with %s', async (_, one) => {
    expect((await refused(owner.identity.setProfileIdentity({ profileId, ...one })))[0]).toBe(400);
  });

  it('are named once, and changed by those who may change the profile', async () => {
    const one = { type: 'user', identifier: owner.iamId };
    const twice = { profileId, ifMatch: '*', identities: [one, one] };
    expect(await refused(owner.identity.setProfileIdentities(twice))).toEqual(INVALID);
    const identity = await viewer();
    expect((await identity.getProfileIdentities({ profileId })).status).toBe(200);
    expect((await refused(identity.setProfileIdentity({ profileId, identityType: 'user', ...one })))[0]).toBe(403);
    const gone = { profileId: 'Profile-x', identityType: 'user', ...one };
    expect(await refused(owner.identity.setProfileIdentity(gone))).toEqual(NOT_FOUND);
  });
});

describe('links of a trusted profile', () => {
  it('are deleted by what they name, too', async () => {
    const crn = `crn:v1:bluemix:public:codeengine:us-south:a/${iam.accountId}:9a0b::`;
    const link = { crn, component_type: 'function', component_name: 'rotate-keys' };
    await owner.identity.createLink({ profileId, crType: 'CE', link });
    const named = { profileId, type: 'CE', crn, componentType: 'function', componentName: 'rotate-keys' };
    const other = { ...named, componentName: 'show-report' };
    expect(await refused(owner.identity.deleteLinkByParameters(other))).toEqual(NOT_FOUND);
    expect((await refused(owner.identity.deleteLinkByParameters({ profileId, type: 'CE', crn })))[0]).toBe(400);
    expect((await owner.identity.deleteLinkByParameters(named)).status).toBe(204);
    expect((await owner.identity.listLinks({ profileId })).result.links).toEqual([]);
  });

  it('name a project of Code Engine, and nothing else', async () => {
    const { crn } = iam.cloud.account.secretsManager;
    const link = { crn, component_type: 'function', component_name: 'rotate-keys' };
    expect(await refused(owner.identity.createLink({ profileId, crType: 'CE', link }))).toEqual(INVALID);
  });
});
