import { styleText } from 'node:util';

/** What the story needs of a log line; lines carry more. */
interface LogLine {
  level: string;
  event: string;
  message: string;
  key?: string | null;
  keyId?: string;
  why?: string;
  code?: string;
  at: string;
}

const DAY_MS = 86_400_000;

/** How an event is told. */
interface Told {
  verb: string;
  colour: 'green' | 'yellow' | 'red' | 'cyan' | 'magenta';
}

/** How the events of a key's life are told. */
const TOLD: Record<string, Told> = {
  key_minted: { verb: 'mint', colour: 'green' },
  key_disabled: { verb: 'disable', colour: 'yellow' },
  key_deleted: { verb: 'delete', colour: 'red' },
  key_discarded: { verb: 'discard', colour: 'red' },
  key_contained: { verb: 'contain', colour: 'magenta' },
  key_extended: { verb: 'extend', colour: 'cyan' },
  version_released: { verb: 'release', colour: 'cyan' },
  key_held: { verb: 'hold', colour: 'cyan' },
  person_asked: { verb: 'ask', colour: 'magenta' },
  rotation_undone: { verb: 'undo', colour: 'magenta' },
  mint_failed: { verb: 'failed', colour: 'red' },
  key_failed: { verb: 'failed', colour: 'red' },
  run_failed: { verb: 'failed', colour: 'red' },
  leak_reported: { verb: 'report', colour: 'magenta' },
  report_refused: { verb: 'refuse', colour: 'magenta' },
  reports_braked: { verb: 'brake', colour: 'red' },
  key_handed_over: { verb: 'contain', colour: 'magenta' },
  own_key_leaked: { verb: 'contain', colour: 'magenta' },
  unmanaged_key_leaked: { verb: 'ask', colour: 'red' },
  containment_failed: { verb: 'failed', colour: 'red' },
  response_failed: { verb: 'failed', colour: 'red' },
  alert_not_fetched: { verb: 'failed', colour: 'red' },
  secret_deleted: { verb: 'event', colour: 'magenta' },
  version_made_by_somebody_else: { verb: 'event', colour: 'magenta' },
  rotation_blocked: { verb: 'event', colour: 'magenta' },
  secret_data_deleted: { verb: 'event', colour: 'magenta' },
  secret_expires: { verb: 'event', colour: 'magenta' },
};

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
    const told = line && TOLD[line.event];
    if (!line || !told || this.#isKnown(line)) return;
    this.#writeRow(Date.parse(line.at), line.key ?? '', told, textOf(line));
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

function textOf({ event, why, message, keyId }: LogLine): string {
  if (event === 'key_minted') return `${keyId} is current: ${why}`;
  return why ?? message;
}
