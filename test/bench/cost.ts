import { MINUTE_MS } from '../../shared/keys/duration.ts';
import { CostWorld } from './cost-world.ts';
import type { Bench, Figure } from './figure.ts';
import { figure } from './figure.ts';
import { monthOf } from './month.ts';
import type { Measured, Month, Setup, Work } from './month.ts';

const CALL_MS = 50;
const DAY_MINUTES = 24 * 60;

/** Of two fleets the difference is what entries add; what is left is there without any. Log lines tell both in two digits. */
const FEW = 10;
const MANY = 20;

/** Looks fall to two ticks in a row, however often they come: so a timer of half-hours shows as many as one of minutes. */
const COARSE_MINUTES = 30;
/** Days in the middle of which each key is rotated, and its former one ended. */
const SKIPPED_DAYS = 15;
const COUNTED_DAYS = 30;

/** What it costs to run, in the units that IBM Cloud counts. */
export const costBench: Bench = {
  name: 'cost',
  what: `what a month takes, in units that are paid for: entries of service IDs with the standard policy, each API call ${CALL_MS} ms, computing and starting apart`,
  async *measure() {
    const measured = await measureAll();
    for (const [name, work] of Object.entries(measured) as [keyof Measured, Work][])
      yield* figuresOf(NAMES[name], work);
    for (const setup of SETUPS) yield* figuresOfMonth(setup, monthOf(measured, setup));
  },
};

const NAMES: Readonly<Record<keyof Measured, string>> = {
  tick: 'a tick with nothing to do',
  entry: 'a month of one entry, with its rotation',
  upkeep: 'a month of lists and notes, whatever there is to rotate',
  check: 'a daily check',
};

const SETUPS: readonly Setup[] = [
  { entryCount: 10, timerMinutes: 1, startSeconds: 0 },
  { entryCount: 10, timerMinutes: 10, startSeconds: 0 },
  { entryCount: 100, timerMinutes: 1, startSeconds: 0 },
];

function* figuresOf(name: string, { calls, seconds, logBytes }: Work): Generator<Figure> {
  yield figure(`${name}: calls`, calls, 'calls');
  yield figure(`${name}: time`, seconds, 's');
  yield figure(`${name}: log`, logBytes, 'bytes');
}

function* figuresOfMonth({ entryCount, timerMinutes }: Setup, month: Month): Generator<Figure> {
  const name = `a month of ${entryCount} entries, a tick every ${timerMinutes === 1 ? 'minute' : `${timerMinutes} minutes`}`;
  yield figure(`${name}: invocations`, month.invocations, 'calls');
  yield figure(`${name}: instance time`, month.instanceSeconds, 's');
  yield figure(`${name}: computing`, month.vcpuSeconds, 'vCPU-s');
  yield figure(`${name}: memory`, month.gigabyteSeconds, 'GB-s');
  yield figure(`${name}: calls of IBM Cloud`, month.calls, 'calls');
  yield figure(`${name}: log`, month.logMegabytes, 'MB');
}

async function measureAll(): Promise<Measured> {
  const [few, many] = [await restingDay(FEW), await restingDay(MANY)];
  const perEntry = ([one, other]: readonly [Work, Work]): Work => times(1 / (MANY - FEW), minus(other, one));
  const { tick, check } = few;
  const looks = perEntry([few.day, many.day]);
  const upkeepOfDay = minus(minus(few.day, times(DAY_MINUTES, tick)), times(FEW, looks));
  // Lists and notes log nothing: what is left are digits that lines of other ticks lack.
  const upkeep = { ...times(COUNTED_DAYS, upkeepOfDay), logBytes: 0 };
  const entry = perEntry([await rotatingMonth(FEW), await rotatingMonth(MANY)]);
  return { tick, entry, upkeep, check };
}

/** A day in which nothing is due, a check, and the cheapest tick, which has nothing to list, to look at or to note. */
export async function restingDay(
  entryCount: number,
  minutes = DAY_MINUTES,
): Promise<{ day: Work; tick: Work; check: Work }> {
  using world = await CostWorld.open(entryCount, CALL_MS);
  // The first check makes the ledger, on which runs note themselves.
  await world.check();
  let day = NOTHING;
  let tick: Work | null = null;
  for (let minute = 0; minute < minutes; minute += 1) {
    const work = await afterMinutes(world, 1);
    day = plus(day, work);
    if (tick === null || work.calls < tick.calls) tick = work;
  }
  return { day, tick: tick ?? NOTHING, check: await world.check() };
}

/** @throws Error unless each key was rotated once, and its former one ended. */
async function rotatingMonth(entryCount: number): Promise<Work> {
  using world = await CostWorld.open(entryCount, CALL_MS);
  await world.check();
  let month = NOTHING;
  const effects = world.lab.recordEffects();
  for (let day = 0; day < SKIPPED_DAYS + COUNTED_DAYS; day += 1) {
    for (let minute = 0; minute < DAY_MINUTES; minute += COARSE_MINUTES) {
      const work = await afterMinutes(world, COARSE_MINUTES);
      if (day >= SKIPPED_DAYS) month = plus(month, work);
    }
    await world.consumersFetch();
  }
  const count = (effect: string) => effects.filter((one) => one.startsWith(effect)).length;
  const seen = ['create', 'disable', 'delete'].map(count);
  if (seen.some((one) => one !== entryCount))
    throw new Error(`not each of ${entryCount} keys was rotated once: ${seen.join(', ')}`);
  return month;
}

async function afterMinutes(world: CostWorld, minutes: number): Promise<Work> {
  const { clock } = world.lab;
  const periodMs = minutes * MINUTE_MS;
  await clock.advanceTo((Math.floor(clock.nowMs() / periodMs) + 1) * periodMs);
  return world.tick(minutes);
}

const NOTHING: Work = { calls: 0, seconds: 0, logBytes: 0 };

const combined = (one: Work, other: Work, sign: 1 | -1): Work => ({
  calls: one.calls + sign * other.calls,
  seconds: one.seconds + sign * other.seconds,
  logBytes: one.logBytes + sign * other.logBytes,
});
const plus = (one: Work, other: Work): Work => combined(one, other, 1);
const minus = (one: Work, other: Work): Work => combined(one, other, -1);
const times = (factor: number, { calls, seconds, logBytes }: Work): Work => ({
  calls: factor * calls,
  seconds: factor * seconds,
  logBytes: factor * logBytes,
});
