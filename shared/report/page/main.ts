// The page of show-report. It asks its own function for data, and shows them; it changes nothing.
import type { FleetData } from '../fleet-data.ts';
import type { KeyStory } from '../key-story.ts';
import { rowsOf } from '../row-table.ts';
import { ask, eachPeriod } from './browser.ts';
import { fill, h, keepingFocus, part } from './dom.ts';
import { patterns } from './drawing.ts';
import { ALL, PAGE_SIZE, filterIn, filtered, hashOf, worstOf } from './filter.ts';
import type { Filter } from './filter.ts';
import { drawFindings } from './findings.ts';
import { drawIncidents } from './incidents.ts';
import { drawFilter, drawKeys, drawLegend } from './keys.ts';
import { drawNeeds } from './needs.ts';
import { announce, steps } from './pieces.ts';
import type { Actions, PageState, StoryState } from './state.ts';
import { drawCounts, drawStatus } from './status.ts';
import { absolute } from './words.ts';

const REFRESH_MS = 60_000;

class Page {
  #state: PageState | null = null;
  #filter: Filter = filterIn(location.hash);
  #loading: AbortController | null = null;
  readonly #actions: Actions = {
    show: (change) => this.show(change),
    goTo: (name) => this.goTo(name),
  };

  /** Asks for everything anew, and for the story of the key that is open. What is shown stays until the answer comes. */
  async load(): Promise<void> {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    part('refresh', HTMLButtonElement).setAttribute('aria-busy', 'true');
    const answer = await ask<FleetData>('data.json', loading.signal);
    if (loading.signal.aborted) return; // a later one is on its way
    part('refresh', HTMLButtonElement).setAttribute('aria-busy', 'false');
    if (answer.data === null) {
      this.#tellTrouble(answer);
      return;
    }
    fill(part('trouble', HTMLElement));
    const { data } = answer;
    this.#state = {
      data,
      rows: rowsOf(data.keys),
      worst: worstOf(data.findings.listed),
      nowMs: Date.parse(data.generatedAt),
      filter: this.#filter,
      stories: this.#state?.stories ?? new Map<string, StoryState>(),
    };
    this.#draw();
    void this.#loadStory();
  }

  show(change: Partial<Filter>): void {
    this.#filter = { ...this.#filter, page: 1, ...change };
    history.replaceState(null, '', `${location.pathname}${location.search}${hashOf(this.#filter)}`);
    this.#drawKeys();
    void this.#loadStory();
  }

  /** Where the filter hides the key, it is taken away. */
  goTo(name: string): void {
    const state = this.#state;
    if (!state) return;
    const found = filtered(state.rows, this.#filter, state.worst).findIndex((row) => row.name === name);
    if (found < 0) this.show({ ...ALL, text: name, key: name });
    else this.show({ page: Math.floor(found / PAGE_SIZE) + 1, key: name });
    const button = document.getElementById(`key-${name}`);
    button?.focus();
    button?.scrollIntoView({ block: 'start' });
  }

  /** The address of the page was changed by hand, or by going back. */
  readAddress(): void {
    this.#filter = filterIn(location.hash);
    this.#drawKeys();
    void this.#loadStory();
  }

  #draw(): void {
    const state = this.#state;
    if (!state) return;
    drawStatus(state);
    keepingFocus(() => {
      drawNeeds(state, this.#actions);
      drawFindings(state, this.#actions);
      drawIncidents(state, this.#actions);
    });
    this.#drawKeys();
  }

  #drawKeys(): void {
    if (!this.#state) return;
    const state = { ...this.#state, filter: this.#filter };
    this.#state = state;
    keepingFocus(() => {
      drawCounts(state, this.#actions);
      drawFilter(state);
      drawKeys(state, this.#actions);
    });
  }

  async #loadStory(): Promise<void> {
    const state = this.#state;
    const { key } = this.#filter;
    const row = state?.rows.find(({ name }) => name === key);
    if (!state || !row || row.state === 'keyless') return;
    const answer = await ask<KeyStory>(`keys/${encodeURIComponent(key)}.json`, AbortSignal.timeout(REFRESH_MS));
    const trouble = answer.data === null ? { what: answer.what, next: answer.next } : null;
    // What was seen before is better than a trouble that may pass.
    if (answer.data) state.stories.set(key, { story: answer.data });
    else if (!state.stories.get(key)?.story) state.stories.set(key, { story: null, trouble });
    if (this.#filter.key !== key) return;
    this.#drawKeys();
    announce(answer.data ? `${key} is there.` : `${key} cannot be looked at.`);
  }

  #tellTrouble({ what, next }: { what: string; next: string }): void {
    const seen = this.#state ? ` What is shown is of ${absolute(this.#state.nowMs)}.` : '';
    fill(
      part('trouble', HTMLElement),
      h('div', { class: 'trouble' }, h('strong', {}, what), seen, ' ', steps(next === '' ? [] : [next])),
    );
    if (this.#state) return;
    part('status', HTMLElement).setAttribute('aria-busy', 'false');
    part('headline', HTMLElement).textContent = 'Nobody can say whether you have to do anything.';
  }
}

function start(): void {
  const page = new Page();
  document.body.append(patterns());
  drawLegend();
  const putOff = eachPeriod(REFRESH_MS, () => {
    if (part('auto', HTMLInputElement).checked) void page.load();
  });
  part('refresh', HTMLButtonElement).addEventListener('click', () => {
    putOff();
    void page.load();
  });
  const form = part('filters', HTMLFormElement);
  const text = part('filter-text', HTMLInputElement);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    page.show(ALL);
    text.focus();
  });
  text.addEventListener('input', () => page.show({ text: text.value, key: '' }));
  for (const field of ['state', 'kind', 'severity'] as const) {
    const select = part(`filter-${field}`, HTMLSelectElement);
    select.addEventListener('change', () => page.show({ [field]: select.value, key: '' }));
  }
  part('skip', HTMLAnchorElement).addEventListener('click', (event) => {
    // The address keeps the filter.
    event.preventDefault();
    const heading = part('keys-heading', HTMLElement);
    heading.focus();
    heading.scrollIntoView();
  });
  addEventListener('hashchange', () => page.readAddress());
  void page.load();
}

start();
