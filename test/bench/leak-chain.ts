import { FunctionHost } from '../../infra/local/host/function-host.ts';
import { serve } from '../../infra/local/server.ts';
import type { ServeOptions } from '../../infra/local/server.ts';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import { LeakWorld } from './leak-world.ts';
import type { SeenCall } from './leak-world.ts';

/** What became of one report, in virtual milliseconds from its request on. */
export interface Chain {
  disabledMs: number;
  /** `rotate-keys` was called. */
  calledMs: number;
  /** The sender has its answer. */
  answeredMs: number;
  /** The next value is the current one. */
  replacedMs: number;
  /** So long no call was under way between the call of `rotate-keys` and the replacement. */
  pausesMs: number;
  callsUntilDisabled: number;
  callsUntilReplaced: number;
}

interface Hosted extends AsyncDisposable {
  host: FunctionHost;
  world: LeakWorld;
  /** When `rotate-keys` was last called. */
  calledAtMs: () => number;
}

/**
 * The second report to the same instance, by the bundles in that folder. On the virtual time of the embedded cloud computing
 * takes none: what is left are calls, each of which takes `callMs`, and pauses.
 * @throws Error unless the key is contained, and `rotate-keys` called.
 */
export async function measuredChain(folder: string, by: 'value' | 'id', callMs: number): Promise<Chain> {
  await using hosted = await hostedBundles(folder, callMs);
  await leak(hosted, by);
  await hosted.world.lab.pass(10 * MINUTE_MS);
  return await leak(hosted, by);
}

async function hostedBundles(folder: string, callMs: number): Promise<Hosted> {
  const hosts: FunctionHost[] = [];
  const watch: Partial<ServeOptions> = {
    onArrival: (incoming) => hosts[0]?.requestArrived(incoming),
    onDone: (incoming) => hosts[0]?.requestDone(incoming),
  };
  const world = await LeakWorld.open(2, callMs, watch);
  const { clock } = world.lab;
  let calledAtMs = 0;
  const rotateKeys = (request: Request) => {
    calledAtMs = clock.nowMs();
    return hosts[0]?.handle(request) ?? Promise.reject(new Error('the host is not there yet'));
  };
  const functions = await serve({ handle: rotateKeys, port: 0, ...watch });
  const environment = world.environment(`${functions.url}/rotate-keys`);
  const named = (name: string) => ({ name, directory: `${folder}/${name}`, environment, maxExecutionSeconds: 120 });
  const host = new FunctionHost({
    clock,
    functions: [named('respond-to-compromise'), named('rotate-keys')],
    onLog: () => undefined,
  });
  hosts.push(host);
  const closing = [host, functions, world];
  return {
    host,
    world,
    calledAtMs: () => calledAtMs,
    [Symbol.asyncDispose]: async () => {
      for (const one of closing) await one[Symbol.asyncDispose]();
    },
  };
}

async function leak({ host, world, calledAtMs }: Hosted, by: 'value' | 'id'): Promise<Chain> {
  const { clock } = world.lab;
  const key = world.takeKey();
  const startMs = clock.nowMs();
  const callsBefore = world.calls.length;
  const nowMs = () => clock.nowMs() - startMs;
  const disabled = world.recorded('api-key.disable', key).then(nowMs);
  const replaced = world.recorded('secret-version.create', key).then(nowMs);
  const { path, headers, body } = world.report(key, by);
  const request = { method: 'POST', headers, body: new Uint8Array(body) };
  const answer = await host.handle(new Request(`http://functions.test/respond-to-compromise${path}`, request));
  const answeredMs = nowMs();
  const { incidents = [] } = (await answer.json()) as { incidents?: { outcome: string; poked: boolean }[] };
  const isContained =
    incidents.length === 1 && incidents.every(({ outcome, poked }) => outcome === 'contained' && poked);
  if (!isContained) throw new Error(`the report came to ${answer.status} ${JSON.stringify(incidents)}`);
  const [disabledMs, replacedMs] = await Promise.all([disabled, replaced]);
  const calls = world.calls.slice(callsBefore);
  const endedBy = (untilMs: number) => calls.filter(({ endMs }) => endMs <= startMs + untilMs).length;
  return {
    disabledMs,
    calledMs: calledAtMs() - startMs,
    answeredMs,
    replacedMs,
    pausesMs: pausesMsIn(calls, calledAtMs(), startMs + replacedMs),
    callsUntilDisabled: endedBy(disabledMs),
    callsUntilReplaced: endedBy(replacedMs),
  };
}

/** How much of a span no call covers. */
function pausesMsIn(calls: readonly SeenCall[], fromMs: number, toMs: number): number {
  let pausesMs = 0;
  let coveredMs = fromMs;
  for (const { startMs, endMs } of calls) {
    pausesMs += Math.max(Math.min(startMs, toMs) - coveredMs, 0);
    coveredMs = Math.max(coveredMs, endMs);
  }
  return pausesMs;
}
