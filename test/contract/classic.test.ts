import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import { ClassicCloud, basic } from './support/classic-cloud.ts';
import type { ClassicAnswer, ClassicPerson } from './support/classic-cloud.ts';

const HOUR_MS = 3_600_000;
const UNKNOWN_ID = 11_111_111;
const VALUE = /^[a-z0-9]{64}$/;

const BAD_CREDENTIALS = [401, 'Invalid API token.'];
const NOT_LINKED = [500, 'The token exchange failed.'];

let world: ClassicCloud;
let user: ClassicPerson;

beforeEach(async () => {
  world = await ClassicCloud.start();
  user = await world.person();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await world[Symbol.asyncDispose]();
});

/** The status of an answer, and the text of its error. */
const refusalOf = ({ status, body }: ClassicAnswer) => [status, (body as { error: string }).error];

/** The status of an answer, and the code of its error. */
const codeOf = ({ status, body }: ClassicAnswer) => [status, (body as { code: string }).code];

describe('who calls the classic API', () => {
  it('is known by a token of IAM', async () => {
    const { status, body } = await world.whoAmI(user.bearer);
    expect([status, body]).toEqual([200, { id: user.id, username: user.username }]);
    expect(user.username).toMatch(/^\d+_[^@]+@example\.com$/);
  });

  it('is known by an API key of IAM, which counts as used', async () => {
    const usesOf = () => {
      const { apiKeys } = world.iam.cloud.iam.snapshot({ withValues: false }) as {
        apiKeys: { iamId: string; authnCount: number }[];
      };
      return apiKeys.find(({ iamId }) => iamId === user.iamId)?.authnCount ?? 0;
    };
    const before = usesOf();
    expect((await world.whoAmI(basic('apikey', user.apiKey))).body).toMatchObject({ id: user.id });
    expect(usesOf() - before).toBe(1);
  });

  it('is known by user name and classic key, whose use is noted nowhere', async () => {
    const { value } = await world.newKey(user);
    const before = JSON.stringify(world.iam.cloud.iam.snapshot({ withValues: true }));
    expect((await world.whoAmI(basic(user.username, value))).body).toMatchObject({ id: user.id });
    expect(JSON.stringify(world.iam.cloud.iam.snapshot({ withValues: true }))).toBe(before);
    expect(world.iam.cloud.calls.list().at(-1)).toMatchObject({ iamId: user.iamId, outcome: 200 });
  });

  it('is refused without valid credentials', async () => {
    const { value } = await world.newKey(user);
    const other = await world.person();
    const headers = [
      null,
      'Bearer unknown',
      basic('apikey', 'unknown'),
      basic('apikey', value),
      basic(user.username, 'unknown'),
      basic(other.username, value),
      basic(user.username, user.apiKey),
      basic('', ''),
      'Basic no-base64',
      `Basic ${Buffer.from('no colon').toString('base64')}`,
    ];
    for (const header of headers) expect(refusalOf(await world.whoAmI(header))).toEqual(BAD_CREDENTIALS);
  });

  it('is refused with a token that is over', async () => {
    await world.iam.pass(HOUR_MS);
    expect(refusalOf(await world.whoAmI(user.bearer))).toEqual(BAD_CREDENTIALS);
  });

  it('is never a user who is not linked, nor a service ID', async () => {
    const stranger = world.iam.cloud.iam.addUser('stranger');
    const robot = await world.iam.serviceId();
    const { token } = await world.iam.person(stranger.apiKey);
    const headers = [
      `Bearer ${token}`,
      basic('apikey', stranger.apiKey),
      `Bearer ${robot.person.token}`,
      basic('apikey', robot.key.value),
    ];
    for (const header of headers) expect(refusalOf(await world.whoAmI(header))).toEqual(NOT_LINKED);
  });

  it('is refused through IAM from an address that the account does not allow', async () => {
    const { value } = await world.newKey(user);
    const owner = await world.iam.owner();
    const { accountId } = world.iam;
    await owner.identity.updateAccountSettings({ accountId, ifMatch: '*', allowedIpAddresses: '192.0.2.1' });
    expect(refusalOf(await world.whoAmI(basic('apikey', user.apiKey)))).toEqual(BAD_CREDENTIALS);
    expect((await world.whoAmI(basic(user.username, value))).status).toBe(200);
  });

  it.each(['DISABLED', 'VPN_ONLY'] as const)('is refused as a user who is %s', async (status) => {
    const { value } = await world.newKey(user);
    world.iam.cloud.classic.changeUser(user.id, { status });
    expect(refusalOf(await world.whoAmI(user.bearer))).toEqual(BAD_CREDENTIALS);
    expect(refusalOf(await world.whoAmI(basic(user.username, value)))).toEqual(BAD_CREDENTIALS);
  });

  it('is refused with the key of a user who left the account, or is suspended', async () => {
    const { value } = await world.newKey(user);
    for (const state of ['suspended', 'left'] as const) {
      world.iam.cloud.iam.setUserState(user.iamId, state);
      expect(refusalOf(await world.whoAmI(basic(user.username, value)))).toEqual(BAD_CREDENTIALS);
    }
    world.iam.cloud.iam.setUserState(user.iamId, 'active');
    expect((await world.whoAmI(basic(user.username, value))).status).toBe(200);
  });

  it('shows as the number of the classic user in the answer to a login', async () => {
    const { body } = await world.iam.logIn(user.apiKey);
    expect(body).toMatchObject({ ims_user_id: user.id });
    const { body: ofOwner } = await world.iam.logIn(world.iam.cloud.iam.adminApiKey);
    expect(ofOwner).not.toHaveProperty('ims_user_id');
  });
});

