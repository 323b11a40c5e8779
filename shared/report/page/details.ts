import type { KeyRow } from '../fleet-data.ts';
import type { KeyStory, StoryEvent, StoryKey, StoryVersion } from '../key-story.ts';
import { h, named } from './dom.ts';
import type { Child } from './dom.ts';
import { draw } from './drawing.ts';
import { lifeOf } from './key-line.ts';
import type { LifeMark } from './key-line.ts';
import { findingItem } from './findings.ts';
import { incidentItem } from './incidents.ts';
import { badge, copyable, steps, table, terms, timeOf } from './pieces.ts';
import type { PageState } from './state.ts';
import { brief, reasonOf, sentence } from './words.ts';

/** All that is known of an open key: why it is as it is, its whole life, and what was found about it. */
export function detailsOf(row: KeyRow, state: PageState): Child[] {
  const known = state.stories.get(row.name);
  const findings = state.data.findings.listed.filter(({ entry }) => entry === row.name);
  const incidents = state.data.incidents.filter(({ name }) => name === row.name);
  return [
    known?.story ? storyParts(known.story, Date.parse(known.story.takenAt)) : withoutStory(row, state),
    findings.length > 0 && [
      h('h3', {}, 'Findings about it'),
      h(
        'ul',
        { class: 'cards' },
        findings.map((one) => findingItem(one, state, null)),
      ),
    ],
    incidents.length > 0 && [
      h('h3', {}, 'Leaks of its keys'),
      h(
        'ul',
        { class: 'cards' },
        incidents.map((one) => incidentItem(one, state.nowMs, null)),
      ),
    ],
    row.state !== 'keyless' &&
      h('p', { class: 'steps' }, 'More in a terminal: ', copyable(`keyrota explain ${row.name}`)),
  ];
}

function withoutStory(row: KeyRow, { stories, nowMs }: PageState): Child[] {
  const known = stories.get(row.name);
  const trouble = known?.story === null ? known.trouble : null;
  const facts = terms([
    ['Why', reasonOf(row) || 'it rests'],
    ['Current key', row.keyId === '' ? 'none' : named(row.keyId, 'id')],
    ['Old key', row.formerKeyId === '' ? 'none' : named(row.formerKeyId, 'id')],
    ['Next rotation', timeOf(row.nextDue === null ? null : row.nextDue * 1_000, nowMs, 'not known')],
  ]);
  if (row.state === 'keyless') return [h('p', {}, row.why)];
  if (!trouble) return [h('p', { role: 'status' }, 'Looking at it.'), facts];
  return [
    h(
      'p',
      { class: 'trouble' },
      `It cannot be looked at: ${trouble.what} `,
      steps([trouble.next].filter((one) => one !== '')),
    ),
    facts,
  ];
}

function storyParts(story: KeyStory, nowMs: number): Child[] {
  const { decision, secret, owner, kind } = story;
  return [
    h('h3', {}, `${decision.step}: ${sentence(decision.why)}`),
    terms([
      ['Rule', h('code', {}, decision.rule)],
      ...(decision.code === null ? [] : [['Code', h('code', {}, decision.code)] as const]),
      ...(decision.since === null ? [] : [['Since', timeOf(decision.since, nowMs)] as const]),
      ...(decision.until === null ? [] : [['Until', timeOf(decision.until, nowMs)] as const]),
      ['Owner', [`${kind} of `, named(owner, 'id')]],
      [
        'Secret',
        [
          named(secret.name),
          `, group ${secret.groupId}, ${secret.type}${secret.state === null ? '' : `, ${secret.state}`}`,
        ],
      ],
    ]),
    decision.next.length > 0 && [h('h4', {}, 'What to do'), steps(decision.next)],
    lifeDrawing(story, nowMs),
    h(
      'div',
      { class: 'columns' },
      events('What comes next', story.ahead, nowMs, 'Nothing that has a time.'),
      events('What was', story.past.toReversed(), nowMs, 'Nothing is known.'),
    ),
    story.keys.length > 0 && keyTable(story.keys, nowMs),
    story.versions.length > 0 && versionTable(story.versions, nowMs),
  ];
}

