import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { run } from './support/command.ts';

const BENCH = 'test/bench/main.ts';

const Line = z.strictObject({
  name: z.string().min(1),
  value: z.number().positive(),
  unit: z.string().min(1),
  baseline: z.number().positive().nullable(),
  ratio: z.number().positive().nullable(),
});

describe.concurrent('npm run bench', () => {
  it('prints the sizes of the bundles, a line of JSON each, below whole libraries and not above what each may have', async () => {
    const { code, stdout, stderr } = await run(BENCH, ['size', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => Line.parse(JSON.parse(line)));
    const expected = readdirSync('functions').flatMap((name) => [
      `${name}, against whole libraries: KB`,
      `${name}, against what it may have: KB`,
    ]);
    expect(lines.map(({ name, unit }) => `${name}: ${unit}`)).toEqual(expected);
    for (const { name, ratio } of lines) expect([name, (ratio ?? 1) < 1]).toEqual([name, true]);
  });

  it('names what it measures where it is asked for something else, with exit code 2', async () => {
    const { code, stdout, stderr } = await run(BENCH, ['no-such-bench']);
    expect([code, stdout]).toEqual([2, '']);
    for (const name of ['size', 'cold-start', 'leak']) expect(stderr).toContain(name);
  });
});
