import type { ErrorHandler } from 'hono';
import type { CloudEnv } from '../parts.ts';
import type { Switches } from '../switches.ts';
import type { Violation } from '../validation.ts';

interface Answer {
  status: 400 | 401 | 403 | 404 | 500;
  /** Those named `Public`, `AccessDenied`, `ObjectNotFound` and `InvalidValue` are IBM's; the others are ours. */
  code: `SoftLayer_Exception${string}`;
  message: string;
}

/** An error answer of the classic infrastructure API. */
export class ClassicError extends Error {
  override readonly name = 'ClassicError';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.message);
    this.answer = answer;
  }
}

/** What the API will not do, for a reason that it tells. */
export const refused = (message: string, { classicRefusalStatus: status }: Switches): ClassicError =>
  new ClassicError({ status, code: 'SoftLayer_Exception_Public', message });

export const denied = ({ classicDeniedStatus: status }: Switches): ClassicError =>
  new ClassicError({ status, code: 'SoftLayer_Exception_AccessDenied', message: 'Access Denied.' });

export const notFound = (id: string, { classicNotFoundStatus: status }: Switches): ClassicError =>
  new ClassicError({
    status,
    code: 'SoftLayer_Exception_ObjectNotFound',
    message: `Unable to find object with id of '${id}'.`,
  });

export const badCredentials = (): ClassicError =>
  new ClassicError({ status: 401, code: 'SoftLayer_Exception_InvalidCredentials', message: 'Invalid API token.' });

/** For who is known to IAM and is no user of classic infrastructure. */
export const notLinked = (): ClassicError =>
  new ClassicError({ status: 500, code: 'SoftLayer_Exception_TokenExchange', message: 'The token exchange failed.' });

export const invalid = ({ property, missing, reason }: Violation): ClassicError => {
  const message = missing ? `'${property}' is required.` : `'${property}' ${reason}.`;
  return new ClassicError({ status: 400, code: 'SoftLayer_Exception_InvalidValue', message });
};

/** Turns a ClassicError into its answer; anything else is thrown on. */
export const answerError: ErrorHandler<CloudEnv> = (error, context) => {
  if (!(error instanceof ClassicError)) throw error;
  const { status, code, message } = error.answer;
  return context.json({ error: message, code }, status);
};
