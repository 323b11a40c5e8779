import type { CommandSpec } from '../command-spec.ts';
import { EXIT } from '../commands.ts';
import type { AskingOptions } from '../commands.ts';

export interface DoctorOptions extends AskingOptions {
  /** File with the outputs of Terraform; `-` for standard input. Default: what the demo deployed, or nothing. */
  deployed?: string;
  /** Try the guard lock on a throwaway secret. */
  tryLock?: boolean;
}

export const DOCTOR_COMMAND: CommandSpec = {
  name: 'doctor',
  description:
    'check, before and after a deployment, that all is in place: what is missing, and the command that mends it',
  details: [
    'It looks at addresses, login, clock, groups, entries, quotas, roles and timers, goes on where one check fails, and ends within ten minutes. docs/doctor.md has every check.',
    'It changes nothing, except with `--try-lock`. A function is asked only where it must refuse whoever proves nothing; that leaves a line in its log.',
    'Exit code 0 says that nothing failed; there may be warnings, and what could not be looked at.',
  ],
  examples: [
    { line: 'npm run doctor', does: 'before the deployment, or in the demo' },
    {
      line: 'npm run doctor -- --deployed deployed.json',
      does: 'after it: roles, links, functions and timers as well',
    },
    { line: 'npm run doctor -- --try-lock', does: 'also whether the guard lock holds, on a throwaway secret' },
  ],
  exits: { [EXIT.failed]: 'a check failed' },
  asks: 'With `--try-lock` it asks before it makes the throwaway secret.',
  looks: true,
  define: (command, run) =>
    command
      .option('--deployed <file>', 'outputs of Terraform, as `terraform output -json` tells them; - for standard input')
      .option('--try-lock', 'make a throwaway secret, try the guard lock on it, and delete it')
      .action((options: DoctorOptions) => run(async () => (await import('./doctor.ts')).doctorCommand(options))),
};
