import type { CloudClock, Hold } from '../clock.ts';
import type { Status } from './messages.ts';

/** How long, in real milliseconds, anything may be under way and not at the cloud before time no longer waits for it. */
const TRANSIT_MS_MAX = 5_000;

export interface StandstillOptions {
  clock: CloudClock;
  /** How long the worker may be busy without a pause, in real milliseconds. */
  busyMsMax: number;
  /** The worker's next timer is due. */
  onTimer: () => void;
  /** The worker has been busy for too long. */
  onStuck: () => void;
}

/**
 * Makes virtual time stand still while a worker works. It rests, and time may pass, when it has seen all that was posted
 * to it, is quiet, and all that it has under way is exactly at the cloud: no request on its way there, no answer on its way
 * back, no other process at work for it.
 */
export class Standstill {
  readonly #options: StandstillOptions;
  readonly #atCloud = new Set<string>();
  #overlooked: string[] = [];
  #turn = 0;
  #status: Status | undefined;
  #hold: Hold | undefined;
  #timer: { atMs: number; cancel: () => void } | undefined;
  #watch: NodeJS.Timeout | undefined;
  #timersRun = false;
  #over = false;

  constructor(options: StandstillOptions) {
    this.#options = options;
  }

  /** Something is about to be posted to the worker. Returns the number that its status must repeat. */
  nextTurn(): number {
    this.#turn += 1;
    this.#review();
    return this.#turn;
  }

  /** Whether the worker's timers run: between invocations an instance is frozen. */
  set timersRun(timersRun: boolean) {
    this.#timersRun = timersRun;
    this.#review();
  }

  report(status: Status): void {
    this.#status = status;
    this.#overlooked = this.#overlooked.filter((mark) => status.underWay.includes(mark) || this.#atCloud.has(mark));
    this.#review();
  }

  arrived(mark: string): void {
    this.#atCloud.add(mark);
    this.#review();
  }

  done(mark: string): void {
    this.#atCloud.delete(mark);
    this.#review();
  }

  /** The worker is gone: time no longer waits for it. */
  end(): void {
    this.#over = true;
    this.#schedule(null);
    clearTimeout(this.#watch);
    this.#hold?.release();
  }

  #review(): void {
    if (this.#over) return;
    const { busyMsMax, onStuck } = this.#options;
    const status = this.#status;
    if (status?.turn !== this.#turn) return this.#work(busyMsMax, onStuck);
    const inTransit = this.#inTransit(status);
    if (inTransit.length > 0) return this.#work(TRANSIT_MS_MAX, () => this.#overlook(inTransit));
    this.#rest(status);
  }

  #inTransit({ underWay }: Status): string[] {
    const notThere = underWay.filter((mark) => !this.#atCloud.has(mark));
    const stillThere = [...this.#atCloud].filter((mark) => !underWay.includes(mark));
    return [...notThere, ...stillThere].filter((mark) => !this.#overlooked.includes(mark));
  }

  #overlook(marks: string[]): void {
    this.#overlooked.push(...marks);
    this.#review();
  }

  #work(realMsMax: number, onTooLong: () => void): void {
    this.#hold ??= this.#options.clock.hold();
    this.#schedule(null);
    clearTimeout(this.#watch);
    this.#watch = setTimeout(onTooLong, realMsMax).unref();
  }

  #rest(status: Status): void {
    clearTimeout(this.#watch);
    this.#schedule(this.#timersRun ? status.nextTimerAtMs : null);
    this.#hold?.release();
    this.#hold = undefined;
  }

  #schedule(atMs: number | null): void {
    if (this.#timer?.atMs === atMs) return;
    this.#timer?.cancel();
    this.#timer = atMs === null ? undefined : { atMs, cancel: this.#options.clock.at(atMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    this.#options.onTimer();
  }
}
