// Loaded before the job in each of its processes: puts it on the virtual time of the embedded cloud, and tells at its end what it took.
// Bundled by shard-processes.ts, for what reads TypeScript takes memory.
import 'node:http';
import 'node:https';
import { openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import type { Status } from '../../infra/local/host/messages.ts';
import { OpenRequests } from '../../infra/local/host/open-requests.ts';
import { QuietWatch } from '../../infra/local/host/quiet-watch.ts';
import { installVirtualTime } from '../../infra/local/host/virtual-time.ts';
import { VirtualTimers } from '../../infra/local/host/virtual-timers.ts';
import { START } from './shard-messages.ts';
import type { ShardEnd, ShardStart } from './shard-messages.ts';

/** What this program held at most: what is told of the whole process counts its parent's memory before it began, too. */
function peakBytes(): number {
  try {
    const [, kilobytes = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== '') return Number(kilobytes) * 1_024;
  } catch {
    // Not on Linux.
  }
  return process.resourceUsage().maxRSS * 1_024;
}

const { instanceId, presentFile, endFile } = JSON.parse(process.env[START] ?? '') as ShardStart;
const file = openSync(presentFile, 'r');
const bytes = Buffer.alloc(8);
const nowMs = () => {
  readSync(file, bytes, 0, bytes.length, 0);
  return Number(bytes.readBigInt64LE());
};
const realSetImmediate = setImmediate;

let turn = 0;
let posted = '';
const quiet = new QuietWatch(() => {
  const status: Status = { turn, underWay: [...requests.list(), ...quiet.elsewhere()], nextTimerAtMs: timers.nextAtMs };
  // As real timers do, virtual ones keep the process from ending.
  if (status.nextTimerAtMs === null) process.channel?.unref();
  else process.channel?.ref();
  const text = JSON.stringify(status);
  if (text !== posted) process.send?.(status);
  posted = text;
});
const touch = () => quiet.touch();
const requests = new OpenRequests(instanceId, touch);
const timers = new VirtualTimers({ nowMs, onChange: touch, later: (run) => realSetImmediate(run) });
installVirtualTime(nowMs, timers);

process.on('message', (message) => {
  turn = (message as { turn: number }).turn;
  touch();
  timers.runDue();
});
process.on('exit', () => {
  const end: ShardEnd = { peakBytes: peakBytes(), endedAtMs: nowMs() };
  writeFileSync(endFile, JSON.stringify(end));
});
