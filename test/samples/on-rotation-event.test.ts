import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { RotationEvents, serverOf } from '../../docs/samples/on-rotation-event.ts';
import type { Delivery, RotationEventsOptions } from '../../docs/samples/on-rotation-event.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { noticeId } from '../../shared/notices/notice.ts';
import type { Notice } from '../../shared/notices/notice.ts';
import { webhookBody, webhookHeaders } from '../../shared/notices/standard-webhook.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { inProcess } from '../support/in-process.ts';
import { notice } from '../support/receivers.ts';
import { minted } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { wholeTick } from '../support/whole-tick.ts';
import { LINES, logAgent, workloadLogin } from './consumer.ts';

const ORIGIN = 'http://127.0.0.1:1';
const NOW_MS = Date.UTC(2026, 10, 20, 3);
const secretOf = (letter: string) => `whsec_${Buffer.alloc(32, letter).toString('base64')}`;
const [CURRENT, FORMER] = [secretOf('c'), secretOf('f')];
const HEADER = 'made-up-header-value-of-32-letters';
const SECRET = { id: '11111111-2222-4333-8444-555555555555', name: 'logs-ingest' };

/** A receiver, and how often it said that there is a new key. */
function receiving(changes: Partial<RotationEventsOptions> = {}) {
  const heard = { count: 0 };
  const events = new RotationEvents({
    secret: SECRET,
    noticeSecrets: [CURRENT, FORMER],
    eventSecrets: [HEADER],
    onNewKey: () => {
      heard.count += 1;
    },
    nowMs: () => NOW_MS,
    ...changes,
  });
  return { events, heard };
}

/** A notice as the product signs and sends it. */
function delivered(changes: Partial<Notice> = {}, { secrets = [CURRENT], sentMs = NOW_MS } = {}): Delivery {
  const told = notice({ type: 'key.rotated', details: { secret: SECRET.name }, ...changes });
  const body = webhookBody(told);
  const signing = secrets.map((one) => new SecretValue(one));
  return { path: '/keyrota', headers: webhookHeaders(told.id, body, signing, sentMs), body: Buffer.from(body) };
}

const event = (changes: { type?: string; data?: unknown } = {}, authorization = `Bearer ${HEADER}`): Delivery => {
  const crn = (id: string) => `crn:v1:bluemix:public:secrets-manager:eu-de:a/0123:4567:secret:${id}`;
  const data = { secrets: [{ secret_id: crn('another') }, { secret_id: crn(SECRET.id) }] };
  const body = JSON.stringify({ type: 'com.ibm.cloud.secrets-manager.secret_rotated', data, ...changes });
  return { path: '/event-notifications', headers: { authorization }, body: Buffer.from(body) };
};

