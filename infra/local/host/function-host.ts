import type { IncomingMessage } from 'node:http';
import type { CloudClock } from '../clock.ts';
import { SeededRandom } from '../random.ts';
import { responseOf } from './ending.ts';
import { checkFunction, DEFAULT_PROJECT, environmentOf, executionSecondsOf } from './hosted-function.ts';
import type { CodeEngineProject, HostedFunction } from './hosted-function.ts';
import { Instance } from './instance.ts';
import { REQUEST_MARK } from './messages.ts';
import type { OutputStream } from './messages.ts';
import { paramsOf } from './params.ts';
import { PlatformError } from './platform-error.ts';
import { TokenFiles } from './token-files.ts';

export interface FunctionHostOptions {
  clock: CloudClock;
  functions: HostedFunction[];
  /** Takes what functions write, line by line. */
  onLog: (functionName: string, line: string, stream: OutputStream) => void;
  project?: CodeEngineProject;
}

/** Active instances in a project. */
const INSTANCES_MAX = 250;

/**
 * Runs function bundles as IBM Cloud Code Engine does, on the virtual time of the embedded cloud. Serve the cloud with
 * `onArrival: host.requestArrived, onDone: host.requestDone`: while a function works, virtual time stands still.
 */
export class FunctionHost implements AsyncDisposable {
  readonly #options: FunctionHostOptions;
  readonly #functions: Map<string, HostedFunction>;
  readonly #instances = new Map<string, { of: string; instance: Instance }>();
  readonly #random = new SeededRandom('function-host');
  readonly #tokens = new TokenFiles();
  readonly #present = new SharedArrayBuffer(8);
  readonly #stopListening: () => void;
  #instanceCount = 0;
  #disposed = false;

  /** Throws RangeError or TypeError for a function that Code Engine would not take. */
  constructor(options: FunctionHostOptions) {
    this.#options = options;
    for (const hosted of options.functions) checkFunction(hosted);
    this.#functions = new Map(options.functions.map((hosted) => [hosted.name, hosted]));
    const presentMs = new BigInt64Array(this.#present);
    Atomics.store(presentMs, 0, BigInt(options.clock.nowMs()));
    this.#stopListening = options.clock.onMove((nowMs) => Atomics.store(presentMs, 0, BigInt(nowMs)));
  }

  /** Answers `/<function>/<sub-path>`. */
  async handle(request: Request): Promise<Response> {
    const { clock } = this.#options;
    const hold = clock.hold();
    const ids = {
      request: request.headers.get('x-request-id') ?? this.#random.uuid(),
      activation: this.#random.uuid(),
    };
    try {
      const [, name = '', path = ''] = /^\/([^/]*)(.*)$/.exec(new URL(request.url).pathname) ?? [];
      const hosted = this.#functions.get(name);
      if (!hosted) throw new PlatformError(404, 'There is no such function.');
      const params = await paramsOf(request, path, ids.request);
      const { instance, isWarm } = this.#instanceFor(hosted);
      const ending = await hold.wait(instance.invoke(params));
      return responseOf(ending, { ...ids, isWarm, endMs: clock.nowMs() });
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return responseOf(error, { ...ids, isWarm: false, endMs: clock.nowMs() });
    } finally {
      hold.release();
    }
  }

  /** A request has arrived at a server of this process. Bound. */
  readonly requestArrived = (incoming: IncomingMessage): void => {
    const mark = markOf(incoming);
    if (mark) this.#instanceOf(mark)?.requestArrived(mark);
  };

  /** Its answer has left, or its connection is gone. Bound. */
  readonly requestDone = (incoming: IncomingMessage): void => {
    const mark = markOf(incoming);
    if (mark) this.#instanceOf(mark)?.requestDone(mark);
  };

  /** Ends all instances; running invocations answer 502. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await Promise.all([...this.#instances.values()].map(({ instance }) => instance.terminate()));
    this.#stopListening();
    this.#tokens[Symbol.dispose]();
  }

  #instanceOf(mark: string): Instance | undefined {
    return this.#instances.get(mark.slice(0, mark.indexOf('.')))?.instance;
  }

  #instanceFor(hosted: HostedFunction): { instance: Instance; isWarm: boolean } {
    if (this.#disposed) throw new PlatformError(503, 'The host has ended.');
    const tokenFile = this.#tokens.refresh(hosted);
    const isFree = ({ of, instance }: { of: string; instance: Instance }) => of === hosted.name && instance.isFree;
    const warm = [...this.#instances.values()].find(isFree)?.instance;
    if (warm) return { instance: warm, isWarm: true };
    if (this.#instances.size >= INSTANCES_MAX) throw new PlatformError(429, 'Too many instances are active.');
    return { instance: this.#start(hosted, tokenFile), isWarm: false };
  }

  #start(hosted: HostedFunction, tokenFile: string | null): Instance {
    const { clock, onLog, project = DEFAULT_PROJECT } = this.#options;
    this.#instanceCount += 1;
    const instanceId = String(this.#instanceCount);
    const instance = new Instance({
      clock,
      directory: hosted.directory,
      instanceId,
      present: this.#present,
      environment: environmentOf(hosted, project, tokenFile),
      maxExecutionSeconds: executionSecondsOf(hosted),
      onLine: (line, stream) => onLog(hosted.name, line, stream),
      onExit: () => this.#instances.delete(instanceId),
    });
    this.#instances.set(instanceId, { of: hosted.name, instance });
    return instance;
  }
}

function markOf(incoming: IncomingMessage): string | undefined {
  const mark = incoming.headers[REQUEST_MARK];
  return typeof mark === 'string' ? mark : undefined;
}
