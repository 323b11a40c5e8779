import { compactVerify, importSPKI } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import type { EventNotifications } from '../../infra/local/event-notifications/service.ts';
import { serve } from '../../infra/local/server.ts';
import { IamCloud } from './support/iam-cloud.ts';
import { Receiver } from './support/receiver.ts';

const PUBLISHER = 'crn:v1:bluemix:public:event-notifications::::serviceRole:Event-Notification-Publisher';
const MANAGER = 'crn:v1:bluemix:public:iam::::serviceRole:Manager';
const HOOK = 'https://hook.example/events';
const MINUTE_MS = 60_000;

let world: IamCloud;
let receiver: Receiver;
let audited: AuditRecord[];

beforeEach(async () => {
  world = await IamCloud.start();
  receiver = new Receiver(world.clock);
  world.cloud.deliver = receiver.deliver;
  audited = [];
  world.cloud.audit.watch((record) => audited.push(record));
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  world.clock.stop();
});

const events = () => world.cloud.eventNotifications;
const instancePath = () => `/event-notifications/v1/instances/${world.cloud.account.eventNotifications.guid}`;
const outcomes = () => audited.filter(({ action }) => action === 'event.deliver' || action === 'event.lose');
const LOGS = 'crn:v1:bluemix:public:logs:us-south:a/a0:b1::';
const alert = (type = 'com.ibm.cloud.logs.Alert:AlertTriggered') => ({ source: LOGS, type, data: { status: 'x' } });

interface Delivered {
  id: string;
  notification_id: string;
  type: string;
  ibmenseverity: string;
  data: { event_type: string; secrets?: { secret_name: string }[] };
}

