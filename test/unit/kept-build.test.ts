import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { putBundles } from '../../infra/bundle/kept-build.ts';

/** A build that notes each time that it runs, and does as a file of the functions says. */
const BUILD = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const here = (file) => new URL(file, import.meta.url);
const out = process.argv[3];
const deed = readFileSync(here('functions/deed'), 'utf8');
appendFileSync(here('built'), '.');
if (deed === 'fail') { process.stderr.write('build: a reason'); process.exit(1); }
if (deed === 'be edited') writeFileSync(here('functions/deed'), 'be edited no more');
mkdirSync(out + '/one', { recursive: true });
writeFileSync(out + '/one/main.js', deed);
`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyrota-kept-'));
  for (const file of [
    'LICENSE',
    'package-lock.json',
    'package.json',
    'tsconfig.json',
    'shared/a.ts',
    'infra/bundle/b.ts',
  ])
    write(file, file);
  write('functions/deed', 'well');
  write('esbuild.config.mjs', BUILD);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

/** What is in the bundle, and how often one was built so far. */
function put(out = 'out'): [string, number] {
  putBundles(join(root, out), root);
  return [readFileSync(join(root, out, 'one/main.js'), 'utf8'), readFileSync(join(root, 'built'), 'utf8').length];
}

describe('bundles that are kept', () => {
  it('are built once, and are whole in each folder that they are put into, without what was there', () => {
    expect(put()).toEqual(['well', 1]);
    write('out/one/former.js', '');
    expect([put(), put('other')]).toEqual([
      ['well', 1],
      ['well', 1],
    ]);
    expect(readdirSync(join(root, 'out/one'))).toEqual(['main.js']);
  });

  it.each([
    ['functions/deed', 'better'],
    ['functions/new.ts', ''],
    ['shared/a.ts', 'changed'],
    ['infra/bundle/b.ts', 'changed'],
    ['esbuild.config.mjs', `${BUILD}// changed`],
    ['package-lock.json', 'changed'],
    ['tsconfig.json', 'changed'],
  ])('are built anew when %s has changed', (file, text) => {
    put();
    write(file, text);
    const [, count] = put();
    expect([count, put()[1]]).toEqual([2, 2]);
  });

  it('are kept for none of two states when a source is changed while they are built', () => {
    write('functions/deed', 'be edited');
    expect(put()).toEqual(['be edited', 1]);
    write('functions/deed', 'be edited');
    expect(put()).toEqual(['be edited', 2]);
    expect(put()).toEqual(['be edited no more', 3]);
  });

  it('are none when the build fails, which says why', () => {
    write('functions/deed', 'fail');
    for (const _ of ['once', 'twice']) expect(() => put()).toThrow('could not be built:\nbuild: a reason');
    expect(existsSync(join(root, 'node_modules'))).toBe(false);
  });

  it('are built each time where nothing can be kept', () => {
    write('node_modules', 'no folder');
    expect([put(), put()]).toEqual([
      ['well', 1],
      ['well', 2],
    ]);
  });
});
