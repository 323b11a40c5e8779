import type { CeParams } from './params.ts';

/** The header that says which request of which instance arrives at a server of this process. It never leaves the machine. */
export const REQUEST_MARK = 'x-keyrota-local-instance';

/** What a worker is started with. */
export interface WorkerStart {
  /** The bundle folder: `package.json` and what its `main` names. */
  directory: string;
  /** Prefix of the marks of its requests. */
  instanceId: string;
  /** One 64-bit integer: the virtual present in epoch milliseconds, kept up to date by the host. */
  present: SharedArrayBuffer;
}

/** `turn` counts the messages to a worker: a status that repeats the latest number has seen them all. */
export type ToWorker = { kind: 'invoke'; turn: number; params: CeParams } | { kind: 'advance'; turn: number };

/** How things stand once nothing moves in a worker any more by itself. */
export interface Status {
  turn: number;
  /** Marks of what left the thread and is not over: requests without a complete answer, and work in other places. */
  underWay: string[];
  /** When its next timer is due, in virtual epoch milliseconds. */
  nextTimerAtMs: number | null;
}

/** What became of a call of `main`. */
export type Outcome =
  | { kind: 'returned'; json: string }
  /** Not an object, or one that JSON cannot express. */
  | { kind: 'unusable' }
  | { kind: 'threw'; message: string };

export type OutputStream = 'stdout' | 'stderr';

export type FromWorker =
  | { kind: 'loaded' }
  /** 422: no bundle or no `main` in it. 424: its initialisation threw. */
  | { kind: 'load-failed'; status: 422 | 424 }
  | { kind: 'status'; status: Status }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'output'; stream: OutputStream; text: string };
