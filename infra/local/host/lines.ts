import { StringDecoder } from 'node:string_decoder';

/** Cuts a stream of text into lines. */
export class Lines {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  /** Gives out a last line that has no end. */
  flush(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}

/** What a process prints of an error that nobody caught. */
export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

type WriteCallback = (error?: Error | null) => void;

/** Hands over, at once, what is written to `stream`, instead of writing it. */
export function redirect(stream: NodeJS.WriteStream, onText: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  stream.write = (
    chunk: Uint8Array | string,
    encoding?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean => {
    const given = typeof encoding === 'string' ? encoding : 'utf8';
    onText(decoder.write(typeof chunk === 'string' ? Buffer.from(chunk, given) : Buffer.from(chunk)));
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done) process.nextTick(done);
    return true;
  };
}
