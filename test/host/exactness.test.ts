import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, asyncProperty, constantFrom, integer, record } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import { FunctionHost } from '../../infra/local/host/function-host.ts';
import { serve } from '../../infra/local/server.ts';
import type { Listening } from '../../infra/local/server.ts';
import { bundle, START_MS } from './world.ts';

interface Step {
  how: 'sleep' | 'http' | 'fetch' | 'compute' | 'give up';
  ms: number;
}

/** Takes its steps one after the other and tells how long each of them took. */
const WALKER = `
const { scrypt } = require('node:crypto');
const slow = (ms) => process.env.SLOW_URL + '/?ms=' + ms;
const take = {
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  http: (ms) => post(slow(ms)),
  fetch: async (ms) => (await fetch(slow(ms))).text(),
  compute: () => new Promise((resolve) => scrypt('a', 'b', 8, { N: 256 }, resolve)),
  'give up': (ms) => post(slow(ms + 7), { signal: AbortSignal.timeout(ms) }).catch(() => {}),
};
exports.main = async ({ steps }) => {
  const took = [];
  for (const { how, ms } of steps) {
    const startMs = Date.now();
    await take[how](ms);
    took.push(Date.now() - startMs);
  }
  return json(took);
};`;

const step: Arbitrary<Step> = record({
  how: constantFrom('sleep', 'http', 'fetch', 'compute', 'give up'),
  ms: integer({ min: 1, max: 400 }),
});
const expected = ({ how, ms }: Step) => (how === 'compute' ? 0 : ms);

describe('the time that each step of concurrent invocations takes', () => {
  const clock = new CloudClock({ startMs: START_MS, speed: Infinity });
  const folder = mkdtempSync(join(tmpdir(), 'keyrota-test-'));
  let host: FunctionHost;
  let slow: Listening;

  const answerLate = async (request: Request) => {
    const hold = clock.hold();
    await hold.sleep(Number(new URL(request.url).searchParams.get('ms')));
    hold.release();
    return new Response('late');
  };

  beforeAll(async () => {
    slow = await serve({
      port: 0,
      handle: answerLate,
      onArrival: (incoming) => host.requestArrived(incoming),
      onDone: (incoming) => host.requestDone(incoming),
    });
    const directory = bundle(folder, WALKER);
    const environment = { CLOUD_URL: slow.url, SLOW_URL: slow.url };
    host = new FunctionHost({ clock, functions: [{ name: 'f', directory, environment }], onLog: () => {} });
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await slow[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const walk = async (steps: Step[]) => {
    const init = { method: 'POST', body: JSON.stringify({ steps }), headers: { 'content-type': 'application/json' } };
    return (await host.handle(new Request('http://host.test/f', init))).json();
  };

  it('is exactly what it asked for, whatever the others do', { timeout: 60_000 }, async () => {
    const walks = array(array(step, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
    const isExact = asyncProperty(walks, async (plans) => {
      const took = await Promise.all(plans.map(walk));
      expect(took).toEqual(plans.map((steps) => steps.map(expected)));
    });
    await assert(isExact, { numRuns: 40 });
  });
});
