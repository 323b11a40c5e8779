import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { escapeControls } from '../../shared/runtime/log.ts';
import { InputError } from './input-error.ts';
import { findKeyboard } from './terminal.ts';

/** The rule by which commands ask, for help and docs. */
export const ASKING_RULE =
  'A command asks before it takes a working key out of use or puts another in its place; `--yes` answers beforehand. Without a terminal it refuses with exit code 2.';

/** What would be done, line by line. */
export interface Wish {
  lines: readonly string[];
  yes: boolean;
}

/**
 * Resolves when a person agrees, or has said `--yes`.
 * @throws InputError `confirmation_needed` where nobody can be asked; KeyrotaError `declined` or `interrupted`; what the signal aborts with.
 */
export async function demandYes({ lines, yes }: Wish, signal: AbortSignal): Promise<void> {
  if (yes) return;
  signal.throwIfAborted();
  using keyboard = findKeyboard();
  if (!keyboard) throw notAsked(lines);
  const { confirm, isCancel } = await import('@clack/prompts');
  process.stderr.write(lines.map((line) => `${escapeControls(line)}\n`).join(''));
  const answer = await confirm({
    message: 'Go on?',
    initialValue: false,
    withGuide: false,
    input: keyboard.stream,
    output: process.stderr,
    signal,
  });
  signal.throwIfAborted();
  if (isCancel(answer)) throw new KeyrotaError('interrupted', 'interrupted', { next: NOTHING });
  if (!answer) throw new KeyrotaError('declined', 'The answer was no.', { next: NOTHING });
}

const NOTHING = 'Nothing was done.';

const notAsked = (lines: readonly string[]): InputError =>
  new InputError('confirmation_needed', `This asks first, and there is no terminal to ask at. ${NOTHING}`, {
    next: [...lines, 'If that is what you want, say `--yes`.'].join('\n'),
  });
