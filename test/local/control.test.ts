import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { z } from 'zod';
import { Admin, logInWithKey } from '../../infra/demo/admin.ts';
import { CloudClock, LAST_MS } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { controlRoutes } from '../../infra/local/control.ts';
import type { Fault } from '../../infra/local/faults.ts';
import { serve } from '../../infra/local/server.ts';
import type { Listening } from '../../infra/local/server.ts';

const START_MS = Date.UTC(2026, 10, 20);
const LINES = '/logs/v1/singles';

let clock: CloudClock;
let cloud: EmbeddedCloud;
let api: Listening;
let control: Listening;

beforeEach(async () => {
  clock = new CloudClock({ startMs: START_MS, speed: Infinity });
  cloud = new EmbeddedCloud({ clock });
  const routes = controlRoutes(cloud);
  api = await serve({ handle: (incoming) => cloud.handle(incoming), port: 0 });
  control = await serve({ handle: async (incoming) => routes.fetch(incoming), port: 0 });
});

afterEach(async () => {
  await Promise.all([api, control].map((listening) => listening[Symbol.asyncDispose]()));
  clock.stop();
});

interface Answer<T> {
  status: number;
  body: T;
}

/** A call of the control port. A text is sent as it is, anything else as JSON. */
async function ask<T = { error: string }>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(control.url + path, { method, headers, ...(body !== undefined && { body: text }) });
  return { status: response.status, body: (await response.json()) as T };
}

const addFault = async (fault: z.input<typeof Fault>) => {
  expect((await ask('POST', '/faults', fault)).status).toBe(200);
};

