import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import type { CreatedKey, KeyKind, KeyRequest } from '../../shared/keys/kind.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { readSummary, readVersionRecord, timeText, writeRecord } from '../../shared/rotation/record.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { ClassicWorld } from '../support/classic-user.ts';
import type { ClassicWorldOptions } from '../support/classic-user.ts';
import { WatchedRun } from '../support/watched-run.ts';
import { altering, cloudAdapter } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, outcomeOf } from './support/failures.ts';

const ADD = 'GET /rest/v3.1/SoftLayer_User_Customer/*/addApiAuthenticationKey.json';
const LIST = 'GET /rest/v3.1/SoftLayer_User_Customer/*/getApiAuthenticationKeys.json';
const REMOVE = 'POST /rest/v3.1/SoftLayer_User_Customer/removeApiAuthenticationKey.json';
const CURRENT_USER = 'GET /rest/v3.1/SoftLayer_Account/getCurrentUser.json';
const UNKNOWN_ID = '11111111';

const { signal } = new AbortController();

/** Lets the kind do something, as a run opens it. */
const withKind = <T>(
  world: ClassicWorld,
  work: (kind: KeyKind) => Promise<T>,
  changes: Partial<RunContext> = {},
): Promise<T> => world.lab.withPorts(world.manifest, (ports) => work(ports.kindOf(world.entry)), changes);

const requestOf = (removes: string | null): KeyRequest => ({
  name: 'keyrota-lab-classic-abcdefghijkl',
  description: 'Made.',
  expiresAtMs: 0,
  predecessorId: null,
  removes,
});

const create = (world: ClassicWorld, removes: string | null = null): Promise<CreatedKey> =>
  withKind(world, (kind) => kind.create(world.entry, requestOf(removes), signal));

/** How often a call of that end reached the cloud. */
const callsOf = (world: ClassicWorld, end: string): number =>
  world.lab.cloud.calls.list().filter(({ path }) => path.includes(end)).length;

/** The events of that name that were logged. */
const logged = (world: ClassicWorld, event: string): Record<string, unknown>[] =>
  world.lab.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['event'] === event);

/** What the cloud answers about the user, changed. */
const withUser = (world: ClassicWorld, change: object): Partial<RunContext> => ({
  http: {
    adapter: altering(cloudAdapter(world.lab.cloud), (body, { path }) => {
      if (path.endsWith('getCurrentUser.json')) Object.assign(body, change);
    }),
  },
});

/** A first key is stored, and so many days have passed. */
async function stored(options: ClassicWorldOptions = {}, days = 30): Promise<ClassicWorld> {
  const world = await ClassicWorld.open(options);
  expect(await world.tick()).toMatchObject({ steps: [{ step: 'mint' }] });
  await world.lab.pass(days * DAY_MS);
  return world;
}

const idsOf = ({ keys }: ClassicWorld): string[] => keys.map(({ id }) => id);

/** The user's key is the one that is stored, and it works. */
async function expectWell(world: ClassicWorld): Promise<void> {
  expect(idsOf(world)).toEqual([world.lab.currentKeyId('classic')]);
  expect(await world.works(await world.lab.fetchStored('classic'))).toBe(true);
}

function expectNoValueIn(world: ClassicWorld, values: readonly string[]): void {
  const log = world.lab.logLines.join('\n');
  for (const value of values) expect(log).not.toContain(value);
}

