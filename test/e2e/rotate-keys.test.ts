import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Timers } from '../../infra/local/host/timers.ts';
import { RotateWorld, TRIGGER_TOKEN, buildInto, temporaryFolder } from './support/rotate-world.ts';
import type { RotateWorldOptions } from './support/rotate-world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const REFUSED = { code: 'unauthorized', message: 'Unauthorized.' };
const FAILED = 'The run failed; its log says why.';

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(async () => {
  folder = temporaryFolder();
  await buildInto(folder.path);
});
afterAll(() => {
  folder[Symbol.dispose]();
});

const open = (options: Partial<RotateWorldOptions> = {}) =>
  RotateWorld.open({ directory: join(folder.path, 'rotate-keys'), ...options });

/** What an answer must never show: where it comes from, or any value. */
function expectNoDetail(text: string, world: RotateWorld): void {
  expect(text).not.toMatch(/ at |node_modules|\.ts|\.js/);
  expectNoValue(text, world);
}

function expectNoValue(text: string, world: RotateWorld): void {
  const values = world.state.iam.apiKeys.map((key) => key.value ?? '').filter((value) => value !== '');
  for (const value of [...values, TRIGGER_TOKEN, 'eyJ']) expect(text).not.toContain(value);
}

describe.concurrent('a timer event', () => {
  it('makes the keys that are missing, stores them, and says so', async () => {
    await using world = await open({ keyCount: 3 });
    const effects = world.recordEffects();
    const answers: { status: number; body: unknown }[] = [];
    const deliver = async (request: Request) => {
      const response = await world.host.handle(request);
      answers.push({ status: response.status, body: await response.clone().json() });
      return response;
    };
    const timer = { name: 'tick', functionName: 'rotate-keys', schedule: '0 * * * *' };
    using timers = new Timers({ clock: world.clock, timers: [timer], deliver });
    await world.passHours(1);
    await world.pass(5 * 60_000);
    timers[Symbol.dispose]();
    const minted = { steps: [{ step: 'mint' }], outcome: 'rest', code: null, next: [] };
    const keys = ['key-0', 'key-1', 'key-2'].map((name) => ({ name, ...minted }));
    expect(answers).toMatchObject([
      { status: 200, body: { dryRun: false, counts: { rest: 3 }, restingCount: 0, keys } },
    ]);
    expect(effects.toSorted()).toEqual([
      ...Array.from({ length: 3 }, () => 'api-key.create'),
      ...Array.from({ length: 3 }, () => 'secret-version.create'),
    ]);
    expect(world.keys.map((key) => key.id).toSorted()).toEqual(
      ['key-0', 'key-1', 'key-2'].map((name) => world.currentKeyId(name)).toSorted(),
    );
    expectNoValue(JSON.stringify(answers) + world.lines.join('\n'), world);
  });

  it('is found in the log by its id, in lines of JSON', async () => {
    await using world = await open();
    const headers = { 'ce-id': 'tick-1', 'ce-type': 'dev.knative.sources.ping', 'ce-specversion': '1.0' };
    const { status, body } = await world.call(undefined, { headers });
    expect(status).toBe(200);
    for (const line of world.log) expect([line['run'], line['delivery']]).toEqual([body['runId'], 'tick-1']);
    const events = world.log.map(({ event }) => event);
    expect([events[0], events.at(-1)]).toEqual(['run_started', 'run_finished']);
    expect(events).toContain('key_minted');
  });

  it.each([
    ['{}', 'application/json'],
    ['{"dryRun":false}', 'application/json'],
    ['', 'application/json'],
    ['{}', 'text/plain'],
    ['{}', 'application/cloudevents+json'],
  ])('may carry the data %j as %s', async (body, type) => {
    await using world = await open({ environment: { KEYROTA_LOG_LEVEL: 'error' } });
    const { status } = await world.call(body, { headers: { 'content-type': type, 'ce-id': 'tick' } });
    expect([status, world.keys.length]).toEqual([200, 1]);
  });

  it('is cheap where all keys rest', async () => {
    await using world = await open({ keyCount: 3, environment: { KEYROTA_TIMER_MINUTES: '1' } });
    await world.rotate();
    await world.pass(7 * 60_000);
    const before = world.cloud.calls.total;
    const answer = await world.rotate();
    expect(answer).toMatchObject({ keys: [], restingCount: 3, counts: {} });
    expect(world.cloud.calls.total - before).toBeLessThanOrEqual(2);
  });

  it('works on the most urgent keys first', async () => {
    const directory = join(folder.path, 'rotate-keys');
    await using world = await open({ directory, keyCount: 3, environment: { KEYROTA_KEYS_AT_ONCE: '1' } });
    for (const name of ['key-2', 'key-1']) await world.rotate({ only: [name] }, TRIGGER_TOKEN);
    await world.admin.request('POST', `/v1/apikeys/${world.currentKeyId('key-2')}/disable`);
    // Somebody disabled the key of key-2; key-0 is new; key-1 rests. The account is listed once an hour.
    for (let hours = 0; hours < 2; hours += 1) {
      await world.passHours(1);
      world.lines.length = 0;
      await world.rotate();
      if (world.log.some((line) => line.event === 'key_minted')) break;
    }
    const minted = world.log.filter((line) => line.event === 'key_minted').map((line) => line['key']);
    expect(minted).toEqual(['key-2', 'key-0']);
  });

  it('is not stopped by the trouble of one key', async () => {
    await using world = await open({ keyCount: 3 });
    const broken = world.serviceIds[1];
    await world.admin.request('DELETE', `/v1/serviceids/${broken?.id}`);
    const answer = await world.rotate();
    expect(answer.keys.map(({ name, steps }) => [name, steps.map(({ step }) => step)])).toEqual([
      ['key-0', ['mint']],
      ['key-1', []],
      ['key-2', ['mint']],
    ]);
    expect(answer.counts['rest']).toBe(2);
    expect(['ask', 'failed']).toContain(answer.keys[1]?.outcome);
    expectNoDetail(JSON.stringify(answer), world);
  });
});

