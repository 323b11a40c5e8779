import { expect, it } from 'vitest';
import { measuredChain } from '../bench/leak-chain.ts';
import { buildInto, temporaryFolder } from './support/rotate-world.ts';

const CALL_MS = 50;
const PAUSES_MS = 17_000;

it('puts a reported key out of use with three calls in a row, has it replaced, and tells the sender so while that is under way', async () => {
  using folder = temporaryFolder();
  await buildInto(folder.path);
  for (const by of ['value', 'id'] as const) {
    const { disabledMs, calledMs, answeredMs, replacedMs, pausesMs } = await measuredChain(folder.path, by, CALL_MS);
    expect(disabledMs / CALL_MS).toBeLessThanOrEqual(3);
    expect([disabledMs < calledMs, calledMs < answeredMs, answeredMs < replacedMs]).toEqual([true, true, true]);
    expect(pausesMs).toBe(PAUSES_MS);
  }
});
