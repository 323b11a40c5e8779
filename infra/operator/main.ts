// `npm run keyrota -- COMMAND`: the operator's entry.
import { CommanderError } from 'commander';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import { KeyrotaError, codeOf, messageOf } from '../../shared/runtime/errors.ts';
import { maskSecrets } from '../../shared/runtime/secret-value.ts';
import { endWithReader } from '../local/broken-pipe.ts';
import { EXIT } from './commands.ts';
import type { ExitCode } from './commands.ts';
import { InputError } from './input-error.ts';
import { printJson } from './output.ts';
import { createProgram } from './program.ts';

const INPUT_CODES = [
  'settings_invalid',
  'manifest_invalid',
  'manifest_missing',
  'manifest_not_json',
  'manifest_not_yaml',
  'manifest_unreadable',
  'nothing_to_provision',
];

/** Also where the command line cannot be understood. */
const isJsonWanted = process.argv.includes('--json');

let exitCode: number = EXIT.done;
const program = createProgram(async (work) => {
  exitCode = await work();
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
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  if (isJsonWanted) printJson({ error: failureOf(error) });
  if (error instanceof CommanderError) return EXIT.badInput;
  const next = error instanceof KeyrotaError && error.next !== '' ? `\n${error.next}` : '';
  process.stderr.write(`keyrota: ${messageOf(error)}${next}\n`);
  if (error instanceof PersonNeeded) return EXIT.personNeeded;
  const isInput = error instanceof InputError || (error instanceof KeyrotaError && INPUT_CODES.includes(error.code));
  return isInput ? EXIT.badInput : EXIT.failed;
}

/** What `--json` tells of a failure. */
function failureOf(error: unknown): { code: string; message: string; next: string; effect: string } {
  if (error instanceof CommanderError) {
    const message = maskSecrets(error.message.replace(/^error: /, ''));
    return { code: 'usage', message, next: 'npm run keyrota -- --help', effect: 'none' };
  }
  const { next, effect } = error instanceof KeyrotaError ? error : { next: '', effect: 'unknown' };
  return { code: codeOf(error), message: messageOf(error), next, effect };
}
