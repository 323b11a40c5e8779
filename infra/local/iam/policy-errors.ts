import type { Context } from 'hono';
import type { CloudEnv, CloudParts } from '../parts.ts';
import type { Violation } from '../validation.ts';
import { transactionIdOf } from './transaction-id.ts';

interface Answer {
  status: number;
  code: string;
  message: string;
  details?: object;
}

/** An error answer of the IAM Policy Management API. Codes: `ErrorObject` of IBM's SDK. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.message);
    this.answer = answer;
  }
}

export function invalidToken(): PolicyError {
  return new PolicyError({ status: 401, code: 'invalid_token', message: 'The provided token is invalid.' });
}

export function invalidBody(message: string): PolicyError {
  return new PolicyError({ status: 400, code: 'invalid_body', message });
}

export function invalidQuery(message: string): PolicyError {
  return new PolicyError({ status: 400, code: 'request_not_processed', message });
}

export function badQuery({ property, missing, reason }: Violation): PolicyError {
  if (!missing) return invalidQuery(`${property}: ${reason}`);
  const message = `The query parameter '${property}' is required.`;
  return new PolicyError({ status: 400, code: 'missing_required_query_parameter', message });
}

export function insufficientPermissions(subject: string, action: string, resource: string): PolicyError {
  const message = `The subject '${subject}' is not allowed to perform '${action}' on '${resource}'.`;
  return new PolicyError({ status: 403, code: 'insufficent_permissions', message });
}

export function policyNotFound(id: string): PolicyError {
  return new PolicyError({ status: 404, code: 'policy_not_found', message: `Policy with ID '${id}' not found.` });
}

/** Another policy, or another version of this one, is in the way. */
export function policyConflict(message: string, conflictsWith: { etag: string; policy: string }): PolicyError {
  const details = { conflicts_with: conflictsWith };
  return new PolicyError({ status: 409, code: 'policy_conflict_error', message, details });
}

export function lockedSubject(iamId: string): PolicyError {
  const message = `The subject '${iamId}' is a locked service ID.`;
  return new PolicyError({ status: 409, code: 'request_not_processed', message });
}

export function tooManyPolicies(limit: number): PolicyError {
  return new PolicyError({
    status: 422,
    code: 'unable_to_process',
    message: `At most ${limit} policies are supported.`,
  });
}

/** Turns a PolicyError into its answer; anything else is thrown on. */
export function answerPolicyError(parts: CloudParts): (error: Error, context: Context<CloudEnv>) => Response {
  return (error, context) => {
    if (!(error instanceof PolicyError)) throw error;
    const { status, ...answer } = error.answer;
    const trace = transactionIdOf(parts, context);
    const headers = { 'Transaction-Id': trace };
    return Response.json({ trace, errors: [answer], status_code: status }, { status, headers });
  };
}
