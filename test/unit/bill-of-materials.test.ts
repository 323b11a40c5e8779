import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billOfMaterials } from '../../infra/bundle/bill-of-materials.ts';
import type { Materials } from '../../infra/bundle/bill-of-materials.ts';
import { readPackages, usesIn } from '../../infra/bundle/bundled-packages.ts';
import { licenceText, thirdPartyLicences } from '../../infra/bundle/licence-texts.ts';
import { portableMetafile } from '../../infra/bundle/portable-metafile.ts';
import { billFaults, billOf } from '../support/cyclone-dx.ts';

/** A metafile of files, each with the files that it imports and its bytes in the output. */
function metafileOf(files: Record<string, { imports?: string[]; bytes?: number }>, output = 'one/main.js'): Metafile {
  const inputs = Object.entries(files).map(([file, { imports = [] }]) => [
    file,
    {
      bytes: 1,
      imports: imports.map((path) => ({ path, kind: 'import-statement', external: path.startsWith('node:') })),
    },
  ]);
  const held = Object.entries(files).map(([file, { bytes = 1 }]) => [file, { bytesInOutput: bytes }]);
  const outputs = { [output]: { bytes: 1, inputs: Object.fromEntries(held) as object, imports: [], exports: [] } };
  return { inputs: Object.fromEntries(inputs) as object, outputs } as Metafile;
}

const MATERIALS: Materials = {
  name: 'one',
  version: '0.1.0',
  licence: 'Apache-2.0',
  packages: [
    {
      path: 'node_modules/@a/b',
      name: '@a/b',
      version: '1.0.0+x',
      licence: 'MIT OR ISC',
      integrity: `sha512-${Buffer.alloc(64, 7).toString('base64')}`,
    },
    { path: 'node_modules/c', name: 'c', version: '2.0.0', licence: 'see the file', integrity: null },
    { path: 'node_modules/d', name: 'd', version: '3.0.0', licence: null, integrity: null },
  ],
  uses: new Map([
    ['', new Set(['node_modules/@a/b'])],
    ['node_modules/@a/b', new Set(['node_modules/c', 'node_modules/d'])],
  ]),
  files: new Map([['main.js', 'ab'.repeat(32)]]),
  tools: { esbuild: '0.1.2' },
};

