import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Command, run } from './support/command.ts';
import { DemoFolder, READY_FIELDS, readyOf } from './support/demo.ts';

const SCRIPT = 'infra/demo/main.ts';

const SUMMARY_FIELDS = [
  'days',
  'rotations',
  'keysCreated',
  'keysDisabled',
  'keysDeleted',
  'linesSent',
  'linesRefused',
  'linesRefusedAfterLeak',
  'orphanKeys',
  'apiCalls',
];

const objectOf = (line: string | undefined) => JSON.parse(line ?? '') as Record<string, unknown>;

/** Time goes by in it, and the timer has called. */
const atWork = (command: Command) => command.until(({ lines }) => (lines.length > 20 ? true : undefined));

describe.concurrent('npm start -- --days 3 --json', () => {
  it('runs so many days as fast as it can and sums them up', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--days', '3', '--json');
    const { event, ...ready } = await readyOf(demo);
    expect(event).toBe('ready');
    expect(ready).toEqual(READY_FIELDS);
    const { code, stdout } = await demo.end();
    const lines = stdout.trim().split('\n').map(objectOf);
    const summary = lines.at(-1) ?? {};
    expect(Object.keys(summary)).toEqual(SUMMARY_FIELDS);
    expect(summary).toMatchObject({ days: 3, rotations: 0, keysCreated: 7, linesRefused: 0, orphanKeys: 0 });
    expect(summary['linesSent']).toBeGreaterThan(3 * 24 * 60);
    expect(summary['apiCalls']).toBeGreaterThan(0);
    // Every virtual hour, and at its beginning.
    const runs = lines.filter((line) => line['event'] === 'run_started').map((line) => Date.parse(String(line['at'])));
    const startMs = runs[0] ?? 0;
    expect(runs.slice(0, 71)).toEqual(Array.from({ length: 71 }, (_, hour) => startMs + hour * 3_600_000));
    expect([code, folder.hasDemoFile]).toEqual([0, false]);
  });

  it('says how far it came when it is stopped before, and exits with 1', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--days', '9999', '--json');
    await atWork(demo);
    const { code, stdout, stderr } = await demo.stop('SIGINT');
    const { days } = objectOf(stdout.trim().split('\n').at(-1));
    expect({ code, stderr }).toEqual({ code: 1, stderr: `demo: stopped after ${String(days)} of 9999 days\n` });
    expect(days).toBeLessThan(9999);
  });

  it('ends quietly when nobody reads its output any more, and takes its file away', async () => {
    using folder = new DemoFolder();
    const line = `"${process.execPath}" "${fileURLToPath(new URL(`../../${SCRIPT}`, import.meta.url))}" --days 9 --json | head -c 20`;
    await using piped = Command.typed(line, { cwd: folder.path });
    const { stdout, stderr } = await piped.end();
    expect({ stdout, stderr, left: folder.hasDemoFile }).toEqual({
      stdout: '{"event":"ready","ur',
      stderr: '',
      left: false,
    });
  });

  it('exits with 1 when a line was refused', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--days', '4', '--json');
    const { controlUrl } = await readyOf(demo);
    const isMinted = (line: string) => line.includes('"key_minted"') && line.includes('"cloud-logs-ingest"');
    await demo.until(({ lines }) => lines.find(isMinted));
    const fault = { match: 'POST /logs/v1/singles', status: 503, times: 3 };
    const injected = await fetch(`${controlUrl}/faults`, { method: 'POST', body: JSON.stringify(fault) });
    expect(injected.status).toBe(200);
    const { code, stdout } = await demo.end();
    const summary = objectOf(stdout.trim().split('\n').at(-1));
    expect(summary).toMatchObject({ days: 4, linesRefused: 3, orphanKeys: 0 });
    expect([code, folder.hasDemoFile]).toEqual([1, false]);
  });
});

describe.concurrent('npm start', () => {
  it('runs until it is stopped and leaves nothing behind', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--json');
    const { event: _, ...ready } = await readyOf(demo);
    await atWork(demo);
    expect(folder.readDemoFile()).toEqual(ready);
    expect(statSync(folder.demoFile).mode & 0o777).toBe(0o600);
    const ask = async (headers: Record<string, string>) => {
      const body = JSON.stringify({ dryRun: true, only: ['logs-router-ingest'] });
      return (await fetch(`${ready.functionsUrl}/rotate-keys`, { method: 'POST', headers, body })).status;
    };
    expect([await ask({ authorization: `Bearer ${ready.triggerToken}` }), await ask({})]).toEqual([200, 401]);
    const { code, signal: killedBy, stdout, stderr } = await demo.stop('SIGINT');
    const last = objectOf(stdout.trim().split('\n').at(-1));
    expect(Object.keys(last)).toEqual(SUMMARY_FIELDS);
    expect({ code, killedBy, stderr, hasDemoFile: folder.hasDemoFile }).toEqual({
      code: 0,
      killedBy: null,
      stderr: '',
      hasDemoFile: false,
    });
  });

  it('tells the lives of the keys in plain lines, and where everything is', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start();
    const ready = await demo.until(({ lines }) => lines.find((line) => line.startsWith('ready ')));
    expect(JSON.parse(ready.slice('ready '.length))).toEqual(READY_FIELDS);
    const minted = await demo.until(({ lines }) => lines.find((line) => /cloud-logs-ingest +mint/.test(line)));
    expect(minted).toMatch(/^day +0 \d\d:00 {2}cloud-logs-ingest +mint +ApiKey-\S+ is current/);
    const { code, stdout } = await demo.stop('SIGINT');
    expect(code).toBe(0);
    expect(stdout).not.toContain('"level"');
  });

  it('is refused while another one runs in the folder, which goes on', async () => {
    using folder = new DemoFolder();
    await using first = folder.start('--json');
    const { event: _, ...ready } = await readyOf(first);
    const { code, stdout, stderr } = await run(SCRIPT, ['--json'], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('already');
    expect(folder.readDemoFile()).toEqual(ready);
    expect((await fetch(`${ready.controlUrl}/clock`)).status).toBe(200);
    await first.stop('SIGINT');
  });

  it('begins anew where a former one was killed', async () => {
    using folder = new DemoFolder();
    await using former = folder.start('--json');
    await readyOf(former);
    await former.stop('SIGKILL');
    expect(folder.hasDemoFile).toBe(true);
    await using next = folder.start('--json');
    const { event: _, ...ready } = await readyOf(next);
    await atWork(next);
    expect(folder.readDemoFile()).toEqual(ready);
    expect((await next.stop('SIGTERM')).code).toBe(0);
    expect(folder.hasDemoFile).toBe(false);
  });

  it.each([['--days', '0'], ['--days', '1.5'], ['--speed', '5'], ['something']])(
    'refuses the arguments %s %s with exit code 2',
    async (...args) => {
      using folder = new DemoFolder();
      const { code, stdout, stderr } = await run(SCRIPT, args, { cwd: folder.path });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('Usage: npm start');
    },
  );

  it('explains itself', async () => {
    using folder = new DemoFolder();
    const { code, stdout, stderr } = await run(SCRIPT, ['--help'], { cwd: folder.path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('--days');
  });
});
