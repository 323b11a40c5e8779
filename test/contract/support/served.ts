import { createServer, globalAgent } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { serve } from '../../../infra/local/server.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { worldOn } from './three-kinds.ts';
import type { World } from './three-kinds.ts';

/** Something that happens now and then, and those who wait for it. */
class Moments<T> {
  readonly all: T[] = [];
  #waiting: { fits: (all: readonly T[]) => boolean; resolve: () => void }[] = [];

  add(one: T): void {
    this.all.push(one);
    const [due, waiting] = [true, false].map((wanted) => this.#waiting.filter(({ fits }) => fits(this.all) === wanted));
    this.#waiting = waiting ?? [];
    for (const { resolve } of due ?? []) resolve();
  }

  /** Resolves when what has happened so far fits. */
  until(fits: (all: readonly T[]) => boolean): Promise<void> {
    if (fits(this.all)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ fits, resolve });
    });
  }
}

/**
 * The embedded cloud behind sockets, and the product that calls it through them. Time stands still until a test lets it
 * pass: what travels takes real time, and no virtual one.
 */
export class ServedWorld implements AsyncDisposable {
  readonly arrivals = new Moments<string>();
  /** Connections on which requests came, each once. */
  readonly connections = new Set<Socket>();
  /** Requests whose answer has left, or whose connection is gone. */
  readonly done = new Moments<string>();
  readonly #waits = new Moments<number>();
  #world: World | undefined;
  #stop: () => PromiseLike<void> = () => Promise.resolve();

  static async start(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<ServedWorld> {
    const served = new ServedWorld();
    const lab = await Laboratory.open();
    const listening = await serve({
      port: 0,
      handle: (request) => lab.cloud.handle(request),
      onArrival: (incoming) => served.#arrived(incoming),
      onDone: (incoming) => served.done.add(nameOf(incoming)),
    });
    served.#stop = () => listening[Symbol.asyncDispose]();
    lab.clock.speed = 0;
    served.#world = await worldOn(lab, { ...options, url: listening.url, clock: served.#noting(lab.portClock) });
    served.arrivals.all.length = 0;
    served.done.all.length = 0;
    return served;
  }

  get world(): World {
    if (!this.#world) throw new Error('not started');
    return this.#world;
  }

  /** Resolves when the product begins to wait that long, from now on or since the last time. */
  async untilWaitingFor(delayMs: number): Promise<void> {
    await this.#waits.until((all) => all.includes(delayMs));
    this.#waits.all.length = 0;
  }

  /** Ends all connections, and waits until the product has noticed. */
  async hangUp(): Promise<void> {
    const idle = Object.values(globalAgent.freeSockets).flatMap((sockets) => sockets ?? []);
    const ports = new Set([...this.connections].map((socket) => socket.remotePort));
    const own = idle.filter((socket) => ports.has(socket.localPort));
    const ended = own.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.connections) socket.destroy();
    await Promise.all(ended);
  }

  /** The server is gone: nobody listens at its address. */
  async close(): Promise<void> {
    await this.hangUp();
    await this.#stop();
    this.#stop = () => Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #arrived(incoming: IncomingMessage): void {
    this.connections.add(incoming.socket);
    this.arrivals.add(nameOf(incoming));
  }

  #noting(clock: Clock): Clock {
    return {
      nowMs: () => clock.nowMs(),
      sleep: (delayMs, signal) => {
        const slept = clock.sleep(delayMs, signal);
        this.#waits.add(delayMs);
        return slept;
      },
    };
  }
}

const nameOf = ({ method, url }: IncomingMessage): string => `${method} ${url}`;

/** A server that speaks HTTP badly: it logs everybody in, and lets `answer` spoil all other answers. */
export async function spoiltServer(
  answer: (outgoing: ServerResponse, incoming: IncomingMessage) => void,
): Promise<AsyncDisposable & { url: string; requests: number }> {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/identity/token') {
      outgoing.setHeader('content-type', 'application/json');
      outgoing.end(JSON.stringify({ access_token: 'eyJ.spoilt.token', expires_in: 3_600 }));
      return;
    }
    spoilt.requests += 1;
    answer(outgoing, incoming);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  const spoilt = {
    url: `http://127.0.0.1:${port}`,
    requests: 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
  return spoilt;
}
