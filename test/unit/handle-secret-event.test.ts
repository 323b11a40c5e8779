import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { INSTANCE, OWN_IAM_ID, call, capturedLines, useEnvironment } from '../support/webhook-functions.ts';
import { EVENTS, eventNotification, signedEvent, withHeaders } from '../support/webhook-requests.ts';
import type { Delivery } from '../support/webhook-requests.ts';

const TRIGGER_TOKEN = 'trigger-token-0123456789-0123456789';
const OTHER_INSTANCE = INSTANCE.replace('0', 'f');
const SECRET_ID = '11111111-89ab-4cde-8f01-23456789abcd';
const SOMEBODY = 'IBMid-0123456789';

let output: ReturnType<typeof capturedLines>;
beforeEach(() => {
  useEnvironment();
  output = capturedLines();
});
afterEach(() => {
  output.restore();
  vi.unstubAllEnvs();
});

const noted = () => output.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
const handle = (delivery: Delivery) => call('handleSecretEvent', { ...delivery, path: '/' });

const crn = (instance = INSTANCE) =>
  `crn:v1:bluemix:public:secrets-manager:eu-de:a/0123:${instance}:secret:${SECRET_ID}`;
const secret = (changes: object = {}) => ({
  secret_id: crn(),
  secret_name: 'ingest',
  secret_group_id: 'default',
  event_triggered_by: SOMEBODY,
  ...changes,
});
const event = (type: string, secrets: object[] = [secret()], data: object = {}) => ({
  id: 'event-1',
  source: crn(),
  type: `com.ibm.cloud.secrets-manager.${type}`,
  data: { event_type: type, secrets, ...data },
});

