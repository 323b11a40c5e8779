import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { BaseService, NoAuthAuthenticator } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import type { HttpOptions } from './http-options.ts';
import { guardedLookup } from '../runtime/public-address.ts';
import type { LookupAll } from '../runtime/public-address.ts';

/** Nobody reads what a receiver answers: more than this is not even taken. */
const LONGEST_ANSWER_BYTES = 1_048_576;

/** One message to an address that the configuration names. */
export interface Message {
  url: string;
  /** JSON, sent byte for byte. */
  body: string;
  headers?: Readonly<Record<string, string>>;
  /** The address was allowed by name: it may be on this machine or in its network. */
  isAllowed: boolean;
}

/** What became of a message: the answer's status, or why there was none, as a code of Node. */
export type Reaction = { status: number; retryAfter: string | null } | { status: null; reason: string };

/** A header that may be missing, or come more than once. */
const Header = z.string().nullable().catch(null);
const Answer = z.object({
  status: z.number(),
  headers: z.object({ 'retry-after': Header.default(null) }).catch({ 'retry-after': null }),
});
/** What axios throws, as far as it is safe to look at: it holds the address, which may be a secret. */
const Failure = z.object({ response: Answer.optional().catch(undefined), code: z.string().catch('') });

const reactionOf = ({ status, headers }: z.infer<typeof Answer>): Reaction => ({
  status,
  retryAfter: headers['retry-after'],
});

/** How Node names a failure. Anything else might be a part of an address. */
const NODE_CODE = /^[A-Z][A-Z0-9_]{1,39}$/;

/** Agents for addresses outside: none leads into a private network. `lookup` is asked for names; default: the system. */
export const guardedAgent = (lookup?: LookupAll): HttpsAgent =>
  new HttpsAgent({ keepAlive: false, lookup: guardedLookup(lookup) });

/**
 * Posts JSON to receivers that are not IBM Cloud. No redirect is followed, no proxy of the environment is used, no answer's body is
 * read, and a name that leads into a private network is refused when it is connected to.
 */
export class Outgoing extends BaseService {
  readonly #guarded: HttpsAgent;
  readonly #open = { http: new HttpAgent({ keepAlive: false }), https: new HttpsAgent({ keepAlive: false }) };

  constructor(http: HttpOptions, lookup?: LookupAll) {
    super({ ...http, authenticator: new NoAuthAuthenticator() });
    this.#guarded = guardedAgent(lookup);
  }

  /** One attempt. Never throws: what goes wrong is told without the address. */
  async post({ url, body, headers, isAllowed }: Message, signal: AbortSignal): Promise<Reaction> {
    try {
      // Not the SDK's own call: it changes addresses that end with a slash, and what is signed must arrive as it is.
      const answer: unknown = await this.getHttpClient().request({
        url,
        method: 'POST',
        data: body,
        headers: { 'Content-Type': 'application/json', 'User-Agent': 'keyrota', ...headers },
        transformRequest: [(data: unknown) => data],
        transformResponse: [(data: unknown) => data],
        paramsSerializer: { serialize: () => '' },
        maxRedirects: 0,
        maxContentLength: LONGEST_ANSWER_BYTES,
        proxy: false,
        httpAgent: this.#open.http,
        httpsAgent: isAllowed ? this.#open.https : this.#guarded,
        signal,
      });
      return reactionOf(Answer.parse(answer));
    } catch (error) {
      const { response, code } = Failure.catch({ response: undefined, code: '' }).parse(error);
      if (response) return reactionOf(response);
      return { status: null, reason: NODE_CODE.test(code) ? code : 'no_answer' };
    }
  }
}