describe.each([
  { answers: 'as the facts are read', switches: {} },
  {
    answers: 'the other way',
    switches: {
      classicKeyReadable: true,
      classicRefusalStatus: 400,
      classicNotFoundStatus: 500,
      classicDeniedStatus: 403,
      classicFirstLoginDelayMs: 8_000,
    } as const,
  },
])('the classic key of a user, open questions answered $answers', ({ switches }) => {
  it('is the one of the list, or none', async () => {
    const world = await ClassicWorld.open({ switches });
    const list = () => withKind(world, (kind) => kind.list(world.entry, signal));
    expect(await list()).toEqual([]);
    const { id, createdAtMs } = await world.makeByHand();
    expect(await list()).toEqual([
      {
        id,
        name: '',
        description: '',
        createdAtMs: Math.floor(createdAtMs / 1_000) * 1_000,
        expiresAtMs: null,
        disabled: false,
        canDisable: false,
        locked: false,
        ownerMatches: true,
        generatedFor: null,
        disabledAtMs: null,
        enabledAtMs: null,
        lastUsed: 'unknown',
      },
    ]);
    const look = (keyId: string) => withKind(world, (kind) => kind.look(world.entry, keyId, signal));
    expect((await look(id))?.id).toBe(id);
    expect(await look(UNKNOWN_ID)).toBeNull();
  });

  it('is made where there is none, and replaced by its id where there is one', async () => {
    const world = await ClassicWorld.open({ switches });
    const first = await create(world);
    expect(first).toMatchObject({ id: world.keys[0]?.id, canDisable: false });
    expect(first.value.reveal()).toBe(world.keys[0]?.value);
    expect(first.secrets[0]?.reveal()).toMatch(/^[a-z0-9]{64}$/);
    const second = await create(world, first.id);
    expect(idsOf(world)).toEqual([second.id]);
    expect(second.id).not.toBe(first.id);
    expect(second.createdAtMs).toBe(Math.floor((world.keys[0]?.createdAtMs ?? 0) / 1_000) * 1_000);
    expect(await world.works(second.value.reveal())).toBe(true);
  });

  it('is not made beside one that somebody made meanwhile, and that one stays', async () => {
    const world = await ClassicWorld.open({ switches });
    const { id } = await create(world);
    const refreshed = await world.refreshByHand();
    for (const removes of [null, id]) {
      expect(await outcomeOf(create(world, removes))).toMatchObject({ code: 'conflict', effect: 'none' });
    }
    expect(world.keys).toEqual([refreshed]);
    expect(logged(world, 'user_without_key')).toEqual([]);
  });

  it('keeps its user from nothing where the permission is missing: nothing is removed', async () => {
    const world = await ClassicWorld.open({ switches });
    const { id } = await create(world);
    world.lab.cloud.classic.changeUser(world.userId, { managesApiKeys: false });
    const refusal = await apiFailureOf(create(world, id));
    expect(refusal).toMatchObject({ code: 'forbidden', effect: 'none' });
    expect(idsOf(world)).toEqual([id]);
    const obstacle = await withKind(world, async (kind) => kind.obstacleOf(world.entry, refusal));
    expect(obstacle).toMatchObject({ code: 'permission_missing' });
  });

  it('is verified by a login of its own, and known by its value', async () => {
    const world = await ClassicWorld.open({ switches });
    const { id, value } = await create(world);
    const wrong = new SecretValue('x'.repeat(64));
    await withKind(world, async (kind) => {
      expect(await kind.verify(world.entry, value, true, signal)).toEqual({ outcome: 'accepted' });
      expect(await kind.verify(world.entry, wrong, true, signal)).toMatchObject({ outcome: 'refused' });
      expect(await kind.identify(world.entry, value, signal)).toMatchObject({ id, canDisable: false, value });
      expect(await kind.identify(world.entry, wrong, signal)).toBeNull();
      world.lab.fault({ match: CURRENT_USER, status: 503, times: 8 });
      expect(await kind.verify(world.entry, value, false, signal)).toMatchObject({ outcome: 'failed' });
      expect(await outcomeOf(kind.identify(world.entry, value, signal))).toMatchObject({ code: 'service_failed' });
    });
  });

  it('is deleted once and for all, and cannot be disabled or locked', async () => {
    const world = await ClassicWorld.open({ switches });
    const { id } = await create(world);
    await withKind(world, async (kind) => {
      for (const change of [kind.disable(world.entry, id, signal), kind.enable(world.entry, id, signal)])
        expect(await failureOf(change)).toMatchObject({ code: 'not_possible' });
      await kind.lock(world.entry, id, signal);
      await kind.unlock(world.entry, id, signal);
      await kind.extend(world.entry, id, 0, signal);
      expect(idsOf(world)).toEqual([id]);
      await kind.delete(world.entry, id, signal);
      await kind.delete(world.entry, id, signal);
    });
    expect(world.keys).toEqual([]);
  });
});

