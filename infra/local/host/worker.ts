// Loaded before time becomes virtual: the timeouts of sockets stay real.
import 'node:http';
import 'node:https';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { redirect, textOf } from './lines.ts';
import type { FromWorker, Outcome, Status, ToWorker, WorkerStart } from './messages.ts';
import { OpenRequests } from './open-requests.ts';
import type { CeParams } from './params.ts';
import { QuietWatch } from './quiet-watch.ts';
import { installVirtualTime } from './virtual-time.ts';
import { VirtualTimers } from './virtual-timers.ts';

// One instance of a function: it runs one bundle, and tells the host whenever nothing in it moves by itself any more.

type Main = (params: CeParams) => unknown;

const { directory, instanceId, present } = workerData as WorkerStart;
const presentMs = new BigInt64Array(present);
const nowMs = () => Number(Atomics.load(presentMs, 0));
const post = (message: FromWorker) => parentPort?.postMessage(message, []);
const realSetImmediate = setImmediate;

let turn = 0;
let posted = '';
const quiet = new QuietWatch(() => {
  const underWay = [...requests.list(), ...quiet.elsewhere()];
  const status: Status = { turn, underWay, nextTimerAtMs: timers.nextAtMs };
  const text = JSON.stringify(status);
  if (text !== posted) post({ kind: 'status', status });
  posted = text;
});
const touch = () => quiet.touch();
const requests = new OpenRequests(instanceId, touch);
const timers = new VirtualTimers({ nowMs, onChange: touch, later: (run) => realSetImmediate(run) });

redirect(process.stdout, (text) => post({ kind: 'output', stream: 'stdout', text }));
redirect(process.stderr, (text) => post({ kind: 'output', stream: 'stderr', text }));
installVirtualTime(nowMs, timers);
const main = load();

parentPort?.on('message', (message: ToWorker) => {
  turn = message.turn;
  touch();
  if (message.kind === 'invoke' && main) void invoke(main, message.params);
  timers.runDue();
});

function load(): Main | null {
  const require = createRequire(import.meta.url);
  let file: string;
  try {
    file = require.resolve(directory);
  } catch (error) {
    return fail(422, error);
  }
  try {
    const bundle = require(file) as { main?: unknown };
    if (typeof bundle.main !== 'function') return fail(422, 'The bundle exports no function main.');
    post({ kind: 'loaded' });
    return bundle.main as Main;
  } catch (error) {
    return fail(424, error);
  }
}

function fail(status: 422 | 424, reason: unknown): null {
  process.stderr.write(`${textOf(reason)}\n`);
  post({ kind: 'load-failed', status });
  return null;
}

async function invoke(run: Main, params: CeParams): Promise<void> {
  const outcome = await outcomeOf(run, params);
  post({ kind: 'outcome', outcome });
}

async function outcomeOf(run: Main, params: CeParams): Promise<Outcome> {
  let result: unknown;
  try {
    result = await run(params);
  } catch (error) {
    process.stderr.write(`${textOf(error)}\n`);
    return { kind: 'threw', message: error instanceof Error ? error.message : String(error) };
  }
  try {
    const json: unknown = JSON.stringify(result);
    return typeof json === 'string' && json.startsWith('{') ? { kind: 'returned', json } : { kind: 'unusable' };
  } catch {
    return { kind: 'unusable' };
  }
}
