import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What Node keeps of what it has compiled: the npm scripts name the same folder. */
export const COMPILE_CACHE = `${ROOT}node_modules/.cache/compile`;

/** How long anything that a command does may take, in milliseconds, on a slow machine. */
const PATIENCE_MS = 200_000;

/** Commands that run, so that none outlives the tests. */
const running = new Set<Command>();
process.once('exit', () => {
  for (const command of running) command.kill();
});

export interface CommandOptions {
  /** Default: the repository. */
  cwd?: string;
  /** All that it finds beside PATH, HOME and where Node keeps what it has compiled. */
  env?: Record<string, string>;
  /** What it finds on standard input. Default: it has none. */
  input?: string;
  /** Standard input stays open for what `type` writes. Default: false. */
  isTypedTo?: boolean;
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A program in a process of its own, with all that it starts in one group. */
export class Command implements AsyncDisposable {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #looks = new Set<() => void>();
  stdout = '';
  stderr = '';

  /** A script of ours, named from the root of the repository. */
  static script(script: string, args: readonly string[] = [], options: CommandOptions = {}): Command {
    return new Command(process.execPath, [resolvePath(ROOT, script), ...args], options);
  }

  /** A line as somebody types it. */
  static typed(line: string, options: CommandOptions = {}): Command {
    return new Command('/bin/sh', ['-c', line], options);
  }

  private constructor(program: string, args: readonly string[], options: CommandOptions) {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, NODE_COMPILE_CACHE: COMPILE_CACHE, ...options.env };
    const { cwd = ROOT, input, isTypedTo = false } = options;
    const stdin = input === undefined && !isTypedTo ? 'ignore' : 'pipe';
    const child = spawn(program, args, { cwd, env, stdio: [stdin, 'pipe', 'pipe'], detached: true });
    // Who refuses its arguments does not read what it is given.
    child.stdin?.on('error', () => undefined);
    if (!isTypedTo) child.stdin?.end(input);
    this.#child = child;
    running.add(this);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take('stdout', text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#take('stderr', text));
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(this);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.#look();
      });
    });
  }

  /** A line as somebody types it, on a terminal of its own. */
  static onTerminal(line: string, options: CommandOptions = {}): Command {
    const sized = `stty cols 100 rows 40; ${line}`;
    const isMac = process.platform === 'darwin';
    const args = isMac ? ['-q', '/dev/null', '/bin/sh', '-c', sized] : ['-qec', sized, '/dev/null'];
    return new Command('script', args, { ...options, isTypedTo: true });
  }

  /** What somebody types into it. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its complete lines on standard output so far. */
  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  /** Resolves with what `find` finds, looked for whenever there is more output. Rejects when the command ends before. */
  until<T>(find: (command: this) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => done(() => reject(new Error(`${why}:\n${this.stdout}\n${this.stderr}`)));
      const patience = setTimeout(() => fail('nothing came'), PATIENCE_MS);
      const done = (settle: () => void) => {
        clearTimeout(patience);
        this.#looks.delete(look);
        settle();
      };
      const look = () => {
        const found = find(this);
        if (found !== undefined) done(() => resolve(found));
        else if (!running.has(this)) fail('it ended');
      };
      this.#looks.add(look);
      look();
    });
  }

  /** The first line on standard output. */
  firstLine(): Promise<string> {
    return this.until(({ lines }) => lines[0]);
  }

  /** As a terminal or a process manager does: all processes of the group get it. Then waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<Ending> {
    this.#signal(signal);
    return within(this.ended, this);
  }

  /** Waits for the end. */
  async end(): Promise<Ending> {
    return within(this.ended, this);
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined && this.isRunning) process.kill(-pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  #take(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.#look();
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
}

async function within(ended: Promise<Ending>, command: Command): Promise<Ending> {
  const patience = setTimeout(() => command.kill(), PATIENCE_MS);
  try {
    return await ended;
  } finally {
    clearTimeout(patience);
  }
}

/** Runs a script to its end. */
export async function run(script: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<Ending> {
  await using command = Command.script(script, args, options);
  return await command.end();
}
