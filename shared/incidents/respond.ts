import { incidentIdOf } from '../keys/compromise-mark.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { SecretValue } from '../runtime/secret-value.ts';
import { LeakRefused, answerOf } from './answer.ts';
import type { LeakAnswer, Sibling, Work } from './answer.ts';
import { brake } from './brakes.ts';
import { contain, decide } from './contain.ts';
import type { Containment } from './contain.ts';
import { findKeys } from './find-keys.ts';
import type { LeakReport } from './leak-report.ts';
import { NOT_MARKED, mark } from './mark.ts';
import { findSiblings } from './siblings.ts';
import { logContainment, tell, tellOfRefusal } from './tell.ts';
import { isDryRun, openWorld } from './world.ts';
import type { LeakContext, LeakWorld } from './world.ts';

/** Kept back from finding and containing, so that what was done can be written down and told, in milliseconds. */
const AFTERWARDS_MS = 2_000;
/** What marks and siblings may take at most. */
const MARKING_MS = 3_000;
/** Kept back from those for telling. */
const TELLING_MS = 500;

/** Why what is still under way is given up. */
const ANSWERED = new Error('the report is answered');

/**
 * The response to a verified report of a leak: finds the key, puts it out of use, writes that down, and has `rotate-keys`
 * replace it. The order is that of urgency: nothing that comes after the containment can keep it waiting. Repeating a
 * report, by one sender or several, changes nothing more. Never throws: the answer tells how far it came.
 */
export async function respondToLeak(given: LeakReport, context: LeakContext): Promise<LeakAnswer> {
  const report = trimmed(given);
  const { clock, deadlineMs } = context;
  const { sender, deliveryId, credential } = report;
  const log = context.log.with({ sender, delivery: deliveryId });
  const beganMs = clock.nowMs();
  const timeUp = new AbortController();
  const finished = new AbortController();
  clock.sleep(Math.max(deadlineMs - beganMs, 0), finished.signal).then(
    () => timeUp.abort(new TimeIsUp(deadlineMs - beganMs)),
    () => undefined, // answered in time
  );
  const signal = AbortSignal.any([timeUp.signal, context.signal]);
  const limited = { ...context, log, signal };
  log.info('leak_reported', `${sender} reports a leaked key, by ${credential.by}`, { by: credential.by });
  try {
    return await respond(report, limited, beganMs);
  } catch (error) {
    const refused = error instanceof LeakRefused ? error : notAnswering(error);
    await tellOfRefusal(refused, report, limited);
    return refused.answer;
  } finally {
    finished.abort();
    timeUp.abort(ANSWERED); // nobody waits for a list any more that was not needed
  }
}

/** No key begins or ends with white space: whoever copied one took the end of its line along. */
function trimmed(report: LeakReport): LeakReport {
  const { credential } = report;
  if (credential.by !== 'value') return report;
  return { ...report, credential: { by: 'value', value: new SecretValue(credential.value.reveal().trim()) } };
}

const notAnswering = (cause: unknown): LeakRefused =>
  new LeakRefused('cloud_not_answering', 'IBM Cloud did not answer in time. Nothing was touched; send it again.', {
    cause,
  });

async function respond(report: LeakReport, context: LeakContext, beganMs: number): Promise<LeakAnswer> {
  const world = openWorld(context);
  const decided = await findAndDecide(report, context, world);
  if (isDryRun(report, world)) {
    for (const work of decided) logContainment(work, world.clock.nowMs() - beganMs, world);
    return answerOf(decided, report, false, world);
  }
  const works = await Promise.all(
    decided.map(async (work) => {
      const done = { ...work, containment: await containInTime(work, context, world) };
      logContainment(done, world.clock.nowMs() - beganMs, world);
      return done;
    }),
  );
  const written = await writeDown(works, report, beganMs, context, world);
  return answerOf(written, report, await tell(written, report, context, world), world);
}

/** @throws LeakRefused; whatever IBM Cloud failed with, or TimeIsUp: then nothing was touched. */
async function findAndDecide(report: LeakReport, context: LeakContext, world: LeakWorld): Promise<Work[]> {
  // Asked for while IAM looks for the key: whoever needs it has it by then, and nobody else waits for it.
  world.listed().catch(() => undefined);
  return withTimeLimit(world.clock, untilMs(context, AFTERWARDS_MS), context.signal, async (signal) => {
    const keys = await findKeys(report, world, signal);
    const works = await Promise.all(
      keys.map(async (key): Promise<Work> => {
        const decision = await decide(key, report, world, signal);
        return { key, decision, containment: null, marks: NOT_MARKED, siblings: [] };
      }),
    );
    await brake(works, report, world, signal);
    return works;
  });
}

/** How long something may take that leaves so much of the time. */
const untilMs = ({ clock, deadlineMs }: LeakContext, leftMs: number): number =>
  Math.max(deadlineMs - leftMs - clock.nowMs(), 1);

/** A key that is not contained in time has failed; the others are told of all the same. */
async function containInTime({ key, decision }: Work, context: LeakContext, world: LeakWorld): Promise<Containment> {
  try {
    return await withTimeLimit(world.clock, untilMs(context, AFTERWARDS_MS), context.signal, (signal) =>
      contain(key, decision, world, signal),
    );
  } catch (error) {
    return { outcome: 'failed', why: messageOf(error) };
  }
}

/** Marks and siblings, side by side; what the keys of one entry write in Secrets Manager comes one after the other. */
async function writeDown(
  works: readonly Work[],
  report: LeakReport,
  receivedAtMs: number,
  context: LeakContext,
  world: LeakWorld,
): Promise<Work[]> {
  const { signal, clock } = context;
  const limitMs = Math.min(untilMs(context, TELLING_MS), MARKING_MS);
  const turns = new Map<object, Promise<unknown>>();
  return Promise.all(
    works.map(async (work) => {
      const shared = work.key.entry ?? work.key;
      const limits = { untilMs: clock.nowMs() + limitMs, turn: turns.get(shared) ?? Promise.resolve(), receivedAtMs };
      const marking = mark(work, report, limits, world, signal);
      turns.set(shared, marking);
      const [marks, siblings] = await Promise.all([marking, siblingsOf(work, report, limitMs, world, signal)]);
      return { ...work, marks, siblings };
    }),
  );
}

async function siblingsOf(
  { key }: Work,
  report: LeakReport,
  limitMs: number,
  world: LeakWorld,
  signal: AbortSignal,
): Promise<readonly Sibling[]> {
  try {
    return await withTimeLimit(world.clock, limitMs, signal, (until) => findSiblings(key, report, world, until));
  } catch (error) {
    const why = 'whether keys were made since the leak could not be seen in time';
    world.log.warn('siblings_not_known', why, { keyId: key.keyId, incident: incidentIdOf(key.keyId), error });
    return [];
  }
}
