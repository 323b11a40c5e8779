import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerAuthenticator, IamAuthenticator } from 'ibm-cloud-sdk-core';
import IamIdentityV1 from '@ibm-cloud/platform-services/iam-identity/v1.js';
import IamPolicyManagementV1 from '@ibm-cloud/platform-services/iam-policy-management/v1.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import type { ComputeResource } from '../../infra/local/iam/service.ts';
import { TokenBook } from '../../infra/local/iam/token-book.ts';
import { SeededRandom } from '../../infra/local/random.ts';
import { IamCloud, refusalOf, refused, ROLE } from './support/iam-cloud.ts';
import type { Person } from './support/iam-cloud.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const IAM_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}\+0000$/;
const UNKNOWN_ID = 'ApiKey-00000000-0000-4000-8000-000000000000';

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

/** A call without IBM's SDK, for what the SDK would not send. */
async function call(method: string, path: string, options: { token?: string; body?: unknown; headers?: object } = {}) {
  const headers = {
    'content-type': 'application/json',
    ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
    ...options.headers,
  };
  const body = typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
  const response = await fetch(iam.url + path, { method, headers, ...(options.body !== undefined && { body }) });
  const text = await response.text();
  const result = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, result };
}

async function ownKey(name = 'key', more: object = {}) {
  const { result } = await owner.identity.createApiKey({ name, iamId: owner.iamId, ...more });
  return result;
}

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

const scopedTo = (serviceId: string) => ({
  serviceName: 'iam-identity',
  resourceType: 'serviceid',
  resource: serviceId,
});

async function allPages(params: IamIdentityV1.ListApiKeysParams) {
  const pages: string[][] = [];
  let pagetoken: string | undefined;
  do {
    const { result } = await owner.identity.listApiKeys({ ...params, ...(pagetoken && { pagetoken }) });
    pages.push(result.apikeys.map(({ name }) => name));
    pagetoken = result.next && (new URL(result.next).searchParams.get('pagetoken') ?? undefined);
  } while (pagetoken);
  return pages;
}

const names = (page: IamIdentityV1.ServiceIdList) => page.serviceids.map(({ name }) => name);

const may = (iamId: string, action: string, target: Parameters<typeof iam.cloud.iam.allows>[2]) =>
  iam.cloud.iam.allows({ iamId, accountId: iam.accountId }, action, target);

const component = (componentName: string): ComputeResource => ({
  crn: `crn:v1:bluemix:public:codeengine:us-south:a/${iam.accountId}:9a0b::`,
  componentType: 'function',
  componentName,
});

const linkTo = ({ crn, componentType, componentName }: ComputeResource) => ({
  crn,
  component_type: componentType,
  component_name: componentName,
});

async function profileFor(name: string, resource?: ComputeResource) {
  const { result: profile } = await owner.identity.createProfile({ accountId: iam.accountId, name });
  if (resource) await owner.identity.createLink({ profileId: profile.id, crType: 'CE', link: linkTo(resource) });
  return profile;
}

const logInWith = (crToken: string, profile: Record<string, string>) =>
  iam.postForm('/identity/token', {
    grant_type: 'urn:ibm:params:oauth:grant-type:cr-token',
    cr_token: crToken,
    ...profile,
  });

const outcomeOf = async (crToken: string, profile: Record<string, string>) => {
  const { status, body } = await logInWith(crToken, profile);
  return [status, body.errorCode];
};

describe('token endpoint', () => {
  it('exchanges an API key for a token that says whose it is and when it ends', async () => {
    const { status, headers, body } = await iam.logIn(iam.cloud.iam.adminApiKey);
    const iat = Math.floor(iam.clock.nowMs() / 1_000);
    expect(status).toBe(200);
    expect(headers.get('ibm-cloud-service-name')).toBe('iam-identity');
    expect(headers.get('cache-control')).toMatch(/^no-cache/);
    expect(body).toEqual({
      access_token: body.access_token,
      refresh_token: 'not_supported',
      token_type: 'Bearer',
      expires_in: 3_600,
      expiration: iat + 3_600,
      scope: 'ibm openid',
    });
    expect(claimsOf(body.access_token)).toMatchObject({
      iat,
      exp: iat + 3_600,
      iam_id: owner.iamId,
      id: owner.iamId,
      account: { bss: iam.accountId },
      grant_type: 'urn:ibm:params:oauth:grant-type:apikey',
    });
  });

  it("is all that IBM's authenticator needs", async () => {
    const authenticator = new IamAuthenticator({ apikey: iam.cloud.iam.adminApiKey, url: iam.url });
    const client = new IamIdentityV1({ serviceUrl: iam.url, authenticator });
    const { result } = await client.getApiKeysDetails({ iamApiKey: iam.cloud.iam.adminApiKey });
    expect(result.iam_id).toBe(owner.iamId);
  });

  it('refuses an unknown key with its own kind of error body', async () => {
    const { status, headers, body } = await iam.logIn('no-such-key');
    expect(status).toBe(400);
    expect(headers.get('x-request-id')).toBe(headers.get('transaction-id'));
    expect(headers.get('x-correlation-id')).toBe(headers.get('transaction-id'));
    expect(body).toMatchObject({ errorCode: 'BXNIM0415E', errorMessage: 'Provided API key could not be found.' });
    expect(body.context).toMatchObject({
      requestId: headers.get('transaction-id'),
      requestType: 'incoming.Identity_Token',
      url: 'https://iam.cloud.ibm.com',
      locale: 'en_US',
    });
    expect(body.context['startTime']).toMatch(/^\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d:\d{3} UTC$/);
  });

  it('refuses an unknown key with 401 when switched', async () => {
    iam.cloud.switches.unknownKeyLoginStatus = 401;
    const { status, body } = await iam.logIn('no-such-key');
    expect([status, body.errorCode]).toEqual([401, 'BXNIM0415E']);
  });

  it('does not know a fresh key until the delay is over', async () => {
    iam.cloud.switches.firstLoginDelayMs = 2_000;
    const key = await ownKey();
    await iam.pass(1_999);
    const early = await iam.logIn(key.apikey);
    await iam.pass(1);
    const later = await iam.logIn(key.apikey);
    expect([early.status, early.body.errorCode, later.status]).toEqual([400, 'BXNIM0415E', 200]);
  });

  it('refuses a disabled key until it is enabled', async () => {
    const key = await ownKey();
    await owner.identity.disableApiKey({ id: key.id });
    const disabled = await iam.logIn(key.apikey);
    iam.cloud.switches.refusedKeyLoginStatus = 401;
    const switched = await iam.logIn(key.apikey);
    await owner.identity.enableApiKey({ id: key.id });
    const enabled = await iam.logIn(key.apikey);
    expect(disabled.body).toMatchObject({ errorCode: 'BXNIM0462E', errorMessage: 'Provided API key is disabled.' });
    expect([disabled.status, switched.status, enabled.status]).toEqual([400, 401, 200]);
  });

  it('refuses a key from its expiry on', async () => {
    const expiresAt = iamDate(iam.clock.nowMs() + 10 * MINUTE_MS);
    const key = await ownKey('short', { expiresAt });
    const expiryMs = Date.parse(expiresAt.replace('+0000', 'Z'));
    await iam.clock.advanceTo(expiryMs - 1);
    const before = await iam.logIn(key.apikey);
    await iam.clock.advanceTo(expiryMs);
    const after = await iam.logIn(key.apikey);
    expect([before.status, after.status]).toEqual([200, 400]);
  });

  it('takes a locked key: the lock only protects the key object', async () => {
    const key = await ownKey('locked', { entityLock: 'true' });
    expect((await iam.logIn(key.apikey)).status).toBe(200);
  });

  it.each([
    ['a missing grant type', { apikey: 'x' }, 'BXNIM0109E', 'grant_type'],
    ['an unknown grant type', { grant_type: 'password', apikey: 'x' }, 'BXNIM0106E', 'grant_type'],
    ['a missing key', { grant_type: 'urn:ibm:params:oauth:grant-type:apikey' }, 'BXNIM0109E', 'apikey'],
    [
      'another response type',
      { grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: 'x', response_type: 'uaa' },
      'BXNIM0106E',
      'response_type',
    ],
  ])('refuses %s and names the property', async (_, form, errorCode, property) => {
    const { status, body } = await iam.postForm('/identity/token', form);
    expect([status, body.errorCode]).toEqual([400, errorCode]);
    expect(body.errorDetails).toContain(`'${property}'`);
  });

  it('refuses an unknown field without its name, which may be the tail of a key', async () => {
    const form = { grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: 'x' };
    const tail: [string, string][] = [['tail-of-a-key', '']];
    for (const more of [tail, [...tail, ...tail]]) {
      const { status, body } = await iam.postForm('/identity/token', [...Object.entries(form), ...more]);
      expect([status, body.errorCode]).toEqual([400, 'BXNIM0106E']);
      expect(JSON.stringify(body)).not.toContain('tail-of-a-key');
    }
  });

  it('refuses a repeated field, and a body that is no form', async () => {
    const repeated = await iam.postForm('/identity/token', [
      ['apikey', 'x'],
      ['apikey', 'y'],
    ]);
    const json = await call('POST', '/identity/token', { body: { grant_type: 'x' } });
    expect([repeated.body.errorCode, json.status, json.result['errorCode']]).toEqual(['BXNIM0106E', 400, 'BXNIM0109E']);
  });

  it('refuses other methods with 405', async () => {
    const { status, result } = await call('GET', '/identity/token');
    expect([status, result['errorCode']]).toEqual([405, 'BXNIM0060E']);
  });

  it('tells whether a key could log in, without a login', async () => {
    const key = await ownKey();
    const probe = async () => (await iam.postForm('/identity/introspect', { apikey: key.apikey })).body.active;
    const fresh = await probe();
    await owner.identity.disableApiKey({ id: key.id });
    const disabled = await probe();
    await owner.identity.deleteApiKey({ id: key.id });
    const deleted = await probe();
    expect([fresh, disabled, deleted]).toEqual([true, false, false]);
    const nothing = await iam.postForm('/identity/introspect', {});
    expect([nothing.status, nothing.body.errorCode]).toEqual([400, 'BXNIM0109E']);
  });

  it('tells whether a token is valid', async () => {
    const probe = async () => (await iam.postForm('/identity/introspect', { token: owner.token })).body.active;
    const before = await probe();
    await iam.pass(3_600_000);
    expect([before, await probe()]).toEqual([true, false]);
  });
});

