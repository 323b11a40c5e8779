import { styleText } from 'node:util';

/** What the story needs of a log line; lines carry more. */
interface LogLine {
  level: string;
  event: string;
  message: string;
  key?: string;
  keyId?: string;
  why?: string;
  code?: string;
  at: string;
}

const DAY_MS = 86_400_000;

/** How the events of a key's life are told. */
const TOLD: Record<string, { verb: string; colour: 'green' | 'yellow' | 'red' | 'cyan' | 'magenta' }> = {
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
};

/** Tells the lives of the keys in plain lines, from what the functions log. */
export class Story {
  readonly #startMs: number;
  readonly #write: (line: string) => void;
  /** What each key was last said to wait for: that is told once. */
  readonly #holding = new Map<string, string>();

  constructor(startMs: number, write: (line: string) => void) {
    this.#startMs = startMs;
    this.#write = write;
  }

  /** A line that a function logged. */
  tell(text: string): void {
    const line = parse(text);
    const told = line && TOLD[line.event];
    if (!line || !told || this.#isKnown(line)) return;
    const key = (line.key ?? '').padEnd(22);
    this.#write(
      `${this.time(Date.parse(line.at))}  ${key} ${styleText(told.colour, told.verb.padEnd(8))} ${textOf(line)}`,
    );
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