describe('a bad request', () => {
  let world: RotateWorld;
  beforeAll(async () => {
    world = await open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each([
    ['[]', '(body)'],
    ['5', '(body)'],
    ['null', '(body)'],
    ['"now"', '(body)'],
    ['{"dryRun":"yes"}', 'dryRun'],
    ['{"force":1}', 'force'],
    ['{"only":"key-0"}', 'only'],
    ['{"only":[]}', 'only'],
    ['{"only":["key-0",5]}', 'only.1'],
    ['{"only":[""]}', 'only.0'],
    ['{"dryrun":true}', '(body)'],
    ['{"dryRun":true,"force":null}', 'force'],
  ])('%s is answered with 400 and the path %s', async (text, path) => {
    for (const token of [undefined, TRIGGER_TOKEN]) {
      const answer = await world.call(text, token === undefined ? {} : { token });
      expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
      expect(String(answer.body['message']).split(': ')[0]).toBe(path);
      expectNoDetail(answer.text, world);
    }
    expect(world.keys).toEqual([]);
  });

  it('names every fault', async () => {
    const { status, body } = await world.call({ dryRun: 1, only: {}, force: 'x' });
    const paths = String(body['message'])
      .split('; ')
      .map((fault) => fault.split(': ')[0]);
    expect([status, paths]).toEqual([400, ['dryRun', 'only', 'force']]);
  });

  it.each([
    ['{', 'text/plain'],
    ['{', 'application/octet-stream'],
    ['force=true', 'application/x-www-form-urlencoded'],
  ])('that is no JSON, %s as %s, is answered with 400', async (text, type) => {
    const { status, body } = await world.call(text, { headers: { 'content-type': type } });
    expect([status, body]).toEqual([400, { code: 'invalid_request', message: '(body): is not JSON' }]);
  });

  it('that is no JSON but says so is refused by the platform', async () => {
    expect((await world.call('{')).status).toBe(400);
  });

  it('names the keys that the manifest does not have, to whom may know', async () => {
    const only = ['key-0', 'no-such-key', 'nor-this'];
    const { status, body } = await world.call({ only }, { token: TRIGGER_TOKEN });
    expect([status, body['code']]).toEqual([400, 'invalid_request']);
    expect(body['message']).toMatch(/^only\.1: .*; only\.2: /);
    expect((await world.call({ only })).status).toBe(401);
    expect(world.keys).toEqual([]);
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('with the method %s is answered with 405', async (method) => {
    const { status, body } = await world.call(undefined, { method });
    expect([status, body['code']]).toEqual([405, 'method_not_allowed']);
  });

  it.each(['/keys', '//', '/..%2f'])('to the path %s is answered with 404', async (path) => {
    const { status, body } = await world.call({}, { path });
    expect([status, body['code']]).toEqual([404, 'not_found']);
  });
});

describe('who targets or forces', () => {
  let world: RotateWorld;
  beforeAll(async () => {
    world = await open({ environment: { KEYROTA_TRIGGER_TOKEN_PREVIOUS: 'the-former-bearer-token-0123456789-abc' } });
    await world.rotate();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each([
    ['no header', {}],
    ['a wrong token', { authorization: 'Bearer wrong-wrong-wrong-wrong-wrong-wrong' }],
    ['a longer token', { authorization: `Bearer ${TRIGGER_TOKEN}x` }],
    ['a part of the token', { authorization: `Bearer ${TRIGGER_TOKEN.slice(0, -1)}` }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: `Basic ${TRIGGER_TOKEN}` }],
    ['the bare token', { authorization: TRIGGER_TOKEN }],
    ['two tokens', { authorization: `Bearer wrong, Bearer ${TRIGGER_TOKEN}` }],
  ])('is refused without detail with %s', async (_, headers) => {
    const effects = world.recordEffects();
    const before = world.cloud.calls.total;
    for (const wish of [
      { force: true },
      { only: ['key-0'] },
      { only: ['key-0'], force: true },
      { dryRun: true, force: true },
    ]) {
      const answer = await world.call(wish, { headers });
      expect([answer.status, answer.body]).toEqual([401, REFUSED]);
    }
    expect([effects, world.cloud.calls.total]).toEqual([[], before]);
  });

  it('cannot do so by the address or by fields of the platform', async () => {
    const effects = world.recordEffects();
    const { status } = await world.call({}, { path: '?force=true&only=key-0' });
    expect([status, effects]).toEqual([200, []]);
    expect((await world.call({ __ce_body: '{"force":true}' })).status).toBe(400);
  });

  it('is heard with the token, and with the former one while callers change', async () => {
    for (const token of [TRIGGER_TOKEN, 'the-former-bearer-token-0123456789-abc']) {
      expect((await world.call({ only: ['key-0'] }, { token })).status).toBe(200);
      expect(
        (await world.call({ only: ['key-0'], dryRun: true }, { headers: { authorization: `bearer ${token}` } })).status,
      ).toBe(200);
    }
  });

  it('is always refused where no token is set', async () => {
    await using other = await open({ environment: { KEYROTA_TRIGGER_TOKEN: undefined } });
    for (const token of ['', 'undefined', TRIGGER_TOKEN]) {
      expect(await other.call({ force: true }, { token })).toMatchObject({ status: 401, body: REFUSED });
    }
    expect((await other.call({ dryRun: true })).status).toBe(200);
  });
});

describe.concurrent('a dry run', () => {
  it('says what would be done, to anybody, and changes nothing', async () => {
    await using world = await open({ keyCount: 2 });
    const effects = world.recordEffects();
    const before = JSON.stringify(world.state);
    const answer = await world.rotate({ dryRun: true });
    const planned = { outcome: 'planned', steps: [{ step: 'mint' }] };
    expect(answer).toMatchObject({
      dryRun: true,
      counts: { planned: 2 },
      keys: [
        { name: 'key-0', ...planned },
        { name: 'key-1', ...planned },
      ],
    });
    expect(effects).toEqual([]);
    expect(world.state.secretsManager).toEqual((JSON.parse(before) as RotateWorld['state']).secretsManager);
  });

  it('of a forced rotation says what it would do', async () => {
    await using world = await open();
    await world.rotate();
    const effects = world.recordEffects();
    const answer = await world.rotate({ dryRun: true, force: true, only: ['key-0'] }, TRIGGER_TOKEN);
    expect([answer.keys, effects]).toMatchObject([[{ outcome: 'planned', steps: [{ step: 'mint' }] }], []]);
  });
});

describe.concurrent('a wish', () => {
  it('for some keys leaves the others alone', async () => {
    await using world = await open({ keyCount: 3 });
    const answer = await world.rotate({ only: ['key-2', 'key-0'] }, TRIGGER_TOKEN);
    expect(answer.keys.map(({ name }) => name)).toEqual(['key-0', 'key-2']);
    expect(world.state.secretsManager.secrets.map(({ name }) => name).toSorted()).toEqual(['key-0', 'key-2']);
  });

  it('to rotate now replaces a key that rests, once', async () => {
    await using world = await open({ keyCount: 2 });
    await world.rotate();
    await world.pass(HOUR_MS);
    const [former, untouched] = ['key-0', 'key-1'].map((name) => world.currentKeyId(name));
    const effects = world.recordEffects();
    const answer = await world.rotate({ only: ['key-0'], force: true }, TRIGGER_TOKEN);
    expect(answer.keys).toMatchObject([{ name: 'key-0', steps: [{ step: 'mint' }], outcome: 'hold', code: 'grace' }]);
    expect(Date.parse(String(answer.keys[0]?.until))).toBeGreaterThan(world.clock.nowMs());
    expect(effects).toEqual(['api-key.create', 'secret-version.create']);
    expect(world.currentKeyId('key-0')).not.toBe(former);
    expect(world.currentKeyId('key-1')).toBe(untouched);
    expect(world.keys.map(({ id }) => id)).toContain(former);
  });
});

describe.concurrent('a function that is not set up', () => {
  const fail = async (environment: Record<string, string | undefined>, code: string) => {
    await using world = await open({ environment });
    const before = world.cloud.calls.total;
    const answer = await world.call({});
    expect([answer.status, answer.body]).toEqual([500, { code, message: FAILED }]);
    expect(answer.headers.get('x-faas-result')).toBe('success'); // it is the function's own answer
    expect(world.cloud.calls.total).toBe(before);
    expect(world.log).toMatchObject([{ level: 'error', event: 'run_failed' }]);
    const [line = ''] = world.lines;
    expectNoValue(line, world);
    return line;
  };

  it.each([
    ['KEYROTA_ACCOUNT_ID', undefined],
    ['KEYROTA_SECRETS_MANAGER_URL', undefined],
    ['KEYROTA_PROFILE_ID', undefined],
    ['KEYROTA_ACCOUNT_ID', 'my-account-and-nothing-else'],
    ['KEYROTA_IAM_URL', 'http://iam.example.com'],
    ['KEYROTA_RUN_SECONDS', '1000'],
    ['KEYROTA_TRIGGER_TOKEN', 'too-short'],
    ['KEYROTA_NO_SUCH_SETTING', 'surprise'],
  ])('fails with a code and logs the name of the variable: %s=%s', async (name, value) => {
    const line = await fail({ [name]: value }, 'settings_invalid');
    expect(line).toContain(name);
    expect(line).not.toContain(value ?? 'undefined');
  });

  it.each([
    [undefined, 'manifest_missing'],
    ['{', 'manifest_not_json'],
    ['{}', 'manifest_invalid'],
    ['{"deployment":"test","keys":[{"kind":"service-id-api-key"}]}', 'manifest_invalid'],
  ])('fails with the manifest %s', async (manifest, code) => {
    expect(await fail({ KEYROTA_MANIFEST: manifest }, code)).toContain(code);
  });

  it('fails at once where its compute-resource token is missing, and logs what to do', async () => {
    const hosted = { computeResourceToken: () => '' };
    const file = '/nowhere/compute-resource-token/token';
    const missing = { KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE: file };
    for (const options of [{ hosted }, { environment: missing, hosted: { computeResourceTokenVariable: 'UNUSED' } }]) {
      await using world = await open(options);
      const [startMs, callsBefore] = [world.clock.nowMs(), world.cloud.calls.total];
      const answer = await world.call({});
      expect([answer.status, answer.body]).toEqual([500, { code: 'compute_resource_token_missing', message: FAILED }]);
      expect(world.clock.nowMs() - startMs).toBeLessThan(1_000);
      const failed = world.log.find(({ event }) => event === 'run_failed');
      expect(failed).toMatchObject({ level: 'error', error: { code: 'compute_resource_token_missing' } });
      expect(JSON.stringify(failed)).toContain('trusted-profiles-enabled');
      expect(world.cloud.calls.total).toBe(callsBefore);
    }
  });

  it('fails without detail where it may not log in or list', async () => {
    await using world = await open();
    world.fault({ match: 'POST /identity/token', status: 401, times: 9 });
    const answer = await world.call({});
    expect([answer.status, answer.body['message']]).toEqual([500, FAILED]);
    world.cloud.faults.clear();
    world.fault({ match: 'GET /api/v2/secrets', status: 403, times: 9 });
    expect(await world.call({})).toMatchObject({ status: 500, body: { code: 'forbidden', message: FAILED } });
  });
});

describe.concurrent('two ticks at once', () => {
  it.each(['the first key', 'a rotation'])('store exactly one version of %s', async (what) => {
    await using world = await open();
    if (what === 'a rotation') {
      await world.rotate();
      await world.pass(31 * DAY_MS);
    }
    const effects = world.recordEffects();
    const answers = await Promise.all([world.rotate(), world.rotate()]);
    expect(answers.flatMap(({ keys }) => keys.flatMap(({ steps }) => steps.map(({ step }) => step)))).toEqual(['mint']);
    expect(effects.filter((effect) => effect === 'secret-version.create')).toHaveLength(1);
    await world.passHours(2);
    for (let hours = 0; hours < 3; hours += 1) {
      await world.rotate();
      await world.passHours(1);
    }
    const alive = world.keys.map(({ id }) => id);
    expect(alive).toHaveLength(what === 'a rotation' ? 2 : 1);
    expect(alive).toContain(world.currentKeyId('key-0'));
  });

  it('of a forced rotation store one version each, one after the other, or one', async () => {
    await using world = await open();
    await world.rotate();
    await world.pass(HOUR_MS);
    const effects = world.recordEffects();
    const wish = { only: ['key-0'], force: true };
    await Promise.all([world.rotate(wish, TRIGGER_TOKEN), world.rotate(wish, TRIGGER_TOKEN)]);
    expect(effects.filter((effect) => effect === 'secret-version.create')).toHaveLength(1);
  });
});

describe.concurrent('a run that has not enough time', () => {
  const options = { keyCount: 12, environment: { KEYROTA_RUN_SECONDS: '45', KEYROTA_KEYS_AT_ONCE: '2' } };

  it('stops before its deadline, says what is left, and the next one goes on', async () => {
    await using world = await open(options);
    world.fault({ match: 'POST /v1/apikeys', delayMs: 5_000, times: 99 });
    const startMs = world.clock.nowMs();
    const answer = await world.rotate();
    expect(world.clock.nowMs() - startMs).toBeLessThanOrEqual(45_000);
    const done = answer.keys.filter(({ outcome }) => outcome === 'rest');
    const left = answer.keys.filter(({ outcome }) => outcome === 'left');
    expect([done.length + left.length, done.length > 0, left.length > 0]).toEqual([12, true, true]);
    for (const key of left) expect(key).toMatchObject({ steps: [], code: 'no_time' });
    expect(world.keys).toHaveLength(done.length);
    let runs = 1;
    for (; world.state.secretsManager.secrets.length < 12 && runs < 12; runs += 1) await world.rotate();
    expect(world.state.secretsManager.secrets).toHaveLength(12);
    expect(world.keys).toHaveLength(12);
    expect(runs).toBeLessThan(12);
  });

  it('ends in time also where no answer comes, and nothing is left behind by that', async () => {
    await using world = await open(options);
    world.fault({ match: 'POST /v1/apikeys', delayMs: 600_000, times: 99 });
    const startMs = world.clock.nowMs();
    const answer = await world.rotate();
    expect(world.clock.nowMs() - startMs).toBeLessThanOrEqual(45_000);
    const outcomes = answer.keys.map(({ outcome, code }) => `${outcome} ${code}`);
    expect(outcomes).toHaveLength(12);
    expect(new Set(outcomes)).toEqual(new Set(['failed create_failed', 'left no_time']));
    world.cloud.faults.clear();
    for (let hours = 0; hours < 9; hours += 1) {
      await world.passHours(1);
      await world.rotate();
    }
    const current = world.serviceIds.map((_, index) => world.currentKeyId(`key-${index}`)).toSorted();
    // What an unclear answer left is disabled at once, and deleted after its quarantine.
    const enabled = world.keys.filter(({ disabled }) => !disabled).map(({ id }) => id);
    expect(enabled.toSorted()).toEqual(current);
    for (let days = 0; days < 4; days += 1) {
      await world.passHours(24);
      await world.rotate();
    }
    expect(world.keys.map(({ id }) => id).toSorted()).toEqual(current);
  });
});
