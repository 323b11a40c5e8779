import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Admin } from '../../infra/demo/admin.ts';
import { Command, run } from './support/command.ts';
import { DemoFolder, readyOf } from './support/demo.ts';

const SCRIPT = 'infra/operator/main.ts';
const ROOT = new URL('../../', import.meta.url);

/** A program that takes connections and never answers: a demo that is suspended, or whatever got its port. */
async function startSilence() {
  const { promise: connected, resolve: connect } = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    connect();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Resolves once somebody has called. */
    connected,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Leaves the file of a demo at that address. */
function leaveFile(folder: DemoFolder, url: string): void {
  const text = 'x';
  const addresses = { url, controlUrl: url, secretsManagerUrl: url, functionsUrl: url };
  const secrets = { adminApiKey: text, triggerToken: text, incidentSecret: text };
  const file = { ...addresses, ...secrets, accountId: text, keyrotaIamIds: [], profileIds: {}, manifestFile: text };
  mkdirSync(join(folder.path, '.keyrota'), { recursive: true });
  writeFileSync(folder.demoFile, JSON.stringify(file));
}

describe.concurrent('a demo that does not answer', () => {
  it('is told after some seconds, with what can be done', async () => {
    using silence = await startSilence();
    using folder = new DemoFolder();
    leaveFile(folder, silence.url);
    const { code, stdout, stderr } = await run(SCRIPT, ['plan'], { cwd: folder.path });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`The demo at ${silence.url} does not answer.`);
    expect(stderr).toContain('npm start');
  });

  it('is waited for no longer than until Ctrl-C', async () => {
    using silence = await startSilence();
    using folder = new DemoFolder();
    leaveFile(folder, silence.url);
    await using command = Command.script(SCRIPT, ['plan'], { cwd: folder.path });
    await silence.connected;
    const { code, signal, stderr } = await command.stop('SIGINT');
    expect([code, signal, stderr]).toEqual([1, null, 'keyrota: interrupted\n']);
  });

  it('keeps no other from beginning, and its file from nobody', async () => {
    using silence = await startSilence();
    using folder = new DemoFolder();
    leaveFile(folder, silence.url);
    await using demo = folder.start('--json');
    const { event: _, ...ready } = await readyOf(demo);
    expect(folder.readDemoFile()).toEqual(ready);
    expect((await demo.stop('SIGTERM')).code).toBe(0);
    expect(folder.hasDemoFile).toBe(false);
  });
});

describe.concurrent('the folder of the demo', () => {
  it('has one of two that begin at once', async () => {
    using folder = new DemoFolder();
    await using one = folder.start('--json');
    await using two = folder.start('--json');
    const { loser, winner } = await Promise.race([
      one.ended.then((ending) => ({ loser: ending, winner: two })),
      two.ended.then((ending) => ({ loser: ending, winner: one })),
    ]);
    expect([loser.code, loser.stdout, loser.stderr]).toEqual([1, '', expect.stringContaining('already')]);
    const { event: _, ...ready } = await readyOf(winner);
    expect(folder.readDemoFile()).toEqual(ready);
    expect((await winner.stop('SIGINT')).code).toBe(0);
    expect(folder.hasDemoFile).toBe(false);
  });

  it('keeps what another one has put there', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--json');
    const { manifestFile } = await readyOf(demo);
    const files = [folder.demoFile, join(folder.path, manifestFile)];
    for (const file of files) writeFileSync(file, '{"of":"another"}');
    expect((await demo.stop('SIGINT')).code).toBe(0);
    for (const file of files) expect(readFileSync(file, 'utf8')).toBe('{"of":"another"}');
  });
});

