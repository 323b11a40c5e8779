import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MADE, manifestRows, settingRows, withMade, writeDocs } from '../../infra/operator/write-docs.ts';
import { ROUTES } from '../../functions/respond-to-compromise/schema.ts';
import { readIncident } from '../../shared/incidents/incident.ts';
import { ManifestError, parseManifest } from '../../shared/keys/manifest.ts';
import { SEVERITIES } from '../../shared/notices/notice.ts';
import type { Notice, NoticeType } from '../../shared/notices/notice.ts';
import { webhookBody, webhookHeaders } from '../../shared/notices/standard-webhook.ts';
import { logEventOf } from '../../shared/runtime/log-events.ts';
import { NOTICE_SETTINGS } from '../../shared/runtime/notice-targets.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { SettingsSchema, readSettings } from '../../shared/runtime/settings.ts';

const ROOT = new URL('../../', import.meta.url);
const pageOf = (file: string) => readFile(new URL(file, ROOT), 'utf8');

/** The first block of code of that language on a page. */
const blockOf = (page: string, language: string): string =>
  new RegExp(`\n\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? '';

const manifestWith = (fields: object): object => ({
  deployment: 'demo',
  keys: [{ kind: 'service-id-api-key', name: 'ingest', serviceId: 'ServiceId-1', ...fields }],
});

describe('the pages with made tables, and the view of failures', () => {
  it('are what the schemas and the catalogue of events say: npm run docs changes nothing', async () => {
    await expect(writeDocs(ROOT, true)).resolves.toEqual([]);
  });

  it('are named when they are out of date, left alone by a check, and mended otherwise', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyrota-docs-'));
    try {
      for (const file of MADE) await mkdir(join(folder, dirname(file)), { recursive: true });
      const good = await Promise.all(MADE.map(pageOf));
      const stale = good.map((page) =>
        page
          .replace(/(begin -->.*?\n)\| `[^\n]+\n/s, '$1')
          .replace('\\"key_failed\\" OR ', '')
          .replace('In **bold**', ''),
      );
      const root = pathToFileURL(`${folder}/`);
      const read = () => Promise.all(MADE.map((file) => readFile(new URL(file, root), 'utf8')));
      await Promise.all(MADE.map((file, index) => writeFile(new URL(file, root), stale[index] ?? '')));
      await expect(writeDocs(root, true)).resolves.toEqual(MADE);
      await expect(read()).resolves.toEqual(stale);
      await expect(writeDocs(root, false)).resolves.toEqual(MADE);
      await expect(read()).resolves.toEqual(good);
      await expect(writeDocs(root, true)).resolves.toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are not touched outside their markers', () => {
    const page = 'a\n\n<!-- made by npm run docs: begin -->\nold\n<!-- end -->\n\nb\n<!-- end -->\n';
    const wanted = 'a\n\n<!-- made by npm run docs: begin -->\n\nnew $& $1\n\n<!-- end -->\n\nb\n<!-- end -->\n';
    expect(withMade(page, 'new $& $1')).toBe(wanted);
    expect(withMade(wanted, 'new $& $1')).toBe(wanted);
  });

  it.each(['', '<!-- made by npm run docs: begin -->', '<!-- end --> <!-- made by npm run docs: begin -->'])(
    'must have both markers in their order: not %j',
    (page) => {
      expect(() => withMade(page, 'new')).toThrow('a page needs');
    },
  );
});

describe('the page of the settings', () => {
  it('has a row for every setting, and says which are required', () => {
    const rows = settingRows();
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(SettingsSchema.shape));
    expect(rows.filter(({ standard }) => standard === 'required').map(({ name }) => name)).toEqual([
      'KEYROTA_ACCOUNT_ID',
      'KEYROTA_SECRETS_MANAGER_URL',
    ]);
  });

  it('names no setting that does not exist', async () => {
    const named = (await pageOf('docs/settings.md')).match(/KEYROTA_[A-Z_]*[A-Z]/g);
    expect([...new Set(named)].filter((name) => !(name in SettingsSchema.shape))).toEqual([]);
  });
});

