import type * as z from 'zod';
import { withTimeLimit } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { ApiError, apiErrorOf } from './api-error.ts';

/** Delays before the second, third and fourth attempt. */
const DELAYS_MS = [500, 1_500, 3_500];

/**
 * How long after its first attempt was asked for a call that may be sent once is still sent, though each attempt was refused
 * for the rate. A key that waits to be stored grows old meanwhile, and a mint has five minutes from its key's creation.
 */
const ONCE_PATIENCE_MS = 30_000;

/** An answer that is worth waiting for and asking again. */
const isTransient = ({ code }: ApiError) => code === 'throttled' || code === 'service_failed' || code === 'no_answer';

/** A call that waits for its turn. */
interface Waiting {
  isWrite: boolean;
  begin: () => void;
}

/** Why a turn is not waited for any more. */
const NOBODY_WAITS = new Error('nobody waits for this turn');

/**
 * Lets at most so many calls a second begin, evenly spaced: writes first, for they end what is under way, and then in the
 * order in which they came. A turn that comes late makes those behind it late too: nothing is made up for in a rush.
 */
export class RateCap {
  readonly #clock: Clock;
  readonly #callsPerSecond: number;
  /** From when even distances are counted, in whole epoch milliseconds, and how many calls began since: fractions add up. */
  #anchorMs = 0;
  #begunCount = 0;
  #waiting: Waiting[] = [];
  /** The one timer there is while somebody waits. */
  #timer: AbortController | null = null;

  constructor(clock: Clock, callsPerSecond: number) {
    this.#clock = clock;
    this.#callsPerSecond = callsPerSecond;
  }

  /** Resolves when the next call may begin. */
  async turn(signal: AbortSignal, isWrite = false): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0 && this.#takeTurn()) return;
    await this.#wait(isWrite, signal);
  }

  /** Until the next call may begin. Negative when it could have begun earlier. */
  #delayMs(): number {
    return this.#anchorMs + this.#distanceMs(this.#begunCount) - this.#clock.nowMs();
  }

  #distanceMs(callCount: number): number {
    return Math.ceil((callCount * 1_000) / this.#callsPerSecond);
  }

  /** Whether the turn has come; then it is used. */
  #takeTurn(): boolean {
    const delayMs = this.#delayMs();
    const isSetBack = delayMs > this.#distanceMs(1); // the clock: nobody waits until it shows that time again
    if (delayMs < 0 || isSetBack) {
      this.#anchorMs = this.#clock.nowMs();
      this.#begunCount = 0;
    }
    if (delayMs > 0 && !isSetBack) return false;
    this.#begunCount += 1;
    return true;
  }

  #wait(isWrite: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        isWrite,
        begin: () => {
          leave();
          resolve();
        },
      };
      const onAbort = () => {
        leave();
        if (this.#waiting.length === 0) this.#endTimer();
        reject(signal.reason as Error);
      };
      this.#waiting.push(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
      if (!this.#timer) this.#startTimer();
    });
  }

  #startTimer(): void {
    const timer = new AbortController();
    this.#timer = timer;
    this.#clock.sleep(Math.max(this.#delayMs(), 0), timer.signal).then(
      () => {
        if (this.#timer !== timer) return; // given up in the very moment in which it ended
        this.#timer = null;
        this.#beginWaiting();
        if (this.#waiting.length > 0) this.#startTimer();
      },
      () => undefined, // whoever it was planned for has given up
    );
  }

  #endTimer(): void {
    this.#timer?.abort(NOBODY_WAITS);
    this.#timer = null;
  }

  /** One, unless so many a second may begin that several fit into a millisecond. */
  #beginWaiting(): void {
    while (this.#waiting.length > 0 && this.#takeTurn()) {
      const next = this.#waiting.find(({ isWrite }) => isWrite) ?? this.#waiting[0];
      next?.begin();
    }
  }
}

/** Whatever must be there before a call can be sent: a valid token. */
export interface Login {
  /** Resolves when a token is at hand. */
  ready(signal: AbortSignal): Promise<void>;
  /** Counts the tokens: which one a call was sent with. */
  readonly generation: number;
  /** That token was refused: the next `ready` gets a new one, unless it is newer already. */
  forget(generation: number): void;
}

/** What the SDKs resolve to. */
interface Answer {
  result: unknown;
  status?: number;
}

/** A login that fails after an attempt whose effect is not known does not make that known. */
function unclear(operation: string, error: unknown): unknown {
  if (error instanceof ApiError) return error.afterUnclearAttempt();
  if (!(error instanceof KeyrotaError)) return error;
  const noAnswer = { status: null, ibmCode: null, retryAfterMs: null };
  return new ApiError(operation, 'no_answer', noAnswer, error.message, 'unknown');
}

/** What became of one attempt; with a failure, which token it was sent with. */
type Sent = { answer: Answer } | { failure: ApiError; generation: number | null };

