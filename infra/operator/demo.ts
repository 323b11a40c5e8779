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
  incidentSecret: z.string(),
  keyrotaIamIds: z.array(z.string()),
  /** Ids of the trusted profiles of the functions. */
  profileIds: z.record(z.string(), z.string()),
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

/** How long the demo may take to answer, in real milliseconds. */
const ANSWER_MS_MAX = 5_000;

/** How fast the demo's time runs while a person works in it: a mint then takes about two seconds. */
const OPERATOR_SPEED = 10;
const REAL_SPEED = 1;

const ClockState = z.object({ nowMs: z.number() });

/** The demo's time, slowed down for as long as it is held. */
export interface DemoClock extends Clock, Disposable {
  /** As slow as real time while `work` lasts. */
  inRealTime<T>(work: () => Promise<T>): Promise<T>;
}

/** A limit to the demo's speed, which ends with the connection, and the demo's time when it began. */
interface Limit {
  connection: ClientRequest;
  nowMs: number;
  speed: number;
  beganRealMs: number;
}

/**
 * Slows the demo down and follows its time. The limit ends with the connection: also when this process dies.
 * @throws KeyrotaError `demo_unreachable`; or what the signal aborts with.
 */
export async function holdDemoClock(demo: Demo, signal: AbortSignal): Promise<DemoClock> {
  let limit = await openLimit(demo, OPERATOR_SPEED, signal);
  const limitTo = async (speed: number) => {
    const former = limit;
    limit = await openLimit(demo, speed, signal);
    former.connection.destroy();
  };
  return {
    nowMs: () => Math.floor(limit.nowMs + (performance.now() - limit.beganRealMs) * limit.speed),
    sleep: (delayMs, until) =>
      new Promise((resolve, reject) => {
        until.throwIfAborted();
        const timer = setTimeout(resolve, delayMs / limit.speed);
        const onAbort = () => {
          clearTimeout(timer);
          reject(until.reason as Error);
        };
        until.addEventListener('abort', onAbort, { once: true });
      }),
    inRealTime: async (work) => {
      await limitTo(REAL_SPEED);
      const done = await work();
      await limitTo(OPERATOR_SPEED);
      return done;
    },
    [Symbol.dispose]: () => limit.connection.destroy(),
  };
}

async function openLimit(demo: Demo, speed: number, signal: AbortSignal): Promise<Limit> {
  signal.throwIfAborted();
  const { promise: firstLine, resolve, reject } = Promise.withResolvers<string>();
  const headers = { 'content-type': 'application/json' };
  const connection = request(`${demo.controlUrl}/clock/limit`, { method: 'POST', headers }, (answer) => {
    const lines = createInterface({ input: answer }).once('line', resolve);
    // Also when we end it ourselves; it is settled by then.
    for (const source of [answer, lines]) source.on('error', reject).once('close', reject);
  });
  connection.on('error', reject).end(JSON.stringify({ speed }));
  const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  patience.addEventListener('abort', () => reject(patience.reason as Error), { once: true });
  try {
    const { nowMs } = ClockState.parse(JSON.parse(await firstLine));
    return { connection, nowMs, speed, beganRealMs: performance.now() };
  } catch (cause) {
    connection.destroy();
    signal.throwIfAborted();
    const next = `Where it is suspended, let it go on (\`fg\`). Where it was killed, start another (\`npm start\`), or delete ${DEMO_FILE} to work without.`;
    throw new KeyrotaError('demo_unreachable', `The demo at ${demo.controlUrl} does not answer.`, { next, cause });
  }
}
