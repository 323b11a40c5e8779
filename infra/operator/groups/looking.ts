import { CHECK_COMMAND } from '../check-command.ts';
import type { CommandGroup, CommandSpec } from '../command-spec.ts';
import type { CommonOptions } from '../commands.ts';
import { DOCTOR_COMMAND } from '../doctor/command.ts';
import { LOGS_COMMAND } from '../logs-command.ts';
import type { PlanOptions } from '../plan-and-rotate.ts';

const validate: CommandSpec = {
  name: 'validate',
  description: 'check a manifest; needs no cloud',
  details: ['Tells every fault with its path. With `--json` it prints the manifest as the JSON that functions read.'],
  examples: [{ line: 'npm run keyrota -- validate docs/manifest.example.yaml', does: 'check a file' }],
  asks: null,
  looks: false,
  define: (command, run) =>
    command
      .argument('<file>', 'manifest in YAML or JSON')
      .action((file: string, options: { json?: boolean }) =>
        run(async () => (await import('../validate.ts')).validateCommand(file, options)),
      ),
};

const plan: CommandSpec = {
  name: 'plan',
  description: 'show the next step of each key, why, and when; changes nothing',
  details: [
    'Below the table stands `plan HASH`. The hash stands for what would be done and what that was decided on: the entries of the manifest, the versions with their locks, and the keys at the issuer. It stays the same while nobody changes any of that and no time is over that something waited for; who logs in and who fetches is not in it.',
    'Exit code 3 says that a key needs a person, 1 that one could not be seen.',
  ],
  examples: [
    { line: 'npm run keyrota -- plan', does: 'all keys' },
    { line: 'npm run keyrota -- plan cloud-logs-ingest --json', does: 'one key, as `{"plan": HASH, "keys": [...]}`' },
    { line: 'npm run keyrota -- plan cloud-logs-ingest --force', does: 'what `rotate --force` would do' },
  ],
  asks: null,
  looks: true,
  define: (command, run) =>
    command
      .argument('[names...]', 'keys to look at; default: all')
      .option('--force', 'as if a rotation was asked for')
      .action((names: string[], options: PlanOptions) =>
        run(async () => (await import('../plan-and-rotate.ts')).planCommand(names, options)),
      ),
};

const explain: CommandSpec = {
  name: 'explain',
  description: "tell a key's whole story: what exists, what was decided, by which rule, and what comes next",
  details: [
    'Begins with how it stands in one sentence, why, and what to do. It reads no value, and changes nothing. Where the issuer does not answer, it tells what Secrets Manager shows, and ends with 1; 3 says that a person is needed.',
  ],
  examples: [
    { line: 'npm run keyrota -- explain cloud-logs-ingest', does: 'for people' },
    { line: 'npm run keyrota -- explain cloud-logs-ingest --json', does: 'for programs' },
  ],
  asks: null,
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the key')
      .action((name: string, options: CommonOptions) =>
        run(async () => (await import('../explain.ts')).explainCommand(name, options)),
      ),
};

/** Commands that change nothing. */
export const LOOKING: CommandGroup = {
  title: 'Look',
  commands: [plan, explain, CHECK_COMMAND, LOGS_COMMAND, validate, DOCTOR_COMMAND],
};
