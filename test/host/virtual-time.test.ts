import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { START_MS, startWorld } from './world.ts';
import type { World } from './world.ts';

const SOURCE = `
const timers = require('node:timers');
const promises = require('node:timers/promises');
const { promisify } = require('node:util');
const { AsyncLocalStorage } = require('node:async_hooks');
const { scheduler } = promises;

const took = async (work) => {
  const startMs = Date.now();
  const value = await work();
  return { ms: Date.now() - startMs, value };
};
const later = (set, ...rest) => new Promise((resolve) => set((...args) => resolve(args), ...rest));
const failure = (promise) => promise.then(() => 'none', (error) => [error.name, error.code, error.cause?.name].join(' '));

const cases = {
  setTimeout: () => took(() => later(setTimeout, 5_000, 'a', 'b')),
  zero: () => took(() => later(setTimeout)),
  overflow: () => took(() => later(setTimeout, 2 ** 31)),
  'node:timers': () => took(() => later(timers.setTimeout, 5_000)),
  'node:timers/promises': () => took(() => promises.setTimeout(5_000, 'value')),
  'scheduler.wait': () => took(() => scheduler.wait(5_000)),
  promisify: () => took(() => promisify(setTimeout)(5_000, 'value')),
  'promisify node:timers': () => took(() => promisify(timers.setTimeout)(5_000, 'value')),
  setInterval: () => took(() => new Promise((resolve) => {
    const ticks = [];
    const startMs = Date.now();
    const interval = setInterval((text) => {
      ticks.push(text + (Date.now() - startMs));
      if (ticks.length < 3) return;
      clearInterval(interval);
      resolve(ticks);
    }, 1_000, 'at ');
  })),
  'promised setInterval': () => took(async () => {
    const ticks = [];
    for await (const value of promises.setInterval(2_000, 'tick')) if (ticks.push(value) === 3) break;
    return ticks;
  }),
  'AbortSignal.timeout': () => took(() => new Promise((resolve) => {
    const signal = AbortSignal.timeout(3_000);
    signal.addEventListener('abort', () => resolve(signal.reason.name));
  })),
  'aborted sleep': () => took(() => failure(promises.setTimeout(9_000, null, { signal: AbortSignal.timeout(4_000) }))),
  'aborted before': () => took(() => failure(promises.setTimeout(9_000, null, { signal: AbortSignal.abort() }))),
  'performance.now': () => took(async () => {
    const startMs = performance.now();
    await later(setTimeout, 2_500);
    return [performance.now() - startMs, performance.timeOrigin + performance.now() === Date.now()];
  }),
  hrtime: () => took(async () => {
    const [start, startBig] = [process.hrtime(), process.hrtime.bigint()];
    await later(setTimeout, 2_500);
    return [process.hrtime(start), Number(process.hrtime.bigint() - startBig)];
  }),
  cleared: () => took(async () => {
    const rang = [];
    const ring = (name) => () => rang.push(name);
    clearTimeout(setTimeout(ring('object'), 10));
    clearTimeout(Number(setTimeout(ring('number'), 10)));
    clearTimeout(String(Number(setTimeout(ring('text'), 10))));
    setTimeout(ring('closed'), 10).close();
    clearTimeout(undefined);
    clearTimeout({});
    const refreshed = setTimeout(ring('refreshed'), 30);
    setTimeout(() => refreshed.refresh(), 20);
    await later(setTimeout, 40);
    const early = [...rang];
    await later(setTimeout, 20);
    return [early, rang, refreshed.unref().hasRef(), refreshed.ref().hasRef()];
  }),
  order: () => took(async () => {
    const order = [];
    setTimeout(() => { order.push('20'); }, 20);
    setTimeout(() => { order.push('10a'); Promise.resolve().then(() => order.push('10a then')); }, 10);
    setTimeout(() => { order.push('10b'); process.nextTick(() => order.push('10b tick')); }, 10);
    await later(setTimeout, 30);
    return order;
  }),
  context: () => took(() => {
    const storage = new AsyncLocalStorage();
    return storage.run('mine', () => later(setTimeout, 5).then(() => storage.getStore()));
  }),
  'no callback': () => took(async () => {
    try { setTimeout('text'); } catch (error) { return [error.name, error.code]; }
  }),
  Date: () => took(async () => {
    class Later extends Date { plus(ms) { return new Later(this.getTime() + ms); } }
    const date = new Date();
    return [
      date.toISOString(), Date(), new Date(0).toISOString(), new Date('2020-02-03').getTime(), new Date(2020, 1, 3, 4).getHours(),
      date instanceof Date, date.constructor === Date, new Later() instanceof Date, new Later().plus(5).getTime() - Date.now(),
      Date.UTC(1970, 0, 1), Date.parse('1970-01-01T00:00:01Z'), Date.name, Date.length, structuredClone(date) instanceof Date,
    ];
  }),
};
exports.main = async ({ case: name }) => json(await cases[name]());
`;

