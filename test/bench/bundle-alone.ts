import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../infra/local/server.ts';
import type { Fleet } from './fleet-world.ts';

/** The bundle of a function as it is deployed, with the manifest beside it. */
export async function packedBundle(
  functionName: string,
  { written }: Fleet,
): Promise<{ folder: string; file: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), `keyrota-${functionName}-`));
  await cp(new URL(`../../dist/${functionName}`, import.meta.url), folder, { recursive: true });
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(written));
  const remove = () => rm(folder, { recursive: true });
  return { folder, file: join(folder, 'main.js'), [Symbol.asyncDispose]: remove };
}

/**
 * Runs a script in a process of its own, with the settings of a function on that fleet, and gives what it tells; null when it ends
 * without a word.
 */
export async function toldByProcess(
  { lab, manifest }: Fleet,
  script: URL,
  wish: object,
  more: Record<string, string> = {},
): Promise<{ report: unknown; calls: { method: string; path: string }[] }> {
  const { login, accountId } = lab.context(manifest).settings;
  if (login.kind !== 'api-key') throw new Error('the laboratory logs in with a key');
  await using server = await serve({ handle: lab.send, port: 0 });
  const before = lab.cloud.calls.total;
  const env = {
    KEYROTA_ACCOUNT_ID: accountId,
    KEYROTA_IAM_URL: server.url,
    KEYROTA_SECRETS_MANAGER_URL: server.url,
    KEYROTA_LOGIN: 'api-key',
    KEYROTA_API_KEY: login.apiKey.reveal(),
    ...more,
  };
  const child = fork(script, [JSON.stringify(wish)], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(() => [null]);
  const [report] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
  return { report, calls: lab.cloud.calls.list(before + 1) };
}
