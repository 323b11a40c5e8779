// `npm run cloud -- --port P --control-port C`: the embedded IBM Cloud on this machine, from the real present time on.
import { parseArgs } from 'node:util';
import { onStopRequest } from './stop-request.ts';
import { endWithReader } from './broken-pipe.ts';
import { EmbeddedCloud } from './cloud.ts';
import { CloudClock } from './clock.ts';
import { controlRoutes } from './control.ts';
import { serve } from './server.ts';
import { switchesIn } from './switches-file.ts';

const USAGE = `Usage: npm run cloud -- [--port PORT] [--control-port PORT] [--seed TEXT] [--switches FILE]

Serves the IBM Cloud APIs that Keyrota uses on 127.0.0.1, for one account in memory, and a control port.
A port of 0, the default, picks a free one. FILE has switches, as JSON, as POST /switches takes them.
The first line on standard output is a JSON object that tells all addresses.`;

class UsageError extends Error {}

function portOf(text: string, option: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--${option}: found ${JSON.stringify(text)}, allowed: 0 to 65535`);
  return port;
}

function switchesOf(file: string) {
  try {
    return switchesIn(file);
  } catch (error) {
    throw new UsageError(`--switches ${file}: ${(error as Error).message}`);
  }
}

function readArguments() {
  const options = {
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
    seed: { type: 'string' },
    switches: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ options });
    const port = portOf(values.port, 'port');
    const controlPort = portOf(values['control-port'], 'control-port');
    if (port !== 0 && port === controlPort) throw new UsageError('--port and --control-port are the same');
    const switches = values.switches === undefined ? {} : switchesOf(values.switches);
    return { port, controlPort, seed: values.seed ?? crypto.randomUUID(), switches, help: values.help };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function run(): Promise<void> {
  const { port, controlPort, seed, switches, help } = readArguments();
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const clock = new CloudClock();
  const cloud = new EmbeddedCloud({ clock, seed, switches });
  await using api = await serve({ handle: (request) => cloud.handle(request), port });
  const control = controlRoutes(cloud);
  await using controlServer = await serve({ handle: async (request) => control.fetch(request), port: controlPort });
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  onStopRequest(stop);
  process.stdout.write(`${JSON.stringify(cloud.addresses(api.url, controlServer.url))}\n`);
  await stopped;
  clock.stop();
}

endWithReader();
await run().catch((error: unknown) => {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`cloud: ${(error as Error).message}\n${isUsage ? `\n${USAGE}\n` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
});
