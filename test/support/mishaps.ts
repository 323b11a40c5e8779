import type { z } from 'zod';
import type { Fault } from '../../infra/local/faults.ts';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Laboratory } from './laboratory.ts';
import type { Scene } from './scenes.ts';
import { tickDeed } from './trial.ts';
import type { Deed, Trial } from './trial.ts';
import { WatchedRun, isWrite } from './watched-run.ts';
import type { Call } from './watched-run.ts';

/** Which call of a run something happens to: the first one that matches. */
export type Moment = (call: Call) => boolean;

export const atCall =
  (nth: number): Moment =>
  ({ index }) =>
    index === nth;

export const atWrite =
  (nth: number): Moment =>
  ({ write }) =>
    write === nth;

/**
 * At which calls a mishap makes a difference. Reads take no effect that could come late or get lost. A process that dies before a
 * read leaves the same world as after the write before it. A read that is lost or refused for the rate is repeated like one that
 * hangs, which takes longest. Lists that are late from a read on that is none are late from the next call on.
 */
type Place = 'each call' | 'writes' | 'writes and lists';

/** Something that happens to a run at one of its calls. */
export interface Mishap {
  what: string;
  at: Place;
  run: (lab: Laboratory, moment: Moment) => WatchedRun;
}

type Trouble = Omit<z.input<typeof Fault>, 'match' | 'times'>;

/** Nobody waits for it: the year is over before. */
const NEVER_MS = 360 * 24 * 60 * MINUTE_MS;

/** A run in which a call meets trouble, or all from that one on. */
export const troubled =
  (trouble: Trouble, scope: 'once' | 'from then on' = 'once'): Mishap['run'] =>
  (lab, moment) => {
    let hasBegun = false;
    return new WatchedRun(lab, (call, send) => {
      const isHit = moment(call) || (hasBegun && scope === 'from then on');
      hasBegun ||= isHit;
      // The cloud uses the fault up in this very moment: no other call can meet it.
      if (isHit) lab.fault({ match: `${call.method} ${call.path}`, ...trouble });
      return send();
    });
  };

const killedBefore: Mishap['run'] = (lab, moment) =>
  new WatchedRun(lab, (call, send, run) => (moment(call) ? run.kill() : send()));

const killedAfter: Mishap['run'] = (lab, moment) =>
  new WatchedRun(lab, async (call, send, run) => {
    if (!moment(call)) return send();
    await send().catch(() => undefined);
    return run.kill();
  });

const staleFrom =
  (lagMs: number): Mishap['run'] =>
  (lab, moment) =>
    new WatchedRun(lab, (call, send) => {
      if (moment(call)) lab.cloud.switches.staleListMs = lagMs;
      return send();
    });

/** Everything that can befall a call. */
export const MISHAPS: readonly Mishap[] = [
  { what: 'the process dies before it', at: 'writes', run: killedBefore },
  { what: 'the process dies after it', at: 'writes', run: killedAfter },
  { what: 'its request is lost', at: 'writes', run: troubled({ drop: 'request' }) },
  { what: 'its answer is lost', at: 'writes', run: troubled({ drop: 'answer' }) },
  { what: 'it takes effect 70 s later', at: 'writes', run: troubled({ lateMs: 70_000 }) },
  { what: 'it takes effect 9 min later', at: 'writes', run: troubled({ lateMs: 9 * MINUTE_MS }) },
  { what: 'it is answered 429', at: 'writes', run: troubled({ status: 429, retryAfterSeconds: 7 }) },
  { what: 'it is answered 500', at: 'writes', run: troubled({ status: 500 }) },
  { what: 'it is answered 500 after its effect', at: 'writes', run: troubled({ status: 500, afterEffect: true }) },
  { what: 'it is answered 503', at: 'writes', run: troubled({ status: 503 }) },
  { what: 'it hangs, without an effect', at: 'each call', run: troubled({ lateMs: NEVER_MS }) },
  { what: 'it hangs after its effect', at: 'writes', run: troubled({ delayMs: NEVER_MS }) },
  { what: 'lists are 3 s late from then on', at: 'writes and lists', run: staleFrom(3_000) },
  { what: 'lists are 5 min late from then on', at: 'writes and lists', run: staleFrom(5 * MINUTE_MS) },
  {
    what: 'its request is lost, and all after it',
    at: 'each call',
    run: troubled({ drop: 'request' }, 'from then on'),
  },
  { what: 'its answer is lost, and all after it', at: 'writes', run: troubled({ drop: 'answer' }, 'from then on') },
];

