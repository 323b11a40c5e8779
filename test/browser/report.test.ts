import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { dataOf } from '../../shared/report/fleet-report.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import type { Look } from '../../shared/report/look.ts';
import { timeText } from '../../shared/rotation/record.ts';
import { DemoFolder, readyOf } from '../e2e/support/demo.ts';
import { buildInto } from '../e2e/support/rotate-world.ts';
import {
  NOW_MS,
  finding,
  incident,
  ledgerWith,
  manifestOfNames,
  nameOf,
  reportOf,
  summaryOf,
} from '../support/report-scenes.ts';
import { ReusedPages, hasChromium, openChromium, watchedPage } from './support/browser.ts';
import type { PageOptions, WatchedPage } from './support/browser.ts';
import { PageServer } from './support/page-server.ts';

const at = (offsetMs: number): string => timeText(NOW_MS + offsetMs);
const HOSTILE = `<img src=x onerror=alert(1)>\u202Egpj.exe"'\n<script>alert(2)</script>${'x'.repeat(200)}`;

const NAMES = ['cloud-logs-ingest', 'logs-router-ingest', 'billing-ingest', 'archive-bucket', 'audit-shipper'];

/** Something of everything. */
function everything(): Partial<Look> {
  const [waits = '', leaked = '', asks = '', fails = ''] = NAMES;
  const ledger = ledgerWith({
    incidents: [
      incident({ name: leaked, contained_at: at(-2 * HOUR_MS), time_to_contain_ms: 12_000 }),
      incident({ incident: 'incident-0123456789abcde0', name: '', key_id: HOSTILE, contained_at: at(-DAY_MS) }),
    ],
  });
  ledger.check.counts = { 'key-too-old': 14, 'policy-missing': 1, 'key-never-used': 1 };
  ledger.check.findings = [
    finding({ entry: asks, severity: 'high', rule: 'policy-missing', why: 'ServiceId-1 lacks Writer on logs-router' }),
    finding({ severity: 'medium', rule: 'key-never-used', name: HOSTILE, owner: HOSTILE, why: HOSTILE }),
    ...Array.from({ length: 30 }, (_, place) => finding({ subject: `ApiKey-${place}` })),
  ];
  const problem = 'Version 99 of secret billing-ingest was not stored by this installation (lab).';
  const steps = [
    'If its value is a key of the same identity: keyrota adopt billing-ingest KEY_ID',
    'Otherwise rename it.',
  ];
  return {
    summaries: new Map([
      [waits, summaryOf(waits, 0, { previous_key_id: 'ApiKey-0aaa-1111', retire_after: at(4 * DAY_MS) })],
      [leaked, summaryOf(leaked, 1, { compromised_at: at(-2 * HOUR_MS), dead_since: at(-2 * HOUR_MS) })],
      [asks, summaryOf(asks, 2)],
      [fails, summaryOf(fails, 3, { failures: 3, failed_at: at(-HOUR_MS), not_before: at(HOUR_MS) })],
      ...NAMES.slice(4).map((name, place) => [name, summaryOf(name, place + 4)] as const),
    ]),
    looks: new Map([
      [asks, { step: { step: 'ask', why: 'why', code: 'foreign_version', problem, steps }, incidents: [] }],
    ]),
    ledger,
    unseen: [
      { what: 'the list of all keys', code: 'not_listed', why: 'status 403', next: 'Nothing.', isEssential: false },
    ],
  };
}

