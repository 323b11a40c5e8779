import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { serve } from '../../infra/local/server.ts';
import type { Listening } from '../../infra/local/server.ts';
import type { Laboratory } from '../support/laboratory.ts';
import type { InventoryAnswer, InventoryWish, Way } from './inventory-child.ts';
import type { Crowd } from './inventory-world.ts';

/** The inventory as a process of its own, bundled as a function is, and the account that it looks through. */
export class InventoryProcess implements AsyncDisposable {
  readonly #lab: Laboratory;
  readonly #environment: Record<string, string>;
  readonly #folder: string;
  readonly #server: Listening;

  private constructor(lab: Laboratory, environment: Record<string, string>, folder: string, server: Listening) {
    this.#lab = lab;
    this.#environment = environment;
    this.#folder = folder;
    this.#server = server;
  }

  static async open({ lab, manifest, written }: Crowd): Promise<InventoryProcess> {
    const { login, accountId } = lab.context(manifest).settings;
    if (login.kind !== 'api-key') throw new Error('the laboratory logs in with a key');
    const server = await serve({ handle: lab.send, port: 0 });
    const environment = {
      KEYROTA_ACCOUNT_ID: accountId,
      KEYROTA_IAM_URL: server.url,
      KEYROTA_RESOURCE_CONTROLLER_URL: server.url,
      KEYROTA_USER_MANAGEMENT_URL: server.url,
      KEYROTA_SECRETS_MANAGER_URL: server.url,
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: login.apiKey.reveal(),
      KEYROTA_MANIFEST: JSON.stringify(written),
    };
    const folder = await mkdtemp(join(tmpdir(), 'keyrota-inventory-'));
    await build({
      entryPoints: [fileURLToPath(new URL('inventory-child.ts', import.meta.url))],
      outfile: join(folder, 'main.mjs'),
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      minify: true,
      logLevel: 'error',
    });
    return new InventoryProcess(lab, environment, folder, server);
  }

  /** With `looksInside` it tells what is in use, and not how it runs by itself. @throws Error when it fails, or does not see all. */
  async take(way: Way, looksInside = false): Promise<InventoryAnswer> {
    const wish: InventoryWish = { way, atMs: this.#lab.clock.nowMs(), environment: this.#environment };
    const child = fork(join(this.#folder, 'main.mjs'), [JSON.stringify(wish)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: looksInside ? ['--expose-gc'] : [],
    });
    const ended = once(child, 'exit').then(() => [null]);
    const [answer] = (await Promise.race([once(child, 'message'), ended])) as [InventoryAnswer | null];
    if (answer?.missed.length !== 0) throw new Error(`the inventory failed: ${JSON.stringify(answer)}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}
