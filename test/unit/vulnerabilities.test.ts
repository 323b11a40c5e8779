import { describe, expect, it } from 'vitest';
import { readAcceptances } from '../../infra/supply-chain/accepted-advisories.ts';
import { vulnerabilitiesIn } from '../../infra/supply-chain/audit-report.ts';
import { withoutControl } from '../../infra/supply-chain/control-question.ts';
import { InputError, UnknownError } from '../../infra/supply-chain/fault.ts';
import { lockedPackages } from '../../infra/supply-chain/locked-packages.ts';
import { verdictOf } from '../../infra/supply-chain/vulnerability-lines.ts';

const NOW_MS = Date.parse('2026-11-20T12:00:00Z');

const packages = lockedPackages(
  JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { client: '1' }, devDependencies: { tester: '1' } },
      'node_modules/client': { version: '1.0.0', dependencies: { http: '1' } },
      'node_modules/http': { version: '1.2.3' },
      'node_modules/tester': { version: '2.0.0', dependencies: { http: '0' } },
      'node_modules/tester/node_modules/http': { version: '0.9.0' },
    },
  }),
);
const project = { packages, holders: new Map([['node_modules/http', ['rotate-keys']]]) };

const advisory = (id: string, name: string, severity: string, more: object = {}) => ({
  source: 7,
  name,
  dependency: name,
  title: `what is wrong with ${name}`,
  url: `https://github.com/advisories/${id}`,
  severity,
  cwe: [],
  cvss: { score: 0, vectorString: null },
  range: '<9',
  ...more,
});

const one = (name: string, via: unknown[], nodes: string[], fixAvailable: unknown = false) => ({
  [name]: { name, severity: 'high', isDirect: false, via, effects: [], range: '', nodes, fixAvailable },
});

/** What npm writes of these, of four packages in all. */
const report = (...vulnerabilities: object[]) =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.assign({}, ...vulnerabilities) as object,
    metadata: { vulnerabilities: { total: vulnerabilities.length }, dependencies: { prod: 2, dev: 2, total: 4 } },
  });

const HTTP = 'GHSA-2222-3333-4444';
const TESTER = 'GHSA-5555-6666-7777';
const TWO = report(
  one('tester', ['http', advisory(TESTER, 'tester', 'critical')], ['node_modules/tester'], {
    name: 'tester',
    version: '3.0.0',
    isSemVerMajor: true,
  }),
  one(
    'http',
    [advisory(HTTP, 'http', 'moderate')],
    ['node_modules/tester/node_modules/http', 'node_modules/http'],
    true,
  ),
  one('client', ['http'], ['node_modules/client']),
);

const found = (text: string) => vulnerabilitiesIn(text, 4);

describe('what an audit found', () => {
  it('is told by severity, what is in a bundle before all else, with who brings it in and how to mend it', () => {
    const { open, accepted } = verdictOf(found(TWO), [], project);
    expect([open, accepted]).toEqual([
      [
        [
          `moderate ${HTTP} in http <9: what is wrong with http`,
          '  http 1.2.3, in the bundle of rotate-keys; brought in by client',
          '  http 0.9.0, in no bundle; brought in by tester',
          `  https://github.com/advisories/${HTTP}`,
          '  mend: npm update http --package-lock-only',
        ].join('\n'),
        [
          `critical ${TESTER} in tester <9: what is wrong with tester`,
          '  tester 2.0.0, in no bundle; a dependency of our own',
          `  https://github.com/advisories/${TESTER}`,
          '  mend: npm install tester@3.0.0 --package-lock-only (a version with changes that break things)',
        ].join('\n'),
      ],
      [],
    ]);
  });

  it('is nothing of packages that only bring in others, and nothing where nothing is known', () => {
    expect(found(report(one('client', ['http'], ['node_modules/client'])))).toEqual([]);
    expect(found(report())).toEqual([]);
  });

  it('has the number of the registry where there is no GHSA', () => {
    const text = report(one('http', [advisory('12', 'http', 'low', { url: 'https://x.example/12' })], []));
    expect(found(text)).toMatchObject([{ advisory: '7' }]);
  });

  it('does not steer a terminal, whatever the registry writes', () => {
    const text = report(one('http', [advisory(HTTP, 'http', 'low', { title: 'a\u001B[2Jb\nc' })], []));
    expect(found(text)[0]?.title).toBe('a [2Jb c');
  });

  it('says so where no version is without it', () => {
    const text = report(one('http', [advisory(HTTP, 'http', 'low')], ['node_modules/http']));
    expect(verdictOf(found(text), [], project).open.join()).toContain('mend: no version is without it yet');
  });
});

