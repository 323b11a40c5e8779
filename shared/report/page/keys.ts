import { SEVERITIES } from '../../findings/finding.ts';
import { STATES } from '../fleet-data.ts';
import type { KeyRow } from '../fleet-data.ts';
import { detailsOf } from './details.ts';
import { fill, h, named, part } from './dom.ts';
import type { Child } from './dom.ts';
import { draw, LOOKS } from './drawing.ts';
import type { Look } from './drawing.ts';
import { ALL, PAGE_SIZE, filtered } from './filter.ts';
import { badge, timeOf } from './pieces.ts';
import { AHEAD_MS, BACK_MS, lineOf } from './row-line.ts';
import type { RowLine } from './row-line.ts';
import type { Actions, PageState } from './state.ts';
import { STATE_WORDS, absolute, brief, count, reasonOf } from './words.ts';

const LINE_WIDTH = 280;
const LANE_HEIGHT = 13;
const COLUMNS = 4;

/** The keys that the filter lets through, a page of them, each with its life; one may be open. */
export function drawKeys(state: PageState, actions: Actions): void {
  part('keys', HTMLElement).hidden = false;
  const found = filtered(state.rows, state.filter, state.worst);
  const pageCount = Math.max(Math.ceil(found.length / PAGE_SIZE), 1);
  const page = Math.min(state.filter.page, pageCount);
  const shown = found.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  tellCount(found.length, page, pageCount, state);
  const rows = shown.flatMap((row) => rowsOf(row, state, actions));
  const caption = h('caption', { class: 'heard' }, 'Keys, the most urgent first');
  const table = h(
    'table',
    { class: 'keys', role: 'table' },
    caption,
    headOf(state.nowMs),
    h('tbody', { role: 'rowgroup' }, rows),
  );
  fill(part('key-table', HTMLElement), found.length > 0 && table);
  drawPages(page, pageCount, actions);
}

function tellCount(found: number, page: number, pageCount: number, { rows, data }: PageState): void {
  const omitted = data.keys.omitted;
  const all = rows.length + omitted;
  const text = [
    found === all ? count(all, 'key') : `${found.toLocaleString('en')} of ${count(all, 'key')}`,
    ...(pageCount > 1 ? [`page ${page} of ${pageCount}`] : []),
    ...(omitted > 0
      ? [`${omitted.toLocaleString('en')} that rest are not in the list: keys/NAME.json shows each`]
      : []),
  ].join(', ');
  const line = part('key-count', HTMLElement);
  if (line.textContent !== text) line.textContent = text;
}

const column = (text: string, ...more: Child[]) => h('th', { scope: 'col', role: 'columnheader' }, text, more);

function headOf(nowMs: number): HTMLElement {
  return h(
    'thead',
    { role: 'rowgroup' },
    h('tr', { role: 'row' }, column('Key'), column('State'), column('Life', axisOf(nowMs)), column('Next')),
  );
}

/** The dates that the timelines of all rows stand under. */
function axisOf(nowMs: number): HTMLElement {
  const label = `from ${absolute(nowMs - BACK_MS)} to ${absolute(nowMs + AHEAD_MS)}`;
  const axis = draw({
    width: LINE_WIDTH,
    laneHeight: 2,
    lanes: ['axis'],
    fromMs: nowMs - BACK_MS,
    untilMs: nowMs + AHEAD_MS,
    nowMs: null,
    spans: [],
    marks: [],
    label,
    axes: { laneNames: [''], marginLeft: 0 },
  });
  return h('div', { class: 'line' }, axis);
}

const cell = (label: string, ...children: Child[]) => h('td', { role: 'cell', 'data-label': label }, children);

function rowsOf(row: KeyRow, state: PageState, actions: Actions): HTMLElement[] {
  const { name } = row;
  const isOpen = state.filter.key === name;
  const id = `key-${name}`;
  const toggle = () => actions.show({ key: isOpen ? '' : name, page: state.filter.page });
  const button = h(
    'button',
    {
      type: 'button',
      id,
      class: 'open',
      'aria-expanded': String(isOpen),
      'aria-controls': isOpen ? `${id}-details` : null,
      click: toggle,
    },
    named(name),
  );
  const head = h(
    'th',
    { scope: 'row', role: 'rowheader' },
    button,
    h('div', { class: 'muted' }, `${row.kind} `, owner(row)),
  );
  const line = h(
    'tr',
    { role: 'row', class: `key ${row.state}` },
    head,
    cell('State', stateOf(row, state)),
    cell('Life', h('div', { class: 'line' }, lineDrawing(lineOf(row, state.nowMs), state.nowMs))),
    cell('Next', nextOf(row, state.nowMs)),
  );
  if (!isOpen) return [line];
  const details = h('td', { colspan: COLUMNS, role: 'cell' }, detailsOf(row, state));
  return [line, h('tr', { role: 'row', class: 'details', id: `${id}-details` }, details)];
}

const owner = ({ owner: id }: KeyRow): Child => id !== '' && h('bdi', { class: 'id', title: id }, brief(id));

