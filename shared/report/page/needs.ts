import type { Attention } from '../fleet-data.ts';
import { fill, h, named, part } from './dom.ts';
import type { Child } from './dom.ts';
import { badge, folded, sinceWords, steps } from './pieces.ts';
import type { Actions, PageState } from './state.ts';
import { LEVEL_WORDS, count, sentence } from './words.ts';

/** What a person has to do now, and what is only to be watched. */
export function drawNeeds({ data, nowMs }: PageState, actions: Actions): void {
  const urgent = data.attention.filter(({ level }) => level !== 'watch');
  const watched = data.attention.filter(({ level }) => level === 'watch');
  const card = (one: Attention) => cardOf(one, nowMs, actions);
  part('needs', HTMLElement).hidden = false;
  fill(
    part('needs-list', HTMLElement),
    urgent.length === 0
      ? h('p', { class: 'none' }, data.status === 'blind' ? 'Nothing that can be seen.' : 'Nothing.')
      : h('ol', { class: 'cards' }, urgent.map(card)),
    data.attentionOmitted > 0 &&
      h('p', {}, `${count(data.attentionOmitted, 'more')} of less weight: see the states of the keys.`),
    watched.length > 0 &&
      folded('watched', `To keep an eye on (${watched.length})`, h('ol', { class: 'cards' }, watched.map(card))),
  );
}

function cardOf(
  { level, title, why, since, next, also, entries, entryCount }: Attention,
  nowMs: number,
  actions: Actions,
): HTMLElement {
  return h(
    'li',
    { class: `card ${level}` },
    h('h3', {}, badge(level, LEVEL_WORDS[level]), ' ', title),
    entries.length > 0 &&
      h(
        'p',
        { class: 'entries' },
        entries.map((name) => entryLink(name, actions)),
        moreThan(entries.length, entryCount),
      ),
    h('p', {}, sentence(why), sinceWords(since, nowMs)),
    next.length > 0 && h('h4', {}, 'What to do'),
    steps(next),
    also.length > 0 && [
      h('h4', {}, 'Also found'),
      h(
        'ul',
        {},
        also.map((one) => h('li', {}, sentence(one))),
      ),
    ],
  );
}

const moreThan = (shown: number, all: number): Child =>
  all > shown && ` and ${(all - shown).toLocaleString('en')} more`;

/** Goes to a key. */
export function entryLink(name: string, actions: Actions): HTMLElement {
  return h('button', { type: 'button', class: 'link', click: () => actions.goTo(name) }, named(name));
}
