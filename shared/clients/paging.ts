import { ApiError } from './api-error.ts';

/** More pages than any list has: a service that never ends one must not hold us. */
export const MOST_PAGES = 10_000;

/** What a list of more pages is taken for: not for a complete one. */
export function endless(operation: string): ApiError {
  const failure = { status: 200, ibmCode: null, retryAfterMs: null };
  return new ApiError(operation, 'unexpected_answer', failure, `more than ${MOST_PAGES} pages`, 'none');
}
