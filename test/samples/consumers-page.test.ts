import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KeyFetcher } from '../../docs/samples/fetch-key.ts';
import { ROLE, logInWithKey } from '../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS, formatDuration, parseDuration } from '../../shared/keys/duration.ts';
import { ManifestError, parseManifest } from '../../shared/keys/manifest.ts';
import type { Policy } from '../../shared/keys/manifest.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { ClassicWorld } from '../support/classic-user.ts';
import { byValue, leakReport, respond } from '../support/leaks.ts';
import { minted } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { lockByConsumer, wholeTick } from '../support/whole-tick.ts';
import { CLOUD_URL, fetching, loginOf } from './consumer.ts';

const fileAt = (path: string) => new URL(`../../${path}`, import.meta.url);
const textOf = (path: string) => readFileSync(fileAt(path), 'utf8');
const PAGE = textOf('docs/consumers.md');
const WORDS = PAGE.replaceAll(/\s+/g, ' ');

/** Blocks of code of these languages, each with the last sample that is linked before it. */
const blocks = [...PAGE.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ 1: language = '', 2: code = '', index }) => {
  const [, sample = ''] = [...PAGE.slice(0, index).matchAll(/\]\(samples\/([^)]+)\)/g)].at(-1) ?? [];
  return { language, code, sample };
});
const blocksOf = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));

/** Without the indentation that all lines have. */
function dedented(lines: readonly string[]): string {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^ */.exec(line)?.[0].length ?? 0);
  return lines.map((line) => line.slice(Math.min(...indents))).join('\n');
}

/** How links name the chapters of a page. */
const chaptersOf = (file: string): string[] =>
  [...textOf(`docs/${file}`).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

const manifestWith = (fields: object) =>
  parseManifest(
    { deployment: 'docs', keys: [{ kind: 'service-id-api-key', name: 'ingest', serviceId: 'ServiceId-1', ...fields }] },
    'docs',
  );

function policyWith(fields: object): Policy {
  const [key] = manifestWith(fields).keys;
  if (!key) throw new Error('no key');
  return key.policy;
}

/** Fields of the entry that the manifest refuses. */
function refused(fields: object): string[] {
  try {
    manifestWith(fields);
    return [];
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return error.faults.map(({ path }) => path.replace('keys[0].', ''));
  }
}

const minutesShorter = (text: string): string => formatDuration((parseDuration(text) ?? 0) - 60_000);

/** Milliseconds of a sum of durations; zero may be one of them. */
const sumOf = (text: string): number =>
  text.split('+').reduce((sum, part) => sum + (/^\s*0/.test(part) ? 0 : (parseDuration(part.trim()) ?? Number.NaN)), 0);

/** What the product's own plan says of the entry now. */
async function planned({ lab, manifest }: Scene): Promise<KeyReport> {
  const [report] = (await lab.tick(manifest, { only: ['ingest'], dryRun: true })).keys;
  if (!report) throw new Error('the key was not looked at');
  return report;
}

describe('the code on the page', () => {
  it('is that of the samples, line by line', () => {
    const shown = blocksOf('ts', 'yaml');
    expect(shown.length).toBeGreaterThanOrEqual(5);
    for (const { code, sample } of shown) {
      const wanted = code.trimEnd().split('\n');
      const lines = textOf(`docs/samples/${sample}`).split('\n');
      const pieces = lines.map((_, start) => dedented(lines.slice(start, start + wanted.length)));
      expect(pieces).toContain(dedented(wanted));
    }
  });

  it('is of samples that are all linked, and every link leads somewhere', () => {
    for (const sample of readdirSync(fileAt('docs/samples'))) expect(PAGE).toContain(`](samples/${sample})`);
    const links = [...PAGE.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)].map(([, file = '', chapter]) => ({
      file,
      chapter,
    }));
    expect(links.filter(({ file }) => !existsSync(fileAt(`docs/${file}`)))).toEqual([]);
    const isThere = ({ file, chapter }: { file: string; chapter: string | undefined }) =>
      chapter === undefined || chaptersOf(file).includes(chapter);
    expect(links.filter((link) => !isThere(link))).toEqual([]);
  });

  it('waits as long as the page says', () => {
    const [, first, most] =
      /BACK_OFF_MS = \{ first: ([\d_]+), most: ([\d_]+) \}/.exec(textOf('docs/samples/fetch-key.ts')) ?? [];
    const [firstS, mostM] = [first, most].map((text = '') => Number(text.replaceAll('_', '')) / 1_000);
    expect(WORDS).toContain(`left alone for ${firstS} s, then twice as long each time, up to ${(mostM ?? 0) / 60} min`);
  });
});