/** A `rotate-keys` that notes what it is asked for. */
async function rotateKeys() {
  const asked: unknown[] = [];
  const server = createServer((incoming, answer) => {
    void text(incoming).then((body) => {
      asked.push([incoming.headers.authorization, JSON.parse(body)]);
      answer.end('{}');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  useEnvironment({ KEYROTA_ROTATE_KEYS_URL: `http://127.0.0.1:${port}`, KEYROTA_TRIGGER_TOKEN: TRIGGER_TOKEN });
  return { asked, [Symbol.dispose]: () => void server.close() };
}

describe('handle-secret-event', () => {
  it.each([
    ['secret_deleted', 'secret_deleted'],
    ['secret_rotated', 'version_made_by_somebody_else'],
    ['secret_rotation_blocked', 'rotation_blocked'],
    ['secret_expiration_blocked', 'rotation_blocked'],
    ['secret_deletion_blocked', 'rotation_blocked'],
    ['secret_version_data_deleted', 'secret_data_deleted'],
    ['secret_data_removed', 'secret_data_deleted'],
    ['secret_about_to_expire:in_10_days', 'secret_expires'],
    ['secret_expired', 'secret_expires'],
  ])('notes %s as %s, and starts rotate-keys for the entry', async (type, finding) => {
    using rotate = await rotateKeys();
    expect(await handle(eventNotification(event(type)))).toMatchObject({
      statusCode: 202,
      body: { outcome: 'looked', findings: [{ finding, key: 'ingest' }], rotateKeys: 'accepted' },
    });
    expect(rotate.asked).toEqual([[`Bearer ${TRIGGER_TOKEN}`, { only: ['ingest'] }]]);
    expect(noted()).toMatchObject([
      { level: 'warn', event: finding, key: 'ingest', secretId: SECRET_ID, by: SOMEBODY },
      { level: 'info', event: 'rotate_keys_called', outcome: 'accepted' },
    ]);
  });

  it('takes a signed event as well', async () => {
    expect(await handle(signedEvent(event('secret_deleted')))).toMatchObject({ statusCode: 202 });
  });

  it('finds entries by the name and the group of the secret, and by former names', async () => {
    using rotate = await rotateKeys();
    const group = 'fedcba98-89ab-4cde-8f01-23456789abcd';
    const secrets = [
      secret({ secret_name: 'old-ingest' }),
      secret({ secret_name: 'report-secret', secret_group_id: group }),
      secret({ secret_name: 'report-secret' }),
      secret({ secret_name: 'report', secret_group_id: group }),
      secret({ secret_group_id: group }),
      secret({ secret_name: 'ingest', secret_id: SECRET_ID }),
    ];
    expect(await handle(eventNotification(event('secret_deleted', secrets)))).toMatchObject({
      body: { findings: [{ key: 'ingest' }, { key: 'report' }, { key: 'ingest' }], skipped: { unmanaged: 3 } },
    });
    expect(rotate.asked).toMatchObject([[`Bearer ${TRIGGER_TOKEN}`, { only: ['ingest', 'report'] }]]);
  });

  it.each<[string, object, object]>([
    ['secrets of nobody', event('secret_deleted', [secret({ secret_name: 'other' })]), { unmanaged: 1 }],
    ['what Keyrota did itself', event('secret_rotated', [secret({ event_triggered_by: OWN_IAM_ID })]), { own: 1 }],
    [
      'its own id without its beginning',
      event('secret_rotated', [secret({ event_triggered_by: OWN_IAM_ID.slice(4) })]),
      { own: 1 },
    ],
    ['another instance', event('secret_deleted', [secret({ secret_id: crn(OTHER_INSTANCE) })]), { otherInstance: 1 }],
    [
      'another instance that only the event names',
      event('secret_deleted', [secret({ secret_id: SECRET_ID })], { source_instance_crn: crn(OTHER_INSTANCE) }),
      { otherInstance: 1 },
    ],
    ['no secrets at all', event('secret_deleted', []), {}],
  ])('leaves %s alone', async (_, body, skipped) => {
    using rotate = await rotateKeys();
    expect(await handle(eventNotification(body))).toMatchObject({
      statusCode: 200,
      body: { outcome: 'ignored', findings: [], skipped, rotateKeys: null },
    });
    expect([rotate.asked, output.lines]).toEqual([[], []]);
  });

  it.each(['test_event', 'secret_created', 'secret_task_failed', 'constructor', '__proto__', 'toString', ''])(
    'has nothing to do for %j',
    async (type) => {
      const reason = type === 'test_event' ? type : 'unknown_event';
      const body = { ...event(type), data: undefined };
      expect(await handle(eventNotification(body))).toMatchObject({
        statusCode: 200,
        body: { outcome: 'ignored', reason },
      });
    },
  );

  it('does not check the instance where the address does not tell ours', async () => {
    useEnvironment({ KEYROTA_SECRETS_MANAGER_URL: 'https://secrets.example' });
    const body = event('secret_deleted', [secret({ secret_id: crn(OTHER_INSTANCE) })]);
    expect(await handle(eventNotification(body))).toMatchObject({ statusCode: 202 });
  });

  it('cannot tell whose a version is without its own ids: it looks, and reports nothing', async () => {
    useEnvironment({ KEYROTA_OWN_IAM_IDS: '' });
    expect(await handle(eventNotification(event('secret_rotated')))).toMatchObject({
      statusCode: 202,
      body: { findings: [{ finding: 'version_made' }], rotateKeys: 'not-configured' },
    });
    expect(noted().filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('answers all the same where rotate-keys cannot be started', async () => {
    useEnvironment({ KEYROTA_ROTATE_KEYS_URL: 'http://127.0.0.1:1', KEYROTA_TRIGGER_TOKEN: TRIGGER_TOKEN });
    expect(await handle(eventNotification(event('secret_deleted')))).toMatchObject({
      statusCode: 202,
      body: { rotateKeys: 'failed' },
    });
    expect(noted()).toMatchObject([{ event: 'secret_deleted' }, { level: 'warn', event: 'rotate_keys_not_called' }]);
    expect(output.lines.join()).not.toContain(TRIGGER_TOKEN);
  });

  it('takes a hundred secrets, and no more', async () => {
    const many = (count: number) =>
      event(
        'secret_deleted',
        Array.from({ length: count }, () => secret()),
      );
    expect(await handle(eventNotification(many(100)))).toMatchObject({ statusCode: 202 });
    expect(await handle(eventNotification(many(101)))).toMatchObject({ statusCode: 400 });
  });

  it.each<[string, object]>([
    ['no data', { ...event('secret_deleted'), data: undefined }],
    ['no secrets', { ...event('secret_deleted'), data: {} }],
    ['a secret without a name', event('secret_deleted', [secret({ secret_name: undefined })])],
    ['a secret with an odd id', event('secret_deleted', [secret({ secret_id: 7 })])],
  ])('refuses an event with %s', async (_, body) => {
    expect(await handle(eventNotification(body))).toMatchObject({ statusCode: 400, body: { code: 'invalid_request' } });
    expect(noted()).toMatchObject([{ event: 'request_refused', status: 400 }]);
  });

  it('refuses who is not Event Notifications, and another path', async () => {
    const good = eventNotification(event('secret_deleted'));
    const refused = [
      withHeaders(good, { Authorization: null }),
      withHeaders(good, { Authorization: `Bearer ${EVENTS[0]}x` }),
    ];
    for (const delivery of refused) expect(await handle(delivery)).toMatchObject({ statusCode: 401 });
    for (const path of ['/event-notifications', '/x']) {
      expect(await call('handleSecretEvent', { ...good, path })).toMatchObject({ statusCode: 404 });
    }
  });

  it('starts rotate-keys for all that is due when a timer calls, whatever it sends', async () => {
    using rotate = await rotateKeys();
    for (const body of [{}, { id: 'tick', source: 'periodic-timer' }, event('secret_deleted')]) {
      const delivery = { ...eventNotification(body), path: '/timer' };
      expect(await call('handleSecretEvent', delivery)).toMatchObject({
        statusCode: 202,
        body: { rotateKeys: 'accepted' },
      });
    }
    expect(rotate.asked).toEqual(Array.from({ length: 3 }, () => [`Bearer ${TRIGGER_TOKEN}`, {}]));
    expect(noted().map(({ event: name }) => name)).toEqual(Array.from({ length: 3 }, () => 'rotate_keys_called'));
  });

  it('tells a timer to come again where rotate-keys was not started', async () => {
    const delivery = { ...eventNotification({}), path: '/timer' };
    expect(await call('handleSecretEvent', delivery)).toMatchObject({
      statusCode: 503,
      body: { rotateKeys: 'not-configured' },
    });
    useEnvironment({ KEYROTA_ROTATE_KEYS_URL: 'http://127.0.0.1:1', KEYROTA_TRIGGER_TOKEN: TRIGGER_TOKEN });
    expect(await call('handleSecretEvent', delivery)).toMatchObject({
      statusCode: 503,
      body: { rotateKeys: 'failed' },
    });
  });

  it('takes no tick from who is not Event Notifications', async () => {
    using rotate = await rotateKeys();
    const delivery = { ...withHeaders(eventNotification({}), { Authorization: null }), path: '/timer' };
    expect(await call('handleSecretEvent', delivery)).toMatchObject({ statusCode: 401 });
    expect(rotate.asked).toEqual([]);
  });
});
