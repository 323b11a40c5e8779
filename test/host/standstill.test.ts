import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { START_MS, startWorld } from './world.ts';
import type { World } from './world.ts';

const minutes = (count: number) => count * 60_000;

/** Has something due at each virtual millisecond, so that time moves as soon as nobody holds it. */
function hurry(world: World): void {
  const again = () => void world.clock.at(world.clock.nowMs() + 1, again);
  again();
}

/** Calls the cloud ten times, a step apart, and tells the times in steps. */
const ticking = (stepMs: number) => `exports.main = async () => {
      const startMs = Date.now();
      const ticks = [];
      for (let i = 0; i < 10; i += 1) {
        await new Promise((resolve) => setTimeout(resolve, ${stepMs}));
        await post();
        ticks.push((Date.now() - startMs) / ${stepMs});
      }
      return json(ticks);
    };`;

const bodyOf = async (response: Promise<Response>): Promise<unknown> => (await response).json();

describe('virtual time during an invocation', () => {
  it('passes while a function sleeps between two calls, exactly and at once', async () => {
    const source = `exports.main = async () => {
      const token = process.env.CLOUD_URL + '/identity/token';
      const statuses = [await post(token)];
      await new Promise((resolve) => setTimeout(resolve, 15_000));
      return json([...statuses, await post(token)]);
    };`;
    await using world = await startWorld({ f: source });
    const startMs = performance.now();
    expect(await bodyOf(world.call('/f'))).toEqual([400, 400]);
    // Less than it slept for, however busy the machine is.
    expect(performance.now() - startMs).toBeLessThan(15_000);
    expect(world.cloud.calls.list().map(({ atMs }) => atMs - START_MS)).toEqual([0, 15_000]);
    expect(world.clock.nowMs()).toBe(START_MS + 15_000);
  });

  it.each(['await post()', '(await fetch(LOGS, { method: "POST" })).status'])(
    'passes while the cloud holds an answer back: %s',
    async (call) => {
      const source = `exports.main = async () => {
        const startMs = Date.now();
        return json([${call}, Date.now() - startMs, ${call}, Date.now() - startMs]);
      };`;
      await using world = await startWorld({ f: source });
      world.fault({ delayMs: 7_000 });
      expect(await bodyOf(world.call('/f'))).toEqual([401, 7_000, 401, 7_000]);
    },
  );

  it.each([
    [{ refuse: true }, 0],
    [{ drop: 'request' as const }, 0],
    [{ drop: 'answer' as const }, 0],
    [{ drop: 'answer' as const, delayMs: 2_000 }, 2_000],
    [{ status: 503, lateMs: 3_000, delayMs: 1_000 }, 4_000],
  ])('goes on after the fault %j', async (fault, tookMs) => {
    const source = `exports.main = async () => {
      const startMs = Date.now();
      const first = await post().catch((error) => error.code);
      const ms = Date.now() - startMs;
      const viaFetch = await fetch(LOGS, { method: 'POST' }).then((response) => response.status, () => 'failed');
      return json([first, ms, viaFetch, Date.now() - startMs, await post()]);
    };`;
    await using world = await startWorld({ f: source });
    world.fault({ ...fault, times: 2 });
    const failed = 'status' in fault ? [503, 503] : ['ECONNRESET', 'failed'];
    expect(await bodyOf(world.call('/f'))).toEqual([failed[0], tookMs, failed[1], 2 * tookMs, 401]);
  });

  it('stands still while a function computes, in whatever way', async () => {
    const source = `
    const { promisify } = require('node:util');
    const zlib = require('node:zlib');
    const crypto = require('node:crypto');
    const files = require('node:fs');
    exports.main = async () => {
      const startMs = Date.now();
      for (let i = 0; i < 3e7; i += 1);
      for (let i = 0; i < 100; i += 1) await new Promise(setImmediate);
      for (let i = 0; i < 1000; i += 1) await new Promise(process.nextTick);
      await promisify(crypto.scrypt)('password', 'salt', 64, { N: 2 ** 15, maxmem: 2 ** 26 });
      await crypto.subtle.digest('SHA-256', new Uint8Array(3e7));
      await crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign']);
      const packed = await promisify(zlib.gzip)(crypto.randomBytes(5e6));
      await promisify(zlib.gunzip)(packed);
      await promisify(zlib.brotliCompress)(packed.subarray(0, 2e5));
      await files.promises.writeFile(process.env.SCRATCH, packed);
      await promisify(files.readFile)(process.env.SCRATCH);
      for await (const chunk of files.createReadStream(process.env.SCRATCH)) void chunk;
      await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
      await require('node:dns').promises.lookup('localhost');
      for (let i = 0; i < 20; i += 1) await Promise.all([post(), fetch(LOGS, { method: 'POST', body: packed })]);
      return json([Date.now() - startMs]);
    };`;
    await using world = await startWorld({ f: source.replaceAll('process.env.SCRATCH', '(__dirname + "/scratch")') });
    hurry(world);
    expect(await bodyOf(world.call('/f'))).toEqual([0]);
  });

  it('stands still while a function connects, and while a process or a thread works for it', async () => {
    const listener = createTcpServer((socket) => socket.end());
    await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve));
    const source = `
    const { promisify } = require('node:util');
    const { once } = require('node:events');
    const { connect } = require('node:net');
    const { Worker } = require('node:worker_threads');
    const run = promisify(require('node:child_process').execFile);
    const SPIN = 'for (let i = 0; i < 3e7; i += 1);';
    exports.main = async () => {
      const startMs = Date.now();
      const passedMs = [];
      await once(connect(${(listener.address() as AddressInfo).port}, '127.0.0.1'), 'connect');
      passedMs.push(Date.now() - startMs);
      const { stdout } = await run(process.execPath, ['-e', SPIN + 'console.log("done")']);
      passedMs.push(Date.now() - startMs);
      await once(new Worker(SPIN, { eval: true }), 'exit');
      passedMs.push(Date.now() - startMs);
      return json([stdout, passedMs]);
    };`;
    await using world = await startWorld({ f: source });
    hurry(world);
    expect(await bodyOf(world.call('/f'))).toEqual(['done\n', [0, 0, 0]]);
    listener.close();
  });

  it('stands still during initialisation', async () => {
    const source = `
    const startMs = Date.now();
    for (let i = 0; i < 3e7; i += 1);
    const ready = post().then(() => Date.now() - startMs);
    exports.main = async () => json([await ready, Date.now() - startMs]);`;
    await using world = await startWorld({ f: source });
    hurry(world);
    expect(await bodyOf(world.call('/f'))).toEqual([0, 0]);
  });

  it('stands still while a server outside of the cloud is asked', async () => {
    const slow = createServer((_incoming, outgoing) => setTimeout(() => outgoing.end(), 100));
    await new Promise<void>((resolve) => void slow.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const source = `exports.main = async () => {
      const startMs = Date.now();
      await post('${url}');
      await (await fetch('${url}')).text();
      return json([Date.now() - startMs]);
    };`;
    await using world = await startWorld({ f: source });
    hurry(world);
    expect(await bodyOf(world.call('/f'))).toEqual([0]);
    slow.close();
    slow.closeAllConnections();
  });

  it('lets the earlier of answer and timeout win', async () => {
    const source = `
    const attempt = async (limitMs) => {
      const startMs = Date.now();
      const signal = AbortSignal.timeout(limitMs);
      const outcome = await post(LOGS, { signal }).catch((error) => error.name);
      return [outcome, Date.now() - startMs];
    };
    const viaFetch = async (limitMs) => {
      const startMs = Date.now();
      const signal = AbortSignal.timeout(limitMs);
      const outcome = await fetch(LOGS, { method: 'POST', signal }).then(({ status }) => status, (error) => error.name);
      return [outcome, Date.now() - startMs];
    };
    exports.main = async () => json([await attempt(3_001), await attempt(2_999), await viaFetch(3_001), await viaFetch(2_999)]);`;
    await using world = await startWorld({ f: source });
    world.fault({ delayMs: 3_000, times: 4 });
    expect(await bodyOf(world.call('/f'))).toEqual([
      [401, 3_000],
      ['AbortError', 2_999],
      [401, 3_000],
      ['TimeoutError', 2_999],
    ]);
  });

  it('passes for two functions at once, each in its own rhythm', async () => {
    await using world = await startWorld({ slow: ticking(5_000), fast: ticking(700) });
    const answers = await Promise.all([bodyOf(world.call('/slow')), bodyOf(world.call('/fast'))]);
    const steps = Array.from({ length: 10 }, (_, index) => index + 1);
    expect(answers).toEqual([steps, steps]);
    expect(world.clock.nowMs()).toBe(START_MS + 50_000);
  });

  it('passes in a function that waits for another function', async () => {
    const outer = `exports.main = async () => {
      const startMs = Date.now();
      const statuses = [await post(process.env.HOST_URL + '/inner'), (await fetch(process.env.HOST_URL + '/inner')).status];
      return json([...statuses, Date.now() - startMs]);
    };`;
    const inner = `exports.main = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      await post();
      return { statusCode: 202 };
    };`;
    await using world = await startWorld({ outer, inner });
    expect(await bodyOf(world.call('/outer'))).toEqual([202, 202, 40_000]);
  });

  it('is not held up by requests that wait for a socket of their agent', async () => {
    const source = `
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    exports.main = async () => {
      const startMs = Date.now();
      const timed = async () => [await post(LOGS, { agent }), Date.now() - startMs];
      return json(await Promise.all([timed(), timed(), timed()]));
    };`;
    await using world = await startWorld({ f: source });
    world.fault({ delayMs: 5_000, times: 2 });
    expect(await bodyOf(world.call('/f'))).toEqual([
      [401, 5_000],
      [401, 10_000],
      [401, 10_000],
    ]);
  });

  it('is not held up by an answer that nobody reads', async () => {
    const source = `exports.main = async () => {
      const status = await new Promise((resolve) => {
        http.request(LOGS, { method: 'POST' }, (response) => resolve(response.statusCode)).end('[]');
      });
      const { status: fetched } = await fetch(LOGS, { method: 'POST' });
      const startMs = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 30_000));
      return json([status, fetched, Date.now() - startMs]);
    };`;
    await using world = await startWorld({ f: source });
    const startMs = performance.now();
    expect(await bodyOf(world.call('/f'))).toEqual([401, 401, 30_000]);
    expect(performance.now() - startMs).toBeLessThan(4_000);
  });

  it('is not held up by a server that is not there', async () => {
    const source = `exports.main = async () => {
      const code = await post('http://127.0.0.1:9').catch((error) => error.code);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const cause = await fetch('http://127.0.0.1:9').catch((error) => error.message);
      return json([code, cause]);
    };`;
    await using world = await startWorld({ f: source });
    expect(await bodyOf(world.call('/f'))).toEqual(['ECONNREFUSED', 'fetch failed']);
  });

  it('is held up by a server that never answers for some real seconds only', { timeout: 20_000 }, async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const source = `exports.main = async () => {
      const signal = AbortSignal.timeout(10_000);
      return json([await post('${url}', { signal }).catch((error) => error.name)]);
    };`;
    await using world = await startWorld({ f: source });
    expect(await bodyOf(world.call('/f'))).toEqual(['AbortError']);
    expect(world.clock.nowMs()).toBe(START_MS + 10_000);
    silent.close();
    silent.closeAllConnections();
  });

  it('is held up by a process that does not end for some real seconds only', { timeout: 20_000 }, async () => {
    const source = `
    const { spawn } = require('node:child_process');
    exports.main = async () => {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      child.kill();
      return json([]);
    };`;
    await using world = await startWorld({ f: source });
    expect(await bodyOf(world.call('/f'))).toEqual([]);
    expect(world.clock.nowMs()).toBe(START_MS + 10_000);
  });

  it('goes on for others after a function answered with requests still under way', async () => {
    const source = `
    const late = [];
    exports.main = async () => {
      void post().then(() => late.push('answered'));
      return json([...late]);
    };`;
    await using world = await startWorld({ f: source });
    world.fault({ delayMs: 60_000 });
    expect(await bodyOf(world.call('/f'))).toEqual([]);
    expect(world.clock.nowMs()).toBe(START_MS);
    await world.clock.advanceTo(START_MS + minutes(5));
    expect(await bodyOf(world.call('/f'))).toEqual(['answered']);
  });
});

