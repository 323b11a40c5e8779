import type { ErrorHandler } from 'hono';
import { notEmbeddedMessage } from '../not-embedded.ts';
import type { CloudEnv } from '../parts.ts';
import type { Violation } from '../validation.ts';

interface Answer {
  status: 400 | 401 | 403 | 501;
  /** Ours. */
  code: string;
  message: string;
}

/** An error answer of user management. */
export class UserManagementError extends Error {
  override readonly name = 'UserManagementError';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.message);
    this.answer = answer;
  }
}

export const invalid = ({ property, reason }: Violation): UserManagementError =>
  new UserManagementError({ status: 400, code: 'bad_request', message: `The property '${property}' ${reason}.` });

export const unauthorized = (): UserManagementError =>
  new UserManagementError({
    status: 401,
    code: 'unauthorized',
    message: 'The IAM token is missing, expired or not valid.',
  });

export const forbidden = (message: string): UserManagementError =>
  new UserManagementError({ status: 403, code: 'forbidden', message });

/** For what IBM Cloud has and the embedded cloud has not. */
export const notEmbedded = (what: string): UserManagementError =>
  new UserManagementError({ status: 501, code: 'not_in_embedded_cloud', message: notEmbeddedMessage(what) });

/** Turns a UserManagementError into its answer; anything else is thrown on. */
export const answerError: ErrorHandler<CloudEnv> = (error, context) => {
  if (!(error instanceof UserManagementError)) throw error;
  const { status, code, message } = error.answer;
  return context.json({ errors: [{ code, message }], status_code: status }, status);
};