describe('tokens', () => {
  it('are refused with 401 when they are missing, unknown or expired', async () => {
    const missing = await call('GET', '/v1/apikeys');
    const unknown = await refused(iam.withToken('not-a-token').identity.listApiKeys());
    await iam.pass(3_600_000);
    const expired = await refused(owner.identity.listApiKeys());
    expect(missing.status).toBe(401);
    expect(missing.result).toMatchObject({
      status_code: 401,
      trace: missing.headers.get('transaction-id'),
      errors: [
        {
          code: 'invalid_access_token',
          message_code: 'BXNIM0308E',
          message: 'No authorization header found',
        },
      ],
    });
    expect([unknown, expired]).toEqual([
      [401, 'invalid_access_token', ''],
      [401, 'invalid_access_token', ''],
    ]);
  });

  it('outlive a key that is disabled and deleted', async () => {
    const key = await ownKey();
    const person = await iam.person(key.apikey);
    await owner.identity.disableApiKey({ id: key.id });
    await owner.identity.deleteApiKey({ id: key.id });
    await iam.pass(59 * MINUTE_MS);
    expect((await person.identity.listApiKeys()).status).toBe(200);
  });

  it('die at once with their service ID', async () => {
    const { id, person } = await iam.serviceId();
    await owner.identity.deleteServiceId({ id });
    expect(await refused(person.identity.listApiKeys())).toEqual([401, 'invalid_access_token', '']);
  });

  it('note who called for the call log', async () => {
    await owner.identity.listApiKeys();
    expect(iam.cloud.calls.list().at(-1)).toMatchObject({ path: '/v1/apikeys', iamId: owner.iamId, outcome: 200 });
  });

  it('are forgotten once they expire, so that memory stays flat', async () => {
    const { account, audit, switches } = iam.cloud;
    const tokens = new TokenBook({ account, clock: iam.clock, audit, switches, random: new SeededRandom('x') });
    const subject = { iamId: owner.iamId, name: 'x', type: 'user' as const };
    for (let hour = 0; hour < 24; hour += 1) {
      for (let n = 0; n < 10; n += 1) tokens.issue(subject, { grantType: 'x', scope: 'x', lifeSeconds: 3_600 });
      await iam.pass(60 * MINUTE_MS);
    }
    expect(tokens.size).toBe(10);
  });

  it('of a former world are not taken after a reset', async () => {
    iam.cloud.reset();
    expect((await refused(owner.identity.listApiKeys()))[0]).toBe(401);
  });
});

describe('creating an API key', () => {
  it('answers 201 with the value, the defaults and an ETag', async () => {
    const { status, result, headers } = await owner.identity.createApiKey({ name: 'new', iamId: owner.iamId });
    const now = iamDate(iam.clock.nowMs());
    expect(status).toBe(201);
    expect(result).toEqual({
      id: expect.stringMatching(/^ApiKey-[0-9a-f-]{36}$/) as string,
      entity_tag: headers['etag'],
      crn: `crn:v1:bluemix:public:iam-identity::a/${iam.accountId}::apikey:${result.id}`,
      locked: false,
      disabled: false,
      support_sessions: false,
      action_when_leaked: 'disable',
      created_at: now,
      created_by: owner.iamId,
      modified_at: now,
      name: 'new',
      iam_id: owner.iamId,
      account_id: iam.accountId,
      apikey: expect.stringMatching(/^[A-Za-z0-9_-]{44}$/) as string,
    });
    expect(result.entity_tag).toMatch(/^1-[0-9a-f]{32}$/);
  });

  it('takes every documented field', async () => {
    const { id, iamId } = await iam.serviceId();
    const { result } = await owner.identity.createApiKey({
      name: 'full',
      iamId,
      accountId: iam.accountId,
      description: 'for tests',
      apikey: 'a value of my own, of 32 characters or more',
      storeValue: true,
      actionWhenLeaked: 'none',
      expiresAt: '2099-12-31T23:59+0000',
      entityLock: 'true',
      entityDisable: 'true',
    });
    expect(id).toBe(iamId.replace('iam-', ''));
    expect(result).toMatchObject({
      description: 'for tests',
      apikey: 'a value of my own, of 32 characters or more',
      action_when_leaked: 'none',
      expires_at: '2099-12-31T23:59+0000',
      locked: true,
      disabled: true,
    });
  });

  it('takes an expiry with seconds and shows it without', async () => {
    const key = await ownKey('seconds', { expiresAt: '2099-12-31T23:59:58+0000' });
    expect(key.expires_at).toBe('2099-12-31T23:59+0000');
  });

  it.each([
    ['2099-12-31T23:59:00Z', 'another format'],
    ['2099-02-30T00:00+0000', 'a day that does not exist'],
    ['2001-01-01T00:00+0000', 'the past'],
  ])('refuses the expiry %s: %s', async (expiresAt) => {
    expect(await refused(ownKey('bad', { expiresAt }))).toEqual([400, 'validation', 'BXNIM0106E']);
  });

  it('refuses the 21st key of an identity with 422, disabled ones counted', async () => {
    const { iamId, key } = await iam.serviceId();
    await owner.identity.disableApiKey({ id: key.id });
    for (let n = 2; n <= 20; n += 1) await owner.identity.createApiKey({ name: `${n}`, iamId });
    const { status, result } = await refusalOf(owner.identity.createApiKey({ name: '21', iamId }));
    expect([status, result.errors[0]?.message_code]).toEqual([422, 'BXNIM0151E']);
    await owner.identity.deleteApiKey({ id: key.id });
    expect((await owner.identity.createApiKey({ name: '21', iamId })).status).toBe(201);
  });

  it('refuses a value that is in use, or too short', async () => {
    const value = 'a value of my own, of 32 characters or more';
    await ownKey('one', { apikey: value });
    expect((await refused(ownKey('two', { apikey: value })))[0]).toBe(409);
    expect((await refused(ownKey('three', { apikey: 'short' })))[0]).toBe(400);
  });

  it('is only possible for oneself when it is a key of a user, whatever the role', async () => {
    const user = iam.cloud.iam.addUser('functional ID');
    const person = await iam.person(user.apiKey);
    expect((await person.identity.createApiKey({ name: 'own', iamId: user.iamId })).status).toBe(201);
    expect(await refused(owner.identity.createApiKey({ name: 'x', iamId: user.iamId }))).toEqual([400, 'mismatch', '']);
    const robot = await iam.serviceId({ roleId: ROLE.administrator, attributes: { serviceName: 'iam-identity' } });
    const { identity } = robot.person;
    expect((await refused(identity.createApiKey({ name: 'x', iamId: user.iamId })))[0]).toBe(400);
  });

  it('refuses an unknown service ID with 404', async () => {
    const iamId = 'iam-ServiceId-00000000-0000-4000-8000-000000000000';
    const refusal = await refused(owner.identity.createApiKey({ name: 'x', iamId }));
    expect(refusal).toEqual([404, 'not_found', 'BXNIM0102E']);
  });

  it('refuses fields that do not fit the kind of identity, and another account', async () => {
    const { iamId } = await iam.serviceId();
    expect((await refused(ownKey('x', { storeValue: true })))[0]).toBe(400);
    expect((await refused(owner.identity.createApiKey({ name: 'x', iamId, supportSessions: true })))[0]).toBe(400);
    expect((await refused(ownKey('x', { accountId: 'another' })))[0]).toBe(400);
  });

  it('refuses invalid JSON, missing and unknown fields, and a flag that is neither true nor false', async () => {
    const { token, iamId } = owner;
    const post = async (body: unknown, headers = {}) => {
      const { status, result } = await call('POST', '/v1/apikeys', { token, body, headers });
      return [status, (result['errors'] as { message_code: string; details: string }[])[0]?.message_code];
    };
    expect(await post('{')).toEqual([400, 'BXNIM0109E']);
    expect(await post({ iam_id: iamId })).toEqual([400, 'BXNIM0109E']);
    expect(await post({ iam_id: iamId, name: '' })).toEqual([400, 'BXNIM0106E']);
    expect(await post({ iam_id: iamId, name: 'x', colour: 'red' })).toEqual([400, 'BXNIM0106E']);
    expect(await post({ iam_id: iamId, name: 'x' }, { 'Entity-Lock': 'yes' })).toEqual([400, 'BXNIM0106E']);
  });
});

