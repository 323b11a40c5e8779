import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';
import { PROCESSES, SHARING, THREADS } from './support/suite.ts';

export default defineConfig({
  test: {
    // How busy the machine is decides nothing.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'process', include: PROCESSES, pool: 'forks' } },
      { extends: true, test: { name: 'thread', include: THREADS, pool: 'threads' } },
      { extends: true, test: { name: 'sharing', include: SHARING, isolate: false, pool: 'forks' } },
    ],
  },
});
