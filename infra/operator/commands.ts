import { PersonNeeded } from '../../shared/keys/kind.ts';
import type { KeylessEntry, ManagedKey, Manifest } from '../../shared/keys/manifest.ts';
import { notProvisioned } from '../../shared/rotation/obstacles.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import type { OperatorOptions } from './context.ts';
import { InputError } from './input-error.ts';

// What the commands have in common.

/** What a command ends with. */
export const EXIT = { done: 0, failed: 1, badInput: 2, personNeeded: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each exit code means, for help and docs. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [EXIT.done]: 'done',
  [EXIT.failed]: 'something failed, was refused or answered with no: the message says what became of it',
  [EXIT.badInput]: 'wrong input: nothing was tried',
  [EXIT.personNeeded]: 'a person is needed: the output has the exact steps',
};

export interface CommonOptions extends OperatorOptions {
  json?: boolean;
}

/** Of commands that ask. */
export interface AskingOptions extends CommonOptions {
  yes?: boolean;
}

const isFailed = ({ outcome, code }: KeyReport): boolean =>
  outcome === 'failed' || (outcome === 'left' && code !== 'not_in_plan');

export const isUnrotated = ({ steps }: KeyReport): boolean => !steps.some(({ step }) => step === 'mint');

/** @param unrotated The keys of which a rotation was demanded, and that have none. Where a person is asked, that says more. */
export function exitCodeOf(keys: readonly KeyReport[], unrotated: readonly KeyReport[] = []): ExitCode {
  if (keys.some(isFailed) || unrotated.some((key) => key.outcome !== 'ask')) return EXIT.failed;
  return keys.some((key) => key.outcome === 'ask') ? EXIT.personNeeded : EXIT.done;
}

/** Of an entry with or without a key. @throws InputError for a name that the manifest does not have. */
export function anyEntryOf(manifest: Manifest, name: string): ManagedKey | KeylessEntry {
  return manifest.keyless.find((one) => one.name === name) ?? entryOf(manifest, name);
}

/** @throws InputError for a name that the manifest does not have, and for an entry without a key. */
export function entryOf(manifest: Manifest, name: string): ManagedKey {
  const found = manifest.keys.find((key) => key.name === name);
  if (found) return found;
  if (manifest.keyless.some((one) => one.name === name)) throw withoutKey();
  const message = `The manifest has no key ${JSON.stringify(name)}; it has ${namesIn(manifest)}.`;
  throw new InputError('unknown_name', message);
}

/** Where the name may be a value: it is not repeated. */
export function unrepeatedEntryOf(manifest: Manifest, name: string): ManagedKey {
  const found = manifest.keys.find((key) => key.name === name);
  if (found) return withOwner(found);
  if (manifest.keyless.some((one) => one.name === name)) throw withoutKey();
  const message = `The manifest has no key of that name; it has ${namesIn(manifest)}. ${NO_ARGUMENT}`;
  throw new InputError('unknown_name', message);
}

/** Arguments are seen by everybody on the machine, and kept in the shell's history. */
export const NO_ARGUMENT =
  'A value is never an argument, where others see it, but comes from standard input; one that was an argument is no secret any more: delete that key and make another.';

/** @throws PersonNeeded where the entry names no owner yet. */
export function withOwner(key: ManagedKey): ManagedKey {
  if (key.owner === '') throw new PersonNeeded(notProvisioned(key));
  return key;
}

const withoutKey = (): InputError =>
  new InputError('no_key', 'That entry has no key: its workload logs in as a trusted profile.');

const namesIn = ({ keys, keyless }: Manifest): string => [...keys, ...keyless].map(({ name }) => name).join(', ');
