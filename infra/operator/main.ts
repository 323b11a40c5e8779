// `npm run keyrota -- COMMAND`: the operator's entry.
import { Command, CommanderError, Option } from 'commander';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import { KeyrotaError, messageOf } from '../../shared/runtime/errors.ts';
import { endWithReader } from '../local/broken-pipe.ts';
import {
  EXIT,
  adoptCommand,
  importCommand,
  planCommand,
  provisionCommand,
  rotateCommand,
  undoCommand,
  validateCommand,
} from './commands.ts';
import type { CommonOptions, ExitCode } from './commands.ts';
import { exportIncident } from './export-incident.ts';
import type { ExportOptions } from './export-incident.ts';
import { InputError } from './input-error.ts';
import { LOCATORS, reportLeakCommand } from './report-leak.ts';
import type { ReportLeakOptions } from './report-leak.ts';

const INPUT_CODES = [
  'settings_invalid',
  'manifest_invalid',
  'manifest_missing',
  'manifest_not_json',
  'manifest_not_yaml',
  'manifest_unreadable',
  'nothing_to_provision',
];

let exitCode: ExitCode = EXIT.done;

const withCommon = (command: Command): Command =>
  command
    .option('--manifest <file>', "manifest in YAML or JSON; otherwise KEYROTA_MANIFEST, or the running demo's")
    .option('--json', 'print JSON');

const program = new Command('keyrota')
  .description(
    'Rotates the keys of an IBM Cloud account. Works with the settings of the environment, or in the demo that runs in this folder.',
  )
  .addHelpText('after', '\nExit codes: 0 done, 1 something failed, 2 wrong input, 3 a person is needed.')
  .exitOverride()
  .showHelpAfterError();

program
  .command('validate')
  .description('check a manifest; needs no cloud')
  .argument('<file>', 'manifest in YAML or JSON')
  .option('--json', 'print it as the JSON that functions read')
  .action(async (file: string, options: { json?: boolean }) => {
    exitCode = await validateCommand(file, options);
  });

withCommon(program.command('plan'))
  .description('show the next step of each key; changes nothing')
  .argument('[names...]', 'keys to look at; default: all')
  .action(async (names: string[], options: CommonOptions) => {
    exitCode = await planCommand(names, options);
  });

withCommon(program.command('rotate'))
  .description('work on the keys until all rest, as the timer does')
  .argument('[names...]', 'keys to work on; default: all')
  .option('--force', 'rotate now, due or not')
  .option('--dry-run', 'only show the next step of each')
  .action(async (names: string[], options: CommonOptions & { force?: boolean; dryRun?: boolean }) => {
    if (options.force && names.length === 0)
      throw new InputError('names_missing', '--force needs the names of the keys.');
    exitCode = await rotateCommand(names, options);
  });

withCommon(program.command('undo'))
  .description('make the former key current again, while it still exists')
  .argument('<name>', 'the key')
  .action(async (name: string, options: CommonOptions) => {
    exitCode = await undoCommand(name, options);
  });

withCommon(program.command('adopt'))
  .description('take in a key that existed before: it retires after the first rotation')
  .argument('<name>', 'the key in the manifest')
  .argument('<key-id>', 'id of the existing key, for example ApiKey-…; never its value')
  // Commander would repeat what it does not know, and that may be a value.
  .allowUnknownOption()
  .allowExcessArguments()
  .action(async (_name: string, _keyId: string, options: CommonOptions, command: Command) => {
    exitCode = await adoptCommand(command.args, options);
  });

withCommon(program.command('provision'))
  .description('make the service ID, the policies and the first key of an entry; what is there is left alone')
  .argument('<name>', 'the key in the manifest')
  .option('--dry-run', "only show the steps, with the commands of IBM's CLI")
  .action(async (name: string, options: CommonOptions & { dryRun?: boolean }) => {
    exitCode = await provisionCommand(name, options);
  });

withCommon(program.command('import'))
  .description('store the value of a key that a person made; it is read from standard input, never from an argument')
  .argument('<name>', 'the key')
  // Commander would repeat what it does not know, and that may be the value.
  .allowUnknownOption()
  .allowExcessArguments()
  .addHelpText(
    'after',
    '\nFor example: jq -r .apikey key.json | keyrota import NAME. In a terminal the value is asked for, and not shown.',
  )
  .action(async (_: string, options: CommonOptions, command: Command) => {
    exitCode = await importCommand(command.args, options);
  });

withCommon(program.command('export'))
  .description('write all that is known of an incident into one JSON file')
  .argument('<incident>', 'its id, as the answer to the report, log lines and notices name it')
  .option('--out <file>', 'file to write; it must not exist. Default: <incident>.json')
  .action(async (incident: string, options: ExportOptions) => {
    await exportIncident(incident, options);
  });

withCommon(program.command('report-leak'))
  .description('report the current key of an entry as leaked, and follow until it is replaced')
  .argument('<name>', 'the key')
  .addOption(new Option('--by <what>', 'what the report names the key by').choices(LOCATORS).default('id'))
  .option('--url <url>', "address of the function respond-to-compromise; default: the running demo's")
  .addHelpText(
    'after',
    '\nThe report is signed by Standard Webhooks, with KEYROTA_INCIDENT_SECRET or as the running demo says. The key stops working at once.',
  )
  .action(async (name: string, options: ReportLeakOptions) => {
    exitCode = await reportLeakCommand(name, options);
  });

endWithReader();
try {
  await program.parseAsync();
} catch (error) {
  exitCode = reportFailure(error);
}
process.exitCode = exitCode;

function reportFailure(error: unknown): ExitCode {
  // Commander has printed its own message by now; asking for help is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
  const next = error instanceof KeyrotaError && error.next !== '' ? `\n${error.next}` : '';
  process.stderr.write(`keyrota: ${messageOf(error)}${next}\n`);
  if (error instanceof PersonNeeded) return EXIT.personNeeded;
  const isInput = error instanceof InputError || (error instanceof KeyrotaError && INPUT_CODES.includes(error.code));
  return isInput ? EXIT.badInput : EXIT.failed;
}
