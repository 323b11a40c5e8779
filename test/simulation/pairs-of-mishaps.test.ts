import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import { WORST, wrongsAfterEachPair } from '../support/mishaps.ts';
import { adoptingVersion, deadInGrace, deletion, firstMint, rotation, undoing } from '../support/scenes.ts';

/** By then the claim of the first run is over, and what it left may still come. */
const LATER_MS = 7 * MINUTE_MS;

describe.each([
  { what: 'a first mint', scene: firstMint },
  { what: 'a rotation', scene: rotation },
  { what: 'a rotation of a dead key while an older one is in grace', scene: deadInGrace },
  { what: 'the former key’s deletion', scene: deletion },
  { what: 'an undo', scene: undoing },
  { what: 'an adoption of what a person stored', scene: adoptingVersion },
])('two mishaps in a row, the first at $what', ({ scene }) => {
  it.each(WORST)('end well, whatever the second is, when the first is that $what', async (mishap) => {
    expect(await wrongsAfterEachPair(scene, mishap, LATER_MS)).toEqual([]);
  });
});
