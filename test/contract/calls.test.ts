import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ApiError, apiErrorOf } from '../../shared/clients/api-error.ts';
import { Calls, RateCap } from '../../shared/clients/calls.ts';
import type { Login } from '../../shared/clients/calls.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, answeringAll, answeringFirst, cloudAdapter } from './support/adapters.ts';
import type { Adapter, Reply, Sent } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, leaksOf, outcomeOf } from './support/failures.ts';
import { productOn, silentLog, timesOf, watchCalls } from './support/product.ts';
import type { ProductOptions } from './support/product.ts';
import { ServedWorld, spoiltServer } from './support/served.ts';
import { KINDS, ONCE, READ, REPEATABLE, STORED_VALUE, worldOn } from './support/three-kinds.ts';
import type { KindOfCall, World } from './support/three-kinds.ts';
import { tokenFile } from './support/token-file.ts';

const HOUR_MS = 3_600_000;
const TOKEN = 'POST /identity/token';

const open = async (options: ProductOptions = {}): Promise<World> => worldOn(await Laboratory.open(), options);

/** A fault that may pass, with what callers see of it. */
const PASSING = [
  { trouble: '429', fault: { status: 429 }, code: 'throttled', effect: 'none' },
  { trouble: '500', fault: { status: 500 }, code: 'service_failed', effect: 'unknown' },
  { trouble: '502', fault: { status: 502 }, code: 'service_failed', effect: 'unknown' },
  { trouble: '503', fault: { status: 503 }, code: 'service_failed', effect: 'unknown' },
  {
    trouble: '504 after the effect',
    fault: { status: 504, afterEffect: true },
    code: 'service_failed',
    effect: 'unknown',
  },
  { trouble: 'a refused connection', fault: { refuse: true }, code: 'no_answer', effect: 'unknown' },
  { trouble: 'a connection lost with the request', fault: { drop: 'request' }, code: 'no_answer', effect: 'unknown' },
  { trouble: 'a connection lost with the answer', fault: { drop: 'answer' }, code: 'no_answer', effect: 'unknown' },
] as const;

const LASTING = [
  { status: 400, code: 'invalid_request' },
  { status: 403, code: 'forbidden' },
  { status: 404, code: 'not_found' },
  { status: 405, code: 'invalid_request' },
  { status: 409, code: 'conflict' },
  { status: 410, code: 'not_found' },
  { status: 412, code: 'locked' },
  { status: 422, code: 'limit_reached' },
  { status: 451, code: 'invalid_request' },
] as const;

const each = <T extends object>(cases: readonly T[], kinds: readonly KindOfCall[]): (T & KindOfCall)[] =>
  cases.flatMap((one) => kinds.map((kind) => ({ ...one, ...kind })));

describe('a call that meets trouble which may pass', () => {
  it.each(each(PASSING, [READ, REPEATABLE]))(
    'is sent again after 500, 1,500 and 3,500 ms: $kind, $trouble',
    async ({ match, call, make, fault }) => {
      const world = await open();
      const calls = watchCalls(world.lab);
      world.lab.fault({ match, times: 3, ...fault });
      await make(world);
      expect(timesOf(calls())).toEqual([0, 500, 2_000, 5_500]);
      expect(new Set(calls().map((seen) => seen.call))).toEqual(new Set([call]));
    },
  );

  it.each(each(PASSING, [READ, REPEATABLE]))(
    'fails after the fourth attempt: $kind, $trouble',
    async ({ kind, match, make, fault, code, effect }) => {
      const world = await open();
      const calls = watchCalls(world.lab);
      world.lab.fault({ match, times: 5, ...fault });
      expect(await outcomeOf(make(world))).toMatchObject({ code, effect: kind === 'read' ? 'none' : effect });
      expect(timesOf(calls())).toEqual([0, 500, 2_000, 5_500]);
    },
  );

  const UNCLEAR = PASSING.filter(({ effect }) => effect === 'unknown');

  it.each(each(UNCLEAR, [ONCE]))('is never sent twice if it may be sent once: $trouble', async (one) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: one.match, ...one.fault });
    expect(await outcomeOf(one.make(world))).toMatchObject({ code: one.code, effect: one.effect });
    await world.lab.pass(HOUR_MS);
    expect(timesOf(calls())).toEqual([0]);
  });

  it.each(LASTING)(
    'has an effect that is not known once one attempt was unclear, also when the next is refused: $status',
    async ({ status, code }) => {
      const world = await open();
      world.lab.fault({ match: REPEATABLE.match, drop: 'answer' });
      world.lab.fault({ match: REPEATABLE.match, status });
      const outcome = await outcomeOf(REPEATABLE.make(world));
      expect(world.lab.secret().versions[0]?.locks).toHaveLength(1); // the first attempt took effect
      expect(outcome).toEqual({ code, status, effect: 'unknown', ibmCode: 'injected_fault' });
    },
  );

  it('has an effect that is not known once one attempt was unclear, also when the next two tokens are refused', async () => {
    const world = await open();
    world.lab.fault({ match: REPEATABLE.match, drop: 'answer' });
    world.lab.fault({ match: REPEATABLE.match, times: 2, status: 401 });
    expect(await outcomeOf(REPEATABLE.make(world))).toMatchObject({ code: 'not_logged_in', effect: 'unknown' });
  });

  it('has an effect that is not known when one of four attempts was unclear', async () => {
    const world = await open();
    world.lab.fault({ match: REPEATABLE.match, status: 429 });
    world.lab.fault({ match: REPEATABLE.match, drop: 'request' });
    world.lab.fault({ match: REPEATABLE.match, times: 2, status: 429 });
    expect(await outcomeOf(REPEATABLE.make(world))).toMatchObject({ code: 'throttled', effect: 'unknown' });
  });

  it('has no effect when no attempt was unclear, however many there were', async () => {
    const world = await open();
    world.lab.fault({ match: REPEATABLE.match, times: 3, status: 429 });
    world.lab.fault({ match: REPEATABLE.match, status: 403 });
    expect(await outcomeOf(REPEATABLE.make(world))).toMatchObject({ code: 'forbidden', effect: 'none' });
  });

  it('may meet a different trouble each time', async () => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, status: 503 });
    world.lab.fault({ match: READ.match, drop: 'answer' });
    world.lab.fault({ match: READ.match, status: 429 });
    await READ.make(world);
    expect(calls().map(({ outcome }) => outcome)).toEqual([503, 'reset', 429, 200]);
  });

  it('is said in the log each time it is sent again, with the delay', async () => {
    const world = await open();
    world.lab.logLines.length = 0;
    world.lab.fault({ match: READ.match, times: 2, status: 503 });
    await READ.make(world);
    const lines = world.lab.logLines.map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { level: 'debug', event: 'call_repeated', operation: 'getSecretMetadata', delayMs: 500 },
      { level: 'debug', event: 'call_repeated', operation: 'getSecretMetadata', delayMs: 1_500 },
    ]);
  });
});

describe('a call that is refused', () => {
  it.each(each(LASTING, KINDS))('is never sent again: $kind, $status', async ({ match, make, status, code }) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match, status });
    expect(await outcomeOf(make(world))).toEqual({ code, status, effect: 'none', ibmCode: 'injected_fault' });
    await world.lab.pass(HOUR_MS);
    expect(timesOf(calls())).toEqual([0]);
  });

  it.each(KINDS)('is not known to be without effect when the request was too slow: $kind', async (one) => {
    const world = await open();
    world.lab.fault({ match: one.match, status: 408 });
    const effect = one.kind === 'read' ? 'none' : 'unknown';
    expect(await outcomeOf(one.make(world))).toMatchObject({ code: 'invalid_request', status: 408, effect });
  });

  it.each(KINDS)('is not known to be without effect when the answer says neither yes nor no: $kind', async (one) => {
    const lab = await Laboratory.open();
    const adapter = answeringFirst(cloudAdapter(lab.cloud), one.match, [{ status: 304, body: '' }]);
    const world = await worldOn(lab, { adapter });
    const effect = one.kind === 'read' ? 'none' : 'unknown';
    expect(await outcomeOf(one.make(world))).toMatchObject({ code: 'unexpected_answer', status: 304, effect });
  });

  it('says operation, status, IBM’s code and message, and nothing else', async () => {
    const world = await open();
    world.lab.fault({ match: READ.match, status: 409 });
    const error = await apiFailureOf(READ.make(world));
    expect(error.message).toBe('getSecretMetadata: status 409 injected_fault: Injected fault: 409');
    expect(Object.fromEntries(Object.entries(error))).toEqual({
      name: 'ApiError',
      code: 'conflict',
      effect: 'none',
      next: '',
      operation: 'getSecretMetadata',
      failure: { status: 409, ibmCode: 'injected_fault', retryAfterMs: null },
    });
    expect(error.cause).toBeUndefined();
  });
});