describe('the current user', () => {
  it('shows as much as the mask asks for', async () => {
    const { body: whole } = await world.call(user.bearer, 'SoftLayer_Account/getCurrentUser');
    const email = user.username.replace(/^\d+_/, '');
    expect(whole).toEqual({ id: user.id, username: user.username, email, parentId: null });
    const mask = 'mask[id, userStatus[keyName], permissions, apiAuthenticationKeys]';
    const { body } = await world.whoAmI(user.bearer, encodeURIComponent(mask));
    expect(body).toEqual({
      id: user.id,
      userStatus: { keyName: 'ACTIVE' },
      permissions: [{ keyName: 'USER_MANAGE' }],
      apiAuthenticationKeys: [],
    });
    const key = await world.newKey(user);
    const { body: withKey } = await world.whoAmI(user.bearer, 'mask[apiAuthenticationKeys[id]]');
    expect(withKey).toEqual({ apiAuthenticationKeys: [{ id: key.id }] });
  });

  it.each([
    '',
    'id',
    'mask',
    'mask[]',
    'mask[unknown]',
    'mask[constructor]',
    'mask[id,id]',
    'mask[id',
    'mask[id]]',
    'mask[id]username',
    'mask[id username]',
    'mask[id[id]]',
    'mask[userStatus[unknown]]',
    'mask.id',
  ])('is refused with the mask "%s"', async (mask) => {
    const answer = await world.whoAmI(user.bearer, encodeURIComponent(mask));
    expect(codeOf(answer)).toEqual([400, 'SoftLayer_Exception_InvalidValue']);
  });

  it('is refused with parameters that are not known, or come twice', async () => {
    for (const query of ['objectFilter=x', 'objectMask=mask[id]&objectMask=mask[id]']) {
      const answer = await world.call(user.bearer, `SoftLayer_Account/getCurrentUser?${query}`);
      expect(codeOf(answer)).toEqual([400, 'SoftLayer_Exception_InvalidValue']);
    }
  });
});

