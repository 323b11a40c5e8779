import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf } from '../support/imports.ts';
import { LAYERS } from '../support/layers.ts';

const NOT_OURS = new Set(['.git', '.keyrota', 'coverage', 'dist', 'node_modules']);

/** Files of the project, by path from its root. */
const files = readdirSync('.')
  .filter((entry) => !NOT_OURS.has(entry))
  .flatMap((entry) =>
    statSync(entry).isDirectory()
      ? readdirSync(entry, { recursive: true, encoding: 'utf8' }).map((path) => join(entry, path))
      : [entry],
  )
  .filter((file) => statSync(file).isFile());
const sources = files.filter((file) => /\.(ts|mjs)$/.test(file));
const textOf = (file: string) => readFileSync(file, 'utf8');

const layerOf = (path: string) => LAYERS.findIndex((layer) => path.startsWith(`${layer}/`));

describe('the layout', () => {
  it('has only the agreed entries at its top', () => {
    const entries = new Set(files.map((file) => file.split('/')[0]));
    expect(entries).toEqual(
      new Set([
        '.ci',
        '.gitignore',
        '.npmrc',
        '.oxlintrc.json',
        '.prettierignore',
        'CHANGELOG.md',
        'CONTRIBUTING.md',
        'LICENSE',
        'README.md',
        'SECURITY.md',
        'docs',
        'esbuild.config.mjs',
        'functions',
        'infra',
        'package-lock.json',
        'package.json',
        'shared',
        'test',
        'tsconfig.json',
      ]),
    );
  });

  it('has a handler, a schema and a file named after what it does in each function, and both files of a job where it is one too', () => {
    const folders = new Map<string, string[]>();
    for (const file of files.filter((one) => one.startsWith('functions/'))) {
      const [, folder = '', name = ''] = file.split('/');
      folders.set(folder, [...(folders.get(folder) ?? []), name]);
    }
    for (const names of folders.values()) {
      const isJob = names.includes('job.ts');
      expect(names).toEqual(expect.arrayContaining(['handler.ts', 'schema.ts']));
      expect(names).toHaveLength(isJob ? 5 : 3);
    }
  });

  it('has imports that point one way', () => {
    const wrong = sources
      .filter((file) => layerOf(file) >= 0)
      .flatMap((file) =>
        importsOf(file)
          .filter(({ path }) => layerOf(path) < 0 || layerOf(path) > layerOf(file))
          .map(({ path }) => `${file} -> ${path}`),
      );
    expect(wrong).toEqual([]);
  });

  it('has an embedded cloud that imports nothing of the product, and a product that never imports it', () => {
    const ofCloud = sources.filter((file) => file.startsWith('infra/local/'));
    const wrong = ofCloud.flatMap((file) =>
      importsOf(file)
        .filter(({ path, isType }) => !isType && !path.startsWith('infra/local/'))
        .map(({ path }) => `${file} -> ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has plan pure: nothing it imports can wait, call or read', () => {
    const seen = new Set<string>();
    const visit = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { path, isType } of importsOf(file)) if (!isType) visit(path);
    };
    visit('shared/rotation/plan.ts');
    const text = [...seen].map(textOf).join('\n');
    expect(text).not.toMatch(/\bawait\b|\basync\b|process\.|Date\.now|new Date\(\)|node:fs|node:http/);
    expect([...seen].filter((file) => file.startsWith('shared/clients/'))).toEqual([]);
  });
});

describe('the text', () => {
  it('has no default export, no disabled or narrowed test, and nothing left to do', () => {
    const own = sources.filter((file) => !['test/vitest.config.ts', 'test/unit/tidy.test.ts'].includes(file));
    const wrong = own.filter((file) =>
      /export default|\b(it|test|describe)\.(only|skip|todo)\b|\bTODO\b|\bFIXME\b|@ts-ignore|@ts-nocheck/.test(
        textOf(file),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('has real timers in one place of the product, and in one of its page', () => {
    const wrong = sources.filter(
      (file) => /^(functions|shared)\//.test(file) && /\bset(Timeout|Interval)\(|timers\/promises/.test(textOf(file)),
    );
    expect(wrong.toSorted()).toEqual(['shared/report/page/browser.ts', 'shared/runtime/clock.ts']);
  });

  it('has `process.env` read in one place of the product: the edge of functions and jobs', () => {
    const wrong = sources.filter((file) => /^(functions|shared)\//.test(file) && /process\.env/.test(textOf(file)));
    expect(wrong.toSorted()).toEqual([
      'functions/check-expiry/handler.ts',
      'functions/handle-secret-event/handler.ts',
      'functions/respond-to-compromise/handler.ts',
      'functions/rotate-keys/handler.ts',
      'functions/rotate-keys/job.ts',
      'functions/show-report/handler.ts',
    ]);
  });

  it('has zod imported as a namespace in the product: of its `z` no bundle can leave anything out', () => {
    const wrong = sources.filter(
      (file) => /^(functions|shared)\//.test(file) && /\{ z \} from 'zod'/.test(textOf(file)),
    );
    expect(wrong).toEqual([]);
  });

  it('has no download address in the lock file', () => {
    expect(textOf('package-lock.json')).not.toMatch(/"resolved": "http/);
  });

  it('has a decision for every dependency', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(textOf('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const decisions = files
      .filter((file) => file.startsWith('docs/decisions/'))
      .map(textOf)
      .join('\n')
      .toLowerCase();
    const given = ['ibm-cloud-sdk-core', '@ibm-cloud/platform-services', 'esbuild', '@types/node', 'typescript'];
    const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      (name) => !given.includes(name),
    );
    expect(names.filter((name) => !decisions.includes(name))).toEqual([]);
  });
});