describe('Retry-After', () => {
  it.each([429, 503])('is waited for where it is longer than our own delay: %i', async (status) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, status, retryAfterSeconds: 20 });
    await READ.make(world);
    expect(timesOf(calls())).toEqual([0, 20_000]);
  });

  it.each([0, 1])('never shortens our own delay: %i s', async (retryAfterSeconds) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, times: 3, status: 429, retryAfterSeconds });
    await READ.make(world);
    const first = Math.max(500, retryAfterSeconds * 1_000);
    expect(timesOf(calls())).toEqual([0, first, first + 1_500, first + 5_000]);
  });

  it('is not waited for where it reaches the end of the run: the call fails at once', async () => {
    const world = await open({ runMs: 30_000 });
    const calls = watchCalls(world.lab);
    const startMs = world.lab.clock.nowMs();
    world.lab.fault({ match: READ.match, status: 429, retryAfterSeconds: 30 });
    const { code, failure } = await apiFailureOf(READ.make(world));
    expect({ code, retryAfterMs: failure.retryAfterMs }).toEqual({ code: 'throttled', retryAfterMs: 30_000 });
    expect(world.lab.clock.nowMs()).toBe(startMs);
    expect(timesOf(calls())).toEqual([0]);
  });

  it('is waited for up to the last moment of the run', async () => {
    const world = await open({ runMs: 30_001 });
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, status: 429, retryAfterSeconds: 30 });
    await READ.make(world);
    expect(timesOf(calls())).toEqual([0, 30_000]);
  });

  it.each(['Wed, 21 Oct 2026 07:28:00 GMT', '', ' ', '-5', 'soon', 'Infinity'])(
    'counts as none where it is not a number of seconds: “%s”',
    async (text) => {
      const lab = await Laboratory.open();
      const replies: Reply[] = [{ status: 429, headers: { 'retry-after': text }, body: '{}' }];
      const readable = await worldOn(lab, { adapter: answeringFirst(cloudAdapter(lab.cloud), READ.match, replies) });
      const startMs = lab.clock.nowMs();
      await READ.make(readable);
      expect(lab.clock.nowMs() - startMs).toBe(500);
      const always = replies.flatMap((reply) => [reply, reply, reply, reply]);
      const product = productOn(lab, { adapter: answeringFirst(cloudAdapter(lab.cloud), ONCE.match, always) });
      expect((await apiFailureOf(ONCE.make({ ...readable, product }))).failure.retryAfterMs).toBeNull();
    },
  );
});

describe('a write that may be sent once, and is refused for the rate,', () => {
  const valuesIn = (world: World) => world.lab.secret().versions.map(({ payload }) => payload);

  it('is sent again: it takes effect exactly once', async () => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: ONCE.match, times: 3, status: 429 });
    await ONCE.make(world);
    expect(calls().map(({ afterMs, outcome }) => [afterMs, outcome])).toEqual([
      [0, 429],
      [500, 429],
      [2_000, 429],
      [5_500, 201],
    ]);
    expect(valuesIn(world)).toEqual(['the first value', STORED_VALUE]);
  });

  it('fails without effect after the fourth attempt', async () => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: ONCE.match, times: 100, status: 429 });
    expect(await outcomeOf(ONCE.make(world))).toMatchObject({ code: 'throttled', status: 429, effect: 'none' });
    expect(timesOf(calls())).toEqual([0, 500, 2_000, 5_500]);
    expect(valuesIn(world)).toEqual(['the first value']);
  });

  it.each([
    { retryAfterSeconds: 29, times: [0, 29_000] },
    { retryAfterSeconds: 30, times: [0] },
    { retryAfterSeconds: 60, times: [0] },
    { retryAfterSeconds: 12, times: [0, 12_000, 24_000] },
  ])('waits less than 30 s in all: $retryAfterSeconds s are asked for', async ({ retryAfterSeconds, times }) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: ONCE.match, times: 4, status: 429, retryAfterSeconds });
    const { code, effect, failure } = await apiFailureOf(ONCE.make(world));
    expect({ code, effect }).toEqual({ code: 'throttled', effect: 'none' });
    expect(failure.retryAfterMs).toBe(retryAfterSeconds * 1_000);
    expect(timesOf(calls())).toEqual(times);
  });

  it('waits no longer than the run lasts', async () => {
    const world = await open({ runMs: 1_000 });
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: ONCE.match, times: 4, status: 429, retryAfterSeconds: 1 });
    expect(await outcomeOf(ONCE.make(world))).toMatchObject({ code: 'throttled', effect: 'none' });
    expect(timesOf(calls())).toEqual([0]);
  });

  it.each(each(PASSING, [ONCE]).filter(({ effect }) => effect === 'unknown'))(
    'is not sent a third time after an unclear attempt: $trouble',
    async ({ match, make, fault, code }) => {
      const world = await open();
      const calls = watchCalls(world.lab);
      world.lab.fault({ match, status: 429 });
      world.lab.fault({ match, ...fault });
      world.lab.fault({ match, status: 429 });
      expect(await outcomeOf(make(world))).toMatchObject({ code, effect: 'unknown' });
      await world.lab.pass(HOUR_MS);
      expect(timesOf(calls())).toEqual([0, 500]);
    },
  );

  it('logs in again once where its token was refused meanwhile', async () => {
    const world = await open();
    world.lab.fault({ match: ONCE.match, status: 429 });
    world.lab.fault({ match: ONCE.match, status: 401 });
    await ONCE.make(world);
    expect(valuesIn(world)).toEqual(['the first value', STORED_VALUE]);
  });
});

describe('the end of the run', () => {
  it('is never passed by a delay: the last attempt is the one before it', async () => {
    const world = await open({ runMs: 2_000 });
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, times: 4, status: 503 });
    expect(await outcomeOf(READ.make(world))).toMatchObject({ code: 'service_failed' });
    expect(timesOf(calls())).toEqual([0, 500]);
  });
});

describe('a refused token', () => {
  it.each(KINDS)('leads to one new login, and the call is sent again: $kind', async ({ match, call, make }) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match, status: 401 });
    await make(world);
    expect(calls().map((seen) => `${seen.call} ${seen.outcome}`)).toEqual([
      `${call} 401`,
      `${TOKEN} 200`,
      `${call} ${make === READ.make ? 200 : 201}`,
    ]);
  });

  it.each(KINDS)('fails the call when the new one is refused too: $kind', async ({ match, call, make }) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match, times: 3, status: 401 });
    expect(await outcomeOf(make(world))).toMatchObject({ code: 'not_logged_in', status: 401, effect: 'none' });
    expect(calls().map((seen) => `${seen.call} ${seen.outcome}`)).toEqual([
      `${call} 401`,
      `${TOKEN} 200`,
      `${call} 401`,
    ]);
  });

  it.each([READ, REPEATABLE])('does not end the patience with other trouble: $kind', async ({ match, make }) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match, status: 401 });
    world.lab.fault({ match, status: 503 });
    await make(world);
    expect(
      calls()
        .filter(({ call }) => call !== TOKEN)
        .map(({ outcome }) => outcome),
    ).toEqual([401, 503, expect.any(Number)]);
  });

  it.each([READ, REPEATABLE])(
    'does not cost the call one of its four attempts: $kind',
    async ({ match, call, make }) => {
      const world = await open();
      const calls = watchCalls(world.lab);
      world.lab.fault({ match, status: 503 });
      world.lab.fault({ match, status: 401 });
      world.lab.fault({ match, times: 2, status: 503 });
      await make(world);
      expect(timesOf(calls().filter((seen) => seen.call === call))).toEqual([0, 500, 500, 2_000, 5_500]);
    },
  );

  it('is replaced by a new one, not sent again', async () => {
    const world = await open();
    world.lab.fault({ match: READ.match, status: 401 });
    await READ.make(world);
    const [refused, accepted] = world.product.sent
      .filter(({ method }) => method === 'GET')
      .map(({ headers }) => headers.get('authorization'));
    expect(refused).toMatch(/^Bearer eyJ/);
    expect(accepted).toMatch(/^Bearer eyJ/);
    expect(accepted).not.toBe(refused);
  });

  it('is replaced also when it was got for this very call', async () => {
    const world = await open();
    world.product.login.forget();
    world.lab.fault({ match: READ.match, status: 401 });
    const calls = watchCalls(world.lab);
    await READ.make(world);
    expect(calls().map(({ call, outcome }) => `${call} ${outcome}`)).toEqual([
      `${TOKEN} 200`,
      `${READ.call} 401`,
      `${TOKEN} 200`,
      `${READ.call} 200`,
    ]);
  });

  it('is not replaced where the client does not log in: the call fails at once', async () => {
    const world = await open();
    const calls = watchCalls(world.lab);
    const token = { value: new SecretValue('not a token'), expiresAtMs: 0 };
    const { logLines, signal } = world.product;
    const shipping = logLines.ship('http://127.0.0.1:1/logs/v1/singles', 'line', token, signal);
    expect(await outcomeOf(shipping)).toMatchObject({ code: 'not_logged_in', status: 401 });
    expect(calls()).toEqual([]);
    expect(world.lab.cloud.calls.lines).toBe(1);
  });

  it('fails the call with what the new login failed with', async () => {
    const world = await open();
    world.lab.fault({ match: READ.match, status: 401 });
    world.lab.fault({ match: TOKEN, status: 400 });
    const error = await apiFailureOf(READ.make(world));
    expect(error).toMatchObject({ operation: 'getToken', code: 'invalid_request' });
  });

  it('that several calls were sent with leads to one new login, however late they are refused', async () => {
    const world = await open();
    for (let place = 0; place < 5; place += 1) {
      world.lab.fault({ match: READ.match, status: 401, delayMs: place * 1_000 });
    }
    const calls = watchCalls(world.lab);
    await Promise.all([1, 2, 3, 4, 5].map(() => READ.make(world)));
    expect(calls().filter(({ call }) => call === TOKEN)).toHaveLength(1);
  });
});

