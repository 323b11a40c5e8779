import type { LeakedKeyAnswer } from '../../../shared/incidents/answer.ts';
import type { ManagedKey } from '../../../shared/keys/manifest.ts';
import type { KeyReport } from '../../../shared/rotation/reconcile.ts';
import { codeOf, messageOf } from '../../../shared/runtime/errors.ts';
import { EXIT, entryOf, withOwner } from '../commands.ts';
import type { AskingOptions, ExitCode } from '../commands.ts';
import { demandYes } from '../confirm.ts';
import { withContext } from '../context.ts';
import type { OperatorContext } from '../context.ts';
import { InputError } from '../input-error.ts';
import { demandKeyId } from '../key-commands.ts';
import { print, printJson } from '../output.ts';
import { withProgress } from '../progress.ts';
import { demandOwn, isOut, replaceNow, respondFor, storedKeysOf } from './contain.ts';
import type { Contained } from './contain.ts';
import { containText } from './contain-text.ts';

export interface ContainOptions extends AskingOptions {
  /** A former key of the entry. Default: the current one. */
  keyId?: string;
  dryRun?: boolean;
}

/** `contain NAME`: puts a key of an entry out of use, and stores another one at once. */
export function containCommand(name: string, options: ContainOptions): Promise<ExitCode> {
  if (options.keyId !== undefined) demandKeyId(options.keyId, '--key-id takes the id of a key');
  return withContext(options, async (context) => {
    const key = withOwner(entryOf(context.manifest, name));
    const contained = await containAndReplace(key, options, context);
    if (options.json) printJson(contained);
    else print(containText(contained, key, context.manifest.incidents.dryRun));
    return containExitCode(contained, key, options.dryRun ?? false);
  });
}

/** Whatever becomes of the replacement, what became of the key is told. @throws what `respondFor` and `demandYes` throw. */
export async function containAndReplace(
  key: ManagedKey,
  { keyId: given, dryRun: wantsDryRun = false, yes = false }: ContainOptions,
  context: OperatorContext,
): Promise<Contained> {
  const { name } = key;
  const dryRun = wantsDryRun || context.manifest.incidents.dryRun;
  const stored = await storedKeysOf(key, context).catch((error: unknown) => {
    // With the id at hand a containment needs the issuer alone.
    if (given === undefined || context.signal.aborted) throw error;
    return null;
  });
  const keyId = given ?? stored?.currentId ?? null;
  if (keyId === null) throw new InputError('no_key_yet', `${name} has no key yet: there is nothing to contain.`);
  const wasCurrent = stored && keyId === stored.currentId;
  const nothing = { name, keyId, wasCurrent, run: null, replacedBy: null };
  if (dryRun || given !== undefined || !yes) {
    const trial = await respond(key, keyId, true, context);
    demandOwn(trial, key, stored);
    if (dryRun) return { ...nothing, incident: trial };
    await demandYes({ lines: linesOf(trial, key, wasCurrent), yes }, context.signal);
  }
  const incident = await respond(key, keyId, false, context);
  const task = { what: `replacing the key of ${name}`, keyCount: null };
  const run = await withProgress(task, context, (watched) => replaceNow(key, watched)).catch((error: unknown) =>
    failedRun(name, error),
  );
  const replacedBy = run?.steps.findLast(({ step }) => step === 'mint')?.keyId ?? null;
  return { name, keyId, wasCurrent, incident, run, replacedBy };
}

/** A run that did not come to the key: the timer's next one does. */
const failedRun = (name: string, error: unknown): KeyReport => ({
  name,
  steps: [],
  outcome: 'failed',
  why: messageOf(error),
  since: null,
  until: null,
  code: codeOf(error),
  next: [],
});

/** Within the seconds that the function has, so the demo's time must not run ahead. */
const respond = (
  { name }: ManagedKey,
  keyId: string,
  dryRun: boolean,
  context: OperatorContext,
): Promise<LeakedKeyAnswer> =>
  context.inRealTime(() => {
    const task = { what: `${dryRun ? 'looking at' : 'containing'} the key of ${name}`, keyCount: null };
    return withProgress(task, context, (watched) => respondFor({ keyId, dryRun }, watched));
  });

/** What a person agrees to. */
function linesOf(
  { keyId, wouldBe }: LeakedKeyAnswer,
  { name, state }: ManagedKey,
  wasCurrent: boolean | null,
): string[] {
  const role = wasCurrent === null ? 'a key' : wasCurrent ? 'the current key' : 'a former key';
  const what =
    wouldBe === 'replaced-first'
      ? `${keyId} is ${role} of ${name}, and Keyrota itself runs on it: have it started with the next one at once.`
      : `${keyId}, ${role} of ${name}, stops working at once, for everybody who uses it. It is deleted once it is replaced.`;
  const then =
    wasCurrent === false || state === 'retired'
      ? 'No other key is stored in its place.'
      : 'Another one is stored in its place within a minute; programs work again as soon as they have fetched it.';
  return [what, then];
}

/** A key that works until Keyrota is started anew needs a person. */
export function containExitCode(contained: Contained, { state }: ManagedKey, dryRun: boolean): ExitCode {
  const { incident, run, wasCurrent, replacedBy } = contained;
  if (incident.outcome === 'dry-run') return dryRun ? EXIT.done : EXIT.failed;
  if (run?.outcome === 'ask' || incident.outcome === 'replaced-first') return EXIT.personNeeded;
  const isReplaced = wasCurrent === false || state === 'retired' || replacedBy !== null;
  return isOut(contained) && isReplaced ? EXIT.done : EXIT.failed;
}
