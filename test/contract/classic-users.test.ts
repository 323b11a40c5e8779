import { describe, expect, it } from 'vitest';
import { serve } from '../../infra/local/server.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, answeringFirst, cloudAdapter } from './support/adapters.ts';
import type { Reply } from './support/adapters.ts';
import { classicOn, linkedUser } from './support/classic-product.ts';
import { apiFailureOf, everythingIn, outcomeOf } from './support/failures.ts';

const CURRENT_USER = 'GET /rest/v3.1/SoftLayer_Account/getCurrentUser.json';
const KEYS = 'GET /rest/v3.1/SoftLayer_User_Customer/*/getApiAuthenticationKeys.json';
const ADD = 'GET /rest/v3.1/SoftLayer_User_Customer/*/addApiAuthenticationKey.json';
const REMOVE = 'POST /rest/v3.1/SoftLayer_User_Customer/removeApiAuthenticationKey.json';
const UNKNOWN_ID = 11_111_111;

const { signal } = new AbortController();

/** What the open questions of the platform are answered with, one way and the other. */
const ANSWERS: readonly { answers: string; switches: Partial<Switches> }[] = [
  { answers: 'as the facts are read', switches: {} },
  {
    answers: 'the other way',
    switches: {
      classicKeyReadable: true,
      classicRefusalStatus: 400,
      classicNotFoundStatus: 500,
      classicDeniedStatus: 403,
    },
  },
];

interface ClassicState {
  classic: { users: { id: number; keys: { id: string; createdAtMs: number; value?: string }[] }[] };
}

/** The keys that a user really has. */
const keysIn = (lab: Laboratory, userId: number) => {
  const { classic } = lab.cloud.snapshot({ withValues: true }) as ClassicState;
  return classic.users.find(({ id }) => id === userId)?.keys ?? [];
};

/** How often a call of that end reached the cloud. */
const callsOf = (lab: Laboratory, end: string) =>
  lab.cloud.calls.list().filter(({ path }) => path.includes(end)).length;

async function open(switches: Partial<Switches> = {}) {
  const lab = await Laboratory.open(switches);
  const user = linkedUser(lab);
  return { lab, user, ...classicOn(lab, user.apiKey) };
}

const isOpen = async (lab: Laboratory, username: string, value: SecretValue): Promise<boolean> => {
  const authorization = `Basic ${Buffer.from(`${username}:${value.reveal()}`).toString('base64')}`;
  const url = 'http://cloud.local/rest/v3.1/SoftLayer_Account/getCurrentUser';
  return (await lab.send(new Request(url, { headers: { authorization } }))).ok;
};

