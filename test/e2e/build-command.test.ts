import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { stringify } from 'yaml';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DOCKERFILE, bundlesIn } from '../../infra/bundle/bundles.ts';
import { putBundles } from '../../infra/bundle/kept-build.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { billOf } from '../support/cyclone-dx.ts';
import { billLies } from './support/bill-lies.ts';
import { run } from './support/command.ts';
import { RotateWorld, temporaryFolder } from './support/rotate-world.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = '@ibm-cloud/secrets-manager';

let folder: ReturnType<typeof temporaryFolder>;
/** A copy of the project, with whatever else the tests install. */
let project: string;
let buildCount = 0;

beforeAll(() => {
  folder = temporaryFolder();
  project = join(folder.path, 'project');
  const files = ['LICENSE', 'esbuild.config.mjs', 'package-lock.json', 'package.json', 'tsconfig.json'];
  for (const part of ['functions', 'shared', 'infra', ...files]) {
    cpSync(join(ROOT, part), join(project, part), { recursive: true });
  }
  const packages = (scope: string) => readdirSync(join(ROOT, 'node_modules', scope)).map((name) => join(scope, name));
  mkdirSync(join(project, 'node_modules', '@ibm-cloud'), { recursive: true });
  for (const name of [...packages(''), ...packages('@ibm-cloud')]) {
    if (name === '@ibm-cloud' || name === PACKAGE) continue;
    symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
  }
});
afterAll(() => {
  folder[Symbol.dispose]();
});

/** `npm run build` in the copy, into a new folder unless `--out` is among the arguments. */
async function buildCopy(...args: string[]) {
  buildCount += 1;
  const out = join(folder.path, `out-${buildCount}`);
  const ending = await run(join(project, 'esbuild.config.mjs'), ['--out', out, ...args], { cwd: project });
  return { ...ending, out };
}

/** All files below a folder, each with a digest of its bytes. */
function digests(path: string): Record<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  return Object.fromEntries(
    files
      .map(({ parentPath, name }) => join(parentPath, name))
      .toSorted()
      .map((file) => [file.slice(path.length + 1), digest(file)]),
  );
}

/** Files below a folder that name one of these places. */
const placesIn = (path: string, places: readonly string[]): string[] =>
  Object.keys(digests(path)).filter((file) => {
    const bytes = readFileSync(join(path, file));
    return places.some((place) => bytes.includes(place));
  });

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8')) as Record<string, unknown>;

describe.concurrent('npm run build', () => {
  it('writes the same bytes each time and everywhere, and says truly what is in them', async () => {
    // The copy is elsewhere, its files are newer, and its packages are linked.
    const here = join(folder.path, 'a', 'deeper', 'out');
    const elsewhere = { cwd: folder.path, env: { TZ: 'Asia/Kolkata', LC_ALL: 'da_DK.UTF-8', LANG: 'da_DK.UTF-8' } };
    const [{ out }] = await Promise.all([buildCopy(), run('esbuild.config.mjs', ['--out', here], elsewhere)]);
    const first = digests(out);
    expect(Object.keys(first)).toEqual(expect.arrayContaining(['rotate-keys/main.js', 'rotate-keys.cdx.json']));
    expect(digests(here)).toEqual(first);
    await buildCopy('--out', out);
    expect(digests(out)).toEqual(first);
    // What the demo and other tests take is the same, whether it was kept from a former build or not.
    const kept = join(folder.path, 'kept');
    putBundles(kept);
    expect(digests(kept)).toEqual(first);
    expect(placesIn(out, [ROOT.slice(0, -1), folder.path])).toEqual([]);
    for (const { name } of await bundlesIn(join(project, 'functions'))) expect(billLies(out, name)).toEqual([]);
    const licences = await run('infra/supply-chain/licences.ts', ['--dist', out]);
    expect([licences.code, licences.stderr]).toEqual([0, '']);
    expect(licences.stdout).toMatch(/^in bundles, \d+ packages: .*\nin no bundle, \d+ packages: .*\n$/);
  });

  it('bundles each function alone, for CommonJS, with its metafile outside of its folder', async () => {
    const { out, stdout } = await buildCopy();
    expect(stdout).toBe('');
    for (const name of readdirSync(join(project, 'functions'))) {
      expect(readJson(out, name, 'package.json')).toEqual({ name, private: true, type: 'commonjs', main: 'main.js' });
      expect(readdirSync(join(out, name)).filter((file) => !file.endsWith('.LEGAL.txt'))).toEqual([
        'THIRD-PARTY-LICENSES.txt',
        'main.js',
        'package.json',
        ...(name === 'show-report' ? ['report.css', 'report.html', 'report.js'] : []),
      ]);
      expect(Object.keys(readJson(out, `${name}.meta.json`))).toEqual(['inputs', 'outputs']);
      const probe = join(folder.path, 'probe.cjs');
      writeFileSync(probe, `process.stdout.write(typeof require(${JSON.stringify(join(out, name))}).main);`);
      expect(await run(probe, [], { cwd: folder.path })).toMatchObject({ code: 0, stdout: 'function', stderr: '' });
    }
    // The job is a program, with a Dockerfile that makes its image.
    const job = join(out, 'rotate-keys-job');
    expect(readdirSync(job)).toEqual(expect.arrayContaining(['Dockerfile', 'main.js', 'package.json']));
    expect(readFileSync(join(job, 'Dockerfile'), 'utf8')).toBe(DOCKERFILE);
    const refused = await run(join(job, 'main.js'), [], { cwd: folder.path });
    expect([refused.code, refused.stderr, refused.stdout.match(/\n/g)]).toEqual([2, '', ['\n']]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ event: 'run_failed', error: { code: 'settings_invalid' } });
  });

  it('fails where a library no longer loads what is to be left out of it', async () => {
    const script = join(project, 'esbuild.config.stale.mjs');
    const text = readFileSync(join(project, 'esbuild.config.mjs'), 'utf8');
    writeFileSync(script, text.replace('const LEFT_OUT = [', "const LEFT_OUT = [['no-such-library/', 'absent'],"));
    const { code, stderr } = await run(script, ['--out', join(folder.path, 'out-stale')], { cwd: project });
    expect([code, stderr]).toEqual([1, expect.stringContaining('nothing loads no-such-library/ any more')]);
  });

  it.each([
    [['--fast'], '--fast'],
    [['something'], 'something'],
    [['--manifest', ''], '--manifest: is empty'],
    [['--out', ''], '--out: is empty'],
  ])('refuses the arguments %j with exit code 2', async (args, expected) => {
    const { code, stderr, out } = await buildCopy(...args);
    expect([code, stderr.startsWith('build: '), existsSync(out)]).toEqual([2, true, false]);
    expect(stderr).toContain(expected);
  });

  it('keeps the sources when it is to write over them', async () => {
    const functions = join(project, 'functions');
    const before = digests(functions);
    const { code, stderr } = await buildCopy('--out', functions);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--out: ')]);
    expect(digests(functions)).toEqual(before);
  });

  it('takes its folder from where it is called', async () => {
    const cwd = join(folder.path, 'elsewhere');
    mkdirSync(cwd);
    expect((await run(join(project, 'esbuild.config.mjs'), ['--out', 'out'], { cwd })).code).toBe(0);
    expect(readdirSync(cwd)).toEqual(['out']);
    expect(readdirSync(join(cwd, 'out', 'rotate-keys'))).toContain('main.js');
    expect(existsSync(join(project, 'out'))).toBe(false);
  });
});

