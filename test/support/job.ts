import { rotateShard } from '../../functions/rotate-keys/rotate-shard.ts';
// Loaded before, for virtual time would not stand still meanwhile.
import '../../functions/rotate-keys/rotate.ts';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { openFleet } from '../bench/fleet-world.ts';
import type { Fleet } from '../bench/fleet-world.ts';
import { inProcess } from './in-process.ts';

/** One call of an instance, when it was sent. */
interface SentCall {
  call: string;
  atMs: number;
}

/** What one instance of the job did. */
export interface ShardRun {
  exitCode: number;
  /** What it logged. */
  lines: Record<string, unknown>[];
  calls: SentCall[];
}

export interface ShardWish {
  environment?: Record<string, string>;
  stopping?: AbortSignal;
  /** What becomes of a call; without it, it is sent. */
  passage?: (call: string, send: () => Promise<object>) => Promise<object>;
}

/** The day on which all keys of the fleet are due. */
const DUE_MS = 30 * DAY_MS;

/** A fleet, all of whose keys are due now, and whose ledger is where Keyrota may write. */
export async function dueFleet(count: number): Promise<Fleet> {
  const names = Array.from({ length: count }, (_, place) => `key-${place}`);
  const fleet = await openFleet({ deployment: 'lab', names, keysPerIdentity: 5, dueInMs: DUE_MS });
  const written = { ...fleet.written, ledger: { group: fleet.lab.groupId } };
  await fleet.lab.pass(DUE_MS);
  return { ...fleet, written, manifest: parseManifest(written, 'test') };
}

/** Runs one instance of the job in this process, as Code Engine starts it: by its environment. */
export async function runShard(
  { lab, manifest, written }: Fleet,
  index: number,
  { environment = {}, stopping = new AbortController().signal, passage = (_, send) => send() }: ShardWish = {},
): Promise<ShardRun> {
  const { login, accountId } = lab.context(manifest).settings;
  if (login.kind !== 'api-key') throw new Error('the laboratory logs in with a key');
  const cloud = 'http://127.0.0.1:1';
  const given = {
    KEYROTA_ACCOUNT_ID: accountId,
    KEYROTA_IAM_URL: cloud,
    KEYROTA_SECRETS_MANAGER_URL: cloud,
    KEYROTA_LOGIN: 'api-key',
    KEYROTA_API_KEY: login.apiKey.reveal(),
    KEYROTA_MANIFEST: JSON.stringify(written),
    JOB_INDEX: String(index),
    JOB_ARRAY_SIZE: environment['KEYROTA_SHARDS'] ?? '1',
    JOB_INDEX_RETRY_COUNT: '0',
    CE_JOBRUN: 'fleet-run-1',
    ...environment,
  };
  const calls: SentCall[] = [];
  const lines: ShardRun['lines'] = [];
  const send = inProcess(lab.cloud);
  const adapter = (config: unknown): Promise<object> => {
    const { method, url } = config as { method: string; url: string };
    const call = `${method.toUpperCase()} ${new URL(url).pathname}`;
    calls.push({ call, atMs: lab.clock.nowMs() });
    return passage(call, () => send(config));
  };
  const write = (line: string) => {
    lab.logLines.push(line);
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  const randomBytes = (byteCount: number) => lab.random.bytes(byteCount);
  const context = { clock: lab.portClock, http: { adapter }, randomBytes, write, stopping };
  return { exitCode: await rotateShard(given, context), lines, calls };
}

/** All shards at once. */
export const runJob = (fleet: Fleet, shards: number, wish: ShardWish = {}): Promise<ShardRun[]> => {
  const environment = { KEYROTA_SHARDS: String(shards), ...wish.environment };
  return Promise.all(Array.from({ length: shards }, (_, index) => runShard(fleet, index, { ...wish, environment })));
};

/** The lines of an event. */
export const linesOf = ({ lines }: ShardRun, event: string): ShardRun['lines'] =>
  lines.filter((line) => line['event'] === event);

/** How many versions each secret of the fleet has: two after one rotation. */
export function versionCounts({ lab, manifest }: Fleet): number[] {
  const secrets = new Map(lab.state.secretsManager.secrets.map((secret) => [secret.name, secret.versions.length]));
  return manifest.keys.map(({ secret }) => secrets.get(secret.name) ?? 0);
}

/** How many keys of the fleet's entries are on, and which entries have a current version whose key is not. */
export function keysAtIssuer({ lab, manifest }: Fleet): { on: number; dead: string[] } {
  const { apiKeys } = lab.state.iam;
  const isOn = new Set(apiKeys.filter(({ disabled }) => !disabled).map(({ id }) => id));
  const dead = manifest.keys.filter(({ secret }) => !isOn.has(lab.currentKeyId(secret.name))).map(({ name }) => name);
  return { on: apiKeys.filter(({ disabled, name }) => !disabled && name.startsWith('keyrota-lab-')).length, dead };
}
