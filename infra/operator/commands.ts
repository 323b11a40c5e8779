import type { ManagedKey, Manifest } from '../../shared/keys/manifest.ts';
import { undoAndRemember, wholeRun } from '../../shared/ledger/whole-run.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import type { AdoptReport } from '../../shared/rotation/adopt.ts';
import { importKey } from '../../shared/rotation/import.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import { notProvisioned } from '../../shared/rotation/obstacles.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { withContext } from './context.ts';
import type { OperatorOptions } from './context.ts';
import { InputError } from './input-error.ts';
import { loadManifestFile } from './manifest-file.ts';
import { print, printReports } from './output.ts';
import { provisionAndTell } from './provision/command.ts';
import { readValue } from './read-value.ts';

/** What a command ends with. */
export const EXIT = { done: 0, failed: 1, badInput: 2, personNeeded: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CommonOptions extends OperatorOptions {
  json?: boolean;
}

/** `validate FILE`: checks a manifest. No cloud is needed. */
export async function validateCommand(file: string, options: { json?: boolean }): Promise<ExitCode> {
  const { value, manifest } = await loadManifestFile(file);
  const count = manifest.keys.length;
  const keyless = manifest.keyless.length;
  const without = keyless === 0 ? '' : `, ${keyless} ${keyless === 1 ? 'entry' : 'entries'} without a key`;
  print(
    options.json
      ? JSON.stringify(value)
      : `${file}: valid, ${count} ${count === 1 ? 'key' : 'keys'}${without}, deployment ${manifest.deployment}`,
  );
  return EXIT.done;
}

/** `plan [NAME...]`: what the next run would do. Changes nothing. */
export function planCommand(names: string[], options: CommonOptions): Promise<ExitCode> {
  return look(names, { ...options, dryRun: true, force: false });
}

/** `rotate [NAME...]`: one run, of all keys or of some. */
export function rotateCommand(
  names: string[],
  options: CommonOptions & { force?: boolean; dryRun?: boolean },
): Promise<ExitCode> {
  return look(names, { ...options, dryRun: options.dryRun ?? false, force: options.force ?? false });
}

async function look(names: string[], options: CommonOptions & { force: boolean; dryRun: boolean }): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const { manifest, settings } = context;
    const only =
      names.length > 0
        ? names.map((name) => nameOf(manifest, name))
        : [...manifest.keys, ...manifest.keyless].map((one) => one.name);
    const { dryRun, force } = options;
    const wish = { only, force, dryRun, timerMs: settings.timerMs, keysAtOnce: settings.keysAtOnce };
    const report = await withPorts({ ...context, readOnly: dryRun }, (ports) => wholeRun(manifest, wish, [], ports));
    printReports(report.keys, options.json ?? false);
    const unrotated = force && !dryRun ? report.keys.filter(isUnrotated) : [];
    for (const { name, why, until } of unrotated) {
      const when = until === null ? '' : `; look again after ${until}`;
      process.stderr.write(`keyrota: ${name} was not rotated: ${why}${when}\n`);
    }
    return exitCodeOf(report.keys, unrotated);
  });
}

const isFailed = ({ outcome }: KeyReport): boolean => outcome === 'failed' || outcome === 'left';

const isUnrotated = ({ steps }: KeyReport): boolean => !steps.some(({ step }) => step === 'mint');

/** @param unrotated The keys of which a rotation was demanded, and that have none. Where a person is asked, that says more. */
function exitCodeOf(keys: readonly KeyReport[], unrotated: readonly KeyReport[]): ExitCode {
  if (keys.some(isFailed) || unrotated.some((key) => key.outcome !== 'ask')) return EXIT.failed;
  return keys.some((key) => key.outcome === 'ask') ? EXIT.personNeeded : EXIT.done;
}

/** `undo NAME`: makes the former key current again. */
export function undoCommand(name: string, options: CommonOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const key = withOwner(entryOf(context.manifest, name));
    const report = await withPorts(context, async (ports) => {
      await ports.login();
      return undoAndRemember(key, context.manifest, ports);
    });
    const { keyId, supersededKeyId } = report;
    const text =
      supersededKeyId === null
        ? `${name}: ${keyId} is enabled again, and counts as one that did not leak.`
        : `${name}: ${keyId} is current again; ${supersededKeyId} is superseded and will be retired.`;
    print(options.json ? JSON.stringify({ name, ...report }) : text);
    return EXIT.done;
  });
}

const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** Ids of keys as issuers give them: API keys, resource keys, classic keys, keys of LogDNA. No value looks like one. */
const KEY_IDS = [`ApiKey-${GUID}`, GUID, `crn(:[^\\s:]*){7}:resource-key:${GUID}`, '[0-9]{1,15}', '[0-9a-f]{24}'];
const KEY_ID = new RegExp(`^(${KEY_IDS.join('|')})$`);