describe('before the key of a classic user is removed', () => {
  const obstacles = (world: ClassicWorld, changes: Partial<RunContext> = {}) =>
    withKind(world, (kind) => kind.obstacles(world.entry, 1, signal), changes);

  it('nothing stands in the way of an active user', async () => {
    const world = await ClassicWorld.open();
    expect(await obstacles(world)).toEqual([]);
    expect(await obstacles(world, withUser(world, { userStatus: undefined, permissions: undefined }))).toEqual([]);
    expect(await obstacles(world, withUser(world, { permissions: [] }))).toEqual([]);
  });

  it.each(['PENDING', 'DISABLED', 'VPN_ONLY'] as const)('a user who is %s is a person’s to settle', async (status) => {
    const world = await stored();
    const before = idsOf(world);
    world.lab.cloud.classic.changeUser(world.userId, { status });
    expect(await obstacles(world)).toMatchObject([{ code: 'user_not_active' }]);
    const report = await world.tick();
    expect(report).toMatchObject({ outcome: 'ask', code: 'user_not_active', steps: [] });
    expect(report.next.length).toBeGreaterThan(0);
    expect(idsOf(world)).toEqual(before);
  });

  it('a user without the permission is asked about, as far as that shows', async () => {
    const world = await stored();
    const before = idsOf(world);
    const removals = callsOf(world, 'removeApi');
    const changes = withUser(world, { permissions: [{ keyName: 'TICKET_VIEW' }] });
    expect(await obstacles(world, changes)).toMatchObject([{ code: 'permission_missing' }]);
    expect(await world.tick({}, changes)).toMatchObject({ outcome: 'ask', code: 'permission_missing', steps: [] });
    expect(callsOf(world, 'removeApi')).toBe(removals);
    expect(idsOf(world)).toEqual(before);
  });

  it('a user who is not linked to classic infrastructure is a person’s to link', async () => {
    const world = await ClassicWorld.open({ terms: null });
    const report = await world.tick();
    expect(report).toMatchObject({ outcome: 'ask', code: 'not_linked_to_classic', steps: [] });
    expect(await obstacles(world)).toMatchObject([{ code: 'not_linked_to_classic' }]);
  });

  it('a user who is gone from there has no keys rather than none', async () => {
    const world = await ClassicWorld.open();
    world.lab.fault({ match: LIST, status: 404 });
    expect(await withKind(world, (kind) => kind.list(world.entry, signal))).toBeNull();
    world.lab.fault({ match: LIST, status: 404, times: 2 });
    expect(await world.tick()).toMatchObject({ outcome: 'ask', code: 'identity_gone' });
  });

  it('an API that cannot even be read leaves everything as it is', async () => {
    const world = await ClassicWorld.open();
    const { id } = await create(world);
    world.lab.fault({ match: LIST, status: 500, times: 4 });
    expect(await outcomeOf(create(world, id))).toMatchObject({ code: 'service_failed', effect: 'none' });
    expect(idsOf(world)).toEqual([id]);
  });
});

describe('the time that is left of a run', () => {
  it.each([
    { seconds: 110, lost: 25, becomes: 'is enough' },
    { seconds: 110, lost: 36, becomes: 'is not enough' },
    { seconds: 60, lost: 0, becomes: 'is enough' },
    { seconds: 60, lost: 12, becomes: 'is not enough' },
  ])(
    '$becomes to replace a key in a run of $seconds s, $lost s after its start',
    async ({ seconds, lost, becomes }) => {
      const world = await stored();
      const before = idsOf(world);
      const settings = { ...world.lab.context(world.manifest).settings, runMs: seconds * 1_000, callTimeoutMs: 60_000 };
      let isSlow = lost > 0;
      const inProcess = cloudAdapter(world.lab.cloud);
      const adapter: typeof inProcess = async (config) => {
        if (isSlow && (config as { url: string }).url.includes('getApiAuthenticationKeys')) {
          isSlow = false;
          await world.lab.pass(lost * 1_000);
        }
        return inProcess(config);
      };
      const report = await world.tick({}, { settings, http: { adapter } });
      const left = { outcome: 'left', code: 'no_time', steps: [] };
      const done = { outcome: 'rest', steps: [{ step: 'mint' }, { step: 'release' }] };
      expect(report).toMatchObject(becomes === 'is enough' ? done : left);
      expect(idsOf(world)[0] === before[0]).toBe(becomes === 'is not enough');
    },
  );
});

