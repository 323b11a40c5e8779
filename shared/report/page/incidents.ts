import type { IncidentRecord } from '../fleet-data.ts';
import { fill, h, named, part } from './dom.ts';
import type { Child } from './dom.ts';
import { entryLink } from './needs.ts';
import { badge, copyable, timeOf } from './pieces.ts';
import type { Actions, PageState } from './state.ts';
import { span } from './words.ts';

/** Every leak that is remembered, the latest first. */
export function drawIncidents({ data: { incidents }, nowMs }: PageState, actions: Actions): void {
  part('incidents', HTMLElement).hidden = false;
  fill(
    part('incidents-list', HTMLElement),
    incidents.length === 0
      ? h('p', { class: 'none' }, 'No leak is known.')
      : h(
          'ul',
          { class: 'cards' },
          incidents.map((one) => incidentItem(one, nowMs, actions)),
        ),
  );
}

/** One leak. Without actions it stands with the entry that it is about. */
export function incidentItem(incident: IncidentRecord, nowMs: number, actions: Actions | null): HTMLElement {
  const { name, key_id: keyId, reports, actions: done, incident: id } = incident;
  const look = lookOf(incident);
  return h(
    'li',
    { class: `card ${look.level}` },
    h(
      actions ? 'h3' : 'h4',
      {},
      badge(look.level, look.text),
      ' Key ',
      named(keyId, 'id'),
      name === '' ? ' of no entry' : ' of ',
      name !== '' && (actions ? entryLink(name, actions) : named(name)),
    ),
    h(
      'p',
      {},
      reports.length === 0
        ? 'Reported '
        : ['Reported by ', reports.map(({ by }, place) => [place > 0 && ', ', named(by)]), ' '],
      timeOf(incident.reported_at, nowMs),
    ),
    h('ol', { class: 'phases' }, phases(incident, nowMs)),
    done.length > 0 &&
      h(
        'ol',
        { class: 'events' },
        done.map(({ at, action, result }) =>
          h('li', {}, h('strong', {}, action), ' ', timeOf(at, nowMs), h('div', {}, result)),
        ),
      ),
    h('p', { class: 'steps' }, 'All that is known, in a file: ', copyable(`keyrota export ${id}`)),
  );
}

function lookOf(incident: IncidentRecord): { level: string; text: string } {
  if (incident.dismissed_at !== '') return { level: 'rest', text: 'false report' };
  if (incident.deleted_at !== '') return { level: 'rest', text: 'over' };
  if (incident.contained_at === '') return { level: 'critical', text: 'not contained' };
  const isReplaced = incident.replaced_at !== '' || incident.name === '';
  return isReplaced ? { level: 'medium', text: 'contained' } : { level: 'critical', text: 'not replaced' };
}

function phases(incident: IncidentRecord, nowMs: number): Child[] {
  const all = [
    ['out of use', incident.contained_at, incident.time_to_contain_ms],
    ['replaced', incident.replaced_at, incident.time_to_replace_ms],
    ['deleted', incident.deleted_at, null],
  ] as const;
  return all.map(([what, at, tookMs]) =>
    h(
      'li',
      { class: at === '' ? 'pending' : 'done' },
      at === '' ? `not ${what} yet` : [`${what} `, timeOf(at, nowMs), tookMs !== null && ` after ${span(tookMs)}`],
    ),
  );
}
