/** What a process is told by its environment. */
export interface ShardStart {
  instanceId: string;
  /** A file of 8 bytes: the virtual present, which the cloud keeps up to date. */
  presentFile: string;
  /** Where the process writes what it took. */
  endFile: string;
}

/** What it took. */
export interface ShardEnd {
  /** The most memory that it ever held, in bytes. */
  peakBytes: number;
  endedAtMs: number;
}

/** The environment variable that holds a ShardStart. */
export const START = 'BENCH_SHARD';
