import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import type { KeyRequest } from '../../shared/keys/kind.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { READ_MARK } from '../../shared/keys/read-mark.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { FunctionalId } from '../support/functional-id.ts';
import type { FunctionalIdOptions } from '../support/functional-id.ts';
import { onlyKey } from '../support/rotated.ts';
import { everythingIn, failureOf, outcomeOf } from './support/failures.ts';
import { ANSWERS, ownersKey, seenByOwner } from './support/identities.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TOKEN = 'POST /identity/token';
const UNKNOWN_KEY = 'ApiKey-00000000-0000-4000-8000-000000000000';

const { signal } = new AbortController();

const request = ({ lab }: FunctionalId, fields: Partial<KeyRequest> = {}): KeyRequest => ({
  name: 'keyrota-lab-pipeline-abcdefghijkl',
  description: 'Made.',
  expiresAtMs: lab.clock.nowMs() + 90 * DAY_MS,
  predecessorId: null,
  removes: null,
  ...fields,
});

/** A key of ours for the consumers, made in a run of its own. */
const create = (user: FunctionalId, fields: Partial<KeyRequest> = {}) =>
  user.run((kind) => kind.create(user.entry('pipeline'), request(user, fields), signal));

const disabled = (user: FunctionalId, keyId: string) => user.lab.admin.request('POST', `/v1/apikeys/${keyId}/disable`);

/** The stored login is refused from now on. */
async function loseLogin(user: FunctionalId): Promise<void> {
  await disabled(user, user.lab.currentKeyId('login'));
}

/** Who has sent the calls since then that match. */
const callersOf = ({ lab }: FunctionalId, from: number, path: RegExp) =>
  lab.cloud.calls
    .list(from)
    .filter((call) => path.test(call.path))
    .map(({ iamId }) => iamId);

/** What a call resolves to, or the code of its failure. */
const toldBy = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (error instanceof KeyrotaError ? error.code : error));

const WORLDS = ANSWERS.flatMap(({ answers, switches }) => [
  { answers, switches, rights: 'no rights', isAdministrator: false },
  { answers, switches, rights: 'Administrator', isAdministrator: true },
]);

