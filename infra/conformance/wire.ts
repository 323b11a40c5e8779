import type { Send } from '../demo/admin.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { OUTERMOST } from './book.ts';
import type { Book } from './book.ts';
import { permitOf } from './guard.ts';
import type { Permit } from './guard.ts';

/**
 * Where all requests of a run pass: held to the book of what it made, and counted. What an answer tells of as made comes into
 * the book at once, before anybody reads it.
 */
export class Wire {
  readonly clock: Clock;
  readonly #book: Book;
  readonly #send: Send;
  /** Requests whose answer has not come, also those that nobody waits for any more. */
  readonly #open = new Set<Promise<unknown>>();
  callCount = 0;

  constructor(options: { book: Book; send: Send; clock: Clock }) {
    this.clock = options.clock;
    this.#book = options.book;
    this.#send = options.send;
  }

  /** @throws KeyrotaError `not_ours`; what sending throws. */
  readonly handle = async (request: Request): Promise<Response> => {
    const permit = permitOf(this.#book, request.method, new URL(request.url), await bodyOf(request));
    this.callCount += 1;
    const answered = this.#answered(request, permit);
    this.#open.add(answered);
    return answered.finally(() => this.#open.delete(answered));
  };

  /** Resolves when every request that was sent by now has its answer, or has none: until then it may still make something. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open);
  }

  async #answered(request: Request, { makes }: Permit): Promise<Response> {
    if (makes === null) return this.#removing(request);
    const isOutermost = OUTERMOST.includes(makes);
    if (isOutermost) this.#book.asked();
    const response = await this.#send(request);
    const id = response.status === 201 ? await madeIdIn(response) : '';
    this.#book.add(makes, id);
    const isRefused = response.status >= 400 && response.status < 500;
    if (isOutermost && (id !== '' || isRefused)) this.#book.answered();
    return response;
  }

  async #removing(request: Request): Promise<Response> {
    const response = await this.#send(request);
    const lastPart = new URL(request.url).pathname.split('/').at(-1) ?? '';
    if (request.method === 'DELETE' && response.ok) this.#book.removed(decodeURIComponent(lastPart));
    return response;
  }
}

/** The JSON object of a body; empty for any other. Forms are logins, which name nothing. */
async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  return request.body === null ? {} : jsonIn(await request.clone().text());
}

async function madeIdIn(response: Response): Promise<string> {
  const { guid, id } = jsonIn(await response.clone().text());
  const made = guid ?? id;
  return typeof made === 'string' ? made : '';
}

function jsonIn(text: string): Record<string, unknown> {
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
