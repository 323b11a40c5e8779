import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetData } from '../../shared/report/fleet-data.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { rowsOf } from '../../shared/report/row-table.ts';
import { SECURITY_HEADERS } from '../../shared/report/security-headers.ts';
import { readOpenMetrics } from '../support/open-metrics.ts';
import type { Command } from './support/command.ts';
import { DemoFolder, readyOf } from './support/demo.ts';
import type { Ready } from './support/demo.ts';

let folder: DemoFolder;
let demo: Command;
let ready: Ready;
beforeAll(async () => {
  folder = new DemoFolder();
  demo = folder.start('--json');
  ready = await readyOf(demo);
  // Every key is there: the first tick was over when the second one began.
  const runs = (lines: string[]) => lines.filter((line) => line.includes('"run_started"')).length;
  await demo.until(({ lines }) => (runs(lines) > 1 ? true : undefined));
});
afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${ready.reportUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${ready.reportToken}`, ...headers },
    redirect: 'manual',
  });

describe('show-report in the function host', () => {
  it.each([
    ['', 'text/html; charset=utf-8', '<!doctype html>'],
    ['report.js', 'text/javascript; charset=utf-8', '"use strict"'],
    ['report.css', 'text/css; charset=utf-8', ':root{'],
  ])('serves its own file /%s, once for each version of it', async (path, type, begin) => {
    const whole = await get(path);
    expect([whole.status, whole.headers.get('content-type')]).toEqual([200, type]);
    expect((await whole.text()).toLowerCase().startsWith(begin)).toBe(true);
    const etag = whole.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const given of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await get(path, { 'if-none-match': given });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await get(path, { 'if-none-match': '"another"' })).status).toBe(200);
    expect(whole.headers.get('cache-control')).toBe('private, no-cache');
  });

  it('has no inline script or style, and names no other host', async () => {
    const page = await (await get('')).text();
    expect(page).not.toMatch(/<style|<script>|\son\w+=|\sstyle=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/i);
    const style = await (await get('report.css')).text();
    expect(style).not.toMatch(/@import|url\(/);
  });

  it('has no path of the machine that built it, and no map to its sources', async () => {
    const script = await (await get('report.js')).text();
    expect(script).not.toContain(process.cwd());
    expect(script).not.toContain('sourceMappingURL');
  });

  it('tells all entries, each as a row that nobody keeps', async () => {
    const answer = await get('data.json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toBe('application/json');
    const data = (await answer.json()) as FleetData;
    expect(rowsOf(data.keys)).toHaveLength(9);
    expect(data).toMatchObject({ deployment: 'demo', counts: { keyless: 1 }, attentionOmitted: 0 });
    expect(data.unseen.filter(({ isEssential }) => isEssential)).toEqual([]);
    expect(Math.abs(Date.parse(data.generatedAt) - Date.parse(answer.headers.get('date') ?? ''))).toBeLessThan(60_000);
  });

  it('tells the story of each key that can be looked at with rights to read', async () => {
    for (const name of ['cloud-logs-ingest', 'cloud-logs-credential', 'archive-bucket']) {
      const story = (await (await get(`keys/${name}.json`)).json()) as KeyStory;
      expect(story).toMatchObject({
        name,
        decision: { step: expect.stringMatching(/^(rest|hold|mint|disable|delete|release)$/) as string },
      });
      expect(story.versions.length).toBeGreaterThan(0);
    }
    expect((await get('keys/log-analysis-ingest.json')).status).toBe(409);
    expect((await get('keys/nobody.json')).status).toBe(404);
  });

  it('tells its metrics as OpenMetrics, in their own type', async () => {
    const answer = await get('metrics');
    expect(answer.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const families = readOpenMetrics(await answer.text());
    expect(families.get('keyrota_deployment')?.samples).toMatchObject([{ labels: { deployment: 'demo' } }]);
    expect(families.get('keyrota_report_complete')?.samples).toMatchObject([{ value: 1 }]);
  });

  it.each(['', 'report.js', 'data.json', 'metrics', 'keys/cloud-logs-ingest.json'])(
    'answers HEAD of /%s as it would GET, without a body',
    async (path) => {
      const [head, whole] = [await get(path, {}, 'HEAD'), await get(path)];
      expect([head.status, await head.text()]).toEqual([200, '']);
      for (const header of ['content-type', 'etag', 'cache-control', 'content-security-policy'])
        expect(head.headers.get(header)).toBe(whole.headers.get(header));
    },
  );

  it('has the headers of a strict page, and lets nobody in without the token', async () => {
    for (const path of ['', 'report.js', 'data.json', 'metrics', 'keys/x.json', 'nowhere']) {
      const stranger = await fetch(`${ready.reportUrl}${path}`);
      expect([stranger.status, await stranger.json()]).toEqual([
        401,
        { code: 'unauthorized', message: 'Unauthorized.' },
      ]);
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(stranger.headers.get(name)).toBe(value);
    }
    const basic = `Basic ${Buffer.from(`me:${ready.reportToken}`).toString('base64')}`;
    expect((await get('', { authorization: basic })).status).toBe(200);
    expect((await get('', { authorization: `Bearer ${ready.triggerToken}` })).status).toBe(401);
  });

  it('takes whoever leaves its last slash out to the page', async () => {
    const answer = await fetch(ready.reportUrl.replace(/\/$/, ''), { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, '/show-report/']);
  });

  it('takes nothing but GET and HEAD', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await get('data.json', {}, method)).status).toBe(405);
  });
});