/** What a client meets who ships a log line without a token: a status, or the code of its socket's error. */
async function ship(path = LINES): Promise<number | string> {
  try {
    const response = await fetch(api.url + path, { method: 'POST', body: '[]' });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return ((error as Error).cause as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

interface State {
  iam: { apiKeys: { id: string; value?: string }[] };
  logs: { refused: { logs: number; 'logs-router': number } };
  calls: { total: number; lines: number };
}

const state = async (query = '') => (await ask<State>('GET', `/state${query}`)).body;

/** How many lines had the effect of being counted as refused. */
const refusedCount = async () => (await state()).logs.refused.logs;

describe('faults', () => {
  it('of a status answer with it, once, and the call has no effect', async () => {
    await addFault({ match: `POST ${LINES}`, status: 503 });
    expect([await ship(), await refusedCount(), await ship(), await refusedCount()]).toEqual([503, 0, 401, 1]);
  });

  it('of a status tell that they are injected, and when to come again', async () => {
    await addFault({ match: `POST ${LINES}`, status: 429, retryAfterSeconds: 7 });
    const response = await fetch(api.url + LINES, { method: 'POST' });
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.json()).toMatchObject({ errors: [{ code: 'injected_fault' }] });
  });

  it('of a status after the effect let the call take effect first', async () => {
    await addFault({ match: `POST ${LINES}`, status: 500, afterEffect: true });
    expect([await ship(), await refusedCount()]).toEqual([500, 1]);
  });

  it.each([
    [{ drop: 'request' as const }, 0, 'reset'],
    [{ drop: 'answer' as const }, 1, 'reset'],
    [{ refuse: true }, 0, 'refused'],
  ])('of a lost connection, %j, give no answer', async (trouble, effects, outcome) => {
    await addFault({ match: 'POST /v1/serviceids', ...trouble });
    await addFault({ match: `POST ${LINES}`, ...trouble });
    expect(await ship('/v1/serviceids')).toBe('UND_ERR_SOCKET');
    expect(await ship()).toBe('UND_ERR_SOCKET');
    expect(await refusedCount()).toBe(effects);
    const { body: calls } = await ask<{ path: string; outcome: unknown }[]>('GET', '/calls');
    expect(calls).toMatchObject([{ path: '/v1/serviceids', outcome }]);
  });

  it('last for as many calls as they say', async () => {
    await addFault({ match: `POST ${LINES}`, status: 503, times: 2 });
    expect((await ask('GET', '/faults')).body).toMatchObject([{ times: 2, left: 2, status: 503 }]);
    expect(await ship()).toBe(503);
    expect((await ask('GET', '/faults')).body).toMatchObject([{ times: 2, left: 1 }]);
    expect([await ship(), await ship()]).toEqual([503, 401]);
    expect((await ask('GET', '/faults')).body).toEqual([]);
  });

  it('come in the order in which they were asked for, each for the calls that match', async () => {
    await addFault({ match: 'GET /elsewhere', status: 500 });
    await addFault({ match: `POST ${LINES}`, status: 501 });
    await addFault({ match: '* /**', status: 502 });
    expect([await ship(), await ship(), await ship()]).toEqual([501, 502, 401]);
  });

  it.each([
    ['* /logs/v1/singles', true],
    ['POST /*/v1/singles', true],
    ['POST /logs/**', true],
    ['POST /**/singles', true],
    ['POST /logs/*', false],
    ['GET /logs/v1/singles', false],
    ['POST /logs/v1', false],
    ['POST /logs/v1/singles/', false],
    ['POST /logs.v1/singles', false],
  ])('match %s: %j', async (match, matches) => {
    await addFault({ match, status: 418 });
    expect(await ship()).toBe(matches ? 418 : 401);
  });

  it('are all gone after a DELETE', async () => {
    await addFault({ match: '* /**', status: 500, times: 99 });
    expect(await ask('DELETE', '/faults')).toEqual({ status: 200, body: [] });
    expect(await ship()).toBe(401);
  });

  it.each([
    ['no JSON', 'not JSON', '(body)'],
    ['nothing', undefined, '(body)'],
    ['no match', { status: 500 }, 'match'],
    ['a method in lower case', { match: 'post /x', status: 500 }, 'match'],
    ['a path without a slash', { match: 'POST x', status: 500 }, 'match'],
    ['a status that is no failure', { match: 'POST /x', status: 200 }, 'status'],
    ['a status that says that nothing changed', { match: 'POST /x', status: 304 }, 'status'],
    ['a redirect to nowhere', { match: 'POST /x', status: 302 }, '(body)'],
    ['a place with a failure', { match: 'POST /x', status: 500, location: 'https://x.example/' }, '(body)'],
    ['a place that is none', { match: 'POST /x', status: 302, location: 'there' }, 'location'],
    ['no trouble', { match: 'POST /x' }, '(body)'],
    ['two kinds of trouble', { match: 'POST /x', status: 500, refuse: true }, '(body)'],
    ['an unknown drop', { match: 'POST /x', drop: 'both' }, 'drop'],
    ['no times', { match: 'POST /x', status: 500, times: 0 }, 'times'],
    ['a negative delay', { match: 'POST /x', delayMs: -1 }, 'delayMs'],
    ['a delay of more than a year', { match: 'POST /x', delayMs: 365 * 86_400_000 + 1 }, 'delayMs'],
    ['an unknown field', { match: 'POST /x', status: 500, delay: 1 }, '(body)'],
  ])('are refused with %s', async (_, fault, path) => {
    const { status, body } = await ask('POST', '/faults', fault);
    expect([status, body.error.split(':')[0]]).toEqual([400, path]);
    expect((await ask('GET', '/faults')).body).toEqual([]);
  });
});

describe('faults of time', () => {
  let admin: Admin;
  beforeEach(async () => {
    await clock.advanceTo(START_MS + 60_000); // the owner's key is as fresh as the account; dates of IAM are in minutes
    admin = new Admin((outgoing) => fetch(outgoing), api.url, cloud.account.id, cloud.iam.adminApiKey);
    await admin.createServiceId('first', 'Logs the owner in.');
  });

  /** When a service ID says that it was created, and when the answer came, in milliseconds from the call. */
  async function create(): Promise<{ effectMs: number; answerMs: number }> {
    const startMs = clock.nowMs();
    const body = { account_id: cloud.account.id, name: 'second' };
    const created = await admin.request('POST', '/v1/serviceids', body);
    const effectMs = Date.parse(String(created['created_at'])) - startMs;
    return { effectMs, answerMs: clock.nowMs() - startMs };
  }

  it('hold an answer back, in virtual time', async () => {
    await addFault({ match: 'POST /v1/serviceids', delayMs: 3_600_000 });
    expect(await create()).toEqual({ effectMs: 0, answerMs: 3_600_000 });
  });

  it('let the call itself take effect late', async () => {
    await addFault({ match: 'POST /v1/serviceids', lateMs: 120_000, delayMs: 2_000 });
    expect(await create()).toEqual({ effectMs: 120_000, answerMs: 122_000 });
    const { body: calls } = await ask<{ path: string; tookMs: number }[]>('GET', '/calls');
    expect(calls.at(-1)).toMatchObject({ path: '/v1/serviceids', outcome: 201, tookMs: 122_000 });
  });

  it('delay other trouble, too', async () => {
    await addFault({ match: 'POST /v1/serviceids', delayMs: 4_000, status: 503 });
    const startMs = clock.nowMs();
    await expect(create()).rejects.toThrow('503');
    expect(clock.nowMs() - startMs).toBe(4_000);
  });

  it('do not hold time: others are served meanwhile', async () => {
    await addFault({ match: `POST ${LINES}`, delayMs: 60_000 });
    const slow = ship();
    const hourly: number[] = [];
    clock.at(clock.nowMs() + 30_000, () => void hourly.push(clock.nowMs()));
    expect(await slow).toBe(401);
    expect(hourly).toHaveLength(1);
  });
});

interface ClockState {
  nowMs: number;
  now: string;
  speed: number | 'max';
}

describe('the clock', () => {
  const tell = async () => (await ask<ClockState>('GET', '/clock')).body;

  it('tells the time in numbers and words, and its speed', async () => {
    expect(await ask('GET', '/clock')).toEqual({
      status: 200,
      body: { nowMs: START_MS, now: '2026-11-20T00:00:00.000Z', speed: 'max' },
    });
  });

  it('moves to a moment or by a time, and runs what is due on the way', async () => {
    await ask('POST', '/clock', { speed: 0 });
    const rang: number[] = [];
    for (const afterMs of [400, 1_500, 9_000]) clock.at(START_MS + afterMs, () => void rang.push(afterMs));
    expect((await ask<ClockState>('POST', '/clock', { advanceMs: 1_000 })).body.nowMs).toBe(START_MS + 1_000);
    expect(rang).toEqual([400]);
    expect((await ask<ClockState>('POST', '/clock', { nowMs: START_MS + 2_000 })).body.nowMs).toBe(START_MS + 2_000);
    expect(rang).toEqual([400, 1_500]);
    expect(await tell()).toMatchObject({ nowMs: START_MS + 2_000, speed: 0 });
  });

  it.each([0, 0.5, 1, 86_400, 'max'] as const)('takes the speed %j', async (speed) => {
    expect((await ask<ClockState>('POST', '/clock', { speed })).body.speed).toBe(speed);
    expect((await tell()).speed).toBe(speed);
  });

  it.each([
    ['no JSON', 'not JSON'],
    ['nothing', undefined],
    ['an empty object', {}],
    ['two wishes', { advanceMs: 1, speed: 1 }],
    ['a time that is past', { nowMs: START_MS - 1 }],
    ['a step back', { advanceMs: -1 }],
    ['a time that is not whole', { nowMs: START_MS + 0.5 }],
    ['a negative speed', { speed: -1 }],
    ['a speed in words', { speed: 'fast' }],
    ['an unknown field', { byMs: 1 }],
    ['a moment without a date', { nowMs: 8_640_000_000_000_000 }],
    ['a moment after the year 9999', { nowMs: LAST_MS + 1 }],
    ['a step beyond it', { advanceMs: 9_000_000_000_000_000 }],
    ['a speed beyond measure', { speed: 1e300 }],
    ['a speed of more than a billion', { speed: 1e9 + 1 }],
  ])('refuses %s', async (_, change) => {
    const { status, body } = await ask('POST', '/clock', change);
    expect([status, typeof body.error]).toEqual([400, 'string']);
    expect(await tell()).toMatchObject({ nowMs: START_MS, speed: 'max' });
  });
});

describe('the clock at the end of the year 9999', () => {
  it('stands, however fast it went, and still answers', async () => {
    clock.at(LAST_MS + 1, () => expect.unreachable());
    expect((await ask<ClockState>('POST', '/clock', { nowMs: LAST_MS - 5 })).body.now).toBe('9999-12-31T23:59:59.994Z');
    await ask('POST', '/clock', { speed: 1e9 });
    await vi.waitFor(async () => {
      expect((await ask<ClockState>('GET', '/clock')).body).toMatchObject({ nowMs: LAST_MS, speed: 1e9 });
    });
    await ask('POST', '/clock', { speed: 'max' });
    expect((await ask<ClockState>('GET', '/clock')).body).toMatchObject({ nowMs: LAST_MS, speed: 'max' });
    expect((await ask('POST', '/clock', { advanceMs: 1 })).status).toBe(400);
    expect(await ship()).toBe(401);
  });
});

describe('the clock while a request moves it', () => {
  it('refuses to be moved by another with 409, and can be looked at', async () => {
    const due = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    clock.at(START_MS + 500, async () => {
      due.resolve();
      await held.promise;
    });
    const moved = ask<ClockState>('POST', '/clock', { advanceMs: 1_000 });
    await due.promise;
    for (const change of [{ advanceMs: 1 }, { nowMs: START_MS + 5_000 }]) {
      const { status, body } = await ask('POST', '/clock', change);
      expect([status, body.error]).toEqual([409, expect.stringContaining('another request')]);
    }
    expect((await ask<ClockState>('GET', '/clock')).body.nowMs).toBe(START_MS + 500);
    held.resolve();
    expect((await moved).body.nowMs).toBe(START_MS + 1_000);
    expect((await ask('POST', '/clock', { advanceMs: 1 })).status).toBe(200);
  });
});

describe('a limit of the speed', () => {
  const speedNow = async () => (await ask<ClockState>('GET', '/clock')).body.speed;
  const speedIs = (speed: ClockState['speed']) => vi.waitFor(async () => expect(await speedNow()).toBe(speed), 5_000);

  /** Opens a limit. Resolves, once it holds, with what it says and how to break the connection. */
  function limit(speed: number): Promise<{ says: ClockState; end: () => void }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ says: ClockState; end: () => void }>();
    const headers = { 'content-type': 'application/json' };
    const outgoing = request(`${control.url}/clock/limit`, { method: 'POST', headers }, (incoming) => {
      const lines = createInterface({ input: incoming.on('error', () => undefined) });
      const end = () => void outgoing.destroy();
      lines.on('error', () => undefined).once('line', (line) => resolve({ says: JSON.parse(line) as ClockState, end }));
    });
    outgoing.on('error', reject).end(JSON.stringify({ speed }));
    return promise;
  }

  it('holds for as long as its connection is open', async () => {
    await ask('POST', '/clock', { speed: 1_000 });
    const { says, end } = await limit(10);
    expect(says.speed).toBe(10);
    expect(await speedNow()).toBe(10);
    end();
    await speedIs(1_000);
  });

  it('is the slowest of all that hold', async () => {
    await ask('POST', '/clock', { speed: 'max' });
    const [first, second] = [await limit(10), await limit(1_000)];
    expect(await speedNow()).toBe(10);
    first.end();
    await speedIs(1_000);
    const third = await limit(5_000);
    expect(await speedNow()).toBe(1_000);
    second.end();
    await speedIs(5_000);
    third.end();
    await speedIs('max');
  });

  it('stays below a speed that is asked for meanwhile', async () => {
    await ask('POST', '/clock', { speed: 1_000 });
    const { end } = await limit(10);
    expect((await ask<ClockState>('POST', '/clock', { speed: 5_000 })).body.speed).toBe(10);
    expect((await ask<ClockState>('POST', '/clock', { speed: 2 })).body.speed).toBe(2);
    end();
    await speedIs(2);
  });

  it('stays below a speed that the clock is given by its owner', async () => {
    const { end } = await limit(10);
    cloud.clock.speed = 5_000;
    expect(await speedNow()).toBe(10);
    end();
    await speedIs(5_000);
  });

  it('is lifted also when its connection breaks before the answer', async () => {
    await ask('POST', '/clock', { speed: 1_000 });
    for (let turns = 0; turns < 20; turns += 1) {
      const outgoing = request(`${control.url}/clock/limit`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      });
      outgoing.on('error', () => undefined).end(JSON.stringify({ speed: 10 }));
      const socket = await new Promise<{ destroy: () => void }>((resolve) => {
        outgoing.once('socket', (found) => found.once('connect', () => resolve(found)));
      });
      for (let turn = 0; turn < turns; turn += 1) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      socket.destroy();
    }
    (await limit(500)).end();
    await speedIs(1_000);
    expect(await speedNow()).toBe(1_000);
  });

  it.each([undefined, {}, { speed: 0 }, { speed: 'max' }, { speed: -1 }, { speed: 1e300 }, { speed: 1, forMs: 5 }])(
    'is refused as %j',
    async (wish) => {
      expect((await ask('POST', '/clock/limit', wish)).status).toBe(400);
    },
  );
});