describe.each(WORLDS)('the keys of a user, open questions answered $answers, and $rights,', (world) => {
  const open = (options: FunctionalIdOptions = {}) => FunctionalId.withLogin({ ...world, ...options });

  it('are all of that user, ours or not, asked for by that user', async () => {
    const user = await open();
    const { lab } = user;
    lab.cloud.iam.addUser('somebody else');
    const created = await create(user);
    const from = lab.cloud.calls.total + 1;
    const found = await user.run((kind) => kind.list(user.entry('pipeline'), signal));
    expect(found?.map(({ name }) => name)).toEqual(['First key of pipeline', 'keyrota-lab-pipeline-abcdefghijkl']);
    expect(found?.[1]).toMatchObject({ id: created.id, description: 'Made.', ownerMatches: true, canDisable: true });
    expect(callersOf(user, from, /^\/v1\/apikeys$/)).toEqual([user.iamId]);
  });

  it('are created with a value that works, the account’s expiry, and what protects from leaks', async () => {
    const user = await open();
    const created = await create(user);
    expect(everythingIn(created)).not.toContain(created.value.reveal());
    await user.lab.pass(10_000);
    expect(await user.logsIn(created.value.reveal())).toBe(true);
    expect(await seenByOwner(user.lab, created.id)).toMatchObject({
      action_when_leaked: 'disable',
      support_sessions: false,
      created_by: user.iamId,
    });
  });

  it('keep what their predecessor may and how it reacts to a leak', async () => {
    const user = await open();
    const { id } = await user.makeKey({ support_sessions: true, action_when_leaked: 'none' });
    const { id: successor } = await create(user, { predecessorId: id });
    expect(await seenByOwner(user.lab, successor)).toMatchObject({
      support_sessions: true,
      action_when_leaked: 'none',
    });
  });

  it('are as any other where their predecessor is gone, or another user’s', async () => {
    const user = await open();
    const other = await ownersKey(user.lab, user.lab.serviceId.iamId);
    for (const predecessorId of [UNKNOWN_KEY, other.id]) {
      const { id } = await create(user, { predecessorId });
      expect(await seenByOwner(user.lab, id)).toMatchObject({ support_sessions: false, action_when_leaked: 'disable' });
    }
  });

  it.each(['with', 'without'])(
    'are looked at, disabled, enabled, locked, extended and deleted %s a login',
    async (how) => {
      const user = await open();
      const { lab } = user;
      const { id } = await create(user);
      if (how === 'without') await loseLogin(user);
      const key = user.entry('pipeline');
      const all = user.run(async (kind) => {
        const look = async () => {
          const seen = await kind.look(key, id, signal);
          return seen && [seen.disabled, seen.locked, seen.expiresAtMs === Date.UTC(2027, 0, 1)];
        };
        const seen = [await look()];
        await kind.disable(key, id, signal);
        await kind.disable(key, id, signal);
        seen.push(await look());
        await kind.enable(key, id, signal);
        await kind.extend(key, id, Date.UTC(2027, 0, 1), signal);
        await kind.lock(key, id, signal);
        seen.push(await look());
        expect(await outcomeOf(kind.delete(key, id, signal))).toMatchObject({ code: 'conflict', effect: 'none' });
        await kind.unlock(key, id, signal);
        await kind.delete(key, id, signal);
        await kind.delete(key, UNKNOWN_KEY, signal);
        seen.push(await look());
        return seen;
      });
      const isLost = how === 'without' && !world.isAdministrator;
      const states = [[false, false, false], [true, false, false], [false, true, true], null];
      expect(await toldBy(all)).toEqual(isLost ? 'user_login_lost' : states);
      expect(lab.logLines.join('\n')).not.toContain('user_login_last_resort');
    },
  );

  it('are listed without a login where Keyrota may, and else a person is asked', async () => {
    const user = await open();
    const { id } = await create(user);
    await loseLogin(user);
    const listing = user.run((kind) => kind.list(user.entry('pipeline'), signal));
    const ids = listing.then((listed) => listed?.map((one) => one.id).toSorted());
    const all = user.keys.map((one) => one.id).toSorted();
    expect(all).toContain(id);
    expect(await toldBy(ids)).toEqual(world.isAdministrator ? all : 'user_login_lost');
  });

  it('are never created without a login, whatever Keyrota may do: a person is asked, with the steps', async () => {
    const user = await open();
    await loseLogin(user);
    const failure = await failureOf(create(user));
    if (!(failure instanceof PersonNeeded)) throw failure;
    const { code, problem, steps } = failure.obstacle;
    expect(code).toBe('user_login_lost');
    expect(problem).toContain(user.iamId);
    expect(problem).toContain('pipeline: secret pipeline has no current value');
    for (const words of ['ibmcloud login', 'ibmcloud iam api-key-create login', 'keyrota import login'])
      expect(steps.join('\n')).toContain(words);
    const obstacles = await user.run((kind) => kind.obstacles(user.entry('pipeline'), 1, signal));
    expect(obstacles.map((one) => one.code)).toContain('user_login_lost');
  });

  it('are put out of use by another login than their own, as long as there is one', async () => {
    const user = await open();
    const { lab } = user;
    await lab.tick(user.manifest);
    const loginId = lab.currentKeyId('login');
    const from = lab.cloud.calls.total + 1;
    await user.run((kind) => kind.disable(user.entry('login'), loginId, signal));
    const by = callersOf(user, from, new RegExp(`${loginId}/disable$`));
    expect(by.at(-1)).toBe(world.isAdministrator ? lab.keyrota.iamId : user.iamId);
    expect(user.readsOf('pipeline', from)).toBe(world.isAdministrator ? 0 : 1);
  });

  it('are put out of use by their own login where there is no other', async () => {
    const user = await open();
    const loginId = user.lab.currentKeyId('login');
    await user.run((kind) => kind.disable(user.entry('login'), loginId, signal));
    expect(user.key(loginId)).toMatchObject({ disabled: true });
  });

  it('are identified by their value, with its owner', async () => {
    const user = await open();
    const { id, value } = await user.makeKey();
    const other = user.lab.cloud.iam.addUser('somebody else');
    const identified = (text: string) =>
      user.run((kind) => kind.identify(user.entry('login'), new SecretValue(text), signal));
    expect(await identified(value)).toMatchObject({ id, canDisable: true });
    expect(await identified(other.apiKey)).toBeNull();
    expect(await identified('x'.repeat(44))).toBeNull();
  });

  it('are verified by a fresh login each time', async () => {
    const user = await open();
    const { value } = await create(user);
    const verify = () => user.run((kind) => kind.verify(user.entry('pipeline'), value, false, signal));
    expect(await verify()).toMatchObject({ outcome: 'refused' });
    await user.lab.pass(10_000);
    expect(await verify()).toEqual({ outcome: 'accepted' });
  });

  it('are surveyed with Keyrota’s own login, and where that may not see them by the user’s', async () => {
    const user = await open();
    const surveyed = user.run(async (kind) => {
      const ids: string[] = [];
      for await (const page of kind.survey?.([user.entry('login')], signal) ?? [])
        ids.push(...page.map(({ id }) => id));
      return ids;
    });
    expect(await surveyed).toContain(user.lab.currentKeyId('login'));
  });
});

