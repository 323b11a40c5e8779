import { describe, expect, it } from 'vitest';
import {
  createSecret,
  failureOf,
  guard,
  lockNames,
  MINUTE_MS,
  refusalOf,
  resultOf,
  startCloud,
  START_MS,
  versionsOf,
} from './support/secrets-manager-cloud.ts';
import type { Cloud } from './support/secrets-manager-cloud.ts';

const DAY_MS = 1_440 * MINUTE_MS;
const DAILY = { auto_rotate: true, interval: 1, unit: 'day' };
const EVERYTHING = { length: 32, include_digits: true, include_symbols: true, include_uppercase: true };

interface UserCredentials {
  id: string;
  username?: string;
  password?: string;
  rotation: object;
  next_rotation_date?: string;
  password_generation_policy: object;
}

const withUser = { secret_type: 'username_password', username: 'app' };
const create = async (cloud: Cloud, more: object = {}): Promise<UserCredentials> =>
  (await createSecret(cloud, 'login', { payload: undefined, ...withUser, ...more })) as unknown as UserCredentials;
const read = async ({ admin }: Cloud, id: string): Promise<UserCredentials> =>
  (await resultOf(admin.getSecret({ id }))) as unknown as UserCredentials;
const metadataOf = async ({ admin }: Cloud, id: string): Promise<UserCredentials> =>
  (await resultOf(admin.getSecretMetadata({ id }))) as unknown as UserCredentials;
const patch = async ({ admin }: Cloud, id: string, fields: object): Promise<UserCredentials> =>
  (await resultOf(admin.updateSecretMetadata({ id, secretMetadataPatch: fields }))) as unknown as UserCredentials;
const rotate = ({ admin }: Cloud, secretId: string, fields: object = {}) =>
  resultOf(admin.createSecretVersion({ secretId, secretVersionPrototype: fields as { payload: string } }));