/**
 * `adopt NAME KEY_ID`: takes in a key that existed before. @param words What the command line says after `adopt`: what is
 * no id is not repeated in any message, for it may be a value.
 */
export function adoptCommand(words: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const [name = '', keyId = '', ...more] = words;
  if (more.length > 0 || !KEY_ID.test(keyId)) {
    const forms =
      'ApiKey-… of an API key, the GUID or CRN of a resource key, the number of a classic key, or 24 hexadecimal digits';
    throw new InputError('no_key_id', `keyrota adopt takes a name and the id of a key: ${forms}. ${NO_ARGUMENT}`);
  }
  return withContext(options, async (context) => {
    const key = unrepeatedEntryOf(context.manifest, name);
    const report = await withPorts(context, async (ports) => {
      await ports.login();
      return adopt(key, keyId, ports);
    });
    print(options.json ? JSON.stringify({ name, keyId, ...report }) : `${name}: ${adoptText(keyId, report)}`);
    if (report.outcome !== 'minted' || report.mint.outcome === 'stored') return EXIT.done;
    return report.mint.outcome === 'ask' ? EXIT.personNeeded : EXIT.failed;
  });
}

/** `provision NAME`: makes the identity, its policies and the first key; with `dryRun` it tells the commands instead. */
export function provisionCommand(name: string, options: CommonOptions & { dryRun?: boolean }): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const { dryRun = false, json = false } = options;
    const { key } = await provisionAndTell(entryOf(context.manifest, name), { dryRun, json }, context);
    return key ? exitCodeOf([key], []) : EXIT.done;
  });
}

/**
 * `import NAME`: stores the value of a key that a person made. @param words What the command line says after `import`: it
 * is not repeated in any message, for it may hold the value.
 */
export function importCommand(words: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const [name = '', ...more] = words;
  if (more.length > 0) throw new InputError('value_as_argument', `keyrota import takes one name. ${NO_ARGUMENT}`);
  return withContext(options, async (context) => {
    const key = unrepeatedEntryOf(context.manifest, name);
    const value = await readValue(name);
    const report = await withPorts(context, async (ports) => {
      await ports.login();
      return importKey(key, value, ports);
    });
    const superseded = report.supersededKeyId === null ? '' : `; ${report.supersededKeyId} is superseded`;
    print(options.json ? JSON.stringify({ name, ...report }) : `${name}: ${report.keyId} is current${superseded}.`);
    return EXIT.done;
  });
}

/** Arguments are seen by everybody on the machine, and kept in the shell's history. */
const NO_ARGUMENT =
  'A value is never an argument, where others see it, but comes from standard input; one that was an argument is no secret any more: delete that key and make another.';

function adoptText(keyId: string, report: AdoptReport): string {
  if (report.outcome === 'noted') return `${keyId} is adopted: it is noted beside the current key.`;
  if (report.outcome === 'version-taken')
    return `${keyId} is adopted: its version counts as ours; the next run replaces it.`;
  const { mint } = report;
  if (mint.outcome === 'stored') return `${keyId} is adopted: the first key of ours, ${mint.keyId}, is stored.`;
  const why = mint.outcome === 'ask' ? [mint.obstacle.problem, ...mint.obstacle.steps].join('\n  ') : mint.why;
  return `${keyId} is not adopted yet: ${why}`;
}

/** Where the name may be a value: it is not repeated. */
function unrepeatedEntryOf(manifest: Manifest, name: string): ManagedKey {
  const found = manifest.keys.find((key) => key.name === name);
  if (found) return withOwner(found);
  if (manifest.keyless.some((one) => one.name === name)) throw withoutKey();
  const message = `The manifest has no key of that name; it has ${namesIn(manifest)}. ${NO_ARGUMENT}`;
  throw new InputError('unknown_name', message);
}

/** Of an entry with or without a key. */
const nameOf = (manifest: Manifest, name: string): string =>
  manifest.keyless.some((one) => one.name === name) ? name : entryOf(manifest, name).name;

/** @throws InputError for a name that the manifest does not have, and for an entry without a key. */
export function entryOf(manifest: Manifest, name: string): ManagedKey {
  const found = manifest.keys.find((key) => key.name === name);
  if (found) return found;
  if (manifest.keyless.some((one) => one.name === name)) throw withoutKey();
  const message = `The manifest has no key ${JSON.stringify(name)}; it has ${namesIn(manifest)}.`;
  throw new InputError('unknown_name', message);
}

/** @throws PersonNeeded where the entry names no owner yet. */
function withOwner(key: ManagedKey): ManagedKey {
  if (key.owner === '') throw new PersonNeeded(notProvisioned(key));
  return key;
}

const withoutKey = (): InputError =>
  new InputError('no_key', 'That entry has no key: its workload logs in as a trusted profile.');

const namesIn = ({ keys, keyless }: Manifest): string => [...keys, ...keyless].map(({ name }) => name).join(', ');
