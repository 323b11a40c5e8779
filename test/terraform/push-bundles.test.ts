import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { putBundles } from '../../infra/bundle/kept-build.ts';
import { bundleFaults } from '../../infra/terraform/bundle-faults.ts';

const NAMES = ['check-expiry', 'handle-secret-event', 'respond-to-compromise', 'rotate-keys', 'show-report'];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyrota-push-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a bundle', () => {
  const PACKAGE = { name: 'one', private: true, type: 'commonjs', main: 'main.js' };
  let bundle = '';
  let fresh = '';
  beforeEach(() => {
    bundle = join(folder, `${Math.random()}`, 'one');
    fresh = join(folder, `${Math.random()}`, 'one');
    for (const place of [bundle, fresh]) {
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, 'main.js'), 'exports.main = () => ({});');
      writeFileSync(join(place, 'package.json'), JSON.stringify(PACKAGE));
    }
  });
  const put = (name: string, content: unknown, places = [bundle]) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    for (const place of places) writeFileSync(join(place, name), text);
  };

  it('is right when it is what the sources give, with a manifest or without', async () => {
    expect(await bundleFaults(bundle, fresh)).toEqual([]);
    put('manifest.json', { deployment: 'lab', keys: [{ name: 'a-key', kind: 'service-id-api-key' }] });
    expect(await bundleFaults(bundle, fresh)).toEqual([]);
  });

  it.each<[string, () => void, RegExp]>([
    ['is not there', () => rmSync(bundle, { recursive: true }), /one: is not there: npm run build$/],
    [
      'is older than the sources',
      () => put('main.js', 'exports.main = () => ({ old: true });'),
      /main\.js: is not what the sources/,
    ],
    ['lacks a file', () => rmSync(join(bundle, 'main.js')), /main\.js: is not what the sources/],
    ['has another file', () => put('more.js', ''), /more\.js: is not what the sources/],
    ['leaves files out', () => put('.ceignore', '*'), /\.ceignore: does not belong there/],
    [
      'names no file as main',
      () => put('package.json', { ...PACKAGE, main: 'x.js' }, [bundle, fresh]),
      /main: must name a file/,
    ],
    ['is an ES module', () => put('package.json', { ...PACKAGE, type: 'module' }, [bundle, fresh]), /must be commonjs/],
    [
      'depends on others',
      () => put('package.json', { ...PACKAGE, dependencies: { a: '1' } }, [bundle, fresh]),
      /must be bundled/,
    ],
    [
      'runs scripts',
      () => put('package.json', { ...PACKAGE, scripts: { postinstall: 'x' } }, [bundle, fresh]),
      /would run/,
    ],
    ['has a manifest that is wrong', () => put('manifest.json', { deployment: 'lab' }), /manifest\.json: keys: found/],
  ])('is told apart when it %s', async (_, change, fault) => {
    change();
    expect((await bundleFaults(bundle, fresh)).join('\n')).toMatch(fault);
  });
});