describe('reading API keys', () => {
  it('shows the value of no key but those of service IDs that store it', async () => {
    const { iamId } = await iam.serviceId();
    const made = await owner.identity.createApiKey({ name: 'stored', iamId, storeValue: true });
    const plain = await ownKey();
    const stored = await owner.identity.getApiKey({ id: made.result.id });
    const hidden = await owner.identity.getApiKey({ id: plain.id });
    const listed = await owner.identity.listApiKeys({ iamId });
    expect(stored.result.apikey).toBe(made.result.apikey);
    expect(hidden.result.apikey).toBe('');
    expect(listed.result.apikeys.map((key) => key.apikey)).toEqual(['', '']);
    iam.cloud.switches.hiddenValue = 'absent';
    expect((await owner.identity.getApiKey({ id: plain.id })).result).not.toHaveProperty('apikey');
  });

  it('finds a key by its value, with 404 for an unknown one and 400 for none', async () => {
    const key = await ownKey();
    const { status, result, headers } = await owner.identity.getApiKeysDetails({ iamApiKey: key.apikey });
    expect([status, result.id, result.apikey]).toEqual([200, key.id, '']);
    expect(headers['etag']).toBe(key.entity_tag);
    expect(await refused(owner.identity.getApiKeysDetails({ iamApiKey: 'x' }))).toEqual([
      404,
      'not_found',
      'BXNIM0102E',
    ]);
    expect((await refused(owner.identity.getApiKeysDetails()))[0]).toBe(400);
  });

  it('tells an identity which key it has, without a role, but not of others', async () => {
    const one = await iam.serviceId();
    const other = await iam.serviceId();
    const { result } = await one.person.identity.getApiKeysDetails({ iamApiKey: one.key.value });
    expect(result).toMatchObject({ id: one.key.id, iam_id: one.iamId, account_id: iam.accountId });
    const refusal = await refused(one.person.identity.getApiKeysDetails({ iamApiKey: other.key.value }));
    expect(refusal).toEqual([403, 'forbidden', 'BXNIM0513E']);
  });

  it('tells nobody the value of a key that is asked for in place of its id', async () => {
    const { apikey } = await ownKey();
    const { status, result } = await refusalOf(owner.identity.getApiKey({ id: apikey }));
    expect([status, JSON.stringify(result).includes(apikey)]).toEqual([404, false]);
    expect(result.errors[0]?.details).toContain('[value]');
    expect((await refused(owner.identity.lockApiKey({ id: apikey })))[0]).toBe(404);
    await owner.identity.getApiKeysDetails({ iamApiKey: apikey });
    const paths = iam.cloud.calls.list().map(({ path }) => path);
    expect(paths.slice(-3)).toEqual(['/v1/apikeys/[value]', '/v1/apikeys/[value]/lock', '/v1/apikeys/details']);
  });

  it('shows no history, activity or context unless asked', async () => {
    const { id } = await ownKey();
    const plain = await owner.identity.getApiKey({ id });
    expect(Object.keys(plain.result)).not.toEqual(expect.arrayContaining(['history']));
    expect(plain.result).not.toHaveProperty('activity');
    expect(plain.result).not.toHaveProperty('context');
    const full = await owner.identity.getApiKey({ id, includeHistory: true, includeActivity: true });
    expect(full.result.activity).toEqual({ authn_count: 0 });
    expect(full.result.context).toMatchObject({ operation: `GET /v1/apikeys/${id}` });
    expect(full.result.history).toEqual([
      {
        timestamp: iamDate(iam.clock.nowMs()),
        iam_id: owner.iamId,
        iam_id_account: iam.accountId,
        action: 'create-apikey',
        params: [],
        message: "API key 'key' was created.",
      },
    ]);
  });

  it('answers 404 for an unknown id on every operation', async () => {
    const id = UNKNOWN_ID;
    const { identity } = owner;
    const calls = [
      identity.getApiKey({ id }),
      identity.updateApiKey({ id, ifMatch: '*' }),
      identity.deleteApiKey({ id }),
      identity.lockApiKey({ id }),
      identity.unlockApiKey({ id }),
      identity.disableApiKey({ id }),
      identity.enableApiKey({ id }),
    ];
    for (const refusal of await Promise.all(calls.map(refused))) {
      expect(refusal).toEqual([404, 'not_found', 'BXNIM0102E']);
    }
  });

  it('counts logins of the key and of its identity, probes included', async () => {
    const { id, key } = await iam.serviceId();
    await iam.pass(5 * MINUTE_MS);
    await iam.logIn(key.value);
    const last = iamDate(iam.clock.nowMs());
    await iam.pass(5 * MINUTE_MS);
    const read = await owner.identity.getApiKey({ id: key.id, includeActivity: true });
    const identity = await owner.identity.getServiceId({ id, includeActivity: true });
    expect(read.result.activity).toEqual({ last_authn: last, authn_count: 2 });
    expect(identity.result.activity).toEqual({ last_authn: last, authn_count: 2 });
  });

  it('shows a login late when switched', async () => {
    const { id, apikey } = await ownKey();
    const activity = async () => (await owner.identity.getApiKey({ id, includeActivity: true })).result.activity;
    await iam.logIn(apikey);
    const firstLogin = iamDate(iam.clock.nowMs());
    iam.cloud.switches.activityDelayMs = 30 * MINUTE_MS;
    await iam.pass(10 * MINUTE_MS);
    await iam.logIn(apikey);
    await iam.pass(29 * MINUTE_MS);
    expect(await activity()).toEqual({ last_authn: firstLogin, authn_count: 1 });
    await iam.pass(MINUTE_MS);
    expect(await activity()).toMatchObject({ authn_count: 2 });
  });
});

describe('changing an API key', () => {
  it('updates what can be changed, with a new tag and history', async () => {
    const key = await ownKey('before', { description: 'old', expiresAt: '2099-01-01T00:00+0000' });
    await iam.pass(10 * MINUTE_MS);
    const { status, result, headers } = await owner.identity.updateApiKey({
      id: key.id,
      ifMatch: key.entity_tag ?? '',
      name: 'after',
      description: 'new',
      actionWhenLeaked: 'delete',
      supportSessions: true,
      expiresAt: '2099-06-01T00:00+0000',
    });
    expect(status).toBe(200);
    expect(result).toMatchObject({
      name: 'after',
      description: 'new',
      action_when_leaked: 'delete',
      support_sessions: true,
      expires_at: '2099-06-01T00:00+0000',
      created_at: key.created_at,
      modified_at: iamDate(iam.clock.nowMs()),
      apikey: '',
    });
    expect(result.entity_tag).toMatch(/^2-/);
    expect(headers['etag']).toBe(result.entity_tag);
    const { history } = (await owner.identity.getApiKey({ id: key.id, includeHistory: true })).result;
    expect(history?.at(-1)).toMatchObject({
      action: 'update-apikey',
      params: ['name', 'description', 'support_sessions', 'action_when_leaked', 'expires_at'],
    });
  });

  it('deletes the description and the expiry with an empty value', async () => {
    const { id } = await ownKey('x', { description: 'old', expiresAt: '2099-01-01T00:00+0000' });
    const { result } = await owner.identity.updateApiKey({ id, ifMatch: '*', description: '', expiresAt: '' });
    expect(result).not.toHaveProperty('description');
    expect(result).not.toHaveProperty('expires_at');
  });

  it('refuses an outdated If-Match with the switched status, and takes *', async () => {
    const { id, entity_tag: tag } = await ownKey();
    await owner.identity.updateApiKey({ id, ifMatch: tag ?? '', name: 'second' });
    const first = await refused(owner.identity.updateApiKey({ id, ifMatch: tag ?? '', name: 'third' }));
    iam.cloud.switches.staleIfMatchStatus = 412;
    const second = await refused(owner.identity.updateApiKey({ id, ifMatch: tag ?? '', name: 'third' }));
    expect([first[0], second[0]]).toEqual([409, 412]);
    expect((await owner.identity.updateApiKey({ id, ifMatch: '*', name: 'third' })).status).toBe(200);
  });

  it('refuses an update without If-Match, of the value, to an empty name, or to the past', async () => {
    const { id } = await ownKey();
    const path = `/v1/apikeys/${id}`;
    const headers = { 'If-Match': '*' };
    const { token } = owner;
    const calls = [
      call('PUT', path, { token, body: { name: 'x' } }),
      call('PUT', path, { token, headers, body: { apikey: 'x'.repeat(44) } }),
      call('PUT', path, { token, headers, body: { iam_id: 'IBMid-1' } }),
      call('PUT', path, { token, headers, body: { name: '' } }),
      call('PUT', path, { token, headers, body: { expires_at: '2001-01-01T00:00+0000' } }),
    ];
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  });

  it('refuses update and delete of a locked key, until it is unlocked', async () => {
    const { id } = await ownKey();
    const { identity } = owner;
    expect((await identity.lockApiKey({ id })).status).toBe(204);
    expect((await identity.getApiKey({ id })).result.locked).toBe(true);
    const update = await refused(identity.updateApiKey({ id, ifMatch: '*', name: 'x' }));
    const remove = await refused(identity.deleteApiKey({ id }));
    expect(update).toEqual([409, 'update_not_possible', 'BXNIM0105E']);
    expect(remove).toEqual([409, 'delete_not_possible', 'BXNIM0105E']);
    expect((await identity.unlockApiKey({ id })).status).toBe(204);
    expect((await identity.unlockApiKey({ id })).status).toBe(204);
    const removed = await identity.deleteApiKey({ id });
    expect([removed.status, removed.result]).toEqual([204, '']);
    expect((await refused(identity.getApiKey({ id })))[0]).toBe(404);
  });

  it('disables and enables a locked key, unless switched', async () => {
    const { id } = await ownKey('x', { entityLock: 'true' });
    await owner.identity.disableApiKey({ id });
    await owner.identity.enableApiKey({ id });
    iam.cloud.switches.lockRefusesDisable = true;
    expect((await refused(owner.identity.disableApiKey({ id })))[0]).toBe(409);
    expect((await refused(owner.identity.enableApiKey({ id })))[0]).toBe(409);
  });

  it('dates and tags each disable and enable, and notes them in the history once', async () => {
    const key = await ownKey();
    const { id } = key;
    await iam.pass(60 * MINUTE_MS);
    owner = await iam.owner();
    const disabledAt = iamDate(iam.clock.nowMs());
    const answer = await owner.identity.disableApiKey({ id });
    await iam.pass(5 * MINUTE_MS);
    await owner.identity.disableApiKey({ id });
    const disabled = (await owner.identity.getApiKey({ id, includeHistory: true })).result;
    expect([answer.status, answer.result]).toEqual([204, '']);
    expect(disabled).toMatchObject({ disabled: true, modified_at: disabledAt });
    expect(disabled.entity_tag).not.toBe(key.entity_tag);
    expect(disabled.history?.map(({ action }) => action)).toEqual(['create-apikey', 'disable-apikey']);
    expect(disabled.history?.at(-1)).toMatchObject({ timestamp: disabledAt, message: "API key 'key' was disabled." });
    await owner.identity.enableApiKey({ id });
    const enabled = (await owner.identity.getApiKey({ id, includeHistory: true })).result;
    expect(enabled.disabled).toBe(false);
    expect(enabled.history?.at(-1)?.action).toBe('enable-apikey');
  });

  it('removes an expired key 90 days after expiry and last change, even when it is locked', async () => {
    const expiresAt = iamDate(iam.clock.nowMs() + DAY_MS);
    const { id } = await ownKey('forgotten', { expiresAt, entityLock: 'true' });
    await iam.pass(91 * DAY_MS - MINUTE_MS);
    owner = await iam.owner();
    expect((await owner.identity.getApiKey({ id })).status).toBe(200);
    await iam.pass(2 * MINUTE_MS);
    expect((await refused(owner.identity.getApiKey({ id })))[0]).toBe(404);
  });

  it('tells the audit of every effect, and never a value', async () => {
    const records: AuditRecord[] = [];
    iam.cloud.audit.watch((record) => records.push(record));
    const key = await ownKey();
    const { id } = key;
    await owner.identity.disableApiKey({ id });
    await owner.identity.disableApiKey({ id });
    await owner.identity.enableApiKey({ id });
    await owner.identity.deleteApiKey({ id });
    const actions = ['create', 'disable', 'enable', 'delete'].map((verb) => `api-key.${verb}`);
    expect(records.map(({ action }) => action)).toEqual(actions);
    expect(records[0]).toEqual({ action: 'api-key.create', keyId: id, name: 'key', atMs: iam.clock.nowMs() });
    expect(JSON.stringify(records)).not.toContain(key.apikey);
  });
});

