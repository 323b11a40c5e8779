import type { Context } from 'hono';
import type { CloudEnv } from '../parts.ts';

/** Why a receiver takes no notice, in plain text as Slack answers it. */
export class NoticeRefusal extends Error {
  override readonly name = 'NoticeRefusal';
  readonly status: 400 | 401 | 403 | 415;

  constructor(status: 400 | 401 | 403 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

/** Turns a NoticeRefusal into its answer; anything else is thrown on. */
export function answerError(error: Error, context: Context<CloudEnv>): Response {
  if (!(error instanceof NoticeRefusal)) throw error;
  return context.text(error.message, error.status);
}
