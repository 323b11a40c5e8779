import { STATES } from '../fleet-data.ts';
import type { LastTime } from '../fleet-data.ts';
import { fill, h, part } from './dom.ts';
import type { Child } from './dom.ts';
import { announce, badge, folded, steps, terms, timeOf } from './pieces.ts';
import type { Actions, PageState } from './state.ts';
import { STATE_WORDS, STATUS_SIGNS, count, sentence, span } from './words.ts';

/** The top of the page: whether there is anything to do, and how old what it says is. */
export function drawStatus(state: PageState): void {
  const { data, nowMs } = state;
  part('status', HTMLElement).className = `status ${data.status}`;
  part('status', HTMLElement).setAttribute('aria-busy', 'false');
  part('sign', HTMLElement).textContent = STATUS_SIGNS[data.status];
  part('deployment', HTMLElement).replaceChildren(h('bdi', {}, data.deployment));
  const headline = part('headline', HTMLElement);
  if (headline.textContent !== data.headline) {
    headline.textContent = data.headline;
    announce(data.headline);
  }
  const urgent = data.attention.filter(({ level }) => level !== 'watch').length;
  document.title = `${urgent > 0 ? `(${urgent}) ` : ''}${STATUS_SIGNS[data.status]} Keyrota ${data.deployment}`;
  fill(
    part('facts', HTMLElement),
    terms([
      ['Last run of rotate-keys', lastTime(data.lastRun, nowMs, 'no run was noted')],
      ['Last check of the account', lastTime(data.lastCheck, nowMs, 'none yet')],
      ['This page', [timeOf(nowMs, nowMs), `, seen in ${span(data.tookMs)}`]],
    ]),
    unseenParts(state),
  );
}

const lastTime = ({ at, isKnown, isLate }: LastTime, nowMs: number, none: string): Child => [
  at === null && !isKnown ? 'unknown' : timeOf(at, nowMs, none),
  isLate && [' ', badge('high', 'late')],
];

function unseenParts({ data: { unseen } }: PageState): Child {
  if (unseen.length === 0) return null;
  return folded(
    'unseen-parts',
    `What could not be seen (${unseen.length})`,
    h(
      'ul',
      {},
      unseen.map(({ what, why, next, isEssential }) =>
        h(
          'li',
          {},
          h('strong', {}, what),
          isEssential && [' ', badge('high', 'matters')],
          `: ${sentence(why)} `,
          steps(next === '' ? [] : [next]),
        ),
      ),
    ),
  );
}

/** How many keys stand how; each shows those alone. */
export function drawCounts({ data: { counts }, filter }: PageState, actions: Actions): void {
  const buttons = STATES.filter((state) => counts[state] > 0 || state === filter.state).map((state) => {
    const { label, meaning } = STATE_WORDS[state];
    const isPressed = filter.state === state;
    const click = () => actions.show({ state: isPressed ? '' : state });
    return h(
      'button',
      {
        type: 'button',
        id: `count-${state}`,
        class: `count ${state}`,
        'aria-pressed': String(isPressed),
        title: meaning,
        click,
      },
      h('b', {}, counts[state].toLocaleString('en')),
      ' ',
      label,
    );
  });
  fill(part('counts', HTMLElement), buttons, buttons.length === 0 && count(0, 'key'));
}