describe('listing API keys', () => {
  it('shows the keys of the caller by default, 20 a page', async () => {
    const { iamId, key } = await iam.serviceId();
    for (let n = 0; n < 19; n += 1) await owner.identity.createApiKey({ name: `more ${n}`, iamId });
    await ownKey('own');
    const own = (await owner.identity.listApiKeys()).result;
    expect(own.apikeys.map(({ name }) => name)).toEqual(['First key of Account owner', 'own']);
    expect([own.offset, own.limit, own.next, own.previous]).toEqual([0, 20, undefined, undefined]);
    const account = (await owner.identity.listApiKeys({ accountId: iam.accountId, scope: 'account' })).result;
    expect(account.apikeys).toHaveLength(20);
    expect(account.next).toBeDefined();
    const robots = (await owner.identity.listApiKeys({ iamId })).result;
    expect(robots.apikeys[0]?.id).toBe(key.id);
  });

  it('pages with full URLs of the origin that was called, and tokens that mean nothing', async () => {
    for (let n = 1; n <= 4; n += 1) await ownKey(`key ${n}`);
    expect(await allPages({ pagesize: 2 })).toEqual([
      ['First key of Account owner', 'key 1'],
      ['key 2', 'key 3'],
      ['key 4'],
    ]);
    const first = (await owner.identity.listApiKeys({ pagesize: 2 })).result;
    const next = new URL(first.next ?? '');
    expect(next.origin).toBe(iam.url);
    const second = await call('GET', next.pathname + next.search, { token: owner.token });
    expect(second.result).toMatchObject({ offset: 2, limit: 2, first: first.first });
    const previous = new URL(second.result['previous'] as string);
    expect((await call('GET', previous.pathname + previous.search, { token: owner.token })).result).toEqual({
      ...first,
      apikeys: JSON.parse(JSON.stringify(first.apikeys)) as unknown,
    });
  });

  it('selects by type and sorts by name or time, both ways', async () => {
    const accountId = iam.accountId;
    await iam.serviceId();
    await ownKey('b');
    await ownKey('a');
    const account = { accountId, scope: 'account' };
    expect(await allPages({ ...account, type: 'serviceid' })).toEqual([['robot key']]);
    expect(await allPages({ ...account, type: 'user', sort: 'name' })).toEqual([
      ['First key of Account owner', 'a', 'b'],
    ]);
    expect(await allPages({ ...account, type: 'user', sort: 'name', order: 'desc' })).toEqual([
      ['b', 'a', 'First key of Account owner'],
    ]);
    expect(await allPages({ ...account, sort: 'created_at' })).toEqual([
      ['First key of Account owner', 'robot key', 'b', 'a'],
    ]);
  });

  it('includes the history when asked', async () => {
    const { result } = await owner.identity.listApiKeys({ includeHistory: true });
    expect(result.apikeys[0]?.history).toHaveLength(1);
    expect(result.context).toBeDefined();
  });

  it.each([
    { pagesize: 0 },
    { pagesize: 101 },
    { pagetoken: 'x' },
    { sort: 'iam_id' },
    { order: 'up' },
    { scope: 'world' },
    { scope: 'account' },
    { type: 'robot' },
  ])('refuses %o', async (params) => {
    expect((await refused(owner.identity.listApiKeys(params)))[0]).toBe(400);
  });

  it("refuses another user's IAM ID even for the account owner, who lists users by account", async () => {
    const { iamId } = iam.cloud.iam.addUser('functional ID');
    const { status, result } = await refusalOf(owner.identity.listApiKeys({ iamId }));
    expect(status).toBe(400);
    expect(result.errors[0]?.message).toBe('The specified IAM ID does not match the IAM ID in the token');
    const account = await owner.identity.listApiKeys({ accountId: iam.accountId, scope: 'account', type: 'user' });
    expect(account.result.apikeys.map((key) => key.iam_id)).toContain(iamId);
  });

  it('refuses another account with 403 and an unknown service ID with 404', async () => {
    expect((await refused(owner.identity.listApiKeys({ accountId: 'another' })))[0]).toBe(403);
    expect((await refused(owner.identity.listApiKeys({ iamId: 'iam-ServiceId-x' })))[0]).toBe(404);
  });

  it('shows the world of a while ago when switched, while GET by id shows the present', async () => {
    iam.cloud.switches.staleListMs = 30_000;
    const gone = await ownKey('gone');
    const kept = await ownKey('kept');
    await iam.pass(30_000);
    await owner.identity.deleteApiKey({ id: gone.id });
    await owner.identity.disableApiKey({ id: kept.id });
    const fresh = await ownKey('fresh');
    const list = async () =>
      (await owner.identity.listApiKeys({ pagesize: 100 })).result.apikeys.map(({ name, disabled }) => [
        name,
        disabled,
      ]);
    await iam.pass(29_999);
    expect((await list()).slice(1)).toEqual([
      ['gone', false],
      ['kept', false],
    ]);
    expect((await refused(owner.identity.getApiKey({ id: gone.id })))[0]).toBe(404);
    expect((await owner.identity.getApiKey({ id: kept.id })).result.disabled).toBe(true);
    expect((await owner.identity.getApiKey({ id: fresh.id })).status).toBe(200);
    await iam.pass(1);
    expect((await list()).slice(1)).toEqual([
      ['kept', true],
      ['fresh', false],
    ]);
  });
});

