import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudClock } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { Fault } from '../../infra/local/faults.ts';
import { FunctionHost } from '../../infra/local/host/function-host.ts';
import type { HostedFunction } from '../../infra/local/host/hosted-function.ts';
import { serve } from '../../infra/local/server.ts';

export const START_MS = Date.UTC(2026, 10, 20);

/** Requests of the embedded cloud for bundles: over `node:http` and over `fetch`. The cloud answers them with 401. */
const CLIENT = `
const http = require('node:http');
const LOGS = process.env.CLOUD_URL + '/logs/v1/singles';
const post = (url = LOGS, options = {}) => new Promise((resolve, reject) => {
  const request = http.request(url, { method: 'POST', ...options }, (response) => {
    response.resume().on('end', () => resolve(response.statusCode));
  });
  request.on('error', reject).end('[]');
});
const json = (body) => ({ statusCode: 200, headers: { 'Content-Type': 'application/json' }, body });
`;

/** A folder with one bundle, the way esbuild leaves it. `source` assigns to `exports.main`. */
export function bundle(folder: string, source: string): string {
  const directory = mkdtempSync(join(folder, 'bundle-'));
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ main: 'main.js' }));
  writeFileSync(join(directory, 'main.js'), `${CLIENT}\n${source}`);
  return directory;
}

export interface World extends AsyncDisposable {
  clock: CloudClock;
  cloud: EmbeddedCloud;
  cloudUrl: string;
  /** Where the host is served. */
  hostUrl: string;
  host: FunctionHost;
  folder: string;
  /** What functions wrote: `name stream line`. */
  log: string[];
  call: (path: string, init?: RequestInit) => Promise<Response>;
  fault: (fault: Partial<Fault>) => void;
}

export interface WorldOptions {
  /** Default: from event to event. */
  speed?: number;
  /** Beside name, folder and CLOUD_URL, for all functions. */
  function?: Partial<HostedFunction>;
}

/** An embedded cloud and a host, both served over HTTP, with one function for each source. */
export async function startWorld(sources: Record<string, string>, options: WorldOptions = {}): Promise<World> {
  const clock = new CloudClock({ startMs: START_MS, speed: options.speed ?? Infinity });
  const cloud = new EmbeddedCloud({ clock });
  const folder = mkdtempSync(join(tmpdir(), 'keyrota-test-'));
  const log: string[] = [];
  const hosts: FunctionHost[] = [];
  const attribution = {
    onArrival: (incoming: Parameters<FunctionHost['requestArrived']>[0]) => hosts[0]?.requestArrived(incoming),
    onDone: (incoming: Parameters<FunctionHost['requestDone']>[0]) => hosts[0]?.requestDone(incoming),
  };
  const served = await serve({ handle: (request) => cloud.handle(request), port: 0, ...attribution });
  const servedHost = await serve({
    handle: async (request) => hosts[0]?.handle(request) ?? new Response(),
    port: 0,
    ...attribution,
  });
  const environment = { CLOUD_URL: served.url, HOST_URL: servedHost.url, ...options.function?.environment };
  const host = new FunctionHost({
    clock,
    functions: Object.entries(sources).map(([name, source]) => ({
      ...options.function,
      name,
      directory: bundle(folder, source),
      environment,
    })),
    onLog: (name, line, stream) => log.push(`${name} ${stream} ${line}`),
  });
  hosts.push(host);
  return {
    clock,
    cloud,
    cloudUrl: served.url,
    hostUrl: servedHost.url,
    host,
    folder,
    log,
    call: (path, init) => host.handle(new Request(`http://host.test${path}`, init)),
    fault: (fault) => cloud.faults.add(Fault.parse({ match: 'POST /logs/v1/singles', ...fault })),
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      await Promise.all([served, servedHost].map((listening) => listening[Symbol.asyncDispose]()));
      clock.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
