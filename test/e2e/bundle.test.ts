import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './support/command.ts';
import { RotateWorld, buildInto, temporaryFolder } from './support/rotate-world.ts';
import type { RotateWorldOptions } from './support/rotate-world.ts';

const DAY_MS = 24 * 3_600_000;

let folder: ReturnType<typeof temporaryFolder>;
const bundle = () => join(folder.path, 'rotate-keys');
beforeAll(async () => {
  folder = temporaryFolder();
  await buildInto(folder.path);
});
afterAll(() => {
  folder[Symbol.dispose]();
});

const open = (options: Partial<RotateWorldOptions> = {}) => RotateWorld.open({ directory: bundle(), ...options });

const pathOf = ({ url }: Request) => new URL(url).pathname;

describe.concurrent('the bundle speaks HTTP as the whole libraries do:', () => {
  it('a key lives from its first mint to its deletion, on shared connections but for what is sent once', async () => {
    const evidence = { fetched: false, unused: false, noConsumerLock: false };
    await using world = await open({ entry: { rotateEvery: '7d', grace: '2d', quarantine: '1d', evidence } });
    const effects = world.recordEffects();
    await world.rotate();
    for (let days = 0; days < 30 && !effects.includes('api-key.delete'); days += 1) {
      await world.pass(DAY_MS);
      await world.rotate();
    }
    expect(effects).toEqual(expect.arrayContaining(['api-key.create', 'api-key.disable', 'api-key.delete']));
    const connectionOf = (matches: (request: Request) => boolean) =>
      new Set(world.requests.filter(matches).map(({ headers }) => headers.get('connection')));
    const isSentOnce = (request: Request) =>
      (request.method === 'POST' && /\/v1\/apikeys$|\/versions$|\/secrets$/.test(pathOf(request))) ||
      (request.method === 'PATCH' && /\/secrets\/[^/]+\/metadata$/.test(pathOf(request)));
    expect(connectionOf(isSentOnce)).toEqual(new Set(['close']));
    expect(connectionOf((request) => !isSentOnce(request))).toEqual(new Set(['keep-alive']));
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('answers may be compressed: %s', async (encoding, compress) => {
    await using world = await open({
      answerWith: async (answer) => {
        const headers = new Headers(answer.headers);
        headers.set('content-encoding', encoding);
        headers.delete('content-length');
        const body = compress(Buffer.from(await answer.arrayBuffer()));
        return answer.status === 204 ? answer : new Response(body, { status: answer.status, headers });
      },
    });
    expect((await world.rotate()).keys).toMatchObject([{ steps: [{ step: 'mint' }], outcome: 'rest' }]);
    expect(new Set(world.requests.map(({ headers }) => headers.get('accept-encoding')))).toEqual(new Set(['gzip']));
  });

  it.each(['/identity/token', '/api/v2/secrets', '/v1/apikeys'])('a redirect of %s is not followed', async (path) => {
    await using world = await open({
      answerWith: (answer, request) =>
        Promise.resolve(
          pathOf(request) === path
            ? new Response(null, { status: 307, headers: { location: `${request.url}/elsewhere` } })
            : answer,
        ),
    });
    await world.call({});
    expect(world.requests.map(pathOf)).toContain(path);
    expect(world.requests.filter(({ url }) => url.includes('elsewhere'))).toEqual([]);
    expect(world.lines.join('\n')).toContain('unexpected_answer');
  });

  it.each([
    { trouble: '503', fault: { status: 503, times: 2 } },
    { trouble: '429', fault: { status: 429, retryAfterSeconds: 3 } },
    { trouble: 'a connection that breaks', fault: { drop: 'answer' as const } },
    { trouble: 'a connection that is refused', fault: { refuse: true } },
    { trouble: 'no answer in time', fault: { delayMs: 60_000 } },
  ])('a read is repeated after $trouble', async ({ fault }) => {
    await using world = await open();
    world.fault({ match: 'GET /api/v2/secrets', ...fault });
    expect((await world.rotate()).keys).toMatchObject([{ steps: [{ step: 'mint' }], outcome: 'rest' }]);
  });

  it.each([
    [400, 'invalid_request'],
    [401, 'not_logged_in'],
    [403, 'forbidden'],
    [500, 'service_failed'],
  ])('a list that is answered with %i fails the run: %s', async (status, code) => {
    await using world = await open();
    world.fault({ match: 'GET /api/v2/secrets', status, times: 9 });
    expect(await world.call({})).toMatchObject({ status: 500, body: { code } });
  });
});

/** Runs the bundle for one call in a process of its own, whose login is refused, and then `look`. */
async function callAlone(look: string, env: Record<string, string> = {}) {
  const server = createServer((_, answer) => {
    answer.writeHead(400, { 'content-type': 'application/json' });
    answer.end('{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const probe = join(folder.path, 'probe.cjs');
  writeFileSync(
    probe,
    `require(${JSON.stringify(bundle())}).main({ __ce_body: '{}' }).then((answer) => { ${look}; process.exit(); });`,
  );
  const entry = { name: 'ingest', kind: 'service-id-api-key', serviceId: 'ServiceId-1' };
  try {
    return await run(probe, [], {
      env: {
        KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
        KEYROTA_IAM_URL: url,
        KEYROTA_SECRETS_MANAGER_URL: url,
        KEYROTA_LOGIN: 'api-key',
        KEYROTA_API_KEY: 'a-key-that-nobody-knows',
        KEYROTA_MANIFEST: JSON.stringify({ deployment: 'test', keys: [entry] }),
        ...env,
      },
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('the bundle', () => {
  it('starts without what is slow to start and never used: the fetch stack, HTTP/2, worker threads', async () => {
    const { stdout, stderr } = await callAlone(
      `process.stdout.write(JSON.stringify({ code: answer.body.code, loaded: process.moduleLoadList }))`,
    );
    const line = JSON.parse(stdout.split('\n').at(-1) ?? '') as { code: string; loaded: string[] };
    expect([line.code, stderr]).toEqual(['invalid_request', '']);
    expect(line.loaded).toContain('NativeModule https');
    expect(line.loaded.filter((module) => /undici|http2|worker_threads|webstreams/.test(module))).toEqual([]);
  });

  it('writes no trace of requests and answers, whatever the environment asks for', async () => {
    const { code, stdout, stderr } = await callAlone('', { DEBUG: '*', NODE_DEBUG: 'axios' });
    expect([code, stderr]).toEqual([0, '']);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual(['run_started', 'run_failed']);
  });

  it('holds of zod only what it uses, and one language', () => {
    const { outputs } = JSON.parse(readFileSync(`${bundle()}.meta.json`, 'utf8')) as {
      outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
    };
    const held = Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 100 ? [file] : [])),
    );
    expect(held.filter((file) => /node_modules\/zod\/v4\/(locales|core\/.*json-schema)/.test(file))).toEqual([
      expect.stringContaining('locales/en.js'),
    ]);
  });

  it('can be built with whole libraries, which work the same and take far more room', async () => {
    using whole = temporaryFolder();
    await buildInto(whole.path, '--whole-libraries');
    const directory = join(whole.path, 'rotate-keys');
    const sizeOf = (path: string) => statSync(join(path, 'main.js')).size;
    expect(sizeOf(directory)).toBeGreaterThan(1.5 * sizeOf(bundle()));
    await using world = await open({ directory });
    expect((await world.rotate()).keys).toMatchObject([{ steps: [{ step: 'mint' }], outcome: 'rest' }]);
  });
});
