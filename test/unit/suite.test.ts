import { existsSync, globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LONGEST } from '../support/longest-first.ts';
import { PROCESSES, SHARING, THREADS } from '../support/suite.ts';

describe('the suite', () => {
  it('begins with files that exist', () => {
    expect(LONGEST.filter((file) => !existsSync(file))).toEqual([]);
    expect(new Set(LONGEST).size).toBe(LONGEST.length);
  });

  it('has each file of tests once: in a process or a thread of its own, or sharing a process', () => {
    expect([...PROCESSES, ...THREADS, ...SHARING].toSorted()).toEqual(globSync('test/**/*.test.ts').toSorted());
  });

  it('lets no file share modules with another that loads a function, and gives a process to whatever needs one', () => {
    expect(THREADS).toEqual(expect.arrayContaining(['test/unit/outgoing.test.ts', 'test/simulation/report.test.ts']));
    expect(PROCESSES).toEqual(expect.arrayContaining(['test/e2e/rotate-keys.test.ts', 'test/host/timers.test.ts']));
    expect(SHARING).toEqual(expect.arrayContaining(['test/kinds/logging-key.test.ts', 'test/simulation/mint.test.ts']));
  });
});