describe('switches', () => {
  it('are told, and changed one by one', async () => {
    expect((await ask('GET', '/switches')).body).toMatchObject({
      unknownKeyLoginStatus: 400,
      firstLoginDelayMs: 2_000,
    });
    const { status, body } = await ask('POST', '/switches', { unknownKeyLoginStatus: 401 });
    expect([status, body]).toMatchObject([200, { unknownKeyLoginStatus: 401, firstLoginDelayMs: 2_000 }]);
    const form = new URLSearchParams({ grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: 'unknown' });
    const login = await fetch(`${api.url}/identity/token`, { method: 'POST', body: form });
    expect(login.status).toBe(401);
  });

  it.each([
    [{ noSuchSwitch: true }, '(body)'],
    [{ unknownKeyLoginStatus: 404 }, 'unknownKeyLoginStatus'],
    [{ firstLoginDelayMs: -1 }, 'firstLoginDelayMs'],
    [null, '(body)'],
    ['"abc"', '(body)'],
    ['[]', '(body)'],
    ['{"firstLoginDelayMs":', '(body)'],
    [undefined, '(body)'],
  ])('are not changed by %j', async (change, path) => {
    const before = (await ask('GET', '/switches')).body;
    const { status, body } = await ask('POST', '/switches', change);
    expect([status, body.error.split(':')[0]]).toEqual([400, path]);
    expect((await ask('GET', '/switches')).body).toEqual(before);
  });
});

