import { describe, expect, it } from 'vitest';
import { LIFE, measuredLife } from '../bench/life.ts';

describe('the life of a key', () => {
  it('costs the calls that have a purpose, and no others', async () => {
    const planned = LIFE.map(({ step, calls }) => ({ step, calls: calls.map(({ call }) => call) }));
    expect(await measuredLife()).toEqual(planned);
  });
});
