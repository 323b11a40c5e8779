import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { JOB_FLAGS } from '../../infra/bundle/bundles.ts';
import { REQUEST_MARK } from '../../infra/local/host/messages.ts';
import type { Status } from '../../infra/local/host/messages.ts';
import { Standstill } from '../../infra/local/host/standstill.ts';
import { serve } from '../../infra/local/server.ts';
import { packedBundle } from './bundle-alone.ts';
import type { Fleet } from './fleet-world.ts';
import { START } from './shard-messages.ts';
import type { ShardEnd, ShardStart } from './shard-messages.ts';

/** One instance of the job, at its end. */
export interface ShardReport extends ShardEnd {
  exitCode: number | null;
  /** How many calls it made. */
  calls: number;
  /** How many of them ask for a page of all secrets or of all keys. */
  listCalls: number;
  /** Ids of the secrets that it asked for by themselves, or wrote. */
  secretIds: ReadonlySet<string>;
}

/** A process may be busy for so long without a pause, in real milliseconds: many share few processors. */
const BUSY_MS = 600_000;

const PRELOAD = fileURLToPath(new URL('shard-preload.ts', import.meta.url));
const LIST = /^\/(api\/v2\/secrets|v1\/apikeys)\?(?!.*iam_id=)/;
const SECRET = /\/api\/v2\/secrets\/([0-9a-f-]{36})(?:\/|$)/;

/**
 * Runs all shards of the bundled job at once, each in a process of its own, over HTTP and on the virtual time of the fleet's embedded
 * cloud: what waits takes none.
 */
export async function runShards(fleet: Fleet, shards: number, more: Record<string, string>): Promise<ShardReport[]> {
  const { lab, manifest } = fleet;
  const { login, accountId } = lab.context(manifest).settings;
  if (login.kind !== 'api-key') throw new Error('the laboratory logs in with a key');
  const folder = await mkdtemp(join(tmpdir(), 'keyrota-shards-'));
  const preload = join(folder, 'preload.cjs');
  const common = { bundle: true, platform: 'node', target: 'node24', format: 'cjs', logLevel: 'error' } as const;
  await build({ ...common, entryPoints: [PRELOAD], outfile: preload });
  await using bundle = await packedBundle('rotate-keys-job', fleet);
  const present = openSync(join(folder, 'present'), 'w');
  const show = (nowMs: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(nowMs));
    writeSync(present, bytes, 0, bytes.length, 0);
  };
  show(lab.clock.nowMs());
  const stopShowing = lab.clock.onMove(show);
  const running = new Map<string, Running>();
  const shardOf = (incoming: IncomingMessage) => {
    const mark = String(incoming.headers[REQUEST_MARK]);
    return { mark, shard: running.get(mark.split('.')[0] ?? '') };
  };
  await using server = await serve({
    handle: lab.send,
    port: 0,
    onArrival: (incoming) => {
      const { mark, shard } = shardOf(incoming);
      shard?.arrived(mark, incoming.url ?? '');
    },
    onDone: (incoming) => {
      const { mark, shard } = shardOf(incoming);
      shard?.standstill.done(mark);
    },
  });
  const environment = {
    KEYROTA_ACCOUNT_ID: accountId,
    KEYROTA_IAM_URL: server.url,
    KEYROTA_SECRETS_MANAGER_URL: server.url,
    KEYROTA_LOGIN: 'api-key',
    KEYROTA_API_KEY: login.apiKey.reveal(),
    KEYROTA_SHARDS: String(shards),
    ...more,
  };
  try {
    const all = Array.from({ length: shards }, (_, index) => {
      const id = String(index);
      const start = { instanceId: id, presentFile: join(folder, 'present'), endFile: join(folder, `end-${id}`) };
      const one = new Running(fleet, { file: bundle.file, preload, environment, start });
      running.set(id, one);
      return one;
    });
    return await Promise.all(all.map((one) => one.end()));
  } finally {
    stopShowing();
    closeSync(present);
    await rm(folder, { recursive: true });
  }
}

interface RunningOptions {
  /** The bundle. */
  file: string;
  preload: string;
  environment: Record<string, string>;
  start: ShardStart;
}

/** One process, and what is seen of it. */
class Running {
  readonly standstill: Standstill;
  readonly #start: ShardStart;
  readonly #exited: Promise<unknown[]>;
  readonly #secretIds = new Set<string>();
  #calls = 0;
  #listCalls = 0;

  constructor({ lab }: Fleet, { file, preload, environment, start }: RunningOptions) {
    this.#start = start;
    const child = fork(file, {
      env: { ...environment, JOB_INDEX: start.instanceId, [START]: JSON.stringify(start) },
      execArgv: ['--require', preload, ...JOB_FLAGS],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.standstill = new Standstill({
      clock: lab.clock,
      busyMsMax: BUSY_MS,
      onTimer: () => child.send({ turn: this.standstill.nextTurn() }),
      onStuck: () => child.kill('SIGKILL'),
    });
    this.standstill.timersRun = true;
    child.on('message', (status) => this.standstill.report(status as Status));
    child.once('exit', () => this.standstill.end());
    this.#exited = once(child, 'close');
  }

  arrived(mark: string, url: string): void {
    this.#calls += 1;
    if (LIST.test(url)) this.#listCalls += 1;
    const [, secretId] = SECRET.exec(url) ?? [];
    if (secretId !== undefined) this.#secretIds.add(secretId);
    this.standstill.arrived(mark);
  }

  /** @throws Error for a process that did not come to its end. */
  async end(): Promise<ShardReport> {
    const [exitCode] = (await this.#exited) as [number | null];
    const end = JSON.parse(await readFile(this.#start.endFile, 'utf8')) as ShardEnd;
    return { ...end, exitCode, calls: this.#calls, listCalls: this.#listCalls, secretIds: this.#secretIds };
  }
}