describe('how often to fetch', () => {
  const [rules = '', worked = ''] = blocksOf('text').map(({ code }) => code.trim());
  const policy = policyWith({});

  it('is worked out with the defaults of the manifest', () => {
    const names = rules.split('\n').map((line) => line.split('<=').map((side) => side.trim()));
    expect(names.map(([, least]) => least)).toEqual(['consumersRefreshWithin', 'grace', 'unusedFor']);
    const sides = worked.split('\n').map((line) => line.split('<=').map(sumOf));
    for (const [left = Infinity, right = 0] of sides) expect(left).toBeLessThanOrEqual(right);
    const { consumersRefreshWithinMs, graceMs, unusedForMs } = policy;
    expect(sides.map(([, right]) => right)).toEqual([consumersRefreshWithinMs, graceMs, unusedForMs]);
    const [, grace, unused] = sides.map(([left]) => left);
    expect([grace, unused]).toEqual([consumersRefreshWithinMs + HOUR_MS, consumersRefreshWithinMs + DAY_MS + HOUR_MS]);
  });

  const rows = [...PAGE.matchAll(/^\| (\d+[hd]) +\| (\d+h) +\| (\d+h) +\| (.*?) *\|$/gm)].map(
    ([, refresh = '', grace = '', unused = '', note = '']) => ({ refresh, grace, unused, note }),
  );

  it.each(rows)('has the least that the manifest takes for $refresh', ({ refresh, grace, unused }) => {
    // Longer lives, so that only these two can be in the way.
    const roomy = { consumersRefreshWithin: refresh, rotateEvery: '90d' };
    expect(refused({ ...roomy, grace, unusedFor: unused })).toEqual([]);
    expect(refused({ ...roomy, grace: minutesShorter(grace), unusedFor: unused })).toEqual(['grace']);
    expect(refused({ ...roomy, grace, unusedFor: minutesShorter(unused) })).toEqual(['unusedFor']);
  });

  it('has the default, and the slowest consumer that the other defaults allow', () => {
    const refreshOf = (told: string) => rows.find(({ note }) => note === told)?.refresh ?? '';
    expect(rows).toHaveLength(4);
    expect(parseDuration(refreshOf('the default'))).toBe(policy.consumersRefreshWithinMs);
    const refresh = refreshOf('the most that the other defaults allow');
    expect(refused({ consumersRefreshWithin: refresh })).toEqual([]);
    const slower = formatDuration((parseDuration(refresh) ?? 0) + 60_000);
    expect(refused({ consumersRefreshWithin: slower })).toEqual(['unusedFor']);
  });

  it('tells the defaults as they are', () => {
    const { graceMs, hold } = policy;
    const days = (durationMs: number) => `(${durationMs / DAY_MS} days)`;
    expect(WORDS).toContain(`\`grace\` ${days(graceMs)}`);
    expect(WORDS).toContain(`\`hold.atMost\` ${days(hold.atMostMs)}`);
    expect(WORDS).toContain(`\`grace\` and \`hold.atMost\` on ${days(graceMs + hold.atMostMs)}`);
    expect(WORDS).toContain(`a thousand copies that look every hour make one call in ${HOUR_MS / 1_000 / 1_000} s`);
  });
});

