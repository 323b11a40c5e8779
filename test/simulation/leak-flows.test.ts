import { describe, expect, it } from 'vitest';
import { leakAmidLocks, recordEnabled, wrongsOfLeak } from '../support/leak-scenes.ts';
import type { LeakTrial } from '../support/leak-scenes.ts';
import { WORST, atCall, callsOf, outcomeOf } from '../support/mishaps.ts';
import type { Mishap } from '../support/mishaps.ts';
import { isWrite } from '../support/watched-run.ts';

type LeakScene = () => Promise<LeakTrial>;

async function wrongsAfterEachWrite(scene: LeakScene, { run }: Mishap): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsOf(async () => (await scene()).trial)).entries()) {
    if (!isWrite(call)) continue;
    const leak = await scene();
    const enabled = recordEnabled(leak.trial);
    const found = await outcomeOf(leak.trial, run(leak.trial.lab, atCall(index + 1)));
    found.push(...(await wrongsOfLeak(leak, enabled)));
    wrongs.push(...found.map((wrong) => `${index + 1}, ${call}: ${wrong}`));
  }
  return wrongs;
}

describe('a response and the tick that it starts', () => {
  it.each(WORST)('come to their good end, whichever of their writes this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachWrite(leakAmidLocks, mishap)).toEqual([]);
  });
});
