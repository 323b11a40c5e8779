import type { CommandSpec } from './command-spec.ts';
import type { LogsOptions } from './logs.ts';

/** As somebody types it first. */
export const LOGS_EXAMPLE = 'npm -s start -- --days 40 --json | npm run -s keyrota -- logs cloud-logs-ingest';

/** The command, for its group. */
export const LOGS_COMMAND: CommandSpec = {
  name: 'logs',
  description: "read log lines from standard input, and print one key's story; needs no cloud",
  details: [
    'Takes lines as Keyrota writes them, and as IBM Cloud Logs wraps them; what else comes is counted and skipped. Lines that come up to a minute out of order are sorted, and what is repeated with every look is told once. Times are UTC.',
    'With `--json` it prints the lines as they were logged, one a line, and the summary goes to standard error. docs/logs.md has every event.',
  ],
  examples: [
    { line: LOGS_EXAMPLE, does: 'the story of a key of the demo' },
    { line: 'npm run -s keyrota -- logs --failures < lines.json', does: 'what did not succeed, of all keys' },
    { line: 'npm run -s keyrota -- logs --incident incident-0123456789abcdef < lines.json', does: 'one leak' },
  ],
  exits: { 1: 'nothing was found' },
  asks: null,
  looks: false,
  define: (command, run) =>
    command
      .argument('[name]', 'the key; default: all')
      .option('--key <name>', 'the same as the argument')
      .option('--key-id <id>', 'only lines about the key of that id at its issuer')
      .option('--run <id>', 'only lines of that run of rotate-keys')
      .option('--incident <id>', 'only lines about that leak')
      .option('--failures', 'only what did not succeed')
      .option('--since <when>', 'only lines since then: 90m, 36h or 7d ago, or a time such as 2026-11-20T03:00Z')
      .action((name: string | undefined, options: LogsOptions) =>
        run(async () => (await import('./logs.ts')).logsCommand(name, options)),
      ),
};
