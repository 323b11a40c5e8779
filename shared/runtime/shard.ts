import { createHash } from 'node:crypto';

/** One of `count` equal parts of all entries, by their names: a run of its own works on it. Counted from 0. */
export interface Shard {
  index: number;
  count: number;
}

/** Bytes of the hash that say nothing of when the turns of a key are: those of one shard must not all come at once. */
const FROM_BYTE = 26;
const BYTE_COUNT = 6;

/** The index of the shard that a name belongs to: by SHA-256, so that it stays the same whatever else there is. */
export function shardIndexOf(name: string, shardCount: number): number {
  if (shardCount === 1) return 0;
  return createHash('sha256').update(name).digest().readUIntBE(FROM_BYTE, BYTE_COUNT) % shardCount;
}

/** Those that belong to a shard; all, where there are no shards. */
export function inShard<T extends { name: string }>(entries: readonly T[], shard: Shard | null): readonly T[] {
  if (shard === null) return entries;
  return entries.filter(({ name }) => shardIndexOf(name, shard.count) === shard.index);
}

/** Whether a run does what belongs to no single key: of several shards the first one alone does. */
export const isLeading = (shard: Shard | null): boolean => shard === null || shard.index === 0;