describe.each(ANSWERS)('classic users, open questions answered $answers', ({ switches }) => {
  it('know who they are', async () => {
    const { user, users } = await open(switches);
    const { id, username } = user;
    expect(await users.currentUser(signal)).toEqual({ id, username, status: 'ACTIVE', permissions: ['USER_MANAGE'] });
  });

  it('make a key, see it without its value, check it and remove it', async () => {
    const { lab, user, users } = await open(switches);
    const value = await users.addKey(user.id, signal);
    const [listed, ...others] = await users.keysOf(user.id, signal);
    const [real] = keysIn(lab, user.id);
    expect(value.reveal()).toBe(real?.value);
    expect(others).toEqual([]);
    expect(listed).toEqual({ id: Number(real?.id), createdAtMs: Math.floor((real?.createdAtMs ?? 0) / 1_000) * 1_000 });
    await users.checkKey(user.username, value, signal);
    await users.removeKey(listed?.id ?? 0, signal);
    expect(await users.keysOf(user.id, signal)).toEqual([]);
    const check = users.checkKey(user.username, value, signal);
    expect(await outcomeOf(check)).toMatchObject({ code: 'not_logged_in', status: 401, effect: 'none' });
  });

  it('learn that they have a key already, and that nothing happened', async () => {
    const { lab, user, users } = await open(switches);
    await users.addKey(user.id, signal);
    const [before] = keysIn(lab, user.id);
    expect(await outcomeOf(users.addKey(user.id, signal))).toEqual({
      code: 'conflict',
      effect: 'none',
      status: switches.classicRefusalStatus ?? 500,
      ibmCode: 'SoftLayer_Exception_Public',
    });
    expect(keysIn(lab, user.id)).toEqual([before]);
  });

  it('are done with a key that is gone already', async () => {
    const { lab, users } = await open(switches);
    const before = callsOf(lab, 'removeApi');
    expect(await users.removeKey(UNKNOWN_ID, signal)).toBeUndefined();
    expect(callsOf(lab, 'removeApi') - before).toBe(1);
  });

  it('are told clearly what they may not do', async () => {
    const { lab, user, users } = await open(switches);
    const other = linkedUser(lab);
    await classicOn(lab, other.apiKey).users.addKey(other.id, signal);
    const keyId = Number(keysIn(lab, other.id)[0]?.id);
    lab.cloud.classic.changeUser(user.id, { managesApiKeys: false });
    for (const call of [
      () => users.keysOf(other.id, signal),
      () => users.addKey(user.id, signal),
      () => users.removeKey(keyId, signal),
    ]) {
      const outcome = await outcomeOf(call());
      expect(outcome).toMatchObject({ code: 'forbidden', effect: 'none', status: switches.classicDeniedStatus ?? 401 });
    }
  });

  it('that do not exist are not found', async () => {
    const { users } = await open(switches);
    expect(await outcomeOf(users.keysOf(UNKNOWN_ID, signal))).toMatchObject({ code: 'not_found', effect: 'none' });
  });

  it('remove the key of a user below them', async () => {
    const { lab, user, users } = await open(switches);
    const child = linkedUser(lab, { parentId: user.id });
    await classicOn(lab, child.apiKey).users.addKey(child.id, signal);
    const [key] = await users.keysOf(child.id, signal);
    await users.removeKey(key?.id ?? 0, signal);
    expect(keysIn(lab, child.id)).toEqual([]);
  });
});

describe('the value of a classic key', () => {
  it('is never asked for, nor read, in a list', async () => {
    const { lab, user, users, sent } = await open({ classicKeyReadable: true });
    const value = await users.addKey(user.id, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body) => {
      for (const key of Array.isArray(body) ? (body as Record<string, unknown>[]) : []) {
        key['authenticationKey'] = value.reveal();
      }
    });
    const keys = await classicOn(lab, user.apiKey, { adapter }).users.keysOf(user.id, signal);
    await users.keysOf(user.id, signal);
    expect(keys).toHaveLength(1);
    expect(everythingIn(keys)).not.toContain(value.reveal());
    expect(sent.at(-1)?.query.get('objectMask')).toBe('mask[id,timestampKey]');
  });

  it('is in no error and no log', async () => {
    const { lab, user, users } = await open();
    const value = await users.addKey(user.id, signal);
    lab.fault({ match: CURRENT_USER, status: 503, times: 5 });
    const failed = await apiFailureOf(users.checkKey(user.username, value, signal));
    const dead = await apiFailureOf(users.checkKey('somebody else', value, signal));
    const encoded = Buffer.from(`${user.username}:${value.reveal()}`).toString('base64');
    const found = everythingIn([failed, dead, lab.logLines]);
    expect([found.includes(value.reveal()), found.includes(encoded)]).toEqual([false, false]);
  });

  it('is taken in whatever form it comes', async () => {
    const { lab, user } = await open();
    const reply: Reply = { status: 200, body: '"Another-Form"' };
    const { users } = classicOn(lab, user.apiKey, { adapter: answeringFirst(cloudAdapter(lab.cloud), ADD, [reply]) });
    expect((await users.addKey(user.id, signal)).reveal()).toBe('Another-Form');
  });
});