describe('a login as a user', () => {
  /** Both entries have a key, and consumers have not fetched theirs. */
  async function both(options: FunctionalIdOptions = {}) {
    const user = await FunctionalId.withLogin(options);
    await user.lab.tick(user.manifest);
    await user.lab.pass(HOUR_MS);
    return { user, lab: user.lab };
  }

  const versionOf = ({ lab }: FunctionalId, name: string) =>
    lab.secret(name).versions.find(({ alias }) => alias === 'current');

  it('happens once a run, whoever asks at the same time', async () => {
    const { user, lab } = await both();
    const from = lab.cloud.calls.total + 1;
    await user.run((kind) =>
      Promise.all([kind.list(user.entry('login'), signal), kind.list(user.entry('pipeline'), signal)]),
    );
    expect(user.readsOf('login', from)).toBe(1);
    expect(user.readsOf('pipeline', from)).toBe(0);
  });

  it('takes the consumers’ value as a last resort, warns, and first says that it was no consumer who read it', async () => {
    const { user, lab } = await both();
    await loseLogin(user);
    expect(versionOf(user, 'pipeline')?.downloaded).toBe(false);
    await create(user);
    expect(lab.logLines.filter((line) => line.includes('"user_login_last_resort"'))).toHaveLength(1);
    const version = versionOf(user, 'pipeline');
    expect(version?.downloaded).toBe(true);
    expect(Object.keys(version?.customMetadata ?? {}).toSorted()).toEqual(['keyrota', READ_MARK]);
  });

  it('does not read the consumers’ value where it cannot say so', async () => {
    const { user, lab } = await both();
    await loseLogin(user);
    const from = lab.cloud.calls.total + 1;
    lab.fault({ match: 'PATCH /api/v2/secrets/*/versions/*/metadata', status: 500, times: 4 });
    expect(await outcomeOf(create(user))).toMatchObject({ code: 'service_failed' });
    expect(user.readsOf('pipeline', from)).toBe(0);
    expect(versionOf(user, 'pipeline')?.downloaded).toBe(false);
  });

  it('leaves the version alone where consumers have fetched it before', async () => {
    const { user, lab } = await both();
    await lab.fetchValue('pipeline');
    await loseLogin(user);
    await create(user);
    expect(versionOf(user, 'pipeline')?.customMetadata).not.toHaveProperty(READ_MARK);
  });

  it.each([
    { status: 500, times: 4 },
    { status: 429, times: 4 },
    { drop: 'answer', times: 4 },
  ] as const)('does not go on to the next value in trouble: %o', async (fault) => {
    const { user, lab } = await both();
    const from = lab.cloud.calls.total + 1;
    const created = user.run((kind) => {
      lab.fault({ match: TOKEN, ...fault });
      return kind.create(user.entry('pipeline'), request(user), signal);
    });
    expect(['service_failed', 'throttled', 'no_answer']).toContain((await outcomeOf(created)).code);
    expect(user.readsOf('pipeline', from)).toBe(0);
  });

  it('is in trouble, and not lost, where our address is refused', async () => {
    const { user } = await both();
    const created = user.run(async (kind) => {
      await user.lab.changeSettings({ allowed_ip_addresses: '192.0.2.0/24' });
      return kind.create(user.entry('pipeline'), request(user), signal);
    });
    expect(await outcomeOf(created)).toMatchObject({ ibmCode: 'BXNIM0430E' });
    expect(user.readsOf('pipeline')).toBe(0);
  });

  it('is tried again in the same run, a while after it was refused', async () => {
    const { user, lab } = await both();
    await user.run(async (kind) => {
      const key = user.entry('pipeline');
      lab.cloud.iam.setUserState(user.iamId, 'suspended');
      expect(await failureOf(kind.list(key, signal))).toMatchObject({ code: 'user_login_lost' });
      lab.cloud.iam.setUserState(user.iamId, 'active');
      const from = lab.cloud.calls.total + 1;
      expect(await failureOf(kind.list(key, signal))).toMatchObject({ code: 'user_login_lost' });
      expect(user.readsOf('login', from)).toBe(0);
      await lab.pass(MINUTE_MS);
      expect(await kind.list(key, signal)).not.toEqual([]);
    });
  });

  it.each([
    ['suspended', 'the user is suspended in the account'],
    ['left', 'the user has left the account'],
  ] as const)('does not work where the user is %s, and the problem says so', async (state, words) => {
    const { user, lab } = await both();
    lab.cloud.iam.setUserState(user.iamId, state);
    const failure = await failureOf(create(user));
    expect(failure).toMatchObject({ code: 'user_login_lost', message: expect.stringContaining(words) as string });
  });

  it('does not work with a value of somebody else', async () => {
    const { user, lab } = await both();
    const other = lab.cloud.iam.addUser('somebody else');
    const body = { payload: other.apiKey };
    await lab.admin.request('POST', `/api/v2/secrets/${lab.secret('login').id}/versions`, body);
    await create(user);
    expect(lab.logLines.join('\n')).toContain('user_login_last_resort');
    await disabled(user, lab.currentKeyId('pipeline'));
    expect(await failureOf(create(user))).toMatchObject({
      message: expect.stringContaining('login: the value in login logs in as somebody else') as string,
    });
  });

  it('is found in the secret that the entry had under a former name', async () => {
    const { user, lab } = await both();
    const renamed = parseManifest(
      {
        deployment: 'lab',
        keys: [{ kind: 'user-api-key', iamId: user.iamId, name: 'service-login', formerly: ['login'] }],
      },
      'test',
    );
    const from = lab.cloud.calls.total + 1;
    const listed = await lab.withPorts(renamed, (ports) => {
      const key = onlyKey(renamed);
      return ports.kindOf(key).list(key, signal);
    });
    expect(listed).not.toEqual([]);
    expect(user.readsOf('login', from)).toBe(1);
  });

  it('is Keyrota’s own where that is the same user: consumers’ values are left alone', async () => {
    const { user, lab } = await both();
    const { value } = await user.makeKey({ name: 'runs Keyrota' });
    await lab.admin.grant(user.iamId, ROLE.secretsWriter, 'secrets-manager');
    await lab.pass(HOUR_MS);
    await loseLogin(user);
    const { settings } = lab.context(user.manifest, { KEYROTA_API_KEY: value });
    const from = lab.cloud.calls.total + 1;
    const create = (ports: Ports) =>
      ports.kindOf(user.entry('pipeline')).create(user.entry('pipeline'), request(user), signal);
    const { id } = await lab.withPorts(user.manifest, create, { settings });
    expect(user.key(id)).toMatchObject({ disabled: false });
    const { id: secretId } = lab.secret('pipeline');
    expect(callersOf(user, from, new RegExp(`/secrets/${secretId}/versions/[^/]+$`))).toEqual([]);
  });

  it('ends with the run, when that is over', async () => {
    const { user } = await both();
    const over = new AbortController();
    over.abort(new Error('over'));
    expect(await failureOf(user.run((kind) => kind.list(user.entry('login'), over.signal)))).toBe(over.signal.reason);
  });

  it('never shows a value or a token', async () => {
    const { user, lab } = await both();
    await loseLogin(user);
    lab.cloud.iam.setUserState(user.iamId, 'suspended');
    const failure = await failureOf(create(user));
    const values = user.keys.map(({ value = '' }) => value).filter((value) => value !== '');
    for (const text of [everythingIn(failure), lab.logLines.join('\n')]) {
      expect(text).not.toMatch(/eyJ/);
      for (const value of values) expect(text.includes(value)).toBe(false);
    }
  });
});

