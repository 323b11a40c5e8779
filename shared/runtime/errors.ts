/** What a failure did to the world: nothing; something; or it is not known, so look before repeating. */
export type Effect = 'none' | 'changed' | 'unknown';

export interface FailureDetails {
  /** Default `none`. */
  effect?: Effect;
  /** What to do next, as a sentence for the person who reads the log. */
  next?: string;
  cause?: unknown;
}

/** The base of every failure that Keyrota reports. `code` is stable; people read the message. */
export class KeyrotaError extends Error {
  override readonly name: string = 'KeyrotaError';
  readonly code: string;
  readonly effect: Effect;
  /** What to do next; empty when there is nothing to do. */
  readonly next: string;

  constructor(code: string, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.effect = details.effect ?? 'none';
    this.next = details.next ?? '';
  }
}

/** The code of any failure; `unexpected` where it is not one of ours. */
export function codeOf(error: unknown): string {
  return error instanceof KeyrotaError ? error.code : 'unexpected';
}

/** One readable line about any failure, whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}