/** Of a path that ends in an id, one thing is read. */
const isList = (call: string): boolean =>
  call.startsWith('GET ') && !/(?:\/\*|\/(?:ApiKey-)?[0-9a-f-]{32,})$/.test(call);

/** Whether the mishap makes a difference at that call: `METHOD /path`. */
export const concerns = ({ at }: Mishap, call: string): boolean =>
  at === 'each call' || isWrite(call) || (at === 'writes and lists' && isList(call));

/** What each scene was seen to call: the same whenever it is played. */
const seen = new WeakMap<Scene, Map<Deed | undefined, Promise<readonly string[]>>>();

/** The calls of a run to which nothing happens, without ids. */
export function callsOf(scene: Scene, deed?: Deed): Promise<readonly string[]> {
  const ofScene = seen.get(scene) ?? new Map<Deed | undefined, Promise<readonly string[]>>();
  seen.set(scene, ofScene);
  const calls = ofScene.get(deed) ?? watchedCalls(scene, deed);
  ofScene.set(deed, calls);
  return calls;
}

async function watchedCalls(scene: Scene, deed?: Deed): Promise<readonly string[]> {
  const trial = await scene();
  const run = new WatchedRun(trial.lab);
  await run.run(trial, deed);
  return run.calls.map((call) => call.replace(/\/(ApiKey-)?[0-9a-f-]{32,}/g, '/*'));
}

/** Calls that change something, in the order in which they are made. */
export const writesOf = async (scene: Scene): Promise<string[]> => (await callsOf(scene)).filter(isWrite);

/** Runs the trial through what happens to it, and lets the days go by without any more trouble. What is not well, in words. */
export async function outcomeOf(trial: Trial, run: WatchedRun): Promise<string[]> {
  return endOf(trial, await run.run(trial));
}

export async function endOf(trial: Trial, succeeded: boolean): Promise<string[]> {
  await trial.endTrouble(succeeded);
  const early = await trial.wrongsAfterTwoTicks();
  await trial.settle();
  return [...early, ...trial.wrongs].map((wrong) => `${wrong} (${trial.effects.join(', ')})`);
}

/** Of all mishaps the ones that leave the most behind. */
export const WORST = MISHAPS.filter(({ what }) =>
  [
    'the process dies after it',
    'its answer is lost',
    'it takes effect 9 min later',
    'it hangs, without an effect',
  ].includes(what),
);

/** Lets the mishap befall each call that it concerns in turn, every time in a fresh laboratory. Tells what was not well, and after which call. */
export async function wrongsAfterEachCall(scene: Scene, mishap: Mishap): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsOf(scene)).entries()) {
    if (!concerns(mishap, call)) continue;
    const trial = await scene();
    const found = await outcomeOf(trial, mishap.run(trial.lab, atCall(index + 1)));
    wrongs.push(...found.map((wrong) => `${index + 1}, ${call}: ${wrong}`));
  }
  return wrongs;
}

/**
 * Lets a mishap befall each write in turn, and another one each write of the tick that comes `gapMs` later. Every time in a
 * fresh laboratory. Tells what was not well, and after which two calls.
 */
export async function wrongsAfterEachPair(scene: Scene, first: Mishap, gapMs: number): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsOf(scene)).entries()) {
    if (!isWrite(call)) continue;
    const afterFirst = async () => {
      const trial = await scene();
      const succeeded = await first.run(trial.lab, atCall(index + 1)).run(trial);
      await trial.lab.pass(gapMs);
      return { trial, succeeded };
    };
    for (const [later, mishap] of pairsOf(await callsOfNextTick(afterFirst))) {
      const { trial, succeeded } = await afterFirst();
      const second = mishap.run(trial.lab, atCall(later.at));
      await second.run(trial, tickDeed);
      const found = await endOf(trial, succeeded);
      wrongs.push(...found.map((wrong) => `${index + 1}, ${call}, then ${mishap.what}: ${later.call}: ${wrong}`));
    }
  }
  return wrongs;
}

interface NumberedCall {
  at: number;
  call: string;
}

async function callsOfNextTick(open: () => Promise<{ trial: Trial }>): Promise<NumberedCall[]> {
  const { trial } = await open();
  const run = new WatchedRun(trial.lab);
  await run.run(trial, tickDeed);
  return run.calls.map((call, index) => ({ at: index + 1, call }));
}

const pairsOf = (calls: readonly NumberedCall[]): [NumberedCall, Mishap][] =>
  calls
    .filter(({ call }) => isWrite(call))
    .flatMap((call) => WORST.map((mishap): [NumberedCall, Mishap] => [call, mishap]));