describe('a look at everything', () => {
  it('shows values only where they are asked for', async () => {
    const owner = cloud.iam.adminApiKey;
    expect(JSON.stringify(await state())).not.toContain(owner);
    expect(JSON.stringify(await state('?values=false'))).not.toContain(owner);
    expect((await state('?values=true')).iam.apiKeys.map((key) => key.value)).toContain(owner);
  });

  it('lists the calls, and from a number on', async () => {
    for (const path of ['/v1/apikeys', '/v1/serviceids', '/v1/policies']) await fetch(`${api.url}${path}?limit=2`);
    const { body: all } = await ask<{ n: number; path: string; query: string; outcome: number }[]>('GET', '/calls');
    expect(all).toMatchObject([
      { n: 1, path: '/v1/apikeys', query: '?limit=2', outcome: 401 },
      { n: 2, path: '/v1/serviceids' },
      { n: 3, path: '/v1/policies' },
    ]);
    expect((await ask('GET', '/calls?from=3')).body).toEqual(all.slice(2));
    expect((await ask('GET', '/calls?from=4')).body).toEqual([]);
  });

  it.each([
    ['/calls?from=abc', 'from'],
    ['/calls?from=0', 'from'],
    ['/calls?from=1&from=2', 'from'],
    ['/calls?until=5', 'until'],
    ['/state?values=yes', 'values'],
    ['/state?value=true', 'value'],
    ['/clock?speed=5', 'speed'],
  ])('refuses %s', async (path, parameter) => {
    const { status, body } = await ask('GET', path);
    expect([status, body.error.split(':')[0]]).toEqual([400, parameter]);
  });
});