describe('the evidence', () => {
  /** K2 has superseded K1, and the grace of K1 is over; nobody has read K2 yet. */
  async function graceOver(entry: object = {}): Promise<Scene> {
    const scene = await minted(30, { entry });
    await scene.lab.tick(scene.manifest);
    await scene.lab.pass(7 * DAY_MS + HOUR_MS);
    return scene;
  }

  it('`fetched` is one flag, which anybody’s read sets', async () => {
    const scene = await graceOver();
    const { lab } = scene;
    expect(await planned(scene)).toMatchObject({
      code: 'evidence',
      why: expect.stringMatching(/nobody has fetched/) as string,
    });
    const scanner = await loginOf(lab, 'scanner', ROLE.secretsReader);
    await new KeyFetcher(fetching(lab, scanner)).key();
    expect(await planned(scene)).toMatchObject({ outcome: 'planned' });
  });

  it('`unused` is never there while a stand-by logs in with the old key every day, and a person is asked in the end', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    const former = await lab.fetchValue();
    await lab.tick(manifest);
    await lab.fetchValue();
    const outcomes: string[] = [];
    for (let day = 0; day < 40; day += 1) {
      await lab.pass(DAY_MS);
      await logInWithKey(lab.send, CLOUD_URL, former);
      await lab.pass(HOUR_MS);
      const { outcome, code } = await planned(scene);
      outcomes.push(`${outcome} ${code}`);
    }
    expect([...new Set(outcomes)]).toEqual(['hold grace', 'hold evidence', 'ask held_too_long']);
    expect((await planned(scene)).why).toContain('the key was last used');
  });

  it('`unused` does not know of a job that logs in once a month', async () => {
    const scene = await graceOver();
    await scene.lab.fetchValue();
    expect(await planned(scene)).toMatchObject({
      outcome: 'planned',
      why: expect.stringMatching(/nobody uses it$/) as string,
    });
  });

  it('`noConsumerLock` is never there while a lock is left behind, whatever its attributes say', async () => {
    const scene = await minted(30);
    const { lab, manifest } = scene;
    await lockByConsumer(lab, 'current', 'copy-that-died');
    await lab.tick(manifest);
    await lab.fetchValue();
    await lab.pass(7 * DAY_MS + HOUR_MS);
    expect((await planned(scene)).why).toContain('consumers lock the old version: copy-that-died');
  });
});

describe('the times', () => {
  it('of a containment are those of the page', async () => {
    const { lab, manifest } = await minted(5);
    const reportedMs = lab.clock.nowMs();
    const times = new Map<string, number>();
    lab.cloud.audit.watch(({ action, atMs }) => {
      if (!times.has(action)) times.set(action, atMs - reportedMs);
    });
    const answer = await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
    const answeredMs = lab.clock.nowMs() - reportedMs;
    await wholeTick(lab, manifest, { only: ['ingest'] });
    const [disabledMs, storedMs, deletedMs] = ['api-key.disable', 'secret-version.create', 'api-key.delete'].map(
      (action) => times.get(action) ?? Number.NaN,
    );
    expect([answer.status, disabledMs]).toEqual([202, 0]);
    expect(answeredMs).toBeLessThan(8_000);
    // Calls of IAM take no time here.
    expect(storedMs).toBeGreaterThan(17_000);
    expect(storedMs).toBeLessThan(18_500);
    expect((deletedMs ?? 0) - (storedMs ?? 0)).toBeLessThan(1_000);
    expect((deletedMs ?? 0) - (storedMs ?? 0)).toBeGreaterThan(0);
    expect(WORDS).toContain('a new key is stored after some 18 s, of which 17 are');
  });

  it('of a classic key without a successor are those of the page', async () => {
    const { lab, manifest } = await ClassicWorld.open();
    await lab.tick(manifest);
    await lab.pass(DAY_MS);
    await lab.tick(manifest, { force: true, only: ['classic'] });
    const timeOf = (path: RegExp) =>
      lab.cloud.calls.list().findLast((call) => path.test(`${call.method} ${call.path}`))?.atMs;
    const removedMs = timeOf(/removeApiAuthenticationKey/) ?? Number.NaN;
    const storedMs = timeOf(/^POST .*\/versions$/) ?? Number.NaN;
    expect(Math.round((storedMs - removedMs) / 1_000)).toBe(17);
    expect(WORDS).toContain('some 17 s');
  });
});

describe('the words', () => {
  it('that a reader may search for are those of the product and of the platform', () => {
    const rules = textOf('shared/rotation/retire-rules.ts');
    for (const words of ['consumers lock the old version', 'held_too_long', 'the key was last used']) {
      expect(PAGE).toContain(words);
      expect(rules).toContain(words);
    }
    const errors = textOf('infra/local/iam/token-errors.ts');
    for (const code of PAGE.match(/BXNIM\w+/g) ?? ['none']) expect(errors).toContain(code);
    const roles = textOf('infra/local/iam/roles.ts');
    for (const [, action = ''] of PAGE.matchAll(/`secrets-manager\.([\w.-]+)`/g))
      expect(roles).toContain(`'${action}'`);
  });
});