describe('once the old key of a classic user is removed', () => {
  it.each([
    { trouble: 'fails', fault: { status: 500, times: 3 } },
    { trouble: 'is lost on its way', fault: { drop: 'request', times: 3 } },
    { trouble: 'is refused for another reason', fault: { status: 403, times: 3 } },
    { trouble: 'is one too many', fault: { status: 429, times: 5 } },
    { trouble: 'hangs', fault: { lateMs: DAY_MS } },
    { trouble: 'loses its answers', fault: { drop: 'answer', times: 3 } },
    { trouble: 'fails after its effect', fault: { status: 503, afterEffect: true, times: 2 } },
  ] as const)('the add is tried until it goes well, where it $trouble', async ({ fault }) => {
    const world = await ClassicWorld.open();
    const former = await create(world);
    world.lab.fault({ match: ADD, ...fault });
    const startMs = world.lab.clock.nowMs();
    const { id, value } = await create(world, former.id);
    expect(idsOf(world)).toEqual([id]);
    expect(await world.works(value.reveal())).toBe(true);
    expect(world.lab.clock.nowMs() - startMs).toBeLessThan(65_000);
    expect(logged(world, 'user_without_key')).toEqual([]);
  });

  it('a removal without an answer is no reason to leave the user without a key', async () => {
    const world = await ClassicWorld.open();
    const former = await create(world);
    world.lab.fault({ match: REMOVE, drop: 'answer' });
    world.lab.fault({ match: REMOVE, drop: 'request', times: 3 });
    const { id } = await create(world, former.id);
    expect(idsOf(world)).toEqual([id]);
  });

  it('a removal that never got there is told as what it is', async () => {
    const world = await ClassicWorld.open();
    const former = await create(world);
    world.lab.fault({ match: REMOVE, drop: 'request', times: 4 });
    expect(await apiFailureOf(create(world, former.id))).toMatchObject({ operation: 'removeApiAuthenticationKey' });
    expect(idsOf(world)).toEqual([former.id]);
    expect(logged(world, 'user_without_key')).toEqual([]);
  });

  it('where nothing was removed, a clear refusal is not tried again', async () => {
    const world = await ClassicWorld.open();
    world.lab.fault({ match: ADD, status: 403, times: 2 });
    const before = callsOf(world, 'addApi');
    expect(await outcomeOf(create(world))).toMatchObject({ code: 'forbidden' });
    expect(callsOf(world, 'addApi') - before).toBe(1);
  });

  it.each([-HOUR_MS, HOUR_MS])(
    'a key from another time (%i ms) is not taken for the one whose answer was lost',
    async (shiftMs) => {
      const world = await ClassicWorld.open();
      const former = await create(world);
      world.lab.fault({ match: ADD, drop: 'answer' });
      const shifted = altering(cloudAdapter(world.lab.cloud), (body, { path }) => {
        if (!path.endsWith('getApiAuthenticationKeys.json')) return;
        for (const key of Object.values(body) as { timestampKey: number }[]) key.timestampKey += shiftMs / 1_000;
      });
      const making = withKind(world, (kind) => kind.create(world.entry, requestOf(former.id), signal), {
        http: { adapter: shifted },
      });
      expect(await outcomeOf(making)).toMatchObject({ code: 'conflict' });
      expect(world.keys).toHaveLength(1);
      expect(idsOf(world)).not.toEqual([former.id]);
    },
  );

  it('an add that fails for good raises an alarm, and the next ticks heal it', async () => {
    const world = await stored();
    const [former] = world.keys;
    world.lab.fault({ match: ADD, status: 500, times: 50 });
    const report = await world.tick();
    expect(report).toMatchObject({ outcome: 'failed', code: 'create_failed' });
    expect(world.keys).toEqual([]);
    const [alarm, ...others] = logged(world, 'user_without_key');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ level: 'error', username: world.username, removed: former?.id });
    expect(alarm?.['next']).toContain('ibmcloud sl user apikey');
    world.lab.cloud.faults.clear();
    await world.lab.pass(10 * MINUTE_MS);
    expect(await world.tick()).toMatchObject({ outcome: 'rest', steps: [{ step: 'mint' }, { step: 'release' }] });
    await expectWell(world);
    expectNoValueIn(world, [former?.value ?? '', await world.lab.fetchStored('classic')]);
  });

  it.each([0, 5])('one that a person asked for is tried by every tick, on day %i of the key', async (days) => {
    const world = await stored({}, days);
    world.lab.fault({ match: ADD, status: 500, times: 1_000 });
    expect(await world.tick({ force: true })).toMatchObject({ outcome: 'failed', code: 'create_failed' });
    expect(world.keys).toEqual([]);
    const { failures, dead_since: deadSince } = readSummary(world.lab.secret('classic').customMetadata) ?? {};
    expect({ failures, isDead: deadSince !== '' }).toEqual({ failures: 1, isDead: true });
    const every = { only: null, timerMs: MINUTE_MS };
    const attempts = async () => {
      let count = 0;
      for (let minute = 0; minute < 60; minute += 1) {
        await world.lab.pass(MINUTE_MS);
        const { keys } = await world.lab.tick(world.manifest, every);
        count += keys.filter(({ code }) => code === 'create_failed').length;
      }
      return count;
    };
    for (let hour = 0; hour < 3; hour += 1) expect(await attempts()).toBeGreaterThan(6);
    world.lab.cloud.faults.clear();
    for (let minute = 0; minute < 8; minute += 1) {
      await world.lab.pass(MINUTE_MS);
      await world.lab.tick(world.manifest, every);
    }
    await expectWell(world);
  });

  it('an add that is refused for good is a person’s to settle, who is told what was removed', async () => {
    const world = await stored({}, 5);
    world.lab.fault({ match: ADD, status: 403, times: 1_000 });
    const report = await world.tick({ force: true });
    expect(report).toMatchObject({ outcome: 'ask', code: 'permission_missing', steps: [] });
    expect(report.why).toContain('Its old key was removed');
    expect(report.why).not.toContain('Nothing was removed');
    expect(world.keys).toEqual([]);
    expect(readSummary(world.lab.secret('classic').customMetadata)?.dead_since).not.toBe('');
    world.lab.cloud.faults.clear();
    await world.lab.pass(7 * MINUTE_MS);
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    await expectWell(world);
  });

  it('a run whose time is up raises the alarm too', async () => {
    const world = await ClassicWorld.open();
    const former = await create(world);
    world.lab.fault({ match: ADD, lateMs: DAY_MS, times: 50 });
    const ended = new AbortController();
    const making = withKind(world, (kind) => kind.create(world.entry, requestOf(former.id), ended.signal));
    making.catch(() => undefined);
    await world.lab.pass(15_000);
    ended.abort(new KeyrotaError('time_is_up', 'The time is up.'));
    expect(await failureOf(making)).toMatchObject({ code: 'time_is_up' });
    expect(logged(world, 'user_without_key')).toHaveLength(1);
  });

  it('no value is in what is thrown', async () => {
    const world = await ClassicWorld.open();
    const former = await create(world);
    world.lab.fault({ match: ADD, drop: 'answer', times: 50 });
    world.lab.fault({ match: LIST, status: 500, times: 50 });
    await world.lab.pass(1_000);
    const error = await failureOf(create(world, former.id));
    const values = [former.value.reveal(), ...world.keys.map(({ value }) => value)];
    for (const value of values) expect(everythingIn(error)).not.toContain(value);
    expectNoValueIn(world, values);
  });
});