describe('making a classic key', () => {
  it('is asked for once, past all caches', async () => {
    const { user, users, sent } = await open();
    await users.addKey(user.id, signal);
    const calls = sent.filter(({ path }) => path.endsWith('/addApiAuthenticationKey.json'));
    expect(calls.map(({ method, headers }) => [method, headers.get('cache-control')])).toEqual([['GET', 'no-store']]);
  });

  it.each([
    ['the connection is lost after it', { drop: 'answer' }, 1],
    ['the connection is lost before it', { drop: 'request' }, 0],
    ['the service fails after it', { status: 502, afterEffect: true }, 1],
    ['the service fails before it', { status: 500 }, 0],
    ['the answer takes too long', { delayMs: 11_000 }, 1],
  ] as const)('is not repeated when %s, and leaves open whether there is a key', async (_, fault, keyCount) => {
    const { lab, user, users } = await open();
    lab.fault({ match: ADD, ...fault });
    const failure = await apiFailureOf(users.addKey(user.id, signal));
    await lab.pass(20_000);
    expect([failure.effect, callsOf(lab, 'addApi')]).toEqual(['unknown', 1]);
    expect(keysIn(lab, user.id)).toHaveLength(keyCount);
  });

  it('is asked for again when it was clearly not carried out', async () => {
    const { lab, user, users } = await open();
    lab.fault({ match: ADD, status: 429, retryAfterSeconds: 2 });
    lab.fault({ match: ADD, status: 401 });
    expect(await isOpen(lab, user.username, await users.addKey(user.id, signal))).toBe(true);
    expect(callsOf(lab, 'addApi')).toBe(3);
  });

  it('is refused to a user who is pending, as a failure whose effect is to be looked at', async () => {
    const { lab, user, users } = await open();
    lab.cloud.classic.changeUser(user.id, { status: 'PENDING' });
    expect((await users.currentUser(signal)).status).toBe('PENDING');
    expect(await outcomeOf(users.addKey(user.id, signal))).toEqual({
      code: 'service_failed',
      effect: 'unknown',
      status: 500,
      ibmCode: 'SoftLayer_Exception_Public',
    });
  });

  it('that is answered with something else is told as done', async () => {
    const { lab, user } = await open();
    for (const body of ['null', '""', '{"id":1}', 'no JSON', '']) {
      const adapter = answeringFirst(cloudAdapter(lab.cloud), ADD, [{ status: 200, body }]);
      const { users } = classicOn(lab, user.apiKey, { adapter });
      const outcome = await outcomeOf(users.addKey(user.id, signal));
      expect(outcome).toMatchObject({ code: 'unexpected_answer', effect: 'changed' });
    }
  });
});

describe('removing a classic key', () => {
  it('is repeated until it is done', async () => {
    const { lab, user, users } = await open();
    await users.addKey(user.id, signal);
    const [key] = await users.keysOf(user.id, signal);
    lab.fault({ match: REMOVE, drop: 'answer' });
    lab.fault({ match: REMOVE, status: 503 });
    await users.removeKey(key?.id ?? 0, signal);
    expect([keysIn(lab, user.id), callsOf(lab, 'removeApi')]).toEqual([[], 3]);
  });

  it('is not taken for done when the answer says otherwise', async () => {
    const { lab, user } = await open();
    const adapter = answeringFirst(cloudAdapter(lab.cloud), REMOVE, [{ status: 200, body: 'false' }]);
    const { users } = classicOn(lab, user.apiKey, { adapter });
    expect(await outcomeOf(users.removeKey(UNKNOWN_ID, signal))).toMatchObject({ code: 'unexpected_answer' });
  });
});