describe('service IDs', () => {
  it('are created with a nested key whose value is shown once', async () => {
    const { status, result, headers } = await owner.identity.createServiceId({
      accountId: iam.accountId,
      name: 'robot',
      description: 'for tests',
      uniqueInstanceCrns: [iam.cloud.account.cloudLogs.crn],
      apikey: { name: 'its key', expires_at: '2099-01-01T00:00+0000', action_when_leaked: 'delete' },
    });
    expect(status).toBe(201);
    expect(result).toMatchObject({
      id: expect.stringMatching(/^ServiceId-/) as string,
      iam_id: `iam-${result.id}`,
      entity_tag: headers['etag'],
      crn: `crn:v1:bluemix:public:iam-identity::a/${iam.accountId}::serviceid:${result.id}`,
      locked: false,
      created_at: expect.stringMatching(IAM_DATE) as string,
      account_id: iam.accountId,
      name: 'robot',
      description: 'for tests',
      unique_instance_crns: [iam.cloud.account.cloudLogs.crn],
      apikey: { name: 'its key', iam_id: result.iam_id, action_when_leaked: 'delete' },
    });
    expect((await iam.logIn(result.apikey?.apikey ?? '')).status).toBe(200);
    expect((await owner.identity.getServiceId({ id: result.id })).result).not.toHaveProperty('apikey');
  });

  it('are listed by name and in pages', async () => {
    const accountId = iam.accountId;
    for (const name of ['b', 'a', 'c', 'a']) await owner.identity.createServiceId({ accountId, name });
    const list = async (params: IamIdentityV1.ListServiceIdsParams) =>
      (await owner.identity.listServiceIds({ accountId, ...params })).result;
    expect(names(await list({ name: 'a' }))).toEqual(['a', 'a']);
    expect(names(await list({ sort: 'name', order: 'desc' }))).toEqual(['c', 'b', 'a', 'a']);
    const first = await list({ pagesize: 3 });
    expect([names(first), first.limit]).toEqual([['b', 'a', 'c'], 3]);
    const pagetoken = new URL(first.next ?? '').searchParams.get('pagetoken') ?? '';
    expect(names((await owner.identity.listServiceIds({ pagetoken, pagesize: 3 })).result)).toEqual(['a']);
    expect((await refused(owner.identity.listServiceIds()))[0]).toBe(400);
  });

  it('are updated with If-Match', async () => {
    const { id } = await iam.serviceId();
    const { entity_tag: tag } = (await owner.identity.getServiceId({ id })).result;
    const change = { name: 'renamed', description: 'new', uniqueInstanceCrns: ['crn:v1:x'] };
    const { result } = await owner.identity.updateServiceId({ id, ifMatch: tag, ...change });
    expect(result).toMatchObject({ name: 'renamed', description: 'new', unique_instance_crns: ['crn:v1:x'] });
    expect(result.entity_tag).not.toBe(tag);
    expect((await refused(owner.identity.updateServiceId({ id, ifMatch: tag, name: 'x' })))[0]).toBe(409);
    const read = await owner.identity.getServiceId({ id, includeHistory: true });
    expect(read.headers['etag']).toBe(result.entity_tag);
    expect(read.result.history?.map(({ action }) => action)).toEqual(['create-serviceid', 'update-serviceid']);
  });

  it('take their keys, policies and tokens with them', async () => {
    const records: AuditRecord[] = [];
    const robot = await iam.serviceId({ roleId: ROLE.sender, attributes: { serviceName: 'logs' } });
    iam.cloud.audit.watch((record) => records.push(record));
    expect((await owner.identity.deleteServiceId({ id: robot.id })).status).toBe(204);
    expect((await refused(owner.identity.getServiceId({ id: robot.id })))[0]).toBe(404);
    expect((await refused(owner.identity.getApiKey({ id: robot.key.id })))[0]).toBe(404);
    expect((await owner.policies.listPolicies({ accountId: iam.accountId })).result.policies).toEqual([]);
    expect((await iam.logIn(robot.key.value)).body.errorCode).toBe('BXNIM0415E');
    expect(records).toMatchObject([{ action: 'api-key.delete', keyId: robot.key.id }]);
  });

  it('that are locked refuse update, delete and every change of their policies', async () => {
    const { id, iamId } = await iam.serviceId();
    const { identity, policies } = owner;
    const terms = iam.policy(iamId, ROLE.sender, { serviceName: 'logs' });
    const { result: policy, headers } = await policies.createPolicy(terms);
    const policyId = policy.id ?? '';
    expect((await identity.lockServiceId({ id })).status).toBe(204);
    const locked = [409, 'delete_not_possible', 'BXNIM0105E'];
    expect(await refused(identity.deleteServiceId({ id }))).toEqual(locked);
    expect((await refused(identity.updateServiceId({ id, ifMatch: '*', name: 'x' })))[0]).toBe(409);
    const writer = iam.policy(iamId, ROLE.writer, { serviceName: 'logs-router' });
    expect((await refused(policies.createPolicy(writer)))[0]).toBe(409);
    const ifMatch = String(headers['etag']);
    expect((await refused(policies.replacePolicy({ policyId, ifMatch, ...terms })))[0]).toBe(409);
    expect((await refused(policies.deletePolicy({ policyId })))[0]).toBe(409);
    expect((await identity.unlockServiceId({ id })).status).toBe(204);
    expect((await policies.deletePolicy({ policyId })).status).toBe(204);
    expect((await identity.deleteServiceId({ id })).status).toBe(204);
  });

  it('can be created locked, and stay while a key of theirs is locked', async () => {
    const { result } = await owner.identity.createServiceId({
      accountId: iam.accountId,
      name: 'x',
      entityLock: 'true',
    });
    expect(result.locked).toBe(true);
    const { id, key } = await iam.serviceId();
    await owner.identity.lockApiKey({ id: key.id });
    const refusal = await refused(owner.identity.deleteServiceId({ id }));
    expect(refusal).toEqual([409, 'delete_not_possible', 'BXNIM0105E']);
  });

  it('are not created by who cannot have the policy on them: at the limit, or while locked', async () => {
    const roleId = 'crn:v1:bluemix:public:iam-identity::::serviceRole:ServiceIdCreator';
    const { id, iamId, person } = await iam.serviceId({ roleId, attributes: { serviceName: 'iam-identity' } });
    const accountId = iam.accountId;
    const create = () => person.identity.createServiceId({ accountId, name: 'made by a robot' });
    const listed = async () => names((await owner.identity.listServiceIds({ accountId })).result);
    await owner.identity.lockServiceId({ id });
    expect(await refused(create())).toEqual([409, 'conflict', '']);
    await owner.identity.unlockServiceId({ id });
    expect((await create()).status).toBe(201);
    for (let n = 3; n <= 1_000; n += 1) {
      const policy = iam.policy(iamId, ROLE.viewer, { serviceName: `service-${n}` });
      await iam.send('POST', '/v1/policies', owner.token, policy);
    }
    expect(await refused(create())).toEqual([422, 'limit_reached', '']);
    expect(await listed()).toEqual(['robot', 'made by a robot']);
  });

  it('are at most 2,000 an account', async () => {
    const body = { account_id: iam.accountId, name: 'x' };
    for (let n = 1; n <= 2_000; n += 1) await iam.send('POST', '/v1/serviceids', owner.token, body);
    expect((await iam.send('POST', '/v1/serviceids', owner.token, body)).status).toBe(422);
  });

  it('and policies, too, show late in lists when switched', async () => {
    iam.cloud.switches.staleListMs = 30_000;
    const { accountId } = iam;
    const { iamId } = await iam.serviceId({ roleId: ROLE.sender, attributes: { serviceName: 'logs' } });
    const counts = async () => [
      (await owner.identity.listServiceIds({ accountId })).result.serviceids.length,
      (await owner.policies.listPolicies({ accountId, iamId })).result.policies.length,
    ];
    const before = await counts();
    await iam.pass(30_000);
    expect([before, await counts()]).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('answer 404 for an unknown id on every operation', async () => {
    const id = 'ServiceId-x';
    const { identity } = owner;
    const calls = [
      identity.getServiceId({ id }),
      identity.updateServiceId({ id, ifMatch: '*' }),
      identity.deleteServiceId({ id }),
      identity.lockServiceId({ id }),
      identity.unlockServiceId({ id }),
    ];
    for (const refusal of await Promise.all(calls.map(refused))) expect(refusal[0]).toBe(404);
  });

  it('may be created by any user, who then administers what was made, but not by other service IDs', async () => {
    const { apiKey } = iam.cloud.iam.addUser('functional ID');
    const { identity, iamId } = await iam.person(apiKey);
    const { accountId } = iam;
    const { result } = await identity.createServiceId({ accountId, name: 'made by a user' });
    expect((await identity.createApiKey({ name: 'x', iamId: result.iam_id })).status).toBe(201);
    const granted = (await owner.policies.listPolicies({ accountId, iamId })).result.policies;
    expect(granted).toHaveLength(1);
    const robot = await iam.serviceId();
    const refusal = await refused(robot.person.identity.createServiceId({ accountId, name: 'x' }));
    expect(refusal).toEqual([403, 'forbidden', 'BXNIM0513E']);
  });
});

describe('policies', () => {
  it('are at most 1,000 a subject', async () => {
    const { iamId } = await iam.serviceId();
    const create = (n: number) =>
      iam.send('POST', '/v1/policies', owner.token, iam.policy(iamId, ROLE.viewer, { serviceName: `service-${n}` }));
    for (let n = 1; n <= 1_000; n += 1) await create(n);
    expect((await create(1_001)).status).toBe(422);
  });

  it('are created with an ETag and read back', async () => {
    const { iamId } = await iam.serviceId();
    const terms = iam.policy(iamId, ROLE.sender, { serviceName: 'logs' });
    const { status, result, headers } = await owner.policies.createPolicy({ ...terms, description: 'why' });
    const now = new Date(iam.clock.nowMs()).toISOString();
    expect(status).toBe(201);
    expect(headers['etag']).toMatch(/^1-[0-9a-f]{32}$/);
    expect(result).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      type: 'access',
      description: 'why',
      subjects: terms.subjects,
      roles: [{ role_id: ROLE.sender, display_name: 'Sender', description: expect.any(String) as string }],
      resources: [
        {
          attributes: [
            { name: 'accountId', value: iam.accountId, operator: 'stringEquals' },
            { name: 'serviceName', value: 'logs', operator: 'stringEquals' },
          ],
        },
      ],
      href: `${iam.url}/v1/policies/${result.id}`,
      created_at: now,
      created_by_id: owner.iamId,
      last_modified_at: now,
      last_modified_by_id: owner.iamId,
      state: 'active',
    });
    const read = await owner.policies.getPolicy({ policyId: result.id ?? '' });
    expect([read.result, read.headers['etag']]).toEqual([result, headers['etag']]);
  });

  it('are replaced only with the present ETag', async () => {
    const { iamId } = await iam.serviceId();
    const terms = iam.policy(iamId, ROLE.viewer, { serviceName: 'logs' });
    const { result, headers } = await owner.policies.createPolicy(terms);
    const policyId = result.id ?? '';
    const changed = iam.policy(iamId, ROLE.editor, { serviceName: 'logs' });
    const ifMatch = String(headers['etag']);
    const replaced = await owner.policies.replacePolicy({ policyId, ifMatch, ...changed });
    expect(replaced.status).toBe(200);
    expect(replaced.result).toMatchObject({ id: policyId, roles: [{ role_id: ROLE.editor }] });
    const stale = await refused(owner.policies.replacePolicy({ policyId, ifMatch, ...terms }));
    expect(stale.slice(0, 2)).toEqual([409, 'policy_conflict_error']);
    expect((await refused(owner.policies.replacePolicy({ policyId, ifMatch: '*', ...terms })))[0]).toBe(409);
    const put = await call('PUT', `/v1/policies/${policyId}`, { token: owner.token, body: terms });
    expect(put.status).toBe(400);
  });

  it('are not created twice with the same terms', async () => {
    const { iamId } = await iam.serviceId();
    const terms = iam.policy(iamId, ROLE.viewer, { serviceName: 'logs' });
    await owner.policies.createPolicy(terms);
    const refusal = await refused(owner.policies.createPolicy(terms));
    expect(refusal.slice(0, 2)).toEqual([409, 'policy_conflict_error']);
  });

  it('are deleted once', async () => {
    const { iamId } = await iam.serviceId();
    const policyId = await iam.allow(iamId, ROLE.viewer, { serviceName: 'logs' });
    expect((await owner.policies.deletePolicy({ policyId })).status).toBe(204);
    expect((await refused(owner.policies.deletePolicy({ policyId }))).slice(0, 2)).toEqual([404, 'policy_not_found']);
  });

  it('are listed by subject, service type and state, sorted and in pages', async () => {
    const { accountId } = iam;
    const [one, other] = [await iam.serviceId(), await iam.serviceId()];
    const first = await iam.allow(one.iamId, ROLE.viewer, { serviceName: 'logs' });
    await iam.pass(1_000);
    const second = await iam.allow(other.iamId, ROLE.viewer, { serviceType: 'service' });
    const list = async (params: object) => {
      const { result } = await owner.policies.listPolicies({ accountId, ...params });
      return result.policies.map(({ id }) => id);
    };
    expect(await list({})).toEqual([first, second]);
    expect(await list({ iamId: one.iamId })).toEqual([first]);
    expect(await list({ serviceType: 'service' })).toEqual([second]);
    expect(await list({ sort: '-created_at' })).toEqual([second, first]);
    expect(await list({ type: 'authorization' })).toEqual([]);
    expect(await list({ state: 'deleted' })).toEqual([]);
    expect(await list({ accessGroupId: 'AccessGroupId-x' })).toEqual([]);
    const pager = new IamPolicyManagementV1.PoliciesPager(owner.policies, { accountId, limit: 1 });
    expect((await pager.getAll()).map(({ id }) => id)).toEqual([first, second]);
  });

  it('lists refuse another account, a missing one and what is not emulated', async () => {
    const { policies, token } = owner;
    const missing = await call('GET', '/v1/policies', { token });
    expect([missing.status, missing.result['errors']]).toMatchObject([
      400,
      [{ code: 'missing_required_query_parameter' }],
    ]);
    expect((await refused(policies.listPolicies({ accountId: 'another' }))).slice(0, 2)).toEqual([
      403,
      'insufficent_permissions',
    ]);
    for (const params of [{ format: 'display' }, { tagName: 'x' }, { sort: 'colour' }, { start: 'x' }, { limit: 0 }]) {
      expect((await refused(policies.listPolicies({ accountId: iam.accountId, ...params })))[0]).toBe(400);
    }
  });

  it('show only to those with a platform role on what they are about', async () => {
    const subject = await iam.serviceId();
    const aboutLogs = await iam.allow(subject.iamId, ROLE.sender, { serviceName: 'logs' });
    await iam.allow(subject.iamId, ROLE.writer, { serviceName: 'logs-router' });
    const reader = await iam.serviceId({ roleId: ROLE.viewer, attributes: { serviceName: 'logs' } });
    const { result } = await reader.person.policies.listPolicies({ accountId: iam.accountId, iamId: subject.iamId });
    expect(result.policies.map(({ id }) => id)).toEqual([aboutLogs]);
    expect((await reader.person.policies.getPolicy({ policyId: aboutLogs })).status).toBe(200);
    const own = await subject.person.policies.listPolicies({ accountId: iam.accountId });
    expect([own.status, own.result.policies]).toEqual([200, []]);
    const refusal = await refused(subject.person.policies.getPolicy({ policyId: aboutLogs }));
    expect(refusal.slice(0, 2)).toEqual([403, 'insufficent_permissions']);
  });

  it('are written only by administrators of what they are about', async () => {
    const subject = await iam.serviceId();
    const editor = await iam.serviceId({ roleId: ROLE.editor, attributes: { serviceName: 'logs' } });
    const admin = await iam.serviceId({ roleId: ROLE.administrator, attributes: { serviceName: 'logs' } });
    await iam.allow(admin.iamId, ROLE.sender, { serviceName: 'logs' });
    const aboutLogs = iam.policy(subject.iamId, ROLE.sender, { serviceName: 'logs' });
    const aboutRouter = iam.policy(subject.iamId, ROLE.writer, { serviceName: 'logs-router' });
    const everything = iam.policy(subject.iamId, ROLE.viewer, { serviceType: 'service' });
    expect((await refused(editor.person.policies.createPolicy(aboutLogs)))[0]).toBe(403);
    expect((await refused(admin.person.policies.createPolicy(aboutRouter)))[0]).toBe(403);
    expect((await refused(admin.person.policies.createPolicy(everything)))[0]).toBe(403);
    expect((await admin.person.policies.createPolicy(aboutLogs)).status).toBe(201);
  });

  it('refuse a missing or expired token with their own code', async () => {
    await iam.pass(3_600_000);
    const { status, result } = await refusalOf(owner.policies.listPolicies({ accountId: iam.accountId }));
    expect([status, result.errors[0]?.code, result.status_code]).toEqual([401, 'invalid_token', 401]);
  });

  it.each([
    ['another type', { type: 'authorization' }],
    ['an unknown role', { roles: [{ role_id: 'crn:v1:bluemix:public:iam::::role:King' }] }],
    ['a role of another service', { roles: [{ role_id: ROLE.sender }] }],
    ['no role', { roles: [] }],
    ['an unknown subject', { subjects: [{ attributes: [{ name: 'iam_id', value: 'iam-ServiceId-x' }] }] }],
    ['no subject', { subjects: [] }],
    ['an unknown field', { colour: 'red' }],
  ])('refuse %s', async (_, change) => {
    const { iamId } = await iam.serviceId();
    const terms = iam.policy(iamId, ROLE.writer, { serviceName: 'logs-router' });
    const { status, result } = await call('POST', '/v1/policies', {
      token: owner.token,
      body: { ...terms, ...change },
    });
    expect([status, result['errors']]).toMatchObject([400, [{ code: 'invalid_body' }]]);
  });

  it.each([
    ['no account', [{ name: 'serviceName', value: 'logs' }]],
    [
      'another account',
      [
        { name: 'accountId', value: 'x' },
        { name: 'serviceName', value: 'logs' },
      ],
    ],
    ['no service', [{ name: 'accountId', value: 'ACCOUNT' }]],
    [
      'an unknown attribute',
      [
        { name: 'accountId', value: 'ACCOUNT' },
        { name: 'colour', value: 'red' },
      ],
    ],
    [
      'an attribute twice',
      [
        { name: 'accountId', value: 'ACCOUNT' },
        { name: 'accountId', value: 'ACCOUNT' },
      ],
    ],
  ])('refuse resources with %s', async (_, attributes) => {
    const { iamId } = await iam.serviceId();
    const own = attributes.map(({ name, value }) => ({ name, value: value.replace('ACCOUNT', iam.accountId) }));
    const terms = { ...iam.policy(iamId, ROLE.viewer, {}), resources: [{ attributes: own }] };
    expect((await refused(owner.policies.createPolicy(terms))).slice(0, 2)).toEqual([400, 'invalid_body']);
  });
});

