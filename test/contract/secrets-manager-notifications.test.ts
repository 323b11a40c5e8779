import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import {
  createKv,
  createSecret,
  GUID,
  guard,
  json,
  MINUTE_MS,
  refusalOf,
  resultOf,
  rotate,
  rotatedOnce,
  START_MS,
  startCloud,
  versionsOf,
} from './support/secrets-manager-cloud.ts';
import type { Cloud } from './support/secrets-manager-cloud.ts';

const DAY_MS = 1_440 * MINUTE_MS;
const API = '/api/v2/notifications/registration';
const CRN = 'crn:v1:bluemix:public:event-notifications:us-south:a/a0:578ad1a4-2fd8-4e66-95d5-79a842ba91f8::';
const SOURCE = { event_notifications_instance_crn: CRN, event_notifications_source_name: 'My Secrets Manager' };
const SECRETS_MANAGER = `crn:v1:bluemix:public:secrets-manager:us-south:a/a0:${GUID}::`;

type Notification = Extract<AuditRecord, { action: 'notification.send' }>;

const register = (cloud: Cloud, body: object = SOURCE, headers: Record<string, string> = {}) =>
  cloud.raw('POST', API, { ...json, ...headers }, JSON.stringify(body));
const sent = ({ audited }: Cloud): Notification[] => audited.filter((record) => record.action === 'notification.send');

interface Payload {
  event_type: string;
  event_sub_type?: string;
  secret_type: string;
  secrets: { event_time: string; event_triggered_by: string; secret_name: string; failure_reason?: string }[];
}
/** What was sent so far, one line each: type, subtype, and who and when for each secret. */
const told = (cloud: Cloud): string[] =>
  sent(cloud).flatMap(({ payload }) => {
    const { event_type: type, event_sub_type: subtype, secrets } = payload as Payload;
    return secrets.map((secret) => {
      const by = secret.event_triggered_by === 'SecretsManager' ? 'itself' : 'somebody';
      return [type, subtype ?? '', secret.event_time, by].join(' ').replace('  ', ' ');
    });
  });

async function registered(switches: Parameters<typeof startCloud>[0] = {}): Promise<Cloud> {
  const cloud = await startCloud(switches);
  expect((await register(cloud)).status).toBe(201);
  return cloud;
}

describe('the registration with Event Notifications', () => {
  it('is made, read, made anew and deleted, and tells only the instance', async () => {
    await using cloud = await startCloud();
    expect((await cloud.raw('GET', API)).status).toBe(404);
    const created = await register(cloud, { ...SOURCE, event_notifications_source_description: 'All' });
    expect([created.status, await created.json()]).toEqual([201, { event_notifications_instance_crn: CRN }]);
    const other = CRN.replace('578', '678');
    expect((await register(cloud, { ...SOURCE, event_notifications_instance_crn: other })).status).toBe(201);
    const got = await cloud.raw('GET', API);
    expect([got.status, await got.json()]).toEqual([200, { event_notifications_instance_crn: other }]);
    expect((await cloud.raw('DELETE', API)).status).toBe(204);
    for (const [method, path] of [
      ['GET', API],
      ['GET', `${API}/test`],
      ['DELETE', API],
    ] as const) {
      expect((await cloud.raw(method, path)).status).toBe(404);
    }
  });

  it.each([
    ['no instance', { event_notifications_instance_crn: undefined }],
    ['an instance of another service', { event_notifications_instance_crn: SECRETS_MANAGER }],
    ['an instance of another account', { event_notifications_instance_crn: CRN.replace('/a0', '/b0') }],
    ['no name', { event_notifications_source_name: undefined }],
    ['a name of one character', { event_notifications_source_name: 'x' }],
    ['a name of 257 characters', { event_notifications_source_name: 'x'.repeat(257) }],
    ['a description of 1025 characters', { event_notifications_source_description: 'x'.repeat(1025) }],
    ['an unknown field', { colour: 'red' }],
  ])('refuses %s', async (_, more) => {
    await using cloud = await startCloud();
    expect((await register(cloud, { ...SOURCE, ...more })).status).toBe(400);
    expect((await cloud.raw('GET', API)).status).toBe(404);
  });

  it('asks for one right each, on the whole instance', async () => {
    await using cloud = await startCloud();
    const authorization = 'Bearer worker';
    const calls = [
      ['create', () => register(cloud, SOURCE, { authorization })],
      ['read', () => cloud.raw('GET', API, { authorization })],
      ['test', () => cloud.raw('GET', `${API}/test`, { authorization })],
      ['delete', () => cloud.raw('DELETE', API, { authorization })],
    ] as const;
    for (const [verb, call] of calls) {
      const action = `notifications-registration.${verb}`;
      cloud.rights.grant('worker', []);
      expect((await call()).status).toBe(403);
      cloud.rights.grant('worker', [action], 'default');
      expect((await call()).status, 'in a group only').toBe(403);
      cloud.rights.grant('worker', [action]);
      expect((await call()).ok).toBe(true);
    }
  });

  it('can be tested: the event is sent at once', async () => {
    await using cloud = await registered();
    const answer = await cloud.raw('GET', `${API}/test`);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(sent(cloud)).toMatchObject([
      {
        instanceCrn: CRN,
        eventType: 'com.ibm.cloud.secrets-manager.test_event',
        severity: 'low',
        payload: { event_type: 'test_event', source_instance_crn: SECRETS_MANAGER },
      },
    ]);
  });
});

