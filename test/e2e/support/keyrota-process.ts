import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { COMPILE_CACHE } from './command.ts';
import type { CommandOptions, Ending } from './command.ts';
import type { CommandCall } from './commands-in-turn.ts';

const PROGRAM = new URL('../../../infra/operator/main.ts', import.meta.url).href;

/**
 * One process for many commands of the operator, one after the other: each begins in an instant, for all that it loads is there.
 * For what a command says and how it ends. That it works in a process of its own is tried for each command elsewhere, and so are
 * terminals and signals.
 */
export class KeyrotaProcess implements Disposable {
  readonly #child: ChildProcess;
  #turn: Promise<unknown> = Promise.resolve();

  constructor() {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, NODE_COMPILE_CACHE: COMPILE_CACHE };
    // Detached: it belongs to no terminal.
    this.#child = fork(new URL('./commands-in-turn.ts', import.meta.url), { env, execArgv: [], detached: true });
  }

  /** Carries out a command as soon as those before it are done. */
  run(args: readonly string[], { cwd = process.cwd(), env = {}, input = '' }: CommandOptions = {}): Promise<Ending> {
    const { PATH = '', HOME = '' } = process.env;
    const call = { program: PROGRAM, args: [...args], cwd, env: { PATH, HOME, ...env }, input };
    const ending = this.#turn.then(() => this.#carryOut(call));
    this.#turn = ending.catch(() => undefined);
    return ending;
  }

  #carryOut(call: CommandCall): Promise<Ending> {
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error(`${call.args.join(' ')} ended the process`));
      this.#child.once('exit', onExit);
      this.#child.once('message', ({ ending, failure }: { ending?: Ending; failure?: string }) => {
        this.#child.off('exit', onExit);
        if (ending) resolve(ending);
        else reject(new Error(failure));
      });
      this.#child.send(call);
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