const story = (name: string): KeyStory => ({
  name,
  kind: 'service-id-api-key',
  owner: 'ServiceId-1',
  state: 'active',
  takenAt: at(0),
  secret: { name, groupId: 'group-1', type: 'arbitrary', id: 's1', state: 'active' },
  decision: {
    step: 'hold',
    rule: 'wait-for-the-old',
    why: 'key old-key is in grace',
    code: 'grace',
    keyId: 'old-key',
    since: at(-3 * DAY_MS),
    until: at(4 * DAY_MS),
    next: [],
  },
  versions: [
    {
      id: 'v1',
      alias: 'current',
      createdAt: at(-3 * DAY_MS),
      keyId: 'new-key',
      reason: 'due',
      fetched: true,
      hasPayload: true,
      locks: [{ name: HOSTILE, since: at(0), isOurs: false }],
    },
  ],
  keys: [
    {
      id: 'new-key',
      role: 'current',
      exists: true,
      createdAt: at(-3 * DAY_MS),
      supersededAt: null,
      disabledAt: null,
      expiresAt: at(90 * DAY_MS),
      disabled: false,
      locked: false,
      compromised: false,
      lastUsed: 'never',
    },
    {
      id: 'old-key',
      role: 'former',
      exists: true,
      createdAt: at(-33 * DAY_MS),
      supersededAt: at(-3 * DAY_MS),
      disabledAt: null,
      expiresAt: null,
      disabled: false,
      locked: true,
      compromised: false,
      lastUsed: at(-HOUR_MS),
    },
  ],
  incidents: [],
  past: [{ at: at(-3 * DAY_MS), what: 'superseded', keyId: 'old-key', text: 'by new-key' }],
  ahead: [
    { at: at(4 * DAY_MS), what: 'grace over', keyId: 'old-key', text: 'then it is disabled' },
    { at: at(24 * DAY_MS), what: 'due', keyId: 'new-key', text: 'the next rotation' },
  ],
});

interface AxeResults {
  violations: { id: string; nodes: { html: string }[] }[];
}

/** What the checker of accessibility has to say against the page as it is. */
async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run(document)');
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}

let browser: Browser;
beforeAll(async () => {
  if (hasChromium) browser = await openChromium();
});
afterAll(() => browser?.close());

