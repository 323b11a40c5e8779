import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { paramsOf } from '../support/webhook-requests.ts';
import { Bundles } from './bundles.ts';
import type { Bench, Figure } from './figure.ts';
import { figure } from './figure.ts';
import { measuredChain } from './leak-chain.ts';
import { InstanceProcess, leakScripts } from './leak-process.ts';
import { LeakWorld } from './leak-world.ts';

const RUNS = 7;
const CALL_MS = 50;
/** Login, look, disable. */
const CALLS_AIM = 3;
/** 2 s before the first login with a new key, and 15 s from there to the second: what IBM advises, and what shows that it settled. */
const WAITS_S = 17;

/** How long a leaked key still works, and how long its consumers are without one. */
export const leakBench: Bench = {
  name: 'leak',
  what:
    'from the report of a leak to the key disabled, as the issuer records it, and replaced. First in real seconds, medians of ' +
    `${RUNS} interleaved runs: the bundle in a process of its own, cold from the start of that process (the platform's own start ` +
    'comes on top) and warm, against a plain script that logs in, asks whose value it is and disables. Then with rotate-keys in ' +
    `virtual time, where only calls of ${CALL_MS} ms and pauses take any`,
  async *measure() {
    using bundles = new Bundles();
    for (const callMs of [0, CALL_MS]) yield* realFigures(bundles, callMs);
    for (const by of ['value', 'id'] as const) yield* virtualFigures(bundles, by);
  },
};

type Way = 'script' | 'value' | 'id';
type Moment = 'disabled' | 'called';

/** What was measured again and again. */
class Times {
  readonly #tookMs = new Map<string, number[]>();

  add(what: string, tookMs: number): void {
    this.#tookMs.set(what, [...(this.#tookMs.get(what) ?? []), tookMs]);
  }

  medianMs(what: string): number {
    const sorted = (this.#tookMs.get(what) ?? []).toSorted((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  }
}

const WAYS: readonly Way[] = ['script', 'value', 'id'];
const STATES = ['cold', 'warm'] as const;

async function* realFigures(bundles: Bundles, callMs: number): AsyncGenerator<Figure> {
  // The first round fills the caches of the machine and does not count.
  await using world = await LeakWorld.open((RUNS + 1) * WAYS.length * STATES.length, callMs);
  await using rotateKeys = await CalledServer.open();
  const scripts = leakScripts(bundles.folder);
  const times = new Times();
  world.lab.clock.speed = 1;
  for (let round = 0; round <= RUNS; round += 1) {
    for (const way of WAYS) {
      const file = way === 'script' ? scripts.plainScript : bundles.pathOf('respond-to-compromise', 'lean');
      for await (const [what, tookMs] of oneInstance(way, [scripts.instance, file], world, rotateKeys)) {
        if (round > 0) times.add(what, tookMs);
      }
    }
  }
  for (const state of STATES) {
    const place = `${callMs} ms a call, ${state}`;
    const scriptMs = times.medianMs(`script ${state} disabled`);
    yield figure(`${place}: until a plain script has disabled the key`, scriptMs, 'ms');
    for (const by of ['value', 'id']) {
      const disabledMs = times.medianMs(`${by} ${state} disabled`);
      yield figure(`${place}: until a key reported by ${by} is disabled`, disabledMs, 'ms', scriptMs);
      const calledMs = times.medianMs(`${by} ${state} called`);
      yield figure(`${place}: until one reported by ${by} is written down, and rotate-keys called`, calledMs, 'ms');
    }
  }
}

/** Two reports to one new instance: what was measured, and its time. */
async function* oneInstance(
  way: Way,
  args: string[],
  world: LeakWorld,
  rotateKeys: CalledServer,
): AsyncGenerator<[string, number]> {
  const aheadMs = world.lab.clock.nowMs() - Date.now();
  const environment = world.environment(rotateKeys.url);
  let startMs = performance.now();
  await using instance = new InstanceProcess([...args, String(aheadMs)], environment);
  for (const state of STATES) {
    const key = world.takeKey();
    const params = way === 'script' ? { value: key.value } : paramsOf(world.report(key, way));
    if (state === 'warm') startMs = performance.now();
    const since = () => performance.now() - startMs;
    const disabled = world.recorded('api-key.disable', key).then(since);
    const called = way === 'script' ? null : rotateKeys.called().then(since);
    await instance.send(params);
    const moments: [Moment, number | null][] = [
      ['disabled', await disabled],
      ['called', await called],
    ];
    for (const [moment, tookMs] of moments) if (tookMs !== null) yield [`${way} ${state} ${moment}`, tookMs];
  }
}

async function* virtualFigures(bundles: Bundles, by: 'value' | 'id'): AsyncGenerator<Figure> {
  const chain = await measuredChain(bundles.leanFolder, by, CALL_MS);
  const { disabledMs, calledMs, answeredMs, replacedMs, pausesMs } = chain;
  const place = `by ${by}, in virtual time`;
  yield figure(`${place}: calls in a row until disabled, login and all`, disabledMs / CALL_MS, 'calls', CALLS_AIM);
  yield figure(`${place}: calls until disabled, side by side or in a row`, chain.callsUntilDisabled, 'calls');
  yield figure(`${place}: until disabled`, disabledMs / 1_000, 's', (CALLS_AIM * CALL_MS) / 1_000);
  yield figure(`${place}: until rotate-keys is called`, calledMs / 1_000, 's');
  yield figure(`${place}: until the sender is answered, who waits 1.5 s for rotate-keys`, answeredMs / 1_000, 's');
  yield figure(`${place}: until replaced`, replacedMs / 1_000, 's', WAITS_S);
  yield figure(`${place}: of that, pauses, which are there by design`, pausesMs / 1_000, 's', WAITS_S);
  yield figure(`${place}: of that, the rest, which is calls in a row`, (replacedMs - pausesMs) / 1_000, 's');
  yield figure(`${place}: calls until replaced, of both functions`, chain.callsUntilReplaced, 'calls');
}

/** Takes the calls of `rotate-keys`, and answers at once. */
class CalledServer implements AsyncDisposable {
  #onCalled: (() => void) | undefined;
  readonly #server = createServer((incoming, answer) => {
    this.#onCalled?.();
    incoming.resume();
    answer.setHeader('content-type', 'application/json').end('{}');
  });

  static async open(): Promise<CalledServer> {
    const opened = new CalledServer();
    await new Promise<void>((resolve) => void opened.#server.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Resolves with the next call. */
  called(): Promise<void> {
    return new Promise((resolve) => {
      this.#onCalled = resolve;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
