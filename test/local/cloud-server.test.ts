import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Admin } from '../../infra/demo/admin.ts';
import { CallLog } from '../../infra/local/call-log.ts';
import { CloudClock } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { ConnectionLost } from '../../infra/local/faults.ts';
import { serve } from '../../infra/local/server.ts';
import type { ServeOptions } from '../../infra/local/server.ts';

const START_MS = Date.UTC(2026, 10, 20);

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is written to standard error from now on. */
function watchStderr(): string[] {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  return written;
}

/** The status of a GET, or the code of its socket's error. */
function get(url: string, method = 'GET'): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method, agent: false }, (incoming) => {
      incoming.resume().once('end', () => resolve(incoming.statusCode ?? 0));
      incoming.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown')).end();
  });
}

const serving = (handle: ServeOptions['handle'], options: Partial<ServeOptions> = {}) =>
  serve({ handle, port: 0, ...options });

async function openCloud() {
  const clock = new CloudClock({ startMs: START_MS, speed: Infinity });
  const cloud = new EmbeddedCloud({ clock });
  const listening = await serving((incoming) => cloud.handle(incoming));
  return {
    clock,
    cloud,
    url: listening.url,
    [Symbol.asyncDispose]: async () => {
      await listening[Symbol.asyncDispose]();
      clock.stop();
    },
  };
}

describe('an unknown route', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['GET', '/'],
    ['PUT', '/v1/apikeys'],
    ['PATCH', '/v1/policies'],
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v2/configurations'],
    ['GET', '/api/v2/secrets/some/tasks'],
    ['HEAD', '/v1/apikeys'],
    ['HEAD', '/api/v2/secrets'],
  ])('%s %s answers 501 and says so on standard error', async (method, path) => {
    await using world = await openCloud();
    const written = watchStderr();
    const response = await fetch(world.url + path, { method });
    expect([response.status, response.headers.get('date')]).toEqual([501, 'Fri, 20 Nov 2026 00:00:00 GMT']);
    const text = await response.text();
    expect(text.includes('"code":"not_in_embedded_cloud"')).toBe(method !== 'HEAD');
    expect(written).toHaveLength(1);
    expect(written[0]).toContain(`${method} ${path}`);
    expect(world.cloud.calls.list()).toMatchObject([{ method, path, outcome: 501 }]);
  });
});

describe('a server', () => {
  it('listens on this machine only, on the port that it is given', async () => {
    const first = await serving(async () => new Response('hello'));
    expect(first.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await first[Symbol.asyncDispose]();
    const port = Number(new URL(first.url).port);
    await using second = await serving(async () => new Response('hello'), { port });
    expect([second.url, await get(second.url)]).toEqual([first.url, 200]);
    await expect(serving(async () => new Response(), { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it.each(['reset', 'refused'] as const)('breaks a connection that is %s, and serves the next', async (kind) => {
    const troubles = [new ConnectionLost(kind)];
    const written = watchStderr();
    await using server = await serving(async () => {
      const trouble = troubles.shift();
      if (trouble) throw trouble;
      return new Response('hello');
    });
    expect([await get(server.url), await get(server.url)]).toEqual(['ECONNRESET', 200]);
    expect(written).toEqual([]);
  });

  it('answers 500 without detail when it fails, and says why on standard error', async () => {
    const written = watchStderr();
    await using server = await serving(() => Promise.reject(new TypeError('a flaw')));
    const response = await fetch(server.url);
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toMatchObject([500, { errors: [{ code: 'embedded_cloud_failed' }] }]);
    expect(text).not.toContain('a flaw');
    expect(written.join('')).toContain('a flaw');
  });

  it('tells of each arrival, and of its end also where the connection broke', async () => {
    const told: string[] = [];
    const tell = (what: string) => (incoming: IncomingMessage) => void told.push(`${what} ${incoming.url}`);
    const handle = (incoming: Request) => {
      if (incoming.url.endsWith('/lost')) throw new ConnectionLost('reset');
      return Promise.resolve(new Response('hello'));
    };
    const options = { onArrival: tell('arrived'), onDone: tell('done') };
    await using server = await serving(async (incoming) => handle(incoming), options);
    await get(`${server.url}/answered`);
    await vi.waitFor(() => expect(told).toHaveLength(2));
    await get(`${server.url}/lost`);
    await vi.waitFor(() => expect(told).toHaveLength(4));
    expect(told).toEqual(['arrived /answered', 'done /answered', 'arrived /lost', 'done /lost']);
  });

  it('ends with whatever is under way', async () => {
    const arrived = Promise.withResolvers<void>();
    const server = await serving(() => {
      arrived.resolve();
      return new Promise<Response>(() => undefined);
    });
    const hanging = get(server.url);
    await arrived.promise;
    await server[Symbol.asyncDispose]();
    expect(await hanging).toBe('ECONNRESET');
    expect(await get(server.url)).toBe('ECONNREFUSED');
  });
});

describe('the call log', () => {
  it('notes who called what when, how it ended and how long it took', async () => {
    await using world = await openCloud();
    await world.clock.advanceTo(START_MS + 10_000);
    const { account, iam } = world.cloud;
    const admin = new Admin((outgoing) => fetch(outgoing), world.url, account.id, iam.adminApiKey);
    await admin.request('GET', `/v1/serviceids?account_id=${account.id}&pagesize=5`);
    const calls = world.cloud.calls.list();
    expect(calls.map(({ n, method, path, outcome, iamId }) => [n, method, path, outcome, iamId])).toEqual([
      [1, 'GET', '/v1/serviceids', 401, null],
      [2, 'POST', '/identity/token', 200, calls[1]?.iamId],
      [3, 'GET', '/v1/serviceids', 200, account.adminIamId],
    ]);
    expect(calls[2]).toMatchObject({
      atMs: START_MS + 10_000,
      query: `?account_id=${account.id}&pagesize=5`,
      tookMs: 0,
    });
    expect(JSON.stringify(calls)).not.toContain(iam.adminApiKey);
  });

  it('only counts log lines', async () => {
    await using world = await openCloud();
    for (const path of ['/logs/v1/singles', '/logs-router/v1/singles'])
      await fetch(world.url + path, { method: 'POST' });
    expect([world.cloud.calls.total, world.cloud.calls.lines, world.cloud.calls.list()]).toEqual([0, 2, []]);
  });

  it('keeps the latest calls and counts all', () => {
    const log = new CallLog();
    const call = { atMs: 0, method: 'GET', path: '/', query: '', outcome: 200, iamId: null, tookMs: 0 };
    for (let count = 0; count < 25_000; count += 1) log.record(call);
    const kept = log.list();
    expect([log.total, kept.length, kept[0]?.n, kept.at(-1)?.n]).toEqual([25_000, 10_000, 15_001, 25_000]);
  });
});

describe('time', () => {
  it('stands still while a request is being answered', async () => {
    const clock = new CloudClock({ startMs: START_MS, speed: Infinity });
    const cloud = new EmbeddedCloud({ clock });
    const rang: number[] = [];
    clock.at(START_MS + 1, () => void rang.push(clock.nowMs()));
    const hold = clock.hold();
    const answered = cloud.handle(new Request('http://cloud.local/v1/apikeys'));
    hold.release();
    await answered;
    expect(rang).toEqual([]);
    await clock.advanceTo(START_MS + 1);
    expect(rang).toEqual([START_MS + 1]);
  });
});
