import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GROUPS, createProgram } from '../../infra/operator/program.ts';
import { run } from './support/command.ts';
import type { CommandOptions, Ending } from './support/command.ts';
import { KeyrotaProcess } from './support/keyrota-process.ts';

const SCRIPT = 'infra/operator/main.ts';
const KEY_ID = 'ApiKey-22222222-3333-4444-8555-666666666666';
const COMMANDS = GROUPS.flatMap(({ commands }) => commands);

/** An account in which nobody answers, and a manifest with an entry of each sort. */
const ENV = {
  KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
  KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:9',
  KEYROTA_IAM_URL: 'http://127.0.0.1:9',
  KEYROTA_RESOURCE_CONTROLLER_URL: 'http://127.0.0.1:9',
  KEYROTA_USER_MANAGEMENT_URL: 'http://127.0.0.1:9',
  KEYROTA_LOGIN: 'api-key',
  KEYROTA_API_KEY: 'a-key-that-is-made-up',
  KEYROTA_CALL_TIMEOUT_SECONDS: '1',
  KEYROTA_INCIDENT_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  KEYROTA_MANIFEST: JSON.stringify({
    deployment: 'prod',
    keys: [
      { name: 'ingest', kind: 'service-id-api-key', serviceId: 'ServiceId-1' },
      { name: 'job', kind: 'trusted-profile', profileId: 'Profile-1' },
    ],
  }),
};

/** What each command is given that is otherwise right, with the name of an entry, or of a file or an incident. `logs` asks nobody. */
const ARGUMENTS: Record<string, (name: string) => string[]> = {
  plan: (name) => [name],
  explain: (name) => [name],
  check: () => [],
  validate: (name) => [name],
  rotate: (name) => [name, '--force', '--yes'],
  undo: (name) => [name, '--yes'],
  contain: (name) => [name, '--yes'],
  'report-leak': (name) => [name, '--yes', '--url', 'http://127.0.0.1:9'],
  export: (name) => [name],
  provision: (name) => [name],
  adopt: (name) => [name, KEY_ID, '--yes'],
  import: (name) => [name, '--yes'],
  doctor: () => ['--try-lock', '--yes'],
};
const argumentsOf = (command: string, name: string): string[] => [command, ...(ARGUMENTS[command]?.(name) ?? [])];

const expectNoStack = ({ stdout, stderr }: Ending) => expect(stdout + stderr).not.toMatch(/\n +at |node:internal/);

