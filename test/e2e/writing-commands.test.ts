import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './support/command.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'keyrota-writing-'));
});
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

describe('npm run schema', () => {
  const schema = (...args: string[]) => run('infra/operator/write-schema.ts', args, { cwd });

  it('writes the same to standard output and to a file', async () => {
    const printed = await schema();
    const written = await schema('keys.schema.json');
    expect([printed.code, printed.stderr, written]).toEqual([0, '', { code: 0, signal: null, stdout: '', stderr: '' }]);
    expect(readFileSync(join(cwd, 'keys.schema.json'), 'utf8')).toBe(printed.stdout);
    rmSync(join(cwd, 'keys.schema.json'));
  });

  it('explains itself, and writes no file of that name', async () => {
    const { code, stdout } = await schema('--help');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: npm run schema')]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it.each([
    [['--fast'], '--fast', true],
    [['one', 'two'], 'takes one file', true],
    [[''], 'FILE: is empty', true],
    [['no/such/folder/x.json'], 'no/such/folder/x.json: cannot be written', false],
  ])('refuses the arguments %j with exit code 2', async (args, expected, withUsage) => {
    const { code, stdout, stderr } = await schema(...args);
    expect([code, stdout, stderr.includes('Usage:')]).toEqual([2, '', withUsage]);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/\n +at /);
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe('npm run docs', () => {
  const docs = (...args: string[]) => run('infra/operator/write-docs.ts', args, { cwd });

  it('finds nothing to change with --check', async () => {
    expect(await docs('--check')).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  it('explains itself, and takes no other argument', async () => {
    const { code, stdout } = await docs('--help');
    expect([code, stdout]).toEqual([0, expect.stringContaining('--check')]);
    const wrong = await docs('--chek');
    expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([2, '', expect.stringContaining('--chek')]);
  });
});
