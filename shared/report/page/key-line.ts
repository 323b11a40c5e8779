import type { KeyStory, StoryEvent, StoryKey } from '../key-story.ts';

/** A time in the life of one key. */
interface LifeSpan {
  keyId: string;
  fromMs: number;
  untilMs: number;
  look: 'current' | 'coming' | 'grace' | 'retiring' | 'disabled';
}

export interface LifeMark {
  keyId: string;
  atMs: number;
  what: StoryEvent['what'];
  text: string;
}

/** All that the drawing of a key's whole life shows. */
export interface Life {
  /** The latest keys, the oldest of them first. */
  keyIds: string[];
  spans: LifeSpan[];
  marks: LifeMark[];
  fromMs: number;
  untilMs: number;
}

/** So many keys of an entry are drawn. */
const MOST_KEYS = 12;
const DAY_MS = 86_400_000;

/** What there is to draw of an entry; null where nothing has a time. Pure. */
export function lifeOf(story: KeyStory, nowMs: number): Life | null {
  const events = [...story.past, ...story.ahead];
  const known = new Map(story.keys.map((key) => [key.id, key]));
  const ids = [...new Set([...known.keys(), ...events.flatMap(({ keyId }) => keyId ?? [])])];
  const begin = new Map(ids.map((id) => [id, beginOf(id, known.get(id), events)]));
  const keyIds = ids
    .filter((id) => begin.get(id) !== null)
    .toSorted((one, other) => (begin.get(one) ?? 0) - (begin.get(other) ?? 0))
    .slice(-MOST_KEYS);
  const spans = keyIds.flatMap((id) => spansOf(id, begin.get(id) ?? nowMs, known.get(id), events, nowMs));
  const all = events.flatMap(({ keyId, at, what, text }): LifeMark[] => {
    const id = keyId ?? currentOf(story);
    return id !== null && keyIds.includes(id) ? [{ keyId: id, atMs: Date.parse(at), what, text }] : [];
  });
  const others = all.filter(({ what }) => what !== 'expires');
  const times = [...spans.flatMap((one) => [one.fromMs, one.untilMs]), ...others.map(({ atMs }) => atMs), nowMs];
  if (keyIds.length === 0) return null;
  const [fromMs, untilMs] = [Math.min(...times), Math.max(...times)];
  // Keys expire long after they should have been replaced: only one that does so before is worth the room.
  const marks = all.filter(({ what, atMs }) => what !== 'expires' || atMs <= untilMs);
  const marginMs = Math.max((untilMs - fromMs) * 0.03, DAY_MS / 4);
  return { keyIds, spans, marks, fromMs: fromMs - marginMs, untilMs: untilMs + marginMs };
}

const currentOf = ({ keys }: KeyStory): string | null => keys.find(({ role }) => role === 'current')?.id ?? null;

const timeIn = (text: string | null | undefined): number | null => {
  const atMs = Date.parse(text ?? '');
  return Number.isNaN(atMs) ? null : atMs;
};

const eventOf = (events: readonly StoryEvent[], id: string, what: StoryEvent['what']): number | null =>
  timeIn(events.find((one) => one.keyId === id && one.what === what)?.at);

function beginOf(id: string, key: StoryKey | undefined, events: readonly StoryEvent[]): number | null {
  const first = events.find(({ keyId }) => keyId === id)?.at;
  return timeIn(key?.createdAt) ?? eventOf(events, id, 'created') ?? eventOf(events, id, 'stored') ?? timeIn(first);
}

function spansOf(
  keyId: string,
  beginMs: number,
  key: StoryKey | undefined,
  events: readonly StoryEvent[],
  nowMs: number,
): LifeSpan[] {
  const of = (what: StoryEvent['what']) => eventOf(events, keyId, what);
  const superseded = timeIn(key?.supersededAt) ?? of('superseded');
  const [grace, disabled, deleted] = [of('grace over'), timeIn(key?.disabledAt) ?? of('disabled'), of('deleted')];
  const due = of('due');
  const end = deleted ?? (key?.exists === false ? (disabled ?? superseded ?? beginMs) : nowMs);
  const used = Math.min(superseded ?? end, disabled ?? end, end);
  const graceEnd = superseded === null ? used : Math.min(grace ?? superseded, disabled ?? Infinity, end);
  const all: LifeSpan[] = [
    { keyId, fromMs: beginMs, untilMs: used, look: 'current' },
    { keyId, fromMs: used, untilMs: graceEnd, look: 'grace' },
    { keyId, fromMs: Math.max(used, graceEnd), untilMs: Math.min(disabled ?? end, end), look: 'retiring' },
    { keyId, fromMs: disabled ?? end, untilMs: end, look: 'disabled' },
    { keyId, fromMs: nowMs, untilMs: superseded === null && deleted === null ? (due ?? nowMs) : nowMs, look: 'coming' },
  ];
  return all.filter(({ fromMs, untilMs }) => fromMs < untilMs);
}
