import { CONTRACTS, POINTS } from './catalogue.ts';
import { STALE_AFTER_HOURS, STALE_AFTER_MS } from './leftovers.ts';
import type { FormerRun } from './leftovers.ts';
import { NOT_PROBED } from './not-probed.ts';
import type { World } from './world.ts';

/** What a run takes where the platform answers at once, as the embedded cloud does by default, and where it is slow. */
export const CALLS = { least: 970, most: 1_900 } as const;
export const MINUTES = { least: 20, most: 80 } as const;

/** Which former runs a run may clean up after, and which it leaves alone. */
export interface FormerRuns {
  removed: FormerRun[];
  left: FormerRun[];
}

/** A young one may still be at work: it is removed only where that is asked for. */
export function sortFormer(runs: readonly FormerRun[], nowMs: number, removesYoung: boolean): FormerRuns {
  const isRemoved = ({ beganAtMs }: FormerRun) => removesYoung || nowMs - beganAtMs > STALE_AFTER_MS;
  return { removed: runs.filter(isRemoved), left: runs.filter((run) => !isRemoved(run)) };
}

const described = ({ runName, found }: FormerRun): string => `  ${runName}: ${found.join(', ')}`;

/** What will happen, line by line, before it does. */
export function planLines({ addresses }: World, runName: string, { removed, left }: FormerRuns): string[] {
  return [
    `In account ${addresses.accountId}, at ${addresses.secretsManagerUrl}, this run makes, uses and removes again:`,
    `  one secret group and one service ID, both named ${runName}`,
    '  inside the group secrets, three at once at most, and on the service ID API keys and policies, a few at once;',
    '  keys of the Secrets Manager instance (resource keys), one at a time',
    `It tries ${CONTRACTS.length} contracts and ${POINTS.length} open points with ${CALLS.least} to ${CALLS.most} calls, five a second at most, in ${MINUTES.least} to ${MINUTES.most} minutes.`,
    ...(removed.length === 0 ? [] : ['It removes what former runs left:', ...removed.map(described)]),
    ...(left.length === 0
      ? []
      : [
          `It leaves alone what may be at work, for it is less than ${STALE_AFTER_HOURS} hours old (--remove-leftovers takes it, too):`,
          ...left.map(described),
        ]),
  ];
}

/** All that is tried, and what is not, for programs. */
export const CATALOGUE = {
  contracts: CONTRACTS.map(({ sentence }) => sentence),
  points: POINTS.map((one) => ({ switch: one.switch, question: one.question })),
  notProbed: NOT_PROBED,
};

/** The same for people. */
export function listLines(): string[] {
  return [
    'Contracts:',
    ...CONTRACTS.map(({ sentence }) => `  ${sentence}`),
    'Open points:',
    ...POINTS.map((one) => `  ${one.switch}: ${one.question}`),
    'Not probed:',
    ...NOT_PROBED.map((one) => `  ${one.switch}: ${one.why}`),
  ];
}