describe('checking a classic key', () => {
  it('is one call, with nothing but user name and key', async () => {
    const { user, users, sent } = await open();
    const value = await users.addKey(user.id, signal);
    const before = sent.length;
    await users.checkKey(user.username, value, signal);
    const authorizations = sent.slice(before).map(({ headers }) => headers.get('authorization')?.split(' ')[0]);
    expect(authorizations).toEqual(['Basic']);
  });

  it('asks once with a key that is refused', async () => {
    const { lab, user, users } = await open();
    await users.currentUser(signal);
    const before = lab.cloud.calls.total;
    const check = users.checkKey(user.username, new SecretValue('0'.repeat(64)), signal);
    expect(await outcomeOf(check)).toMatchObject({ code: 'not_logged_in' });
    expect(lab.cloud.calls.total - before).toBe(1);
  });
});

describe('what is told of classic users', () => {
  it.each(['absent', 'unreadable'] as const)('is a key without a date when its timestamp is %s', async (timestamp) => {
    const { user, users } = await open({ classicTimestampKey: timestamp });
    await users.addKey(user.id, signal);
    const [key] = await users.keysOf(user.id, signal);
    expect(key?.createdAtMs).toBeNull();
  });

  it.each([
    ['1700000000', 1_700_000_000_000],
    [1_700_000_000.5, 1_700_000_000_500],
    [0, null],
    [-1, null],
    [1_700_000_000_000, null],
    ['1e12', null],
    ['', null],
    [null, null],
  ])('is the date of a key with the timestamp %j: %j', async (timestampKey, createdAtMs) => {
    const { lab, user } = await open();
    const body = JSON.stringify([{ id: 7, timestampKey }]);
    const adapter = answeringFirst(cloudAdapter(lab.cloud), KEYS, [{ status: 200, body }]);
    expect(await classicOn(lab, user.apiKey, { adapter }).users.keysOf(user.id, signal)).toEqual([
      { id: 7, createdAtMs },
    ]);
  });

  it('may lack status and permissions', async () => {
    const { lab, user } = await open();
    const body = JSON.stringify({ id: 7, username: 'name', userStatus: null, permissions: [{}] });
    const adapter = answeringFirst(cloudAdapter(lab.cloud), CURRENT_USER, [{ status: 200, body }]);
    const { users } = classicOn(lab, user.apiKey, { adapter });
    expect(await users.currentUser(signal)).toEqual({ id: 7, username: 'name', status: null, permissions: null });
  });

  it.each(['{}', '[]', '{"id":"7","username":"name"}', 'null', '<html>'])('is not understood as %s', async (body) => {
    const { lab, user } = await open();
    const adapter = answeringFirst(cloudAdapter(lab.cloud), CURRENT_USER, [{ status: 200, body }]);
    const call = classicOn(lab, user.apiKey, { adapter }).users.currentUser(signal);
    expect(await outcomeOf(call)).toMatchObject({ code: 'unexpected_answer', effect: 'none' });
  });

  it('is read again after trouble', async () => {
    const { lab, user, users } = await open();
    lab.fault({ match: KEYS, drop: 'answer' });
    lab.fault({ match: CURRENT_USER, status: 500 });
    expect(await users.keysOf(user.id, signal)).toEqual([]);
    expect((await users.currentUser(signal)).id).toBe(user.id);
  });

  it('is a failure for who is no classic user', async () => {
    const lab = await Laboratory.open();
    const { apiKey } = lab.cloud.iam.addUser('stranger');
    const outcome = await outcomeOf(classicOn(lab, apiKey).users.currentUser(signal));
    expect(outcome).toMatchObject({ code: 'service_failed', status: 500, effect: 'none' });
  });
});

describe('over HTTP', () => {
  it('a key is made, checked and removed as well', async () => {
    const lab = await Laboratory.open();
    const user = linkedUser(lab);
    await using served = await serve({ handle: (request) => lab.cloud.handle(request), port: 0 });
    const { users } = classicOn(lab, user.apiKey, { url: served.url });
    const value = await users.addKey(user.id, signal);
    await users.checkKey(user.username, value, signal);
    const [key] = await users.keysOf(user.id, signal);
    await users.removeKey(key?.id ?? 0, signal);
    expect(await isOpen(lab, user.username, value)).toBe(false);
  });
});