describe('classic keys', () => {
  it('are made by a GET, whose answer is the value', async () => {
    const { status, body } = await world.addKey(user.bearer, user.id);
    expect(status).toBe(200);
    expect(body).toMatch(VALUE);
  });

  it('are listed without their value', async () => {
    await world.addKey(user.bearer, user.id);
    const { status, headers, body } = await world.keysOf(user.bearer, user.id);
    expect([status, headers.get('SoftLayer-Total-Items')]).toEqual([200, '1']);
    const timestampKey = Math.floor(world.iam.clock.nowMs() / 1_000);
    expect(body).toEqual([{ id: expect.any(Number) as number, timestampKey, userId: user.id }]);
  });

  it('show their value to their owner when that is switched on', async () => {
    world.switches.classicKeyReadable = true;
    const { value } = await world.newKey(user);
    const { body } = await world.keysOf(user.bearer, user.id);
    expect(body).toMatchObject([{ authenticationKey: value }]);
  });

  it.each([
    ['absent', undefined],
    ['unreadable', 'unknown'],
  ] as const)('have a timestamp that is %s when that is switched on', async (timestamp, shown) => {
    world.switches.classicTimestampKey = timestamp;
    await world.addKey(user.bearer, user.id);
    const [key] = (await world.keysOf(user.bearer, user.id)).body as { timestampKey?: string }[];
    expect(key?.timestampKey).toBe(shown);
  });

  it('are listed by pages and masks', async () => {
    const { id } = await world.newKey(user);
    const list = `SoftLayer_User_Customer/${user.id}/getApiAuthenticationKeys`;
    expect((await world.call(user.bearer, `${list}?resultLimit=0,1&objectMask=mask[id]`)).body).toEqual([{ id }]);
    const { headers, body } = await world.call(user.bearer, `${list}?resultLimit=1,10`);
    expect([headers.get('SoftLayer-Total-Items'), body]).toEqual(['1', []]);
    for (const query of ['resultLimit=1', 'resultLimit=0,0', 'objectMask=mask[username]']) {
      expect((await world.call(user.bearer, `${list}?${query}`)).status).toBe(400);
    }
  });

  it('are one for each user', async () => {
    const { value } = await world.newKey(user);
    const again = await world.addKey(user.bearer, user.id);
    expect(again.body).toEqual({
      error: 'Each user can only have a single API key.',
      code: 'SoftLayer_Exception_Public',
    });
    expect(again.status).toBe(500);
    world.switches.classicRefusalStatus = 400;
    expect((await world.addKey(user.bearer, user.id)).status).toBe(400);
    expect((await world.whoAmI(basic(user.username, value))).status).toBe(200);
  });

  it('are not made for a user who is pending, and can log in all the same', async () => {
    world.iam.cloud.classic.changeUser(user.id, { status: 'PENDING' });
    expect(codeOf(await world.addKey(user.bearer, user.id))).toEqual([500, 'SoftLayer_Exception_Public']);
    const { body } = await world.whoAmI(user.bearer, 'mask[userStatus[keyName]]');
    expect(body).toEqual({ userStatus: { keyName: 'PENDING' } });
  });

  it('open nothing from their removal on, and another one can be made', async () => {
    const { id, value } = await world.newKey(user);
    const { status, body } = await world.removeKey(user.bearer, id);
    expect([status, body]).toEqual([200, true]);
    expect(refusalOf(await world.whoAmI(basic(user.username, value)))).toEqual(BAD_CREDENTIALS);
    const next = await world.newKey(user);
    expect(next.value).not.toBe(value);
    expect((await world.whoAmI(basic(user.username, next.value))).status).toBe(200);
  });

  it('can be removed and made with the key itself, until it is gone', async () => {
    const { id, value } = await world.newKey(user);
    const header = basic(user.username, value);
    expect((await world.removeKey(header, id)).body).toBe(true);
    expect(refusalOf(await world.addKey(header, user.id))).toEqual(BAD_CREDENTIALS);
    expect((await world.addKey(basic('apikey', user.apiKey), user.id)).body).toMatch(VALUE);
  });

  it('that are gone, or never were, are not found', async () => {
    const { id } = await world.newKey(user);
    await world.removeKey(user.bearer, id);
    for (const keyId of [id, UNKNOWN_ID]) {
      expect((await world.removeKey(user.bearer, keyId)).body).toEqual({
        error: `Unable to find object with id of '${keyId}'.`,
        code: 'SoftLayer_Exception_ObjectNotFound',
      });
    }
    expect((await world.keysOf(user.bearer, UNKNOWN_ID)).status).toBe(404);
    world.switches.classicNotFoundStatus = 500;
    expect((await world.removeKey(user.bearer, id)).status).toBe(500);
  });

  it('are removed by their id alone, which is a number', async () => {
    const path = 'SoftLayer_User_Customer/removeApiAuthenticationKey';
    const { id } = await world.newKey(user);
    for (const body of [{}, { parameters: [] }, { parameters: [String(id)] }, { parameters: [id, 1] }, [id]]) {
      expect(codeOf(await world.call(user.bearer, path, body))).toEqual([400, 'SoftLayer_Exception_InvalidValue']);
    }
    expect((await world.keysOf(user.bearer, user.id)).body).toHaveLength(1);
  });

  it('are known a moment later only, when that is switched on', async () => {
    world.switches.classicFirstLoginDelayMs = 2_000;
    const { value } = await world.newKey(user);
    const header = basic(user.username, value);
    await world.iam.pass(1_999);
    expect(refusalOf(await world.whoAmI(header))).toEqual(BAD_CREDENTIALS);
    await world.iam.pass(1);
    expect((await world.whoAmI(header)).status).toBe(200);
  });

  it('are listed late when lists are stale', async () => {
    world.switches.staleListMs = 5_000;
    await world.addKey(user.bearer, user.id);
    expect((await world.keysOf(user.bearer, user.id)).body).toEqual([]);
    expect((await world.whoAmI(user.bearer, 'mask[apiAuthenticationKeys]')).body).toEqual({
      apiAuthenticationKeys: [],
    });
    expect((await world.addKey(user.bearer, user.id)).status).toBe(500);
    await world.iam.pass(5_000);
    expect((await world.keysOf(user.bearer, user.id)).body).toHaveLength(1);
  });

  it('are the same under each name of the service, with the form of the answer or without', async () => {
    for (const service of ['SoftLayer_User_Customer', 'SoftLayer_User_Customer_OpenIdConnect']) {
      for (const form of ['', '.json']) {
        const added = await world.call(user.bearer, `${service}/${user.id}/addApiAuthenticationKey${form}`);
        expect(added.body).toMatch(VALUE);
        const { body } = await world.call(user.bearer, `${service}/${user.id}/getApiAuthenticationKeys${form}`);
        const [key] = body as { id: number }[];
        const parameters = [key?.id];
        const removed = await world.call(user.bearer, `${service}/removeApiAuthenticationKey${form}`, { parameters });
        expect(removed.body).toBe(true);
      }
    }
  });

  it('are told to whoever watches the account, without their value', async () => {
    const records: AuditRecord[] = [];
    world.iam.cloud.audit.watch((record) => records.push(record));
    const { id, value } = await world.newKey(user);
    await world.removeKey(user.bearer, id);
    const about = { keyId: String(id), userId: String(user.id) };
    expect(records).toMatchObject([
      { action: 'classic-key.create', ...about },
      { action: 'classic-key.delete', ...about },
    ]);
    expect(JSON.stringify(records)).not.toContain(value);
  });

  it('show in the state of the cloud, with their value only when that is asked for', async () => {
    const { id, value } = await world.newKey(user);
    const shown = world.iam.cloud.snapshot({ withValues: true });
    expect(shown).toMatchObject({ classic: { users: [{ id: user.id, keys: [{ id: String(id), value }] }] } });
    expect(JSON.stringify(world.iam.cloud.snapshot({ withValues: false }))).not.toContain(value);
  });

  it('are not told by the log of calls, should one stand in a path', async () => {
    const { value } = await world.newKey(user);
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const path = `SoftLayer_User_Customer/${user.id}/removeApiAuthenticationKey/${value}.json`;
    const answer = await world.call(user.bearer, path);
    const told = JSON.stringify([answer.body, world.iam.cloud.calls.list(), written.mock.calls]);
    expect([answer.status, told.includes(value)]).toEqual([501, false]);
  });
});

