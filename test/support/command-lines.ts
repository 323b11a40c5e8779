import { CommanderError } from 'commander';
import { createProgram } from '../../infra/operator/program.ts';
import { codeOn } from './pages.ts';

/** `keyrota` as pages write it, up to the end of the command: a pipe, a file or a comment. */
const LINE = /(?:^|\| )(?:npm run (?:-s |--silent )?)?keyrota (?:-- )?([a-z-]+(?: [^|<>#]*)?)/;

/** Every command of the operator that a page shows, as words. */
export function commandsOn(file: string): string[][] {
  return codeOn(file).flatMap((code) => {
    const [, words] = LINE.exec(code) ?? [];
    return words === undefined ? [] : [words.trim().split(/\s+/)];
  });
}

/** Help is no failure. */
const HELPS = new Set(['commander.help', 'commander.helpDisplayed']);

/** Why the operator's program does not take a command; null where it does, or where it is only mentioned. Nothing is carried out. */
export async function refusalOf(words: readonly string[]): Promise<string | null> {
  const program = createProgram(() => Promise.resolve());
  for (const one of [program, ...program.commands]) one.configureOutput({ writeOut: noop, writeErr: noop });
  const named = words.map((word) => (word === 'COMMAND' ? 'plan' : word));
  try {
    await program.parseAsync(named, { from: 'user' });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isMention = words.length === 1 && error.code === 'commander.missingArgument';
    return isMention || HELPS.has(error.code) ? null : error.message;
  }
}

const noop = (): void => undefined;
