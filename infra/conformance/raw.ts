import { BaseService } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import type { Calls } from '../../shared/clients/calls.ts';
import { freshHttpConfig } from '../../shared/clients/http-options.ts';
import type { ClientOptions } from '../../shared/clients/http-options.ts';
import type { RawAnswer, RawCall } from './raw-answer.ts';

const Body = z.record(z.string(), z.unknown()).catch({});
const Failure = z.object({ status: z.number().min(400).max(499), result: z.unknown() });
const Passed = z.object({ status: z.number(), body: Body });

/** Refusals that are no answer to a question: too many calls, and a token that ran out. */
const isAnswer = (status: number, hasLogin: boolean) => status !== 429 && !(status === 401 && hasLogin);

/** Requests to one API by their paths. A refusal is an answer like any other. */
export class RawApi extends BaseService {
  readonly #calls: Calls;
  readonly #hasLogin: boolean;

  /** `calls` log in where `hasLogin`; then 401 is a token that ran out, and otherwise an answer. */
  constructor(options: ClientOptions & { calls: Calls; hasLogin: boolean }) {
    const { serviceUrl, authenticator, http } = options;
    super({ ...freshHttpConfig(http), serviceUrl, authenticator });
    this.#calls = options.calls;
    this.#hasLogin = options.hasLogin;
  }

  /** @throws ApiError for 5xx, 429 and silence, after the usual repeats where that does no harm. */
  async send(call: RawCall, signal: AbortSignal): Promise<RawAnswer> {
    const kind = call.method === 'GET' || call.form ? 'reads' : 'once';
    const operation = `${call.method} ${call.path.split('/').slice(0, 4).join('/')}`;
    return this.#calls.send({ operation, kind, signal }, Passed, async (attempt) => {
      const passed = await this.#request(call, attempt);
      return { result: passed, status: passed.status };
    });
  }

  async #request(call: RawCall, signal: AbortSignal): Promise<RawAnswer> {
    const { method, path, query = {}, body, form, headers = {} } = call;
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const content = body ? { 'Content-Type': type } : {};
    try {
      const { status, result } = (await this.createRequest({
        options: { method, url: path, qs: query, ...(body && { body }), ...(form && { form }) },
        defaultOptions: {
          ...this.baseOptions,
          headers: { Accept: 'application/json', ...content, ...headers },
          axiosOptions: { signal },
        },
      })) as { status: number; result: unknown };
      return { status, body: Body.parse(result) };
    } catch (error) {
      const refusal = Failure.safeParse(error).data;
      if (!refusal || !isAnswer(refusal.status, this.#hasLogin)) throw error;
      return { status: refusal.status, body: Body.parse(refusal.result) };
    }
  }
}
