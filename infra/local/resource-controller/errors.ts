import type { Context, ErrorHandler } from 'hono';
import { IdentityError } from '../iam/identity-errors.ts';
import { PolicyError } from '../iam/policy-errors.ts';
import { notEmbeddedMessage } from '../not-embedded.ts';
import type { CloudEnv } from '../parts.ts';
import type { SeededRandom } from '../random.ts';
import type { Violation } from '../validation.ts';

interface Answer {
  status: 400 | 401 | 403 | 404 | 410 | 422 | 501;
  /** Public are RC-DatabaseErrorResponse and RC-ServiceBrokerErrorResponse; the others are ours. */
  code: string;
  message: string;
  details?: string;
}

/** An error answer of the resource controller. */
export class ResourceControllerError extends Error {
  override readonly name = 'ResourceControllerError';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.message);
    this.answer = answer;
  }
}

export type ResourceKind = 'resource instance' | 'resource key';

export const badRequest = (message: string): ResourceControllerError =>
  new ResourceControllerError({ status: 400, code: 'RC-BadRequest', message });

export const invalid = ({ property, missing, reason }: Violation): ResourceControllerError =>
  badRequest(missing ? `The property '${property}' is required.` : `The property '${property}' ${reason}.`);

export const unauthorized = (): ResourceControllerError =>
  new ResourceControllerError({
    status: 401,
    code: 'RC-Unauthorized',
    message: 'The IAM token is missing, expired or not valid.',
  });

export const forbidden = (message: string): ResourceControllerError =>
  new ResourceControllerError({ status: 403, code: 'RC-Forbidden', message });

export const notFound = (kind: ResourceKind, id: string): ResourceControllerError =>
  new ResourceControllerError({
    status: 404,
    code: 'RC-DatabaseErrorResponse',
    message: `The ${kind} cannot be found: ${id}`,
    details: 'status_code=404 error=not_found reason=missing',
  });

/** For what was there; with 404 it looks as if it had never been. */
export const gone = (kind: ResourceKind, id: string, status: 404 | 410): ResourceControllerError =>
  status === 404
    ? notFound(kind, id)
    : new ResourceControllerError({ status, code: 'RC-Gone', message: `The ${kind} has been removed: ${id}` });

export const lockedInstance = (id: string, status: 400 | 422): ResourceControllerError =>
  new ResourceControllerError({
    status,
    code: 'RC-ServiceBrokerErrorResponse',
    message: `The resource instance is locked: ${id}`,
  });

/** The refusal of a service's broker with a status of its own, which is only in the texts. */
export const brokerFailure = (status: number, statusText: string, description: string): ResourceControllerError =>
  new ResourceControllerError({
    status: 422,
    code: 'RC-ServiceBrokerErrorResponse',
    message: `Please contact the Service Provider for this error. [${status}, ${statusText}] ${description}`,
    details: JSON.stringify({ status_code: status, description }),
  });

/** For what IBM Cloud has and the embedded cloud has not. */
export const notEmbedded = (what: string): ResourceControllerError =>
  new ResourceControllerError({ status: 501, code: 'RC-NotInEmbeddedCloud', message: notEmbeddedMessage(what) });

/** What `work` in IAM returns. Its refusals become those of the resource controller: 403 stays, others are 422. */
export function inIam<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof IdentityError || error instanceof PolicyError)) throw error;
    const { status, message } = error.answer;
    if (status === 403) throw forbidden(message);
    throw new ResourceControllerError({ status: 422, code: 'RC-IamErrorResponse', message: `[${status}] ${message}` });
  }
}

/** Header of each answer: the caller's own or a new one. */
export function transactionHeader(context: Context<CloudEnv>, random: SeededRandom): { 'Transaction-Id': string } {
  return { 'Transaction-Id': context.req.header('transaction-id') ?? random.hex(16) };
}

/** Turns a ResourceControllerError into its answer; anything else is thrown on. */
export function answerError(random: SeededRandom): ErrorHandler<CloudEnv> {
  return (error, context) => {
    if (!(error instanceof ResourceControllerError)) throw error;
    const { status, code, message, details = '' } = error.answer;
    const headers = transactionHeader(context, random);
    const transactionId = headers['Transaction-Id'];
    const body = { message, error_code: code, status_code: status, transaction_id: transactionId, details };
    return context.json(body, status, headers);
  };
}
