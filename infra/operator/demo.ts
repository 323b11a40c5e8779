import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Clock } from '../../shared/runtime/clock.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';

/** Where a running demo says how to reach it. */
const DEMO_FILE = '.keyrota/demo.json';

const Demo = z.object({
  controlUrl: z.url(),
  accountId: z.string(),
  adminApiKey: z.string(),
  url: z.url(),
  secretsManagerUrl: z.url(),
  functionsUrl: z.url(),
  triggerToken: z.string(),
  manifestFile: z.string(),
});
export type Demo = z.infer<typeof Demo>;

/** The demo that runs in this folder; null when none does. */
export async function findDemo(): Promise<Demo | null> {
  try {
    return Demo.parse(JSON.parse(await readFile(DEMO_FILE, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new KeyrotaError('demo_unreadable', `${DEMO_FILE} cannot be used. If no demo runs, delete it.`, {
      cause: error,
    });
  }
}

/** How fast the demo's time runs while a person works in it: a mint then takes about two seconds. */
const OPERATOR_SPEED = 10;

const ClockState = z.object({ nowMs: z.number() });

/** The demo's time, slowed down for as long as it is held. */
export interface DemoClock extends Clock, Disposable {}

/**
 * Slows the demo down and follows its time. The limit ends with the connection: also when this process dies.
 * @throws KeyrotaError `demo_unreachable`.
 */
export async function holdDemoClock(demo: Demo): Promise<DemoClock> {
  const { connection, nowMs } = await openLimit(demo);
  const startRealMs = performance.now();
  return {
    nowMs: () => Math.floor(nowMs + (performance.now() - startRealMs) * OPERATOR_SPEED),
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const timer = setTimeout(resolve, delayMs / OPERATOR_SPEED);
        const onAbort = () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    [Symbol.dispose]: () => connection.destroy(),
  };
}

function openLimit(demo: Demo): Promise<{ connection: ClientRequest; nowMs: number }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      const next = `Start it with \`npm start\`. If it was killed, delete ${DEMO_FILE}.`;
      reject(new KeyrotaError('demo_unreachable', `The demo at ${demo.controlUrl} does not answer.`, { next, cause }));
    };
    const headers = { 'content-type': 'application/json' };
    const connection = request(`${demo.controlUrl}/clock/limit`, { method: 'POST', headers }, (answer) => {
      const lines = createInterface({ input: answer });
      lines.once('line', (line) => {
        try {
          resolve({ connection, nowMs: ClockState.parse(JSON.parse(line)).nowMs });
        } catch (error) {
          fail(error);
        }
      });
      // Also when we end it ourselves; it is settled by then.
      for (const source of [answer, lines]) source.on('error', fail).once('close', fail);
    });
    connection.once('error', fail);
    connection.end(JSON.stringify({ speed: OPERATOR_SPEED }));
  });
}
