import * as z from 'zod';
import { TimeIsUp } from '../runtime/clock.ts';
import { KeyrotaError, messageOf } from '../runtime/errors.ts';
import type { Effect } from '../runtime/errors.ts';
import { maskSecrets } from '../runtime/secret-value.ts';
import type { SecretValue } from '../runtime/secret-value.ts';

/** What a call to IBM Cloud ran into. */
export type ApiErrorCode =
  | 'invalid_request'
  | 'not_logged_in'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'locked'
  | 'limit_reached'
  /** By the service behind a resource key or instance, whatever its reason: 422 stands for all of them. */
  | 'broker_refused'
  | 'throttled'
  | 'service_failed'
  | 'no_answer'
  | 'unexpected_answer';

const IbmError = z.object({
  code: z.string().optional().catch(undefined),
  message_code: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
});

const ErrorBody = z.object({
  errorCode: z.string().optional().catch(undefined),
  errorMessage: z.string().optional().catch(undefined),
  error_code: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  // As LogDNA and the classic API tell them.
  code: z.string().optional().catch(undefined),
  error: z.string().optional().catch(undefined),
  errors: z.array(IbmError).default([]).catch([]),
});

/** What the SDKs throw, as far as it is safe to look at: requests hold our token. Whatever is odd counts as absent. */
const SdkFailure = z.object({
  status: z.number().optional().catch(undefined),
  statusText: z.string().optional().catch(undefined),
  headers: z
    .looseObject({ 'retry-after': z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
  result: ErrorBody.optional().catch(undefined),
});

export interface ApiFailure {
  /** HTTP status; null when no answer came. */
  status: number | null;
  /** IBM's own code, for example `BXNIM0415E`; null when there is none. */
  ibmCode: string | null;
  /** From a `Retry-After` header. */
  retryAfterMs: number | null;
}

/** A call to IBM Cloud failed. `effect` says whether it may have been carried out all the same. */
export class ApiError extends KeyrotaError {
  override readonly name = 'ApiError';
  override readonly code: ApiErrorCode;
  /** The operation, for example `createApiKey`. */
  readonly operation: string;
  readonly failure: ApiFailure;
  readonly #detail: string;

  constructor(operation: string, code: ApiErrorCode, failure: ApiFailure, detail: string, effect: Effect) {
    const answer = failure.status === null ? 'no answer' : `status ${failure.status}`;
    const ibmCode = failure.ibmCode === null ? '' : ` ${failure.ibmCode}`;
    super(code, `${operation}: ${answer}${ibmCode}: ${maskSecrets(detail)}`, { effect });
    this.code = code;
    this.operation = operation;
    this.failure = failure;
    this.#detail = detail;
  }

  /** The same failure after an earlier attempt of the call whose effect is not known. */
  afterUnclearAttempt(): ApiError {
    return new ApiError(this.operation, this.code, this.failure, this.#detail, 'unknown');
  }

  /** The same failure after another call that was carried out for the same purpose. */
  afterChange(): ApiError {
    return new ApiError(this.operation, this.code, this.failure, this.#detail, 'changed');
  }
}

/** The SDK found a parameter missing or unknown: nothing was sent. */
const REFUSED_BY_SDK = /^Parameter validation errors/;

const CODE_BY_STATUS: Readonly<Record<number, ApiErrorCode>> = {
  400: 'invalid_request',
  401: 'not_logged_in',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  410: 'not_found',
  412: 'locked',
  422: 'limit_reached',
  429: 'throttled',
};

/** With 422 at the resource controller: the service behind an instance refused, for a reason that is in the text alone. */
const REFUSED_BY_BROKER = 'RC-ServiceBrokerErrorResponse';

/**
 * Turns whatever a call rejected with into an ApiError. Of the original only status, IBM's code, its message and
 * `Retry-After` are kept: it holds the request, and so our token. `secret` is masked in the message.
 */
export function apiErrorOf(
  operation: string,
  error: unknown,
  writes: boolean,
  secret: SecretValue | readonly SecretValue[] = [],
): ApiError {
  if (error instanceof ApiError) return error;
  const noAnswer = { status: null, ibmCode: null, retryAfterMs: null };
  const effectUnknown: Effect = writes ? 'unknown' : 'none';
  if (error instanceof TimeIsUp) return new ApiError(operation, 'no_answer', noAnswer, error.message, effectUnknown);
  const parsed = SdkFailure.safeParse(error);
  const failure = parsed.success ? parsed.data : {};
  if (failure.status === undefined) {
    const reason = without(secret, failure.statusText ?? messageOf(error));
    if (REFUSED_BY_SDK.test(reason)) return new ApiError(operation, 'invalid_request', noAnswer, reason, 'none');
    return new ApiError(operation, 'no_answer', noAnswer, reason, effectUnknown);
  }
  if (failure.status < 300) {
    return new ApiError(operation, 'no_answer', noAnswer, 'the answer broke off', effectUnknown);
  }
  const { status, result } = failure;
  const first = result?.errors?.[0];
  // Some answers carry an empty `message_code`.
  const ibmCode =
    result?.errorCode ?? result?.error_code ?? (first?.message_code || first?.code || result?.code || null);
  const told = result?.errorMessage ?? first?.message ?? result?.message ?? result?.error ?? failure.statusText ?? '';
  const detail = without(secret, told);
  const retryAfterMs = retryAfterOf(failure.headers?.['retry-after']);
  const refusal = status < 400 ? null : classicRefusalOf(ibmCode, detail);
  const isByBroker = status === 422 && ibmCode === REFUSED_BY_BROKER;
  const code = isByBroker ? 'broker_refused' : (refusal ?? CODE_BY_STATUS[status] ?? codeOfStatus(status));
  const wasRefused = refusal !== null || (status >= 400 && status < 500 && status !== 408);
  return new ApiError(operation, code, { status, ibmCode, retryAfterMs }, detail, wasRefused ? 'none' : effectUnknown);
}

const without = (secret: SecretValue | readonly SecretValue[], text: string): string => {
  const values = [secret].flat().map((one) => one.reveal());
  return values.filter((value) => value !== '').reduce((rest, value) => rest.replaceAll(value, '[redacted]'), text);
};

/**
 * What the classic API refuses clearly, whatever the status: it sends 500 for some of it. Null for anything else: its
 * `SoftLayer_Exception_Public` is also sent for what went wrong within.
 */
function classicRefusalOf(ibmCode: string | null, detail: string): ApiErrorCode | null {
  if (ibmCode === 'SoftLayer_Exception_ObjectNotFound') return 'not_found';
  if (ibmCode === 'SoftLayer_Exception_AccessDenied') return 'forbidden';
  return ibmCode === 'SoftLayer_Exception_Public' && /\bsingle API key\b/i.test(detail) ? 'conflict' : null;
}

/** Redirects are not followed. */
function codeOfStatus(status: number): ApiErrorCode {
  if (status < 400) return 'unexpected_answer';
  return status >= 500 ? 'service_failed' : 'invalid_request';
}

/** The delay that a header in seconds asks for; dates are not sent by IBM and count as none. */
function retryAfterOf(header: string | undefined): number | null {
  const seconds = header === undefined || header.trim() === '' ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null;
}

/** Whether a call failed with this code. */
export const isApiError = (error: unknown, code: ApiErrorCode): error is ApiError =>
  error instanceof ApiError && error.code === code;

/** Whether a change was refused in a way in which issuers refuse to change a locked key: which one is not documented. */
export const isRefusedByLock = (error: unknown): boolean =>
  error instanceof ApiError && ['conflict', 'limit_reached', 'locked'].includes(error.code);
