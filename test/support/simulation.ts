/** What a test build of the product is tried with: everything here runs in one process, on one copy of the code. */
export { Laboratory } from './laboratory.ts';
export { atCall, callsOf, endOf, outcomeOf, troubled } from './mishaps.ts';
export { minted, rotated } from './rotated.ts';
export * as scenes from './scenes.ts';
export { tickDeed } from './trial.ts';
export { WatchedRun, frozenRun, interleavedRuns } from './watched-run.ts';
export { randomLife } from './random-life.ts';
