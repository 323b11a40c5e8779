import type { KeyStory, StoryEvent, StoryKey, StoryVersion } from '../../shared/report/key-story.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { escapeControls } from '../../shared/runtime/log.ts';
import { tableOf, timeOfDay } from './output.ts';

/** A story for somebody who was woken by it: first how it stands, why, and what to do; then what is there, was, and comes. */
export function storyText(story: KeyStory, nowMs: number): string {
  const { rule, since, until } = story.decision;
  const times = [
    ...(since === null ? [] : [`since ${whenText(since, nowMs)}`]),
    ...(until === null ? [] : [`until ${whenText(until, nowMs)}`]),
  ];
  const toDo = toDoOf(story);
  return [
    headlineOf(story),
    '',
    `why   ${escapeControls(story.decision.why)}`,
    ...(times.length === 0 ? [] : [`      ${times.join(', ')}`]),
    `rule  ${rule}`,
    ...section('To do', toDo.length === 0 ? ['nothing'] : toDo.map(escapeControls)),
    ...section('The entry', entryLines(story)),
    ...tableSection('Keys', ['key', 'role', 'state', 'last used', 'expires'], story.keys.map(keyRow)),
    ...tableSection('Versions', ['stored', 'key', 'alias', 'why', 'state'], story.versions.map(versionRow)),
    ...section('Leaks', story.incidents.map(leakLine)),
    ...section(
      'So far',
      story.past.map((event) => eventLine(event)),
    ),
    ...section(
      'Ahead, if nothing changes',
      story.ahead.map((event) => eventLine(event, nowMs)),
    ),
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];

const tableSection = (title: string, head: string[], rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0 ? [] : ['', `${title}:`, tableOf(head, '', rows)];

/** The state in one sentence. */
function headlineOf({ name, state, keys, decision }: KeyStory): string {
  const { step, until } = decision;
  const current = keys.find(({ role }) => role === 'current');
  const has = hasText(current, state);
  const end = until === null ? '' : ` until ${timeOfDay(until)}`;
  switch (step) {
    case 'rest':
      return `${name} ${decision.rule === 'needs-no-key' ? 'needs no key' : has}: nothing to do${end}.`;
    case 'hold':
      return `${name} ${has}, and waits${end}.`;
    case 'ask':
      return `${name} ${has}, and needs a person.`;
    case 'failed':
      return `${name} could not be looked at.`;
    default:
      return `${name} ${has}; the next run will ${step}${decision.keyId === null ? '' : ` ${decision.keyId}`}.`;
  }
}

function hasText(current: StoryKey | undefined, state: KeyStory['state']): string {
  const retired = state === 'retired' ? 'is retired, and ' : '';
  if (!current?.exists) return `${retired}has no working key`;
  const works = !current.disabled;
  if (current.compromised)
    return `${retired}has a key that leaked, ${current.id}, which ${works ? 'STILL WORKS' : 'is out of use'}`;
  return works ? `${retired}works with key ${current.id}` : `${retired}has key ${current.id}, which is disabled`;
}

/** The exact commands, most needed first. */
function toDoOf({ name, keys, versions, decision }: KeyStory): string[] {
  const { step, code, next, rule } = decision;
  if (step === 'ask') return next;
  if (step === 'failed')
    return [`Where it does not pass by itself, look at its issuer; then again: ${command(`explain ${name}`)}`];
  const leaked = keys.find((key) => key.role === 'current' && key.exists && (key.compromised || key.disabled));
  // What an undo goes back to.
  const previous = versions.find(({ alias, hasPayload }) => alias === 'previous' && hasPayload);
  const former = keys.find((key) => key.id === previous?.keyId && key.exists && !key.compromised);
  const isWaiting = step === 'hold' || step === 'rest';
  const lines: string[] = [];
  if (!isWaiting) lines.push(`The timer does it with its next run. To do it now: ${command(`rotate ${name}`)}`);
  if (leaked && rule !== 'end-what-is-retired')
    lines.push(`Where the report was false, before it is replaced: ${command(`undo ${name}`)}`);
  if (code === 'back-off')
    lines.push(`The log tells why it failed. To try it now: ${command(`rotate ${name} --force`)}`);
  if (former && !leaked && (code === 'grace' || code === 'quarantine' || code === 'evidence'))
    lines.push(`Where a program still needs the former key: ${command(`undo ${name}`)}`);
  return lines;
}

const command = (rest: string): string => `npm run keyrota -- ${rest}`;

function entryLines({ kind, owner, state, secret, takenAt }: KeyStory): string[] {
  const place = secret.id === null ? 'not there yet' : `${secret.id}, ${secret.state ?? ''}`;
  return [
    `kind    ${kind}${state === 'retired' ? ', retired' : ''}`,
    `owner   ${owner === '' ? 'none yet' : owner}`,
    ...(secret.name === '' ? [] : [`secret  ${secret.name} (${secret.type}, group ${secret.groupId}; ${place})`]),
    `seen    ${timeOfDay(takenAt)} UTC`,
  ];
}

function keyRow({
  id,
  role,
  exists,
  disabled,
  disabledAt,
  locked,
  compromised,
  lastUsed,
  expiresAt,
}: StoryKey): string[] {
  const off = disabledAt === null ? 'disabled' : `disabled ${timeOfDay(disabledAt)}`;
  const state = !exists ? 'gone' : disabled ? off : 'works';
  const marks = [state, ...(compromised ? ['leaked'] : []), ...(locked ? ['locked'] : [])].join(', ');
  const used = lastUsed === 'never' || lastUsed === 'unknown' ? lastUsed : timeOfDay(lastUsed);
  return [id, role, marks, exists ? used : '', expiresAt === null ? '' : timeOfDay(expiresAt)];
}

function versionRow({ createdAt, keyId, alias, reason, fetched, hasPayload, locks }: StoryVersion): string[] {
  const locked = locks.filter(({ isOurs }) => !isOurs).map(({ name }) => escapeControls(name));
  const state = [
    hasPayload ? (fetched ? 'fetched' : 'not fetched') : 'value gone',
    ...(locks.some(({ isOurs }) => isOurs) ? ['guarded'] : []),
    ...(locked.length === 0 ? [] : [`locked by ${locked.join(', ')}`]),
  ];
  return [timeOfDay(createdAt), keyId ?? 'not ours', alias ?? '', reason ?? '', state.join(', ')];
}

function leakLine({
  incident,
  keyId,
  reports,
  reportedAt,
  containedAt,
  replacedBy,
}: KeyStory['incidents'][number]): string {
  const by = [...new Set(reports.map((report) => report.by))].join(', ');
  const contained = containedAt === '' ? 'NOT contained' : `contained ${timeOfDay(containedAt)}`;
  const replaced = replacedBy === '' ? '' : `, replaced by ${replacedBy}`;
  const reported = `reported ${timeOfDay(reportedAt)}${by === '' ? '' : ` by ${escapeControls(by)}`}`;
  return `${incident}: ${keyId}, ${reported}, ${contained}${replaced}`;
}

const eventLine = ({ at, text }: StoryEvent, nowMs?: number): string =>
  `${timeOfDay(at)}${nowMs === undefined ? '' : ` (${inText(Date.parse(at) - nowMs)})`}  ${escapeControls(text)}`;

const whenText = (iso: string, nowMs: number): string => {
  const awayMs = Date.parse(iso) - nowMs;
  return `${timeOfDay(iso)} (${awayMs < 0 ? `${spanText(-awayMs)} ago` : inText(awayMs)})`;
};

const inText = (ms: number): string => (ms < MINUTE_MS ? 'now' : `in ${spanText(ms)}`);

/** In the largest unit that fits, roughly. */
function spanText(ms: number): string {
  const [sizeMs, unit] =
    ms >= 2 * DAY_MS ? [DAY_MS, 'days'] : ms >= 2 * HOUR_MS ? [HOUR_MS, 'hours'] : [MINUTE_MS, 'minutes'];
  const count = Math.round(ms / sizeMs);
  return count === 1 ? '1 minute' : `${count} ${unit}`;
}