describe('a reset', () => {
  it('goes back to the account of the start, without faults, while time goes on', async () => {
    await ask('POST', '/clock', { advanceMs: 60_000 });
    const owner = cloud.iam.adminApiKey;
    const admin = new Admin((outgoing) => fetch(outgoing), api.url, cloud.account.id, owner);
    const { iamId } = await admin.createServiceId('agent', 'Sends logs.');
    const made = await admin.request('POST', '/v1/apikeys', {
      name: 'made',
      iam_id: iamId,
      account_id: cloud.account.id,
    });
    await addFault({ match: '* /**', status: 500, times: 99 });
    const { status, body } = await ask<{ adminApiKey: string }>('POST', '/reset');
    expect(status).toBe(200);
    expect((await ask('GET', '/faults')).body).toEqual([]);
    expect((await ask('GET', '/calls')).body).toEqual([]);
    expect((await ask<ClockState>('GET', '/clock')).body.nowMs).toBeGreaterThanOrEqual(START_MS + 60_000);
    const after = await state('?values=true');
    expect(after.iam.apiKeys.map((key) => key.value)).toEqual([body.adminApiKey]);
    expect(after.iam.apiKeys.map((key) => key.id)).not.toContain(made['id']);
    await ask('POST', '/clock', { advanceMs: 60_000 });
    await expect(logInWithKey((outgoing) => fetch(outgoing), api.url, body.adminApiKey)).resolves.toMatch(/^ey/);
  });

  it('leaves nothing behind that still waits to be told', async () => {
    await ask('POST', '/clock', { speed: 0 });
    const owner = cloud.iam.adminApiKey;
    const admin = new Admin((outgoing) => fetch(outgoing), api.url, cloud.account.id, owner);
    await admin.request('POST', '/api/v2/notifications/registration', {
      event_notifications_instance_crn: `crn:v1:bluemix:public:event-notifications:us-south:a/${cloud.account.id}:en::`,
      event_notifications_source_name: 'secrets',
    });
    await admin.request('POST', '/api/v2/secrets', { secret_type: 'arbitrary', name: 'one', payload: 'x' });
    expect(clock.nextEventMs).not.toBeNull();
    await ask('POST', '/reset');
    expect(clock.nextEventMs).toBeNull();
  });
});

