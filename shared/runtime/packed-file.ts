import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text of a file that the build packed beside the bundle; null when there is none. */
export function readPackedFile(name: string): string | null {
  // Bundles are CommonJS, where this names the folder of the bundle; elsewhere nothing is packed.
  if (typeof __dirname === 'undefined') return null;
  try {
    return readFileSync(join(__dirname, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
