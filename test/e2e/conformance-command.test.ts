import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { serve } from '../../infra/local/server.ts';
import { Switches } from '../../infra/local/switches.ts';
import { run } from './support/command.ts';

const SCRIPT = 'infra/conformance/main.ts';

describe.concurrent('npm run conformance', () => {
  it('runs on the embedded cloud where there are no credentials, and says so; its answers are a body of POST /switches', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyrota-conformance-'));
    try {
      const file = join(folder, 'switches.json');
      const { code, stdout, stderr } = await run(SCRIPT, ['--switches', file]);
      expect(code).toBe(0);
      expect(stderr).toMatch(/^There are no credentials in the environment: this runs on the embedded cloud/);
      expect(stdout).toMatch(/(\d+) of \1 contracts hold on the embedded cloud\.\n/);
      expect(stdout).toMatch(/Nothing of keyrota-conformance-\d{14}-[0-9a-f]{6} is left\.\n$/);
      expect(Switches.parse(JSON.parse(await readFile(file, 'utf8')))).toEqual(Switches.parse({}));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses a folder in place of the file for its answers, before it tries anything', async () => {
    const { code, stdout, stderr } = await run(SCRIPT, ['--embedded', '--switches', tmpdir()]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`conformance: --switches ${tmpdir()}: it is a folder.\n`);
  });

  it('takes settings as meant, and refuses faulty ones with exit code 2 before anything is tried', async () => {
    const env = { KEYROTA_API_KEY: 'a value that nobody may see' };
    const { code, stdout, stderr } = await run(SCRIPT, ['--yes'], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^conformance: Settings: KEYROTA_ACCOUNT_ID is missing/);
    expect(stderr).not.toContain(env.KEYROTA_API_KEY);
  });

  it('asks before it makes anything in an account: without a terminal it refuses with exit code 2, and tells what it would make', async () => {
    const cloud = new EmbeddedCloud({
      clock: new CloudClock({ startMs: Date.now() - 60_000 }),
      switches: { firstLoginDelayMs: 0 },
    });
    await using served = await serve({ port: 0, handle: (request) => cloud.handle(request) });
    const { url } = served;
    const env = {
      KEYROTA_ACCOUNT_ID: cloud.account.id,
      KEYROTA_IAM_URL: url,
      KEYROTA_SECRETS_MANAGER_URL: url,
      KEYROTA_RESOURCE_CONTROLLER_URL: url,
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: cloud.iam.adminApiKey,
    };
    const { code, stdout, stderr } = await run(SCRIPT, [], { env });
    cloud.clock.stop();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /there is no terminal to ask at\. Nothing was done\.\nIn account \w+, at http.*makes, uses and removes again:\n/,
    );
    expect(cloud.calls.list().filter(({ method, path }) => method !== 'GET' && path !== '/identity/token')).toEqual([]);
    expect(cloud.calls.total).toBeGreaterThan(3);
  });
});
