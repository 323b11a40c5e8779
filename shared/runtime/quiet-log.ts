import type { Log } from './log.ts';

/** A log that writes nothing: for looks whose outcome is told elsewhere. */
export const QUIET_LOG: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => QUIET_LOG,
};