describe('the page of the notices', () => {
  const page = () => pageOf('docs/notices.md');

  it('has a row for each type, with its severity', async () => {
    for (const [type, severity] of Object.entries(SEVERITIES)) {
      expect(await page()).toMatch(new RegExp(`^\\| \`${type}\` +\\|[^|]+\\| \`${severity}\` +\\|$`, 'm'));
    }
  });

  it('has a sample that is sent like that, and explains each of its fields', async () => {
    const sample = JSON.parse(blockOf(await page(), 'json')) as {
      type: NoticeType;
      timestamp: string;
      data: Omit<Notice, 'type'>;
    };
    const { type, timestamp, data } = sample;
    const notice = { ...data, type, id: 'notice_1', atMs: Date.parse(timestamp) };
    expect(JSON.parse(webhookBody(notice))).toEqual(sample);
    for (const field of ['type', 'timestamp', ...Object.keys(data)]) {
      expect(await page()).toMatch(new RegExp(`^\\| \`${field}\` +\\|`, 'm'));
    }
    for (const detail of Object.keys(data.details)) expect(await page()).toContain(`\`${detail}\``);
  });

  it('has a verifier that takes what is signed with either secret, and nothing else', async () => {
    const code = Buffer.from(blockOf(await page(), 'js')).toString('base64');
    const { isGenuine } = (await import(`data:text/javascript;base64,${code}`)) as {
      isGenuine: (headers: object, body: Buffer, secret: string, nowSeconds: number) => boolean;
    };
    const secrets = [1, 2, 3].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
    const signing = secrets.slice(0, 2).map((secret) => new SecretValue(secret));
    const headers = webhookHeaders('notice_1', '{"ä": 1}', signing, 1_000_000);
    const verified = (body: string, nowSeconds: number) =>
      secrets.map((secret) => isGenuine(headers, Buffer.from(body), secret, nowSeconds));
    expect(verified('{"ä": 1}', 1_000)).toEqual([true, true, false]);
    expect(verified('{"ä": 1}', 1_300)).toEqual([true, true, false]);
    expect(verified('{"ä": 1}', 1_301)).toEqual([false, false, false]);
    expect(verified('{"ä": 2}', 1_000)).toEqual([false, false, false]);
  });

  it('has a command that makes a secret, and a trial that is accepted', async () => {
    const command = blockOf(await page(), 'sh').trim();
    const secret = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim();
    const trial = (await page()).split('\n```sh\n').at(-1)?.split('\n```')[0] ?? '';
    const variables = Object.fromEntries(
      trial.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
    const { notices } = readSettings({
      KEYROTA_ACCOUNT_ID: '0'.repeat(32),
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:4000',
      KEYROTA_PROFILE_ID: 'Profile-1',
      KEYROTA_NOTICE_WEBHOOK_URL: 'https://receiver.example/keyrota',
      KEYROTA_NOTICE_WEBHOOK_SECRET: secret,
      ...variables,
    });
    expect(notices.map(({ kind, isAllowed }) => [kind, isAllowed])).toEqual([
      ['webhook', false],
      ['slack', true],
    ]);
  });

  it('names no setting that does not exist, and every one of notices', async () => {
    const named = new Set((await page()).match(/KEYROTA_[A-Z_]*[A-Z]/g));
    expect([...named].filter((name) => !(name in SettingsSchema.shape))).toEqual([]);
    for (const name of Object.keys(NOTICE_SETTINGS)) expect([...named]).toContain(name);
  });
});

describe('the page of the kinds', () => {
  const KINDS = manifestRows().kinds.map(({ kind }) => kind);

  it('has a chapter for each kind, with a sample that is valid', async () => {
    const page = await pageOf('docs/kinds.md');
    for (const kind of KINDS) {
      const [, chapter = ''] = page.split(`\n## ${kind}\n`);
      const { keys } = parse(blockOf(chapter.split('\n## ')[0] ?? '', 'yaml')) as { keys: { kind: string }[] };
      const { keyless } = parseManifest({ deployment: 'docs', keys }, 'docs/kinds.md');
      expect(keys.map((key) => key.kind)).toContain(kind);
      expect(keyless.length > 0).toBe(kind === 'trusted-profile');
    }
  });

  it('compares every kind', async () => {
    const page = await pageOf('docs/kinds.md');
    for (const kind of KINDS) expect(page).toMatch(new RegExp(`^\\| \`${kind}\` +\\|`, 'm'));
  });
});

describe('the page of leaked keys', () => {
  const page = () => pageOf('docs/leaks.md');

  it('has a sample that is read as a report', async () => {
    const reading = readIncident(JSON.parse(blockOf(await page(), 'json')) as unknown, 'delivery');
    expect(reading).toMatchObject({
      reports: [{ credential: { by: 'id' }, detectedAtMs: Date.parse('2026-11-20T02:58:30Z'), dryRun: false }],
    });
  });

  it('names every path, and every finding of secrets', async () => {
    const text = await page();
    for (const path of ROUTES.keys()) expect(text).toContain(`\`${path}\``);
    const findings = ['secret_deleted', 'version_made_by_somebody_else', 'rotation_blocked', 'secret_data_deleted'];
    for (const finding of findings) expect(text).toContain(`\`${finding}\``);
  });

  it('names no setting that does not exist', async () => {
    const named = (await page()).match(/KEYROTA_[A-Z_]*[A-Z]/g);
    expect([...new Set(named)].filter((name) => !(name in SettingsSchema.shape))).toEqual([]);
  });
});

describe('the log lines on the page of leaked keys', () => {
  const CHAPTER = /From the moment in which the key is known(.*?)\. (`leak_reported`.*?) are about a report/s;

  it('have the incident and the key where it says so, and no others', async () => {
    const [, withKey = '', without = ''] = CHAPTER.exec(await pageOf('docs/leaks.md')) ?? [];
    const namesIn = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    const fieldsOf = (name: string) => logEventOf(name)?.always ?? [];
    expect(namesIn(withKey)).toHaveLength(6);
    for (const name of namesIn(withKey)) expect(fieldsOf(name)).toEqual(expect.arrayContaining(['incident', 'keyId']));
    expect(namesIn(without)).toEqual(['leak_reported', 'reports_braked', 'report_refused']);
    for (const name of namesIn(without)) expect(fieldsOf(name)).not.toContain('incident');
  });
});

describe('the page of the manifest', () => {
  it('has a sample that is a valid manifest', async () => {
    const sample: unknown = parse(blockOf(await pageOf('docs/manifest.md'), 'yaml'));
    expect(parseManifest(sample, 'docs/manifest.md').keys).not.toHaveLength(0);
  });

  it('has a sample with every field', async () => {
    const sample = blockOf(await pageOf('docs/manifest.md'), 'yaml');
    const { file, entry, kinds, policy } = manifestRows();
    const fields = [...file, ...entry, ...kinds.flatMap(({ rows }) => rows), ...policy].map(
      ({ name }) => name.split('.').at(-1) ?? '',
    );
    expect(fields.filter((field) => !new RegExp(`^[ -]*${field}:`, 'm').test(sample))).toEqual([]);
  });

  it('explains each field of the policy, and those that change the life of a key', async () => {
    const page = await pageOf('docs/manifest.md');
    const outer = manifestRows().policy.filter(({ name }) => !/[.[]/.test(name));
    for (const name of [...outer.map((row) => row.name), 'retired', 'adopt', 'formerly', 'grants', 'probe']) {
      expect(page).toMatch(new RegExp(`^### .*\\b${name}\\b`, 'm'));
    }
  });

  it('tells the defaults as they are', () => {
    const [plain] = parseManifest(manifestWith({}), 'test').keys;
    const told = manifestRows().policy.filter(({ standard }) => /^`.+`$/.test(standard));
    expect(told.length).toBeGreaterThanOrEqual(10);
    for (const { name, standard } of told) {
      const given: unknown = parse(standard.slice(1, -1));
      const [outer = '', inner] = name.split('.');
      const fields = { [outer]: inner === undefined ? given : { [inner]: given } };
      expect(parseManifest(manifestWith(fields), 'test').keys).toEqual([plain]);
    }
  });

  it('shows a fault as it is told', async () => {
    const shown = blockOf(await pageOf('docs/manifest.md'), 'text').trim();
    expect(() => parseManifest(manifestWith({ grace: '1h' }), 'keys.yaml')).toThrow(shown);
  });

  it.each(['expiresAfter', 'unusedFor', 'grace', 'rotateEvery'])(
    'tells the least value of %s with the defaults',
    async (field) => {
      let least = '';
      try {
        parseManifest(manifestWith({ [field]: '1m' }), 'test');
      } catch (error) {
        const faults = error instanceof ManifestError ? error.faults : [];
        least = faults.find(({ path }) => path.endsWith(field))?.allowed.split(' ')[2] ?? '';
      }
      const row = new RegExp(`^\\| \`${field}\` +\\|[^|]+\\| ${least} +\\|`, 'm');
      expect(least).toMatch(/^\d+[hd]$/);
      await expect(pageOf('docs/manifest.md')).resolves.toMatch(row);
    },
  );
});
