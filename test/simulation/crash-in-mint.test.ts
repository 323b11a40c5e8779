import { describe, expect, it } from 'vitest';
import { MISHAPS, wrongsAfterEachCall, writesOf } from '../support/each-call.ts';
import { beforeFirstMint, beforeRotation } from '../support/trial.ts';

describe('a first mint', () => {
  it('writes in this order', async () => {
    expect(await writesOf(beforeFirstMint)).toEqual(['POST /v1/apikeys', 'POST /api/v2/secrets']);
  });

  it.each(MISHAPS)('ends well, whichever call of it this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachCall(beforeFirstMint, mishap)).toEqual([]);
  });
});

describe('a rotation', () => {
  it('writes in this order', async () => {
    expect(await writesOf(beforeRotation)).toEqual([
      'POST /api/v2/secrets/*/versions/*/locks_bulk',
      'POST /v1/apikeys',
      'POST /api/v2/secrets/*/versions',
    ]);
  });

  it.each(MISHAPS)('ends well, whichever call of it this happens to: $what', async (mishap) => {
    expect(await wrongsAfterEachCall(beforeRotation, mishap)).toEqual([]);
  });
});