/** The page leaves so much beside a drawing. */
const BESIDE_PX = 60;
const WIDEST_PX = 1_040;
const NARROWEST_PX = 280;

function lifeDrawing(story: KeyStory, nowMs: number): Child {
  const life = lifeOf(story, nowMs);
  if (!life) return null;
  const width = Math.max(Math.min(document.documentElement.clientWidth - BESIDE_PX, WIDEST_PX), NARROWEST_PX);
  const isNarrow = width < 520;
  const drawing = draw({
    width,
    laneHeight: 24,
    lanes: life.keyIds,
    fromMs: life.fromMs,
    untilMs: life.untilMs,
    nowMs,
    spans: life.spans.map(({ keyId, ...one }) => ({ ...one, lane: keyId, title: keyId })),
    marks: life.marks.map(({ keyId, atMs, ...mark }) => ({
      lane: keyId,
      atMs,
      title: `${mark.what}: ${mark.text}`,
      ...formOf(mark),
    })),
    label: `The lives of ${life.keyIds.length} keys of ${story.name}; the lists below tell the same.`,
    axes: {
      laneNames: life.keyIds.map((id) => (isNarrow ? id.slice(-6) : brief(id))),
      marginLeft: isNarrow ? 56 : 130,
    },
  });
  return h(
    'figure',
    { class: 'life' },
    drawing,
    h(
      'figcaption',
      {},
      'Each line is a key: from its creation to its end. ○ what happened, △ a leak, ◇ what is due, │ now.',
    ),
  );
}

function formOf({ what }: Pick<LifeMark, 'what'>): { symbol: 'diamond2' | 'circle' | 'triangle2'; stroke: string } {
  if (what === 'reported' || what === 'contained') return { symbol: 'triangle2', stroke: 'var(--critical)' };
  if (what === 'due' || what === 'expires') return { symbol: 'diamond2', stroke: 'var(--line-current)' };
  return { symbol: 'circle', stroke: 'var(--muted)' };
}

const events = (title: string, all: readonly StoryEvent[], nowMs: number, none: string): HTMLElement =>
  h(
    'div',
    {},
    h('h4', {}, title),
    all.length === 0
      ? h('p', { class: 'muted' }, none)
      : h(
          'ol',
          { class: 'events' },
          all.map(({ at, what, text }) =>
            h('li', {}, h('strong', {}, what), ' ', timeOf(at, nowMs), h('div', {}, sentence(text))),
          ),
        ),
  );

const keyTable = (keys: readonly StoryKey[], nowMs: number): HTMLElement =>
  table(
    'Keys at the issuer',
    ['Key', 'Role', 'Made', 'Superseded', 'Disabled', 'Last used', 'Expires'],
    keys.map((key) => [
      named(key.id, 'id'),
      [
        key.role,
        !key.exists && [' ', badge('rest', 'gone')],
        key.locked && [' ', badge('hold', 'locked')],
        key.compromised && [' ', badge('critical', 'leaked')],
      ],
      timeOf(key.createdAt, nowMs, '–'),
      timeOf(key.supersededAt, nowMs, '–'),
      key.disabled && key.disabledAt === null ? 'yes' : timeOf(key.disabledAt, nowMs, '–'),
      timeOf(key.lastUsed, nowMs, key.lastUsed),
      timeOf(key.expiresAt, nowMs, '–'),
    ]),
  );

const versionTable = (versions: readonly StoryVersion[], nowMs: number): HTMLElement =>
  table(
    'Versions of the secret',
    ['Version', 'Stored', 'Key', 'Reason', 'Fetched', 'Value', 'Locks'],
    versions
      .toReversed()
      .map((version) => [
        [named(version.id, 'id'), version.alias !== null && [' ', badge('planned', version.alias)]],
        timeOf(version.createdAt, nowMs),
        version.keyId === null ? 'none of ours' : named(version.keyId, 'id'),
        version.reason ?? '–',
        version.fetched ? 'yes' : 'no',
        version.hasPayload ? 'there' : 'gone',
        version.locks.length === 0
          ? 'none'
          : version.locks.map(({ name, isOurs }) => [named(name), isOurs ? ' (Keyrota) ' : ' ']),
      ]),
  );
