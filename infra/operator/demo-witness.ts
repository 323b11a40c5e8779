import { z } from 'zod';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Demo } from './demo.ts';

// What the running demo saw: nobody can ask a real account for it.

const ClockState = z.object({ nowMs: z.number() });
const Call = z.object({
  n: z.number(),
  method: z.string(),
  path: z.string(),
  outcome: z.union([z.number(), z.string()]),
  iamId: z.string().nullable(),
});
type Call = z.infer<typeof Call>;
const Agent = z.object({
  secretName: z.string(),
  ships: z.boolean(),
  keyId: z.string().nullable(),
  works: z.boolean(),
});

async function ask<T>({ controlUrl }: Demo, path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
  const answer = await fetch(controlUrl + path, { signal });
  return schema.parse(await answer.json());
}

/** The demo's time, in epoch milliseconds. */
export const demoNowMs = async (demo: Demo, signal: AbortSignal): Promise<number> =>
  (await ask(demo, '/clock', ClockState, signal)).nowMs;

/** Number of the latest call that the embedded cloud has answered. */
export async function latestCall(demo: Demo, signal: AbortSignal): Promise<number> {
  const calls = await ask(demo, '/calls', z.array(Call), signal);
  return calls.at(-1)?.n ?? 0;
}

/** Calls to IBM Cloud that Keyrota's functions made until then; null where that is not among the calls. */
export interface CallCounts {
  untilDisabled: number | null;
  untilReplaced: number | null;
}

/** Counts what the functions called since a call of that number. */
export async function countCalls(
  demo: Demo,
  sinceCall: number,
  { keyId, secretId }: { keyId: string; secretId: string },
  signal: AbortSignal,
): Promise<CallCounts> {
  const all = await ask(demo, `/calls?from=${sinceCall + 1}`, z.array(Call), signal);
  const own = all.filter(({ iamId }) => iamId !== null && demo.keyrotaIamIds.includes(iamId));
  const upTo = (isMeant: (call: Call) => boolean): number | null => {
    const index = own.findIndex((call) => isMeant(call) && isDone(call));
    return index < 0 ? null : index + 1;
  };
  return {
    untilDisabled: upTo(
      ({ method, path }) => path.includes(keyId) && (method === 'DELETE' || path.endsWith('/disable')),
    ),
    untilReplaced: upTo(({ method, path }) => method === 'POST' && path === `/api/v2/secrets/${secretId}/versions`),
  };
}

const isDone = ({ outcome }: Call): boolean => typeof outcome === 'number' && outcome >= 200 && outcome < 300;

const LOOK_EVERY_MS = 100;

/**
 * Waits until the demo's agent works with a key: for one that ships lines, until one was let in. Null where no program
 * uses that entry.
 * @param patienceMs In real milliseconds.
 */
export async function agentWorksWith(
  demo: Demo,
  secretName: string,
  keyId: string,
  patienceMs: number,
  signal: AbortSignal,
): Promise<boolean | null> {
  const untilMs = systemClock.nowMs() + patienceMs;
  for (;;) {
    const agents = await ask(demo, '/agents', z.array(Agent), signal);
    const agent = agents.find((one) => one.secretName === secretName);
    if (!agent) return null;
    if (agent.keyId === keyId && (agent.works || !agent.ships)) return true;
    if (systemClock.nowMs() >= untilMs) return false;
    await systemClock.sleep(LOOK_EVERY_MS, signal);
  }
}
