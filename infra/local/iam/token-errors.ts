import type { Context } from 'hono';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { contextDate } from './dates.ts';
import { transactionIdOf } from './transaction-id.ts';
import type { Violation } from '../validation.ts';

interface Answer {
  status: number;
  errorCode: string;
  errorMessage: string;
  errorDetails?: string;
}

/** An error answer of the token endpoints, which differ from the rest of IAM Identity. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.errorMessage);
    this.answer = answer;
  }
}

/** The key was deleted, never existed, or is too fresh to be known everywhere. */
export function keyNotFound(status: 400 | 401): TokenError {
  return new TokenError({ status, errorCode: 'BXNIM0415E', errorMessage: 'Provided API key could not be found.' });
}

/** (unconfirmed) */
export function keyRefused(status: 400 | 401, reason: 'disabled' | 'expired'): TokenError {
  return new TokenError({ status, errorCode: 'BXNIM0462E', errorMessage: `Provided API key is ${reason}.` });
}

/** An empty name of the property stands for one that is unknown. */
export function badForm({ property, missing, reason }: Violation): TokenError {
  const errorDetails = `${property === '' ? 'An unknown property' : `Property '${property}'`}: ${reason}`;
  return missing
    ? new TokenError({ status: 400, errorCode: 'BXNIM0109E', errorMessage: 'Property missing or empty.', errorDetails })
    : new TokenError({
        status: 400,
        errorCode: 'BXNIM0106E',
        errorMessage: 'Property validation failed.',
        errorDetails,
      });
}

/** The token that a login of a compute resource, or as a trusted profile, starts from is not valid. */
export function invalidToken(errorDetails: string): TokenError {
  const errorMessage = 'Provided token is invalid.';
  return new TokenError({ status: 400, errorCode: 'BXNIM0401E', errorMessage, errorDetails });
}

/** The account's settings do not allow logins from that address. */
export function addressNotAllowed(address: string): TokenError {
  const errorMessage = 'The IP address is not in the list of allowed ones.';
  const errorDetails = `The call came from '${address}'.`;
  return new TokenError({ status: 401, errorCode: 'BXNIM0430E', errorMessage, errorDetails });
}

/** The profile does not exist, or does not trust whoever wants to log in as it. */
export function profileNotEligible(errorDetails: string): TokenError {
  const errorMessage = 'Selected trusted profile not eligible.';
  return new TokenError({ status: 400, errorCode: 'BXNIM0398E', errorMessage, errorDetails });
}

export function wrongMethod(): TokenError {
  return new TokenError({ status: 405, errorCode: 'BXNIM0060E', errorMessage: 'The HTTP method is not supported.' });
}

/** The headers that all answers of the token endpoints have. */
export function tokenHeaders(transactionId: string): Record<string, string> {
  return {
    'transaction-id': transactionId,
    'x-request-id': transactionId,
    'x-correlation-id': transactionId,
    'ibm-cloud-service-name': 'iam-identity',
    'cache-control': 'no-cache, no-store, must-revalidate',
  };
}

/** The user was removed from the account, or is suspended in it. */
export function userRefused(reason: 'left' | 'suspended'): TokenError {
  if (reason === 'left') {
    return new TokenError({
      status: 400,
      errorCode: 'BXNIM0410E',
      errorMessage: 'The user is not in the account.',
    });
  }
  return new TokenError({
    status: 401,
    errorCode: 'BXNIM0436E',
    errorMessage: 'The user is suspended in the account.',
  });
}

/** Turns a TokenError into its answer; anything else is thrown on. */
export function answerTokenError(parts: CloudParts): (error: Error, context: Context<CloudEnv>) => Response {
  return (error, context) => {
    if (!(error instanceof TokenError)) throw error;
    const { status, ...answer } = error.answer;
    const requestId = transactionIdOf(parts, context);
    const body = { context: contextOf(parts, context, requestId), ...answer };
    return Response.json(body, { status, headers: tokenHeaders(requestId) });
  };
}

function contextOf({ clock }: CloudParts, context: Context<CloudEnv>, requestId: string): object {
  const now = contextDate(clock.nowMs());
  const operation = context.req.path.endsWith('introspect') ? 'Identity_Introspect' : 'Identity_Token';
  return {
    requestId,
    requestType: `incoming.${operation}`,
    userAgent: context.req.header('user-agent') ?? '',
    url: 'https://iam.cloud.ibm.com',
    instanceId: 'embedded-cloud',
    threadId: '1',
    host: 'embedded-cloud',
    startTime: now,
    endTime: now,
    elapsedTime: '0',
    locale: 'en_US',
    clusterName: 'embedded-cloud',
  };
}
