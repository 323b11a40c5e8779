import type { Command } from 'commander';
import type { CommandGroup, CommandSpec } from '../command-spec.ts';
import type { AskingOptions, CommonOptions } from '../commands.ts';

const provision: CommandSpec = {
  name: 'provision',
  description: 'make the service ID, the policies and the first key of an entry; what is there is left alone',
  details: ['It only creates, so it does not ask. `--dry-run` shows the same steps as commands of IBM’s CLI.'],
  examples: [
    {
      line: 'npm run keyrota -- provision logs-router-ingest --dry-run',
      does: 'what is there, and what would be made',
    },
    { line: 'npm run keyrota -- provision logs-router-ingest', does: 'make it' },
  ],
  asks: null,
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the key in the manifest')
      .option('--dry-run', "only show the steps, with the commands of IBM's CLI")
      .action((name: string, options: CommonOptions & { dryRun?: boolean }) =>
        run(async () => (await import('../key-commands.ts')).provisionCommand(name, options)),
      ),
};

const adopt: CommandSpec = {
  name: 'adopt',
  description: 'take in a key that existed before: it retires after the first rotation',
  details: ['The id is never a value: what is no id is refused, and not repeated.'],
  examples: [
    {
      line: 'npm run keyrota -- adopt cloud-logs-ingest ApiKey-22222222-3333-4444-8555-666666666666',
      does: 'a key that a person made',
    },
  ],
  asks: 'It asks first.',
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the key in the manifest')
      .argument('<key-id>', 'id of the existing key, for example ApiKey-…; never its value')
      // Commander would repeat what it does not know, and that may be a value.
      .allowUnknownOption()
      .allowExcessArguments()
      .action((_name: string, _keyId: string, options: AskingOptions, own: Command) =>
        run(async () => (await import('../key-commands.ts')).adoptCommand(own.args, options)),
      ),
};

const bringIn: CommandSpec = {
  name: 'import',
  description: 'store the value of a key that a person made; it is read from standard input, never from an argument',
  details: ['In a terminal the value is asked for, and not shown.'],
  examples: [
    { line: 'jq -r .apikey key.json | npm run keyrota -- import cloud-logs-ingest', does: 'from a file' },
    { line: 'npm run keyrota -- import cloud-logs-ingest', does: 'typed in' },
  ],
  asks: 'It asks first where another key is current; the first one of an entry takes no other’s place.',
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the key')
      // Commander would repeat what it does not know, and that may be the value.
      .allowUnknownOption()
      .allowExcessArguments()
      .action((_name: string, options: AskingOptions, own: Command) =>
        run(async () => (await import('../key-commands.ts')).importCommand(own.args, options)),
      ),
};

/** How keys come under Keyrota's care. */
export const TAKING_IN: CommandGroup = { title: 'Take keys in', commands: [provision, adopt, bringIn] };