describe('an audit that was not answered', () => {
  it.each([
    [
      'is refused',
      { message: '405 Method Not Allowed', statusCode: 405, error: { summary: '', detail: '' } },
      /did not answer the audit: 405 Method Not Allowed\nSo nothing is known/,
    ],
    ['has only a code', { error: { code: 'ENOLOCK', summary: 'no lock', detail: '' } }, /ENOLOCK no lock/],
    ['has no reason', { error: { summary: '', detail: '' } }, /npm gives no reason/],
    ['has another shape', { auditReportVersion: 3 }, /is not understood/],
    ['has an unknown severity', JSON.parse(TWO.replace('moderate', 'grave')) as unknown, /is not understood/],
    ['looked at fewer packages', JSON.parse(TWO.replace('"total":4', '"total":3')) as unknown, /3 of 4 locked/],
  ])('is never a good one: %s', (_, answer, why) => {
    expect(() => found(JSON.stringify(answer))).toThrow(UnknownError);
    expect(() => found(JSON.stringify(answer))).toThrow(why);
  });

  it('is no JSON', () => {
    expect(() => found('<html>')).toThrow(UnknownError);
  });
});

describe('the control question', () => {
  const CONTROL = 'node_modules/keyrota-control-question';
  const of = (...nodes: string[]) => found(report(one('minimist', [advisory(HTTP, 'minimist', 'high')], nodes)));

  it('is no finding itself, and takes none away of a package of ours by the same name', () => {
    expect(withoutControl(of(CONTROL))).toEqual([]);
    expect(withoutControl(of(CONTROL, 'node_modules/minimist'))).toMatchObject([{ paths: ['node_modules/minimist'] }]);
    expect(withoutControl([...of(CONTROL), ...found(TWO)])).toEqual(found(TWO));
  });

  it('leaves nothing known where it is not answered', () => {
    expect(() => withoutControl(found(TWO))).toThrow(UnknownError);
    expect(() => withoutControl([])).toThrow(/knows nothing of minimist 0\.0\.8/);
  });
});

describe('an accepted advisory', () => {
  const acceptance = {
    advisory: HTTP,
    package: 'http',
    reason: 'its server side is what is wrong',
    until: '2026-11-20',
  };
  const read = (entries: unknown, nowMs = NOW_MS) => readAcceptances(JSON.stringify(entries), 'accepted.json', nowMs);

  it('is told apart from what is to be mended, through its last day', () => {
    const { open, accepted, needless } = verdictOf(found(TWO), read([acceptance]), project);
    expect([open.length, accepted, needless]).toEqual([
      1,
      [expect.stringContaining('accepted until 2026-11-20: its server side is what is wrong')],
      [],
    ]);
  });

  it('counts as none from the next day on, and is named', () => {
    const nextDay = read([acceptance], Date.parse('2026-11-21T00:00:00Z'));
    const { open, accepted } = verdictOf(found(TWO), nextDay, project);
    expect([open.length, accepted]).toEqual([2, []]);
    expect(open[0]).toContain('was accepted until 2026-11-20: its server side');
  });

  it('may be accepted anew beside the former time', () => {
    const both = read([{ ...acceptance, until: '2026-10-01' }, acceptance]);
    expect(verdictOf(found(TWO), both, project).accepted).toHaveLength(1);
  });

  it('of another package is no acceptance, and what nothing needs any more is named', () => {
    const other = read([{ ...acceptance, package: 'client' }]);
    const { open, needless } = verdictOf(found(TWO), other, project);
    expect([open.length, needless]).toEqual([2, [`${HTTP} of client is accepted, but not found any more`]]);
  });

  it.each([
    [{ ...acceptance, advisory: 'CVE-2026-1' }, '[0].advisory'],
    [{ ...acceptance, reason: 'because' }, '[0].reason'],
    [{ ...acceptance, until: 'never' }, '[0].until'],
    [{ ...acceptance, until: '2026-02-30' }, '[0].until'],
    [{ ...acceptance, until: '2027-12-01' }, '[0].until: 2027-12-01 is more than a year ahead'],
    [{ ...acceptance, more: 1 }, 'more'],
  ])('is refused as %j, with the path', (entry, path) => {
    expect(() => read([entry])).toThrow(InputError);
    expect(() => read([entry])).toThrow(path);
  });

  it('may be told by the number of a registry that has no GHSA', () => {
    expect(read([{ ...acceptance, advisory: '1179' }])).toMatchObject([{ advisory: '1179' }]);
  });

  it('is not read from what is no JSON', () => {
    expect(() => readAcceptances('[', 'accepted.json', NOW_MS)).toThrow(/^accepted\.json: /);
  });
});