describe('an API source', () => {
  const event = (more: object = {}) => ({
    specversion: '1.0',
    id: 'incident-1',
    source: 'keyrota',
    type: 'key.compromised',
    ibmensourceid: events().apiSourceId,
    ibmendefaultshort: 'A key leaked',
    ibmendefaultlong: 'The key leaked and was disabled.',
    ibmenseverity: 'HIGH',
    data: { key: 'ApiKey-1' },
    ...more,
  });

  interface Answer {
    status: number;
    body: { notification_id?: string; errors?: { code: string; message: string }[]; trace?: string };
  }

  async function send(token: string, body: unknown, headers: object = {}, path = instancePath()): Promise<Answer> {
    const all = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${world.url}${path}/notifications`, { method: 'POST', headers: all, body: text });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  async function publisher(roleId = PUBLISHER): Promise<string> {
    const attributes = { serviceName: 'event-notifications' };
    return (await world.serviceId({ roleId, attributes })).person.token;
  }

  it('takes an event of a publisher, keeps it, and delivers it as it came, with an id of its own', async () => {
    events().subscribe({ url: HOOK });
    const token = await publisher();
    const { status, body } = await send(token, event({ subject: 'a key', time: '2026-11-20T00:00:00Z' }));
    expect([status, body]).toEqual([202, { notification_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string }]);
    await world.pass(0);
    const envelope = event({ subject: 'a key', time: '2026-11-20T00:00:00Z', datacontenttype: 'application/json' });
    expect(receiver.bodies()).toEqual([{ ...envelope, notification_id: body.notification_id }]);
    const { eventNotifications } = world.cloud.snapshot({ withValues: false }) as { eventNotifications: object };
    expect(eventNotifications).toMatchObject({
      notifications: [{ id: body.notification_id, envelope }],
      deliveries: [{ eventId: 'incident-1', statuses: [204], state: 'delivered' }],
    });
  });

  it('takes no event of who lacks the role, even of a Manager, or has no token', async () => {
    expect((await send(await publisher(MANAGER), event())).status).toBe(403);
    const other = await world.serviceId();
    expect((await send(other.person.token, event())).status).toBe(403);
    expect((await send('none', event())).status).toBe(401);
    expect(events().notifications).toEqual([]);
  });

  it.each([
    ['no id', { id: undefined }, 'id'],
    ['no source', { source: undefined }, 'source'],
    ['another version', { specversion: '0.3' }, 'specversion'],
    ['no type', { type: '' }, 'type'],
    ['no source of Event Notifications', { ibmensourceid: undefined }, 'ibmensourceid'],
    ['an unknown source of it', { ibmensourceid: 'x:api' }, 'ibmensourceid'],
    ['no short text', { ibmendefaultshort: undefined }, 'ibmendefaultshort'],
    ['no long text', { ibmendefaultlong: undefined }, 'ibmendefaultlong'],
    ['a time that is none', { time: 'today' }, 'time'],
    ['data that is no object', { data: 'text' }, 'data'],
    ['an unknown field', { colour: 'red' }, 'colour'],
  ])('refuses an event with %s', async (_, more, property) => {
    const { status, body } = await send(await publisher(), event(more));
    expect([status, body.errors?.[0]?.message]).toEqual([400, expect.stringContaining(`'${property}'`)]);
    expect(events().notifications).toEqual([]);
  });

  it('refuses what is no JSON, other types of content, binary mode and another instance', async () => {
    const token = await publisher();
    expect((await send(token, '{')).status).toBe(400);
    expect((await send(token, event(), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send(token, event(), { 'ce-id': '1' })).status).toBe(501);
    expect((await send(token, event(), {}, '/event-notifications/v1/instances/x')).status).toBe(404);
    const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    expect((await send(token, event(), structured)).status).toBe(202);
  });

  it('takes the texts for people as optional where a switch says so', async () => {
    world.cloud.switches.eventDefaultTextsRequired = false;
    const bare = event({ ibmendefaultshort: undefined, ibmendefaultlong: undefined });
    expect((await send(await publisher(), bare)).status).toBe(202);
  });

  it.each([413, 400] as const)('takes 64 KB and no byte more: %i', async (status) => {
    world.cloud.switches.oversizedEventStatus = status;
    const token = await publisher();
    const room = 64_000 - JSON.stringify(event({ data: { text: '' } })).length;
    const sized = (length: number) => event({ data: { text: 'x'.repeat(length) } });
    expect((await send(token, sized(room))).status).toBe(202);
    expect((await send(token, sized(room + 1))).status).toBe(status);
  });
});

describe('a delivery', () => {
  it('brings the flat envelope to each subscriber of the type, with the headers of the destination', async () => {
    events().subscribe({ url: HOOK, headers: { authorization: 'Bearer hush' }, types: ['com.ibm.cloud.logs.Alert'] });
    events().subscribe({ url: `${HOOK}/other`, types: ['com.ibm.cloud.logs.Al'] });
    const { id, envelope } = events().publish({ ...alert(), severity: 'info', short: 'short', long: 'long' });
    await world.pass(0);
    expect(receiver.arrivals).toHaveLength(1);
    const [arrival] = receiver.arrivals;
    expect([arrival?.url, arrival?.method, arrival?.headers.get('authorization')]).toEqual([
      HOOK,
      'POST',
      'Bearer hush',
    ]);
    expect(arrival?.headers.get('content-type')).toBe('application/json');
    expect(receiver.bodies()).toEqual([
      {
        specversion: '1.0',
        id: envelope.id,
        source: LOGS,
        type: 'com.ibm.cloud.logs.Alert:AlertTriggered',
        time: new Date(world.clock.nowMs()).toISOString(),
        notification_id: id,
        ibmensourceid: LOGS,
        ibmenseverity: 'info',
        ibmendefaultshort: 'short',
        ibmendefaultlong: 'long',
        datacontenttype: 'application/json',
        data: { status: 'x' },
      },
    ]);
  });

  it('has the other type of content where a switch says so', async () => {
    world.cloud.switches.eventContentType = 'application/cloudevents+json';
    events().subscribe({ url: HOOK });
    events().publish(alert());
    await world.pass(0);
    expect(receiver.arrivals[0]?.headers.get('content-type')).toBe('application/cloudevents+json');
  });

  it('is repeated three times, after 1, 2 and 4 seconds, and then the event is lost', async () => {
    events().subscribe({ url: HOOK });
    receiver.willAnswer(500, 503, 429, 500, 204);
    const { envelope } = events().publish(alert());
    await world.pass(10 * MINUTE_MS);
    expect(receiver.seconds).toEqual([0, 1, 3, 7]);
    expect(new Set(receiver.bodies<Delivered>().map(({ id }) => id))).toEqual(new Set([envelope.id]));
    expect(outcomes()).toMatchObject([{ action: 'event.lose', eventId: envelope.id, statuses: [500, 503, 429, 500] }]);
    expect(events().deliveries).toMatchObject([{ state: 'lost' }]);
  });

  it('ends with the first success', async () => {
    events().subscribe({ url: HOOK });
    receiver.willAnswer(500, 299);
    events().publish(alert());
    await world.pass(10 * MINUTE_MS);
    expect(receiver.seconds).toEqual([0, 1]);
    expect(outcomes()).toMatchObject([{ action: 'event.deliver', statuses: [500, 299] }]);
  });

  it('waits as long as the receiver asks for in seconds, and heeds no date', async () => {
    events().subscribe({ url: HOOK });
    const busy = (retryAfter: string) => () =>
      new Response(null, { status: 429, headers: { 'retry-after': retryAfter } });
    receiver.willAnswer(busy('30'), busy('Fri, 20 Nov 2026 00:00:00 GMT'), busy('0'));
    events().publish(alert());
    await world.pass(10 * MINUTE_MS);
    expect(receiver.seconds).toEqual([0, 30, 32, 32]);
    expect(events().deliveries).toMatchObject([{ state: 'delivered' }]);
  });

  it('is repeated when the connection breaks', async () => {
    events().subscribe({ url: HOOK });
    receiver.willAnswer(() => Promise.reject(new Error('reset')));
    events().publish(alert());
    await world.pass(MINUTE_MS);
    expect(events().deliveries).toMatchObject([{ statuses: [null, 204], state: 'delivered' }]);
  });

  it('gives up after 10 seconds of silence and comes again, though the receiver still takes the first one', async () => {
    events().subscribe({ url: HOOK });
    let taken = 0;
    receiver.willAnswer(async () => {
      await world.clock.sleep(15_000);
      taken += 1;
      return new Response(null, { status: 204 });
    });
    events().publish(alert());
    await world.pass(9_999);
    expect(receiver.seconds).toEqual([0]);
    await world.pass(MINUTE_MS);
    expect([receiver.seconds, taken]).toEqual([[0, 11], 1]);
    expect(events().deliveries).toMatchObject([{ statuses: [null, 204], state: 'delivered' }]);
  });

  it('waits for an answer that comes within 10 seconds', async () => {
    events().subscribe({ url: HOOK });
    receiver.willAnswer(async () => {
      await world.clock.sleep(9_999);
      return new Response(null, { status: 204 });
    });
    events().publish(alert());
    await world.pass(MINUTE_MS);
    expect(events().deliveries).toMatchObject([{ statuses: [204], state: 'delivered' }]);
  });

  it.each([301, 400, 401, 404, 410])(
    'that is refused with %i is lost at once, unless a switch says so',
    async (status) => {
      events().subscribe({ url: HOOK });
      receiver.willAnswer(status);
      events().publish(alert());
      await world.pass(MINUTE_MS);
      expect(events().deliveries).toMatchObject([{ statuses: [status], state: 'lost' }]);
      world.cloud.switches.retriedEventDeliveries = 'all but 2xx';
      receiver.willAnswer(status);
      events().publish(alert());
      await world.pass(MINUTE_MS);
      expect(events().deliveries[1]).toMatchObject({ statuses: [status, 204], state: 'delivered' });
    },
  );

  it.each([
    [false, 2],
    [true, 1],
  ])('has one notification_id for all attempts: %s', async (notificationIdKept, ids) => {
    world.cloud.switches.notificationIdKept = notificationIdKept;
    events().subscribe({ url: HOOK });
    receiver.willAnswer(500);
    events().publish(alert());
    await world.pass(MINUTE_MS);
    expect(new Set(receiver.bodies<Delivered>().map((body) => body.notification_id)).size).toBe(ids);
  });

  it('takes no virtual time while the receiver works in real time, however fast time runs', async () => {
    await using server = await serve({
      port: 0,
      handle: async () => {
        await new Promise((resolve) => void setTimeout(resolve, 50));
        return new Response(null, { status: 204 });
      },
    });
    await using other = await IamCloud.start();
    const startMs = other.clock.nowMs();
    const endsMs: number[] = [];
    other.cloud.audit.watch(({ action, atMs }) => void (action === 'event.deliver' && endsMs.push(atMs)));
    other.cloud.eventNotifications.subscribe({ url: server.url });
    other.cloud.eventNotifications.publish(alert());
    await other.pass(MINUTE_MS);
    expect(endsMs).toEqual([startMs]);
  });

  it('never follows a redirect', async () => {
    let calls = 0;
    await using server = await serve({
      port: 0,
      handle: async ({ url }) => {
        calls += 1;
        return new Response(null, { status: 307, headers: { location: `${url}elsewhere` } });
      },
    });
    await using other = await IamCloud.start();
    other.cloud.eventNotifications.subscribe({ url: server.url });
    other.cloud.eventNotifications.publish(alert());
    await other.pass(MINUTE_MS);
    expect([calls, other.cloud.eventNotifications.deliveries]).toMatchObject([1, [{ statuses: [307], state: 'lost' }]]);
  });

  it('is made no more after a reset', async () => {
    events().subscribe({ url: HOOK });
    receiver.willAnswer(500);
    events().publish(alert());
    await world.pass(0);
    world.cloud.reset();
    await world.pass(MINUTE_MS);
    expect([receiver.arrivals.length, events().subscriptions, events().notifications]).toEqual([1, [], []]);
  });
});

describe('the signature of a delivery', () => {
  async function delivered(destination: 'webhook' | 'ibmce' = 'webhook') {
    const { destinationId } = events().subscribe({ url: HOOK, destination });
    const { id } = events().publish(alert());
    await world.pass(0);
    const [{ body, headers } = { body: '', headers: new Headers() }] = receiver.arrivals;
    return { body, type: headers.get('content-type'), destinationId, id };
  }

  async function publicKey(destinationId: string, token: string) {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${world.url}${instancePath()}/destinations/${destinationId}/public_key`, { headers });
    return { status: response.status, body: (await response.json()) as { public_key: string } };
  }

  it.each(['jws', 'jws in data'] as const)(
    'is a compact JWS of the body that a library verifies: %s',
    async (shape) => {
      world.cloud.switches.eventSigning = shape;
      const { body, type, destinationId, id } = await delivered();
      const jws = shape === 'jws' ? body : (JSON.parse(body) as { data: string }).data;
      expect(type).toBe(shape === 'jws' ? 'application/jose' : 'application/json');
      const { token } = await world.owner();
      const { status, body: answer } = await publicKey(destinationId, token);
      expect([status, answer]).toEqual([200, { public_key: events().publicKeyOf(destinationId) }]);
      const key = await importSPKI(answer.public_key, 'RS256');
      const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ['RS256'] });
      expect(protectedHeader.alg).toBe('RS256');
      expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({ source: LOGS, notification_id: id });
      const other = events().subscribe({ url: HOOK }).destinationId;
      const wrong = await importSPKI(events().publicKeyOf(other), 'RS256');
      await expect(compactVerify(jws, wrong)).rejects.toThrow('signature verification failed');
    },
  );

  it('is never made for Code Engine, and for nobody by default', async () => {
    const { body } = await delivered();
    expect(JSON.parse(body)).toMatchObject({ source: LOGS });
    world.cloud.switches.eventSigning = 'jws';
    receiver.arrivals.length = 0;
    events().unsubscribeAll();
    expect(JSON.parse((await delivered('ibmce')).body)).toMatchObject({ source: LOGS });
  });

  it('is verified with a key that a Manager can read, and others cannot', async () => {
    const { destinationId } = events().subscribe({ url: HOOK });
    const attributes = { serviceName: 'event-notifications' };
    const tokenWith = async (roleId: string) => (await world.serviceId({ roleId, attributes })).person.token;
    expect((await publicKey(destinationId, await tokenWith(MANAGER))).status).toBe(200);
    expect((await publicKey(destinationId, await tokenWith(PUBLISHER))).status).toBe(403);
    expect((await publicKey('unknown', (await world.owner()).token)).status).toBe(404);
    expect((await publicKey(destinationId, 'none')).status).toBe(401);
  });
});

