import { Command } from 'commander';
import type { CommandGroup, CommandSpec, Run } from './command-spec.ts';
import { EXIT_MEANINGS } from './commands.ts';
import { ASKING_RULE } from './confirm.ts';
import { LEAKS } from './groups/leaks.ts';
import { LOOKING } from './groups/looking.ts';
import { ROTATING } from './groups/rotating.ts';
import { TAKING_IN } from './groups/taking-in.ts';
import { inLines } from './paragraph.ts';

/** All commands of the operator. A new one is added to its group, and `npm run docs` writes it into docs/commands.md. */
export const GROUPS: readonly CommandGroup[] = [LOOKING, ROTATING, LEAKS, TAKING_IN];

const MANIFEST_OPTION = "manifest in YAML or JSON; otherwise KEYROTA_MANIFEST, or the running demo's";

/** @param run What an action does with its work: a test may leave it undone. */
export function createProgram(run: Run): Command {
  const program = new Command('keyrota')
    .usage('COMMAND [options]')
    .description(
      'Rotates the keys of an IBM Cloud account. Works with the settings of the environment, or in the demo that runs in this folder.',
    )
    .addHelpText('after', `\n${afterword()}`)
    .commandsGroup('More:')
    .exitOverride()
    .showHelpAfterError('(npm run keyrota -- --help lists the commands, and `help COMMAND` explains one.)');
  for (const { title, commands } of GROUPS) for (const spec of commands) addCommand(program, title, spec, run);
  return program;
}

function addCommand(program: Command, title: string, spec: CommandSpec, run: Run): void {
  const command = program
    .command(spec.name)
    .helpGroup(`${title}:`)
    .description(spec.description)
    .addHelpText(
      'after',
      `\n${[...(spec.asks === null ? [] : [spec.asks]), ...spec.details, ...exitsText(spec), examplesText(spec)].map(wrapped).join('\n\n')}`,
    )
    .showHelpAfterError(`(npm run keyrota -- help ${spec.name})`);
  if (spec.looks) command.option('--manifest <file>', MANIFEST_OPTION);
  spec.define(command, run);
  if (spec.asks !== null) command.option('--yes', 'do not ask');
  command.option('--json', 'print one line of JSON, also for a failure');
}

const examplesText = ({ examples }: CommandSpec): string => {
  const rows = examples.map(({ line, does }) => `  ${line}\n      ${does}`);
  return `Examples:\n${rows.join('\n')}`;
};

function exitsText({ exits = {} }: CommandSpec): string[] {
  const rows = Object.entries(exits).map(([code, meaning]) => `  ${code.padEnd(3)} ${meaning}`);
  return rows.length === 0 ? [] : [['Its own exit codes:', ...rows].join('\n')];
}

/** What holds for all commands. */
function afterword(): string {
  const codes = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return [
    ['Exit codes:', ...codes].join('\n'),
    wrapped(ASKING_RULE),
    wrapped(
      'Results go to standard output, everything else to standard error. With `--json` a failure is one line of JSON as well: {"error": {"code", "message", "next", "effect"}}. NO_COLOR and FORCE_COLOR are respected.',
    ),
    'Try it: `npm start` in one terminal, and in another `npm run keyrota -- plan`. docs/commands.md has all of it.',
  ].join('\n\n');
}

const WIDTH = 100;

/** What is laid out in lines stays so. */
const wrapped = (text: string): string => (text.includes('\n') ? text : inLines(text, WIDTH));