describe('a new key of a classic user that is added', () => {
  /** From the nth login with the new key on, each of them meets this. */
  async function tickWithLogins(world: ClassicWorld, from: number, meets: () => unknown): Promise<void> {
    let isAdded = false;
    let logins = 0;
    const run = new WatchedRun(world.lab, async ({ path }, send) => {
      if (isAdded && path.includes('getCurrentUser')) logins += 1;
      if (logins === from) meets();
      const answer = await send();
      isAdded ||= path.includes('addApi');
      return answer;
    });
    await run.perform(world.manifest, (changes) => world.tick({}, changes));
  }

  it.each([2, 3])('is stored even if a login after the first tells nothing (login %i)', async (from) => {
    const world = await stored();
    const [former] = world.keys;
    await tickWithLogins(world, from, () => world.lab.fault({ match: CURRENT_USER, status: 503, times: 1_000 }));
    world.lab.cloud.faults.clear();
    expect(idsOf(world)).not.toEqual([former?.id]);
    expect(logged(world, 'key_not_verified')).toMatchObject([{ level: 'warn' }]);
    expect(logged(world, 'user_without_key')).toEqual([]);
    await expectWell(world);
  });

  it('goes with an alarm when it is refused', async () => {
    const world = await stored();
    await tickWithLogins(world, 2, () => world.lab.fault({ match: CURRENT_USER, status: 401, times: 1_000 }));
    world.lab.cloud.faults.clear();
    expect(world.keys).toEqual([]);
    expect(logged(world, 'user_without_key')).toMatchObject([{ level: 'error', owner: world.iamId }]);
    await world.lab.pass(7 * MINUTE_MS);
    await world.tick();
    await expectWell(world);
  });

  it.each([
    { trouble: 'may not', status: 403, outcome: 'ask' },
    { trouble: 'cannot', status: 400, outcome: 'failed' },
  ])('goes with an alarm when Keyrota $trouble store it', async ({ status, outcome }) => {
    const world = await stored();
    const [former] = world.keys;
    world.lab.fault({ match: 'POST /api/v2/secrets/*/versions', status, times: 9 });
    expect(await world.tick()).toMatchObject({ outcome });
    expect(world.keys).toEqual([]);
    expect(logged(world, 'user_without_key')).toMatchObject([{ level: 'error', removed: former?.id }]);
    world.lab.cloud.faults.clear();
    await world.lab.pass(7 * MINUTE_MS);
    await world.tick();
    await expectWell(world);
  });

  it('raises no alarm when it is lost where it was to be the first', async () => {
    const world = await ClassicWorld.open();
    world.lab.fault({ match: 'POST /api/v2/secrets', status: 403, times: 9 });
    expect(await world.tick()).toMatchObject({ outcome: 'ask' });
    expect(world.keys).toEqual([]);
    expect(logged(world, 'user_without_key')).toEqual([]);
  });
});

