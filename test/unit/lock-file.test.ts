import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const TEXT = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');

interface Package {
  version?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(TEXT) as { packages: Record<string, Package> };

/** Where a package finds another: in its own folder, or in one further out. */
function isFound(from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (`${folder}/node_modules/${name}` in packages) return true;
    if (!folder.includes('/node_modules/')) return `node_modules/${name}` in packages;
  }
}

describe('the lock file', () => {
  // What a registry does not have when it is written is left out, and then nothing can be installed from it anywhere.
  it('names every package that one of its packages wants, for every platform', () => {
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isFound(path, name))
        .map((name) => `${path} wants ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('tells the bytes of every package', () => {
    const untold = Object.entries(packages).filter(([path, one]) => path !== '' && !(one.version && one.integrity));
    expect(untold.map(([path]) => path)).toEqual([]);
  });

  it('names no registry', () => {
    expect(TEXT).not.toMatch(/"resolved"/);
  });

  it('brings a Node 24 for each usual platform', () => {
    const versions = Object.entries(packages).filter(([path]) =>
      /\/node-(bin-)?(linux|darwin)-(x64|arm64)$/.test(path),
    );
    expect(versions.map(([, { version }]) => version?.split('.')[0])).toEqual(['24', '24', '24', '24']);
  });
});