describe('a login that fails', () => {
  it.each(KINDS)('is asked for four times, and not again by the call that needs it: $kind', async ({ make }) => {
    const world = await open();
    world.product.login.forget();
    world.lab.fault({ match: TOKEN, times: 100, status: 503 });
    const calls = watchCalls(world.lab);
    expect(await apiFailureOf(make(world))).toMatchObject({ operation: 'getToken', code: 'service_failed' });
    expect(calls().map(({ call }) => call)).toEqual([TOKEN, TOKEN, TOKEN, TOKEN]);
    expect(timesOf(calls())).toEqual([0, 500, 2_000, 5_500]);
  });

  it.each(KINDS)('leaves the world as it is: the call was never sent: $kind', async ({ make }) => {
    const world = await open();
    world.product.login.forget();
    world.lab.fault({ match: TOKEN, times: 4, drop: 'answer' });
    expect(await outcomeOf(make(world))).toMatchObject({ code: 'no_answer', effect: 'none' });
    expect(world.lab.secret().versions).toMatchObject([{ locks: [] }]);
  });
});

describe('one attempt', () => {
  it.each([READ, REPEATABLE])('ends at its time limit, and the call is sent again: $kind', async ({ match, make }) => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match, delayMs: HOUR_MS });
    await make(world);
    expect(timesOf(calls()).filter((afterMs) => afterMs > 0)).toEqual([10_500]);
  });

  it.each(KINDS)('ends at its time limit however long the answer hangs: $kind', async ({ kind, match, make }) => {
    const world = await open();
    const startMs = world.lab.clock.nowMs();
    world.lab.fault({ match, times: 4, delayMs: 24 * HOUR_MS });
    const outcome = await outcomeOf(make(world));
    const tookMs = world.lab.clock.nowMs() - startMs;
    expect(outcome).toEqual({
      code: 'no_answer',
      status: null,
      ibmCode: null,
      effect: kind === 'read' ? 'none' : 'unknown',
    });
    expect(tookMs).toBe(kind === ONCE.kind ? 10_000 : 45_500);
  });

  it('may have taken effect when its answer hangs', async () => {
    const world = await open();
    world.lab.fault({ match: ONCE.match, delayMs: HOUR_MS });
    await apiFailureOf(ONCE.make(world));
    expect(world.lab.secret().versions).toHaveLength(2);
  });

  it('may take effect after its time limit', async () => {
    const world = await open();
    world.lab.fault({ match: ONCE.match, lateMs: HOUR_MS / 3 });
    await apiFailureOf(ONCE.make(world));
    const before = world.lab.secret().versions.length;
    await world.lab.pass(HOUR_MS);
    expect([before, world.lab.secret().versions.length]).toEqual([1, 2]);
  });

  it('is waited for until just before its time limit', async () => {
    const world = await open();
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, delayMs: 9_999 });
    await READ.make(world);
    expect(timesOf(calls())).toEqual([0]);
  });

  it('has the time limit that is set', async () => {
    const world = await open({ timeoutMs: 3_000 });
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, delayMs: HOUR_MS });
    await READ.make(world);
    expect(timesOf(calls()).filter((afterMs) => afterMs > 0)).toEqual([3_500]);
  });

  it('ends at its time limit even if it heeds no signal', async () => {
    const lab = await Laboratory.open();
    const startMs = lab.clock.nowMs();
    const calls = callsOn(lab);
    const deaf = calls.send(
      { operation: 'deaf', kind: 'once', signal: new AbortController().signal },
      z.unknown(),
      () => new Promise<never>(() => undefined),
    );
    expect(await outcomeOf(deaf)).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    expect(lab.clock.nowMs() - startMs).toBe(10_000);
  });

  it('is told by its signal that its time is up', async () => {
    const lab = await Laboratory.open();
    let told: AbortSignal | undefined;
    const call = { operation: 'slow', kind: 'once' as const, signal: new AbortController().signal };
    const slow = callsOn(lab).send(call, z.unknown(), (signal) => {
      told = signal;
      return new Promise<never>(() => undefined);
    });
    await failureOf(slow);
    expect(told?.aborted).toBe(true);
  });

  it('leaves no timer behind when it was quicker', async () => {
    const world = await open();
    await READ.make(world);
    expect(world.lab.clock.nextEventMs).toBeNull();
  });
});

describe('the abort of a run', () => {
  const reason = new Error('The run took too long.');

  /** A world whose run aborts so long from now. */
  async function endingAfter(delayMs: number, options: ProductOptions = {}): Promise<World> {
    const controller = new AbortController();
    const world = await open({ ...options, signal: controller.signal });
    world.lab.clock.at(world.lab.clock.nowMs() + delayMs, () => controller.abort(reason));
    return world;
  }

  it.each(KINDS)('ends an attempt with the reason: $kind', async ({ match, make }) => {
    const world = await endingAfter(4_000);
    const startMs = world.lab.clock.nowMs();
    world.lab.fault({ match, delayMs: HOUR_MS });
    expect(await failureOf(make(world))).toBe(reason);
    expect(world.lab.clock.nowMs() - startMs).toBe(4_000);
  });

  it.each(KINDS)('ends the delay between two attempts with the reason: $kind', async ({ match, make }) => {
    const world = await endingAfter(1_200);
    const calls = watchCalls(world.lab);
    world.lab.fault({ match, times: 4, status: 429 });
    expect(await failureOf(make(world))).toBe(reason);
    await world.lab.pass(HOUR_MS);
    expect(timesOf(calls())).toEqual([0, 500]);
  });

  it('ends the wait for a turn with the reason', async () => {
    const world = await endingAfter(1_500, { secretsManagerCallsPerSecond: 1 });
    const calls = watchCalls(world.lab);
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map(() =>
        READ.make(world).then(
          () => 'answered',
          (error: unknown) => error,
        ),
      ),
    );
    expect(outcomes).toEqual(['answered', 'answered', reason, reason]);
    await world.lab.pass(HOUR_MS);
    expect(timesOf(calls())).toEqual([0, 1_000]);
  });

  it('ends the login with the reason', async () => {
    const world = await endingAfter(4_000);
    const calls = watchCalls(world.lab);
    world.product.login.forget();
    world.lab.fault({ match: TOKEN, delayMs: HOUR_MS });
    expect(await failureOf(READ.make(world))).toBe(reason);
    await world.lab.pass(2 * HOUR_MS);
    expect(calls().map(({ call }) => call)).toEqual([TOKEN]);
  });

  it.each(KINDS)('lets no call begin any more: $kind', async ({ make }) => {
    const run = new AbortController();
    const world = await open({ signal: run.signal });
    const calls = watchCalls(world.lab);
    run.abort(reason);
    expect(await failureOf(make(world))).toBe(reason);
    expect(calls()).toEqual([]);
  });

  it.each(KINDS)('lets no login begin any more either: $kind', async ({ make }) => {
    const world = await open();
    const product = productOn(world.lab, { signal: AbortSignal.abort(reason) });
    const calls = watchCalls(world.lab);
    expect(await failureOf(make({ ...world, product }))).toBe(reason);
    expect(calls()).toEqual([]);
  });
});