describe('access', () => {
  it('lets the account owner do everything', () => {
    expect(may(owner.iamId, 'secrets-manager.secret.delete', { serviceName: 'secrets-manager' })).toBe(true);
  });

  it('refuses with 403 and names action, subject and resource', async () => {
    const one = await iam.serviceId();
    const { iamId, id, person } = await iam.serviceId();
    const { status, result } = await refusalOf(person.identity.createApiKey({ name: 'x', iamId: one.iamId }));
    expect([status, result.errors[0]?.code, result.errors[0]?.message_code]).toEqual([403, 'forbidden', 'BXNIM0513E']);
    expect(result.errors[0]?.details).toContain("'iam-identity.apikey.create'");
    expect(result.errors[0]?.details).toContain(`'${iamId}'`);
    expect(result.errors[0]?.details).toContain(one.id);
    expect(id).not.toBe(one.id);
  });

  it('lets an Operator rotate the keys of the one service ID that its policy names', async () => {
    const target = await iam.serviceId();
    const other = await iam.serviceId();
    const rotator = await iam.serviceId({ roleId: ROLE.operator, attributes: scopedTo(target.id) });
    const { identity } = rotator.person;
    const { result: key } = await identity.createApiKey({ name: 'new', iamId: target.iamId });
    expect((await identity.listApiKeys({ iamId: target.iamId })).result.apikeys).toHaveLength(2);
    await identity.updateApiKey({ id: key.id, ifMatch: '*', description: 'x' });
    await identity.disableApiKey({ id: key.id });
    await identity.deleteApiKey({ id: key.id });
    expect((await refused(identity.createApiKey({ name: 'x', iamId: other.iamId })))[0]).toBe(403);
    expect((await refused(identity.getApiKey({ id: other.key.id })))[0]).toBe(403);
    const account = { accountId: iam.accountId, scope: 'account' };
    expect((await refused(identity.listApiKeys(account)))[0]).toBe(403);
    expect((await refused(identity.listServiceIds({ accountId: iam.accountId })))[0]).toBe(403);
  });

  it('to some service IDs shows only those in lists of the account, when switched', async () => {
    iam.cloud.switches.partialAccountLists = 'filtered';
    const target = await iam.serviceId();
    const rotator = await iam.serviceId({ roleId: ROLE.operator, attributes: scopedTo(target.id) });
    const { identity } = rotator.person;
    const { accountId } = iam;
    const keys = (await identity.listApiKeys({ accountId, scope: 'account' })).result.apikeys;
    const serviceIds = (await identity.listServiceIds({ accountId })).result.serviceids;
    expect([keys.map(({ id }) => id), serviceIds.map(({ id }) => id)]).toEqual([[target.key.id], [target.id]]);
    expect((await refused(identity.listApiKeys({ accountId, scope: 'account', type: 'user' })))[0]).toBe(403);
  });

  it('lets an Editor change keys, but neither create nor delete them', async () => {
    const target = await iam.serviceId();
    const editor = await iam.serviceId({ roleId: ROLE.editor, attributes: scopedTo(target.id) });
    const { identity } = editor.person;
    const { id } = target.key;
    expect((await identity.getApiKey({ id })).status).toBe(200);
    expect((await identity.disableApiKey({ id })).status).toBe(204);
    expect((await refused(identity.createApiKey({ name: 'x', iamId: target.iamId })))[0]).toBe(403);
    expect((await refused(identity.deleteApiKey({ id })))[0]).toBe(403);
  });

  it('lets a Viewer see the service ID, but none of its keys', async () => {
    const target = await iam.serviceId();
    const viewer = await iam.serviceId({ roleId: ROLE.viewer, attributes: scopedTo(target.id) });
    expect((await viewer.person.identity.getServiceId({ id: target.id })).status).toBe(200);
    expect((await refused(viewer.person.identity.getApiKey({ id: target.key.id })))[0]).toBe(403);
  });

  it('shows the keys of users to Administrators of the account only', async () => {
    const operator = await iam.serviceId({ roleId: ROLE.operator, attributes: { serviceName: 'iam-identity' } });
    const admin = await iam.serviceId({ roleId: ROLE.administrator, attributes: { serviceName: 'iam-identity' } });
    const account = { accountId: iam.accountId, scope: 'account' };
    const types = async (person: Person) => {
      const { apikeys } = (await person.identity.listApiKeys(account)).result;
      return new Set(apikeys.map((key) => key.iam_id.split('-')[0]));
    };
    expect(await types(operator.person)).toEqual(new Set(['iam']));
    expect(await types(admin.person)).toEqual(new Set(['iam', 'IBMid']));
    expect((await refused(operator.person.identity.listApiKeys({ ...account, type: 'user' })))[0]).toBe(403);
    const { apikeys } = (await owner.identity.listApiKeys()).result;
    const { id = '' } = apikeys[0] ?? {};
    expect((await refused(operator.person.identity.disableApiKey({ id })))[0]).toBe(403);
    expect((await admin.person.identity.disableApiKey({ id })).status).toBe(204);
  });

  it('to all IAM-enabled services never includes iam-identity, and a resource group grants nothing on it', async () => {
    const { iamId } = await iam.serviceId({ roleId: ROLE.administrator, attributes: { serviceType: 'service' } });
    const { resourceGroupId, secretsManager } = iam.cloud.account;
    await iam.allow(iamId, ROLE.operator, { serviceName: 'iam-identity', resourceGroupId });
    expect(may(iamId, 'iam-identity.apikey.create', { serviceName: 'iam-identity' })).toBe(false);
    expect(may(iamId, 'iam.policy.read', { serviceName: 'secrets-manager' })).toBe(true);
    await iam.allow(iamId, ROLE.reader, { resourceGroupId });
    const instance = { serviceName: 'secrets-manager', serviceInstance: secretsManager.guid };
    expect(may(iamId, 'secrets-manager.secrets.list', instance)).toBe(true);
    expect(may(iamId, 'secrets-manager.secrets.list', { serviceName: 'secrets-manager' })).toBe(false);
  });

  it('matches attributes exactly, or by pattern, and never one that the target lacks', async () => {
    const { iamId } = await iam.serviceId();
    const attributes = { serviceName: 'secrets-manager', resourceType: 'secret-group' };
    await iam.allow(iamId, ROLE.writer, { ...attributes, resource: 'group-1' });
    const inGroup = (resource: string) => ({ ...attributes, serviceInstance: 'any', resource });
    expect(may(iamId, 'secrets-manager.secret.create', inGroup('group-1'))).toBe(true);
    expect(may(iamId, 'secrets-manager.secret.create', inGroup('group-2'))).toBe(false);
    expect(may(iamId, 'secrets-manager.secret.create', { serviceName: 'secrets-manager' })).toBe(false);
    const terms = iam.policy(iamId, ROLE.manager, attributes);
    const pattern = { name: 'resource', value: 'team-*', operator: 'stringMatch' };
    const resources = terms.resources.map((resource) => ({ attributes: [...resource.attributes, pattern] }));
    await owner.policies.createPolicy({ ...terms, resources });
    expect(may(iamId, 'secrets-manager.secret.delete', inGroup('team-blue'))).toBe(true);
    expect(may(iamId, 'secrets-manager.secret.delete', inGroup('our-team-blue'))).toBe(false);
  });

  it.each([
    [ROLE.reader, ['secrets.list', 'secret-metadata.read'], ['secret.read', 'secret.create']],
    [ROLE.secretsReader, ['secrets.list', 'secret.read', 'secret-version.read'], ['secret-version.create']],
    [
      ROLE.writer,
      ['secret.create', 'secret-version.create', 'secret-version-locks.create', 'secret-version-metadata.update'],
      ['secret-version-locks.delete', 'secret-locks.delete', 'secret.delete', 'secret-group.create'],
    ],
    [ROLE.manager, ['secret.delete', 'secret-locks.delete', 'secret-group.create'], ['secret-task.update']],
    [ROLE.taskUpdater, ['secret-task.update'], ['secret.read']],
    [ROLE.viewer, [], ['secrets.list']],
  ])('on Secrets Manager follows the role %s', async (roleId, granted, denied) => {
    const { iamId } = await iam.serviceId({ roleId, attributes: { serviceName: 'secrets-manager' } });
    const target = { serviceName: 'secrets-manager', serviceInstance: 'any' };
    for (const action of granted)
      expect([action, may(iamId, `secrets-manager.${action}`, target)]).toEqual([action, true]);
    for (const action of denied)
      expect([action, may(iamId, `secrets-manager.${action}`, target)]).toEqual([action, false]);
  });

  it('to send logs comes with Sender, to send to the router with Writer', async () => {
    const sender = await iam.serviceId({ roleId: ROLE.sender, attributes: { serviceName: 'logs' } });
    const writer = await iam.serviceId({ roleId: ROLE.writer, attributes: { serviceName: 'logs-router' } });
    const line = { applicationName: 'a', subsystemName: 's', text: 'hello' };
    const send = async ({ token }: Person, path: string) => (await call('POST', path, { token, body: [line] })).status;
    expect(await send(sender.person, '/logs/v1/singles')).toBe(200);
    expect(await send(sender.person, '/logs-router/v1/singles')).toBe(403);
    expect(await send(writer.person, '/logs-router/v1/singles')).toBe(200);
    expect(await send(writer.person, '/logs/v1/singles')).toBe(403);
  });

  it('begins and ends late when switched', async () => {
    iam.cloud.switches.policyDelayMs = 60_000;
    const { iamId } = await iam.serviceId();
    const policyId = await iam.allow(iamId, ROLE.sender, { serviceName: 'logs' });
    const maySend = () => may(iamId, 'logs.data.send', { serviceName: 'logs' });
    await iam.pass(59_999);
    const before = maySend();
    await iam.pass(1);
    const after = maySend();
    await owner.policies.deletePolicy({ policyId });
    await iam.pass(59_999);
    const removed = maySend();
    await iam.pass(1);
    expect([before, after, removed, maySend()]).toEqual([false, true, true, false]);
  });

  it('ends at once without that switch', async () => {
    const { iamId } = await iam.serviceId();
    const policyId = await iam.allow(iamId, ROLE.sender, { serviceName: 'logs' });
    await owner.policies.deletePolicy({ policyId });
    expect(may(iamId, 'logs.data.send', { serviceName: 'logs' })).toBe(false);
  });
});

