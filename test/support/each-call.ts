import type { Laboratory } from './laboratory.ts';
import type { Trial } from './trial.ts';
import { killedRun, troubledRun, untroubledRun } from './watched-run.ts';
import type { WatchedRun } from './watched-run.ts';

/** Something that happens to a run at its nth call. */
export interface Mishap {
  what: string;
  /** A read that fails is asked again, whatever the failure: one kind of it is enough. */
  writesOnly: boolean;
  run: (lab: Laboratory, at: number) => WatchedRun;
}

export const MISHAPS: readonly Mishap[] = [
  { what: 'the process dies before it', writesOnly: false, run: killedRun },
  {
    what: 'its request is lost',
    writesOnly: false,
    run: (lab, at) => troubledRun(lab, at, { drop: 'request' }, 'once'),
  },
  { what: 'its answer is lost', writesOnly: true, run: (lab, at) => troubledRun(lab, at, { drop: 'answer' }, 'once') },
  {
    what: 'it is answered with 500',
    writesOnly: true,
    run: (lab, at) => troubledRun(lab, at, { status: 500 }, 'once'),
  },
  {
    what: 'its request is lost, and all after it',
    writesOnly: false,
    run: (lab, at) => troubledRun(lab, at, { drop: 'request' }, 'from then on'),
  },
  {
    what: 'its answer is lost, and all after it',
    writesOnly: false,
    run: (lab, at) => troubledRun(lab, at, { drop: 'answer' }, 'from then on'),
  },
];

const isWrite = (call: string): boolean => !/^GET |^POST \/identity\/token/.test(call);

/** The calls of a run to which nothing happens, without ids. */
async function callsOf(open: () => Promise<Trial>): Promise<string[]> {
  const { lab, manifest } = await open();
  const run = untroubledRun(lab);
  await run.tick(manifest);
  return run.calls.map((call) => call.replace(/\/(ApiKey-)?[0-9a-f-]{32,}/g, '/*'));
}

/** Calls that change something, in the order in which they are made. */
export const writesOf = async (open: () => Promise<Trial>): Promise<string[]> => (await callsOf(open)).filter(isWrite);

/**
 * Lets the mishap befall each call in turn, every time in a fresh laboratory, and then the days go by without any more
 * trouble. Tells what is not well in the end, and after which call.
 */
export async function wrongsAfterEachCall(open: () => Promise<Trial>, { writesOnly, run }: Mishap): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsOf(open)).entries()) {
    if (writesOnly && !isWrite(call)) continue;
    const trial = await open();
    await run(trial.lab, index + 1).tick(trial.manifest);
    await trial.settle();
    wrongs.push(...trial.wrongs.map((wrong) => `${index + 1}, ${call}: ${wrong} (${trial.effects.join(', ')})`));
  }
  return wrongs;
}