describe('an answer that is not understood', () => {
  const strange = (body: Record<string, unknown>, { path }: Sent) => {
    if (!path.endsWith('/metadata')) return;
    delete body['id'];
    Object.assign(body, { labels: 'none', name: STORED_VALUE });
  };

  it.each([READ, ONCE])('is not asked for again: $kind', async ({ make }) => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab);
    const calls = watchCalls(lab);
    const product = productOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 200, body: '{}' }) });
    await product.login.ready(product.signal);
    expect(await outcomeOf(make({ ...world, product }))).toMatchObject({ code: 'unexpected_answer' });
    expect(calls().map(({ call }) => call)).toEqual([TOKEN]);
  });

  it.each([
    { ...READ, effect: 'none' },
    { ...ONCE, effect: 'changed' },
  ])('has the effect “$effect”: $kind', async ({ make, effect }) => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 200, body: '{}' }) });
    expect(await outcomeOf(make(world))).toEqual({ code: 'unexpected_answer', status: 200, effect, ibmCode: null });
  });

  it('has the status that it had', async () => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 201, body: '{}' }) });
    const error = await apiFailureOf(ONCE.make(world));
    expect(error.message).toBe('createSecretVersion: status 201: not understood: id');
    expect(error.failure).toEqual({ status: 201, ibmCode: null, retryAfterMs: null });
  });

  describe('whose JSON is broken', () => {
    const withBrokenAnswer = async () => {
      const lab = await Laboratory.open();
      const broken = { status: 201, body: `{"id": "${STORED_VALUE}` };
      return worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), broken) });
    };

    it.each([
      { ...READ, effect: 'none' },
      { ...ONCE, effect: 'changed' },
    ])('is told as one that was not understood, and none of it is told: $kind', async ({ make, effect }) => {
      const error = await apiFailureOf(make(await withBrokenAnswer()));
      expect(error).toMatchObject({ code: 'unexpected_answer', effect, failure: { status: 201 } });
      expect(everythingIn(error)).not.toContain(STORED_VALUE);
    });

    it('does no harm where nothing in it is needed', async () => {
      await expect(REPEATABLE.make(await withBrokenAnswer())).resolves.toBeUndefined();
    });
  });

  it.each([
    { status: 400, code: 'invalid_request' },
    { status: 401, code: 'not_logged_in' },
    { status: 403, code: 'forbidden' },
    { status: 409, code: 'conflict' },
    { status: 412, code: 'locked' },
  ])('does not hide the status when it is a refusal: broken JSON says $status', async ({ status, code }) => {
    const lab = await Laboratory.open();
    const broken = { status, body: `<html>${STORED_VALUE}</html>` };
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), broken) });
    const error = await apiFailureOf(ONCE.make(world));
    expect(error).toMatchObject({ code, effect: 'none', failure: { status, ibmCode: null } });
    expect(everythingIn(error)).not.toContain(STORED_VALUE);
  });

  it('tells which fields are wrong, and none of their values', async () => {
    const lab = await Laboratory.open();
    const { product, secretId } = await worldOn(lab);
    const { secrets, signal, login } = productOn(lab, { adapter: altering(cloudAdapter(lab.cloud), strange) });
    await login.ready(product.signal);
    const error = await apiFailureOf(secrets.get(secretId, signal));
    expect(error.message).toBe('getSecretMetadata: status 200: not understood: id, labels');
    expect(everythingIn(error)).not.toContain(STORED_VALUE);
  });

  it('may be empty', async () => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 200, body: '' }) });
    const error = await apiFailureOf(READ.make(world));
    expect(error.message).toBe('getSecretMetadata: status 200: not understood: (body)');
  });

  it('may be a page of some gateway', async () => {
    const lab = await Laboratory.open();
    const page = { status: 200, contentType: 'text/html', body: `<html>${STORED_VALUE}</html>` };
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), page) });
    const error = await apiFailureOf(ONCE.make(world));
    expect(error).toMatchObject({ code: 'unexpected_answer', effect: 'changed' });
    expect(everythingIn(error)).not.toContain(STORED_VALUE);
  });

  it('does not hide the status when it is a refusal: a page of some gateway says 403', async () => {
    const lab = await Laboratory.open();
    const page = { status: 403, contentType: 'text/html', body: `<html>${STORED_VALUE}</html>` };
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), page) });
    const error = await apiFailureOf(READ.make(world));
    expect(error).toMatchObject({ code: 'forbidden', failure: { status: 403, ibmCode: null } });
    expect(everythingIn(error)).not.toContain(STORED_VALUE);
  });

  it.each([
    ['{"errors": "none"}', null],
    ['{"errors": [{"code": 7}]}', null],
    ['{"errors": []}', null],
    ['{"errorCode": "BXNIM0415E", "errorMessage": "Not found."}', 'BXNIM0415E'],
    ['{"error_code": "RC-Error", "message": "No."}', 'RC-Error'],
    ['{"errors": [{"code": "forbidden", "message_code": "BXNIM0513E"}]}', 'BXNIM0513E'],
    ['{"errors": [{"code": "forbidden", "message_code": ""}]}', 'forbidden'],
    ['{"errorCode": 7, "errorMessage": 7, "errors": [{"code": "forbidden"}]}', 'forbidden'],
    ['{"error_code": 7, "message": 7, "errors": [{"code": "forbidden"}]}', 'forbidden'],
    ['{"errors": [{"code": "forbidden", "message_code": 7, "message": 7}]}', 'forbidden'],
    ['{"errors": [{"code": 7, "message_code": "BXNIM0513E"}]}', 'BXNIM0513E'],
    ['{"errorCode": "BXNIM0415E", "errors": "none"}', 'BXNIM0415E'],
    ['{"errors": {"code": "forbidden"}}', null],
    ['{"errors": [7, "none"]}', null],
    ['[]', null],
    ['[{"code": "forbidden"}]', null],
    ['null', null],
    ['true', null],
    ['7', null],
  ])('gives the code of IBM where a refusal has one: %s', async (body, ibmCode) => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 403, body }) });
    expect(await outcomeOf(READ.make(world))).toEqual({ code: 'forbidden', status: 403, effect: 'none', ibmCode });
  });

  it.each([
    ['{"errorMessage": "Not you."}', 'Not you.'],
    ['{"errors": [{"message": "Not you."}]}', 'Not you.'],
    ['{"message": "Not you."}', 'Not you.'],
    ['{"message": 7}', 'Status 403'],
    ['', 'Status 403'],
  ])('gives the words of a refusal, or the name of its status: %s', async (body, words) => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 403, body }) });
    expect((await apiFailureOf(READ.make(world))).message).toBe(`getSecretMetadata: status 403: ${words}`);
  });
});

/** A call of each client, as faults name it. */
const AT_EACH_CLIENT: { call: string; match: string; make: (world: World) => Promise<unknown> }[] = [
  {
    call: 'a list of API keys',
    match: 'GET /v1/apikeys',
    make: ({ lab, product: { identity, signal } }) => identity.listApiKeys(lab.serviceId.iamId, signal),
  },
  {
    call: 'a new API key',
    match: 'POST /v1/apikeys',
    make: ({ lab, product: { identity, signal } }) => {
      const wish = { iamId: lab.serviceId.iamId, name: 'new', description: '', expiresAtMs: Date.UTC(2027, 0, 1) };
      return identity.createApiKey(wish, signal);
    },
  },
  {
    call: 'a list of policies',
    match: 'GET /v1/policies',
    make: ({ lab, product: { policies, signal } }) => policies.listPolicies(lab.serviceId.iamId, signal),
  },
  {
    call: 'a login',
    match: TOKEN,
    make: ({ product: { tokens, signal } }) =>
      tokens.exchange({ grant: 'apikey', apiKey: new SecretValue('a key') }, signal),
  },
  {
    call: 'a log line',
    match: 'POST /logs/v1/singles',
    make: ({ product: { logLines, signal } }) => {
      const token = { value: new SecretValue('a token'), expiresAtMs: 0 };
      return logLines.ship('http://127.0.0.1:1/logs/v1/singles', 'line', token, signal);
    },
  },
  { call: 'a secret', match: READ.match, make: READ.make },
  { call: 'a new version of a secret', match: ONCE.match, make: ONCE.make },
];

