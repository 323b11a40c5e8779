import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command.ts';
import { ProjectCopy } from './support/project-copy.ts';

const SCRIPT = 'infra/setup/install.mjs';

/** A stand-in for npm that writes down how it was called, and installs what `code` says. */
function installing(copy: ProjectCopy, code: string) {
  const npm = join(copy.path, 'npm-stand-in.cjs');
  const calls = join(copy.path, 'calls.txt');
  writeFileSync(
    npm,
    `const fs = require('node:fs');
     fs.appendFileSync(${JSON.stringify(calls)}, process.argv.slice(2).join(' ') + '\\n');
     ${code}`,
  );
  return {
    run: () => run(join(copy.path, SCRIPT), [], { cwd: copy.path, env: { npm_execpath: npm } }),
    get calls(): string[] {
      return existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
    },
  };
}

const INSTALLS = `fs.mkdirSync('node_modules/.bin', { recursive: true });
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
  fs.rmSync('node_modules/.bin/node', { force: true });
  fs.symlinkSync(process.execPath, 'node_modules/.bin/node');`;

describe.concurrent('every npm script first', () => {
  it('installs the locked packages, once', async () => {
    using copy = new ProjectCopy({ installed: false });
    const npm = installing(copy, INSTALLS);
    const first = await npm.run();
    expect(first).toMatchObject({ code: 0, stderr: 'keyrota: installing the locked packages, once ...\n' });
    expect(await npm.run()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(npm.calls).toEqual([expect.stringMatching(/^ci /)]);
  });

  it('installs again when the lock file has changed', async () => {
    using copy = new ProjectCopy({ installed: false });
    const npm = installing(copy, INSTALLS);
    await npm.run();
    const lockFile = join(copy.path, 'package-lock.json');
    writeFileSync(
      lockFile,
      readFileSync(lockFile, 'utf8').replace(/("node_modules\/zod": \{\s+"version": ")[^"]+/, '$19.9.9'),
    );
    await npm.run();
    expect(npm.calls).toHaveLength(2);
  });

  it('says so when that fails, with what npm said, and starts nothing', async () => {
    using copy = new ProjectCopy({ installed: false });
    const npm = installing(copy, `console.error('npm error network unreachable'); process.exit(7);`);
    const { code, stdout, stderr } = await npm.run();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('npm error network unreachable');
    expect(stderr).toMatch(/the installation failed\. Nothing was started\.\n.*run the same command again\.\n$/);
  });

  it('takes the Node of the machine where none is packaged for it', async () => {
    using copy = new ProjectCopy({ installed: false });
    mkdirSync(join(copy.path, 'node_modules'));
    writeFileSync(
      join(copy.path, 'node_modules', '.package-lock.json'),
      readFileSync(join(copy.path, 'package-lock.json')),
    );
    const npm = installing(copy, '');
    expect(await npm.run()).toMatchObject({ code: 0, stderr: '' });
    expect(npm.calls).toEqual([]);
    expect(readlinkSync(join(copy.path, 'node_modules', '.bin', 'node'))).toBe(process.execPath);
  });
});