describe('what stands in the way of a new key of a user', () => {
  const codesFor = async (user: FunctionalId, keyCount = 1) =>
    (await user.run((kind) => kind.obstacles(user.entry('pipeline'), keyCount, signal))).map(({ code }) => code);

  it('is nothing where a login works', async () => {
    expect(await codesFor(await FunctionalId.withLogin())).toEqual([]);
  });

  it('is a role that the user does not have', async () => {
    const grants = [{ service: 'logs', role: 'Sender' }];
    const user = await FunctionalId.withLogin({ entries: { pipeline: { grants } } });
    expect(await codesFor(user)).toEqual(['grant_missing']);
    await user.lab.admin.grant(user.iamId, 'crn:v1:bluemix:public:logs::::serviceRole:Sender', 'logs');
    expect(await codesFor(user)).toEqual([]);
  });

  it('is a full quota', async () => {
    const user = await FunctionalId.withLogin();
    while (user.keys.length < 20) await user.makeKey();
    const refusal = await failureOf(create(user));
    const obstacle = await user.run(async (kind) =>
      kind.obstacleOf(user.entry('pipeline'), refusal as Parameters<typeof kind.obstacleOf>[1]),
    );
    expect(obstacle).toMatchObject({
      code: 'key_limit_reached',
      problem: expect.stringContaining(user.iamId) as string,
    });
  });

  it('is the account’s restriction, which is told when IAM refuses', async () => {
    const user = await FunctionalId.withLogin();
    await user.lab.changeSettings({ restrict_create_platform_apikey: 'RESTRICTED' });
    const report = await user.lab.tick(user.manifest, { only: ['pipeline'] });
    expect(report.keys[0]).toMatchObject({ outcome: 'ask', code: 'creation_restricted' });
    expect(report.keys[0]?.next.join('\n')).toContain('User API key creator');
    const creator = 'crn:v1:bluemix:public:iam-identity::::serviceRole:UserApiKeyCreator';
    await user.lab.admin.grant(user.iamId, creator, 'iam-identity');
    await user.lab.pass(HOUR_MS);
    expect((await user.lab.tick(user.manifest, { only: ['pipeline'] })).keys[0]?.steps).toMatchObject([
      { step: 'mint' },
    ]);
  });
});
