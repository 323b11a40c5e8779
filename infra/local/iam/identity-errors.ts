import type { Context } from 'hono';
import type { CloudEnv, CloudParts } from '../parts.ts';
import type { Violation } from '../validation.ts';
import { transactionIdOf } from './transaction-id.ts';

interface Details {
  status: number;
  code: string;
  /** Empty where the real one is not public. */
  messageCode: string;
  message: string;
  details: string;
}

/** An error answer of the IAM Identity API. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly answer: Details;

  constructor(answer: Details) {
    super(answer.message);
    this.answer = answer;
  }
}

/** @param authorization The header that came, if any. */
export function invalidAccessToken(authorization: string | undefined): IdentityError {
  const missing = authorization === undefined;
  return new IdentityError({
    status: 401,
    code: 'invalid_access_token',
    messageCode: missing ? 'BXNIM0308E' : '',
    message: missing ? 'No authorization header found' : 'The provided access token provided is invalid.',
    details: missing ? '' : 'The access token is unknown, expired or revoked.',
  });
}

export function forbidden(action: string, subject: string, resource: string): IdentityError {
  return new IdentityError({
    status: 403,
    code: 'forbidden',
    messageCode: 'BXNIM0513E',
    message: 'You are not authorized to use this API.',
    details:
      `Reason: Access check for action '${action}' for subject '${subject}' for resource '${resource}' ` +
      'was denied due to lack of access policy.',
  });
}

type EntityType =
  | 'ApiKey'
  | 'ServiceId'
  | 'ServiceIdGroup'
  | 'Profile'
  | 'ProfileLink'
  | 'ProfileClaimRule'
  | 'ProfileIdentity'
  | 'Report';

export function notFound(type: EntityType, id: string): IdentityError {
  // Who mistakes the value for the id must not find it in a log.
  const told = type === 'ApiKey' && !id.startsWith('ApiKey-') ? '[value]' : id;
  return new IdentityError({
    status: 404,
    code: 'not_found',
    messageCode: 'BXNIM0102E',
    message: 'Unable to find object',
    details: `Object type '${type}' with identifier '${told}' not found.`,
  });
}

/** No API key has the value that was sent: it is the secret, and no identifier to tell. */
export function valueNotFound(status: 404 | 400): IdentityError {
  if (status === 404) return notFound('ApiKey', '[value]');
  return badRequest({ property: 'IAM-ApiKey', missing: false, reason: 'is not the value of an API key' });
}

/** A missing or wrong property of a request, or one that the embedded cloud does not know. */
export function badRequest({ property, missing, reason }: Violation): IdentityError {
  return new IdentityError({
    status: 400,
    code: 'validation',
    messageCode: missing ? 'BXNIM0109E' : 'BXNIM0106E',
    message: missing ? 'Property missing or empty' : 'Property validation failed',
    details: `Property '${property}': ${reason}`,
  });
}

/** A user can only create and list API keys of its own. */
export function foreignIamId(): IdentityError {
  return new IdentityError({
    status: 400,
    code: 'mismatch',
    messageCode: '',
    message: 'The specified IAM ID does not match the IAM ID in the token',
    details: "The IAM ID of a user in 'iam_id' must be the one that the access token belongs to.",
  });
}

/** The lock of an entity, or something that belongs to it, refuses the write. */
export function notPossible(status: 409 | 412 | 422, verb: 'update' | 'delete', details: string): IdentityError {
  const codes = {
    409: { code: `${verb}_not_possible`, messageCode: 'BXNIM0105E' },
    412: { code: 'precondition_failed', messageCode: '' },
    422: { code: 'invalid_state', messageCode: 'BXNIM0908E' },
  };
  return new IdentityError({ status, ...codes[status], message: `The object cannot be ${verb}d.`, details });
}

/** What is asked for is so already, or something else that the request does not change is in the way. */
export function conflict(details: string): IdentityError {
  const message = 'The object is in a state that refuses the request.';
  return new IdentityError({ status: 409, code: 'conflict', messageCode: '', message, details });
}

export function outdatedTag(status: 409 | 412): IdentityError {
  return new IdentityError({
    status,
    code: status === 409 ? 'conflict' : 'precondition_failed',
    messageCode: '',
    message: 'The object was changed in the meantime.',
    details: "The header 'If-Match' is not the entity tag of the present version.",
  });
}

export function taken(property: string): IdentityError {
  return new IdentityError({
    status: 409,
    code: 'conflict',
    messageCode: '',
    message: 'The object exists already.',
    details: `The value of property '${property}' is in use.`,
  });
}

export function limitReached(messageCode: string, message: string, limit: number): IdentityError {
  const details = `At most ${limit} are supported.`;
  return new IdentityError({ status: 422, code: 'limit_reached', messageCode, message, details });
}

/** Turns an IdentityError into its answer; anything else is thrown on. */
export function answerIdentityError(parts: CloudParts): (error: Error, context: Context<CloudEnv>) => Response {
  return (error, context) => {
    if (!(error instanceof IdentityError)) throw error;
    const { status, code, messageCode, message, details } = error.answer;
    const trace = transactionIdOf(parts, context);
    const errors = [{ code, message_code: messageCode, message, details }];
    return Response.json({ trace, errors, status_code: status }, { status, headers: { 'Transaction-Id': trace } });
  };
}
