import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadOf } from '../../shared/keys/manifest.ts';
import { inShard, isLeading, shardIndexOf } from '../../shared/runtime/shard.ts';

const NAMES = Array.from({ length: 10_000 }, (_, place) => `key-${place}`);

describe('a name', () => {
  it('is in exactly one shard, however many there are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 50 }), (names, count) => {
        const entries = names.map((name) => ({ name }));
        const shards = Array.from({ length: count }, (_, index) => inShard(entries, { index, count }));
        expect(shards.flat().toSorted(byName)).toEqual(entries.toSorted(byName));
      }),
      { numRuns: 50 },
    );
  });

  it('stays in its shard for ever', () => {
    const names = ['logs-router-ingest', 'cloud-logs-ingest', 'a', 'key-0', 'key-1'];
    expect(names.map((name) => shardIndexOf(name, 10))).toEqual(KNOWN);
  });

  it('is in any of them about as likely, and its turns are no likelier at one time than at another', () => {
    const count = 10;
    const sizes = new Map<number, number>();
    const early = new Map<number, number>();
    for (const name of NAMES) {
      const index = shardIndexOf(name, count);
      sizes.set(index, (sizes.get(index) ?? 0) + 1);
      if (spreadOf(name) < 0.5) early.set(index, (early.get(index) ?? 0) + 1);
    }
    for (const [index, size] of sizes) {
      expect(Math.abs(size - 1_000)).toBeLessThan(100);
      expect(Math.abs((early.get(index) ?? 0) - size / 2)).toBeLessThan(60);
    }
    expect(sizes.size).toBe(count);
  });
});

describe('what belongs to no single key', () => {
  it('is done where there are no shards, and by the first of several', () => {
    const shards = [null, { index: 0, count: 2 }, { index: 1, count: 2 }];
    expect(shards.map(isLeading)).toEqual([true, true, false]);
    expect(inShard([{ name: 'a' }], null)).toEqual([{ name: 'a' }]);
  });
});

/** While an old job and a new one run, another hash would have keys looked at by two shards, or by none. */
const KNOWN = [8, 8, 9, 8, 6];

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