describe('a login that fails between two attempts', () => {
  it('does not hide that the first may have been carried out', async () => {
    const world = await worldOn(await Laboratory.open());
    world.lab.fault({ match: REPEATABLE.match, drop: 'answer' });
    world.lab.fault({ match: REPEATABLE.match, status: 401 });
    world.lab.fault({ match: 'POST /identity/token', status: 400 });
    expect(await outcomeOf(REPEATABLE.make(world))).toMatchObject({ effect: 'unknown' });
    expect(world.lab.secret().versions[0]?.locks).toHaveLength(1);
  });
});

describe('an answer that claims to be JSON and is not', () => {
  // Short enough for Node to quote all of it.
  const broken = (status: number): Reply => ({ status, body: 'hush' });

  const worldWith = async (match: string, replies: readonly Reply[]): Promise<World> => {
    const lab = await Laboratory.open();
    const before = await worldOn(lab);
    const product = productOn(lab, { adapter: answeringFirst(cloudAdapter(lab.cloud), match, replies) });
    return { ...before, product };
  };

  it.each(AT_EACH_CLIENT)('does not hide that it is a refusal, and is not quoted: $call', async ({ match, make }) => {
    const error = await apiFailureOf(make(await worldWith(match, [broken(403)])));
    expect(error).toMatchObject({ code: 'forbidden', effect: 'none', failure: { status: 403, ibmCode: null } });
    expect(everythingIn(error)).not.toContain('hush');
  });

  it.each(AT_EACH_CLIENT.filter(({ call }) => call !== 'a log line'))(
    'is not understood where it is a success, and is not quoted: $call',
    async ({ match, make }) => {
      const error = await apiFailureOf(make(await worldWith(match, [broken(200)])));
      expect(error).toMatchObject({ code: 'unexpected_answer', failure: { status: 200 } });
      expect(everythingIn(error)).not.toContain('hush');
    },
  );

  it.each(['"hush"', '7', 'true', 'null', '{"errors":[null,7,"hush"]}'])(
    'or is one in a form that nobody expects, hides no refusal either, and is not quoted: %s',
    async (body) => {
      const error = await apiFailureOf(ONCE.make(await worldWith(ONCE.match, [{ status: 403, body }])));
      expect(error).toMatchObject({ code: 'forbidden', effect: 'none', failure: { status: 403, ibmCode: null } });
      expect(everythingIn(error)).not.toContain('hush');
    },
  );

  it('is not quoted in the log when the call is sent again', async () => {
    const world = await worldWith(READ.match, [broken(503), broken(429)]);
    world.lab.logLines.length = 0;
    await READ.make(world);
    expect(world.lab.logLines).toHaveLength(2);
    expect(world.lab.logLines.join('\n')).not.toContain('hush');
  });
});

describe('whatever a call rejects with', () => {
  const CALL = 'someCall';

  it.each<[unknown]>([
    [undefined],
    [null],
    ['text'],
    [7],
    [[]],
    [{}],
    [new Error('lost')],
    [new Error('lost behind Parameter validation errors')],
    [{ status: '403' }],
    [{ status: null, statusText: 7 }],
    [{ toString: null }],
  ])('is no answer where it has no status: %o', (rejection) => {
    for (const writes of [false, true]) {
      const { code, effect, operation, failure } = apiErrorOf(CALL, rejection, writes);
      expect({ code, effect, operation, failure }).toEqual({
        code: 'no_answer',
        effect: writes ? 'unknown' : 'none',
        operation: CALL,
        failure: { status: null, ibmCode: null, retryAfterMs: null },
      });
    }
  });

  it.each<[object]>([
    [{ statusText: 7 }],
    [{ headers: 'none' }],
    [{ headers: null }],
    [{ headers: [] }],
    [{ headers: { 'retry-after': 7 } }],
    [{ headers: { 'retry-after': ['1', '2'] } }],
    [{ result: 'text' }],
    [{ result: [] }],
    [{ result: null }],
    [{ result: 7 }],
    [{ result: { errors: [null] } }],
    [{ result: { errorCode: {}, errorMessage: [], error_code: 1, message: null, errors: 'none' } }],
    [{ result: { errors: [{ code: {}, message_code: [], message: 1 }] } }],
  ])('is a refusal by its status, however odd it is besides: %o', (oddity) => {
    const { code, effect, failure } = apiErrorOf(CALL, { status: 403, ...oddity }, true);
    expect({ code, effect, failure }).toEqual({
      code: 'forbidden',
      effect: 'none',
      failure: { status: 403, ibmCode: null, retryAfterMs: null },
    });
  });

  it.each([200, 201, 204, 206])('is no answer where its status says success: it broke off: %i', (status) => {
    const rejection = Object.assign(new Error('hush'), { status, statusText: 'hush', result: { message: 'hush' } });
    const { code, message, failure, effect } = apiErrorOf(CALL, rejection, true);
    expect({ code, failure, effect }).toEqual({
      code: 'no_answer',
      failure: { status: null, ibmCode: null, retryAfterMs: null },
      effect: 'unknown',
    });
    expect(message).toBe('someCall: no answer: the answer broke off');
    expect(apiErrorOf(CALL, rejection, false).effect).toBe('none');
  });

  it.each([
    ['20', 20_000],
    [' 20 ', 20_000],
    ['1.5', 1_500],
    ['0', 0],
    ['', null],
    [' ', null],
    ['\t', null],
    ['-1', null],
    ['Infinity', null],
    ['NaN', null],
    ['20 s', null],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
  ])('asks for the delay in its Retry-After, in seconds: “%s”', (header, retryAfterMs) => {
    const rejection = { status: 429, headers: { 'retry-after': header } };
    expect(apiErrorOf(CALL, rejection, false).failure.retryAfterMs).toBe(retryAfterMs);
  });

  it('stays what it is where it is one of ours', () => {
    const error = apiErrorOf(CALL, { status: 403 }, true);
    expect(apiErrorOf('anotherCall', error, false)).toBe(error);
  });
});

