import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { ConnectionLost } from './faults.ts';

/** Answers a request, or throws ConnectionLost when its client must see the connection break. */
type RequestHandler = (request: Request) => Promise<Response>;

export interface ServeOptions {
  handle: RequestHandler;
  /** 0 picks a free one. */
  port: number;
  /** Called as soon as a request has arrived. */
  onArrival?: (incoming: IncomingMessage) => void;
  /** Called once its answer has left or its connection is gone. */
  onDone?: (incoming: IncomingMessage) => void;
}

export interface Listening extends AsyncDisposable {
  url: string;
}

/** Serves on the loopback address only. Rejects when the port is taken. */
export async function serve(options: ServeOptions): Promise<Listening> {
  const listener = getRequestListener(
    async (request, { outgoing }) => {
      try {
        return await options.handle(request);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        outgoing.destroy();
        return RESPONSE_ALREADY_SENT;
      }
    },
    { overrideGlobalObjects: false, errorHandler: internalError },
  );
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    options.onArrival?.(incoming);
    outgoing.once('close', () => options.onDone?.(incoming));
    void listener(incoming, outgoing);
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => close(server) };
}

function internalError(error: unknown): Response {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`The embedded cloud failed: ${text}\n`);
  return Response.json(
    { errors: [{ code: 'embedded_cloud_failed', message: 'See its standard error.' }] },
    { status: 500 },
  );
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