function stateOf(row: KeyRow, { worst }: PageState): Child[] {
  const { label, meaning } = STATE_WORDS[row.state];
  const severity = worst.get(row.name);
  return [
    badge(row.state, label, meaning),
    row.deadSince !== null && [' ', badge('critical', 'dead')],
    row.compromisedAt !== null && [' ', badge('critical', 'leaked')],
    row.failures > 0 && [' ', badge('high', count(row.failures, 'failure'))],
    severity !== undefined && [' ', badge(severity, `finding: ${severity}`)],
    h('div', { class: 'why' }, reasonOf(row)),
  ];
}

function nextOf({ state, until, nextDue }: KeyRow, nowMs: number): Child {
  if (state === 'keyless') return 'nothing';
  if (state === 'planned') return 'the next run';
  if (until !== null) return timeOf(until * 1_000, nowMs);
  if (state === 'rest' && nextDue !== null) return timeOf(nextDue * 1_000, nowMs);
  return state === 'ask' ? 'a person' : 'not known';
}

/** Drawn when it comes into view: fifty drawings at once would make the page wait. */
function lineDrawing(line: RowLine, nowMs: number): HTMLElement {
  const place = h('div', {
    class: 'drawing',
    role: 'img',
    'aria-label': line.text === '' ? 'no times are known' : line.text,
  });
  if (line.text === '') return h('span', { class: 'muted' }, '–');
  pending.set(place, () => {
    place.removeAttribute('role');
    place.removeAttribute('aria-label');
    place.appendChild(rowDrawing(line, nowMs));
  });
  viewer.observe(place);
  return place;
}

const pending = new WeakMap<Element, () => void>();
const viewer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      viewer.unobserve(target);
      pending.get(target)?.();
      pending.delete(target);
    }
  },
  { rootMargin: '200px' },
);

const rowDrawing = (line: RowLine, nowMs: number): Element =>
  draw({
    width: LINE_WIDTH,
    laneHeight: LANE_HEIGHT,
    lanes: ['current', 'former'],
    fromMs: nowMs - BACK_MS,
    untilMs: nowMs + AHEAD_MS,
    nowMs,
    spans: line.spans.map((one) => ({ ...one, title: LOOKS[one.look].label })),
    marks: line.marks.map(({ look, ...one }) => ({ ...one, ...MARKS[look] })),
    label: line.text,
    axes: null,
  });

const MARKS = {
  due: { symbol: 'diamond2', stroke: 'var(--line-current)', title: 'next rotation due' },
  overdue: { symbol: 'diamond2', stroke: 'var(--critical)', title: 'was due' },
  leak: { symbol: 'times', stroke: 'var(--critical)', title: 'leak reported' },
} as const;

function drawPages(page: number, pageCount: number, actions: Actions): void {
  const to = (target: number, text: string, id: string) =>
    h(
      'button',
      { type: 'button', id, disabled: target < 1 || target > pageCount, click: () => actions.show({ page: target }) },
      text,
    );
  const nav = part('pages', HTMLElement);
  nav.hidden = pageCount < 2;
  fill(
    nav,
    to(1, 'First', 'page-first'),
    to(page - 1, 'Previous', 'page-previous'),
    h('span', {}, `Page ${page} of ${pageCount}`),
    to(page + 1, 'Next', 'page-next'),
    to(pageCount, 'Last', 'page-last'),
  );
}

/** What the forms in the timelines mean. */
export function drawLegend(): void {
  const shown = (['current', 'coming', 'grace', 'retiring', 'dead'] as const).map(swatch);
  fill(
    part('legend', HTMLElement),
    shown,
    h('span', {}, '◇ next rotation due'),
    h('span', {}, '✕ leak'),
    h('span', {}, '│ now'),
  );
}

function swatch(look: Look): HTMLElement {
  const span = { lane: 'one', fromMs: 0, untilMs: 2, look, title: '' };
  const size = { width: 28, laneHeight: LANE_HEIGHT, lanes: ['one'], fromMs: 0, untilMs: 2 };
  const figure = draw({ ...size, nowMs: null, spans: [span], marks: [], label: '', axes: null });
  figure.setAttribute('aria-hidden', 'true');
  return h('span', { class: 'swatch' }, figure, LOOKS[look].label);
}

/** The fields of the filter as it stands. */
export function drawFilter({ rows, filter }: PageState): void {
  const text = part('filter-text', HTMLInputElement);
  if (text.value !== filter.text) text.value = filter.text;
  const kinds = [...new Set(rows.map(({ kind }) => kind))].toSorted();
  options(
    'filter-state',
    filter.state,
    STATES.map((state) => [state, STATE_WORDS[state].label] as const),
  );
  options(
    'filter-kind',
    filter.kind,
    kinds.map((kind) => [kind, kind] as const),
  );
  options(
    'filter-severity',
    filter.severity,
    SEVERITIES.map((one) => [one, one === 'critical' ? one : `${one} or worse`] as const),
  );
  part('filter-clear', HTMLButtonElement).disabled = Object.entries({ ...filter, page: 1, key: '' }).every(
    ([field, value]) => value === ALL[field as keyof typeof ALL],
  );
}

function options(id: string, chosen: string, all: readonly (readonly [string, string])[]): void {
  const select = part(id, HTMLSelectElement);
  const wanted = [['', 'all'] as const, ...all];
  const isSame =
    wanted.length === select.options.length && wanted.every(([value], place) => select.options[place]?.value === value);
  if (!isSame)
    fill(
      select,
      wanted.map(([value, text]) => h('option', { value }, text)),
    );
  select.value = chosen;
}