describe('the rate cap', () => {
  it('lets calls begin at even distances', async () => {
    const world = await open({ secretsManagerCallsPerSecond: 20 });
    const calls = watchCalls(world.lab);
    await Promise.all(Array.from({ length: 41 }, () => READ.make(world)));
    expect(timesOf(calls())).toEqual(Array.from({ length: 41 }, (_, place) => place * 50));
  });

  it('counts attempts, not calls', async () => {
    const world = await open({ secretsManagerCallsPerSecond: 1 });
    const calls = watchCalls(world.lab);
    world.lab.fault({ match: READ.match, times: 2, status: 503 });
    await Promise.all([READ.make(world), READ.make(world)]);
    expect(timesOf(calls())).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it('lets a call begin at once when none began lately', async () => {
    const world = await open({ secretsManagerCallsPerSecond: 1 });
    await READ.make(world);
    await world.lab.pass(5_000);
    const calls = watchCalls(world.lab);
    await Promise.all([READ.make(world), READ.make(world)]);
    expect(timesOf(calls())).toEqual([0, 1_000]);
  });

  it('is not there where none is set', async () => {
    const world = await open();
    const calls = watchCalls(world.lab);
    await Promise.all(Array.from({ length: 41 }, () => READ.make(world)));
    expect(timesOf(calls())).toEqual(Array.from({ length: 41 }, () => 0));
  });

  it('lets a call that waits for its turn survive the new login of another', async () => {
    const world = await open({ secretsManagerCallsPerSecond: 5 });
    world.lab.fault({ match: READ.match, status: 401 });
    world.lab.fault({ match: TOKEN, delayMs: 1_000 });
    const calls = watchCalls(world.lab);
    await Promise.all([1, 2, 3, 4].map(() => READ.make(world)));
    expect(calls().filter(({ outcome }) => outcome === 401)).toHaveLength(1);
  });

  it('gives a call its turn before it looks for a token, so that the token is as fresh as the call', async () => {
    const lab = await Laboratory.open();
    const startMs = lab.clock.nowMs();
    const readyAtMs: number[] = [];
    const login: Login = {
      generation: 1,
      ready: () => {
        readyAtMs.push(lab.clock.nowMs() - startMs);
        return Promise.resolve();
      },
      forget: () => undefined,
    };
    const calls = callsOn(lab, { login, rateCap: new RateCap(lab.portClock, 1) });
    const call = { operation: 'any', kind: 'reads' as const, signal: new AbortController().signal };
    const sends = [1, 2, 3].map(() => calls.send(call, z.unknown(), () => Promise.resolve({ result: {} })));
    await Promise.all(sends);
    expect(readyAtMs).toEqual([0, 1_000, 2_000]);
  });

  it('lets writes that wait begin before reads that came earlier', async () => {
    const { begun, turn } = await waitingAtACap();
    await Promise.all([turn('read 1'), turn('read 2'), turn('read 3'), turn('write 1'), turn('write 2')]);
    expect(begun).toEqual(['read 1 at 0', 'write 1 at 1000', 'write 2 at 2000', 'read 2 at 3000', 'read 3 at 4000']);
  });

  it('gives the turn of a call that is given up to those behind it, also when a write took it', async () => {
    const { begun, turn } = await waitingAtACap();
    const givenUp = new AbortController();
    const first = turn('read 2', givenUp.signal);
    const second = turn('read 3', givenUp.signal);
    const others = [turn('read 4'), turn('write 1')];
    givenUp.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    await Promise.all([first, ...others]);
    expect(begun).toEqual(['read 2 at 0', 'write 1 at 1000', 'read 4 at 2000']);
  });

  it('lets no more than so many begin in any second, first come, first served', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 200 }),
        async (callsPerSecond, gapsMs) => {
          const begun = await begunAfter(callsPerSecond, gapsMs);
          expect(tooEarly(callsPerSecond, begun)).toEqual([]);
          expect(begun.map(({ place }) => place)).toEqual(gapsMs.map((_, place) => place));
        },
      ),
    );
  });

  it('lets no more than so many begin in any second where timers end late, and forgets none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 100 }),
        fc.infiniteStream(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5_000 }))),
        async (callsPerSecond, gapsMs, late) => {
          const begun = await begunAfter(callsPerSecond, gapsMs, () => Number(late.next().value));
          expect(tooEarly(callsPerSecond, begun)).toEqual([]);
          expect(begun.map(({ place }) => place)).toEqual(gapsMs.map((_, place) => place));
        },
      ),
    );
  });

  it('does not make up for a standstill of the clock', async () => {
    const { clock, moveTo } = jumpingClock();
    const { begunAtMs, come } = comers(clock, 20);
    await come(60);
    await moveTo(5_000);
    expect(begunAtMs).toEqual([0, 5_000]);
    await come(1);
    await moveTo(5_049);
    expect(begunAtMs).toHaveLength(2);
    for (let nowMs = 5_050; nowMs <= 9_000; nowMs += 50) await moveTo(nowMs);
    expect(begunAtMs.slice(1)).toEqual(Array.from({ length: 60 }, (_, place) => 5_000 + place * 50));
  });

  it('lets a write begin first after a standstill too, whenever it came', async () => {
    const { clock, moveTo } = jumpingClock();
    const cap = new RateCap(clock, 1);
    const begun: string[] = [];
    const turn = (name: string) => cap.turn(alive(), name === 'write').then(() => begun.push(name));
    const turns = ['read 1', 'read 2', 'read 3', 'write'].map(turn);
    for (const atMs of [7_000, 8_000, 9_000]) await moveTo(atMs);
    await Promise.all(turns);
    expect(begun).toEqual(['read 1', 'write', 'read 2', 'read 3']);
  });

  it.each([3, 7, 60, 300, 999])('adds up the fractions of a millisecond: %i a second', async (callsPerSecond) => {
    const count = callsPerSecond * 3 + 1;
    const begun = await begunAfter(
      callsPerSecond,
      Array.from({ length: count }, () => 0),
    );
    const evenly = begun.map((_, place) => Math.ceil((place * 1_000) / callsPerSecond));
    expect(begun.map(({ atMs }) => atMs)).toEqual(evenly);
    expect(begun.at(-1)?.atMs).toBe(3_000);
  });

  it('makes nobody wait for a clock that was set back', async () => {
    const { clock, moveTo } = jumpingClock();
    await moveTo(HOUR_MS);
    const { begunAtMs, come } = comers(clock, 10);
    await come(1);
    await moveTo(1_000);
    await come(2);
    await moveTo(1_100);
    expect(begunAtMs).toEqual([HOUR_MS, 1_000, 1_100]);
  });

  it('keeps neither timer nor listener of a call that is given up or has begun', async () => {
    const { clock, moveTo, sleeperCount } = jumpingClock();
    const cap = new RateCap(clock, 1);
    const run = new AbortController();
    const held = new Set<unknown>();
    const { signal } = run;
    signal.addEventListener = (_: string, listener: unknown) => held.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => held.delete(listener);
    await cap.turn(signal);
    const second = cap.turn(signal);
    expect({ sleepers: sleeperCount(), listeners: held.size }).toEqual({ sleepers: 1, listeners: 1 });
    await moveTo(1_000);
    await second;
    expect({ sleepers: sleeperCount(), listeners: held.size }).toEqual({ sleepers: 0, listeners: 0 });
    const others = new AbortController();
    const givenUp = [1, 2, 3].map(() => failureOf(cap.turn(others.signal)));
    expect(sleeperCount()).toBe(1);
    others.abort(new Error('given up'));
    expect(await Promise.all(givenUp)).toEqual([others.signal.reason, others.signal.reason, others.signal.reason]);
    expect(sleeperCount()).toBe(0);
    await expect(cap.turn(others.signal)).rejects.toThrow('given up');
    const { begunAtMs, come } = comers(clock, 1, cap);
    await come(1);
    await moveTo(2_000);
    expect(begunAtMs).toEqual([2_000]); // nobody who gave up has used a turn
  });

  it('gives a turn to whoever comes when the last one gives up as its timer ends', async () => {
    const { clock, moveTo, wake, sleeperCount } = jumpingClock();
    const { begunAtMs, come, cap } = comers(clock, 1);
    await come(1);
    const run = new AbortController();
    const givenUp = failureOf(cap.turn(run.signal));
    wake(1_000);
    run.abort(new Error('given up'));
    await come(2);
    expect(await givenUp).toBe(run.signal.reason);
    await moveTo(1_000);
    expect(sleeperCount()).toBe(1);
    await moveTo(2_000);
    expect(begunAtMs).toEqual([0, 1_000, 2_000]);
    expect(sleeperCount()).toBe(0);
  });
});

describe('a failure of our own', () => {
  it.each(KINDS)('is passed through as it is, and nothing is sent: $kind', async ({ make }) => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab);
    const login = { kind: 'trusted-profile', profileName: 'keyrota', tokenFile: tokenFile(null) } as const;
    const product = productOn(lab, { login });
    const calls = watchCalls(lab);
    const startMs = lab.clock.nowMs();
    const error = await failureOf(make({ ...world, product }));
    expect(error).toBeInstanceOf(KeyrotaError);
    expect(error).not.toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'compute_resource_token_missing', effect: 'none' });
    expect(lab.clock.nowMs()).toBe(startMs);
    expect(calls()).toEqual([]);
  });
});

describe('a failure of our own, met where a call is sent', () => {
  it.each(['reads', 'repeatable', 'once'] as const)('is passed through as it is, at once: %s', async (kind) => {
    const lab = await Laboratory.open();
    const startMs = lab.clock.nowMs();
    const own = new KeyrotaError('compute_resource_token_missing', 'The token is gone.');
    const call = { operation: 'any', kind, signal: new AbortController().signal };
    expect(await failureOf(callsOn(lab).send(call, z.unknown(), () => Promise.reject(own)))).toBe(own);
    expect(lab.clock.nowMs()).toBe(startMs);
  });
});

describe('a call that the SDK itself refuses', () => {
  it('is not sent, not repeated, and without effect', async () => {
    const { lab, product } = await open();
    const calls = watchCalls(lab);
    const startMs = lab.clock.nowMs();
    const error = await apiFailureOf(product.identity.enableApiKey('', product.signal));
    expect(error).toMatchObject({ operation: 'enableApiKey', code: 'invalid_request', effect: 'none' });
    expect(error.message).toContain('Parameter validation errors');
    expect([calls(), lab.clock.nowMs()]).toEqual([[], startMs]);
  });
});