describe.concurrent('npm run build -- --manifest FILE', () => {
  /** Many times without rotation, long gone, that make a manifest as long as one pleases. */
  const freeze = Array.from({ length: 1_400 }, (_, index) => ({
    from: '2020-01-01T00:00:00Z',
    until: '2020-01-02T00:00:00Z',
    reason: `former holidays, number ${index}`,
  }));

  it.each([
    ['YAML', {}],
    ['more than an environment holds', { defaults: { freeze } }],
  ])('packs a manifest in %s beside the bundle, and the function works by it', async (format, more) => {
    const bundle = join(folder.path, `packed-${format.length}`);
    await using world = await RotateWorld.open({
      directory: join(bundle, 'rotate-keys'),
      environment: { KEYROTA_MANIFEST: undefined },
    });
    const manifest = { ...world.manifest, ...more };
    const file = join(folder.path, `manifest-${format.length}`);
    writeFileSync(file, format === 'YAML' ? stringify(manifest) : JSON.stringify(manifest));
    expect((await buildCopy('--manifest', file, '--out', bundle)).code).toBe(0);
    expect(readJson(bundle, 'rotate-keys', 'manifest.json')).toEqual(manifest);
    const answer = await world.rotate();
    expect(answer.keys).toMatchObject([{ name: 'key-0', steps: [{ step: 'mint' }], outcome: 'rest' }]);
  });

  it('leaves no former manifest in a bundle that is built without one', async () => {
    const file = join(folder.path, 'manifest.yaml');
    const entry = '{ name: ingest, kind: service-id-api-key, serviceId: ServiceId-1 }';
    writeFileSync(file, `deployment: prod\nkeys:\n  - ${entry}\n`);
    const { out } = await buildCopy('--manifest', file);
    expect(readdirSync(join(out, 'rotate-keys'))).toContain('manifest.json');
    await buildCopy('--out', out);
    expect(readdirSync(join(out, 'rotate-keys'))).not.toContain('manifest.json');
  });

  it.each([
    ['deployment: prod\nkeys: []\n', 'keys'],
    ['keys: [', 'line 1'],
    [null, 'cannot be read'],
  ])('refuses a manifest that cannot be used: %j', async (text, expected) => {
    const file = join(folder.path, `bad-${expected}.yaml`);
    if (text !== null) writeFileSync(file, text);
    const { code, stderr, out } = await buildCopy('--manifest', file);
    expect([code, stderr.includes(expected), existsSync(out)]).toEqual([2, true, false]);
  });

  it('is the way for manifests that an environment does not hold: longer ones are refused there', async () => {
    const settings = (length: number) => ({
      KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
      KEYROTA_SECRETS_MANAGER_URL: 'https://sm.example.com',
      KEYROTA_PROFILE_ID: 'Profile-1',
      KEYROTA_MANIFEST: 'm'.repeat(length),
    });
    const longest = 128 * 1024 - 'KEYROTA_MANIFEST='.length - 1;
    expect(readSettings(settings(longest)).manifestText).toHaveLength(longest);
    expect(() => readSettings(settings(longest + 1))).toThrow(/KEYROTA_MANIFEST(?!.*mmm)/);
    const open = (length: number) =>
      RotateWorld.open({ directory: folder.path, environment: settings(length), keyCount: 0 });
    await using fits = await open(longest);
    expect(fits.host).toBeDefined();
    await expect(open(longest + 1)).rejects.toThrow(RangeError);
  });
});