describe('a notice of Keyrota', () => {
  it.each([
    ['key.rotated', 1],
    ['key.replaced', 1],
    ['key.contained', 0],
    ['key.asked', 0],
  ] as const)('is taken, and of %s it makes the consumer look %i times', (type, count) => {
    const { events, heard } = receiving();
    expect([events.receive(delivered({ type })), heard.count]).toEqual([204, count]);
  });

  it('is taken with either secret, of two signatures with any, and with no other', () => {
    const { events } = receiving();
    const statuses = [[CURRENT], [FORMER], [secretOf('x'), FORMER], [secretOf('x')]].map((secrets) =>
      events.receive(delivered({}, { secrets })),
    );
    expect(statuses).toEqual([204, 204, 204, 401]);
  });

  it.each([
    [300, 204],
    [301, 401],
    [-300, 204],
    [-301, 401],
  ])('that was sent %i s ago is answered %i', (ageS, status) => {
    const { events, heard } = receiving();
    expect(events.receive(delivered({}, { sentMs: NOW_MS - ageS * 1_000 }))).toBe(status);
    expect(heard.count).toBe(status === 204 ? 1 : 0);
  });

  it('that comes again is answered like the first, and does nothing', () => {
    const { events, heard } = receiving();
    const again = delivered({}, { sentMs: NOW_MS - 5_000 });
    expect([delivered(), delivered(), again].map((one) => events.receive(one))).toEqual([204, 204, 204]);
    expect(heard.count).toBe(1);
  });

  it('is remembered among a thousand others, and does not fill the memory', () => {
    const { events, heard } = receiving();
    const one = (number: number) => events.receive(delivered({ id: noticeId('prod', 'key.rotated', `${number}`) }));
    for (let number = 0; number < 1_000; number += 1) one(number);
    one(0);
    expect(heard.count).toBe(1_000);
    one(1_000);
    one(0);
    expect(heard.count).toBe(1_002);
  });

  it('about another secret is taken, and about several keys at once makes it look', () => {
    const { events, heard } = receiving();
    expect(events.receive(delivered({ id: 'a', details: { secret: 'another' } }))).toBe(204);
    expect(heard.count).toBe(0);
    expect(events.receive(delivered({ id: 'b', name: null, details: { count: 7, names: ['one'] } }))).toBe(204);
    expect(heard.count).toBe(1);
  });

  const changed: [string, (given: Delivery) => Partial<Delivery>][] = [
    ['another body', ({ body }) => ({ body: Buffer.concat([body, Buffer.from(' ')]) })],
    ['another id', ({ headers }) => ({ headers: { ...headers, 'webhook-id': 'notice_2' } })],
    ['another time', ({ headers }) => ({ headers: { ...headers, 'webhook-timestamp': String(NOW_MS / 1_000 - 1) } })],
    ['no time', ({ headers }) => ({ headers: { ...headers, 'webhook-timestamp': '' } })],
    ['no signature', ({ headers }) => ({ headers: { ...headers, 'webhook-signature': undefined } })],
    ['no headers', () => ({ headers: {} })],
    ['the header of Event Notifications', () => ({ headers: { authorization: `Bearer ${HEADER}` } })],
  ];
  it.each(changed)('with %s is refused', (_, change) => {
    const { events, heard } = receiving();
    const given = delivered();
    expect([events.receive({ ...given, ...change(given) }), heard.count]).toEqual([401, 0]);
  });

  it('whose parts could be cut otherwise is refused', () => {
    const { events } = receiving();
    const [id, timestamp, body] = ['notice.1', String(NOW_MS / 1_000), '{}'];
    const key = Buffer.from(CURRENT.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
    expect(events.receive({ path: '/keyrota', headers, body: Buffer.from(body) })).toBe(401);
  });

  it('as the published library signs it is taken, and what is no JSON is told apart', () => {
    const { events } = receiving();
    const statuses = ['{"type":"key.rotated","data":{"details":null}}', 'null', '7', '{'].map((text, index) => {
      const at = new Date(NOW_MS);
      const id = `msg_${index}`;
      const signature = new Webhook(CURRENT).sign(id, at, text);
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(NOW_MS / 1_000),
        'webhook-signature': `v1,bad ${signature}`,
      };
      return events.receive({ path: '/keyrota', headers, body: Buffer.from(text) });
    });
    expect(statuses).toEqual([204, 400, 400, 400]);
  });
});

describe('an event of Secrets Manager', () => {
  it('is taken with the secret of its header, and makes the consumer look where it tells of our secret', () => {
    const { events, heard } = receiving();
    expect([events.receive(event()), heard.count]).toEqual([204, 1]);
  });

  it.each([
    ['of another type', { type: 'com.ibm.cloud.secrets-manager.secret_rotation_blocked' }],
    ['of other secrets', { data: { secrets: [{ secret_id: 'crn:a:secret:another' }] } }],
    ['of a test', { type: 'com.ibm.cloud.secrets-manager.test_event', data: {} }],
    ['without data', { data: null }],
    ['with strange data', { data: { secrets: [null, {}, { secret_id: 7 }] } }],
    ['with data of another form', { data: { secrets: { length: 1 } } }],
  ])('%s is taken, and does nothing', (_, changes) => {
    const { events, heard } = receiving();
    expect([events.receive(event(changes)), heard.count]).toEqual([204, 0]);
  });

  it.each(['', 'Bearer ', `Bearer ${HEADER} `, HEADER, `Bearer ${HEADER.slice(1)}`, `Basic ${HEADER}`])(
    'with the header %j is refused',
    (authorization) => {
      const { events, heard } = receiving();
      expect([events.receive(event({}, authorization)), heard.count]).toEqual([401, 0]);
    },
  );
});