describe('trusted profiles', () => {
  it('are created, read, listed and deleted', async () => {
    const { accountId } = iam;
    const { identity } = owner;
    const made = await identity.createProfile({ accountId, name: 'rotator', description: 'for tests', email: 'a@b.c' });
    const { id } = made.result;
    expect(made.status).toBe(201);
    expect(made.result).toEqual({
      id: expect.stringMatching(/^Profile-/) as string,
      iam_id: `iam-${id}`,
      entity_tag: made.headers['etag'],
      crn: `crn:v1:bluemix:public:iam-identity::a/${accountId}::profile:${id}`,
      name: 'rotator',
      description: 'for tests',
      email: 'a@b.c',
      created_at: expect.stringMatching(IAM_DATE) as string,
      modified_at: expect.stringMatching(IAM_DATE) as string,
      account_id: accountId,
    });
    expect((await identity.getProfile({ profileId: id })).result).toEqual(made.result);
    const activity = await identity.getProfile({ profileId: id, includeActivity: true });
    expect(activity.result.activity).toEqual({ authn_count: 0 });
    expect((await identity.listProfiles({ accountId, name: 'rotator' })).result.profiles).toHaveLength(1);
    expect((await identity.listProfiles({ accountId, name: 'other' })).result.profiles).toHaveLength(0);
    expect((await refused(identity.createProfile({ accountId, name: 'rotator' })))[0]).toBe(409);
    expect((await identity.deleteProfile({ profileId: id })).status).toBe(204);
    expect(await refused(identity.getProfile({ profileId: id }))).toEqual([404, 'not_found', 'BXNIM0102E']);
  });

  it('have links that are created, read, listed and deleted', async () => {
    const { identity } = owner;
    const { id: profileId } = await profileFor('rotator');
    const link = linkTo(component('rotate-keys'));
    const made = await identity.createLink({ profileId, crType: 'CE', name: 'its function', link });
    const { id: linkId } = made.result;
    expect(made.status).toBe(201);
    expect(made.result).toMatchObject({ name: 'its function', cr_type: 'CE', link });
    expect((await identity.getLink({ profileId, linkId })).result).toEqual(made.result);
    expect((await identity.listLinks({ profileId })).result.links).toEqual([made.result]);
    expect((await refused(identity.createLink({ profileId, crType: 'CE', link })))[0]).toBe(409);
    expect((await identity.deleteLink({ profileId, linkId })).status).toBe(204);
    expect((await refused(identity.deleteLink({ profileId, linkId })))[0]).toBe(404);
    expect((await identity.listLinks({ profileId })).result.links).toEqual([]);
  });

  it('refuse links of other kinds, without a component, or into another account', async () => {
    const { id: profileId } = await profileFor('rotator');
    const link = linkTo(component('rotate-keys'));
    const foreign = { ...link, crn: 'crn:v1:bluemix:public:codeengine:us-south:a/other:9a0b::' };
    const { identity } = owner;
    expect((await refused(identity.createLink({ profileId, crType: 'IKS_SA', link })))[0]).toBe(400);
    expect((await refused(identity.createLink({ profileId, crType: 'CE', link: { crn: link.crn } })))[0]).toBe(400);
    expect((await refused(identity.createLink({ profileId, crType: 'CE', link: foreign })))[0]).toBe(400);
    const across = await identity.createLink({ profileId, crType: 'CE', link: foreign, isCrossAccount: true });
    expect(across.result.is_cross_account).toBe(true);
  });

  it("log in with the linked component's token, by id, name or both", async () => {
    const resource = component('rotate-keys');
    const { id, iam_id: iamId } = await profileFor('rotator', resource);
    const crToken = iam.cloud.iam.issueComputeResourceToken(resource);
    const byId = await logInWith(crToken, { profile_id: id });
    expect(claimsOf(byId.body.access_token)).toMatchObject({
      iam_id: iamId,
      sub_type: 'Profile',
      grant_type: 'urn:ibm:params:oauth:grant-type:cr-token',
    });
    expect((await logInWith(crToken, { profile_name: 'rotator' })).status).toBe(200);
    expect((await logInWith(crToken, { profile_id: id, profile_name: 'rotator' })).status).toBe(200);
    expect((await logInWith(crToken, { profile_id: id, profile_name: 'other' })).status).toBe(400);
    const { result } = await owner.identity.getProfile({ profileId: id, includeActivity: true });
    expect(result.activity).toMatchObject({ authn_count: 3 });
  });

  it("is all that IBM's container authenticator needs", async () => {
    const resource = component('rotate-keys');
    await profileFor('rotator', resource);
    const folder = await mkdtemp(join(tmpdir(), 'keyrota-'));
    try {
      const crTokenFilename = join(folder, 'token');
      await writeFile(crTokenFilename, iam.cloud.iam.issueComputeResourceToken(resource));
      const authenticator = new ContainerAuthenticator({ crTokenFilename, iamProfileName: 'rotator', url: iam.url });
      const client = new IamIdentityV1({ serviceUrl: iam.url, authenticator });
      expect((await client.listApiKeys()).result.apikeys).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuse components without a link, unknown tokens, unknown profiles and no profile', async () => {
    const { id } = await profileFor('rotator', component('rotate-keys'));
    const other = iam.cloud.iam.issueComputeResourceToken(component('show-report'));
    const job = iam.cloud.iam.issueComputeResourceToken({ ...component('rotate-keys'), componentType: 'job' });
    const right = iam.cloud.iam.issueComputeResourceToken(component('rotate-keys'));
    expect(await outcomeOf(other, { profile_id: id })).toEqual([400, 'BXNIM0398E']);
    expect(await outcomeOf(job, { profile_id: id })).toEqual([400, 'BXNIM0398E']);
    expect(await outcomeOf(right, { profile_id: 'Profile-x' })).toEqual([400, 'BXNIM0398E']);
    expect(await outcomeOf(right, {})).toEqual([400, 'BXNIM0109E']);
    expect(await outcomeOf('x.y.z', { profile_id: id })).toEqual([400, 'BXNIM0401E']);
    iam.cloud.reset();
    expect((await outcomeOf(right, { profile_id: id }))[1]).toMatch(/^BXNIM0(401|398)E$/);
  });

  it('act by their policies, and lose everything when they are deleted', async () => {
    const resource = component('rotate-keys');
    const { id, iam_id: iamId } = await profileFor('rotator', resource);
    const target = await iam.serviceId();
    await iam.allow(iamId, ROLE.operator, scopedTo(target.id));
    const { body } = await logInWith(iam.cloud.iam.issueComputeResourceToken(resource), { profile_id: id });
    const { identity } = iam.withToken(body.access_token);
    expect((await identity.createApiKey({ name: 'x', iamId: target.iamId })).status).toBe(201);
    await owner.identity.deleteProfile({ profileId: id });
    expect((await refused(identity.listApiKeys()))[0]).toBe(401);
    expect((await owner.policies.listPolicies({ accountId: iam.accountId, iamId })).result.policies).toEqual([]);
  });

  it('are managed by Administrators only', async () => {
    const { id: profileId } = await profileFor('rotator');
    const operator = await iam.serviceId({ roleId: ROLE.operator, attributes: { serviceName: 'iam-identity' } });
    const { identity } = operator.person;
    expect((await identity.getProfile({ profileId })).status).toBe(200);
    expect((await refused(identity.createProfile({ accountId: iam.accountId, name: 'x' })))[0]).toBe(403);
    expect((await refused(identity.deleteProfile({ profileId })))[0]).toBe(403);
    const link = linkTo(component('rotate-keys'));
    expect((await refused(identity.createLink({ profileId, crType: 'CE', link })))[0]).toBe(403);
  });
});

describe('account limits', () => {
  it('tell how many keys identities have, and how many profiles there are', async () => {
    const { iamId } = await iam.serviceId();
    const apikeysPerIdentity = `${iamId},${owner.iamId}`;
    const { accountId } = iam;
    const { result } = await owner.identity.getAccountLimits({ accountId, apikeysPerIdentity, profiles: 'true' });
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
  });

  it('of an identity show to those who may list its keys', async () => {
    const target = await iam.serviceId();
    const rotator = await iam.serviceId({ roleId: ROLE.operator, attributes: scopedTo(target.id) });
    const { accountId } = iam;
    const { identity } = rotator.person;
    const { result } = await identity.getAccountLimits({ accountId, apikeysPerIdentity: target.iamId });
    expect(result.apikeys_per_identity?.identities).toEqual([{ iam_id: target.iamId, count: 1 }]);
    expect((await refused(identity.getAccountLimits({ accountId, apikeysPerIdentity: owner.iamId })))[0]).toBe(403);
    expect((await refused(identity.getAccountLimits({ accountId, profiles: 'true' })))[0]).toBe(403);
    expect((await refused(identity.getAccountLimits({ accountId: 'another' })))[0]).toBe(403);
    expect((await refused(identity.getAccountLimits({ accountId })))[0], 'that asks for none').toBe(403);
    expect((await refused(identity.getAccountLimits({ accountId, profiles: 'false' })))[0]).toBe(403);
    expect((await owner.identity.getAccountLimits({ accountId })).result).toEqual({});
  });

  it('refuse what is not emulated, and an unknown identity', async () => {
    const { accountId } = iam;
    expect((await refused(owner.identity.getAccountLimits({ accountId, idps: 'true' })))[0]).toBe(400);
    const apikeysPerIdentity = 'iam-ServiceId-x';
    expect((await refused(owner.identity.getAccountLimits({ accountId, apikeysPerIdentity })))[0]).toBe(404);
  });
});

describe('the world', () => {
  it('shows all that exists, and values only where asked', async () => {
    const { id, iamId, key } = await iam.serviceId({ roleId: ROLE.sender, attributes: { serviceName: 'logs' } });
    const profile = await owner.identity.createProfile({ accountId: iam.accountId, name: 'rotator' });
    const open = iam.cloud.iam.snapshot({ withValues: true });
    expect(open).toMatchObject({
      apiKeys: [
        { iamId: owner.iamId, value: iam.cloud.iam.adminApiKey },
        { id: key.id, iamId, disabled: false, locked: false, authnCount: 1, value: key.value, expiresAtMs: null },
      ],
      serviceIds: [{ id, iamId, name: 'robot', locked: false }],
      profiles: [{ id: profile.result.id, links: [] }],
      policies: [{ subject: iamId, roleIds: [ROLE.sender] }],
    });
    expect(JSON.stringify(iam.cloud.iam.snapshot({ withValues: false }))).not.toContain(key.value);
  });

  it('is the same again with the same seed after a reset', async () => {
    const { adminApiKey } = iam.cloud.iam;
    await iam.serviceId();
    iam.cloud.reset();
    expect(iam.cloud.iam.adminApiKey).toBe(adminApiKey);
    expect(iam.cloud.iam.snapshot({ withValues: false })).toMatchObject({ serviceIds: [], policies: [] });
  });

  it('answers what it does not know with 501', async () => {
    expect((await call('GET', '/v1/profile_templates', { token: owner.token })).status).toBe(501);
  });
});
