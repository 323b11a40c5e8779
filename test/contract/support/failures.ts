import { inspect } from 'node:util';
import { ApiError } from '../../../shared/clients/api-error.ts';
import type { ApiErrorCode } from '../../../shared/clients/api-error.ts';
import type { Effect } from '../../../shared/runtime/errors.ts';
import { STORED_VALUE } from './three-kinds.ts';
import type { World } from './three-kinds.ts';

/** What a call rejects with. Throws when it does not. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  const outcome = await call.then(
    () => ({ failed: false, error: undefined }),
    (error: unknown) => ({ failed: true, error }),
  );
  if (!outcome.failed) throw new Error('The call did not fail.');
  return outcome.error;
}

/** The ApiError that a call rejects with. Throws for any other outcome. */
export async function apiFailureOf(call: Promise<unknown>): Promise<ApiError> {
  const error = await failureOf(call);
  if (error instanceof ApiError) return error;
  throw new Error(`The call failed with something else: ${inspect(error)}`);
}

interface Outcome {
  code: ApiErrorCode;
  effect: Effect;
  status: number | null;
  ibmCode: string | null;
}

/** The parts of an ApiError that callers decide on. */
export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  const { code, effect, failure } = await apiFailureOf(call);
  return { code, effect, status: failure.status, ibmCode: failure.ibmCode };
}

/** All that an error holds, however deep, with its whole chain of causes, as text. */
export function everythingIn(error: unknown): string {
  const seen = new Set<unknown>();
  const texts: string[] = [];
  for (let one = error; one !== undefined && one !== null && !seen.has(one);) {
    seen.add(one);
    texts.push(inspect(one, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null }));
    texts.push(one instanceof Error ? `${one.message} ${one.stack}` : '', JSON.stringify(one) ?? '');
    one = one instanceof Error ? one.cause : undefined;
  }
  return texts.join('\n');
}

/** Which of a world's secrets an error or a log holds; by name, so that a failing test does not print them. */
export function leaksOf(found: unknown, { lab, product }: World): string[] {
  const text = everythingIn(found);
  const secrets = {
    tokens: product.sent.map(({ headers }) => headers.get('authorization')?.replace('Bearer ', '') ?? ''),
    forms: product.sent.map(({ body }) => new URLSearchParams(body).get('apikey') ?? ''),
    keys: lab.state.iam.apiKeys.map(({ value = '' }) => value),
    values: [STORED_VALUE],
  };
  return Object.entries(secrets).flatMap(([name, values]) =>
    values.some((value) => value !== '' && text.includes(value)) ? [name] : [],
  );
}