describe('user credentials', () => {
  it('keep the password that they are given, and tell it only where data is asked for', async () => {
    await using cloud = await startCloud();
    const { id, ...created } = await create(cloud, { password: 'hush-hush', custom_metadata: { a: 1 } });
    expect(created).toMatchObject({
      secret_type: 'username_password',
      username: 'app',
      password: 'hush-hush',
      custom_metadata: { a: 1 },
      versions_total: 1,
      state: 1,
      rotation: { auto_rotate: false },
      password_generation_policy: EVERYTHING,
    });
    expect(created).not.toHaveProperty('next_rotation_date');
    expect(created).not.toHaveProperty('expiration_date');
    const metadata = await metadataOf(cloud, id);
    expect(metadata).toMatchObject({ rotation: { auto_rotate: false }, password_generation_policy: EVERYTHING });
    expect(metadata).not.toHaveProperty('username');
    expect(metadata).not.toHaveProperty('password');
    const listed = JSON.stringify((await resultOf(cloud.admin.listSecrets())).secrets);
    expect(listed + JSON.stringify(await versionsOf(cloud, id))).not.toContain('hush');
    expect(JSON.stringify(cloud.service.snapshot({ withValues: false }))).not.toContain('hush');
    expect(JSON.stringify(cloud.service.snapshot({ withValues: true }))).toContain('hush-hush');
    const version = await resultOf(cloud.admin.getSecretVersion({ secretId: id, id: 'current' }));
    expect(version).toMatchObject({ username: 'app', password: 'hush-hush', auto_rotated: false, downloaded: true });
  });

  it('get a password of 32 characters of every kind where none is given', async () => {
    await using cloud = await startCloud();
    const passwords = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => (await create(cloud, { name })).password ?? ''),
    );
    expect(new Set(passwords).size).toBe(3);
    for (const password of passwords) {
      expect(password).toHaveLength(32);
      for (const kind of [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/]) expect(password).toMatch(kind);
    }
  });

  it('get passwords by their own policy, of which a patch changes what it names', async () => {
    await using cloud = await startCloud();
    const policy = { length: 12, include_digits: false, include_symbols: false };
    const { id, password } = await create(cloud, { password_generation_policy: policy });
    expect(password).toMatch(/^[A-Za-z]{12}$/);
    const patched = await patch(cloud, id, { password_generation_policy: { length: 256, include_uppercase: false } });
    expect(patched.password_generation_policy).toEqual({ ...policy, length: 256, include_uppercase: false });
    expect((await read(cloud, id)).password, 'the password itself stays').toBe(password);
    expect(await rotate(cloud, id)).toMatchObject({
      username: 'app',
      password: expect.stringMatching(/^[a-z]{256}$/) as string,
    });
  });

  it('are rotated to a given password or to a generated one, and never to another user', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { password: 'first-one' });
    expect(await rotate(cloud, id, { password: 'second-one', version_custom_metadata: { op: '2' } })).toMatchObject({
      alias: 'current',
      username: 'app',
      password: 'second-one',
      version_custom_metadata: { op: '2' },
    });
    expect(await refusalOf(rotate(cloud, id, { username: 'other', password: 'third-one' }))).toBe(400);
    expect(await refusalOf(rotate(cloud, id, { payload: 'third-one' }))).toBe(400);
    expect(await refusalOf(patch(cloud, id, { username: 'other' }))).toBe(400);
    await rotate(cloud, id);
    const versions = await versionsOf(cloud, id);
    expect(versions.map((version) => version.payload_available)).toEqual([false, true, true]);
  });

  it.each([
    ['no user', { username: undefined }],
    ['a user of one character', { username: 'a' }],
    ['a user of 65 characters', { username: 'a'.repeat(65) }],
    ['a password of five characters', { password: '12345' }],
    ['a password of 257 characters', { password: 'a'.repeat(257) }],
    ['a payload', { payload: 'x' }],
    ['generated passwords of 11 characters', { password_generation_policy: { length: 11 } }],
    ['generated passwords of 257 characters', { password_generation_policy: { length: 257 } }],
    ['an unknown rule for passwords', { password_generation_policy: { include_spaces: true } }],
    ['an expiration that is past', { expiration_date: '2026-11-20T00:00:00Z' }],
    ['rotation without an interval', { rotation: { auto_rotate: true } }],
    ['rotation without a unit', { rotation: { auto_rotate: true, interval: 1 } }],
    ['an interval without auto_rotate', { rotation: { interval: 1, unit: 'day' } }],
    ['rotation by the hour', { rotation: { ...DAILY, unit: 'hour' } }],
    ['an interval of nothing', { rotation: { ...DAILY, interval: 0 } }],
    ['an interval of more than two years', { rotation: { ...DAILY, interval: 731 } }],
    ['an interval of 25 months', { rotation: { ...DAILY, interval: 25, unit: 'month' } }],
    ['rotation of its keys', { rotation: { ...DAILY, rotate_keys: true } }],
  ])('refuse %s', async (_, more) => {
    await using cloud = await startCloud();
    expect(await refusalOf(create(cloud, more))).toBe(400);
    expect((await resultOf(cloud.admin.listSecrets())).total_count).toBe(0);
  });

  it('are found by name and type, apart from other secrets of that name', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { name: 'database' });
    await createSecret(cloud);
    const named = { secretGroupName: 'default', secretType: 'username_password', name: 'database' };
    expect((await resultOf(cloud.admin.getSecretByNameType(named))).id).toBe(id);
    const { secrets } = await resultOf(cloud.admin.listSecrets({ secretTypes: ['username_password'] }));
    expect(secrets.map((secret) => secret.id)).toEqual([id]);
  });

  it('expire with their data, and are not rotated any more', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { rotation: DAILY, expiration_date: '2026-11-22T12:00:00Z' });
    await cloud.passMs(10 * DAY_MS);
    const secret = await read(cloud, id);
    expect(secret).toMatchObject({ state: 5, versions_total: 3, expiration_date: '2026-11-22T12:00:00.000Z' });
    for (const field of ['username', 'password', 'next_rotation_date']) expect(secret).not.toHaveProperty(field);
    expect(await refusalOf(rotate(cloud, id))).toBe(400);
    expect((await cloud.admin.deleteSecret({ id })).status).toBe(204);
  });

  it('have an expiration that is moved and switched off by a patch', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { expiration_date: '2026-11-21T00:00:00Z' });
    expect(await patch(cloud, id, { expiration_date: '2026-11-22T00:00:00Z' })).toMatchObject({
      expiration_date: '2026-11-22T00:00:00.000Z',
    });
    expect(await patch(cloud, id, { expiration_date: null })).not.toHaveProperty('expiration_date');
    await cloud.passMs(30 * DAY_MS);
    expect((await read(cloud, id)).username).toBe('app');
  });
});

