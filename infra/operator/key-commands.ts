import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { undoAndRemember } from '../../shared/ledger/whole-run.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import type { AdoptReport } from '../../shared/rotation/adopt.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { observeSecret } from '../../shared/rotation/observe.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { EXIT, NO_ARGUMENT, entryOf, exitCodeOf, unrepeatedEntryOf, withOwner } from './commands.ts';
import type { AskingOptions, CommonOptions, ExitCode } from './commands.ts';
import { demandYes } from './confirm.ts';
import { withContext } from './context.ts';
import type { OperatorContext } from './context.ts';
import { InputError } from './input-error.ts';
import { print, printJson } from './output.ts';
import { withProgress } from './progress.ts';
import { provisionAndTell } from './provision/command.ts';
import { readValue } from './read-value.ts';

/** `undo NAME`: makes the former key current again. */
export function undoCommand(name: string, options: AskingOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const key = withOwner(entryOf(context.manifest, name));
    const lines = [
      `The former key of ${name} becomes current again, and the one that is current now is superseded and retires.`,
      'Where the current key is out of use and not replaced yet, that one is enabled again instead.',
    ];
    await demandYes({ lines, yes: options.yes ?? false }, context.signal);
    const report = await loggedIn(`going back with ${name}`, context, (ports) =>
      undoAndRemember(key, context.manifest, ports),
    );
    const { keyId, supersededKeyId } = report;
    const text =
      supersededKeyId === null
        ? `${name}: ${keyId} is enabled again, and counts as one that did not leak.`
        : `${name}: ${keyId} is current again; ${supersededKeyId} is superseded and will be retired.`;
    if (options.json) printJson({ name, ...report });
    else print(text);
    return EXIT.done;
  });
}

/** Logs in, and shows that it works. */
function loggedIn<T>(what: string, context: OperatorContext, work: (ports: Ports) => Promise<T>): Promise<T> {
  return withProgress({ what, keyCount: null }, context, (watched) =>
    withPorts(watched, async (ports) => {
      await ports.login();
      return work(ports);
    }),
  );
}

const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** Ids of keys as issuers give them: API keys, resource keys, classic keys, keys of LogDNA. No value looks like one. */
const KEY_IDS = [`ApiKey-${GUID}`, GUID, `crn(:[^\\s:]*){7}:resource-key:${GUID}`, '[0-9]{1,15}', '[0-9a-f]{24}'];
const KEY_ID = new RegExp(`^(${KEY_IDS.join('|')})$`);

/** How the ids of keys look, for people. */
const KEY_ID_FORMS =
  'ApiKey-… of an API key, the GUID or CRN of a resource key, the number of a classic key, or 24 hexadecimal digits';

/** @throws InputError `no_key_id`; what is no id is not repeated, for it may be a value. */
export function demandKeyId(text: string, what: string): void {
  if (!KEY_ID.test(text)) throw new InputError('no_key_id', `${what}: ${KEY_ID_FORMS}. ${NO_ARGUMENT}`);
}

/**
 * `adopt NAME KEY_ID`: takes in a key that existed before. @param words What the command line says after `adopt`: what is
 * no id is not repeated in any message, for it may be a value.
 */
export async function adoptCommand(words: readonly string[], options: AskingOptions): Promise<ExitCode> {
  const [name = '', keyId = '', ...more] = words;
  demandKeyId(more.length > 0 ? '' : keyId, 'keyrota adopt takes a name and the id of a key');
  return withContext(options, async (context) => {
    const key = unrepeatedEntryOf(context.manifest, name);
    const lines = [`${keyId} is taken in as a key of ${name}: the next runs put another in its place, and retire it.`];
    await demandYes({ lines, yes: options.yes ?? false }, context.signal);
    const report = await loggedIn(`taking in a key for ${name}`, context, (ports) => adopt(key, keyId, ports));
    if (options.json) printJson({ name, keyId, ...report });
    else print(`${name}: ${adoptText(keyId, report)}`);
    if (report.outcome !== 'minted' || report.mint.outcome === 'stored') return EXIT.done;
    return report.mint.outcome === 'ask' ? EXIT.personNeeded : EXIT.failed;
  });
}

function adoptText(keyId: string, report: AdoptReport): string {
  if (report.outcome === 'noted') return `${keyId} is adopted: it is noted beside the current key.`;
  if (report.outcome === 'version-taken')
    return `${keyId} is adopted: its version counts as ours; the next run replaces it.`;
  const { mint } = report;
  if (mint.outcome === 'stored') return `${keyId} is adopted: the first key of ours, ${mint.keyId}, is stored.`;
  const why = mint.outcome === 'ask' ? [mint.obstacle.problem, ...mint.obstacle.steps].join('\n  ') : mint.why;
  return `${keyId} is not adopted yet: ${why}`;
}

/** `provision NAME`: makes the identity, its policies and the first key; with `dryRun` it tells the commands instead. */
export function provisionCommand(name: string, options: CommonOptions & { dryRun?: boolean }): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const { dryRun = false, json = false } = options;
    const { key } = await provisionAndTell(entryOf(context.manifest, name), { dryRun, json }, context);
    return key ? exitCodeOf([key]) : EXIT.done;
  });
}

/**
 * `import NAME`: stores the value of a key that a person made. @param words What the command line says after `import`: it
 * is not repeated in any message, for it may hold the value.
 */
export async function importCommand(words: readonly string[], options: AskingOptions): Promise<ExitCode> {
  const [name = '', ...more] = words;
  if (more.length > 0) throw new InputError('value_as_argument', `keyrota import takes one name. ${NO_ARGUMENT}`);
  return withContext(options, async (context) => {
    const key = unrepeatedEntryOf(context.manifest, name);
    const value = await readValue(name);
    await demandYesToSupersede(key, options, context);
    const report = await loggedIn(`storing the value for ${name}`, context, (ports) => importKey(key, value, ports));
    const superseded = report.supersededKeyId === null ? '' : `; ${report.supersededKeyId} is superseded`;
    if (options.json) printJson({ name, ...report });
    else print(`${name}: ${report.keyId} is current${superseded}.`);
    return EXIT.done;
  });
}

/** The first key of an entry takes no other's place. */
async function demandYesToSupersede(
  key: ManagedKey,
  { yes = false }: AskingOptions,
  context: OperatorContext,
): Promise<void> {
  if (yes) return;
  const secret = await withPorts({ ...context, readOnly: true }, async (ports) => {
    await ports.login();
    return observeSecret(key, null, ports);
  });
  const current = secret?.versions.find(({ alias }) => alias === 'current');
  if (!current) return;
  const keyId = current.record?.key_id ?? 'the one that is stored now';
  const lines = [`The value becomes the current one of ${key.name}, and takes the place of ${keyId}, which retires.`];
  await demandYes({ lines, yes }, context.signal);
}
