import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './support/command.ts';
import type { Ending } from './support/command.ts';
import { KeyrotaProcess } from './support/keyrota-process.ts';

const SCRIPT = 'infra/operator/main.ts';

/** Nothing of how the program is made is for the operator's eyes. */
const expectNoStack = ({ stdout, stderr }: Ending) => expect(stdout + stderr).not.toMatch(/\n +at |node:internal/);

describe.concurrent('npm run keyrota, without a cloud', () => {
  let cwd: string;
  let shared: KeyrotaProcess;
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'keyrota-operator-'));
    shared = new KeyrotaProcess();
  });
  afterAll(() => {
    shared[Symbol.dispose]();
    rmSync(cwd, { recursive: true, force: true });
  });

  const keyrota = async (args: string[], env: Record<string, string> = {}) => {
    const ending = await shared.run(args, { cwd, env });
    expectNoStack(ending);
    return ending;
  };
  let fileCount = 0;
  /** A file of its own for each test: they run at the same time. */
  const write = (name: string, text: string): string => {
    fileCount += 1;
    const file = `${fileCount}-${name}`;
    writeFileSync(join(cwd, file), text);
    return file;
  };

  const YAML = `
# The keys of the log agents.
deployment: prod
defaults: { rotateEvery: 60d }
keys:
  - name: ingest
    kind: service-id-api-key
    serviceId: ServiceId-1
    freeze:
      - { from: 2026-12-24T00:00:00Z, until: 2027-01-02T00:00:00Z, reason: holidays }
`;
  const VALUE = {
    deployment: 'prod',
    defaults: { rotateEvery: '60d' },
    keys: [
      {
        name: 'ingest',
        kind: 'service-id-api-key',
        serviceId: 'ServiceId-1',
        freeze: [{ from: '2026-12-24T00:00:00Z', until: '2027-01-02T00:00:00Z', reason: 'holidays' }],
      },
    ],
  };

  it.each([
    ['YAML', 'good.yaml', YAML],
    ['JSON', 'good.json', JSON.stringify(VALUE)],
  ])('validates a manifest in %s and prints it as the JSON that functions read', async (_, name, text) => {
    const file = write(name, text);
    const [said, printed] = await Promise.all([
      run(SCRIPT, ['validate', file], { cwd }),
      keyrota(['validate', file, '--json']),
    ]);
    expect([said.code, said.stdout.includes('1 key'), said.stderr]).toEqual([0, true, '']);
    expect([printed.code, JSON.parse(printed.stdout)]).toEqual([0, VALUE]);
  });

  it('tells every fault of a manifest, with its path', async () => {
    const entry = { ...VALUE.keys[0], rotateEvery: 'monthly', grace: '1h', colour: 'red' };
    const text = JSON.stringify({ deployment: 'Prod!', keys: [entry, { ...entry, kind: 'no-such-kind' }] });
    const file = write('bad.json', text);
    const { code, stdout, stderr } = await keyrota(['validate', file]);
    expect([code, stdout]).toEqual([2, '']);
    for (const path of ['deployment', 'keys[0].rotateEvery', 'keys[0].colour', 'keys[1].kind']) {
      expect(stderr).toContain(`${file}: ${path}: found `);
    }
  });

  it.each([
    ['no YAML', 'keys: [', 'line 1'],
    ['no JSON', '{"deployment": "prod", "keys": [}', 'line 1'],
    ['a field twice', 'deployment: a1\ndeployment: a2\n', 'line 2'],
    ['nothing', '', 'broken.yaml'],
  ])('refuses a file with %s', async (_, text, expected) => {
    const file = write('broken.yaml', text);
    const { code, stdout, stderr } = await keyrota(['validate', file]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(expected);
  });

  it.each(['missing.yaml', '.'])('refuses a file that cannot be read: %s', async (file) => {
    const { code, stdout, stderr } = await keyrota(['validate', file]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`${file}: cannot be read`);
  });

  it.each([[[]], [['turn']], [['undo']], [['plan', '--fast']], [['rotate', '--force']]])(
    'refuses the arguments %j with exit code 2',
    async (args) => {
      const { code, stdout, stderr } = await keyrota(args);
      expect([code, stdout, stderr === '']).toEqual([2, '', false]);
    },
  );

  it.each([
    [['--help'], ['validate', 'plan', 'rotate', 'undo', 'adopt', 'import']],
    [
      ['help', 'rotate'],
      ['--force', '--dry-run', '--json', '--manifest'],
    ],
  ])('explains itself: %j', async (args, words) => {
    const { code, stdout, stderr } = await keyrota(args);
    expect([code, stderr]).toEqual([0, '']);
    for (const word of words) expect(stdout).toContain(word);
  });

  it.each([[['plan']], [['undo', 'ingest']]])(
    'says which settings are missing for %j where no demo runs',
    async (args) => {
      const { code, stdout, stderr } = await keyrota(args);
      expect([code, stdout]).toEqual([2, '']);
      for (const name of ['KEYROTA_ACCOUNT_ID', 'KEYROTA_SECRETS_MANAGER_URL']) expect(stderr).toContain(name);
      expect(stderr).toContain('No demo runs in this folder: `npm start`');
    },
  );

  it('says how to name a manifest where there is none', async () => {
    const env = {
      KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
      KEYROTA_SECRETS_MANAGER_URL: 'https://secrets.example',
      KEYROTA_PROFILE_ID: 'Profile-1',
    };
    const { code, stdout, stderr } = await keyrota(['plan'], env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('There is no manifest');
    expect(stderr).toContain('Name its file with `--manifest FILE`');
  });

  it('names settings that are wrong, and never shows their values', async () => {
    const env = {
      KEYROTA_ACCOUNT_ID: 'not-an-account',
      KEYROTA_SECRETS_MANAGER_URL: 'ftp://nowhere',
      KEYROTA_COLOUR: 'red',
    };
    const { code, stdout, stderr } = await keyrota(['plan'], env);
    expect([code, stdout]).toEqual([2, '']);
    for (const name of Object.keys(env)) expect(stderr).toContain(name);
    for (const value of Object.values(env)) expect(stderr).not.toContain(value);
    expect(stderr).not.toContain('demo');
  });

  it.each([
    [['undo', 'job'], 2, 'That entry has no key'],
    [['provision', 'job'], 2, 'That entry has no key'],
    [['undo', 'nobody'], 2, 'it has fresh, classic, login, job.'],
    [['provision', 'classic'], 2, 'is no identity that could be made'],
    [['undo', 'fresh'], 3, 'keyrota provision fresh'],
    [['adopt', 'fresh', 'ApiKey-22222222-3333-4444-8555-666666666666'], 3, 'keyrota provision fresh'],
  ])('refuses what an entry is not made for, and says why: %s', async (args, exitCode, words) => {
    const user = { iamId: 'IBMid-1' };
    const keys = [
      { name: 'fresh', kind: 'service-id-api-key' },
      { name: 'classic', kind: 'classic-api-key', ...user, login: 'login', window: 'any' },
      { name: 'login', kind: 'user-api-key', ...user },
      { name: 'job', kind: 'trusted-profile', profileId: 'Profile-1' },
    ];
    const env = {
      KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:9',
      KEYROTA_PROFILE_ID: 'Profile-1',
      KEYROTA_MANIFEST: JSON.stringify({ deployment: 'prod', keys }),
    };
    const { code, stdout, stderr } = await keyrota(args, env);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toContain(words);
  });

  describe('import', () => {
    const VALUE_GIVEN = 'a-value-that-nobody-may-see-0123456789abcdef';
    const env = {
      KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:9',
      KEYROTA_PROFILE_ID: 'Profile-1',
      KEYROTA_MANIFEST: JSON.stringify(VALUE),
    };
    const bringIn = async (args: string[], input?: string, how = shared.run.bind(shared)) => {
      const ending = await how(['import', ...args], { cwd, env, ...(input !== undefined && { input }) });
      expectNoStack(ending);
      expect(ending.stdout + ending.stderr).not.toContain(VALUE_GIVEN);
      return ending;
    };

    it.each([
      [['ingest', VALUE_GIVEN]],
      [['ingest', `--value=${VALUE_GIVEN}`]],
      [[`--apikey=${VALUE_GIVEN}`, 'ingest']],
      [[VALUE_GIVEN]],
    ])('refuses a value among the arguments, says so and does not repeat it', async (args) => {
      const { code, stdout, stderr } = await bringIn(args, VALUE_GIVEN);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('A value is never an argument');
    });

    it.each([
      ['ingest', VALUE_GIVEN],
      ['ingest', `-${VALUE_GIVEN}`],
      ['ingest', VALUE_GIVEN.slice(-16)],
      ['ingest', '0123456789abcdef'.repeat(4)],
      ['ingest', '1234567890123456'],
      ['ingest', 'ApiKey-22222222-3333-4444-8555-666666666666', VALUE_GIVEN],
      [VALUE_GIVEN, 'ApiKey-22222222-3333-4444-8555-666666666666'],
    ])('is no way round: adopt takes no value either, and repeats none: %s %s', async (...args) => {
      const { code, stdout, stderr } = await shared.run(['adopt', ...args], { cwd, env });
      expect([code, stdout]).toEqual([2, '']);
      for (const word of args.filter((one) => !/^(ingest$|ApiKey-)/.test(one))) expect(stderr).not.toContain(word);
      expect(stderr).toContain('A value is never an argument');
    });

    it.each([
      'ApiKey-22222222-3333-4444-8555-666666666666',
      '22222222-3333-4444-8555-666666666666',
      'crn:v1:bluemix:public:logs:us-south:a/0123456789abcdef0123456789abcdef:22222222-3333-4444-8555-666666666666:resource-key:22222222-3333-4444-8555-666666666667',
      '1234567',
      '0123456789abcdef01234567',
    ])('leaves the ids of all issuers to adopt: %s', async (keyId) => {
      const unknown = await shared.run(['adopt', 'nobody', keyId], { cwd, env });
      expect(unknown).toMatchObject({ code: 2, stdout: '' });
      expect(unknown.stderr).toContain('The manifest has no key of that name');
    });

    it.each([
      ['nothing', undefined, 'There is no value on standard input'],
      ['blanks', ' \n\t\n', 'There is no value on standard input'],
      ['two lines', `${VALUE_GIVEN}\n${VALUE_GIVEN}\n`, 'There are several lines'],
    ])('refuses %s on standard input', async (_, input, words) => {
      const { code, stdout, stderr } = await bringIn(['ingest'], input, (args, options) => run(SCRIPT, args, options));
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(words);
    });
  });

  it('says so where a demo was killed or its file is no such file', async () => {
    const elsewhere = join(cwd, 'elsewhere');
    mkdirSync(join(elsewhere, '.keyrota'), { recursive: true });
    const [url, text] = ['http://127.0.0.1:9', 'x'];
    const addresses = { url, controlUrl: url, secretsManagerUrl: url, functionsUrl: url };
    const stale = { ...addresses, accountId: text, adminApiKey: text, triggerToken: text, manifestFile: text };
    for (const content of [JSON.stringify(stale), '{']) {
      writeFileSync(join(elsewhere, '.keyrota', 'demo.json'), content);
      const ending = await run(SCRIPT, ['plan'], { cwd: elsewhere });
      expectNoStack(ending);
      expect([ending.code, ending.stdout]).toEqual([1, '']);
      expect(ending.stderr).toContain('demo');
    }
  });
});