describe('time in a function', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ time: SOURCE });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const run = async (name: string) => {
    const startMs = world.clock.nowMs();
    const { ms, value } = (await (await world.call(`/time?case=${encodeURIComponent(name)}`)).json()) as {
      ms: number;
      value?: unknown;
    };
    expect(world.clock.nowMs() - startMs).toBe(ms);
    return [ms, value];
  };

  it.each([
    ['setTimeout', 5_000, ['a', 'b']],
    ['zero', 1, []],
    ['overflow', 1, []],
    ['node:timers', 5_000, []],
    ['node:timers/promises', 5_000, 'value'],
    ['scheduler.wait', 5_000, undefined],
    ['promisify', 5_000, 'value'],
    ['promisify node:timers', 5_000, 'value'],
    ['setInterval', 3_000, ['at 1000', 'at 2000', 'at 3000']],
    ['promised setInterval', 6_000, ['tick', 'tick', 'tick']],
    ['AbortSignal.timeout', 3_000, 'TimeoutError'],
    ['aborted sleep', 4_000, 'AbortError ABORT_ERR TimeoutError'],
    ['aborted before', 0, 'AbortError ABORT_ERR AbortError'],
    ['performance.now', 2_500, [2_500, true]],
    ['hrtime', 2_500, [[2, 500_000_000], 2_500_000_000]],
    ['cleared', 60, [[], ['refreshed'], false, true]],
    ['order', 30, ['10a', '10a then', '10b', '10b tick', '20']],
    ['context', 5, 'mine'],
    ['no callback', 0, ['TypeError', 'ERR_INVALID_ARG_TYPE']],
  ])('follows the virtual clock: %s', async (name, ms, value) => {
    expect(await run(name)).toEqual([ms, value]);
  });

  it('is what Date says in all its forms', async () => {
    await world.clock.advanceTo(START_MS + 86_400_000);
    const [, value] = await run('Date');
    const now = new Date(START_MS + 86_400_000);
    expect(value).toEqual([
      now.toISOString(),
      now.toString(),
      '1970-01-01T00:00:00.000Z',
      Date.UTC(2020, 1, 3),
      4,
      true,
      true,
      true,
      5,
      0,
      1_000,
      'Date',
      7,
      true,
    ]);
  });

  it('is virtual in what esbuild makes of ES modules', async () => {
    const source = join(world.folder, 'source.ts');
    const imports =
      "import { setTimeout as sleep } from 'node:timers/promises';\nimport { performance } from 'node:perf_hooks';";
    const body =
      'const startMs = performance.now(); await sleep(15_000); return { body: String(performance.now() - startMs) };';
    writeFileSync(source, `${imports}\nexport const main = async () => { ${body} };`);
    const bundled = buildSync({ entryPoints: [source], bundle: true, platform: 'node', format: 'cjs', write: false });
    await using other = await startWorld({ f: bundled.outputFiles[0]?.text ?? '' });
    expect(await (await other.call('/f')).text()).toBe('15000');
  });

  it('leaves the timers of an instance frozen between invocations', async () => {
    const source = `
      let rang = 0;
      setInterval(() => { rang += 1; }, 1_000);
      exports.main = async ({ sleep }) => {
        if (sleep) await new Promise((resolve) => setTimeout(resolve, Number(sleep)));
        return { body: String(rang) };
      };`;
    await using other = await startWorld({ f: source });
    expect(await (await other.call('/f?sleep=2500')).text()).toBe('2');
    await other.clock.advanceTo(other.clock.nowMs() + 3_600_000);
    expect(await (await other.call('/f?sleep=500')).text()).toBe('3');
  });

  it('passes at a finite speed, too', async () => {
    const source = `exports.main = async () => {
      const startMs = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 15_000));
      return { body: String(Date.now() - startMs) };
    };`;
    await using other = await startWorld({ f: source }, { speed: 200 });
    const startMs = performance.now();
    expect(await (await other.call('/f')).text()).toBe('15000');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(15_000 / 200);
  });
});
