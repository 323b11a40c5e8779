import { describe, expect, it } from 'vitest';
import { MISHAPS, wrongsAfterEachCall, writesOf } from '../support/mishaps.ts';
import { deadInGrace, firstMint, leakInGrace, leakUnderLocks, rotation } from '../support/scenes.ts';

const CLAIM = 'POST /api/v2/secrets/*/versions/*/locks_bulk';
const CREATE = 'POST /v1/apikeys';
const STORE = 'POST /api/v2/secrets/*/versions';
const SUMMARY = 'PATCH /api/v2/secrets/*/metadata';
const NOTE = 'PATCH /api/v2/secrets/*/versions/*/metadata';
const CONTAIN = 'POST /v1/apikeys/*/disable';
const DELETE = 'DELETE /v1/apikeys/*';

describe.each([
  { what: 'a first mint', scene: firstMint, writes: [CREATE, 'POST /api/v2/secrets'] },
  { what: 'a rotation', scene: rotation, writes: [CLAIM, CREATE, STORE] },
  {
    what: 'a rotation of a dead key while an older one is in grace',
    scene: deadInGrace,
    writes: [SUMMARY, CLAIM, SUMMARY, CLAIM, CREATE, STORE],
  },
  {
    what: 'a rotation of a leaked key while an older one is in grace',
    scene: leakInGrace,
    writes: [CONTAIN, SUMMARY, NOTE, CLAIM, SUMMARY, CLAIM, CREATE, STORE, DELETE, CLAIM, SUMMARY],
  },
  {
    what: 'a rotation of a leaked key whose consumers lock all versions',
    scene: leakUnderLocks,
    writes: [CONTAIN, SUMMARY, NOTE, CLAIM, CLAIM, SUMMARY, CLAIM, CREATE, STORE, DELETE, CLAIM, CLAIM, SUMMARY],
  },
])('$what', ({ scene, writes }) => {
  it('writes in this order', async () => {
    expect(await writesOf(scene)).toEqual(writes);
  });

  it.each(MISHAPS)('ends well, whichever call of it this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachCall(scene, mishap)).toEqual([]);
  });
});