describe('a notification', () => {
  it('tells the event, the secret and the instance in the documented fields, without a value', async () => {
    await using cloud = await registered();
    const { id } = await createSecret(cloud, 'database', {
      payload: 'hush-hush',
      expiration_date: '2027-11-20T00:00:00Z',
    });
    await cloud.passMs(2 * MINUTE_MS);
    const host = 'us-south.secrets-manager.appdomain.cloud/api';
    expect(sent(cloud)).toEqual([
      {
        action: 'notification.send',
        atMs: cloud.clock.nowMs(),
        instanceCrn: CRN,
        eventType: 'com.ibm.cloud.secrets-manager.secret_created',
        severity: 'low',
        payload: {
          event_type: 'secret_created',
          secret_type: 'arbitrary',
          secrets: [
            {
              event_time: '2026-11-20T00:00:00Z',
              event_triggered_by: 'IBMid-ADMIN',
              secret_id: SECRETS_MANAGER.replace('::', `:secret:${id}`),
              secret_name: 'database',
              secret_group_id: 'default',
              secret_expiration: '2027-11-20T00:00:00Z',
            },
          ],
          source_service: 'SecretsManager',
          source_instance_crn: SECRETS_MANAGER,
          source_instance_api_public_url: `https://${GUID}.${host}`,
          source_instance_api_private_url: `https://${GUID}.private.${host}`,
          source_instance_dashboard_url: `https://cloud.ibm.com/services/secrets-manager/${encodeURIComponent(SECRETS_MANAGER)}`,
        },
      },
    ]);
    expect(JSON.stringify(sent(cloud))).not.toContain('hush');
  });

  it('waits two minutes for others of its kind, and holds a hundred secrets at most', async () => {
    await using cloud = await registered();
    for (let n = 0; n < 101; n += 1) await createSecret(cloud, `secret-${n}`);
    await cloud.passMs(MINUTE_MS);
    await createKv(cloud);
    await cloud.passMs(MINUTE_MS - 1);
    expect(sent(cloud)).toEqual([]);
    await cloud.passMs(1);
    const counts = sent(cloud).map(({ payload }) => {
      const { secret_type: type, secrets } = payload as Payload;
      return [type, secrets.length];
    });
    expect(counts).toEqual([
      ['arbitrary', 100],
      ['arbitrary', 1],
      ['kv', 1],
    ]);
  });

  it('is never sent of what happened before the registration, or was not sent before its end', async () => {
    await using cloud = await startCloud();
    await createSecret(cloud, 'before');
    await register(cloud);
    await createSecret(cloud, 'during');
    const pending = cloud.service.snapshot({ withValues: true });
    expect(pending).toMatchObject({
      notifications: {
        registration: { instanceCrn: CRN, sourceName: 'My Secrets Manager' },
        pendingEvents: [{ type: 'secret_created', secretType: 'arbitrary', secret: { secret_name: 'during' } }],
      },
    });
    await cloud.raw('DELETE', API);
    await createSecret(cloud, 'after');
    expect(cloud.service.snapshot({ withValues: true })).toMatchObject({
      notifications: { registration: null, pendingEvents: [] },
    });
    await cloud.passMs(DAY_MS);
    expect(sent(cloud)).toEqual([]);
  });

  it('is never sent of what time did before the registration, though nobody looked until then', async () => {
    await using cloud = await startCloud();
    const rotation = { auto_rotate: true, interval: 1, unit: 'day' };
    const login = { payload: undefined, secret_type: 'username_password', username: 'app', rotation };
    await createSecret(cloud, 'login', login);
    await createSecret(cloud, 'database', { expiration_date: '2026-11-30T12:00:00Z' });
    await cloud.passMs(30.25 * DAY_MS);
    expect((await register(cloud)).status).toBe(201);
    await cloud.passMs(DAY_MS);
    expect(told(cloud)).toEqual([
      'secret_expired 2026-12-20T12:00:00Z itself',
      'secret_rotated 2026-12-21T00:00:00Z itself',
    ]);
    const rotations = cloud.audited.filter((record) => record.action === 'secret-version.create').slice(-31);
    expect(rotations.map(({ atMs }) => new Date(atMs).toISOString().slice(0, 16))).toEqual(
      Array.from({ length: 31 }, (_, day) => new Date(START_MS + (day + 1) * DAY_MS).toISOString().slice(0, 16)),
    );
  });

  it('is sent no more once the instance is gone', async () => {
    await using cloud = await registered();
    await createSecret(cloud, 'database', { expiration_date: '2026-11-25T00:00:00Z' });
    cloud.service.close();
    expect(cloud.clock.nextEventMs).toBeNull();
  });
});

