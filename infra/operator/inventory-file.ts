import { closeSync, openSync, writeSync } from 'node:fs';
import type { InventoryVisitor } from '../../shared/inventory/inventory.ts';
import { InputError } from './input-error.ts';

/** A list of all that an inventory comes by, for people who keep such lists. */
export interface InventoryFile extends Disposable {
  /** A visitor that writes down what it is shown, and shows it to `visitor`. */
  copying(visitor: InventoryVisitor): InventoryVisitor;
}

/**
 * A new file with a line of JSON for each key and each secret, as they come: times are ISO texts, and nothing of a value is in it.
 * @throws InputError `file_not_written` where it exists, or cannot be made.
 */
export function openInventoryFile(path: string): InventoryFile {
  const file = openNew(path);
  const write = (what: 'key' | 'secret', rows: readonly object[]) => {
    if (rows.length > 0) writeSync(file, rows.map((row) => `${lineOf(what, row)}\n`).join(''));
  };
  return {
    copying: (visitor) => ({
      keys: (page) => {
        write('key', page);
        visitor.keys(page);
      },
      secrets: (page) => {
        write(
          'secret',
          page.map(({ summary, ...secret }) => ({ ...secret, keyId: summary?.key_id ?? null })),
        );
        visitor.secrets(page);
      },
    }),
    [Symbol.dispose]: () => closeSync(file),
  };
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'EEXIST' ? 'it exists, and is not written over' : `it cannot be written (${code ?? 'unknown'})`;
    throw new InputError('file_not_written', `${path}: ${why}; name another one with --inventory.`, { cause });
  }
}

const lineOf = (what: 'key' | 'secret', row: object): string =>
  JSON.stringify({ what, ...Object.fromEntries(Object.entries(row).map(readable)) });

/** Fields that end with `Ms` are moments, told as people read them. */
function readable([name, value]: [string, unknown]): [string, unknown] {
  if (name === 'lastUsed' && typeof value === 'object' && value !== null)
    return [name, Object.fromEntries(Object.entries(value).map(readable))];
  if (!name.endsWith('Ms')) return [name, value];
  return [name.slice(0, -'Ms'.length), typeof value === 'number' ? new Date(value).toISOString() : value];
}
