import { describe, expect, it } from 'vitest';
import { MISHAPS, wrongsAfterEachCall, writesOf } from '../support/mishaps.ts';
import { adoptingBeside, adoptingFirst, adoptingVersion, deletion, disabling, undoing } from '../support/scenes.ts';

const DISABLE = 'POST /v1/apikeys/*/disable';
const LOCK = 'POST /v1/apikeys/*/lock';
const GUARD = 'POST /api/v2/secrets/*/versions/*/locks_bulk';
const NOTE = 'PATCH /api/v2/secrets/*/versions/*/metadata';
const SUMMARY = 'PATCH /api/v2/secrets/*/metadata';
const STORE = 'POST /api/v2/secrets/*/versions';

describe.each([
  { what: 'a run that disables the former key', scene: disabling, writes: [DISABLE] },
  {
    what: 'a run that deletes the former key and frees its version',
    scene: deletion,
    writes: ['DELETE /v1/apikeys/*', GUARD, SUMMARY],
  },
  { what: 'an undo', scene: undoing, writes: [NOTE, LOCK, 'DELETE /v1/apikeys/*/disable', GUARD, STORE] },
  {
    what: 'an adoption before the first mint',
    scene: adoptingFirst,
    writes: ['POST /v1/apikeys', 'POST /api/v2/secrets'],
  },
  { what: 'an adoption of what a person stored', scene: adoptingVersion, writes: [NOTE, SUMMARY] },
  { what: 'an adoption beside a current key', scene: adoptingBeside, writes: [NOTE] },
])('$what', ({ scene, writes }) => {
  it('writes in this order', async () => {
    expect(await writesOf(scene)).toEqual(writes);
  });

  it.each(MISHAPS)('ends well, whichever call of it this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachCall(scene, mishap)).toEqual([]);
  });
});