describe('events', () => {
  it('are made by each create, rotation and delete, and by those that a lock blocks', async () => {
    await using cloud = await registered();
    const { secretId } = await rotatedOnce(cloud);
    await cloud.admin.createSecretVersionLocksBulk({ secretId, id: 'previous', locks: guard() });
    await refusalOf(rotate(cloud, secretId, 'v3'));
    await refusalOf(cloud.admin.deleteSecret({ id: secretId }));
    await cloud.admin.deleteSecretLocksBulk({ id: secretId });
    await cloud.admin.deleteSecret({ id: secretId });
    await cloud.passMs(2 * MINUTE_MS);
    const at = '2026-11-20T00:00:00Z somebody';
    expect(told(cloud)).toEqual([
      `secret_created ${at}`,
      `secret_rotated ${at}`,
      `secret_rotation_blocked ${at}`,
      `secret_deletion_blocked ${at}`,
      `secret_deleted ${at}`,
    ]);
    const blocked = sent(cloud).filter(({ eventType }) => eventType.endsWith('blocked'));
    expect(blocked.map(({ payload }) => (payload as Payload).secrets[0]?.failure_reason)).toEqual([
      'The previous secret version is locked.',
      'The secret version is locked.',
    ]);
  });

  it.each(['secret_version_data_deleted', 'secret_data_removed'] as const)(
    'tell of data that a lock mode wiped: %s',
    async (wipedVersionEvent) => {
      await using cloud = await registered({ wipedVersionEvent });
      const { secretId: id } = await rotatedOnce(cloud);
      await cloud.admin.createSecretLocksBulk({ id, locks: guard(), mode: 'remove_previous' });
      await cloud.admin.createSecretLocksBulk({ id, locks: guard(), mode: 'remove_previous_and_delete' });
      await cloud.admin.createSecretLocksBulk({ id, locks: guard(), mode: 'remove_previous_and_delete' });
      await cloud.passMs(2 * MINUTE_MS);
      expect(told(cloud).filter((line) => line.includes('data'))).toEqual([
        `${wipedVersionEvent} 2026-11-20T00:00:00Z somebody`,
      ]);
    },
  );

  it('are not made by locks, metadata or reads', async () => {
    await using cloud = await registered();
    const { id } = await createSecret(cloud);
    await cloud.passMs(2 * MINUTE_MS);
    const before = sent(cloud).length;
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    await cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { labels: ['one'] } });
    await cloud.admin.updateSecretVersionMetadata({ secretId: id, id: 'current', versionCustomMetadata: { a: 1 } });
    await cloud.admin.getSecret({ id });
    await cloud.admin.deleteSecretLocksBulk({ id });
    await refusalOf(createSecret(cloud));
    await cloud.passMs(2 * MINUTE_MS);
    expect(sent(cloud)).toHaveLength(before);
  });

  it('tell of an expiration 90, 60, 30, 10, 1 and 0 days before, once each, and then daily until the secret is deleted', async () => {
    await using cloud = await registered();
    const { id } = await createSecret(cloud, 'database', { expiration_date: '2027-03-01T15:00:00Z' });
    await cloud.passMs(Date.parse('2027-03-03T16:00:00Z') - cloud.clock.nowMs());
    await cloud.admin.deleteSecret({ id });
    await cloud.passMs(10 * DAY_MS);
    expect(told(cloud)).toEqual([
      'secret_created 2026-11-20T00:00:00Z somebody',
      'secret_about_to_expire in_90_days 2026-12-01T00:00:00Z itself',
      'secret_about_to_expire in_60_days 2026-12-31T00:00:00Z itself',
      'secret_about_to_expire in_30_days 2027-01-30T00:00:00Z itself',
      'secret_about_to_expire in_10_days 2027-02-19T00:00:00Z itself',
      'secret_about_to_expire in_1_day 2027-02-28T00:00:00Z itself',
      'secret_about_to_expire in_0_days 2027-03-01T00:00:00Z itself',
      'secret_expired 2027-03-01T15:00:00Z itself',
      'secret_expired 2027-03-02T15:00:00Z itself',
      'secret_expired 2027-03-03T15:00:00Z itself',
      'secret_deleted 2027-03-03T16:00:00Z somebody',
    ]);
    expect(new Set(sent(cloud).map(({ eventType, severity }) => `${eventType.split('.').at(-1)} ${severity}`))).toEqual(
      new Set(['secret_created low', 'secret_about_to_expire high', 'secret_expired high', 'secret_deleted low']),
    );
  });

  it('arrive on time, each within two minutes of what it tells', async () => {
    await using cloud = await registered();
    const rotation = { auto_rotate: true, interval: 1, unit: 'day' };
    const login = { payload: undefined, secret_type: 'username_password', username: 'app', rotation };
    await createSecret(cloud, 'login', login);
    await createSecret(cloud, 'database', { expiration_date: '2026-12-05T15:00:00Z' });
    await cloud.passMs(30 * DAY_MS);
    expect(sent(cloud).length).toBeGreaterThan(30);
    for (const { atMs, payload } of sent(cloud)) {
      for (const { event_time: time } of (payload as Payload).secrets) {
        expect(atMs - Date.parse(time)).toBe(2 * MINUTE_MS);
      }
    }
  });

  it('follow an expiration that is moved, and are none where it is switched off', async () => {
    await using cloud = await registered();
    const { id } = await createSecret(cloud, 'database', { expiration_date: '2026-12-05T15:00:00Z' });
    const move = (expiration_date: string | null) =>
      cloud.admin.updateSecretMetadata({ id, secretMetadataPatch: { expiration_date } });
    await move('2026-12-10T00:00:00Z');
    await cloud.passMs(15 * DAY_MS);
    await move(null);
    await cloud.passMs(30 * DAY_MS);
    expect(told(cloud).filter((line) => line.includes('expire'))).toEqual([
      'secret_about_to_expire in_10_days 2026-11-30T00:00:00Z itself',
    ]);
  });

  it('tell daily of an expiration that a lock blocks, and of the end when it goes', async () => {
    await using cloud = await registered();
    const { id } = await createSecret(cloud, 'database', { expiration_date: '2026-11-20T12:00:00Z' });
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    await cloud.passMs(2.75 * DAY_MS);
    expect((await resultOf(cloud.admin.getSecret({ id }))).payload).toBe('v1');
    await cloud.admin.deleteSecretLocksBulk({ id });
    await cloud.passMs(DAY_MS);
    expect(told(cloud).slice(1)).toEqual([
      'secret_expiration_blocked 2026-11-20T12:00:00Z itself',
      'secret_expiration_blocked 2026-11-21T12:00:00Z itself',
      'secret_expiration_blocked 2026-11-22T12:00:00Z itself',
      'secret_expired 2026-11-22T18:00:00Z itself',
    ]);
  });

  it('tell of each automatic rotation, and daily of one that a lock blocks', async () => {
    await using cloud = await registered();
    const rotation = { auto_rotate: true, interval: 2, unit: 'day' };
    const login = { payload: undefined, secret_type: 'username_password', username: 'app', rotation };
    const { id } = await createSecret(cloud, 'login', login);
    await cloud.passMs(3 * DAY_MS);
    await cloud.admin.createSecretVersionLocksBulk({ secretId: id, id: 'previous', locks: guard() });
    await cloud.passMs(2.5 * DAY_MS);
    await cloud.admin.deleteSecretLocksBulk({ id });
    await cloud.passMs(DAY_MS);
    expect(told(cloud).slice(1)).toEqual([
      'secret_rotated 2026-11-22T00:00:00Z itself',
      'secret_rotation_blocked 2026-11-24T00:00:00Z itself',
      'secret_rotation_blocked 2026-11-25T00:00:00Z itself',
      'secret_rotated 2026-11-26T00:00:00Z itself',
    ]);
    expect((await versionsOf(cloud, id)).map((version) => version.auto_rotated)).toEqual([false, true, true]);
  });

  it('never tell that a kv secret expires', async () => {
    await using cloud = await registered();
    await createKv(cloud);
    await cloud.passMs(400 * DAY_MS);
    expect(told(cloud)).toEqual(['secret_created 2026-11-20T00:00:00Z somebody']);
  });
});