describe('a receiver', () => {
  it('does not begin with a secret that is empty, and without any its path is closed', () => {
    expect(() => receiving({ eventSecrets: [''] })).toThrow('A secret is empty or too short.');
    expect(() => receiving({ noticeSecrets: [CURRENT, ''] })).toThrow('A secret is empty or too short.');
    const { events } = receiving({ eventSecrets: [], noticeSecrets: [] });
    expect([events.receive(event()), events.receive(delivered())]).toEqual([401, 401]);
  });

  it('serves POST on its two paths, up to 64 kB', async () => {
    const { events, heard } = receiving();
    const server = serverOf(events);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const post = async ({ path, headers, body }: Delivery, method = 'POST') => {
        const given = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]);
        const response = await fetch(url + path, {
          method,
          headers: given,
          ...(method === 'POST' && { body: Uint8Array.from(body) }),
        });
        return [response.status, await response.text()];
      };
      expect(await post(delivered())).toEqual([204, '']);
      expect(await post(event())).toEqual([204, '']);
      expect(heard.count).toBe(2);
      expect(await post(event(), 'GET')).toEqual([405, '']);
      expect(await post({ ...event(), path: '/' })).toEqual([404, '']);
      expect(await post({ ...event(), body: Buffer.alloc(64_001) })).toEqual([413, '']);
      expect(events.receive({ ...event(), body: Buffer.alloc(64_001) })).toBe(413);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

/** A log agent that looks once a day, and hears of rotations. */
async function hearing(scene: Scene) {
  const { lab } = scene;
  const agent = logAgent(lab, await workloadLogin(lab), { keepForMs: DAY_MS });
  const { secretId } = await agent.keys.key();
  const { events } = receiving({
    secret: { id: secretId, name: scene.key.secret.name },
    onNewKey: () => agent.keys.lookSoon(),
    nowMs: () => lab.clock.nowMs(),
  });
  return { agent, events };
}

interface AxiosConfig {
  url: string;
  headers: { toJSON: () => Record<string, string> };
  data: string;
}

describe('in the account', () => {
  it('a rotation reaches the consumer by the notice that the product sends of it', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const { agent, events } = await hearing(scene);
    const statuses: number[] = [];
    const cloud = inProcess(lab.cloud);
    const adapter = async (given: unknown): Promise<object> => {
      const config = given as AxiosConfig;
      const path = config.url.slice(ORIGIN.length);
      if (!path.startsWith('/keyrota')) return cloud(given);
      const headers = Object.fromEntries(
        Object.entries(config.headers.toJSON()).map(([name, value]) => [name.toLowerCase(), value]),
      );
      const status = events.receive({ path, headers, body: Buffer.from(config.data) });
      statuses.push(status);
      return { data: '', status, statusText: '', headers: {}, config, request: {} };
    };
    const { settings } = lab.context(manifest, {
      KEYROTA_NOTICE_WEBHOOK_URL: `${ORIGIN}/keyrota`,
      KEYROTA_NOTICE_WEBHOOK_SECRET: secretOf('n'),
      KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: CURRENT,
      KEYROTA_ALLOWED_TARGETS: ORIGIN,
    });
    const former = await agent.keys.key();
    await wholeTick(lab, manifest, { only: ['ingest'] }, { settings, http: { adapter } });
    expect(statuses).toEqual([204]);
    const key = await agent.keys.key();
    expect([key.equals(former), key.reveal()]).toEqual([false, await lab.fetchValue()]);
    await agent.ship(LINES);
  });

  it('and by the event of Secrets Manager, two minutes later', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const { agent, events } = await hearing(scene);
    const { eventNotifications, account } = lab.cloud;
    lab.cloud.deliver = async (request) => {
      const { pathname: path } = new URL(request.url);
      const body = Buffer.from(await request.arrayBuffer());
      const status = events.receive({ path, headers: Object.fromEntries(request.headers), body });
      return new Response(null, { status });
    };
    const headers = { authorization: `Bearer ${HEADER}` };
    eventNotifications.subscribe({ url: 'https://agent.example/event-notifications', headers });
    await lab.admin.request('POST', '/api/v2/notifications/registration', {
      event_notifications_instance_crn: account.eventNotifications.crn,
      event_notifications_source_name: 'secrets',
    });
    const former = await agent.keys.key();
    await lab.tick(manifest);
    await lab.pass(MINUTE_MS);
    expect(await agent.keys.key()).toBe(former);
    await lab.pass(2 * MINUTE_MS);
    expect(eventNotifications.deliveries.map(({ type, statuses }) => [type.split('.').at(-1), statuses])).toEqual([
      ['secret_rotated', [204]],
    ]);
    expect((await agent.keys.key()).equals(former)).toBe(false);
    await agent.ship(LINES);
  });

  it('and where no message comes, by its regular look', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const { agent } = await hearing(scene);
    const former = await agent.keys.key();
    await lab.tick(manifest);
    await lab.pass(HOUR_MS);
    expect(await agent.keys.key()).toBe(former);
    await lab.pass(DAY_MS);
    expect((await agent.keys.key()).equals(former)).toBe(false);
  });
});