describe('a bill of materials', () => {
  const text = billOfMaterials(MATERIALS);

  it('is valid by the schema of CycloneDX, whatever packages say of themselves', () => {
    expect(billFaults(text)).toEqual([]);
    expect(billFaults(text.replace('"pkg:npm/c@2.0.0"', '7'))).toEqual([expect.stringContaining('purl')]);
    expect(billFaults(text.replace('"alg": "SHA-512"', '"alg": "SHA512"'))).not.toEqual([]);
    expect(billFaults(text.replace('"urn:uuid:', '"uuid:'))).toEqual([expect.stringContaining('/serialNumber')]);
  });

  it('tells each package by its place, purl, hash and licence, and who uses it', () => {
    const { components, dependencies } = billOf(text);
    expect(components).toMatchObject([
      {
        purl: 'pkg:npm/%40a/b@1.0.0%2Bx',
        hashes: [{ alg: 'SHA-512', content: '07'.repeat(64) }],
        licenses: [{ expression: 'MIT OR ISC' }],
        properties: [{ value: 'node_modules/@a/b' }],
      },
      { purl: 'pkg:npm/c@2.0.0', licenses: [{ license: { name: 'see the file' } }] },
      { purl: 'pkg:npm/d@3.0.0' },
    ]);
    expect(components[2]).not.toHaveProperty('licenses');
    const users = Object.fromEntries(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
    expect(users).toMatchObject({
      one: ['node_modules/@a/b'],
      'node_modules/@a/b': ['node_modules/c', 'node_modules/d'],
    });
  });

  it('is the same for the same materials, and has another serial number for others; it has no time', () => {
    expect(billOfMaterials(MATERIALS)).toBe(text);
    const other = billOfMaterials({ ...MATERIALS, files: new Map([['main.js', 'cd'.repeat(32)]]) });
    expect(billOf(other).serialNumber).not.toBe(billOf(text).serialNumber);
    expect(billOf(text).serialNumber).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(text).not.toContain('timestamp');
  });
});

describe('what a bundle holds', () => {
  it('is what has bytes in it, and who uses what is known through packages of which nothing is left', () => {
    const uses = usesIn([
      metafileOf({
        'functions/one/handler.ts': { imports: ['node_modules/all/index.js', 'node:fs'] },
        'node_modules/all/index.js': { imports: ['node_modules/part/a.js', 'node_modules/unused/a.js'], bytes: 0 },
        'node_modules/part/a.js': { imports: ['node_modules/part/node_modules/@in/ner/a.js', 'shared/x.ts'] },
        'node_modules/part/node_modules/@in/ner/a.js': {},
        'node_modules/unused/a.js': { bytes: 0 },
        'shared/x.ts': {},
      }),
    ]);
    expect([...uses]).toEqual([
      ['', new Set(['node_modules/part'])],
      ['node_modules/part', new Set(['node_modules/part/node_modules/@in/ner'])],
      ['node_modules/part/node_modules/@in/ner', new Set()],
    ]);
  });

  it('is the same wherever the project, its packages and the output are', () => {
    const here = metafileOf({ 'a.ts': { imports: ['node_modules/b/c.js', 'node:fs'] }, 'node_modules/b/c.js': {} });
    const linked = metafileOf(
      { 'a.ts': { imports: ['../../else/node_modules/b/c.js', 'node:fs'] }, '../../else/node_modules/b/c.js': {} },
      '../out/one/main.js',
    );
    expect(portableMetafile(linked, '/x/y/project', '/x/y/out')).toEqual(here);
    expect(portableMetafile(here, '/x', '/x')).toEqual(here);
    const whole = metafileOf({
      'a.ts': { imports: ['/x/y/node_modules/b/c.js', 'node:fs'] },
      'node_modules/b/c.js': {},
    });
    expect(portableMetafile(whole, '/x/y', '/x')).toEqual(here);
  });
});

describe('the licences that go with a bundle', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'keyrota-licences-'));
    writeFileSync(join(root, 'LICENSE'), 'Apache License, in full\n');
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const install = (name: string, packageJson: object, files: Record<string, string>) => {
    const path = `node_modules/${name}`;
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...packageJson }));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(root, path, file), text);
    return path;
  };
  const PERMISSION = 'Copyright A &lt;a@b.example&gt;\n\nPermission is hereby granted, free of charge';

  it.each<[string, Record<string, string>, string | null, string | null]>([
    ['a file', { 'LICENCE.md': 'text  \r\n' }, 'MIT', 'text'],
    ['a file and a notice', { NOTICE: 'notice', LICENSE: 'text' }, 'MIT', 'text\n\nnotice'],
    ['a file of another name', { 'LICENSE-MIT.txt': 'text' }, 'MIT', 'text'],
    [
      'a chapter of its readme',
      { 'README.md': `# A\n\n## License\n\n${PERMISSION}\n\n## More` },
      'MIT',
      PERMISSION.replaceAll('&lt;', '<').replaceAll('&gt;', '>'),
    ],
    [
      'a chapter underlined',
      { 'README.md': `License\n-------\n\n${PERMISSION}\n\n[a]: http://x` },
      'MIT',
      PERMISSION.replaceAll('&lt;', '<').replaceAll('&gt;', '>'),
    ],
    ['a chapter that only names it', { 'README.md': '# A\n\n## License\n\nMIT' }, 'MIT', null],
    ['code of that name', { 'license.js': 'x' }, 'MIT', null],
    ['an empty file', { LICENSE: '\n' }, 'MIT', null],
    ['a notice alone', { NOTICE: 'notice' }, 'MIT', null],
    [
      'a notice, with a licence that says the same to all',
      { NOTICE: 'n' },
      'Apache-2.0',
      'Apache License, in full\n\nn',
    ],
    ['nothing, but is under a licence that says the same to all', {}, 'Apache-2.0', 'Apache License, in full'],
  ])('are found in %s', async (_, files, licence, text) => {
    const path = install(`one-${Object.keys(files).join()}-${licence}-${text?.length}`, {}, files);
    expect(await licenceText(root, path, licence)).toBe(text);
  });

  it('name every package, in order, and have each text once; what a package does not say is said', async () => {
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: {} }));
    const paths = [
      install('z', { license: 'ISC' }, { LICENSE: 'same' }),
      install('B', { licenses: [{ type: 'MIT' }, { type: 'Apache-2.0' }] }, { LICENSE: 'same' }),
      install('@a/b', { license: { type: 'MIT' } }, { LICENSE: 'other' }),
      install('n', {}, {}),
    ];
    const packages = await readPackages(root, new Map(['', ...paths].map((path) => [path, new Set<string>()])));
    expect(packages.map(({ integrity }) => integrity)).toEqual([null, null, null, null]);
    const text = await thirdPartyLicences(root, packages);
    expect(text.match(/^\S+ 1\.0\.0 .*$/gm)).toEqual([
      '@a/b 1.0.0 (MIT)',
      'B 1.0.0 ((MIT OR Apache-2.0))',
      'z 1.0.0 (ISC)',
      'n 1.0.0 (no licence declared)',
    ]);
    expect(text.match(/^same$/gm)).toHaveLength(1);
    expect(text).toContain('The package brings no text of its licence.');
    expect(await thirdPartyLicences(root, packages.toReversed())).toBe(text);
  });
});
