// A process that carries out the operator's commands one after the other, each by the very program that `npm run keyrota` starts.
// What it loads is loaded once. Started by keyrota-process.ts.
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ending } from './command.ts';

/** A command, and all that it finds. */
export interface CommandCall {
  /** The program: an address of a file. */
  program: string;
  args: string[];
  cwd: string;
  /** All variables. */
  env: Record<string, string>;
  /** On standard input. */
  input: string;
}

/** How long a command may keep its process from ending when it is done, in milliseconds. */
const END_MS_MAX = 20_000;
const LOOK_MS = 5;

let callCount = 0;

/** What would keep the process from ending, beside what did so before. */
async function ends(before: readonly string[]): Promise<boolean> {
  const deadlineMs = Date.now() + END_MS_MAX;
  while (process.getActiveResourcesInfo().length > before.length) {
    if (Date.now() > deadlineMs) return false;
    // This wait keeps it from ending as well, but not when we look again.
    await sleep(LOOK_MS);
  }
  return true;
}

async function carryOut({ program, args, cwd, env, input }: CommandCall): Promise<Ending> {
  const told = { stdout: '', stderr: '' };
  using _stdout = overheard('stdout', told);
  using _stderr = overheard('stderr', told);
  process.chdir(cwd);
  process.env = { ...env };
  process.argv = [process.execPath, program, ...args];
  Object.defineProperty(process, 'stdin', { configurable: true, value: Readable.from(input === '' ? [] : [input]) });
  callCount += 1;
  const before = process.getActiveResourcesInfo();
  try {
    await import(`${program}?call=${callCount}`);
    if (!(await ends(before)))
      throw new Error(`${args.join(' ')} does not end: ${process.getActiveResourcesInfo().join()}`);
    return { code: Number(process.exitCode ?? 0), signal: null, ...told };
  } finally {
    process.exitCode = undefined;
  }
}

/** What is written to a stream goes to `told` alone, for as long as this is held. */
function overheard(name: 'stdout' | 'stderr', told: Record<typeof name, string>): Disposable {
  const stream = process[name];
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    told[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    const done = rest.find((one) => typeof one === 'function');
    if (done) process.nextTick(done);
    return true;
  };
  return {
    [Symbol.dispose]: () => {
      Reflect.deleteProperty(stream, 'write'); // that of its class again
      stream.removeAllListeners('error');
    },
  };
}

process.on('message', (call: CommandCall) => {
  carryOut(call).then(
    (ending) => process.send?.({ ending }),
    (error: Error) => process.send?.({ failure: error.stack }),
  );
});
