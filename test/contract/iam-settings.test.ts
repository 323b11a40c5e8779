import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import { IamCloud, refusalOf, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const MINUTE_MS = 60_000;
const IDENTITY = { serviceName: 'iam-identity' };
const CREATOR = {
  ofApiKeys: 'crn:v1:bluemix:public:iam-identity::::serviceRole:UserApiKeyCreator',
  ofServiceIds: 'crn:v1:bluemix:public:iam-identity::::serviceRole:ServiceIdCreator',
};

let iam: IamCloud;
let owner: Person;

beforeEach(async () => {
  iam = await IamCloud.start();
  owner = await iam.owner();
});

afterEach(async () => {
  await iam[Symbol.asyncDispose]();
});

const set = (change: Partial<IamIdentityV1.UpdateAccountSettingsParams>) =>
  owner.identity.updateAccountSettings({ accountId: iam.accountId, ifMatch: '*', ...change });

describe('account settings', () => {
  it('are not set at the start, and what then holds is told apart', async () => {
    const { accountId } = iam;
    const { result, headers } = await owner.identity.getAccountSettings({ accountId });
    expect(result).toEqual({
      account_id: accountId,
      entity_tag: headers['etag'],
      history: [],
      restrict_create_service_id: 'NOT_SET',
      restrict_create_platform_apikey: 'NOT_SET',
      allowed_ip_addresses: '',
      mfa: 'NONE',
      user_mfa: [],
      session_expiration_in_seconds: 'NOT_SET',
      session_invalidation_in_seconds: 'NOT_SET',
      max_sessions_per_identity: 'NOT_SET',
      system_access_token_expiration_in_seconds: 'NOT_SET',
      system_refresh_token_expiration_in_seconds: 'NOT_SET',
      restrict_user_list_visibility: 'NOT_RESTRICTED',
      restrict_user_domains: [],
    });
    const effective = (await owner.identity.getEffectiveAccountSettings({ accountId })).result;
    expect(effective).toMatchObject({
      account_id: accountId,
      account: result,
      effective: {
        restrict_create_service_id: 'NOT_RESTRICTED',
        restrict_create_platform_apikey: 'NOT_RESTRICTED',
        max_sessions_per_identity: 'NOT_SET',
        system_access_token_expiration_in_seconds: '3600',
      },
      assigned_templates: [],
    });
    expect(effective.effective).not.toHaveProperty('restrict_user_domains');
  });

  it('are changed one by one, with a new tag and history', async () => {
    const { accountId } = iam;
    const { entity_tag: ifMatch } = (await owner.identity.getAccountSettings({ accountId })).result;
    const userMfa = [{ iam_id: owner.iamId, mfa: 'NONE' }];
    const domains = [
      { realm_id: 'IBMid', invitation_email_allow_patterns: ['*.*@ibm.com'], restrict_invitation: true },
    ];
    const { status, result, headers } = await set({
      ifMatch,
      mfa: 'TOTP4ALL',
      userMfa,
      maxSessionsPerIdentity: '10',
      restrictUserDomains: domains,
    });
    expect(status).toBe(200);
    expect(result).toMatchObject({
      entity_tag: headers['etag'],
      mfa: 'TOTP4ALL',
      user_mfa: userMfa,
      max_sessions_per_identity: '10',
      restrict_user_domains: domains,
      session_expiration_in_seconds: 'NOT_SET',
    });
    const read = await owner.identity.getAccountSettings({ accountId, includeHistory: true, resolveUserMfa: true });
    expect(read.result.entity_tag).toBe(result.entity_tag);
    expect(read.result.user_mfa).toEqual([{ ...userMfa[0], name: 'Account owner', userName: 'Account owner' }]);
    expect(read.result.history).toMatchObject([{ iam_id: owner.iamId, params: expect.arrayContaining(['mfa']) as [] }]);
    const removed = await set({ restrictUserDomains: [{ realm_id: 'IBMid' }] });
    expect(removed.result).toMatchObject({ mfa: 'TOTP4ALL', restrict_user_domains: [] });
  });

  it('refuse an outdated tag and a missing one', async () => {
    const { accountId } = iam;
    const { entity_tag: ifMatch } = (await owner.identity.getAccountSettings({ accountId })).result;
    await set({ mfa: 'TOTP' });
    expect((await refused(set({ ifMatch, mfa: 'NONE' })))[0]).toBe(409);
    const path = `/v1/accounts/${accountId}/settings/identity`;
    expect((await iam.send('PUT', path, owner.token, { mfa: 'NONE' })).status).toBe(400);
    expect((await owner.identity.getAccountSettings({ accountId })).result.mfa).toBe('TOTP');
  });

  it.each([
    { mfa: 'SOME' },
    { restrictCreateServiceId: 'restricted' },
    { sessionExpirationInSeconds: '899' },
    { sessionInvalidationInSeconds: '7201' },
    { systemAccessTokenExpirationInSeconds: '3601' },
    { systemAccessTokenExpirationInSeconds: '1e3' },
    { systemRefreshTokenExpirationInSeconds: '' },
    { maxSessionsPerIdentity: '0' },
    { restrictUserListVisibility: 'NOT_SET' },
    { allowedIpAddresses: 'everywhere' },
    { allowedIpAddresses: '17.5.7.8/33' },
    { allowedIpAddresses: '17.5.9.5 - 17.5.7.8' },
  ])('refuse %o', async (change) => {
    expect(await refused(set(change))).toEqual([400, 'validation', 'BXNIM0106E']);
  });

  it('are read and written by Editors and more, of this account', async () => {
    const { accountId } = iam;
    const change = { accountId, ifMatch: '*', mfa: 'NONE' };
    for (const roleId of [ROLE.editor, ROLE.operator, ROLE.administrator]) {
      const { identity } = (await iam.serviceId({ roleId, attributes: IDENTITY })).person;
      expect((await identity.updateAccountSettings(change)).status).toBe(200);
    }
    const viewer = (await iam.serviceId({ roleId: ROLE.viewer, attributes: IDENTITY })).person.identity;
    const forbidden = [403, 'forbidden', 'BXNIM0513E'];
    expect(await refused(viewer.getAccountSettings({ accountId }))).toEqual(forbidden);
    expect(await refused(viewer.getEffectiveAccountSettings({ accountId }))).toEqual(forbidden);
    expect(await refused(viewer.updateAccountSettings(change))).toEqual(forbidden);
    expect(await refused(owner.identity.getAccountSettings({ accountId: 'another' }))).toEqual(forbidden);
  });
});

describe('the restriction of API keys', () => {
  it('holds for users, even for the account owner, until the role is granted', async () => {
    await set({ restrictCreatePlatformApikey: 'RESTRICTED' });
    const create = () => owner.identity.createApiKey({ name: 'x', iamId: owner.iamId });
    const { status, result } = await refusalOf(create());
    expect([status, result.errors[0]?.message_code]).toEqual([403, 'BXNIM0513E']);
    expect(result.errors[0]?.details).toContain('iam-identity.user-apikey.create');
    await iam.allow(owner.iamId, ROLE.administrator, IDENTITY);
    expect((await refused(create()))[0], 'as Administrator').toBe(403);
    await iam.allow(owner.iamId, CREATOR.ofApiKeys, IDENTITY);
    expect((await create()).status).toBe(201);
  });

  it('never holds for keys of service IDs, and ends when it is lifted', async () => {
    await set({ restrictCreatePlatformApikey: 'RESTRICTED' });
    const { iamId } = await iam.serviceId();
    expect((await owner.identity.createApiKey({ name: 'x', iamId })).status).toBe(201);
    await set({ restrictCreatePlatformApikey: 'NOT_RESTRICTED' });
    expect((await owner.identity.createApiKey({ name: 'x', iamId: owner.iamId })).status).toBe(201);
  });
});

describe('the restriction of service IDs', () => {
  it('holds for everybody, even for the account owner, until the role is granted', async () => {
    const { accountId } = iam;
    const operator = await iam.serviceId({ roleId: ROLE.operator, attributes: IDENTITY });
    const create = ({ identity }: Person) => identity.createServiceId({ accountId, name: 'x' });
    expect((await create(operator.person)).status).toBe(201);
    await set({ restrictCreateServiceId: 'RESTRICTED' });
    expect(await refused(create(owner))).toEqual([403, 'forbidden', 'BXNIM0513E']);
    expect(await refused(create(operator.person))).toEqual([403, 'forbidden', 'BXNIM0513E']);
    await iam.allow(owner.iamId, CREATOR.ofServiceIds, IDENTITY);
    expect((await create(owner)).status).toBe(201);
  });
});

describe('the life of access tokens', () => {
  it('is shortened for new tokens, and only for those', async () => {
    await set({ systemAccessTokenExpirationInSeconds: '900' });
    const { body } = await iam.logIn(iam.cloud.iam.adminApiKey);
    const iat = Math.floor(iam.clock.nowMs() / 1_000);
    expect(body).toMatchObject({ expires_in: 900, expiration: iat + 900 });
    const late = iam.withToken(body.access_token);
    await iam.pass(15 * MINUTE_MS);
    expect((await refused(late.identity.listApiKeys()))[0]).toBe(401);
    expect((await owner.identity.listApiKeys()).status).toBe(200);
    await set({ systemAccessTokenExpirationInSeconds: 'NOT_SET' });
    expect((await iam.logIn(iam.cloud.iam.adminApiKey)).body.expires_in).toBe(3_600);
  });
});

describe('the list of allowed IP addresses', () => {
  const outcomes = async (addresses: readonly string[]) => {
    const seen: (string | number)[] = [];
    for (const address of addresses) {
      iam.cloud.switches.callerAddress = address;
      const { status, body } = await iam.logIn(iam.cloud.iam.adminApiKey);
      seen.push(status === 200 ? status : `${status} ${body.errorCode}`);
    }
    return seen;
  };
  const refusal = '401 BXNIM0430E';

  it.each([
    ['17.5.7.8', ['17.5.7.8', '17.5.7.9', '::1'], [200, refusal, refusal]],
    ['17.5.7.8 - 17.5.9.5, ::1', ['17.5.8.0', '17.5.9.6', '::1'], [200, refusal, 200]],
    ['17.5.0.0/16', ['17.5.255.255', '17.6.0.0'], [200, refusal]],
    ['2001:db8::/32', ['2001:db8::5', '2001:db9::5'], [200, refusal]],
  ])('as %s lets nobody else log in', async (allowedIpAddresses, addresses, expected) => {
    await set({ allowedIpAddresses });
    expect(await outcomes(addresses)).toEqual(expected);
  });

  it.each([
    '127.0.0.1 - 127.0.0.9 - nonsense',
    '127.0.0.1 - 127.0.0.9 - 127.0.0.20',
    '1.1.1.0/24/garbage',
    '1.1.1.0/24/8',
    '1.1.1.1 - 1.1.1.0/24',
  ])('is not set to %s', async (allowedIpAddresses) => {
    expect((await refused(set({ allowedIpAddresses })))[0]).toBe(400);
  });

  it('does not end tokens that are there, says nothing of keys that are unknown, and can be lifted', async () => {
    await set({ allowedIpAddresses: '17.5.7.8' });
    expect((await owner.identity.listApiKeys()).status).toBe(200);
    expect((await iam.logIn('no-such-key')).body.errorCode).toBe('BXNIM0415E');
    const { apikeys } = (await owner.identity.listApiKeys()).result;
    const refusedLogin = await iam.logIn(iam.cloud.iam.adminApiKey);
    const after = (await owner.identity.getApiKey({ id: apikeys[0]?.id ?? '', includeActivity: true })).result;
    expect([refusedLogin.status, after.activity?.authn_count]).toEqual([401, 1]);
    await set({ allowedIpAddresses: '' });
    expect((await iam.logIn(iam.cloud.iam.adminApiKey)).status).toBe(200);
  });
});
