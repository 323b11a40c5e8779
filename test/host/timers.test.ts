import { describe, expect, it } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import { Timers } from '../../infra/local/host/timers.ts';
import type { CronTimer } from '../../infra/local/host/timers.ts';
import { START_MS, startWorld } from './world.ts';

const MINUTE_MS = 60_000;

interface Delivery {
  atMs: number;
  headers: Record<string, string>;
  body: string;
}

/** Timers whose deliveries are answered with the given statuses, then with 200; null breaks the connection. */
async function deliveries(
  timer: Partial<CronTimer>,
  untilMs: number,
  statuses: (number | null)[] = [],
): Promise<Delivery[]> {
  const clock = new CloudClock({ startMs: START_MS, speed: Infinity });
  const seen: Delivery[] = [];
  const deliver = async (request: Request) => {
    seen.push({
      atMs: clock.nowMs() - START_MS,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    });
    const status = statuses.shift();
    if (status === null) throw new Error('connection reset');
    return new Response(null, { status: status ?? 200 });
  };
  const timers = [{ name: 'tick', functionName: 'f', schedule: '* * * * *', ...timer }];
  using running = new Timers({ clock, timers, deliver });
  await clock.advanceTo(START_MS + untilMs);
  running[Symbol.dispose]();
  return seen;
}

describe('a cron timer', () => {
  it.each([
    ['* * * * *', undefined, [1, 2, 3]],
    ['*/20 * * * *', undefined, [20, 40, 60]],
    ['30 1 * * *', undefined, [90, 90 + 24 * 60]],
    ['30 1 * * *', 'Europe/Berlin', [30, 30 + 24 * 60]],
    ['0 0 * * SUN', undefined, [2 * 24 * 60]],
  ])('ticks by the schedule %s in the zone %s', async (schedule, timeZone, minutes) => {
    const timer = { schedule, ...(timeZone && { timeZone }) };
    const until = Math.max(...minutes) * MINUTE_MS;
    expect((await deliveries(timer, until)).map(({ atMs }) => atMs / MINUTE_MS)).toEqual(minutes);
  });

  it('delivers a CloudEvent with its data', async () => {
    const [first, second] = await deliveries({ data: '{"k":1}' }, 2 * MINUTE_MS);
    expect(first).toMatchObject({
      body: '{"k":1}',
      headers: {
        'ce-source': '/apis/v1/namespaces/1kweru2e873/pingsources/tick',
        'ce-specversion': '1.0',
        'ce-time': '2026-11-20T00:01:00.000Z',
        'ce-type': 'dev.knative.sources.ping',
        'content-type': 'application/json',
      },
    });
    expect(first?.headers['ce-id']).not.toBe(second?.headers['ce-id']);
    expect((await deliveries({ data: 'a=1', contentType: 'text/plain' }, MINUTE_MS))[0]?.headers['content-type']).toBe(
      'text/plain',
    );
  });

  it('delivers no body and no type without data', async () => {
    const [tick] = await deliveries({}, MINUTE_MS);
    expect([tick?.body, tick?.headers['content-type']]).toEqual(['', undefined]);
  });

  it.each([404, 413, 425, 429, 502, 503, 504, null])('is repeated after %j, as the same event', async (status) => {
    const seen = await deliveries({}, MINUTE_MS + 1_000, [status, status]);
    expect(seen.map(({ atMs }) => atMs - MINUTE_MS)).toEqual([0, 50, 150]);
    expect(new Set(seen.map(({ headers }) => headers['ce-id'])).size).toBe(1);
  });

  it('is repeated at most 5 times, ever more slowly, and then lost', async () => {
    const seen = await deliveries(
      {},
      2 * MINUTE_MS - 1,
      Array.from({ length: 6 }, () => 503),
    );
    expect(seen.map(({ atMs }) => atMs - MINUTE_MS)).toEqual([0, 50, 150, 350, 750, 1_550]);
  });

  it.each([200, 202, 299, 400, 422, 500])('is not repeated after %i', async (status) => {
    expect(await deliveries({}, 2 * MINUTE_MS - 1, [status])).toHaveLength(1);
  });

  it.each([
    [{ schedule: '* * * * * *' }, TypeError],
    [{ schedule: '61 * * * *' }, TypeError],
    [{ timeZone: 'Mars/Olympus' }, TypeError],
    [{ data: 'x'.repeat(4_097) }, RangeError],
  ])('is refused when it is %j', async (timer, error) => {
    await expect(deliveries(timer, 0)).rejects.toThrow(error);
  });

  it('does not wait for the former tick of a slow function', async () => {
    const source = `
    exports.main = async ({ __ce_headers: headers }) => {
      await new Promise((resolve) => setTimeout(resolve, 90_000));
      console.log(headers['Ce-Time'], (Date.now() - Date.parse(headers['Ce-Time'])) / 1000);
      return { statusCode: 200, headers: {}, body: '' };
    };`;
    await using world = await startWorld({ f: source }, { function: { maxExecutionSeconds: 120 } });
    const timers = [{ name: 'tick', functionName: 'f', schedule: '* * * * *' }];
    using _running = new Timers({ clock: world.clock, timers, deliver: (request) => world.host.handle(request) });
    await world.clock.advanceTo(START_MS + 5 * MINUTE_MS);
    expect(world.log).toEqual([1, 2, 3].map((minute) => `f stdout 2026-11-20T00:0${minute}:00.000Z 90`));
  });

  it('runs a function through weeks of hours in seconds, each on time', async () => {
    const source = `
    let count = 0;
    exports.main = async ({ __ce_headers: headers }) => {
      count += 1;
      for (let i = 0; i < 2; i += 1) await post();
      const isOnTime = Date.parse(headers['Ce-Time']) === Date.now();
      if (!isOnTime || count % 480 === 0) console.log(new Date().toISOString(), count, isOnTime);
      return { statusCode: 200, headers: {}, body: '' };
    };`;
    await using world = await startWorld({ f: source });
    const timers = [{ name: 'tick', functionName: 'f', schedule: '0 * * * *' }];
    using _running = new Timers({ clock: world.clock, timers, deliver: (request) => world.host.handle(request) });
    await world.clock.advanceTo(START_MS + 20 * 24 * 60 * MINUTE_MS);
    expect(world.log).toEqual(['f stdout 2026-12-10T00:00:00.000Z 480 true']);
  });
});
