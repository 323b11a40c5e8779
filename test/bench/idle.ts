import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { spreadOf } from '../../shared/keys/manifest.ts';
import { isTurn } from '../../shared/rotation/survey.ts';
import { packedBundle, toldByProcess } from './bundle-alone.ts';
import type { Bench, Figure } from './figure.ts';
import { figure } from './figure.ts';
import { openFleet } from './fleet-world.ts';
import type { Fleet } from './fleet-world.ts';
import type { TickReport, TickWish } from './idle-tick.ts';

const KEY_COUNT = 10_000;
const CALLS_AIM = 12;
const MEMORY_AIM_MB = 200;
const DEPLOYMENT = 'lab';
const TIMER_MS = MINUTE_MS;

/** Longer than it takes to build the account. */
const START_MS = Date.UTC(2026, 0, 5, 12);
/** When the list of the whole account falls due; some minutes later it does not. */
const LISTING_MS = START_MS + HOUR_MS * (1 - spreadOf(DEPLOYMENT));
const PLAIN_MS = LISTING_MS + 10 * MINUTE_MS;
const LOOKING_MS = PLAIN_MS + 10 * MINUTE_MS;

/** What a tick costs when nothing is to be done. */
export const idleBench: Bench = {
  name: 'idle',
  what: `one tick of the bundled function over ${KEY_COUNT} keys that rest, in a process of its own, over HTTP`,
  async *measure() {
    const fleet = await openFleet({ deployment: DEPLOYMENT, names: namesWithoutTurn(), keysPerIdentity: 10 });
    await using bundle = await packedBundle('rotate-keys', fleet);
    yield* figuresOf('a plain tick', await tick(fleet, bundle.file, PLAIN_MS), [CALLS_AIM, MEMORY_AIM_MB]);
    yield* figuresOf('the tick that lists the account, once an hour', await tick(fleet, bundle.file, LISTING_MS), [
      null,
      MEMORY_AIM_MB,
    ]);
    const looking = await tick(fleet, bundle.file, LOOKING_MS);
    yield* figuresOf(`a tick to which ${looking.lookedAt} daily looks fall`, looking, [null, MEMORY_AIM_MB]);
  },
};

type Aims = [calls: number | null, megabytes: number];

function* figuresOf(name: string, { calls, seconds, peakBytes }: Tick, [callsAim, memoryAim]: Aims): Generator<Figure> {
  yield figure(`${name}: calls`, calls, 'calls', callsAim);
  yield figure(`${name}: time`, seconds, 's');
  yield figure(`${name}: peak memory`, peakBytes / 1e6, 'MB', memoryAim);
}

/** Names to none of which a daily look falls in the first two ticks. */
function namesWithoutTurn(): string[] {
  const names: string[] = [];
  for (let place = 0; names.length < KEY_COUNT; place += 1) {
    const name = `key-${place}`;
    if (![LISTING_MS, PLAIN_MS].some((atMs) => isTurn(atMs, DAY_MS, TIMER_MS, name))) names.push(name);
  }
  return names;
}

interface Tick extends TickReport {
  calls: number;
}

/** @throws Error when the tick fails, or finds anything to do. */
async function tick(fleet: Fleet, file: string, atMs: number): Promise<Tick> {
  const wish: TickWish = { file, atMs };
  const script = new URL('idle-tick.ts', import.meta.url);
  const { report: told, calls } = await toldByProcess(fleet, script, wish);
  const report = told as TickReport | null;
  const isIdle = report?.statusCode === 200 && report.restingCount + report.lookedAt === KEY_COUNT;
  if (!isIdle) throw new Error(`the tick failed: ${JSON.stringify(report)}`);
  return { ...report, calls: calls.length };
}
