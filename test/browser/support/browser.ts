import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Debian's; another one can be named. */
const CHROMIUM = process.env['KEYROTA_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser to try the page in. */
export const hasChromium = existsSync(CHROMIUM);

if (!hasChromium) {
  process.stderr.write(
    `\nSKIPPED: there is no ${CHROMIUM}, so the page of show-report is tried in no browser.\n` +
      'As root on Debian: apt-get install --no-install-recommends chromium\n\n',
  );
}

/** A browser of its own, without windows, that speaks to nobody but the page. */
export const openChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

/** A page, with all that it complained of and all that it asked for. */
export interface WatchedPage {
  page: Page;
  /** Errors and warnings of the console, and failures that nobody caught. */
  complaints: string[];
  /** Addresses of all requests. */
  requests: string[];
}

export async function watchedPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  return { page, complaints, requests };
}

/** What a page is opened with. */
export interface PageOptions {
  /** Default: light. */
  colorScheme?: 'light' | 'dark';
  /** Default: false. */
  isPhone?: boolean;
}

const PHONE: BrowserContextOptions = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

/**
 * Pages that are used again: one that stays at its server keeps its process, whose start takes most of the time. Nothing of a former
 * use is left but the process: the page under test keeps nothing in its browser.
 */
export class ReusedPages {
  readonly #browser: Browser;
  /** A page at the same server on which nothing goes on. */
  readonly #quietUrl: string;
  #desk: Promise<WatchedPage> | undefined;
  #phone: Promise<WatchedPage> | undefined;

  constructor(browser: Browser, quietUrl: string) {
    this.#browser = browser;
    this.#quietUrl = quietUrl;
  }

  /** A page at which nothing goes on any more. */
  async take({ colorScheme = 'light', isPhone = false }: PageOptions = {}): Promise<WatchedPage> {
    const taken = await (isPhone
      ? (this.#phone ??= watchedPage(this.#browser, PHONE))
      : (this.#desk ??= watchedPage(this.#browser)));
    const { page, complaints, requests } = taken;
    await page.goto(this.#quietUrl);
    await page.emulateMedia({ colorScheme });
    await page.mouse.move(0, 0);
    complaints.length = 0;
    requests.length = 0;
    return taken;
  }
}