describe.concurrent('the output of npm run keyrota', () => {
  let cwd: string;
  let shared: KeyrotaProcess;
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'keyrota-output-'));
    shared = new KeyrotaProcess();
  });
  afterAll(() => {
    shared[Symbol.dispose]();
    rmSync(cwd, { recursive: true, force: true });
  });
  const keyrota = async (args: string[]) => {
    const ending = await shared.run(args, { cwd, env: ENV });
    expectNoStack(ending);
    return ending;
  };
  /** In a process of its own. */
  const keyrotaAlone = async (args: string[], options: CommandOptions = {}) => {
    const ending = await run(SCRIPT, args, { cwd, env: ENV, ...options });
    expectNoStack(ending);
    return ending;
  };
  const errorIn = ({ stdout }: Ending) => (JSON.parse(stdout) as { error: Record<string, string> }).error;

  it('is tried here for every command', () => {
    expect(Object.keys(ARGUMENTS).toSorted()).toEqual(
      COMMANDS.map(({ name }) => name)
        .filter((name) => name !== 'logs')
        .toSorted(),
    );
  });

  it.each(Object.keys(ARGUMENTS).filter((name) => !['check', 'export', 'doctor'].includes(name)))(
    '%s has one clear message for a name that is not there, and exit code 2',
    async (command) => {
      const args = argumentsOf(command, 'nobody');
      const [told, json] = await Promise.all([keyrota(args), keyrota([...args, '--json'])]);
      expect([told.code, told.stdout]).toEqual([2, '']);
      expect(told.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(told.stderr).toMatch(
        /^keyrota: (The manifest has no key .*; it has ingest, job\.|nobody: cannot be read)/,
      );
      expect([json.code, json.stderr]).toEqual([2, told.stderr]);
      expect(Object.keys(errorIn(json))).toEqual(['code', 'message', 'next', 'effect']);
      expect(errorIn(json)['code']).toMatch(/^(unknown_name|manifest_unreadable)$/);
    },
  );

  it('doctor looks at what it can where nobody answers, and ends with 1', async () => {
    const ending = await keyrotaAlone([...argumentsOf('doctor', ''), '--json']);
    const { counts } = JSON.parse(ending.stdout) as { counts: Record<string, number> };
    expect([ending.code, ending.stderr, counts['failed'], counts['ok']]).toEqual([1, '', 5, 0]);
    expect(ending.stdout).not.toContain(ENV.KEYROTA_API_KEY);
  });

  it.each(Object.keys(ARGUMENTS).filter((name) => name !== 'validate' && name !== 'doctor'))(
    '%s fails with 1 and one line of JSON where nobody answers',
    async (command) => {
      const name = command === 'export' ? 'incident-0123456789abcdef' : 'ingest';
      const ending = await keyrotaAlone([...argumentsOf(command, name), '--json'], { input: 'a-made-up-value' });
      expect([command, ending.code]).toEqual([command, 1]);
      expect(ending.stdout.trimEnd().split('\n')).toHaveLength(1);
      expect(errorIn(ending)).toMatchObject({
        code: expect.any(String) as string,
        message: expect.any(String) as string,
      });
      expect(ending.stderr).toContain(errorIn(ending)['message']);
      expect(ending.stdout + ending.stderr).not.toContain(ENV.KEYROTA_API_KEY);
    },
  );

  it.each(Object.keys(ARGUMENTS))('%s says in JSON too what is wrong with its options', async (command) => {
    const ending = await keyrota([
      command,
      '--json',
      ...(command === 'adopt' || command === 'import' ? [] : ['--fast']),
    ]);
    expect([command, ending.code]).toEqual([command, 2]);
    expect(errorIn(ending)).toMatchObject({ code: 'usage', effect: 'none' });
    expect(ending.stderr).toMatch(/^error: (unknown option '--fast'|missing required argument)/);
  });

  it.each(Object.keys(ARGUMENTS).filter((name) => COMMANDS.some((one) => one.name === name && one.asks !== null)))(
    '%s does nothing where it cannot ask, and says how to go on',
    async (command) => {
      if (command === 'contain' || command === 'import') return; // they look first, and that is tried in the demo
      const args = argumentsOf(command, 'ingest').filter((word) => word !== '--yes');
      const ending = await keyrota([...args, '--json']);
      expect([command, ending.code, errorIn(ending)['code']]).toEqual([command, 2, 'confirmation_needed']);
      expect(ending.stderr).toContain('Nothing was done.');
      expect(ending.stderr).toContain('say `--yes`');
    },
  );

  it.each(['ABC', '0123456789ab-', '0123'])('takes no hash such as %s', async (hash) => {
    const { code, stderr } = await keyrota(['rotate', '--plan', hash]);
    expect([code, stderr]).toEqual([
      2,
      'keyrota: --plan: takes the hash that `plan` prints, such as 0123456789ab-cdef.\n',
    ]);
  });

  it('suggests the command that was meant, and shows the way to the others', async () => {
    const { code, stdout, stderr } = await keyrota(['explian', 'ingest']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      "error: unknown command 'explian'\n(Did you mean explain?)\n(npm run keyrota -- --help lists the commands, and `help COMMAND` explains one.)\n",
    );
  });

  it('explains all without a word, with groups, exit codes and where to begin', async () => {
    const { code, stdout, stderr } = await keyrota([]);
    expect([code, stdout]).toEqual([2, '']);
    for (const { title } of GROUPS) expect(stderr).toContain(`\n${title}:\n`);
    for (const words of ['Exit codes:\n  0  done\n', '`npm start` in one terminal', 'docs/commands.md', 'NO_COLOR'])
      expect(stderr).toContain(words);
  });

  it.each(COMMANDS.map(({ name }) => name))('has help for %s, with examples', async (name) => {
    const { code, stdout, stderr } = await keyrota(['help', name]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/\nExamples:\n {2}\S/);
    expect(stdout).toContain('--json');
  });
});

describe('the command line', () => {
  /** Understands a line as the program would, and does nothing. */
  async function understood(line: string): Promise<boolean> {
    const words = line
      .replace(/^npm run doctor( -- )?/, 'doctor ')
      .replace(/^.*npm run (-s )?keyrota -- /, '')
      .trim()
      .replace(/ < .*$/, '')
      .split(' ');
    let isTaken = false;
    const program = createProgram(() => {
      isTaken = true;
      return Promise.resolve();
    });
    for (const command of [program, ...program.commands]) command.configureOutput({ writeErr: () => undefined });
    await program.parseAsync(words, { from: 'user' });
    return isTaken;
  }

  it.each(COMMANDS.flatMap(({ examples }) => examples.map(({ line }) => line)))(
    'is right in the example: %s',
    async (line) => {
      expect(line).toMatch(/(^|\| )npm run ((-s )?keyrota -- |doctor)/);
      expect(await understood(line)).toBe(true);
    },
  );

  it('has `--yes` where a command asks, and nowhere else; and `--json` everywhere', () => {
    const program = createProgram(() => Promise.resolve());
    for (const { name, asks } of COMMANDS) {
      const options = program.commands.find((one) => one.name() === name)?.options.map(({ long }) => long) ?? [];
      expect([name, options.includes('--yes'), options.includes('--json')]).toEqual([name, asks !== null, true]);
    }
  });

  it('is asked about on docs/commands.md for each command that asks', () => {
    const page = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');
    const [, told = ''] = /\nA command asks before (.*?)\. `--yes` answers/s.exec(page) ?? [];
    const named = [...told.matchAll(/`([a-z-]+)(?: --force)?`/g)].map(([, name = '']) => name);
    const asking = COMMANDS.filter(({ asks }) => asks !== null).map(({ name }) => name);
    expect(named.toSorted()).toEqual(asking.toSorted());
  });
});