describe('the key of somebody else', () => {
  it('is seen without its value, and removed, from above', async () => {
    world.switches.classicKeyReadable = true;
    const child = await world.person({ parentId: user.id });
    const grandchild = await world.person({ parentId: child.id });
    const key = await world.newKey(grandchild);
    const { body } = await world.keysOf(user.bearer, grandchild.id);
    expect(body).toEqual([{ id: key.id, timestampKey: expect.any(Number) as number, userId: grandchild.id }]);
    expect((await world.removeKey(user.bearer, key.id)).body).toBe(true);
  });

  it('is neither seen nor removed from below or beside', async () => {
    const child = await world.person({ parentId: user.id });
    const sibling = await world.person({ parentId: user.id });
    for (const owner of [user, sibling]) {
      const key = await world.newKey(owner);
      const calls = [() => world.keysOf(child.bearer, owner.id), () => world.removeKey(child.bearer, key.id)];
      for (const call of calls) {
        expect((await call()).body).toEqual({ error: 'Access Denied.', code: 'SoftLayer_Exception_AccessDenied' });
        world.switches.classicDeniedStatus = 403;
        expect((await call()).status).toBe(403);
        world.switches.classicDeniedStatus = 401;
        expect((await call()).status).toBe(401);
      }
      expect((await world.keysOf(owner.bearer, owner.id)).body).toHaveLength(1);
    }
  });

  it('is made by nobody', async () => {
    const child = await world.person({ parentId: user.id });
    expect(codeOf(await world.addKey(user.bearer, child.id))).toEqual([401, 'SoftLayer_Exception_AccessDenied']);
    expect((await world.keysOf(child.bearer, child.id)).body).toEqual([]);
  });

  it('is not found once its owner has left the account', async () => {
    const child = await world.person({ parentId: user.id });
    const { id } = await world.newKey(child);
    world.iam.cloud.iam.setUserState(child.iamId, 'left');
    expect((await world.keysOf(user.bearer, child.id)).status).toBe(404);
    expect((await world.removeKey(user.bearer, id)).status).toBe(404);
  });
});

describe('without the permission to manage API keys', () => {
  it('a user sees the own key, and neither makes nor removes it', async () => {
    const { id } = await world.newKey(user);
    world.iam.cloud.classic.changeUser(user.id, { managesApiKeys: false });
    expect((await world.keysOf(user.bearer, user.id)).body).toHaveLength(1);
    expect((await world.removeKey(user.bearer, id)).status).toBe(401);
    expect(codeOf(await world.addKey(user.bearer, user.id))).toEqual([401, 'SoftLayer_Exception_AccessDenied']);
    expect((await world.whoAmI(user.bearer, 'mask[permissions]')).body).toEqual({ permissions: [] });
  });
});

describe('linking a user to classic infrastructure', () => {
  it('takes a user of the account, once, and a parent who exists', async () => {
    const { classic, iam } = world.iam.cloud;
    const { iamId } = iam.addUser('another');
    expect(() => classic.linkUser('IBMid-x')).toThrow('no user');
    expect(() => classic.linkUser(user.iamId)).toThrow('linked already');
    expect(() => classic.linkUser(iamId, { parentId: UNKNOWN_ID })).toThrow('no classic user');
    expect(() => classic.changeUser(UNKNOWN_ID, {})).toThrow('no classic user');
  });
});
