// `npm run conformance`: whether the platform is as the product needs it, and which way it answers what its documentation leaves open.
import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, CommanderError } from 'commander';
import { KeyrotaError, messageOf } from '../../shared/runtime/errors.ts';
import { SettingsError } from '../../shared/runtime/settings.ts';
import { endWithReader } from '../local/broken-pipe.ts';
import { onStopRequest } from '../local/stop-request.ts';
import { demandYes } from '../operator/confirm.ts';
import { InputError } from '../operator/input-error.ts';
import { print, printJson } from '../operator/output.ts';
import { isAccountMeant, openAccount } from './account.ts';
import { Book } from './book.ts';
import { openEmbedded } from './embedded.ts';
import { STALE_AFTER_HOURS, findFormerRuns } from './leftovers.ts';
import { CATALOGUE, listLines, planLines, sortFormer } from './plan.ts';
import type { FormerRuns } from './plan.ts';
import { exitCodeOf, printResult, printResultJson, switchesOf } from './report.ts';
import { ROLES_TEXT } from './roles.ts';
import { RUN_LIMIT_MS, removeFormer, runConformance } from './run.ts';
import type { Result } from './run.ts';
import { runNameAt } from './run-name.ts';
import { Session } from './world.ts';
import type { World } from './world.ts';

interface Options {
  yes?: boolean;
  dryRun?: boolean;
  embedded?: boolean;
  removeLeftovers?: boolean;
  json?: boolean;
  switches?: string;
}

const program = new Command('conformance')
  .usage('[options]')
  .description(
    'Tries on IBM Cloud what Keyrota relies on, and finds out which way the platform answers what its documentation leaves open: in one secret group and one service ID of its own, which it removes again. Without settings it runs on the embedded cloud.',
  )
  .option('--yes', 'do not ask')
  .option('--dry-run', 'list what would be made, tried and removed; change nothing')
  .option('--embedded', 'run on the embedded cloud, whatever the settings are')
  .option(
    '--remove-leftovers',
    `also remove what runs of less than ${STALE_AFTER_HOURS} hours ago left; see to it that none of them is at work`,
  )
  .option('--json', 'print one line of JSON')
  .option('--switches <file>', 'write the answers there, as the body of POST /switches of the embedded cloud')
  .addHelpText('after', `\n${ROLES_TEXT}`)
  .showHelpAfterError('(npm run conformance -- --help)')
  .allowExcessArguments(false)
  .exitOverride();

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function worldOf({ embedded = false }: Options): Promise<World> {
  if (!embedded && isAccountMeant(process.env)) return openAccount(process.env);
  if (!embedded) say('There are no credentials in the environment: this runs on the embedded cloud, on virtual time.');
  return (await openEmbedded()).world;
}

/** @throws InputError where nothing can be written: better now than after an hour. */
async function demandWritable(file: string): Promise<void> {
  const there = await stat(file).catch(() => null);
  if (there?.isDirectory()) throw new InputError('file_unwritable', `--switches ${file}: it is a folder.`);
  await access(there ? file : dirname(file), constants.W_OK).catch((cause: unknown) => {
    const what = there ? 'it' : 'its folder';
    const message = `--switches ${file}: ${what} cannot be written to (${codeOf(cause)}).`;
    throw new InputError('file_unwritable', message, { cause });
  });
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown reason';

/** Whether it succeeded: what an hour of work found is shown all the same. */
async function write(file: string, result: Result): Promise<boolean> {
  try {
    await writeFile(file, `${JSON.stringify(switchesOf(result), null, 2)}\n`);
    return true;
  } catch (error) {
    say(`conformance: --switches ${file}: it could not be written (${codeOf(error)}).`);
    return false;
  }
}

async function run(options: Options): Promise<number> {
  const { yes = false, dryRun = false, json = false, switches: file } = options;
  if (file !== undefined) await demandWritable(file);
  const world = await worldOf(options);
  const session = new Session(world);
  const interrupted = new AbortController();
  using _stop = onStopRequest(() => {
    say('interrupted: what was made is removed');
    interrupted.abort(new KeyrotaError('interrupted', 'interrupted'));
  });
  const { signal } = interrupted;
  const runName = runNameAt(world.clock.nowMs());
  const former = await formerRuns(session, runName, signal, options);
  const lines = planLines(world, runName, former);
  if (dryRun) {
    if (json) printJson({ plan: lines, ...CATALOGUE });
    else print([...lines, ...listLines()].join('\n'));
    return 0;
  }
  await demandYes({ lines, yes: yes || world.kind === 'embedded cloud' }, signal);
  const left = await removeFormer({ session, signal, say }, former.removed);
  const result = await runConformance({ session, runName, signal, say });
  const whole = { ...result, left: [...left, ...result.left] };
  const isWritten = file === undefined || (await write(file, whole));
  if (json) printResultJson(world, whole);
  else printResult(world, whole);
  return isWritten ? exitCodeOf(whole) : 1;
}

const NOTHING_MADE = 'Nothing was made. `npm run conformance -- --help` tells which settings and roles a run needs.';

/** What former runs left. Looking for it is also the first proof that the settings are good. */
async function formerRuns(
  session: Session,
  runName: string,
  signal: AbortSignal,
  { removeLeftovers = false }: Options,
): Promise<FormerRuns> {
  const looking = findFormerRuns(session.bench(new Book(runName), signal, RUN_LIMIT_MS));
  const found = await looking.catch((cause: unknown) => {
    throw new KeyrotaError('not_reached', messageOf(cause), { next: NOTHING_MADE, cause });
  });
  return sortFormer(found, session.world.clock.nowMs(), removeLeftovers);
}

endWithReader();
try {
  await program.parseAsync();
  process.exitCode = await run(program.opts<Options>());
} catch (error) {
  process.exitCode = reportFailure(error);
}

function reportFailure(error: unknown): number {
  // Commander has printed its own message by now; asking for help is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const next = error instanceof KeyrotaError && error.next !== '' ? `\n${error.next}` : '';
  say(`conformance: ${messageOf(error)}${next}`);
  return error instanceof InputError || error instanceof SettingsError ? 2 : 1;
}
