import { IamAssumeAuthenticator } from 'ibm-cloud-sdk-core';
import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ComputeResource } from '../../infra/local/iam/service.ts';
import { IamCloud, refusalOf, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const MINUTE_MS = 60_000;
const GRANT = 'urn:ibm:params:oauth:grant-type:';

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

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

const assume = (token: string, profile: Record<string, string>) =>
  iam.postForm('/identity/token', { grant_type: `${GRANT}assume`, access_token: token, ...profile });

const outcomeOf = async (token: string, profile: Record<string, string>) => {
  const { status, body } = await assume(token, profile);
  return [status, body.errorCode];
};

async function newProfile(name = 'rotator') {
  const { result } = await owner.identity.createProfile({ accountId: iam.accountId, name });
  return result;
}

/** A profile that a new service ID may assume. */
async function assumable() {
  const profile = await newProfile();
  const robot = await iam.serviceId();
  const identity = { identityType: 'serviceid', type: 'serviceid', identifier: robot.id };
  await owner.identity.setProfileIdentity({ profileId: profile.id, ...identity });
  return { profile, robot };
}

const component: Omit<ComputeResource, 'crn'> = { componentType: 'function', componentName: 'rotate-keys' };

const projectCrn = (accountId: string) => `crn:v1:bluemix:public:codeengine:us-south:a/${accountId}:9a0b::`;

const logInWith = async (resource: ComputeResource, profileId: string) => {
  const form = { cr_token: iam.cloud.iam.issueComputeResourceToken(resource), profile_id: profileId };
  const { status, body } = await iam.postForm('/identity/token', { grant_type: `${GRANT}cr-token`, ...form });
  return status === 200 ? status : [status, body.errorCode];
};

describe('assuming a trusted profile', () => {
  it('takes a token of a service ID that the profile lists, by id, CRN, or name and account', async () => {
    const { profile, robot } = await assumable();
    const { body } = await assume(robot.person.token, { profile_id: profile.id });
    expect(claimsOf(body.access_token)).toMatchObject({
      iam_id: profile.iam_id,
      sub_type: 'Profile',
      account: { bss: iam.accountId },
      grant_type: `${GRANT}assume`,
    });
    expect(body).toMatchObject({ refresh_token: 'not_supported', token_type: 'Bearer', expires_in: 3_600 });
    expect((await assume(robot.person.token, { profile_crn: profile.crn })).status).toBe(200);
    const byName = { profile_name: 'rotator', account: iam.accountId };
    expect((await assume(robot.person.token, byName)).status).toBe(200);
    const { result } = await owner.identity.getProfile({ profileId: profile.id, includeActivity: true });
    expect(result.activity?.authn_count).toBe(3);
  });

  it('gives the access of the profile, and none of the one who assumes it', async () => {
    const { profile, robot } = await assumable();
    const target = await iam.serviceId();
    await iam.allow(profile.iam_id, ROLE.operator, { serviceName: 'iam-identity', resource: target.id });
    const { body } = await assume(robot.person.token, { profile_id: profile.id });
    const { identity } = iam.withToken(body.access_token);
    expect((await identity.createApiKey({ name: 'x', iamId: target.iamId })).status).toBe(201);
    expect((await refused(identity.createApiKey({ name: 'x', iamId: robot.iamId })))[0]).toBe(403);
  });

  it.each([
    ['id', ({ id }: IamIdentityV1.TrustedProfile) => ({ iamProfileId: id })],
    ['CRN', ({ crn }: IamIdentityV1.TrustedProfile) => ({ iamProfileCrn: crn })],
    [
      'name',
      ({ name, account_id: account }: IamIdentityV1.TrustedProfile) => ({
        iamProfileName: name,
        iamAccountId: account,
      }),
    ],
  ])("is all that IBM's authenticator needs to do so by %s", async (_, named) => {
    const { profile, robot } = await assumable();
    const authenticator = new IamAssumeAuthenticator({ apikey: robot.key.value, url: iam.url, ...named(profile) });
    const client = new IamIdentityV1({ serviceUrl: iam.url, authenticator });
    await client.listApiKeys();
    expect(iam.cloud.calls.list().at(-1)).toMatchObject({ path: '/v1/apikeys', iamId: profile.iam_id });
  });

  it('is for users too, but only from the accounts that are named', async () => {
    const { id: profileId } = await newProfile();
    const user = iam.cloud.iam.addUser('functional ID');
    const { token } = await iam.person(user.apiKey);
    const allow = (accounts?: string[]) =>
      owner.identity.setProfileIdentity({
        profileId,
        identityType: 'user',
        type: 'user',
        identifier: user.iamId,
        ...(accounts && { accounts }),
      });
    const before = await outcomeOf(token, { profile_id: profileId });
    await allow(['another']);
    const elsewhere = await outcomeOf(token, { profile_id: profileId });
    await allow([iam.accountId]);
    const here = await outcomeOf(token, { profile_id: profileId });
    await allow();
    const anywhere = await outcomeOf(token, { profile_id: profileId });
    expect([before, elsewhere]).toEqual([
      [400, 'BXNIM0398E'],
      [400, 'BXNIM0398E'],
    ]);
    expect([here[0], anywhere[0]]).toEqual([200, 200]);
  });

  it('is refused to a user who is suspended meanwhile', async () => {
    const { id: profileId } = await newProfile();
    const user = iam.cloud.iam.addUser('functional ID');
    const { token } = await iam.person(user.apiKey);
    const listed = { type: 'user', identifier: user.iamId };
    await owner.identity.setProfileIdentity({ profileId, identityType: 'user', ...listed });
    iam.cloud.iam.setUserState(user.iamId, 'suspended');
    expect(await outcomeOf(token, { profile_id: profileId })).toEqual([401, 'BXNIM0436E']);
    iam.cloud.iam.setUserState(user.iamId, 'active');
    expect((await outcomeOf(token, { profile_id: profileId }))[0]).toBe(200);
  });

  it('ends with the identity in the list, while tokens live on', async () => {
    const { profile, robot } = await assumable();
    const { body } = await assume(robot.person.token, { profile_id: profile.id });
    const named = { identityType: 'serviceid', identifierId: robot.id };
    await owner.identity.deleteProfileIdentity({ profileId: profile.id, ...named });
    expect(await outcomeOf(robot.person.token, { profile_id: profile.id })).toEqual([400, 'BXNIM0398E']);
    expect((await iam.withToken(body.access_token).identity.listApiKeys()).status).toBe(200);
  });

  it('refuses everybody whom the profile does not list, the account owner and the profile itself too', async () => {
    const { profile, robot } = await assumable();
    const stranger = await iam.serviceId();
    const assumed = (await assume(robot.person.token, { profile_id: profile.id })).body.access_token;
    const outcomes = [stranger.person.token, owner.token, assumed].map((token) =>
      outcomeOf(token, { profile_id: profile.id }),
    );
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toEqual([400, 'BXNIM0398E']);
  });

  it('refuses bad tokens, and profiles that do not exist', async () => {
    const { profile, robot } = await assumable();
    const { token } = robot.person;
    expect(await outcomeOf('x.y.z', { profile_id: profile.id })).toEqual([400, 'BXNIM0401E']);
    expect(await outcomeOf(token, { profile_id: 'Profile-x' })).toEqual([400, 'BXNIM0398E']);
    expect(await outcomeOf(token, { profile_crn: 'crn:v1:x' })).toEqual([400, 'BXNIM0398E']);
    expect(await outcomeOf(token, { profile_name: 'rotator', account: 'another' })).toEqual([400, 'BXNIM0398E']);
    await iam.pass(60 * MINUTE_MS);
    expect(await outcomeOf(token, { profile_id: profile.id })).toEqual([400, 'BXNIM0401E']);
  });

  it.each([
    ['no profile', {}, 'BXNIM0109E', 'profile_id'],
    ['two names of a profile', { profile_id: 'x', profile_crn: 'y' }, 'BXNIM0106E', 'profile_id'],
    ['a name without an account', { profile_name: 'x' }, 'BXNIM0109E', 'account'],
    ['an account without a name', { profile_id: 'x', account: 'y' }, 'BXNIM0106E', 'account'],
    ['a field of another grant', { profile_id: 'x', apikey: 'y' }, 'BXNIM0106E', 'apikey'],
  ])('refuses %s and names the property', async (_, form, errorCode, property) => {
    const { status, body } = await assume(owner.token, form);
    expect([status, body.errorCode]).toEqual([400, errorCode]);
    expect(body.errorDetails).toContain(`'${property}'`);
  });
});

describe('logging in by a claim rule', () => {
  it.each([
    ['project_name', 'EQUALS', 'keys'],
    ['component_type', 'EQUALS_IGNORE_CASE', 'FUNCTION'],
    ['component_name', 'NOT_EQUALS', 'show-report'],
    ['component_name', 'NOT_EQUALS_IGNORE_CASE', 'SHOW-REPORT'],
    ['component_name', 'CONTAINS', 'rotate'],
    ['service_instance', 'EQUALS', '9a0b'],
    ['location', 'IN', ['eu-de', 'us-south']],
  ])('is possible when %s %s %j', async (claim, operator, value) => {
    const { id: profileId } = await newProfile();
    const resource = { crn: projectCrn(iam.accountId), projectName: 'keys', ...component };
    const before = await logInWith(resource, profileId);
    const conditions = [{ claim, operator, value: JSON.stringify(value) }];
    await owner.identity.createClaimRule({ profileId, type: 'Profile-CR', crType: 'CE', conditions });
    expect([before, await logInWith(resource, profileId)]).toEqual([[400, 'BXNIM0398E'], 200]);
    const other = { ...resource, crn: resource.crn.replace('us-south:', 'jp-tok:').replace('9a0b', 'ffff') };
    const stranger = { ...other, componentType: 'job' as const, componentName: 'show-report', projectName: 'other' };
    expect(await logInWith(stranger, profileId)).toEqual([400, 'BXNIM0398E']);
  });

  it('needs all conditions of a rule, and one rule of several', async () => {
    const { id: profileId } = await newProfile();
    const resource = { crn: projectCrn(iam.accountId), ...component };
    const rule = (componentName: string) => ({
      profileId,
      type: 'Profile-CR',
      crType: 'CE',
      conditions: [
        { claim: 'component_type', operator: 'EQUALS', value: '"function"' },
        { claim: 'component_name', operator: 'EQUALS', value: JSON.stringify(componentName) },
      ],
    });
    await owner.identity.createClaimRule(rule('show-report'));
    const half = await logInWith(resource, profileId);
    const { result } = await owner.identity.createClaimRule(rule('rotate-keys'));
    const whole = await logInWith(resource, profileId);
    await owner.identity.deleteClaimRule({ profileId, ruleId: result.id });
    expect([half, whole, await logInWith(resource, profileId)]).toEqual([
      [400, 'BXNIM0398E'],
      200,
      [400, 'BXNIM0398E'],
    ]);
  });

  it('is for projects of the account, and for those whose claims are known', async () => {
    const { id: profileId } = await newProfile();
    const conditions = [{ claim: 'project_name', operator: 'NOT_EQUALS', value: '"secret"' }];
    await owner.identity.createClaimRule({ profileId, type: 'Profile-CR', crType: 'CE', conditions });
    const here = { crn: projectCrn(iam.accountId), projectName: 'keys', ...component };
    expect(await logInWith(here, profileId)).toBe(200);
    expect(await logInWith({ ...here, projectName: undefined }, profileId)).toEqual([400, 'BXNIM0398E']);
    expect(await logInWith({ ...here, crn: projectCrn('other') }, profileId)).toEqual([400, 'BXNIM0398E']);
  });
});

describe('logging in with the key of a user', () => {
  it('is refused while the user is suspended, whose tokens live on', async () => {
    const { iamId, apiKey } = iam.cloud.iam.addUser('functional ID');
    const { identity } = await iam.person(apiKey);
    iam.cloud.iam.setUserState(iamId, 'suspended');
    const { status, body } = await iam.logIn(apiKey);
    expect([status, body.errorCode]).toEqual([401, 'BXNIM0436E']);
    const probe = await iam.postForm('/identity/introspect', { apikey: apiKey });
    expect(probe.body.active).toBe(false);
    expect((await identity.listApiKeys()).status).toBe(200);
    iam.cloud.iam.setUserState(iamId, 'active');
    expect((await iam.logIn(apiKey)).status).toBe(200);
  });

  it('is refused once the user has left, whose tokens end at once', async () => {
    const { iamId, apiKey } = iam.cloud.iam.addUser('functional ID');
    const { identity } = await iam.person(apiKey);
    iam.cloud.iam.setUserState(iamId, 'left');
    const { status, body } = await iam.logIn(apiKey);
    expect([status, body.errorCode]).toEqual([400, 'BXNIM0410E']);
    expect((await refused(identity.listApiKeys()))[0]).toBe(401);
    expect(() => iam.cloud.iam.setUserState('IBMid-x', 'left')).toThrow('no user');
  });
});

describe('a transaction id', () => {
  it('of the caller comes back in refusals, of tokens and of everything else', async () => {
    const headers = { 'Transaction-Id': 'mine' };
    const form = new URLSearchParams({ grant_type: `${GRANT}apikey`, apikey: 'unknown' });
    const login = await fetch(`${iam.url}/identity/token`, { method: 'POST', headers, body: form });
    expect(login.headers.get('transaction-id')).toBe('mine');
    const { result } = await refusalOf(owner.identity.getApiKey({ id: 'x', headers }));
    expect(result.trace).toBe('mine');
    const policies = await refusalOf(owner.policies.getPolicy({ policyId: 'x', headers }));
    expect(policies.result.trace).toBe('mine');
    const list = await owner.identity.listApiKeys({ includeHistory: true, headers });
    expect(list.result.context?.transaction_id).toBe('mine');
  });
});

describe('what the facts leave open about logins', () => {
  const keyOf = async (more: object) => {
    const { result } = await owner.identity.createApiKey({ name: 'key', iamId: owner.iamId, ...more });
    return { id: result.id, value: result.apikey ?? '' };
  };
  const introspect = async (apikey: string) => (await iam.postForm('/identity/introspect', { apikey })).body.active;

  it('the code of an expired key is that of a disabled one, or of an unknown one when switched', async () => {
    const { value } = await keyOf({ expiresAt: iamDate(iam.clock.nowMs() + 10 * MINUTE_MS) });
    await iam.pass(10 * MINUTE_MS);
    const { status, body } = await iam.logIn(value);
    expect([status, body.errorCode]).toEqual([400, 'BXNIM0462E']);
    iam.cloud.switches.expiredKeyLoginCode = 'BXNIM0415E';
    expect((await iam.logIn(value)).body.errorCode).toBe('BXNIM0415E');
  });

  it('introspection says inactive of disabled and expired keys, or active when switched', async () => {
    const { id, value } = await keyOf({ entityDisable: 'true' });
    const expiring = await keyOf({ expiresAt: iamDate(iam.clock.nowMs() + 10 * MINUTE_MS) });
    expect([await introspect(value), await introspect(expiring.value)]).toEqual([false, true]);
    await iam.pass(10 * MINUTE_MS);
    expect(await introspect(expiring.value)).toBe(false);
    iam.cloud.switches.refusedKeyIntrospection = 'active';
    expect([await introspect(value), await introspect(expiring.value)]).toEqual([true, true]);
    await owner.identity.deleteApiKey({ id });
    expect(await introspect(value), 'deleted').toBe(false);
  });
});
