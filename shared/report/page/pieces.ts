import { copied } from './browser.ts';
import { h, part } from './dom.ts';
import type { Child } from './dom.ts';
import { partsOf } from './steps.ts';
import { absolute, relative, span } from './words.ts';

/** Tells whoever listens to the page. */
export function announce(text: string): void {
  part('announcer', HTMLElement).textContent = text;
}

/** A time in relation to now, and as it is. */
export function timeOf(at: string | number | null, nowMs: number, missing = 'unknown'): Child {
  const atMs = typeof at === 'number' ? at : Date.parse(at ?? '');
  if (Number.isNaN(atMs)) return missing;
  return h(
    'time',
    { datetime: new Date(atMs).toISOString() },
    relative(atMs, nowMs),
    ' ',
    h('small', {}, absolute(atMs)),
  );
}

/** How long something has been so. */
export function sinceWords(at: string | null, nowMs: number): Child {
  const atMs = Date.parse(at ?? '');
  if (Number.isNaN(atMs)) return null;
  const since = h('small', {}, `since ${absolute(atMs)}`);
  return h(
    'time',
    { datetime: new Date(atMs).toISOString() },
    ` So for ${span(Math.max(nowMs - atMs, 0))}, `,
    since,
    '.',
  );
}

/** A text that can be copied with a button. */
export function copyable(text: string): HTMLElement {
  const code = h('code', {}, text);
  const copy = async () => {
    const isDone = await copied(text, code);
    announce(isDone ? 'Copied.' : 'Selected: copy it with the keyboard.');
    button.textContent = isDone ? 'Copied' : 'Selected';
  };
  const button = h(
    'button',
    { type: 'button', class: 'copy', 'aria-label': `Copy ${text}`, click: () => void copy() },
    'Copy',
  );
  return h('span', { class: 'copyable' }, code, button);
}

/** A step for a person, with what is to be typed marked as that. */
export const step = (text: string): Child[] =>
  partsOf(text).map((one) => (one.isCommand ? copyable(one.text) : one.text));

/** Steps for a person, in order. */
export function steps(all: readonly string[]): Child {
  if (all.length === 0) return null;
  if (all.length === 1) return h('p', { class: 'steps' }, step(all[0] ?? ''));
  return h(
    'ol',
    { class: 'steps' },
    all.map((one) => h('li', {}, step(one))),
  );
}

/** A word on a coloured ground. */
export const badge = (look: string, text: string, title: string | null = null): HTMLElement =>
  h('span', { class: `badge ${look}`, title }, text);

/** Words and what they stand for. */
export const terms = (pairs: readonly (readonly [string, Child])[]): HTMLElement =>
  h(
    'dl',
    { class: 'terms' },
    pairs.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))),
  );

/** A table with a caption. Its roles are said, for on a phone its rows are drawn as cards. */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement {
  const head = columns.map((column) => h('th', { scope: 'col', role: 'columnheader' }, column));
  const body = rows.map((cells) =>
    h(
      'tr',
      { role: 'row' },
      cells.map((cell, place) => h('td', { role: 'cell', 'data-label': columns[place] ?? '' }, cell)),
    ),
  );
  return h(
    'table',
    { role: 'table', class: 'plain' },
    h('caption', {}, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head)),
    h('tbody', { role: 'rowgroup' }, body),
  );
}

/** What is seldom wanted, closed until it is. It stays open when the page is drawn again. */
export function folded(id: string, summary: string, ...children: readonly Child[]): HTMLElement {
  const details = h(
    'details',
    { id, class: 'folded', open: opened.has(id) },
    h('summary', { id: `${id}-summary` }, summary),
    children,
  );
  details.addEventListener('toggle', () => {
    if (details.open) opened.add(id);
    else opened.delete(id);
  });
  return details;
}

const opened = new Set<string>();
