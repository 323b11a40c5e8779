import type { Ending } from './instance.ts';
import { PlatformError } from './platform-error.ts';
import { answerOf } from './result.ts';

export interface InvocationFacts {
  request: string;
  activation: string;
  /** Whether an instance was there already. */
  isWarm: boolean;
  /** When it ended, in virtual epoch milliseconds. */
  endMs: number;
}

const MESSAGE_CHARACTERS_MAX = 1_000;

/** The answer to the caller. The platform's own answers have no body; their headers say why. */
export function responseOf(ending: Ending | PlatformError, facts: InvocationFacts): Response {
  try {
    if (ending instanceof PlatformError) throw ending;
    const { response, statusWasSet } = answerOf(jsonOf(ending));
    addFacts(response.headers, facts, 'success');
    if (statusWasSet) response.headers.set('x-faas-actionstatus', String(response.status));
    return response;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const response = new Response(null, { status: error.status });
    addFacts(response.headers, facts, error.status === 299 ? 'timeout' : 'error');
    response.headers.set('x-faas-errormessage', headerText(error.message));
    return response;
  }
}

/** Throws what the platform makes of any other ending than a result. */
function jsonOf(ending: Ending): string {
  switch (ending.kind) {
    case 'returned':
      return ending.json;
    case 'threw':
      throw new PlatformError(500, ending.message);
    case 'unusable':
      throw new PlatformError(502, 'The function returned no JSON object.');
    case 'died':
      throw new PlatformError(502, 'The function ended without an answer.');
    case 'timed-out':
      throw new PlatformError(299, 'The function was aborted at its time limit.');
    case 'load-failed':
      throw new PlatformError(ending.status, 'The function could not be initialised.');
    default:
      ending satisfies never;
      throw new TypeError('An invocation ended in an unknown way.');
  }
}

function addFacts(headers: Headers, facts: InvocationFacts, result: 'success' | 'error' | 'timeout'): void {
  headers.set('x-request-id', facts.request);
  headers.set('x-faas-activation-id', facts.activation);
  headers.set('x-faas-prewarmed', String(facts.isWarm));
  headers.set('x-faas-result', result);
  headers.set('date', new Date(facts.endMs).toUTCString());
}

const headerText = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MESSAGE_CHARACTERS_MAX);
