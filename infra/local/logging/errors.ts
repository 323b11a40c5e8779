import type { ErrorHandler } from 'hono';
import type { CloudEnv } from '../parts.ts';
import type { Violation } from '../validation.ts';

interface Answer {
  status: 400 | 401 | 403 | 404 | 409 | 422 | 429;
  code: string;
  message: string;
}

/** An error answer of LogDNA. Neither its codes nor its texts are public: those here are ours. */
export class LoggingError extends Error {
  override readonly name = 'LoggingError';
  readonly answer: Answer;

  constructor(status: Answer['status'], code: string, message: string) {
    super(message);
    this.answer = { status, code, message };
  }
}

export const badRequest = ({ property, missing, reason }: Violation): LoggingError =>
  new LoggingError(400, 'BadRequest', missing ? `'${property}' is required.` : `'${property}' ${reason}.`);

export const notAuthorized = (status: 401 | 403, what: string): LoggingError =>
  new LoggingError(status, 'NotAuthorized', `The ${what} key is missing, deleted or unknown.`);

/** Who mistakes the value for the id must not find it in a log: what was asked for is not told. */
export const notFound = (): LoggingError => new LoggingError(404, 'NotFound', 'The instance has no key with that id.');

/** Turns a LoggingError into its answer; anything else is thrown on. */
export const answerError: ErrorHandler<CloudEnv> = (error, context) => {
  if (!(error instanceof LoggingError)) throw error;
  const { status, code, message } = error.answer;
  return context.json({ error: message, code, status: 'error' }, status);
};
