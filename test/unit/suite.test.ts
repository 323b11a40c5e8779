import { existsSync, globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LONGEST } from '../support/longest-first.ts';
import { ALONE, SHARING } from '../support/suite.ts';

describe('the suite', () => {
  it('begins with files that exist', () => {
    expect(LONGEST.filter((file) => !existsSync(file))).toEqual([]);
    expect(new Set(LONGEST).size).toBe(LONGEST.length);
  });

  it('has each file of tests once: alone, or sharing a process', () => {
    expect([...ALONE, ...SHARING].toSorted()).toEqual(globSync('test/**/*.test.ts').toSorted());
  });

  it('gives a process of its own to whatever is not simulated, or loads a function', () => {
    const alone = ['test/unit/outgoing.test.ts', 'test/e2e/rotate-keys.test.ts', 'test/simulation/report.test.ts'];
    expect(ALONE).toEqual(expect.arrayContaining(alone));
    expect(SHARING).toEqual(expect.arrayContaining(['test/kinds/logging-key.test.ts', 'test/simulation/mint.test.ts']));
  });
});
