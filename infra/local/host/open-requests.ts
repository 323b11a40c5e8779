import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { REQUEST_MARK } from './messages.ts';

/** What undici, the client behind `fetch`, publishes of a request. */
interface FetchRequest {
  origin: string | URL;
  addHeader(name: string, value: string): void;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;

/**
 * The requests of this thread that left and have no complete answer. Each request to this machine is marked, so that
 * the host knows it when it arrives.
 */
export class OpenRequests {
  readonly #open = new Map<string, () => boolean>();
  readonly #marks = new WeakMap<object, string>();
  readonly #instanceId: string;
  readonly #onChange: () => void;
  #count = 0;

  constructor(instanceId: string, onChange: () => void) {
    this.#instanceId = instanceId;
    this.#onChange = onChange;
    this.#watchHttp();
    this.#watchFetch();
  }

  /** Their marks. */
  list(): string[] {
    return [...this.#open].filter(([, hasLeft]) => hasLeft()).map(([mark]) => mark);
  }

  #watchHttp(): void {
    subscribe('http.client.request.created', (message) => {
      const { request } = message as { request: ClientRequest };
      // A request that waits for a free socket of its agent, or for its first byte, is not on its way.
      const mark = this.#start(request, () => request.headersSent && request.socket !== null);
      // With headers given as an array they are written already.
      if (LOOPBACK.test(request.host) && !request.headersSent) request.setHeader(REQUEST_MARK, mark);
      request.once('close', () => this.#end(request));
    });
    subscribe('http.client.response.finish', (message) => {
      const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
      // A response that nobody reads to its end never closes, yet it has arrived once its last byte is pushed.
      const push = response.push.bind(response);
      response.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
        if (chunk === null) this.#end(request);
        return push(chunk, encoding);
      };
    });
  }

  #watchFetch(): void {
    subscribe('undici:request:create', (message) => {
      const { request } = message as { request: FetchRequest };
      const mark = this.#start(request, () => true);
      if (LOOPBACK.test(new URL(request.origin).hostname)) request.addHeader(REQUEST_MARK, mark);
    });
    const end = (message: unknown) => this.#end((message as { request: object }).request);
    subscribe('undici:request:trailers', end);
    subscribe('undici:request:error', end);
  }

  #start(request: object, hasLeft: () => boolean): string {
    this.#count += 1;
    const mark = `${this.#instanceId}.${this.#count}`;
    this.#marks.set(request, mark);
    this.#open.set(mark, hasLeft);
    this.#onChange();
    return mark;
  }

  #end(request: object): void {
    const mark = this.#marks.get(request);
    if (mark !== undefined && this.#open.delete(mark)) this.#onChange();
  }
}
