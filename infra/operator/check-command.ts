import { Option } from 'commander';
import { SEVERITIES } from '../../shared/findings/finding.ts';
import type { CheckStatus, Severity } from '../../shared/findings/finding.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommonOptions } from './commands.ts';

/** The exit code says the worst severity that was found. */
export const CHECK_EXIT = { ok: 0, low: 10, medium: 11, high: 12, critical: 13 } as const satisfies Record<
  CheckStatus,
  number
>;
export type CheckExitCode = (typeof CHECK_EXIT)[CheckStatus];

export interface CheckCommandOptions extends CommonOptions {
  /** What is less than that is shown, and ends with 0. Default: `low`. */
  failOn: Severity;
  /** Show every finding, and its steps. Default: the worst ones. */
  all?: boolean;
  /** File to write every key and secret into, a line of JSON each; it must not exist. */
  inventory?: string;
  /** Remember what was found, and tell people what is new, as the function does. */
  remember?: boolean;
}

export const CHECK_COMMAND: CommandSpec = {
  name: 'check',
  description: 'look through the whole account: what is old, unused, leaked, in the way, or not as Keyrota believes',
  details: [
    'It is the daily check of the function check-expiry. It changes nothing, and what it finds is remembered and told only with `--remember`: otherwise the next check would take it for known. What it may not see is said. docs/check.md has every rule.',
    'The exit code says the worst severity that was found.',
  ],
  examples: [
    { line: 'npm run keyrota -- check', does: 'the worst findings, with what to do' },
    {
      line: 'npm run keyrota -- check --all --fail-on high',
      does: 'all of them; ends with 0 where nothing is high or critical',
    },
    { line: 'npm run keyrota -- check --inventory keys.jsonl', does: 'also a list of all keys, for auditors' },
    { line: 'npm run keyrota -- check --json', does: 'for programs' },
  ],
  exits: {
    [CHECK_EXIT.low]: 'the worst finding is low',
    [CHECK_EXIT.medium]: 'the worst finding is medium',
    [CHECK_EXIT.high]: 'the worst finding is high',
    [CHECK_EXIT.critical]: 'the worst finding is critical',
  },
  asks: null,
  looks: true,
  define: (command, run) =>
    command
      .addOption(
        new Option('--fail-on <severity>', 'end with 0 where nothing is as bad as this')
          .choices([...SEVERITIES])
          .default('low'),
      )
      .option('--all', 'show every finding')
      .option('--inventory <file>', 'write every key and secret into this file, a line of JSON each; it must not exist')
      .option('--remember', 'write what was found into the ledger, and tell people what is new')
      .action((options: CheckCommandOptions) => run(async () => (await import('./check.ts')).checkCommand(options))),
};
