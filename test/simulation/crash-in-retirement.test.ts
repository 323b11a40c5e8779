import { describe, expect, it } from 'vitest';
import { MISHAPS, wrongsAfterEachCall, writesOf } from '../support/each-call.ts';
import { beforeDeletion, beforeDisabling } from '../support/trial.ts';

describe('a run that disables the former key', () => {
  it('writes nothing else', async () => {
    expect(await writesOf(beforeDisabling)).toEqual(['POST /v1/apikeys/*/disable']);
  });

  it.each(MISHAPS)('ends well, whichever call of it this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachCall(beforeDisabling, mishap)).toEqual([]);
  });
});

describe('a run that deletes the former key', () => {
  it('frees its version after that', async () => {
    expect(await writesOf(beforeDeletion)).toEqual([
      'DELETE /v1/apikeys/*',
      'POST /api/v2/secrets/*/versions/*/locks_bulk',
      'PATCH /api/v2/secrets/*/metadata',
    ]);
  });

  it.each(MISHAPS)('ends well, whichever call of it this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachCall(beforeDeletion, mishap)).toEqual([]);
  });
});