describe.concurrent('the temporary folder of the host', () => {
  const temporary = () => {
    const path = mkdtempSync(join(tmpdir(), 'keyrota-temporary-'));
    return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
  };

  it.each(['SIGTERM', 'SIGINT'] as const)('goes when the demo is ended by %s', async (signal) => {
    using folder = new DemoFolder();
    using place = temporary();
    const options = { cwd: folder.path, env: { TMPDIR: place.path } };
    await using demo = Command.script('infra/demo/main.ts', ['--json'], options);
    await demo.until(({ lines }) => (lines.length > 20 ? true : undefined));
    expect(readdirSync(place.path)).toEqual([expect.stringContaining('keyrota-host-')]);
    expect((await demo.stop(signal)).code).toBe(0);
    expect(readdirSync(place.path)).toEqual([]);
  });

  it.each([
    ['an error that nobody catches', "queueMicrotask(() => { throw new Error('a flaw'); });"],
    ['a rejection that nobody handles', "void Promise.reject(new Error('a flaw'));"],
    ['an exit in the middle', 'process.exit(1);'],
  ])('goes with %s', async (_, end) => {
    using place = temporary();
    const module = pathToFileURL(new URL('infra/local/host/token-files.ts', ROOT).pathname).href;
    const script = join(place.path, 'host.mjs');
    const hosted = `{ name: 'f', directory: '', environment: {}, computeResourceToken: () => 'token' }`;
    const made = `process.stdout.write(new TokenFiles().refresh(${hosted}));`;
    writeFileSync(script, `import { TokenFiles } from '${module}';\n${made}\n${end}\n`);
    const { code, stdout } = await run(script, [], { env: { TMPDIR: place.path } });
    expect([code, stdout]).toEqual([1, expect.stringContaining('keyrota-host-')]);
    expect([existsSync(stdout), readdirSync(place.path)]).toEqual([false, ['host.mjs']]);
  });
});

describe('a rotation by force', () => {
  it('that did not happen ends with 1, and says why', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--json');
    const isMinted = (line: string) => line.includes('"key_minted"') && line.includes('"cloud-logs-ingest"');
    await demo.until(({ lines }) => lines.find(isMinted));
    // As slow as a command makes it, so that the days of grace are not over before the next one.
    const { controlUrl } = await readyOf(demo);
    await fetch(`${controlUrl}/clock`, { method: 'POST', body: '{"speed":10}' });
    const rotate = (...more: string[]) =>
      run(SCRIPT, ['rotate', 'cloud-logs-ingest', '--force', '--yes', ...more], { cwd: folder.path });
    const first = await rotate();
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toMatch(/cloud-logs-ingest .*mint/);
    for (const more of [[], ['--json']]) {
      const second = await rotate(...more);
      expect([second.code, second.stderr]).toEqual([
        1,
        expect.stringMatching(/^keyrota: cloud-logs-ingest was not rotated: .*/m),
      ]);
      expect(second.stdout).toContain('hold');
    }
    expect((await rotate('--dry-run')).code).toBe(0);
    await demo.stop('SIGINT');
  });
});

describe('an import', () => {
  it('stores what a person pipes in, and does not show it', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--json');
    const ready = await readyOf(demo);
    const { accountId, adminApiKey, manifestFile, url } = ready;
    const isMinted = (line: string) => line.includes('"key_minted"') && line.includes('"cloud-logs-ingest"');
    await demo.until(({ lines }) => lines.find(isMinted));
    const manifest = JSON.parse(readFileSync(join(folder.path, manifestFile), 'utf8')) as {
      keys: { name: string; serviceId: string }[];
    };
    const serviceId = manifest.keys.find(({ name }) => name === 'cloud-logs-ingest')?.serviceId;
    const admin = new Admin(fetch, url, accountId, adminApiKey);
    const body = { name: 'by hand', iam_id: `iam-${serviceId}`, account_id: accountId };
    const created = await admin.request('POST', '/v1/apikeys', body);
    const options = { cwd: folder.path, input: `${String(created['apikey'])}\n` };
    const { code, stdout, stderr } = await run(SCRIPT, ['import', 'cloud-logs-ingest', '--yes', '--json'], options);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      name: 'cloud-logs-ingest',
      keyId: created['id'],
      supersededKeyId: expect.stringMatching(/^ApiKey-/) as string,
    });
    const refused = await run(SCRIPT, ['import', 'cloud-logs-ingest', '--yes'], options);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('is the current key already');
    expect(stdout + refused.stderr).not.toContain(created['apikey']);
    await demo.stop('SIGINT');
  });
});