describe('an alert of Cloud Logs', () => {
  interface AlertData {
    alert_definition: Record<string, unknown>;
    log_example: unknown;
    log_example_truncated: boolean;
    meta_labels_truncated: boolean;
    status: string;
  }

  const dataOf = (alert: Parameters<EventNotifications['publishLogsAlert']>[0]) =>
    events().publishLogsAlert(alert).envelope.data as AlertData;

  it('is told when it is triggered and when it is resolved, with the line that it is about', async () => {
    events().subscribe({ url: HOOK });
    const logExample = { action: 'iam-identity.serviceid-apikey.login', target: { id: 'ApiKey-1' } };
    events().publishLogsAlert({ name: 'odd login', logExample, metaLabels: { key: 'ApiKey-1' } });
    events().publishLogsAlert({ name: 'odd login', status: 'resolved', severity: 'INFO' });
    await world.pass(0);
    const { crn } = world.cloud.account.cloudLogs;
    const bodies = receiver.bodies<Delivered>().toSorted((a, b) => b.type.localeCompare(a.type));
    expect(bodies).toMatchObject([
      {
        type: 'com.ibm.cloud.logs.StandardMoreThanAlertEvent:AlertTriggered',
        source: crn,
        ibmensourceid: crn,
        ibmenseverity: 'error',
        ibmendefaultshort: 'ERROR - odd login',
        data: {
          alert_definition: { name: 'odd login', severity: 'ERROR', meta_labels: { key: 'ApiKey-1' } },
          log_example: logExample,
          log_example_truncated: false,
          meta_labels_truncated: false,
          status: 'triggered',
        },
      },
      {
        type: 'com.ibm.cloud.logs.StandardMoreThanAlertEvent:AlertResolved',
        ibmenseverity: 'info',
        data: { status: 'resolved' },
      },
    ]);
  });

  it('is cut to its limits: long texts, labels that do not fit, and the line, which becomes a text', () => {
    const long = dataOf({
      name: 'n'.repeat(101),
      description: 'd'.repeat(100),
      query: 'q'.repeat(200),
      metaLabels: { key: 'k'.repeat(397), more: 'm' },
      logExample: { text: 'x'.repeat(1_000) },
    });
    expect(long.alert_definition).toMatchObject({
      name: `${'n'.repeat(97)}...`,
      description: 'd'.repeat(100),
      query_statement: `${'q'.repeat(97)}...`,
      meta_labels: { key: 'k'.repeat(397) },
    });
    expect([long.log_example_truncated, long.meta_labels_truncated]).toEqual([true, true]);
    expect(long.log_example).toBe(`{"text":"${'x'.repeat(988)}...`);
  });
});