describe('npm run build -- --official-secrets-manager', () => {
  const installed = () => join(project, 'node_modules', PACKAGE);
  beforeEach(() => {
    rmSync(installed(), { recursive: true, force: true });
  });

  const install = (version: string, files: Record<string, string>) => {
    mkdirSync(join(installed(), 'secrets-manager'), { recursive: true });
    const packageJson = { name: PACKAGE, version, dependencies: { 'ibm-cloud-sdk-core': '^5.4.10' } };
    writeFileSync(join(installed(), 'package.json'), JSON.stringify(packageJson));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(installed(), name), text);
  };

  /** A stand-in with the shape of IBM's package: a class of its own at `secrets-manager/v2`, whose calls can be told. */
  async function installStandIn(exported: string): Promise<void> {
    const bundled = await build({
      entryPoints: [join(project, 'shared/clients/secrets-manager.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['ibm-cloud-sdk-core'],
      write: false,
    });
    install('2.0.16', {
      'secrets-manager/base.js': bundled.outputFiles[0]?.text ?? '',
      'secrets-manager/v2.js': `"use strict";
        const { SecretsManagerV2 } = require('./base.js');
        class Official extends SecretsManagerV2 {
          createRequest(parameters) {
            parameters.defaultOptions.headers['x-official'] = 'yes';
            return super.createRequest(parameters);
          }
        }
        ${exported}`,
    });
  }

  it.each([
    ['as a class', 'module.exports = Official;'],
    ['as a default export', 'exports.__esModule = true; exports.default = Official;'],
  ])("takes IBM's class, exported %s, in place of ours, and keys rotate with it", async (_, exported) => {
    await installStandIn(exported);
    const { code, out } = await buildCopy('--official-secrets-manager');
    expect(code).toBe(0);
    const inputs = Object.keys(readJson(out, 'rotate-keys.meta.json')['inputs'] as object);
    expect(inputs).toContain(`node_modules/${PACKAGE}/secrets-manager/v2.js`);
    expect(inputs).not.toContain('shared/clients/secrets-manager.ts');
    const { components } = billOf(readFileSync(join(out, 'rotate-keys.cdx.json'), 'utf8'));
    expect(components.find(({ purl }) => purl === 'pkg:npm/%40ibm-cloud/secrets-manager@2.0.16')).toBeDefined();
    await using world = await RotateWorld.open({ directory: join(out, 'rotate-keys') });
    expect((await world.rotate()).keys).toMatchObject([{ steps: [{ step: 'mint' }], outcome: 'rest' }]);
    const own = world.requests.filter(({ url }) => new URL(url).pathname.startsWith('/api/v2/'));
    expect(new Set(own.map(({ headers }) => headers.get('x-official')))).toEqual(new Set(['yes']));
  });

  it('is not needed: without it ours is taken, whatever is installed', async () => {
    await installStandIn('module.exports = Official;');
    const { out } = await buildCopy();
    const inputs = Object.keys(readJson(out, 'rotate-keys.meta.json')['inputs'] as object);
    expect(inputs).toContain('shared/clients/secrets-manager.ts');
    expect(inputs.join('\n')).not.toContain(PACKAGE);
  });

  it.each([
    ['is not installed', null, 'not installed'],
    ['speaks only v1', '0.1.1', '0.1.1'],
    ['is older than 2', '1.0.50', '1.0.50'],
  ])('says so where it %s, and leaves everything as it was', async (_, version, expected) => {
    const out = join(folder.path, 'out-former', 'rotate-keys');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'main.js'), 'exports.main = () => ({});');
    const before = digests(join(folder.path, 'out-former'));
    if (version !== null) install(version, { 'secrets-manager/v1.js': 'module.exports = class {};' });
    for (const target of ['out-former', 'out-none']) {
      const args = ['--official-secrets-manager', '--out', join(folder.path, target)];
      const { code, stdout, stderr } = await buildCopy(...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(PACKAGE);
      expect(stderr).toContain(expected);
      expect(stderr).toContain('https://github.com/IBM/secrets-manager-node-sdk');
    }
    expect(digests(join(folder.path, 'out-former'))).toEqual(before);
    expect(existsSync(join(folder.path, 'out-none'))).toBe(false);
  });
});