describe('the account’s classic keys', () => {
  it('are surveyed user by user, and one who cannot be seen hides no other', async () => {
    const world = await ClassicWorld.open();
    const { id } = await world.makeByHand();
    const unknown = { ...world.entry, name: 'other', iamId: 'IBMid-unknown' };
    const pages = await withKind(world, async (kind) => {
      const found: string[][] = [];
      for await (const page of kind.survey?.([unknown, world.entry], signal) ?? [])
        found.push(page.map((one) => one.id));
      return found;
    });
    expect(pages).toEqual([[id]]);
    expect(logged(world, 'user_not_surveyed')).toMatchObject([{ level: 'warn', key: 'other' }]);
  });

  it('need a login of their user, or a person', async () => {
    const world = await ClassicWorld.open();
    const error = await failureOf(
      withKind(world, (kind) => kind.list({ ...world.entry, iamId: 'IBMid-unknown' }, signal)),
    );
    expect(error).toBeInstanceOf(PersonNeeded);
    expect(error).toMatchObject({ code: 'user_login_lost' });
  });
});

/** The present, in UTC, is 08:01 on a Monday. */
const LATER = { window: { from: '13:00', until: '14:00' } };

describe('the maintenance window of a classic key', () => {
  it('guards the removal for a regular rotation', async () => {
    const world = await stored({ entry: LATER });
    const before = idsOf(world);
    expect(await world.tick()).toMatchObject({ outcome: 'hold', code: 'window', steps: [] });
    expect(idsOf(world)).toEqual(before);
    await world.lab.pass(5 * HOUR_MS + 10 * MINUTE_MS);
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    expect(idsOf(world)).not.toEqual(before);
    await expectWell(world);
  });

  it('is met however short it is, by every tick, of a key that has been due for long', async () => {
    const world = await stored({ entry: { window: { from: '13:00', until: '13:15' } } });
    await world.lab.pass(DAY_MS + 4 * HOUR_MS + 59 * MINUTE_MS);
    const planned: number[] = [];
    for (let minute = 0; minute < 16; minute += 1) {
      await world.lab.pass(MINUTE_MS);
      const { keys } = await world.lab.tick(world.manifest, { only: null, timerMs: MINUTE_MS, dryRun: true });
      if (keys.some(({ name, outcome }) => name === 'classic' && outcome === 'planned')) planned.push(minute);
    }
    expect(planned).toEqual(Array.from({ length: planned.length }, (_, index) => (planned[0] ?? 0) + index));
    expect(planned.length).toBeGreaterThanOrEqual(14);
  });

  it('keeps no user from a key who has none', async () => {
    const world = await stored({ entry: LATER }, 1);
    await world.removeByHand(idsOf(world)[0] ?? '');
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    await expectWell(world);
  });

  it('is nothing to a compromised key', async () => {
    const world = await stored({ entry: LATER }, 1);
    const before = idsOf(world);
    await markCompromised(world);
    expect((await world.tick()).steps.map(({ step }) => step)).toEqual(['contain', 'mint', 'release']);
    expect(idsOf(world)).not.toEqual(before);
    await expectWell(world);
  });
});

