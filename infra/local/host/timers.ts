import { Cron } from 'croner';
import type { CloudClock } from '../clock.ts';
import { SeededRandom } from '../random.ts';
import { DEFAULT_PROJECT } from './hosted-function.ts';
import type { CodeEngineProject } from './hosted-function.ts';

/** A Code Engine cron subscription whose destination is a function. */
export interface CronTimer {
  name: string;
  functionName: string;
  /** Five crontab fields. */
  schedule: string;
  /** Default UTC. */
  timeZone?: string;
  /** Body of the event, at most 4096 bytes. Default: none. */
  data?: string;
  /** Of `data`. Default `application/json`. */
  contentType?: string;
}

export interface TimersOptions {
  clock: CloudClock;
  timers: CronTimer[];
  /** Calls the function, as `FunctionHost.handle` does. What it rejects with counts as a broken connection. */
  deliver: (request: Request) => Promise<Response>;
  project?: CodeEngineProject;
}

const DATA_BYTES_MAX = 4_096;
const RETRIES_MAX = 5;
const BACKOFF_MS = 50;
const RETRIED = new Set([404, 413, 425, 429, 502, 503, 504]);

/**
 * Cron on virtual time. Each tick is one event: repeated on some statuses, then lost; ticks neither wait for each other
 * nor are made up for. Runs from its construction until it is disposed.
 */
export class Timers implements Disposable {
  readonly #options: TimersOptions;
  readonly #random = new SeededRandom('timers');
  readonly #next = new Map<CronTimer, () => void>();

  /** Throws TypeError for a schedule or time zone that cannot be read, RangeError for too much data. */
  constructor(options: TimersOptions) {
    this.#options = options;
    const crons = new Map(options.timers.map((timer) => [timer, cronOf(timer)]));
    for (const [timer, cron] of crons) this.#schedule(timer, cron);
  }

  /** Ends all timers. An event that is being delivered is still delivered. */
  [Symbol.dispose](): void {
    for (const cancel of this.#next.values()) cancel();
    this.#next.clear();
  }

  #schedule(timer: CronTimer, cron: Cron): void {
    const { clock } = this.#options;
    const at = cron.nextRun(new Date(clock.nowMs()));
    if (!at) return;
    const cancel = clock.at(at.getTime(), () => {
      this.#schedule(timer, cron);
      void this.#deliver(timer, at);
    });
    this.#next.set(timer, cancel);
  }

  async #deliver(timer: CronTimer, at: Date): Promise<void> {
    const { clock } = this.#options;
    const id = this.#random.uuid();
    for (let retry = 0; ; retry += 1) {
      const status = await this.#statusOf(this.#requestOf(timer, at, id));
      if (retry === RETRIES_MAX || !(status === null || RETRIED.has(status))) return;
      await clock.sleep(BACKOFF_MS * 2 ** retry);
    }
  }

  /** Null when there is no answer. */
  async #statusOf(request: Request): Promise<number | null> {
    try {
      const { status } = await this.#options.deliver(request);
      return status;
    } catch {
      return null;
    }
  }

  #requestOf({ name, functionName, data, contentType }: CronTimer, at: Date, id: string): Request {
    const { project = DEFAULT_PROJECT } = this.#options;
    const headers = {
      'ce-id': id,
      'ce-source': `/apis/v1/namespaces/${project.subdomain}/pingsources/${name}`,
      'ce-specversion': '1.0',
      'ce-time': at.toISOString(),
      'ce-type': 'dev.knative.sources.ping',
      ...(data !== undefined && { 'content-type': contentType ?? 'application/json' }),
    };
    const url = `http://${functionName}.${project.subdomain}.function.cluster.local/${functionName}`;
    return new Request(url, { method: 'POST', headers, ...(data !== undefined && { body: data }) });
  }
}

function cronOf({ name, schedule, timeZone, data = '' }: CronTimer): Cron {
  const bytes = Buffer.byteLength(data);
  if (bytes > DATA_BYTES_MAX) {
    throw new RangeError(`Timer ${name} has ${bytes} bytes of data, more than ${DATA_BYTES_MAX}.`);
  }
  try {
    const cron = new Cron(schedule, { timezone: timeZone ?? 'UTC', mode: '5-part', paused: true });
    // Only this looks at the time zone.
    cron.nextRun();
    return cron;
  } catch (error) {
    throw new TypeError(`Timer ${name} has a schedule or time zone that cannot be read.`, { cause: error });
  }
}