describe('an error', () => {
  it('is searched thoroughly: what a request holds is found', async () => {
    const world = await open();
    await failureOf(world.product.secrets.get('unknown', world.product.signal));
    const cause = Object.assign(new Error('request failed'), { request: world.product.sent });
    expect(leaksOf(new Error('failed', { cause }), world)).toEqual(['tokens', 'forms', 'keys']);
  });

  const TROUBLES = [
    { trouble: 'a refusal', fault: { status: 400 } },
    { trouble: 'a refused token', fault: { status: 401, times: 2 } },
    { trouble: 'a missing right', fault: { status: 403 } },
    { trouble: 'a failing service', fault: { status: 503, times: 4 } },
    { trouble: 'a lost request', fault: { drop: 'request', times: 4 } },
    { trouble: 'a lost answer', fault: { drop: 'answer', times: 4 } },
    { trouble: 'a refused connection', fault: { refuse: true, times: 4 } },
    { trouble: 'a hanging answer', fault: { delayMs: HOUR_MS, times: 4 } },
  ] as const;

  it.each(each(TROUBLES, KINDS))('holds neither tokens nor keys nor bodies: $kind, $trouble', async (one) => {
    const world = await open();
    world.lab.fault({ match: one.match, ...one.fault });
    const error = await failureOf(one.make(world));
    expect(leaksOf(error, world)).toEqual([]);
    expect(leaksOf(world.lab.logLines, world)).toEqual([]);
  });

  it.each(TROUBLES)('of a login holds neither key nor token: $trouble', async ({ fault }) => {
    const world = await open();
    world.lab.fault({ match: TOKEN, ...fault, times: 100 });
    world.product.login.forget();
    const error = await failureOf(READ.make(world));
    expect(leaksOf(error, world)).toEqual([]);
  });

  it.each(TROUBLES)('of a creation does not hold the value of the new key: $trouble', async ({ fault }) => {
    const world = await open();
    world.lab.fault({ match: 'POST /v1/apikeys', ...fault });
    const { identity, signal } = world.product;
    const wanted = {
      iamId: world.lab.serviceId.iamId,
      name: 'new',
      description: '',
      expiresAtMs: Date.UTC(2027, 0, 1),
    };
    const error = await failureOf(identity.createApiKey(wanted, signal));
    expect(leaksOf(error, world)).toEqual([]);
  });

  it('masks what has the shape of a key or a token in the words of the service', async () => {
    const lab = await Laboratory.open();
    const world = await worldOn(lab);
    const { value } = await lab.makeKeyByHand();
    const token = (await lab.adminAuthorization()).replace('Bearer ', '');
    const body = JSON.stringify({ errors: [{ code: 'odd', message: `We got ${value} and ${token}.` }] });
    const product = productOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 400, body }) });
    const error = await apiFailureOf(READ.make({ ...world, product }));
    expect(error.message).toBe('getSecretMetadata: status 400 odd: We got [redacted] and [redacted].');
    expect(leaksOf(error, { ...world, product })).toEqual([]);
  });
});

/** What may be sent once, at each service that has such. */
const ONCE_AT_EACH_SERVICE: { write: string; make: (world: World) => Promise<unknown> }[] = [
  { write: 'a version of a secret', make: ONCE.make },
  {
    write: 'a secret',
    make: ({ lab, place, product: { secrets, signal } }) => {
      const name = `another-${lab.state.secretsManager.secrets.length}`;
      const version = { value: new SecretValue(STORED_VALUE), secretMetadata: {}, versionMetadata: {} };
      return secrets.createSecret({ ...place, name }, 'A secret.', version, signal);
    },
  },
  {
    write: 'an API key',
    make: ({ lab, product: { identity, signal } }) => {
      const { iamId } = lab.serviceId;
      const expiresAtMs = lab.clock.nowMs() + 24 * HOUR_MS;
      return identity.createApiKey({ iamId, name: 'new', description: '', expiresAtMs }, signal);
    },
  },
  {
    write: 'the metadata of a secret',
    make: ({ secretId, product: { secrets, signal } }) => secrets.writeMetadata(secretId, { team: 'logs' }, signal),
  },
];