/** Marks the current version as compromised, as the response to a leak does. */
async function markCompromised({ lab, manifest }: ClassicWorld): Promise<void> {
  const { id } = lab.secret('classic');
  await lab.withPorts(manifest, async ({ secrets, clock }) => {
    const current = (await secrets.listVersions(id, signal)).find(({ alias }) => alias === 'current');
    const record = readVersionRecord(current?.version_custom_metadata ?? {});
    if (!current || !record) throw new Error('there is no current version of ours');
    const marked = { ...record, compromised_at: timeText(clock.nowMs()) };
    const written = writeRecord(current.version_custom_metadata, marked);
    await secrets.writeVersionMetadata(id, current.id, written, signal);
  });
}

describe('a classic key that a person refreshed', () => {
  it('is never removed, unless a person wants that', async () => {
    const world = await stored({}, 5);
    const refreshed = await world.refreshByHand();
    for (let day = 0; day < 40; day += 1) {
      await world.lab.pass(DAY_MS);
      expect(await world.tick()).toMatchObject({ outcome: 'ask', code: 'place_taken', steps: [] });
    }
    expect(world.keys).toEqual([refreshed]);
    expect((await world.tick({ force: true })).steps[0]).toMatchObject({ step: 'mint' });
    await expectWell(world);
  });

  it.each([1, 2, 9])('is kept where %i mints of ours had failed for good shortly before', async (mints) => {
    const world = await stored();
    world.lab.fault({ match: ADD, status: 403, times: 1_000 });
    for (let count = 0; count < mints; count += 1) {
      await world.lab.pass(7 * MINUTE_MS);
      expect(await world.tick()).toMatchObject({ outcome: 'ask', code: 'permission_missing' });
    }
    world.lab.cloud.faults.clear();
    await world.lab.pass(2 * MINUTE_MS);
    const made = await world.makeByHand();
    for (let minute = 0; minute < 30; minute += 1) {
      await world.lab.pass(MINUTE_MS);
      await world.tick();
    }
    expect(world.keys).toEqual([made]);
    expect(await world.tick()).toMatchObject({ outcome: 'ask', code: 'place_taken', steps: [] });
  });

  it('is left alone by a mint that was decided on before', async () => {
    const world = await stored();
    let refreshed: string | undefined;
    const run = new WatchedRun(world.lab, async ({ path }, send) => {
      if (path.includes('removeApi') && refreshed === undefined) refreshed = (await world.refreshByHand()).id;
      return send();
    });
    await run.perform(world.manifest, (changes) => world.tick({}, changes));
    expect(idsOf(world)).toEqual([refreshed]);
  });
});

