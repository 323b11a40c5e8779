import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';

/** Where a person answers, and nobody else reads. */
export interface Keyboard extends Disposable {
  stream: ReadStream;
}

/**
 * The keyboard of whoever looks at standard error: standard input, or where something is piped in there, the terminal of the process.
 * Null where nobody sits at one.
 */
export function findKeyboard(): Keyboard | null {
  if (!process.stderr.isTTY) return null;
  if (process.stdin.isTTY) return { stream: process.stdin, [Symbol.dispose]: () => undefined };
  try {
    const stream = new ReadStream(openSync('/dev/tty', 'r'));
    return { stream, [Symbol.dispose]: () => void stream.destroy() };
  } catch {
    return null; // the process belongs to no terminal
  }
}
