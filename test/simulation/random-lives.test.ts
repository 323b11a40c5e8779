import { describe, expect, it } from 'vitest';
import { randomLife } from '../support/random-life.ts';

const SEEDS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday', 'holiday'];

describe('a key under weeks of random trouble', () => {
  it.each(SEEDS)('works at every moment and comes to rest in the end: %s', async (seed) => {
    const { wrongs, story } = await randomLife(seed);
    // What happened is told with what was wrong.
    expect(wrongs.length > 0 ? [...wrongs, ...story] : []).toEqual([]);
  });
});
