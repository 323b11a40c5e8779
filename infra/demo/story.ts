import { styleText } from 'node:util';
import { tellingOf, toldOf } from '../operator/log-verbs.ts';
import type { Told } from '../operator/log-verbs.ts';

/** What the story needs of a log line; lines carry more. */
interface LogLine {
  level: string;
  event: string;
  message: string;
  key?: string | null;
  keyId?: string;
  code?: string;
  at: string;
}

const DAY_MS = 86_400_000;

/** A notice as its receiver got it. */
interface Notice {
  atMs: number;
  body: { type: string; data: Record<string, unknown> };
}

/** Tells the lives of the keys in plain lines, from what the functions log. */
export class Story {
  readonly #startMs: number;
  readonly #write: (line: string) => void;
  #noticesSeen = 0;
  /** What each key was last said to wait for: that is told once. */
  readonly #holding = new Map<string, string>();

  constructor(startMs: number, write: (line: string) => void) {
    this.#startMs = startMs;
    this.#write = write;
  }

  /** A line that a function logged, and all notices so far. */
  tell(text: string, notices: readonly Notice[]): void {
    for (const notice of notices.slice(this.#noticesSeen)) this.#tellNotice(notice);
    this.#noticesSeen = notices.length;
    const line = parse(text);
    const told = line && toldOf(line.event);
    if (!line || !told || told.isMinor || this.#isKnown(line)) return;
    this.#writeRow(Date.parse(line.at), line.key ?? '', told, tellingOf(line));
  }

  /** Only what belongs to a leak: all else the lines of the functions tell already. */
  #tellNotice({ atMs, body: { type, data } }: Notice): void {
    const { name, incident, why } = data;
    if (typeof incident !== 'string') return;
    const key = typeof name === 'string' ? name : '';
    this.#writeRow(atMs, key, { verb: 'notice', colour: 'cyan' }, `${type}: ${String(why)}`);
  }

  #writeRow(atMs: number, key: string, { verb, colour }: Told, text: string): void {
    this.#write(`${this.time(atMs)}  ${key.padEnd(22)} ${styleText(colour, verb.padEnd(8))} ${text}`);
  }

  /** Day and hour since the start. */
  time(atMs: number): string {
    const day = Math.floor((atMs - this.#startMs) / DAY_MS);
    return styleText('gray', `day ${String(day).padStart(3)} ${new Date(atMs).toISOString().slice(11, 16)}`);
  }

  #isKnown(line: LogLine): boolean {
    const key = line.key ?? '';
    const waits = line.event === 'key_held' || line.event === 'person_asked' ? `${line.event} ${line.code}` : '';
    const isKnown = waits !== '' && this.#holding.get(key) === waits;
    this.#holding.set(key, waits);
    return isKnown;
  }
}

function parse(text: string): LogLine | null {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return null; // not one of ours
  }
}
