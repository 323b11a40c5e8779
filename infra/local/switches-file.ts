import { readFileSync } from 'node:fs';
import { parse } from './control-requests.ts';
import { Switches } from './switches.ts';

/**
 * The switches that a file sets, as JSON: what `POST /switches` takes. All others are left out.
 * @throws Error in one line, for a file that cannot be read and for what is no such object.
 */
export function switchesIn(file: string): Partial<Switches> {
  const given = readObject(file);
  const all: Record<string, unknown> = parse(Switches, given);
  return Object.fromEntries(Object.keys(given).map((name) => [name, all[name]]));
}

function readObject(file: string): object {
  const text = readFileSync(file, 'utf8');
  try {
    const read = JSON.parse(text) as unknown;
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read;
  } catch {
    // Told below: the reason of the parser would quote the file.
  }
  throw new Error('it is no JSON object');
}