describe('over the network', () => {
  it.each(each([{ drop: 'request' }, { drop: 'answer' }] as const, [READ, REPEATABLE]))(
    'a connection that is lost with the $drop is another attempt: $kind',
    async ({ match, make, drop }) => {
      await using served = await ServedWorld.start();
      const { lab } = served.world;
      lab.fault({ match, drop });
      const made = make(served.world);
      await served.untilWaitingFor(500);
      await lab.pass(500);
      await made;
      expect(served.arrivals.all).toHaveLength(2);
    },
  );

  it.each([
    { drop: 'request', versions: 1 },
    { drop: 'answer', versions: 2 },
  ] as const)('a write that may be sent once is not repeated when the $drop is lost', async ({ drop, versions }) => {
    await using served = await ServedWorld.start();
    const { lab } = served.world;
    lab.fault({ match: ONCE.match, drop });
    expect(await outcomeOf(ONCE.make(served.world))).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    await lab.pass(HOUR_MS);
    expect(served.arrivals.all).toHaveLength(1);
    expect(lab.secret().versions).toHaveLength(versions);
  });

  it('a refused connection is no answer', async () => {
    await using served = await ServedWorld.start();
    await served.close();
    const error = await apiFailureOf(ONCE.make(served.world));
    expect(error).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    expect(error.message).toBe('createSecretVersion: no answer: ECONNREFUSED');
    expect(leaksOf(error, served.world)).toEqual([]);
  });

  it.each(KINDS)('an answer that hangs ends at its time limit, and so does its connection: $kind', async (one) => {
    await using served = await ServedWorld.start();
    const { lab } = served.world;
    lab.fault({ match: one.match, delayMs: HOUR_MS });
    const failed = one.kind === ONCE.kind ? outcomeOf(one.make(served.world)) : one.make(served.world);
    await served.arrivals.until((all) => all.length === 1);
    await lab.pass(10_000);
    await served.done.until((all) => all.length === 1);
    if (one.kind !== ONCE.kind) await lab.pass(500);
    await failed;
    expect(served.arrivals.all).toHaveLength(one.kind === ONCE.kind ? 1 : 2);
  });

  it('a redirect is not followed: it would carry the token elsewhere', async () => {
    const paths: string[] = [];
    const server = createServer((incoming, answer) => {
      paths.push(`${incoming.method} ${incoming.url}`);
      answer.writeHead(incoming.url === '/login' ? 200 : 302, { location: '/login' }).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    try {
      const { logLines } = productOn(await Laboratory.open(), { url: 'http://127.0.0.1:1' });
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs/v1/singles`;
      const token = { value: new SecretValue('a-token-for-nobody-else'), expiresAtMs: 0 };
      const shipping = logLines.ship(url, 'line', token, new AbortController().signal);
      expect(await outcomeOf(shipping)).toMatchObject({ code: 'unexpected_answer', status: 302 });
      expect(paths).toEqual(['POST /logs/v1/singles']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('the abort of the run closes the connection', async () => {
    const run = new AbortController();
    await using served = await ServedWorld.start({ signal: run.signal });
    served.world.lab.fault({ match: READ.match, delayMs: HOUR_MS });
    const failed = failureOf(READ.make(served.world));
    await served.arrivals.until((all) => all.length === 1);
    const reason = new KeyrotaError('time_is_up', 'The run took too long.');
    run.abort(reason);
    expect(await failed).toBe(reason);
    await served.done.until((all) => all.length === 1);
    expect(served.done.all).toHaveLength(1);
  });

  it('calls one after the other share a connection', async () => {
    await using served = await ServedWorld.start();
    for (let count = 0; count < 5; count += 1) await READ.make(served.world);
    await REPEATABLE.make(served.world);
    await READ.make(served.world);
    expect(served.arrivals.all).toHaveLength(7);
    expect(served.connections.size).toBe(1);
  });

  it.each(ONCE_AT_EACH_SERVICE)(
    'a write that may be sent once goes on a connection of its own, and leaves the shared one alone: $write',
    async ({ make }) => {
      await using served = await ServedWorld.start();
      await READ.make(served.world);
      await make(served.world);
      await make(served.world);
      await READ.make(served.world);
      expect(served.arrivals.all).toHaveLength(4);
      expect(served.connections.size).toBe(3);
    },
  );

  it.each(ONCE_AT_EACH_SERVICE)(
    'a write that may be sent once is not lost to an idle connection that the service has just closed: $write',
    async ({ make }) => {
      await using served = await ServedWorld.start();
      await READ.make(served.world);
      const closed = [...served.connections].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of served.connections) socket.destroy();
      await Promise.all(closed); // here; the product need not have noticed
      await make(served.world);
      expect(served.arrivals.all).toHaveLength(2);
    },
  );

  it.each(ONCE_AT_EACH_SERVICE)(
    'a write that may be sent once has no use for a shared connection under TLS either: $write',
    async ({ make }) => {
      const lab = await Laboratory.open();
      const agents: unknown[] = [];
      const cloud = cloudAdapter(lab.cloud);
      const noting: Adapter = (config) => {
        agents.push((config as { httpsAgent?: unknown }).httpsAgent);
        return cloud(config);
      };
      const world = await worldOn(lab, { adapter: noting });
      await READ.make(world);
      await make(world);
      const [ofRead, ofWrite] = agents.slice(-2);
      expect(ofRead).toBeUndefined(); // Node's own, which shares
      expect(ofWrite).toBeInstanceOf(HttpsAgent);
      expect((ofWrite as HttpsAgent).options.keepAlive).toBe(false);
    },
  );

  it('a connection that the service has closed is replaced', async () => {
    await using served = await ServedWorld.start();
    await READ.make(served.world);
    await served.hangUp();
    await READ.make(served.world);
    expect(served.connections.size).toBe(2);
  });

  it('fifty calls at once are answered', async () => {
    await using served = await ServedWorld.start();
    await Promise.all(Array.from({ length: 50 }, () => READ.make(served.world)));
    expect(served.arrivals.all).toHaveLength(50);
  });

  it.each(each([{ drop: 'request' }, { drop: 'answer' }] as const, [ONCE]))(
    'an error holds neither tokens nor keys nor bodies: a connection lost with the $drop',
    async ({ match, make, drop }) => {
      await using served = await ServedWorld.start();
      served.world.lab.fault({ match, drop });
      const error = await failureOf(make(served.world));
      expect(leaksOf(error, served.world)).toEqual([]);
      expect(everythingIn(error)).not.toMatch(/eyJ|Bearer|127\.0\.0\.1/);
    },
  );

  it.each([
    ['is broken off', (outgoing) => breakOff(outgoing)],
    ['is broken off behind 201', (outgoing) => breakOff(outgoing, 201)],
    ['is no HTTP', (outgoing) => outgoing.socket?.end(`${STORED_VALUE}\r\n\r\n`)],
    ['ends before it began', (outgoing) => outgoing.socket?.end()],
  ] satisfies [string, (outgoing: ServerResponse) => void][])(
    'an answer that %s leaves unknown what was done, and none of it is told',
    async (_, spoil) => {
      await using server = await spoiltServer(spoil);
      const world = await worldOn(await Laboratory.open());
      const product = productOn(world.lab, { url: server.url, clock: standingClock(world.lab) });
      const error = await apiFailureOf(ONCE.make({ ...world, product }));
      expect(error).toMatchObject({ code: 'no_answer', effect: 'unknown', failure: { status: null } });
      expect(leaksOf(error, world)).toEqual([]);
      expect(server.requests).toBe(1);
    },
  );

  it('an answer that breaks off behind its status is asked for again by a read', async () => {
    const whole = { id: 'i', name: 'n', secret_group_id: 'g', secret_type: 'arbitrary', state: 1 };
    await using server = await spoiltServer((outgoing) => {
      if (server.requests === 1) {
        breakOff(outgoing);
        return;
      }
      outgoing.setHeader('content-type', 'application/json');
      outgoing.end(JSON.stringify(whole));
    });
    const world = await worldOn(await Laboratory.open());
    const product = productOn(world.lab, { url: server.url, clock: withoutDelays(standingClock(world.lab)) });
    expect(await READ.make({ ...world, product })).toMatchObject(whole);
    expect(server.requests).toBe(2);
  });

  it('an answer whose body never ends is ended at the time limit', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await using server = await spoiltServer((outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.write('{"id":', () => begin());
    });
    const world = await worldOn(await Laboratory.open());
    const { lab } = world;
    lab.clock.speed = 0;
    const outcome = outcomeOf(ONCE.make({ ...world, product: productOn(lab, { url: server.url }) }));
    await begun;
    await lab.pass(10_000);
    expect(await outcome).toMatchObject({ code: 'no_answer', effect: 'unknown' });
  });
});

/** Time that stands still for good. */
function standingClock({ clock, portClock }: Laboratory): Clock {
  clock.speed = 0;
  return portClock;
}

/** Delays between attempts take no time; time limits are as they were. */
const withoutDelays = (clock: Clock): Clock => ({
  nowMs: () => clock.nowMs(),
  sleep: (delayMs, signal) => (delayMs < 10_000 ? Promise.resolve() : clock.sleep(delayMs, signal)),
});

/** Promises more than it sends. */
function breakOff(outgoing: ServerResponse, status = 200): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', 'content-length': '1000' });
  outgoing.write(`{"id": "${STORED_VALUE}`, () => outgoing.socket?.destroy());
}

function callsOn(lab: Laboratory, more: { login?: Login; rateCap?: RateCap } = {}): Calls {
  const clock = lab.portClock;
  return new Calls({ clock, log: silentLog(clock), timeoutMs: 10_000, deadlineMs: clock.nowMs() + 100_000, ...more });
}

/** A cap of one call a second, and which calls begin when. */
async function waitingAtACap() {
  const { portClock } = await Laboratory.open();
  const startMs = portClock.nowMs();
  const cap = new RateCap(portClock, 1);
  const begun: string[] = [];
  const turn = async (name: string, signal = new AbortController().signal) => {
    await cap.turn(signal, name.startsWith('write'));
    begun.push(`${name} at ${portClock.nowMs() - startMs}`);
  };
  return { begun, turn };
}

const alive = () => new AbortController().signal;

/** A clock that stands still until it is moved; then all wake whose time has come, however late it is. */
function jumpingClock() {
  let nowMs = 0;
  const sleepers = new Set<{ atMs: number; end: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { atMs: nowMs + delayMs, end: resolve };
        sleepers.add(sleeper);
        signal.addEventListener('abort', () => sleepers.delete(sleeper) && reject(signal.reason as Error));
      }),
  };
  /** Lets nobody see it yet. */
  const wake = (atMs: number) => {
    nowMs = atMs;
    for (const sleeper of sleepers) {
      if (sleeper.atMs > atMs) continue;
      sleepers.delete(sleeper);
      sleeper.end();
    }
  };
  const moveTo = async (atMs: number) => {
    wake(atMs);
    await new Promise(setImmediate);
  };
  const firstWakesMs = () => Math.min(...[...sleepers].map(({ atMs }) => atMs));
  return { clock, wake, moveTo, firstWakesMs, sleeperCount: () => sleepers.size };
}

/** Calls that come to a cap, and when they begin. */
function comers(clock: Clock, callsPerSecond: number, cap = new RateCap(clock, callsPerSecond)) {
  const begunAtMs: number[] = [];
  const come = async (count: number) => {
    for (let n = 0; n < count; n += 1) void cap.turn(alive()).then(() => begunAtMs.push(clock.nowMs()));
    await new Promise(setImmediate);
  };
  return { begunAtMs, come, cap };
}

interface Begun {
  place: number;
  atMs: number;
}

/** When calls begin that come at these distances, in milliseconds, while each timer ends so late. */
async function begunAfter(callsPerSecond: number, gapsMs: readonly number[], lateMs = () => 0): Promise<Begun[]> {
  const { clock, moveTo, firstWakesMs } = jumpingClock();
  const cap = new RateCap(clock, callsPerSecond);
  const begun: Begun[] = [];
  const wakeUntil = async (untilMs: number) => {
    while (firstWakesMs() <= untilMs && firstWakesMs() < Infinity) {
      await moveTo(Math.max(clock.nowMs(), firstWakesMs() + lateMs()));
    }
  };
  let comesAtMs = 0;
  for (const [place, gapMs] of gapsMs.entries()) {
    comesAtMs += gapMs;
    await wakeUntil(comesAtMs);
    await moveTo(Math.max(clock.nowMs(), comesAtMs));
    void cap.turn(alive()).then(() => begun.push({ place, atMs: clock.nowMs() }));
  }
  await wakeUntil(Infinity);
  return begun;
}

/** The calls that begin less than a second after so many others. */
const tooEarly = (callsPerSecond: number, begun: readonly Begun[]): Begun[] =>
  begun.filter(({ atMs }, nth) => atMs - (begun[nth - callsPerSecond]?.atMs ?? -Infinity) < 1_000);
