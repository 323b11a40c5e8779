import { withTimeLimit } from '../../shared/runtime/clock.ts';
import { KeyrotaError, messageOf } from '../../shared/runtime/errors.ts';
import { escapeControls } from '../../shared/runtime/log.ts';
import { maskSecrets } from '../../shared/runtime/secret-value.ts';
import { Switches } from '../local/switches.ts';
import { unsettled, verdictOf } from './answer.ts';
import type { Answer, SwitchName, Verdict } from './answer.ts';
import type { Bench } from './bench.ts';
import { Book } from './book.ts';
import { CONTRACTS, FAMILIES, POINTS } from './catalogue.ts';
import { cleanUp } from './clean-up.ts';
import type { Leftover } from './clean-up.ts';
import { makeGround } from './ground.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import type { FormerRun } from './leftovers.ts';
import type { Session } from './world.ts';
import { MINUTE_MS } from './waiting.ts';

/** How long a run works at most before it removes what it made, in milliseconds. */
export const RUN_LIMIT_MS = 120 * MINUTE_MS;
/** Calls of a removal that takes longer are not repeated any more. */
export const CLEAN_UP_LIMIT_MS = 20 * MINUTE_MS;

interface ContractResult {
  family: string;
  sentence: string;
  outcome: 'holds' | 'broken' | 'not tried';
  /** What was seen otherwise; empty where it holds. */
  seen: string;
}

interface PointResult {
  family: string;
  switch: SwitchName;
  question: string;
  answer: Answer;
  /** What the embedded cloud does unless it is told otherwise. */
  assumed: Switches[SwitchName];
  verdict: Verdict;
}

export interface Result {
  runName: string;
  contracts: ContractResult[];
  points: PointResult[];
  callCount: number;
  tookMs: number;
  /** What could not be removed. */
  left: Leftover[];
  /** Why it is not known whether there is more; null where a look found nothing else. */
  notLooked: string | null;
  /** Why the run ended early; null when it went to its end. */
  endedBy: string | null;
}

export interface RunOptions {
  session: Session;
  runName: string;
  /** Ends the items; what was made is removed all the same. */
  signal: AbortSignal;
  /** Takes one line about how it goes. */
  say: (line: string) => void;
}

const ASSUMED = Switches.parse({});
/** The answer of a point to which an early end did not come. */
export const NOT_ASKED: Answer = unsettled('the run ended before');
const ITEM_COUNT = CONTRACTS.length + POINTS.length;

/** Tries everything, and removes what it made, whatever happens. */
export async function runConformance(options: RunOptions): Promise<Result> {
  const { session, runName, signal, say } = options;
  const { clock } = session.world;
  const beganMs = clock.nowMs();
  const book = new Book(runName);
  const results: Pick<Result, 'contracts' | 'points'> = { contracts: [], points: [] };
  const endedBy = await withTimeLimit(clock, RUN_LIMIT_MS, signal, async (within) => {
    const bench = session.bench(book, within, RUN_LIMIT_MS);
    const onGround = bench.on(await makeGround(bench));
    const counted = countedSay(results, say);
    for (const family of FAMILIES) await tryFamily(onGround, family, results, counted);
  }).then(() => null, toldWithNext);
  const removed = await removeAll(session, book, say);
  const { callCount } = session;
  return { runName, ...withUntried(results), callCount, tookMs: clock.nowMs() - beganMs, ...removed, endedBy };
}

/** Removes what former runs left. */
export async function removeFormer(
  options: Omit<RunOptions, 'runName'>,
  runs: readonly FormerRun[],
): Promise<Leftover[]> {
  const left: Leftover[] = [];
  for (const { runName } of runs) {
    const bench = options.session.bench(new Book(runName), options.signal, CLEAN_UP_LIMIT_MS);
    options.say(`removing what ${runName} left`);
    const ofRun = await cleanUp(bench);
    for (const { kind, id } of ofRun) options.say(`not removed: ${kind} ${id} of ${runName}`);
    left.push(...ofRun);
  }
  return left;
}

/** The end of a run, also of one that is interrupted: its signal ends nothing here. */
async function removeAll(
  session: Session,
  book: Book,
  say: RunOptions['say'],
): Promise<Pick<Result, 'left' | 'notLooked'>> {
  say('removing what was made');
  await session.settled();
  const bench = session.bench(book, new AbortController().signal, CLEAN_UP_LIMIT_MS);
  try {
    return { left: await cleanUp(bench), notLooked: null };
  } catch (error) {
    return { left: book.unremoved, notLooked: told(error) };
  }
}

/** Tells how far it is, too. */
const countedSay =
  ({ contracts, points }: Pick<Result, 'contracts' | 'points'>, say: RunOptions['say']) =>
  (line: string) =>
    say(`${contracts.length + points.length + 1}/${ITEM_COUNT} ${line}`);

async function tryFamily(
  bench: Bench,
  { title: family, contracts, points }: Family,
  results: Pick<Result, 'contracts' | 'points'>,
  say: RunOptions['say'],
): Promise<void> {
  for (const one of contracts) {
    say(`${family}: ${one.sentence}`);
    const tried = await tryContract(bench, one);
    bench.signal.throwIfAborted();
    results.contracts.push({ family, ...tried });
  }
  for (const one of points) {
    say(`${family}: ${one.question}`);
    const answer = await askPoint(bench, one);
    bench.signal.throwIfAborted();
    results.points.push(pointResult(family, one, answer));
  }
}

async function tryContract(bench: Bench, { sentence, prove }: Contract): Promise<Omit<ContractResult, 'family'>> {
  try {
    await prove(bench);
    return { sentence, outcome: 'holds', seen: '' };
  } catch (error) {
    return { sentence, outcome: 'broken', seen: told(error) };
  }
}

const askPoint = (bench: Bench, { ask }: OpenPoint): Promise<Answer> =>
  ask(bench).catch((error: unknown) => unsettled(told(error)));

function pointResult(family: string, { switch: name, question }: OpenPoint, answer: Answer): PointResult {
  const assumed = ASSUMED[name];
  return { family, switch: name, question, answer, assumed, verdict: verdictOf(answer, assumed) };
}

/** All items, also those that an early end left untried. */
function withUntried({
  contracts,
  points,
}: Pick<Result, 'contracts' | 'points'>): Pick<Result, 'contracts' | 'points'> {
  const tried = new Set(contracts.map(({ sentence }) => sentence));
  const asked = new Set(points.map((one) => one.switch));
  for (const { title: family, contracts: all, points: questions } of FAMILIES) {
    for (const { sentence } of all) {
      if (!tried.has(sentence)) contracts.push({ family, sentence, outcome: 'not tried', seen: '' });
    }
    for (const one of questions) {
      if (!asked.has(one.switch)) points.push(pointResult(family, one, NOT_ASKED));
    }
  }
  return { contracts, points };
}

const toldWithNext = (error: unknown): string =>
  error instanceof KeyrotaError && error.next !== '' ? `${told(error)}. ${error.next}` : told(error);

/** One line. What a platform says may hold anything. */
const told = (error: unknown): string => escapeControls(maskSecrets(messageOf(error))).slice(0, 300);
