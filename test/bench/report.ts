import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import type { FleetData } from '../../shared/report/fleet-data.ts';
import { PAGE_FILES } from '../../shared/report/page-files.ts';
import { rowsOf } from '../../shared/report/row-table.ts';
import { hasChromium, openChromium } from '../browser/support/browser.ts';
import { PageServer } from '../browser/support/page-server.ts';
import { packedBundle, toldByProcess } from './bundle-alone.ts';
import type { Bench, Figure } from './figure.ts';
import { figure } from './figure.ts';
import { openFleet } from './fleet-world.ts';
import type { Fleet } from './fleet-world.ts';
import type { AnswerReport, AnswerWish } from './report-answer.ts';

const KEY_COUNT = 10_000;
const RUNS = 7;
const TOKEN = 'a-report-token-of-32-characters!';
const BUNDLE = fileURLToPath(new URL('../../dist/show-report', import.meta.url));

/** What the report may take, in its answers and in a browser. */
const ANSWER_AIM_S = 10;
const CALLS_AIM = 12;
/** Half of what the smallest instance of a function has. */
const MEMORY_AIM_MB = 500;
const DATA_AIM_KB = 4_000;
const OPEN_AIM_MS = 2_000;

/** What the page for the person on duty costs. */
export const reportBench: Bench = {
  name: 'report',
  what:
    `the page of show-report, and its answers over ${KEY_COUNT} keys that rest, by the bundle in a process of its own, over HTTP; ` +
    'in Chromium, where it is there, against a bare table of the same rows',
  async *measure() {
    yield* pageFigures();
    const fleet = await openFleet({
      deployment: 'lab',
      names: Array.from({ length: KEY_COUNT }, (_, place) => `key-${place}`),
      keysPerIdentity: 10,
    });
    const { data, figures } = await dataFigures(fleet);
    yield* figures;
    if (hasChromium) yield* browserFigures(data);
  },
};

const kilobytes = (bytes: number): number => bytes / 1_000;

async function* pageFigures(): AsyncGenerator<Figure> {
  let [whole, packed] = [0, 0];
  for (const { name } of Object.values(PAGE_FILES)) {
    const bytes = await readFile(join(BUNDLE, name));
    yield figure(name, kilobytes(bytes.length), 'KB');
    whole += bytes.length;
    packed += gzipSync(bytes).length;
  }
  yield figure('the page, all of it', kilobytes(whole), 'KB');
  yield figure('the page, all of it, compressed', kilobytes(packed), 'KB', kilobytes(whole));
}

async function dataFigures(fleet: Fleet): Promise<{ data: FleetData; figures: Figure[] }> {
  const { text, seconds, peakBytes, calls } = await ask(fleet, '/data.json');
  const listing = calls.filter(({ path }) => path === '/api/v2/secrets').length;
  const bytes = Buffer.byteLength(text);
  const figures = [
    figure('data.json: time', seconds, 's', ANSWER_AIM_S),
    figure('data.json: calls to Secrets Manager', listing, 'calls', CALLS_AIM),
    figure('data.json: calls of all kinds, the list of the account among them', calls.length, 'calls'),
    figure('data.json: peak memory', peakBytes / 1e6, 'MB', MEMORY_AIM_MB),
    figure('data.json', kilobytes(bytes), 'KB', DATA_AIM_KB),
    figure('data.json, compressed', kilobytes(gzipSync(text).length), 'KB', kilobytes(bytes)),
  ];
  return { data: JSON.parse(text) as FleetData, figures };
}

type Asked = AnswerReport & Pick<Awaited<ReturnType<typeof toldByProcess>>, 'calls'>;

/** @throws Error when the answer is not all there. */
async function ask(fleet: Fleet, path: string): Promise<Asked> {
  await using bundle = await packedBundle('show-report', fleet);
  const wish: AnswerWish = { file: bundle.file, path, token: TOKEN, atMs: fleet.lab.clock.nowMs() };
  const script = new URL('report-answer.ts', import.meta.url);
  const own = { KEYROTA_REPORT_TOKEN: TOKEN };
  const { report: told, calls } = await toldByProcess(fleet, script, wish, own);
  const report = told as AnswerReport | null;
  const data = report?.statusCode === 200 ? (JSON.parse(report.text) as FleetData) : null;
  if (!report || data?.counts.rest !== KEY_COUNT) throw new Error(`the report failed: ${report?.text.slice(0, 500)}`);
  return { ...report, calls };
}

async function* browserFigures(data: FleetData): AsyncGenerator<Figure> {
  const browser = await openChromium();
  try {
    await using server = await PageServer.open(BUNDLE);
    server.answer('/data.json', data);
    await using bare = await bareServer(bareTable(data));
    // Interleaved, for the machine is not the same all the time. The first round does not count.
    const took: { page: number[]; bare: number[] } = { page: [], bare: [] };
    for (let round = 0; round <= RUNS; round += 1) {
      const [pageMs, bareMs] = [await opening(browser, server.url), await opening(browser, bare.url)];
      if (round === 0) continue;
      took.page.push(pageMs);
      took.bare.push(bareMs);
    }
    yield figure(`${KEY_COUNT} keys open in Chromium`, median(took.page), 'ms', OPEN_AIM_MS);
    yield figure('the same, against a bare table of all rows', median(took.page), 'ms', median(took.bare));
  } finally {
    await browser.close();
  }
}

const median = (all: readonly number[]): number =>
  all.toSorted((one, other) => one - other)[Math.floor(all.length / 2)] ?? Number.NaN;

/** Notes when the first row of a finished table has been drawn, from the start of the navigation on. */
const NOTE_WHEN_SHOWN = `
  const isShown = () => document.querySelector('tr.key') && document.readyState === 'complete';
  const look = () => isShown() ? requestAnimationFrame(() => { globalThis.shownMs = performance.now(); }) : requestAnimationFrame(look);
  look();`;

/** How long the page takes until its keys are there, in milliseconds. */
async function opening(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(NOTE_WHEN_SHOWN);
  await page.goto(url);
  for (;;) {
    const shownMs = await page.evaluate<number | null>('globalThis.shownMs ?? null');
    if (shownMs === null) continue;
    await context.close();
    return shownMs;
  }
}

function bareTable(data: FleetData): string {
  const rows = rowsOf(data.keys).map(
    ({ name, kind, owner, state, keyId, nextDue }) =>
      `<tr class="key"><th>${name}<td>${kind} ${owner}<td>${state}<td>${keyId}<td>${nextDue ?? ''}</tr>`,
  );
  return `<!doctype html><title>Keys</title><table>${rows.join('')}</table>`;
}

async function bareServer(html: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(html);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
