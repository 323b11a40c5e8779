import type { LOG_LEVELS, Log } from '../../shared/runtime/log.ts';

type WriteAnything = (event: string, message: string, fields?: object) => void;

/** A log as code would use it that no compiler has looked at: with any event, and whatever fields. */
export type UntypedLog = Record<(typeof LOG_LEVELS)[number], WriteAnything> & { with(fields: object): UntypedLog };

export const untyped = (log: Log): UntypedLog => log as unknown as UntypedLog;