describe('a mint of a classic key that was cut off', () => {
  /** The process dies after the first call that matches has taken effect. */
  async function killedAfter(world: ClassicWorld, end: string): Promise<void> {
    const run = new WatchedRun(world.lab, async ({ path }, send, watched) => {
      const answer = await send();
      return path.includes(end) ? watched.kill() : answer;
    });
    await run.perform(world.manifest, (changes) => world.tick({}, changes));
    await world.lab.pass(20 * MINUTE_MS);
  }

  it('is repeated, and what it left goes first', async () => {
    const world = await stored();
    await killedAfter(world, 'addApi');
    const left = idsOf(world);
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    expect(idsOf(world)).not.toEqual(left);
    await expectWell(world);
  });

  it('is repeated even if the next one is cut off before it removes what is left', async () => {
    const world = await stored();
    await killedAfter(world, 'addApi');
    await killedAfter(world, 'locks_bulk');
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    await expectWell(world);
  });

  it('is a person’s to settle where the issuer does not tell when the key was made', async () => {
    const world = await stored({ switches: { classicTimestampKey: 'absent' } });
    await killedAfter(world, 'addApi');
    const left = idsOf(world);
    expect(await world.tick()).toMatchObject({ outcome: 'ask', code: 'place_taken', steps: [] });
    expect(idsOf(world)).toEqual(left);
    await world.tick({ force: true });
    await expectWell(world);
    expect(await world.tick()).toMatchObject({ outcome: 'rest' });
  });

  it('is a person’s to settle where it was the first', async () => {
    const world = await ClassicWorld.open();
    await killedAfter(world, 'addApi');
    expect(await world.tick()).toMatchObject({ outcome: 'ask', code: 'place_taken', steps: [] });
    expect(await world.tick({ force: true })).toMatchObject({ outcome: 'ask', code: 'import_first', steps: [] });
    await world.removeByHand(idsOf(world)[0] ?? '');
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    await expectWell(world);
  });
});

describe('a classic key that existed before', () => {
  it('stays, whatever the manifest or a person says, until its value is stored', async () => {
    const world = await ClassicWorld.open();
    const made = await world.makeByHand();
    await world.lab.pass(HOUR_MS);
    const entry = { ...world.entry, adopt: [made.id] };
    const adopting = { ...world.manifest, keys: [entry, ...world.manifest.keys.slice(1)] };
    for (const force of [false, true]) {
      const { keys } = await world.lab.tick(adopting, { only: ['classic'], force });
      expect(keys[0]).toMatchObject({ outcome: 'ask', code: 'import_first', steps: [] });
    }
    expect(world.keys).toEqual([made]);
    await world.lab.withPorts(adopting, (ports) => importKey(entry, new SecretValue(made.value), ports));
    const { keys } = await world.lab.tick(adopting, { only: ['classic'] });
    expect(keys[0]).toMatchObject({ outcome: 'rest', steps: [] });
    await world.lab.pass(30 * DAY_MS);
    expect((await world.lab.tick(adopting, { only: ['classic'] })).keys[0]?.steps[0]).toMatchObject({ step: 'mint' });
    await expectWell(world);
  });
});

describe('the secret of a classic key', () => {
  it('can be a field of a kv secret', async () => {
    const world = await stored({ secret: { type: 'kv', field: 'classic_key' } });
    const [key] = world.keys;
    expect(JSON.parse(await world.lab.fetchStored('classic'))).toEqual({ classic_key: key?.value });
  });

  it('takes in what a person made', async () => {
    const world = await stored({}, 1);
    const { id, value } = await world.refreshByHand();
    await world.lab.withPorts(world.manifest, (ports) => importKey(world.entry, new SecretValue(value), ports));
    await world.tick();
    expect(await world.tick()).toMatchObject({ outcome: 'rest' });
    expect(idsOf(world)).toEqual([id]);
    await expectWell(world);
  });
});
