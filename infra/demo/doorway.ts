import type { FunctionHost } from '../local/host/function-host.ts';
import type { ServeOptions } from '../local/server.ts';

/** The way to the functions. It is there before them: their settings tell where it is. */
export class Doorway {
  #host: FunctionHost | undefined;
  readonly #open = new Set<Promise<Response>>();

  set host(host: FunctionHost) {
    this.#host = host;
  }

  /** Brings a request to its function. Bound. */
  readonly deliver = async (request: Request): Promise<Response> => {
    if (!this.#host) return new Response(null, { status: 503 });
    const { pathname } = new URL(request.url);
    // On Code Engine a function is at the root of its host: what it links to is below its address in any case.
    if (request.method === 'GET' && /^\/[^/]+$/.test(pathname))
      return new Response(null, { status: 308, headers: { location: `${pathname}/` } });
    const delivery = this.#host.handle(request);
    this.#open.add(delivery);
    return delivery.finally(() => this.#open.delete(delivery));
  };

  /** For every server that functions call: time stands still while anything is on its way. */
  readonly counted: Pick<ServeOptions, 'onArrival' | 'onDone'> = {
    onArrival: (incoming) => this.#host?.requestArrived(incoming),
    onDone: (incoming) => this.#host?.requestDone(incoming),
  };

  /** Resolves when no function works any more: what one does may start another. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }
}
