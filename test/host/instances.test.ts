import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FunctionHost } from '../../infra/local/host/function-host.ts';
import { startWorld } from './world.ts';

const COUNTER = `
let count = 0;
exports.main = async ({ sleep, mode }) => {
  count += 1;
  const mine = count;
  if (sleep) await new Promise((resolve) => setTimeout(resolve, Number(sleep)));
  if (mode === 'exit') process.exit(0);
  if (mode === 'crash') setImmediate(() => { throw new Error('crashed in a callback'); });
  if (mode === 'crash') await new Promise(() => {});
  if (mode === 'reject') { void Promise.reject(new Error('nobody listens')); await new Promise(() => {}); }
  return { statusCode: 200, headers: {}, body: String(mine) };
};`;

describe('instances of a function', () => {
  it('are used again, one invocation after the other, with their module state', async () => {
    await using world = await startWorld({ f: COUNTER });
    const responses = [await world.call('/f'), await world.call('/f'), await world.call('/f')];
    expect(await Promise.all(responses.map((response) => response.text()))).toEqual(['1', '2', '3']);
    const warm = responses.map(({ headers }) => headers.get('x-faas-prewarmed'));
    expect(warm).toEqual(['false', 'true', 'true']);
    const ids = new Set(responses.map(({ headers }) => headers.get('x-faas-activation-id')));
    expect(ids.size).toBe(3);
  });

  it('are joined by a second one while the first is busy, and both are kept', async () => {
    await using world = await startWorld({ f: COUNTER });
    const texts = async (paths: string[]) => Promise.all(paths.map(async (path) => (await world.call(path)).text()));
    expect(await texts(['/f?sleep=1000', '/f?sleep=1000'])).toEqual(['1', '1']);
    expect(await texts(['/f?sleep=1000', '/f?sleep=1000'])).toEqual(['2', '2']);
    expect(await texts(['/f', '/f', '/f'])).toEqual(['3', '3', '1']);
  });

  it('of different functions share nothing', async () => {
    await using world = await startWorld({ f: COUNTER, g: COUNTER });
    await world.call('/f');
    expect(await (await world.call('/g')).text()).toBe('1');
  });

  it.each(['exit', 'crash', 'reject'])('that %s in the middle answer 502 and are replaced', async (mode) => {
    await using world = await startWorld({ f: COUNTER });
    await world.call('/f');
    const response = await world.call(`/f?mode=${mode}&sleep=1000`);
    expect([response.status, await response.text()]).toEqual([502, '']);
    expect(await (await world.call('/f')).text()).toBe('1');
    const reason = { exit: [], crash: ['crashed in a callback'], reject: ['nobody listens'] }[mode] ?? [];
    expect(world.log.filter((line) => line.startsWith('f stderr Error:'))).toEqual(
      reason.map((text) => `f stderr Error: ${text}`),
    );
  });

  it.each([
    ['throws while it loads', "throw new Error('no configuration');", 424],
    ['exits while it loads', 'process.exit(1);', 424],
    ['needs a module that is not there', "require('not-there');", 424],
    ['exports no main', 'exports.other = () => {};', 422],
  ])('of a bundle that %s answer each time', async (_what, source, status) => {
    await using world = await startWorld({ f: source });
    expect((await world.call('/f')).status).toBe(status);
    const response = await world.call('/f');
    expect([response.status, await response.text()]).toEqual([status, '']);
    expect(response.headers.get('x-faas-result')).toBe('error');
  });

  it('of a folder without a bundle answer 422', async () => {
    await using world = await startWorld({});
    const functions = [{ name: 'f', directory: `${world.folder}/nothing`, environment: {} }];
    await using host = new FunctionHost({ clock: world.clock, functions, onLog: () => {} });
    expect((await host.handle(new Request('http://host.test/f'))).status).toBe(422);
  });

  it('give their output line by line before they answer', async () => {
    const source = `
    console.log('loaded');
    exports.main = async () => {
      process.stdout.write('one ');
      process.stdout.write('line\\ntwo\\n');
      console.error({ a: 1 });
      process.stdout.write(Buffer.from('ü').subarray(0, 1));
      process.stdout.write(Buffer.from('ü').subarray(1));
      await new Promise((resolve) => process.stdout.write('\\r\\n', resolve));
      process.stderr.write('unfinished');
      return { body: '' };
    };`;
    const world = await startWorld({ f: source });
    await world.call('/f');
    const lines = ['f stdout loaded', 'f stdout one line', 'f stdout two', 'f stderr { a: 1 }', 'f stdout ü'];
    expect(world.log).toEqual(lines);
    await world[Symbol.asyncDispose]();
    expect(world.log).toEqual([...lines, 'f stderr unfinished']);
  });

  it('end with their host: running invocations answer 502, later ones 503, and time goes on', async () => {
    const world = await startWorld({ f: COUNTER, spin: 'exports.main = () => { for (;;); };' });
    const running = [world.call('/f?sleep=600000'), world.call('/spin')];
    await new Promise((resolve) => setTimeout(resolve, 200));
    await world.host[Symbol.asyncDispose]();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([502, 502]);
    expect((await world.call('/f')).status).toBe(503);
    await world.clock.advanceTo(world.clock.nowMs() + 1_000);
    await world[Symbol.asyncDispose]();
  });

  it('leave nothing behind that keeps the process alive', () => {
    const script = `
      import { startWorld } from ${JSON.stringify(fileURLToPath(new URL('./world.ts', import.meta.url)))};
      const world = await startWorld({ f: 'exports.main = async () => ({ body: String(await post()) });' });
      process.stdout.write(await (await world.call('/f')).text());
      await world[Symbol.asyncDispose]();
    `;
    const args = ['--input-type=module', '--eval', script];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 });
    expect([status, stdout, stderr]).toEqual([0, '401', '']);
  });
});
