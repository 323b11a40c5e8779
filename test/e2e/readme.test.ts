import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Story } from '../../infra/demo/story.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { Command } from './support/command.ts';
import type { Ending } from './support/command.ts';
import { ProjectCopy } from './support/project-copy.ts';

const pageOf = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const README = pageOf('README.md');

/** All blocks of code of that language on a page. */
const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, block]) => block ?? '');

const commandsOf = (page: string): string[] => blocksOf(page, 'sh').flatMap((block) => block.trim().split('\n'));

const STACK = /\n +at /;

/** A command, and what it shows. */
interface Trial {
  line: string;
  shows: RegExp;
}

const WITH_THE_DEMO: Trial[] = [
  { line: 'npm run keyrota -- plan', shows: /cloud-logs-ingest .*logs-router-ingest .*plan [0-9a-f]+/s },
  { line: 'npm run keyrota -- explain cloud-logs-ingest', shows: /cloud-logs-ingest.*ApiKey-/s },
  { line: 'npm run keyrota -- rotate cloud-logs-ingest --force --yes', shows: /cloud-logs-ingest .*mint/ },
  { line: 'npm run keyrota -- undo cloud-logs-ingest --yes', shows: /cloud-logs-ingest/ },
  { line: 'npm run keyrota -- check --fail-on critical', shows: /: 0 critical, .* keys and \d+ secrets looked at$/m },
  { line: 'npm run doctor', shows: /roles +│ 5 of 5 .*functions +│ 3 of 5 .*\n\d+ ok, \d+ not looked at\n$/s },
  {
    line: 'npm run keyrota -- provision logs-router-ingest --dry-run',
    shows: /there +policy: Writer on logs-router\n +ibmcloud iam service-policy-create ServiceId-/,
  },
  {
    line: 'npm run keyrota -- report-leak logs-router-ingest --yes',
    shows: /disabled \d+ ms and \d+ calls .* replaced by ApiKey-\S+ \d+ ms and \d+ calls .* its agent works/s,
  },
  { line: 'npm run keyrota -- report-leak cloud-logs-ingest --by secret-crn --yes --json', shows: /"agentWorks":true/ },
];
/** The whole life of a key, which the next commands and the sample tell of. */
const LIFE = 'npm -s start -- --days 45 --json > demo.jsonl';

const ALONE: Trial[] = [
  {
    line: 'npm run -s keyrota -- logs cloud-logs-ingest < demo.jsonl',
    shows: /mint .*disable .*delete .*lines read, \d+ of/s,
  },
  { line: 'npm run build -- --manifest docs/manifest.example.yaml', shows: /rotate-keys \d+ KB/ },
  { line: 'npm run keyrota -- validate docs/manifest.example.yaml', shows: /valid, 1 key, deployment prod/ },
  { line: 'npm run schema', shows: /"\$schema": "https:\/\/json-schema.org/ },
  { line: 'npm run bench -- calls', shows: /a whole life +\d+ calls/ },
  { line: 'npm run -s cloud -- --help', shows: /--control-port/ },
  { line: 'npm run sim -- --seed keyrota --runs 2', shows: /^2 of 2 went well$/m },
  { line: 'npm run -s sim -- --help', shows: /--without <guard>/ },
];

let copy: ProjectCopy;
beforeAll(() => {
  copy = new ProjectCopy({ installed: true });
});
afterAll(() => {
  copy[Symbol.dispose]();
});

const linesOfLife = (): string[] => readFileSync(join(copy.path, 'demo.jsonl'), 'utf8').trim().split('\n');

async function typed(line: string): Promise<Ending> {
  await using command = Command.typed(line, { cwd: copy.path });
  return await command.end();
}

describe('the commands of the README', () => {
  it('are those that are tried here', () => {
    const tried = ['npm start', 'npm test', LIFE, ...[...WITH_THE_DEMO, ...ALONE].map(({ line }) => line)];
    expect(commandsOf(README).toSorted()).toEqual(tried.toSorted());
  });

  it('begin with npm start: it runs until Ctrl-C, and the operator’s commands find it', async () => {
    await using demo = Command.typed('npm start', { cwd: copy.path });
    const current = /^day +\d+ \d\d:\d\d {2}cloud-logs-ingest +mint +ApiKey-\S+ is current/m;
    await demo.until(({ stdout }) => current.exec(stdout) ?? undefined);
    for (const { line, shows } of WITH_THE_DEMO) {
      const { code, stdout, stderr } = await typed(line);
      expect([line, code]).toEqual([line, 0]);
      expect(stderr).not.toMatch(STACK);
      expect(stdout).toMatch(shows);
    }
    const { stderr } = await demo.stop('SIGINT');
    expect(stderr).not.toMatch(STACK);
    expect(existsSync(join(copy.path, '.keyrota', 'demo.json'))).toBe(false);
  });

  it('run many days at once, and end with a verdict', async () => {
    const { code, stdout } = await typed(LIFE);
    expect([code, stdout]).toEqual([0, '']);
    expect(linesOfLife().at(-1)).toMatch(
      /^\{"days":45,"rotations":.*"linesRefused":0,"linesRefusedAfterLeak":0,"orphanKeys":0,.*\}$/,
    );
  });

  it.each(ALONE)('run: $line', async ({ line, shows }) => {
    const { code, stdout, stderr } = await typed(line);
    expect(code).toBe(0);
    expect(stdout + stderr).toMatch(shows);
  });
});

describe('the commands of docs/manifest.md', () => {
  it('work on the sample that stands there', async () => {
    const page = pageOf('docs/manifest.md');
    const [sample = ''] = blocksOf(page, 'yaml');
    writeFileSync(join(copy.path, 'keys.yaml'), sample);
    expect(commandsOf(page)).toHaveLength(2);
    const [validated, written] = await Promise.all(commandsOf(page).map(typed));
    expect(validated).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('keys.yaml: valid, 7 keys, 1 entry without a key') as string,
    });
    expect(written?.code).toBe(0);
    const schema = JSON.parse(readFileSync(join(copy.path, 'keys.schema.json'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(schema)).toContain('$schema');
  });
});

const withoutIdsAndTimes = (line: string): string =>
  line
    .replace(/^day +\d+ \d\d:00 /, 'day D HH:00 ')
    .replace(/ApiKey-[\w…-]+/, 'ApiKey-…')
    .replace(/\d{4}-\S+Z/, 'TIME');

describe('the samples of the README', () => {
  it('are a manifest that is valid', () => {
    const [sample, ...more] = blocksOf(README, 'yaml');
    expect(more).toEqual([]);
    expect(parseManifest(parse(sample ?? ''), 'README.md').keys.map(({ name }) => name)).toEqual([
      'logs-router-ingest',
    ]);
  });

  it('are what the demo tells of one key in 45 days, but for ids and times', () => {
    const told: string[] = [];
    const story = new Story(0, (line) => told.push(stripVTControlCharacters(line)));
    for (const line of linesOfLife()) story.tell(line, []);
    const ofOneKey = told.filter((line) => /^day .* cloud-logs-ingest /.test(line));
    const [sample = ''] = blocksOf(README, 'text');
    expect(sample.trim().split('\n').map(withoutIdsAndTimes)).toEqual(ofOneKey.map(withoutIdsAndTimes));
  });

  it('are files that exist', () => {
    const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link ?? '');
    expect(links.filter((link) => !existsSync(new URL(`../../${link}`, import.meta.url)))).toEqual([]);
  });
});
