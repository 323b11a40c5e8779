import type { CommandGroup, CommandSpec } from '../command-spec.ts';
import type { AskingOptions } from '../commands.ts';
import type { RotateOptions } from '../plan-and-rotate.ts';

const rotate: CommandSpec = {
  name: 'rotate',
  description: 'work on the keys until all rest, as the timer does',
  details: [
    '`--force` ends with 1 where a key was not rotated, and says why.',
    'With `--plan HASH` it looks first, with the same names and the same `--force`. Where the hash is another one it changes nothing, says which keys differ, and ends with 1 (`world_moved`). Otherwise it takes the steps of the plan and no others: what comes after them is left to the timer. Each key is looked at once more right before its step, and left alone if that look shows another world. What moves after that look, within the seconds of the step itself, meets the same guards as every run: of two stores one is refused, and nothing is deleted that became current.',
  ],
  examples: [
    { line: 'npm run keyrota -- rotate', does: 'what the timer would do now' },
    { line: 'npm run keyrota -- rotate cloud-logs-ingest --force --yes', does: 'a new key now, without a question' },
    { line: 'npm run keyrota -- rotate --plan 0123456789ab-cdef', does: 'what that plan showed, if nothing has moved' },
  ],
  asks: 'It asks first with `--force`; without, it is the regular work.',
  looks: true,
  define: (command, run) =>
    command
      .argument('[names...]', 'keys to work on; default: all')
      .option('--force', 'rotate now, due or not')
      .option('--dry-run', 'only show the next step of each, as `plan` does')
      .option('--plan <hash>', 'only what `plan` showed under this hash, and only if nothing has moved')
      .action((names: string[], options: RotateOptions) =>
        run(async () => (await import('../plan-and-rotate.ts')).rotateCommand(names, options)),
      ),
};

const undo: CommandSpec = {
  name: 'undo',
  description: 'make the former key current again, while it still exists',
  details: [
    'A key that was put out of use by a false report, and is not replaced yet, is enabled again instead, and counts as one that did not leak.',
  ],
  examples: [{ line: 'npm run keyrota -- undo cloud-logs-ingest --yes', does: 'back to the former key' }],
  asks: 'It asks first.',
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the key')
      .action((name: string, options: AskingOptions) =>
        run(async () => (await import('../key-commands.ts')).undoCommand(name, options)),
      ),
};

/** The regular work, and the way back. */
export const ROTATING: CommandGroup = { title: 'Rotate', commands: [rotate, undo] };