describe('compute-resource tokens', () => {
  it('are issued for a resource', async () => {
    const resource = { crn: 'crn:v1:bluemix:public:codeengine:us-south:a/1:2::', componentType: 'function' };
    const { status, body } = await ask<{ token: string }>('POST', '/compute-resource-tokens', {
      ...resource,
      componentName: 'rotate-keys',
    });
    expect([status, body.token.length > 20]).toEqual([200, true]);
    expect((await ask('POST', '/compute-resource-tokens', resource)).status).toBe(400);
  });
});

describe('other parties', () => {
  const arrivals: { path: string; headers: Headers; body: string }[] = [];
  beforeEach(() => {
    arrivals.length = 0;
    cloud.deliver = async (request) => {
      const { pathname } = new URL(request.url);
      arrivals.push({ path: pathname, headers: request.headers, body: await request.text() });
      return new Response();
    };
  });
  const URL_OF_HOOK = 'https://hook.example/hook';

  it('subscribe to events, which anybody can send, and end that', async () => {
    const path = '/event-notifications/subscriptions';
    const wish = { url: URL_OF_HOOK, headers: { authorization: 'Bearer hush' }, types: ['alert'] };
    const { status, body } = await ask<object[]>('POST', path, wish);
    const shown = { url: URL_OF_HOOK, headers: ['authorization'], types: ['alert'], destination: 'webhook' };
    expect([status, body]).toMatchObject([200, [shown]]);
    expect((await ask('GET', path)).body).toEqual(body);
    const event = { source: 'a source', type: 'alert:raised', data: { a: 1 }, id: 'one' };
    const sent = await ask<{ eventId: string; notificationId: string }>('POST', '/event-notifications/events', event);
    expect(sent).toMatchObject({ status: 200, body: { eventId: 'one' } });
    await clock.advanceTo(clock.nowMs());
    const { notificationId } = sent.body;
    expect(arrivals.map((one) => JSON.parse(one.body) as object)).toMatchObject([{ notification_id: notificationId }]);
    expect(arrivals[0]?.headers.get('authorization')).toBe('Bearer hush');
    expect(await ask('DELETE', path)).toEqual({ status: 200, body: [] });
    await ask('POST', '/event-notifications/events', event);
    await clock.advanceTo(clock.nowMs());
    expect(arrivals).toHaveLength(1);
  });

  it('leak secrets on GitHub, of which webhooks are told, again on demand', async () => {
    const hook = await ask<{ id: number }>('POST', '/github/hooks', { url: URL_OF_HOOK, secret: 'hush' });
    expect(hook).toEqual({ status: 200, body: { id: expect.any(Number) as number } });
    const leak = { repository: 'octo-org/service', secretType: 'ours', secret: 'leaked' };
    expect(await ask('POST', '/github/leaks', leak)).toEqual({ status: 200, body: { number: 1 } });
    await clock.advanceTo(clock.nowMs());
    const ids = arrivals.map(({ headers }) => headers.get('x-github-delivery'));
    expect(ids).toHaveLength(3);
    const again = { deliveryId: ids[1] };
    expect(await ask('POST', '/github/redeliveries', again)).toEqual({ status: 200, body: again });
    await clock.advanceTo(clock.nowMs());
    expect(arrivals.at(-1)?.headers.get('x-github-delivery')).toBe(ids[1]);
  });

  it.each([
    ['/event-notifications/subscriptions', { url: 'ftp://x.example/' }, 'url'],
    ['/event-notifications/subscriptions', { url: URL_OF_HOOK, types: [] }, 'types'],
    ['/event-notifications/events', { source: 'a', type: '', data: {} }, 'type'],
    ['/github/hooks', { url: URL_OF_HOOK }, 'secret'],
    ['/github/leaks', { repository: 'service', secretType: 'ours', secret: 'leaked' }, 'repository'],
    ['/github/redeliveries', { deliveryId: 'x' }, 'deliveryId'],
  ])('are refused at %s for %o', async (path, body, property) => {
    const refused = await ask('POST', path, body);
    expect([refused.status, refused.body.error.split(':')[0]]).toEqual([400, property]);
  });
});

describe('the control port', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/nothing'],
    ['PUT', '/faults'],
    ['DELETE', '/clock'],
    ['GET', '/reset'],
    ['POST', '/state'],
    ['GET', '/v1/apikeys'],
  ])('has no %s %s', async (method, path) => {
    const { status, body } = await ask(method, path);
    expect(status).toBe(404);
    expect(body.error).toContain(`${method} ${path}`);
  });

  it('answers in JSON also when it fails, and says why on standard error', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      vi.spyOn(cloud, 'snapshot').mockImplementation(() => {
        throw new TypeError('a flaw');
      });
      const { status, body } = await ask('GET', '/state');
      expect([status, body.error]).toEqual([500, expect.not.stringContaining('a flaw')]);
      expect(written.mock.calls.join('')).toContain('a flaw');
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('is no part of the APIs', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      for (const path of ['/faults', '/clock', '/state', '/calls', '/switches']) {
        expect((await fetch(api.url + path)).status).toBe(501);
      }
    } finally {
      vi.restoreAllMocks();
    }
  });
});