describe('the events of Secrets Manager', () => {
  async function asOwner(method: string, path: string, body?: object): Promise<Response> {
    return world.send(method, path, (await world.owner()).token, body);
  }

  const register = (crn: string) =>
    asOwner('POST', '/api/v2/notifications/registration', {
      event_notifications_instance_crn: crn,
      event_notifications_source_name: 'Secrets Manager',
    });

  it('arrive with their type and subtype, batched, once the instance is registered', async () => {
    events().subscribe({ url: HOOK, types: ['com.ibm.cloud.secrets-manager.secret_about_to_expire'] });
    expect((await register(world.cloud.account.eventNotifications.crn)).status).toBe(201);
    const expires = new Date(world.clock.nowMs() + 40 * 1_440 * MINUTE_MS).toISOString();
    for (const name of ['one', 'two']) {
      const secret = { secret_type: 'arbitrary', name, payload: 'hush-hush', expiration_date: expires };
      expect((await asOwner('POST', '/api/v2/secrets', secret)).status).toBe(201);
    }
    await world.pass(35 * 1_440 * MINUTE_MS);
    const bodies = receiver.bodies<Delivered>();
    expect(bodies.map(({ type, data }) => [type, data.secrets?.length])).toEqual([
      ['com.ibm.cloud.secrets-manager.secret_about_to_expire:in_30_days', 2],
      ['com.ibm.cloud.secrets-manager.secret_about_to_expire:in_10_days', 2],
    ]);
    expect(bodies[0]).toMatchObject({
      source: world.cloud.account.secretsManager.crn,
      ibmensourceid: world.cloud.account.secretsManager.crn,
      ibmenseverity: 'high',
      data: { event_type: 'secret_about_to_expire', event_sub_type: 'in_30_days' },
    });
    expect(JSON.stringify(receiver.arrivals)).not.toContain('hush');
  });

  it('arrive when the connection is tested', async () => {
    events().subscribe({ url: HOOK });
    await register(world.cloud.account.eventNotifications.crn);
    expect((await asOwner('GET', '/api/v2/notifications/registration/test')).status).toBe(200);
    await world.pass(0);
    expect(receiver.bodies<Delivered>()).toMatchObject([
      { type: 'com.ibm.cloud.secrets-manager.test_event', data: { event_type: 'test_event' } },
    ]);
  });

  it('do not arrive from an instance that is registered elsewhere', async () => {
    events().subscribe({ url: HOOK });
    const { crn } = world.cloud.account.eventNotifications;
    const elsewhere = crn.replace(/:[0-9a-f-]{36}::$/, ':578ad1a4-2fd8-4e66-95d5-79a842ba91f8::');
    expect((await register(elsewhere)).status).toBe(201);
    await asOwner('GET', '/api/v2/notifications/registration/test');
    await world.pass(MINUTE_MS);
    expect(receiver.arrivals).toEqual([]);
  });
});
