import type { Command } from 'commander';
import type { CommandSpec } from './command-spec.ts';
import { EXIT_MEANINGS } from './commands.ts';
import { markdownTable } from './markdown-table.ts';
import { inLines } from './paragraph.ts';
import { GROUPS, createProgram } from './program.ts';

/** What docs/commands.md says of every command, made from what the program itself knows. */
export function commandReference(): string {
  const program = createProgram(() => Promise.resolve());
  const chapters = GROUPS.flatMap(({ title, commands }) => [
    `## ${title}`,
    ...commands.flatMap((spec) => chapterOf(spec, program)),
  ]);
  return [...chapters, '## Exit codes', exitTable()].join('\n\n');
}

const exitTable = (): string =>
  markdownTable([
    ['code', 'means'],
    ...Object.entries(EXIT_MEANINGS).map(([code, meaning]) => [`\`${code}\``, meaning]),
  ]);

function chapterOf(spec: CommandSpec, program: Command): string[] {
  const command = program.commands.find((one) => one.name() === spec.name);
  if (!command) throw new Error(`the program has no command ${spec.name}`);
  const options = command.options.map(({ flags, description, defaultValue }) => {
    const standard = typeof defaultValue === 'string' ? `; default: \`${defaultValue}\`` : '';
    return [`\`${flags}\``, `${description}${standard}`];
  });
  const words = command.registeredArguments.map((one) => {
    const shown = `${one.name()}${one.variadic ? '...' : ''}`;
    return [`\`${one.required ? `<${shown}>` : `[${shown}]`}\``, one.description];
  });
  const exits = Object.entries(spec.exits ?? {}).map(([code, meaning]) => [`\`${code}\``, meaning]);
  return [
    `### ${spec.name}`,
    [sentence(spec.description), ...(spec.asks === null ? [] : [spec.asks])].join(' '),
    ...spec.details.map((text) => inLines(text, WIDTH)),
    markdownTable([['argument or option', 'means'], ...words, ...options]),
    ...(exits.length === 0 ? [] : [markdownTable([['exit code', 'means'], ...exits])]),
    ['```sh', ...spec.examples.flatMap(({ line, does }) => [`# ${does}`, line]), '```'].join('\n'),
  ];
}

const sentence = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;

/** As long as those of the other pages. */
const WIDTH = 140;
