import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Command, run } from './support/command.ts';
import { CLOUD_FIELDS } from './support/demo.ts';
import type { CloudFields } from './support/demo.ts';

const SCRIPT = 'infra/local/main.ts';

/** The embedded cloud, once it has said where it is. */
async function startCloud(...args: string[]): Promise<{ command: Command; ready: CloudFields } & AsyncDisposable> {
  const command = Command.script(SCRIPT, args);
  try {
    const ready = JSON.parse(await command.firstLine()) as CloudFields;
    // It is there for good when it answers.
    await fetch(`${ready.controlUrl}/clock`);
    return { command, ready, [Symbol.asyncDispose]: () => command[Symbol.asyncDispose]() };
  } catch (error) {
    await command[Symbol.asyncDispose]();
    throw error;
  }
}

/** Two ports that were free just now. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = servers.map(async (server) => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  });
  const [first = 0, second = 0] = await Promise.all(ports);
  for (const server of servers) server.close();
  return [first, second];
}

describe.concurrent('npm run cloud', () => {
  it('says where everything is, in one JSON object on its first line', async () => {
    await using cloud = await startCloud();
    const { command, ready } = cloud;
    expect(ready).toEqual({ ...CLOUD_FIELDS, secretsManagerUrl: ready.url, logsUrl: ready.url, classicUrl: ready.url });
    expect(ready.controlUrl).not.toBe(ready.url);
    expect((await fetch(`${ready.url}/v1/apikeys`)).status).toBe(401);
    expect(command.stderr).toBe('');
  });

  it('begins at the real present, at speed 1', async () => {
    await using cloud = await startCloud();
    const response = await fetch(`${cloud.ready.controlUrl}/clock`);
    const { nowMs, speed } = (await response.json()) as { nowMs: number; speed: number };
    expect(speed).toBe(1);
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(5_000);
  });

  it('takes the ports that it is given', async () => {
    const [port, controlPort] = await freePorts();
    await using cloud = await startCloud('--port', String(port), '--control-port', String(controlPort));
    expect([cloud.ready.url, cloud.ready.controlUrl]).toEqual([
      `http://127.0.0.1:${port}`,
      `http://127.0.0.1:${controlPort}`,
    ]);
  });

  it('makes the same account of the same seed', async () => {
    await using first = await startCloud('--seed', 'one');
    await using second = await startCloud('--seed', 'one');
    await using third = await startCloud('--seed', 'two');
    const [one, same, other] = [first, second, third].map(({ ready }) => [ready.accountId, ready.adminApiKey]);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends cleanly with %s, whatever is under way', async (signal) => {
    await using cloud = await startCloud();
    const { command, ready } = cloud;
    const limit = request(`${ready.controlUrl}/clock/limit`, { method: 'POST' });
    const limited = once(limit, 'response');
    limit.on('error', () => undefined).end('{"speed":0.5}');
    await limited;
    const fault = { match: 'GET /v1/apikeys', delayMs: 3_600_000 };
    await fetch(`${ready.controlUrl}/faults`, { method: 'POST', body: JSON.stringify(fault) });
    const hanging = fetch(`${ready.url}/v1/apikeys`).catch(() => 'broken');
    const { code, signal: killedBy, stdout, stderr } = await command.stop(signal);
    expect({ code, killedBy, lines: stdout.trim().split('\n').length, stderr }).toEqual({
      code: 0,
      killedBy: null,
      lines: 1,
      stderr: '',
    });
    expect(await hanging).toBe('broken');
    limit.destroy();
  });

  it('says on standard error which route it does not have', async () => {
    await using cloud = await startCloud();
    expect((await fetch(`${cloud.ready.url}/v9/nothing`)).status).toBe(501);
    expect(await cloud.command.until(({ stderr }) => stderr || undefined)).toContain('GET /v9/nothing');
  });

  it('fails when a port is taken, with nothing on standard output', async () => {
    await using cloud = await startCloud();
    const { port } = new URL(cloud.ready.url);
    for (const option of ['--port', '--control-port']) {
      const { code, stdout, stderr } = await run(SCRIPT, [option, port]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(port);
    }
  });

  it.each([
    ['--port', '65536'],
    ['--port'],
    ['--port', '40123', '--control-port', '40123'],
    ['--speed', '5'],
    ['something'],
  ])('refuses the arguments %s %s with exit code 2', async (...args) => {
    const { code, stdout, stderr } = await run(SCRIPT, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: npm run cloud');
  });

  it('explains itself', async () => {
    const { code, stdout, stderr } = await run(SCRIPT, ['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('--control-port');
  });
});
