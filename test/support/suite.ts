import { globSync, readFileSync } from 'node:fs';
import { loadedWith } from './imports.ts';

/** Simulated worlds, in which nothing is real: what uses sockets, files or the time of the machine has a process of its own. */
const SIMULATED = /^test\/(?:kinds|simulation)\//;

/** A function keeps things in its modules for as long as its instance lives. */
const KEEPS_THINGS = /^functions\/[^/]+\/(?!schema\.ts$)/;

/**
 * Whether a file of tests may share a process with others, one after the other: then most of what it loads is loaded already. Not
 * where it puts something in the place of a module, or loads a function, which would be as earlier tests have left it.
 */
function sharesAProcess(file: string): boolean {
  if (!SIMULATED.test(file) || readFileSync(file, 'utf8').includes('vi.mock(')) return false;
  return ![...loadedWith(file)].some((path) => KEEPS_THINGS.test(path));
}

/** What starts programs, ends with signals or hosts functions: whatever is the process's own it finds in a process. */
const PROCESS = /^test\/(?:e2e|browser|host)\//;

const files = globSync('test/**/*.test.ts').toSorted();
const alone = files.filter((file) => !sharesAProcess(file));

/** In one process, one after the other. */
export const SHARING = files.filter(sharesAProcess);
/** Each in a process of its own. */
export const PROCESSES = alone.filter((file) => PROCESS.test(file));
/** Each in a thread of its own, with modules of its own: that begins in a third of the time. */
export const THREADS = alone.filter((file) => !PROCESS.test(file));
