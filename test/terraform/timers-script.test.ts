import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = 'infra/terraform/scripts/timers.sh';
const TIMERS = 'rotate-keys-timer|rotate-keys|*/5 * * * *\ncheck-expiry-timer|check-expiry|17 4 * * *';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyrota-timers-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A CLI that notes what it is called with, and its home, and fails where a line of its arguments says so. */
function putCli(failing = 'nothing'): void {
  const file = join(folder, 'ibmcloud');
  const noted = join(folder, 'calls');
  writeFileSync(
    file,
    `#!/bin/sh
for one in "$@"; do printf '[%s]' "$one"; done >> '${noted}'
printf ' %s\\n' "\${IBMCLOUD_HOME:-own}" >> '${noted}'
case "$*" in *'${failing}'*) exit 3 ;; esac
`,
  );
  chmodSync(file, 0o755);
}

function run(verb: string, environment: Record<string, string> = {}) {
  const env = { PATH: `${folder}:/usr/bin:/bin`, REGION: 'eu-de', PROJECT: 'project-1', TIMERS, ...environment };
  return spawnSync('sh', [SCRIPT, verb], { env, encoding: 'utf8' });
}

const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
const argumentsOf = (call: string) => [...call.matchAll(/\[([^\]]*)\]/g)].map(([, one]) => one);

const remove = (name: string) => [
  'ce',
  'subscription',
  'cron',
  'delete',
  '--name',
  name,
  '--force',
  '--ignore-not-found',
];
const create = (name: string, schedule: string) =>
  ['ce', 'subscription', 'cron', 'create', '--name', `${name}-timer`, '--destination-type', 'function'].concat(
    ['--destination', name, '--schedule', schedule, '--time-zone', 'UTC'],
    ['--content-type', 'application/json', '--data', '{}'],
  );

describe('the script for timers of Code Engine', () => {
  it('makes each timer anew, so that it can be repeated', () => {
    putCli();
    expect(run('create').status).toBe(0);
    expect(calls().map(argumentsOf)).toEqual([
      ['ce', 'project', 'select', '--id', 'project-1'],
      remove('rotate-keys-timer'),
      create('rotate-keys', '*/5 * * * *'),
      remove('check-expiry-timer'),
      create('check-expiry', '17 4 * * *'),
    ]);
    expect(calls().every((call) => call.endsWith(' own'))).toBe(true);
  });

  it('says of a job that it is one', () => {
    putCli();
    expect(run('create', { TIMERS: 'rotate-keys-job-timer|rotate-keys-job|0 * * * *|job' }).status).toBe(0);
    const made = create('rotate-keys-job', '0 * * * *').map((one) => (one === 'function' ? 'job' : one));
    expect(calls().map(argumentsOf).at(-1)).toEqual(made);
  });

  it('removes each of them', () => {
    putCli();
    expect(run('delete').status).toBe(0);
    expect(calls().map(argumentsOf).slice(1)).toEqual([remove('rotate-keys-timer'), remove('check-expiry-timer')]);
  });

  it('logs in with an API key in a home of its own, and leaves nothing of it', () => {
    putCli();
    expect(run('delete', { IBMCLOUD_API_KEY: 'api-key-of-somebody' }).status).toBe(0);
    const [login = '', plugin = ''] = calls();
    expect(argumentsOf(login)).toEqual(['login', '--quiet', '-r', 'eu-de']);
    expect(argumentsOf(plugin)).toEqual(['plugin', 'install', 'code-engine', '-f', '-q']);
    const homes = new Set(calls().map((call) => call.split(' ').at(-1) ?? ''));
    const [home = ''] = homes;
    expect([homes.size, home.startsWith('/')]).toEqual([1, true]);
    expect(() => readFileSync(home)).toThrow(/ENOENT/);
    expect(calls().join()).not.toContain('api-key-of-somebody');
  });

  it.each(['project select', 'cron delete --name rotate', 'cron create --name rotate', 'cron create --name check'])(
    'fails where `%s` fails',
    (failing) => {
      putCli(failing);
      expect(run('create').status).not.toBe(0);
    },
  );

  it('says what is missing where there is no CLI', () => {
    const { status, stderr } = run('create');
    expect([status, stderr]).toEqual([2, expect.stringContaining('the CLI ibmcloud')]);
  });
});
