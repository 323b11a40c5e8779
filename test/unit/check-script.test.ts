import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'keyrota-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `npm run check` where npm scripts do as `script` says, a program for the shell in which `$3` is the name of the script. */
function check(script: string) {
  const npm = join(folder, 'npm');
  writeFileSync(npm, `#!/bin/sh\n${script}\n`);
  chmodSync(npm, 0o755);
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['infra/setup/check.mjs'], { env, encoding: 'utf8' });
  return { status, stdout: stdout.trim().split('\n').toSorted(), stderr };
}

const ALL = ['build', 'check:format', 'check:lint', 'check:types', 'check:unused'];

describe('npm run check', () => {
  it('makes every check, and ends with 0 where all are well', () => {
    expect(check('echo "$3"')).toEqual({ status: 0, stdout: ALL, stderr: '' });
  });

  it('tells all that each has to say, and ends with 1 where one fails, whichever', () => {
    for (const failing of ALL) {
      const { status, stdout, stderr } = check(`echo "$3"; [ "$3" = ${failing} ] && echo wrong >&2 && exit 3; exit 0`);
      expect([status, stdout]).toEqual([1, [...ALL, 'wrong'].toSorted()]);
      expect(stderr).toBe(`check: npm run ${failing} failed\n`);
    }
  });

  it('ends with 1 where one is killed', () => {
    expect(check('[ "$3" = check:lint ] && kill -9 $$; exit 0').status).toBe(1);
  });
});