describe('an invocation that does not end', () => {
  it.each([
    [undefined, 60],
    [120, 120],
  ])('is answered with 299 at its limit: %s', async (maxExecutionSeconds, seconds) => {
    const source = 'exports.main = () => { setInterval(() => {}, 700); return new Promise(() => {}); };';
    await using world = await startWorld(
      { f: source },
      { function: maxExecutionSeconds ? { maxExecutionSeconds } : {} },
    );
    const startMs = performance.now();
    const response = await world.call('/f');
    expect([response.status, await response.text()]).toEqual([299, '']);
    expect(world.clock.nowMs()).toBe(START_MS + seconds * 1_000);
    // Its seconds are not real ones, however busy the machine is.
    expect(performance.now() - startMs).toBeLessThan((seconds * 1_000) / 2);
  });

  it('is aborted while the cloud still holds its answer back', async () => {
    await using world = await startWorld({ f: 'exports.main = async () => json([await post()]);' });
    world.fault({ delayMs: minutes(10) });
    expect((await world.call('/f')).status).toBe(299);
    expect(world.clock.nowMs()).toBe(START_MS + 60_000);
    expect(await bodyOf(world.call('/f'))).toEqual([401]);
  });

  it('is aborted in real time when it never pauses', async () => {
    const source = 'exports.main = ({ spin }) => { while (spin) Date.now(); return json([1]); };';
    // On a busy machine an instance takes real time to begin.
    await using world = await startWorld({ f: source }, { function: { maxExecutionSeconds: 5 } });
    expect((await world.call('/f?spin=yes')).status).toBe(299);
    expect(world.clock.nowMs()).toBe(START_MS);
    expect(await bodyOf(world.call('/f'))).toEqual([1]);
  });
});
