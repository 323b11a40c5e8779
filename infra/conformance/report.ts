import { print, printJson, tableOf } from '../operator/output.ts';
import { settingOf, shown, textOf } from './answer.ts';
import { NOT_PROBED } from './not-probed.ts';
import { NOT_ASKED } from './run.ts';
import type { Result } from './run.ts';
import type { World } from './world.ts';

const isAllGone = ({ left, notLooked }: Result): boolean => left.length === 0 && notLooked === null;

/** 0 where all contracts hold and nothing is left over. */
export const exitCodeOf = (result: Result): 0 | 1 =>
  result.contracts.every(({ outcome }) => outcome === 'holds') && isAllGone(result) && result.endedBy === null ? 0 : 1;

/** The body of `POST /switches` with which the embedded cloud answers as this platform did; points that are not settled are left out. */
export function switchesOf({ points }: Result): Record<string, unknown> {
  const entries = points.map((one) => [one.switch, settingOf(one.answer, one.assumed)] as const);
  return Object.fromEntries(entries.filter(([, setting]) => setting !== undefined));
}

/** One line of JSON. */
export function printResultJson({ kind }: World, result: Result): void {
  const points = result.points.map(({ answer, ...point }) => ({
    ...point,
    answer: { ...answer, text: textOf(answer) },
  }));
  printJson({ target: kind, ...result, points, notProbed: NOT_PROBED, switches: switchesOf(result) });
}

/** A table of contracts, one of open points, and what both come to. */
export function printResult(world: World, result: Result): void {
  if (result.contracts.some(({ outcome }) => outcome !== 'not tried')) {
    print(tableOf(['contracts', 'sentence'], 'sentence', contractRows(result)));
    print(tableOf(['open point', 'question', 'answered', 'assumed', ''], 'question', pointRows(result)));
  }
  print(sums(world, result).join('\n'));
}

/** What was tried: the sums tell of the rest. */
const contractRows = ({ contracts }: Result): string[][] =>
  contracts
    .filter(({ outcome }) => outcome !== 'not tried')
    .map(({ outcome, sentence, seen }) => [outcome, seen === '' ? sentence : `${sentence} Seen: ${seen}`]);

const pointRows = ({ points }: Result): string[][] =>
  points
    .filter(({ answer }) => answer !== NOT_ASKED)
    .map((one) => [one.switch, one.question, textOf(one.answer), shown(one.assumed), one.verdict]);

/** What it all comes to, line by line. */
export function sums({ kind }: World, result: Result): string[] {
  const { contracts, points, callCount, tookMs, endedBy, runName } = result;
  const count = (verdict: string) => points.filter((one) => one.verdict === verdict).length;
  const held = contracts.filter(({ outcome }) => outcome === 'holds').length;
  return [
    `${held} of ${contracts.length} contracts hold on the ${kind}.`,
    `Of ${points.length} open points ${count('agrees')} agree with what the embedded cloud assumes, ${count('differs')} differ, ${count('not settled')} are not settled; ${NOT_PROBED.length} are not probed.`,
    `${callCount} calls, ${Math.round(tookMs / 60_000)} minutes.`,
    ...(endedBy === null ? [] : [`The run ended early: ${endedBy}`]),
    isAllGone(result) ? `Nothing of ${runName} is left.` : leftLine(result),
  ];
}

function leftLine({ left, notLooked, runName }: Result): string {
  const things = [
    ...left.map(({ kind, id }) => `${kind} ${id}`),
    ...(notLooked === null ? [] : [`whatever else there is, for it could not be looked for (${notLooked})`]),
  ];
  return `NOT REMOVED, or not known to be: ${things.join(', ')}. Start another run with --remove-leftovers, or remove by hand what bears the name ${runName}.`;
}