describe.skipIf(!hasChromium)('the page in Chromium', () => {
  let folder: string;
  let server: PageServer;
  let pages: ReusedPages;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keyrota-page-'));
    await buildInto(folder);
    server = await PageServer.open(join(folder, 'show-report'));
    pages = new ReusedPages(browser, server.quietUrl);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    server.answers.clear();
    answerWell(server);
  });

  function answerWell(one: PageServer): void {
    one.answer('/data.json', dataOf(reportOf(manifestOfNames(NAMES), everything())));
    one.answer('/keys/cloud-logs-ingest.json', story('cloud-logs-ingest'));
  }

  async function opened(hash = '', options: PageOptions = {}, at = server): Promise<WatchedPage> {
    const one = await pages.take(options);
    at.asked.length = 0;
    await one.page.goto(at.url + hash);
    await one.page.locator('#status[aria-busy="false"]').waitFor();
    return one;
  }

  it('answers at its top whether there is anything to do, and what exactly', async () => {
    const { page, complaints } = await opened();
    expect(await page.locator('#headline').textContent()).toBe('3 things need you now.');
    expect(await page.title()).toBe('(3) ! Keyrota lab');
    const cards = page.locator('#needs-list > ol > li');
    expect(await cards.count()).toBe(3);
    expect(await cards.first().textContent()).toContain('A leaked key is not replaced');
    const asks = cards.filter({ hasText: 'Waits for a person' });
    expect(await asks.locator('code').allTextContents()).toEqual(['keyrota adopt billing-ingest KEY_ID']);
    expect(await asks.textContent()).toContain('policy-missing: ServiceId-1 lacks Writer on logs-router');
    expect(await page.locator('#facts').textContent()).toContain('1 min ago 2026-11-20 02:59 UTC');
    expect(complaints).toEqual([]);
  });

  it('speaks to its own function alone, and never complains, whatever is opened', async () => {
    const { page, complaints, requests } = await opened('#key=cloud-logs-ingest');
    await page.locator('figure.life').waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.locator('#findings-more').click();
    await page.locator('#findings-medium').click();
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual([]);
    expect(server.asked).toEqual(['/', '/report.css', '/report.js', '/data.json', '/keys/cloud-logs-ingest.json']);
  });

  it('shows names from the account as text, and what nobody would see by its number', async () => {
    const { page, complaints } = await opened('#key=cloud-logs-ingest');
    await page.locator('figure.life').waitFor();
    for (const part of ['#findings-list', '#incidents-list', '.details']) {
      expect(await page.locator(part).textContent()).toContain(
        '<img src=x onerror=alert(1)>⟨U+202E⟩gpj.exe"\'⟨U+000A⟩<script>',
      );
    }
    expect(await page.locator('img, main script, iframe, object, embed').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('filters by text, state, kind and findings, says how many are left, and keeps that in its address', async () => {
    const { page } = await opened();
    const names = () => page.locator('tr.key .open').allTextContents();
    expect(await names()).toHaveLength(5);
    await page.getByLabel('Name, key id or owner').fill('INGEST');
    expect((await names()).toSorted()).toEqual(['billing-ingest', 'cloud-logs-ingest', 'logs-router-ingest']);
    expect(await page.locator('#key-count').textContent()).toBe('3 of 5 keys');
    await page.getByRole('button', { name: '1 asks' }).click();
    expect(await names()).toEqual(['billing-ingest']);
    expect(new URL(page.url()).hash).toBe('#q=INGEST&state=ask');
    await page.reload();
    await page.locator('tr.key').first().waitFor();
    expect(await names()).toEqual(['billing-ingest']);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('combobox', { name: 'Findings' }).selectOption('high');
    expect(await names()).toEqual(['billing-ingest']);
    await page.getByRole('combobox', { name: 'Findings' }).selectOption('');
    await page.getByRole('combobox', { name: 'State' }).selectOption('hold');
    expect(await names()).toEqual(['cloud-logs-ingest']);
    await page.getByRole('combobox', { name: 'Kind' }).selectOption('service-id-api-key');
    expect(new URL(page.url()).hash).toBe('#state=hold&kind=service-id-api-key');
    const wanted = summaryOf('archive-bucket', 3).key_id;
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Name, key id or owner').fill(wanted);
    expect(await names()).toEqual(['archive-bucket']);
    await page.getByLabel('Name, key id or owner').fill('nothing has this');
    expect([await names(), await page.locator('#key-count').textContent()]).toEqual([[], '0 of 5 keys']);
  });

  it('draws the life of each key, and says the same in words', async () => {
    const { page } = await opened();
    const row = page.locator('tr.key', { hasText: 'cloud-logs-ingest' });
    await row.scrollIntoViewIfNeeded();
    const line = row.locator('svg');
    await line.waitFor();
    expect(await line.getAttribute('role')).toBe('img');
    expect(await line.getAttribute('aria-label')).toMatch(
      /^current key since .* in grace, over in 4 d; next due in 28 d$/,
    );
    expect(await line.locator('rect').count()).toBeGreaterThanOrEqual(3);
  });

  it('tells the whole story of a key when it is opened, and asks for it then alone', async () => {
    const { page } = await opened();
    expect(server.asked).not.toContain('/keys/cloud-logs-ingest.json');
    await page.getByRole('button', { name: 'cloud-logs-ingest', exact: true }).click();
    const details = page.locator('tr.details');
    await details.locator('figure.life svg').waitFor();
    const text = await details.textContent();
    for (const part of [
      'hold: key old-key is in grace.',
      'wait-for-the-old',
      'grace over',
      'in 4 d',
      'superseded',
      'keyrota explain cloud-logs-ingest',
    ])
      expect(text).toContain(part);
    expect(await details.getByRole('table', { name: 'Keys at the issuer' }).getByRole('row').count()).toBe(3);
    await page.getByRole('button', { name: 'cloud-logs-ingest', exact: true }).click();
    expect(await details.count()).toBe(0);
  });

  it('says why a key cannot be looked at, and what is known of it all the same', async () => {
    const body = { code: 'takes_change', message: 'A look takes a change.', next: 'keyrota explain audit-shipper' };
    server.answer('/keys/audit-shipper.json', body, 409);
    const { page } = await opened('#key=audit-shipper');
    const details = page.locator('tr.details');
    await details.getByText('It cannot be looked at').waitFor();
    expect(await details.textContent()).toContain('A look takes a change.');
    expect(await details.textContent()).toContain(summaryOf('audit-shipper', 4).key_id);
  });

  it('goes from what is to be done to the key that it is about', async () => {
    const { page } = await opened('#q=nothing');
    expect(await page.locator('tr.key').count()).toBe(0);
    await page.locator('#needs-list').getByRole('button', { name: 'billing-ingest', exact: true }).click();
    expect(await page.evaluate('document.activeElement.id')).toBe('key-billing-ingest');
    expect(await page.locator('tr.key .open').allTextContents()).toEqual(['billing-ingest']);
    expect(await page.locator('tr.details').count()).toBe(1);
  });

  it('can be used with the keyboard alone', async () => {
    const { page } = await opened();
    const focused = () => page.evaluate<string>('document.activeElement.id || document.activeElement.textContent');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('skip');
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('keys-heading');
    /** What the key Tab comes to, and how that shows. */
    const outlines = new Map<string, string>();
    for (let presses = 0; presses < 60 && !outlines.has('key-cloud-logs-ingest'); presses += 1) {
      await page.keyboard.press('Tab');
      const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
      outlines.set(await focused(), outline);
    }
    const wanted = ['count-ask', 'filter-text', 'filter-state', 'filter-kind', 'filter-severity', 'key-billing-ingest'];
    for (const id of wanted) expect([id, outlines.get(id)]).toEqual([id, 'solid']);
    await page.keyboard.press('Enter');
    await page.locator('figure.life').waitFor();
    expect(await focused()).toBe('key-cloud-logs-ingest');
    expect(await page.locator('#key-cloud-logs-ingest').getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('Enter');
    expect(await page.locator('tr.details').count()).toBe(0);
  });

  it('keeps the focus, what is open and what was typed when it is refreshed', async () => {
    const { page, complaints } = await opened('#key=cloud-logs-ingest');
    await page.locator('figure.life').waitFor();
    await page.locator('#unseen-parts-summary').click();
    await page.getByLabel('Name, key id or owner').pressSequentially('logs');
    await page.locator('#key-cloud-logs-ingest').focus();
    server.answer(
      '/data.json',
      dataOf(reportOf(manifestOfNames(NAMES), { ...everything(), looks: new Map(), ledger: ledgerWith({}) })),
    );
    const headline = page.locator('#headline');
    await page.evaluate('document.getElementById("refresh").click()');
    await headline.getByText('2 things').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('key-cloud-logs-ingest');
    expect(await page.locator('#unseen-parts').getAttribute('open')).not.toBeNull();
    expect(await page.getByLabel('Name, key id or owner').inputValue()).toBe('logs');
    expect(complaints).toEqual([]);
  });

  it('asks anew every minute, but not while nobody can see it, or nobody wants it to', async () => {
    // With a clock of its own; the one that is used again must not ask meanwhile.
    await pages.take();
    const { page } = await watchedPage(browser);
    const askedCount = () => server.asked.filter((path) => path === '/data.json').length;
    const passMinute = async () => {
      await page.clock.runFor(62_000);
      await page.locator('#refresh[aria-busy="false"]').waitFor();
    };
    await page.clock.install();
    await page.goto(server.url);
    await page.locator('tr.key').first().waitFor();
    const before = askedCount();
    await passMinute();
    await expect.poll(askedCount).toBe(before + 1);
    await page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })");
    await passMinute();
    await passMinute();
    expect(askedCount()).toBe(before + 1);
    await page.evaluate('delete document.visibilityState; document.dispatchEvent(new Event("visibilitychange"))');
    await expect.poll(askedCount).toBe(before + 2);
    await page.getByLabel('every minute').uncheck();
    await passMinute();
    await passMinute();
    expect(askedCount()).toBe(before + 2);
    await page.context().close();
  });

  it('says what is wrong when its function fails, what to do, and how old that is what it shows', async () => {
    const { page } = await opened();
    server.answer('/data.json', { code: 'manifest_invalid', message: 'The manifest is wrong.', next: 'Mend it.' }, 500);
    await page.getByRole('button', { name: 'Refresh' }).click();
    const trouble = page.getByRole('alert');
    await trouble.getByText('The manifest is wrong.').waitFor();
    expect(await trouble.textContent()).toContain('Mend it.');
    expect(await trouble.textContent()).toContain('What is shown is of 2026-11-20 03:00 UTC.');
    expect(await page.locator('tr.key').count()).toBe(5);
  });

  it.each([
    [401, 'The token is not accepted any more.'],
    [503, 'The report is closed.'],
    [299, 'The function took too long.'],
    [500, 'The function answered 500.'],
  ])('never looks well when the first answer is %i', async (status, what) => {
    server.answer('/data.json', status === 500 ? null : { code: 'x' }, status);
    const { page } = await opened();
    await page.getByRole('alert').getByText(what).waitFor();
    expect(await page.locator('#headline').textContent()).toBe('Nobody can say whether you have to do anything.');
  });

  it('says so where the function does not answer at all', async () => {
    const own = await PageServer.open(join(folder, 'show-report'));
    answerWell(own);
    const { page } = await opened('', {}, own);
    await own[Symbol.asyncDispose]();
    await page.getByRole('button', { name: 'Refresh' }).click();
    const trouble = page.getByRole('alert');
    await trouble.getByText('The function does not answer.').waitFor();
    expect(await trouble.textContent()).toContain('See whether the function show-report is up');
  });

  it.each<[string, PageOptions]>([
    ['in light', { colorScheme: 'light' }],
    ['in dark', { colorScheme: 'dark' }],
    ['on a phone', { isPhone: true, colorScheme: 'light' }],
    ['on a phone in the dark', { isPhone: true, colorScheme: 'dark' }],
  ])('has nothing that axe finds inaccessible, %s', async (_, options) => {
    const { page } = await opened('#key=cloud-logs-ingest', options);
    await page.locator('figure.life').waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await faultsOf(page)).toEqual([]);
  });

  it('has other colours in the dark', async () => {
    const groundOf = async (colorScheme: 'light' | 'dark') => {
      const { page } = await opened('', { colorScheme });
      return page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    };
    expect(await groundOf('light')).not.toBe(await groundOf('dark'));
  });

  it('is as wide as a phone of 360 pixels, with everything open', async () => {
    const { page } = await opened('#key=cloud-logs-ingest', { isPhone: true });
    await page.locator('figure.life').waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(360);
  });

  it('has 10,000 keys all there, found and filtered, while few of them stand on the page', async () => {
    const names = Array.from({ length: 10_000 }, (_, place) => nameOf(place));
    server.answer('/data.json', dataOf(reportOf(manifestOfNames(names))));
    const { page, complaints } = await opened();
    expect(await page.locator('#key-count').textContent()).toBe('10,000 keys, page 1 of 200');
    const elements = () => page.evaluate<number>('document.querySelectorAll("*").length');
    expect(await page.locator('tr.key').count()).toBe(50);
    expect(await elements()).toBeLessThan(4_000);
    await page.getByLabel('Name, key id or owner').fill('key-9999');
    expect(await page.locator('tr.key .open').allTextContents()).toEqual(['key-9999']);
    await page.getByLabel('Name, key id or owner').fill('key-99');
    expect(await page.locator('#key-count').textContent()).toBe('111 of 10,000 keys, page 1 of 3');
    await page.getByRole('button', { name: 'Last' }).click();
    expect(await page.locator('tr.key').count()).toBe(11);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('button', { name: 'Next', exact: true }).click();
    expect(await page.locator('#key-count').textContent()).toBe('10,000 keys, page 2 of 200');
    expect(new URL(page.url()).hash).toBe('#page=2');
    expect(await elements()).toBeLessThan(4_000);
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(!hasChromium)('the page of the demo', () => {
  it('loads from the function host, behind its password, shows the keys and filters them', async () => {
    using folder = new DemoFolder();
    await using demo = folder.start('--json');
    const { reportUrl, reportToken } = await readyOf(demo);
    await demo.until(({ lines }) => lines.find((line) => line.includes('"key_minted"')));
    const { page, complaints, requests } = await watchedPage(browser, {
      httpCredentials: { username: 'me', password: reportToken },
    });
    try {
      // Whoever leaves the last slash out comes to it all the same.
      const answer = await page.goto(reportUrl.replace(/\/$/, ''));
      expect([answer?.status(), page.url()]).toEqual([200, reportUrl]);
      const keys = page.locator('tr.key .open');
      await keys.filter({ hasText: 'cloud-logs-ingest' }).waitFor();
      expect(await keys.count()).toBe(9);
      expect(await page.locator('#headline').textContent()).toMatch(/[.]$/);
      await page.getByLabel('Name, key id or owner').fill('cloud-logs-ingest');
      expect(await keys.allTextContents()).toEqual(['cloud-logs-ingest']);
      await keys.click();
      await page.locator('tr.details figure.life svg').waitFor();
      expect(await page.locator('tr.details').textContent()).toContain('Keys at the issuer');
      expect(complaints).toEqual([]);
      const { origin } = new URL(reportUrl);
      expect(requests.filter((url) => !url.startsWith(origin) && !url.startsWith('data:'))).toEqual([]);
    } finally {
      await page.context().close();
    }
    const stranger = await fetch(reportUrl);
    expect(stranger.status).toBe(401);
    expect((await demo.stop('SIGINT')).stderr).toBe('');
  });
});