describe('automatic rotation', () => {
  it('makes a new version at its time, with a password of its own, and tells when the next one is due', async () => {
    await using cloud = await startCloud();
    const { id, next_rotation_date: next } = await create(cloud, { password: 'first-one', rotation: DAILY });
    expect(next).toBe('2026-11-21T00:00:00.000Z');
    await cloud.passMs(DAY_MS - 1);
    expect(await read(cloud, id)).toMatchObject({ password: 'first-one', versions_total: 1 });
    await cloud.passMs(1 + MINUTE_MS);
    const rotated = await read(cloud, id);
    expect(rotated).toMatchObject({
      username: 'app',
      versions_total: 2,
      rotation: DAILY,
      next_rotation_date: '2026-11-22T00:00:00.000Z',
      updated_at: '2026-11-21T00:00:00.000Z',
    });
    expect(rotated.password).toMatch(/^.{32}$/);
    expect(await versionsOf(cloud, id)).toMatchObject([
      { alias: 'previous', auto_rotated: false, payload_available: true, created_by: 'IBMid-ADMIN' },
      { alias: 'current', auto_rotated: true, downloaded: true, created_at: '2026-11-21T00:00:00.000Z' },
    ]);
    expect(await resultOf(cloud.admin.getSecretVersion({ secretId: id, id: 'previous' }))).toMatchObject({
      password: 'first-one',
    });
  });

  it('happens as often as time has passed, once for each interval, and is audited', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { rotation: { ...DAILY, interval: 2 } });
    await cloud.passMs(9 * DAY_MS);
    const versions = await versionsOf(cloud, id);
    expect(versions.map(({ created_at: at }) => at.slice(8, 10))).toEqual(['20', '22', '24', '26', '28']);
    expect(versions.map((version) => version.payload_available)).toEqual([false, false, false, true, true]);
    const records = cloud.audited.filter(({ action }) => action === 'secret-version.create');
    expect(records).toHaveLength(5);
    expect(records.at(-1)).toMatchObject({ versionId: versions[4]?.id, supersededId: versions[3]?.id });
  });

  it.each([
    ['2026-12-31T10:00:00Z', 1, '2027-01-31T10:00:00.000Z', '2027-02-28T10:00:00.000Z'],
    ['2026-11-30T00:00:00Z', 3, '2027-02-28T00:00:00.000Z', '2027-05-28T00:00:00.000Z'],
    ['2026-11-20T00:00:00Z', 24, '2028-11-20T00:00:00.000Z', '2030-11-20T00:00:00.000Z'],
  ])('counts months by the calendar: from %s by %i', async (from, interval, next, nextButOne) => {
    await using cloud = await startCloud();
    await cloud.passMs(Date.parse(from) - START_MS);
    const { id, next_rotation_date: first } = await create(cloud, {
      rotation: { auto_rotate: true, interval, unit: 'month' },
    });
    expect(first).toBe(next);
    await cloud.passMs(Date.parse(next) - Date.parse(from));
    expect((await metadataOf(cloud, id)).next_rotation_date).toBe(nextButOne);
  });

  it('is allowed while current is locked, which keeps its locks as previous; then it is blocked until they go', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { password: 'first-one', rotation: DAILY });
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    await cloud.passMs(5 * DAY_MS);
    expect(await versionsOf(cloud, id)).toHaveLength(2);
    expect(await lockNames(cloud, id, 'previous')).toEqual(['guard']);
    expect((await metadataOf(cloud, id)).next_rotation_date).toBe('2026-11-26T00:00:00.000Z');
    expect(await refusalOf(rotate(cloud, id))).toBe(412);
    const kept = await resultOf(cloud.admin.getSecretVersion({ secretId: id, id: 'previous' }));
    expect(kept).toMatchObject({ password: 'first-one' });
    await cloud.admin.deleteSecretLocksBulk({ id });
    expect(await versionsOf(cloud, id), 'it is tried again a day after the last time').toHaveLength(2);
    await cloud.passMs(DAY_MS);
    expect(await versionsOf(cloud, id)).toHaveLength(3);
  });

  it('begins, changes and ends with a patch: an empty policy is none', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud);
    await cloud.passMs(MINUTE_MS);
    const weekly = { auto_rotate: true, interval: 7, unit: 'day' };
    expect(await patch(cloud, id, { rotation: weekly })).toMatchObject({
      rotation: weekly,
      next_rotation_date: '2026-11-27T00:01:00.000Z',
    });
    const off = await patch(cloud, id, { rotation: { ...weekly, auto_rotate: false } });
    expect(off).toMatchObject({ rotation: { ...weekly, auto_rotate: false } });
    expect(off).not.toHaveProperty('next_rotation_date');
    const none = await patch(cloud, id, { rotation: {} });
    expect(none.rotation).toEqual({ auto_rotate: false });
    await cloud.passMs(30 * DAY_MS);
    expect(await versionsOf(cloud, id)).toHaveLength(1);
    expect(await refusalOf(patch(cloud, (await createSecret(cloud)).id, { rotation: weekly }))).toBe(400);
  });

  it('shows in lists as late as any other write where lists are stale, and keeps the ids of what it made', async () => {
    await using cloud = await startCloud({ staleListMs: MINUTE_MS });
    const { id } = await create(cloud, { rotation: DAILY });
    await cloud.passMs(DAY_MS);
    expect(await versionsOf(cloud, id)).toHaveLength(1);
    const current = await resultOf(cloud.admin.getSecretVersionMetadata({ secretId: id, id: 'current' }));
    await cloud.passMs(MINUTE_MS);
    expect((await versionsOf(cloud, id)).at(-1)?.id).toBe(current.id);
  });

  it('is refused with the documented code where the secret would have expired before', async () => {
    await using cloud = await startCloud();
    const dates = { rotation: DAILY, expiration_date: '2026-11-21T00:00:00Z' };
    const failure = await failureOf(create(cloud, dates));
    expect([failure.status, failure.result.errors[0]?.code]).toEqual([400, 'secrets-manager.Error02009']);
    const { id } = await create(cloud, { rotation: DAILY });
    expect(await refusalOf(patch(cloud, id, { expiration_date: '2026-11-20T12:00:00Z' }))).toBe(400);
    await patch(cloud, id, { rotation: {}, expiration_date: '2026-11-20T12:00:00Z' });
    expect(await refusalOf(patch(cloud, id, { rotation: DAILY }))).toBe(400);
    cloud.switches.rotationBeyondExpiration = 'accepted';
    expect(await patch(cloud, id, { rotation: DAILY })).toMatchObject({ rotation: DAILY });
  });

  it('rotates at once when it is turned on, where the switch says so', async () => {
    await using cloud = await startCloud({ rotationStartsAtOnce: true });
    const { id } = await create(cloud, { password: 'first-one' });
    const on = await patch(cloud, id, { rotation: DAILY });
    expect(on).toMatchObject({ versions_total: 2, next_rotation_date: '2026-11-21T00:00:00.000Z' });
    expect(await patch(cloud, id, { rotation: DAILY }), 'it was on already').toMatchObject({ versions_total: 2 });
    expect((await versionsOf(cloud, id)).map((version) => version.auto_rotated)).toEqual([false, true]);
  });

  it('keeps its day when somebody rotates by hand, or begins anew where the switch says so', async () => {
    await using cloud = await startCloud();
    const { id } = await create(cloud, { rotation: DAILY });
    await cloud.passMs(MINUTE_MS);
    await rotate(cloud, id);
    expect((await metadataOf(cloud, id)).next_rotation_date).toBe('2026-11-21T00:00:00.000Z');
    cloud.switches.rotationByHandRestartsInterval = true;
    await rotate(cloud, id);
    expect((await metadataOf(cloud, id)).next_rotation_date).toBe('2026-11-21T00:01:00.000Z');
  });
});
