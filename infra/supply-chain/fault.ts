import { messageOf } from '../../shared/runtime/errors.ts';

/** What `npm run licences` and `npm run vulnerabilities` end with. */
export const EXIT = { fine: 0, found: 1, badInput: 2, unknown: 4 } as const;

/** Something is wrong with what the command was given: it has checked nothing. */
export class InputError extends Error {}

/** It could not be found out. That is no good answer, and so it is not told as one. */
export class UnknownError extends Error {}

/** Writes what went wrong, and gives the exit code for it: whatever nobody expected leaves it unknown too. */
export function told(command: string, error: unknown): number {
  process.stderr.write(`${command}: ${messageOf(error)}\n`);
  return error instanceof InputError ? EXIT.badInput : EXIT.unknown;
}
