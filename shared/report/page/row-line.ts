import type { KeyRow } from '../fleet-data.ts';
import { brief, relative } from './words.ts';

const DAY_MS = 86_400_000;

/** How far a row's timeline looks back and ahead. */
export const BACK_MS = 90 * DAY_MS;
export const AHEAD_MS = 60 * DAY_MS;

interface LineSpan {
  /** The current key is drawn above the one that is being retired. */
  lane: 'current' | 'former';
  fromMs: number;
  untilMs: number;
  look: 'current' | 'coming' | 'grace' | 'retiring' | 'dead';
}

interface LineMark {
  lane: 'current' | 'former';
  atMs: number;
  look: 'due' | 'overdue' | 'leak';
}

/** The life of a key as its row shows it, and the same in words. */
export interface RowLine {
  spans: LineSpan[];
  marks: LineMark[];
  text: string;
}

const inMs = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1_000);

/** What a row's timeline shows of it. Pure. */
export function lineOf(row: KeyRow, nowMs: number): RowLine {
  const [rotated, due, graceOver, dead, leaked] = [
    inMs(row.rotatedAt),
    inMs(row.nextDue),
    inMs(row.graceOver),
    inMs(row.deadSince),
    inMs(row.compromisedAt),
  ];
  const spans: LineSpan[] = [];
  const marks: LineMark[] = [];
  const words: string[] = [];
  if (rotated !== null) {
    spans.push({ lane: 'current', fromMs: rotated, untilMs: dead ?? nowMs, look: 'current' });
    words.push(`current key since ${relative(rotated, nowMs)}`.replace('since just now', 'stored just now'));
  }
  if (dead !== null) {
    spans.push({ lane: 'current', fromMs: dead, untilMs: nowMs, look: 'dead' });
    words.push(`dead since ${relative(dead, nowMs)}`);
  }
  if (row.formerKeyId !== '' && rotated !== null) {
    const end = graceOver ?? rotated;
    spans.push({ lane: 'former', fromMs: rotated, untilMs: end, look: 'grace' });
    if (end < nowMs) spans.push({ lane: 'former', fromMs: end, untilMs: nowMs, look: 'retiring' });
    const grace = end < nowMs ? `grace over ${relative(end, nowMs)}` : `in grace, over ${relative(end, nowMs)}`;
    words.push(`old key ${brief(row.formerKeyId)} ${grace}`);
  }
  if (due !== null) {
    if (due > nowMs) spans.push({ lane: 'current', fromMs: nowMs, untilMs: due, look: 'coming' });
    marks.push({ lane: 'current', atMs: due, look: due < nowMs ? 'overdue' : 'due' });
    words.push(`${due < nowMs ? 'was due' : 'next due'} ${relative(due, nowMs)}`);
  }
  if (leaked !== null) {
    marks.push({ lane: 'current', atMs: leaked, look: 'leak' });
    words.push(`a leak was reported ${relative(leaked, nowMs)}`);
  }
  return {
    spans: spans.flatMap((one) => clipped(one, nowMs)),
    marks: marks.map((one) => held(one, nowMs)),
    text: words.join('; '),
  };
}

function clipped(span: LineSpan, nowMs: number): LineSpan[] {
  const fromMs = Math.max(span.fromMs, nowMs - BACK_MS);
  const untilMs = Math.min(span.untilMs, nowMs + AHEAD_MS);
  return fromMs < untilMs ? [{ ...span, fromMs, untilMs }] : [];
}

/** What lies outside is shown at the edge. */
const held = (mark: LineMark, nowMs: number): LineMark => ({
  ...mark,
  atMs: Math.min(Math.max(mark.atMs, nowMs - BACK_MS), nowMs + AHEAD_MS),
});
