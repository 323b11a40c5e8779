import { wholeRun } from '../../shared/ledger/whole-run.ts';
import type { ApprovedStep } from '../../shared/rotation/approved-step.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import type { RunOptions } from '../../shared/rotation/rotate-all.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { quoted } from '../../shared/runtime/shell-words.ts';
import { anyEntryOf, exitCodeOf, isUnrotated } from './commands.ts';
import type { AskingOptions, CommonOptions, ExitCode } from './commands.ts';
import { demandYes } from './confirm.ts';
import { withContext } from './context.ts';
import type { OperatorContext } from './context.ts';
import { InputError } from './input-error.ts';
import { printJson, printPlan, printReports } from './output.ts';
import { demandHash, demandSame, planHash } from './plan-hash.ts';
import type { Plan } from './plan-hash.ts';
import { withProgress } from './progress.ts';

export interface PlanOptions extends CommonOptions {
  /** As if a rotation was asked for. */
  force?: boolean;
}

export interface RotateOptions extends PlanOptions, AskingOptions {
  dryRun?: boolean;
  /** The hash of the plan that is to be carried out. */
  plan?: string;
}

/** `plan [NAME...]`: what the next run would do, and its hash. Changes nothing. */
export function planCommand(names: string[], options: PlanOptions): Promise<ExitCode> {
  return rotateCommand(names, { ...options, dryRun: true });
}

/** `rotate [NAME...]`: one run, of all keys or of some; with a hash only what was planned, in the same world. */
export async function rotateCommand(names: string[], options: RotateOptions): Promise<ExitCode> {
  const { force = false, dryRun = false, json = false, plan: hash } = options;
  if (force && names.length === 0) throw new InputError('names_missing', '--force needs the names of the keys.');
  if (hash !== undefined) demandHash(hash);
  return withContext(options, async (context) => {
    const only = entriesOf(names, context);
    const wish = { only, force };
    if (force && !dryRun) await demandYes({ lines: linesOf(only, context), yes: options.yes ?? false }, context.signal);
    const looked = dryRun || hash !== undefined ? await lookAtKeys(wish, context) : null;
    if (looked && hash !== undefined) demandSame(hash, looked, planLine(names, force));
    if (looked && dryRun) {
      const made = planHash(looked);
      if (json) printJson({ plan: made, keys: looked.keys });
      else printPlan(looked.keys, made);
      return exitCodeOf(looked.keys);
    }
    const keys = looked ? await carryOut(looked.keys, force, context) : await work(wish, context);
    if (json) printJson({ ...(hash !== undefined && { plan: hash }), keys });
    else printReports(keys);
    const unrotated = force ? keys.filter(isUnrotated) : [];
    sayWhatWasLeft(keys, unrotated);
    return exitCodeOf(keys, unrotated);
  });
}

/** Each once, in the order of the manifest. */
function entriesOf(names: readonly string[], { manifest }: OperatorContext): string[] {
  const wanted = new Set(names.map((name) => anyEntryOf(manifest, name).name));
  const all = [...manifest.keys, ...manifest.keyless].map(({ name }) => name);
  return names.length === 0 ? all : all.filter((name) => wanted.has(name));
}

type Wish = Pick<RunOptions, 'only' | 'force'>;

/** What would be done with these keys. Changes nothing. */
export const lookAtKeys = async ({ only, force }: Wish, context: OperatorContext): Promise<Plan> => ({
  keys: await run('looking at the keys', { only, force, dryRun: true }, context),
  manifest: context.manifest,
  force,
});

const work = ({ only, force }: Wish, context: OperatorContext): Promise<KeyReport[]> =>
  run('working on the keys', { only, force, dryRun: false }, context);

/**
 * Takes the planned steps, and no others. Each key is looked at once more right before its step: whatever has moved since the plan was
 * compared leaves it alone.
 */
export async function carryOut(
  planned: readonly KeyReport[],
  force: boolean,
  context: OperatorContext,
): Promise<KeyReport[]> {
  const approved = new Map(planned.flatMap(approvedIn));
  if (approved.size === 0) return [...planned];
  const wish = { only: [...approved.keys()], force, dryRun: false, approved };
  const done = new Map((await run('carrying out the plan', wish, context)).map((key) => [key.name, key]));
  return planned.map((key) => done.get(key.name) ?? key);
}

function approvedIn({ name, steps: [first], outcome, fingerprint }: KeyReport): [string, ApprovedStep][] {
  if (outcome !== 'planned' || !first || fingerprint === undefined) return [];
  const { step, keyId, reason } = first;
  return [[name, { step, fingerprint, ...(keyId !== undefined && { keyId }), ...(reason && { reason }) }]];
}

async function run(
  what: string,
  wish: Pick<RunOptions, 'only' | 'force' | 'dryRun' | 'approved'>,
  context: OperatorContext,
): Promise<KeyReport[]> {
  const { timerMs, keysAtOnce } = context.settings;
  const keyCount = wish.only?.length ?? null;
  const report = await withProgress({ what, keyCount }, context, (watched, { keyDone }) =>
    withPorts({ ...watched, readOnly: wish.dryRun }, (ports) =>
      wholeRun(watched.manifest, { ...wish, timerMs, keysAtOnce, onReport: keyDone }, [], ports),
    ),
  );
  return report.keys;
}

/** What a person agrees to. */
function linesOf(only: readonly string[], { manifest }: OperatorContext): string[] {
  const keys = manifest.keys.filter(({ name }) => only.includes(name));
  const removed = keys.filter(({ kind }) => kind === 'classic-api-key').map(({ name }) => name);
  return [
    `A new key takes the place of the current one now, due or not: ${only.join(', ')}.`,
    ...(removed.length === 0
      ? []
      : [`The owner can have one key only, so the one that works is removed first: ${removed.join(', ')}.`]),
  ];
}

const planLine = (names: readonly string[], force: boolean): string =>
  ['npm run keyrota -- plan', ...names.map(quoted), ...(force ? ['--force'] : [])].join(' ');

/** On standard error, also beside a table that shows it: whoever reads no table must not miss it. */
function sayWhatWasLeft(keys: readonly KeyReport[], unrotated: readonly KeyReport[]): void {
  for (const { name, why, until } of unrotated) {
    const when = until === null ? '' : `; look again after ${until}`;
    process.stderr.write(`keyrota: ${name} was not rotated: ${why}${when}\n`);
  }
  for (const { name, why } of keys.filter(({ code }) => code === 'world_moved')) {
    process.stderr.write(`keyrota: ${name} was left alone: ${why}\n`);
  }
}
