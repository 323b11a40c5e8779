import { globSync, readFileSync } from 'node:fs';
import { loadedWith } from './imports.ts';

/** Folders whose files all have a process of their own: they start processes and wait for the real world. */
const OF_THEIR_OWN = /^test\/(?:bench|browser|e2e|host|terraform)\//;

/** A function keeps things in its modules for as long as its instance lives. */
const KEEPS_THINGS = /^functions\/[^/]+\/(?!schema\.ts$)/;

/**
 * Whether a file of tests may share a process with others, one after the other: then most of what it loads is loaded already. Not
 * where it puts something in the place of a module, or loads a function, which would be as earlier tests have left it.
 */
function sharesAProcess(file: string): boolean {
  if (OF_THEIR_OWN.test(file) || readFileSync(file, 'utf8').includes('vi.mock(')) return false;
  return ![...loadedWith(file)].some((path) => KEEPS_THINGS.test(path));
}

const files = globSync('test/**/*.test.ts').toSorted();

export const SHARING = files.filter(sharesAProcess);
export const ALONE = files.filter((file) => !sharesAProcess(file));