export interface CallsOptions {
  clock: Clock;
  log: Log;
  /** What one attempt may take, in milliseconds. */
  timeoutMs: number;
  /** When the run ends, in epoch milliseconds: nothing is waited for beyond it. */
  deadlineMs: number;
  rateCap?: RateCap;
  login?: Login;
}

export interface CallOptions {
  /** The SDK's name of the operation. */
  operation: string;
  /**
   * `reads`; `repeatable`: a write that may be sent twice without harm; `once`: a write that may not, and is sent again only
   * where it was clearly not carried out: its token was refused, or it was one too many (429).
   */
  kind: 'reads' | 'repeatable' | 'once';
  signal: AbortSignal;
  /** What the call carries, if its shape does not tell that it is secret: masked in what the service says. */
  secret?: SecretValue | readonly SecretValue[];
}

/** What was answered, or a part of it, checked. @throws ApiError `unexpected_answer`, with the paths that are not understood. */
export function understood<T>({ operation, kind }: CallOptions, body: z.ZodType<T>, answer: unknown, status = 200): T {
  const parsed = body.safeParse(answer);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => issue.path.join('.') || '(body)').join(', ');
  const failure = { status, ibmCode: null, retryAfterMs: null };
  const effect = kind === 'reads' ? 'none' : 'changed';
  throw new ApiError(operation, 'unexpected_answer', failure, `not understood: ${paths}`, effect);
}

/**
 * The one way in which calls are sent: each attempt with a time limit, repeated after 429, 5xx or silence where that does
 * no harm, `Retry-After` heeded within the run's deadline, and within 30 s for a write that may be sent once.
 */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * Sends a call and checks the answer's body.
   * @throws ApiError for every failure; the signal's reason when that aborts.
   */
  async send<T>(call: CallOptions, body: z.ZodType<T>, attempt: (signal: AbortSignal) => Promise<Answer>): Promise<T> {
    const { result, status = 200 } = await this.#repeat(call, attempt);
    return understood(call, body, result, status);
  }

  async #repeat(call: CallOptions, attempt: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    let wasUnclear = false;
    let loggedInAgain = false;
    const untilMs = this.#patienceEndsMs(call);
    for (let repeats = 0; ;) {
      const sent = await this.#once(call, attempt).catch((error: unknown) => {
        throw wasUnclear ? unclear(call.operation, error) : error;
      });
      if ('answer' in sent) return sent.answer;
      const { failure, generation } = sent;
      if (failure.code === 'not_logged_in' && generation !== null && !loggedInAgain) {
        loggedInAgain = true; // the token was revoked or ran out under way; a refused call was not carried out
        this.#options.login?.forget(generation);
        continue;
      }
      wasUnclear ||= failure.effect === 'unknown';
      const mayRepeat = call.kind === 'once' ? failure.code === 'throttled' && !wasUnclear : isTransient(failure);
      const delayMs = mayRepeat ? this.#delayBeforeNext(failure, repeats, untilMs) : null;
      if (delayMs === null) throw wasUnclear ? failure.afterUnclearAttempt() : failure;
      repeats += 1;
      this.#options.log.debug('call_repeated', `${failure.message}; asking again`, {
        operation: call.operation,
        delayMs,
      });
      await this.#options.clock.sleep(delayMs, call.signal);
    }
  }

  /** One attempt. A failed login is thrown: it was repeated already, and the call was not sent. */
  async #once(call: CallOptions, attempt: (signal: AbortSignal) => Promise<Answer>): Promise<Sent> {
    const { clock, timeoutMs, rateCap, login } = this.#options;
    await rateCap?.turn(call.signal, call.kind !== 'reads');
    await login?.ready(call.signal);
    const generation = login?.generation ?? null;
    try {
      return { answer: await withTimeLimit(clock, timeoutMs, call.signal, attempt) };
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (error instanceof KeyrotaError && !(error instanceof ApiError)) throw error; // not even sent
      return { failure: apiErrorOf(call.operation, error, call.kind !== 'reads', call.secret), generation };
    }
  }

  /** The moment from which a call is not sent again, in epoch milliseconds. */
  #patienceEndsMs({ kind }: CallOptions): number {
    const { clock, deadlineMs } = this.#options;
    return kind === 'once' ? Math.min(clock.nowMs() + ONCE_PATIENCE_MS, deadlineMs) : deadlineMs;
  }

  /** Null when nothing is waited for any more. */
  #delayBeforeNext({ failure }: ApiError, repeats: number, untilMs: number): number | null {
    const delayMs = DELAYS_MS[repeats];
    if (delayMs === undefined) return null;
    const waitMs = Math.max(delayMs, failure.retryAfterMs ?? 0);
    return this.#options.clock.nowMs() + waitMs < untilMs ? waitMs : null;
  }
}
