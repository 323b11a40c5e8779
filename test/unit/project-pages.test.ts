import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeOn, deadLinks } from '../support/pages.ts';

const SECURITY = readFileSync('SECURITY.md', 'utf8');
const { scripts, license } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  license: string;
};

/** Paths of the project that a page shows as code; a folder with a name to fill in counts up to that. */
const pathsOn = (page: string): string[] =>
  codeOn(page)
    .filter((code) => /^(?:\.ci|docs|functions|infra|shared|test)\/[\w./-]*$/.test(code))
    .map((code) => code.replace(/[A-Z]{4}.*$/, ''));

describe.each(['SECURITY.md', 'CONTRIBUTING.md'])('%s', (page) => {
  it('leads to files and headings that exist', () => {
    expect(deadLinks(page)).toEqual([]);
    expect(pathsOn(page).filter((path) => !existsSync(path))).toEqual([]);
  });

  it('names scripts that there are, and `vitest` as they call it', () => {
    const named = codeOn(page).flatMap((code) => /^npm (?:run (?:-s )?)?([\w:-]+)/.exec(code)?.[1] ?? []);
    const ofNpm = new Set(['install', 'sbom', 'audit']);
    expect(named.filter((name) => !(name in scripts) && !ofNpm.has(name))).toEqual([]);
    const direct = codeOn(page).flatMap((code) => /^node_modules\/\.bin\/(.*)$/.exec(code)?.[1]?.split(' ') ?? []);
    expect(direct.filter((word) => word.endsWith('.ts') && !existsSync(word))).toEqual([]);
    expect(scripts['test']).toContain(direct.slice(0, 4).join(' '));
  });

  it('names no address of anybody', () => {
    expect(readFileSync(page, 'utf8')).not.toMatch(/[\w.]+@[\w-]+\.\w+/);
  });
});

describe('the threat model', () => {
  const [, model = ''] = SECURITY.split('\n## Where trust ends\n');
  const threats = model.split('\n### ').slice(1);

  it('tells of each threat what stops it, with the test that shows it, and what remains', () => {
    expect(threats.length).toBeGreaterThan(20);
    const untold = threats.filter((threat) => {
      const [, stops = '', remains = ''] = /\n- Stops it: (.*?)\n- Remains: (.*)/s.exec(threat) ?? [];
      return !/\]\(test\/[\w/-]+\.test\.ts\)/.test(stops) || remains.trim() === '';
    });
    expect(untold).toEqual([]);
  });

  it('names each test by its own name', () => {
    const links = [...SECURITY.matchAll(/\[([\w.-]+\.test\.ts)\]\(([^)]+)\)/g)];
    expect(links.filter(([, name = '', path = '']) => !path.endsWith(`/${name}`)).map(([link]) => link)).toEqual([]);
  });

  it('says of every function who may call it', () => {
    const [table = ''] = model.split('\n## ');
    for (const name of ['rotate-keys', 'check-expiry', 'respond-to-compromise', 'handle-secret-event', 'show-report']) {
      expect(table).toContain(`\`${name}\``);
    }
  });
});

describe('the pages for whoever contributes', () => {
  it('name every script that checks something', () => {
    const page = readFileSync('CONTRIBUTING.md', 'utf8');
    const checks = Object.keys(scripts).filter((name) => /^(check|test|licences|vulnerabilities)/.test(name));
    expect(checks.filter((name) => !page.includes(`npm run ${name}\``) && !page.includes(`npm ${name}\``))).toEqual([]);
  });

  it('name every folder of the product', () => {
    const page = readFileSync('CONTRIBUTING.md', 'utf8');
    const folders = ['shared', 'infra'].flatMap((top) => readdirSync(top).map((name) => `${top}/${name}`));
    expect(folders.filter((folder) => !page.includes(`\`${folder}\``))).toEqual([]);
  });

  it('come with the licence that the package names, in full', () => {
    expect(license).toBe('Apache-2.0');
    const text = readFileSync('LICENSE', 'utf8');
    expect(text).toMatch(/^\s*Apache License\n\s*Version 2\.0, January 2004\n/);
    expect(text).toMatch(/END OF TERMS AND CONDITIONS/);
  });
});