describe('npm run push-bundles', () => {
  let dist = '';
  let tools = '';
  beforeAll(() => {
    dist = join(folder, 'dist of a build');
    putBundles(dist);
    tools = join(folder, 'tools');
    mkdirSync(tools);
    const git = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim();
    if (git !== '') symlinkSync(git, join(tools, 'git'));
  });

  /** A CLI that notes what it is called with, and fails where a line of its arguments says so. */
  function putCli(failing = 'nothing'): string {
    const noted = join(folder, `calls-${Math.random()}`);
    const text = `#!/bin/sh\n[ "$1" = --version ] && exit 0\nprintf '[%s]' "$@" >> '${noted}'\necho >> '${noted}'\ncase "$*" in *'${failing}'*) exit 3 ;; esac\n`;
    writeFileSync(join(tools, 'ibmcloud'), text);
    chmodSync(join(tools, 'ibmcloud'), 0o755);
    return noted;
  }

  function push(...args: string[]) {
    const all = ['infra/terraform/push-bundles.ts', '--uncommitted', '--dist', dist, ...args];
    return spawnSync(process.execPath, all, { encoding: 'utf8', env: { PATH: `${tools}:/bin:/usr/bin` } });
  }

  it('prints with --dry-run the commands, quoted for a shell, and needs no CLI for it', () => {
    const { status, stdout } = push('--dry-run', '--project', "team's keys", '--prefix', 'team-a');
    expect(status).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe(String.raw`ibmcloud ce project select --name 'team'\''s keys'`);
    expect(lines.slice(1)).toHaveLength(NAMES.length);
    for (const [at, name] of NAMES.entries()) {
      expect(lines[at + 1]).toMatch(
        new RegExp(
          `^ibmcloud ce fn update --name team-a-${name} --runtime nodejs-24 --build-source '.*/dist of a build/${name}'$`,
        ),
      );
    }
    // What is printed is what a shell understands.
    const words = spawnSync('sh', ['-c', `printf '%s\\n' ${lines[0] ?? ''}`], { encoding: 'utf8' }).stdout.split('\n');
    expect(words).toContain("team's keys");
  });

  it('has the CLI push each function', () => {
    const noted = putCli();
    const { status } = push('--project', 'keyrota', '--only', 'rotate-keys,show-report');
    expect(status).toBe(0);
    const calls = readFileSync(noted, 'utf8').trim().split('\n');
    expect(calls).toEqual([
      '[ce][project][select][--name][keyrota]',
      expect.stringMatching(
        /^\[ce\]\[fn\]\[update\]\[--name\]\[rotate-keys\]\[--runtime\]\[nodejs-24\]\[--build-source\]\[.*\/rotate-keys\]$/,
      ),
      expect.stringMatching(/\[show-report\]\[--runtime\]/),
    ]);
  });

  it('has the CLI build the image of the job for fleets, where that is wanted', () => {
    const noted = putCli();
    const wish = ['--project', 'keyrota', '--prefix', 'team-a', '--only', 'rotate-keys', '--job'];
    expect(push(...wish, '--image', 'registry.example/team/keyrota:1').status).toBe(0);
    const calls = readFileSync(noted, 'utf8').trim().split('\n');
    expect(calls).toHaveLength(3);
    expect(calls[2]).toMatch(
      /^\[ce\]\[job\]\[update\]\[--name\]\[team-a-rotate-keys-job\]\[--build-source\]\[.*\/rotate-keys-job\]\[--build-strategy\]\[dockerfile\]\[--image\]\[registry\.example\/team\/keyrota:1\]$/,
    );
  });

  it('stops where the CLI fails, and says how far it came', () => {
    putCli('--name show-report');
    const { status, stderr } = push('--project', 'keyrota', '--only', 'rotate-keys,show-report');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/show-report .* failed, and 1 bundles were pushed before/),
    ]);
  });

  it('says in one line what is missing where there is no CLI', () => {
    rmSync(join(tools, 'ibmcloud'), { force: true });
    const { status, stderr } = push('--project', 'keyrota', '--only', 'rotate-keys');
    expect([status, stderr.trim().split('\n')]).toEqual([2, [expect.stringContaining('the CLI ibmcloud')]]);
  });

  it('pushes nothing that is not committed, unless told so', () => {
    const noted = putCli();
    const dirty = join(folder, 'dirty');
    mkdirSync(dirty);
    writeFileSync(join(dirty, 'git'), '#!/bin/sh\necho " M shared/x.ts"\n');
    chmodSync(join(dirty, 'git'), 0o755);
    const args = ['infra/terraform/push-bundles.ts', '--dist', dist, '--project', 'keyrota'];
    const env = { PATH: `${dirty}:${tools}:/bin:/usr/bin` };
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    expect([status, stderr]).toEqual([2, expect.stringContaining('not committed')]);
    expect(() => readFileSync(noted)).toThrow(/ENOENT/);
  });

  it('pushes nothing where a bundle is not what the sources give', () => {
    const noted = putCli();
    const old = join(folder, 'old');
    cpSync(dist, old, { recursive: true });
    writeFileSync(join(old, 'rotate-keys', 'main.js'), 'exports.main = () => ({});');
    const { status, stderr } = push('--project', 'keyrota', '--dist', old);
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/rotate-keys\/main\.js: is not what the sources here give/),
    ]);
    expect(() => readFileSync(noted)).toThrow(/ENOENT/);
  });

  it.each([
    [['--dry-run'], /--project: name/],
    [['--project', 'x', '--only', 'rotate'], /--only: there are check-expiry, .* and no rotate/],
    [['--project', 'x', '--prefix', 'A b'], /--prefix/],
    [['--project', 'x', '--image', 'a/b:1'], /--image: is that of the job/],
    [['--wrong'], /--wrong/],
  ])('refuses %j', (args, why) => {
    const { status, stderr } = push(...args);
    expect([status, stderr]).toEqual([2, expect.stringMatching(why)]);
  });
});
