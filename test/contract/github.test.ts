import { sign, verify } from '@octokit/webhooks-methods';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import { IamCloud } from './support/iam-cloud.ts';
import { Receiver } from './support/receiver.ts';

const HOOK = { url: 'https://hook.example/github', secret: "It's a Secret to Everybody" };
const LEAK = { repository: 'octo-org/service', secretType: 'ibm_api_key_of_ours', secret: 'hush-hush-hush' };
const DAY_MS = 86_400_000;

let world: IamCloud;
let receiver: Receiver;

beforeEach(async () => {
  world = await IamCloud.start();
  receiver = new Receiver(world.clock);
  world.cloud.deliver = receiver.deliver;
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  world.clock.stop();
});

interface Answer {
  status: number;
  body: Record<string, unknown> & { message?: string };
}

async function call(method: string, path: string, body?: unknown, more: object = {}): Promise<Answer> {
  const authorization = `Bearer ${world.cloud.github.token}`;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { authorization, 'content-type': 'application/json', 'user-agent': 'a test', ...more };
  const request = new Request(`${world.url}/repos/${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: text }),
  });
  const response = await world.cloud.handle(request);
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

const ALERT = 'octo-org/service/secret-scanning/alerts/1';
const read = (query = '', path = ALERT) => call('GET', `${path}${query}`);
const update = (body: unknown) => call('PATCH', ALERT, body);
const REVOKED = { state: 'resolved', resolution: 'revoked', resolution_comment: 'Replaced.' };

describe('an alert', () => {
  it('is read with the secret, or without it', async () => {
    world.cloud.github.leak(LEAK);
    const { status, body } = await read();
    expect([status, body]).toMatchObject([
      200,
      {
        number: 1,
        state: 'open',
        resolution: null,
        secret_type: 'ibm_api_key_of_ours',
        secret: 'hush-hush-hush',
        validity: 'unknown',
        publicly_leaked: false,
      },
    ]);
    expect((await read('?hide_secret=false')).body).toEqual(body);
    const { secret: _, ...rest } = body;
    expect((await read('?hide_secret=true')).body).toEqual(rest);
  });

  it('is found whatever the case of its repository, and nowhere else', async () => {
    world.cloud.github.leak(LEAK);
    expect((await read('', 'Octo-Org/SERVICE/secret-scanning/alerts/1')).status).toBe(200);
    const elsewhere = ['other/service', 'octo-org/other'].map((name) => `${name}/secret-scanning/alerts/1`);
    for (const path of [...elsewhere, ALERT.replace(/1$/, '2'), ALERT.replace(/1$/, 'x')]) {
      expect([path, await read('', path)]).toMatchObject([path, { status: 404, body: { message: 'Not Found' } }]);
      expect([path, (await call('PATCH', path, REVOKED)).status]).toEqual([path, 404]);
    }
  });

  it('has numbers of its own in each repository', () => {
    const { github } = world.cloud;
    const numbers = ['a/a', 'a/b', 'A/a'].map((repository) => github.leak({ ...LEAK, repository }).number);
    expect(numbers).toEqual([1, 1, 2]);
    expect(() => github.leak({ ...LEAK, repository: 'a' })).toThrow('owner/name');
  });

  it('is shown to nobody without the token, and to nobody who does not say what program calls', async () => {
    world.cloud.github.leak(LEAK);
    for (const method of ['GET', 'PATCH']) {
      const bad = await call(method, ALERT, undefined, { authorization: 'Bearer other' });
      expect(bad).toMatchObject({ status: 401, body: { message: 'Bad credentials' } });
      const none = await call(method, ALERT, undefined, { authorization: '' });
      expect(none.status).toBe(401);
      expect((await call(method, ALERT, undefined, { 'user-agent': '' })).status).toBe(403);
    }
  });

  it('is resolved with a resolution and a comment', async () => {
    world.cloud.github.leak(LEAK);
    const { status, body } = await update(REVOKED);
    expect([status, body]).toMatchObject([200, { ...REVOKED, number: 1, resolved_by: { type: 'User' } }]);
    expect((await read()).body).toEqual(body);
  });

  it.each([
    ['no state', { resolution: 'revoked' }],
    ['an unknown state', { state: 'closed', resolution: 'revoked' }],
    ['no resolution', { state: 'resolved' }],
    ['a resolution that only GitHub gives', { state: 'resolved', resolution: 'pattern_deleted' }],
    ['a resolution of an open one', { state: 'open', resolution: 'revoked' }],
    ['a comment of an open one', { state: 'open', resolution_comment: 'why' }],
    ['an unknown field', { ...REVOKED, colour: 'red' }],
    ['a list', []],
  ])('is not updated with %s', async (_, body) => {
    world.cloud.github.leak(LEAK);
    expect((await update(body)).status).toBe(422);
    expect((await read()).body['state']).toBe('open');
  });

  it('is not updated with what is no JSON', async () => {
    world.cloud.github.leak(LEAK);
    expect(await update('{')).toMatchObject({ status: 400, body: { message: 'Problems parsing JSON' } });
  });

  it.each([400, 200] as const)('answers %i to what it is already, as a switch says', async (status) => {
    world.cloud.switches.repeatedResolutionStatus = status;
    world.cloud.github.leak(LEAK);
    await update(REVOKED);
    expect((await update(REVOKED)).status).toBe(status);
    expect((await update({ ...REVOKED, resolution: 'wont_fix' })).status).toBe(200);
  });

  it('is open again as it was before', async () => {
    world.cloud.github.leak(LEAK);
    const { body } = await read();
    await update(REVOKED);
    const { status } = await update({ state: 'open', resolution: null, resolution_comment: null });
    expect([status, (await read()).body]).toEqual([200, { ...body, updated_at: expect.any(String) as string }]);
  });
});

interface Payload {
  action: string;
  alert: Record<string, unknown>;
  repository: { full_name: string };
}

const told = () =>
  receiver.arrivals.map(({ headers, body }) => [headers.get('x-github-event'), (JSON.parse(body) as Payload).action]);

describe('a webhook', () => {
  it('is pinged first, and told of each alert and its place, signed, without the secret', async () => {
    world.cloud.github.addHook(HOOK);
    await world.pass(0);
    world.cloud.github.leak({ ...LEAK, publiclyLeaked: true, path: 'deploy/settings.env' });
    await world.pass(0);
    expect(told()).toEqual([
      ['ping', undefined],
      ['secret_scanning_alert', 'created'],
      ['secret_scanning_alert_location', 'created'],
    ]);
    for (const { body, headers } of receiver.arrivals) {
      const signature = headers.get('x-hub-signature-256') ?? '';
      expect([signature, headers.get('content-type')]).toEqual([await sign(HOOK.secret, body), 'application/json']);
      expect(await verify(HOOK.secret, body, signature)).toBe(true);
      expect(await verify('another', body, signature)).toBe(false);
      expect(body).not.toContain('hush');
    }
    const payload = JSON.parse(receiver.arrivals[1]?.body ?? '') as Payload;
    expect(payload).toMatchObject({
      alert: { number: 1, secret_type: LEAK.secretType, publicly_leaked: true },
      repository: { full_name: LEAK.repository, private: true },
    });
    expect(payload.alert).not.toHaveProperty('secret');
    expect(receiver.bodies().at(-1)).toMatchObject({ location: { details: { path: 'deploy/settings.env' } } });
    expect(new Set(receiver.arrivals.map(({ headers }) => headers.get('x-github-delivery'))).size).toBe(3);
  });

  it('is not signed where it has no secret', async () => {
    world.cloud.github.addHook({ ...HOOK, secret: null });
    await world.pass(0);
    expect(receiver.arrivals[0]?.headers.get('x-hub-signature-256')).toBeNull();
  });

  it('is told of what becomes of an alert, by whomever', async () => {
    world.cloud.github.leak(LEAK);
    world.cloud.github.addHook(HOOK);
    await world.pass(0);
    receiver.arrivals.length = 0;
    world.cloud.github.learn(LEAK.repository, 1, 'validated');
    world.cloud.github.learn(LEAK.repository, 1, 'publicly_leaked');
    await update(REVOKED);
    await update({ ...REVOKED, resolution: 'wont_fix' });
    await update({ state: 'open' });
    await world.pass(0);
    expect(told().map(([, action]) => action)).toEqual(['validated', 'publicly_leaked', 'resolved', 'reopened']);
    expect((await read()).body).toMatchObject({ validity: 'active', publicly_leaked: true });
    expect(() => world.cloud.github.learn(LEAK.repository, 2, 'validated')).toThrow('no alert 2');
  });

  it.each([500, 302, 'a lost connection', 'silence'] as const)(
    'gets each event once, whatever it answers: %s',
    async (what) => {
      const hold = async () => {
        await world.clock.sleep(60_000);
        return new Response();
      };
      const lost = () => Promise.reject(new Error('reset'));
      receiver.willAnswer(what === 'silence' ? hold : what === 'a lost connection' ? lost : what);
      world.cloud.github.addHook(HOOK);
      await world.pass(DAY_MS);
      expect(receiver.arrivals).toHaveLength(1);
      expect(world.cloud.github.deliveries).toMatchObject([{ statuses: [typeof what === 'number' ? what : null] }]);
    },
  );

  it('has 10 seconds to answer', async () => {
    const after = (delayMs: number) => async () => {
      await world.clock.sleep(delayMs);
      return new Response();
    };
    receiver.willAnswer(after(9_999), after(10_001));
    world.cloud.github.addHook(HOOK);
    world.cloud.github.addHook(HOOK);
    await world.pass(DAY_MS);
    expect(world.cloud.github.deliveries.map(({ statuses }) => statuses)).toEqual([[200], [null]]);
  });

  it('gets a delivery again by hand, the same one, for three days', async () => {
    const records: AuditRecord[] = [];
    world.cloud.audit.watch((record) => records.push(record));
    receiver.willAnswer(500);
    world.cloud.github.addHook(HOOK);
    await world.pass(3 * DAY_MS);
    const [{ id } = { id: '' }] = world.cloud.github.deliveries;
    world.cloud.github.redeliver(id);
    await world.pass(1);
    const [first, second] = receiver.arrivals.map(({ headers, body }) => ({ headers: [...headers], body }));
    expect(second).toEqual(first);
    const request = world.cloud.github.requestOf(id);
    expect({ headers: [...request.headers], body: await request.text() }).toEqual(first);
    expect(world.cloud.github.deliveries).toMatchObject([{ id, statuses: [500, 204] }]);
    expect(() => world.cloud.github.redeliver(id)).toThrow('three days');
    expect(() => world.cloud.github.redeliver('x')).toThrow('no delivery x');
    const about = { action: 'webhook.send', deliveryId: id, event: 'ping', about: null };
    expect(records).toMatchObject([
      { ...about, status: 500 },
      { ...about, status: 204 },
    ]);
  });

  it('gets nothing more after a reset', async () => {
    world.cloud.github.addHook(HOOK);
    world.cloud.reset();
    world.cloud.github.leak(LEAK);
    await world.pass(DAY_MS);
    expect(receiver.arrivals).toEqual([]);
  });
});

it('what was leaked shows in the state on demand only, and in no call and no audit', async () => {
  const records: AuditRecord[] = [];
  world.cloud.audit.watch((record) => records.push(record));
  world.cloud.github.addHook(HOOK);
  world.cloud.github.leak(LEAK);
  await update(REVOKED);
  await world.pass(0);
  const { token } = world.cloud.github;
  const texts = [world.cloud.snapshot({ withValues: true }), world.cloud.snapshot({ withValues: false }), records];
  const shown = texts.map((value) => ['hush', token, HOOK.secret].map((text) => JSON.stringify(value).includes(text)));
  expect(shown).toEqual([
    [true, true, false],
    [false, false, false],
    [false, false, false],
  ]);
  expect(world.cloud.calls.list().at(-1)).toMatchObject({ path: `/repos/${ALERT}`, outcome: 200 });
});
