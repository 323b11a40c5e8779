import { z } from 'zod';

/** A route as faults name it: a method or `*`, a space, a path in which `*` stands for a segment and `**` for any rest. */
const Match = z
  .string()
  .regex(
    /^(\*|[A-Z]+) \/\S*$/,
    'is "METHOD /path", for example "POST /identity/token"; `*` stands for any method or segment',
  );

/** How long trouble may take: a year, in milliseconds. */
const DELAY_MS_MAX = 365 * 24 * 3_600_000;
const Delay = z.number().int().min(0).max(DELAY_MS_MAX).default(0);

/** One kind of trouble for the next `times` calls that match. Exactly one of status, drop, refuse, or a delay alone. */
export const Fault = z
  .strictObject({
    match: Match,
    times: z.number().int().min(1).default(1),
    /** Answered with this status, a failure or a redirect. */
    status: z.union([z.literal([301, 302, 303, 307, 308]), z.number().int().min(400).max(599)]).optional(),
    /** With a redirect: where to. */
    location: z.url().optional(),
    /** With `status`: the call takes effect first. Default: it takes none. */
    afterEffect: z.boolean().default(false),
    /** With `status`: the `Retry-After` header, in seconds. */
    retryAfterSeconds: z.number().int().min(0).optional(),
    /** The answer is held back this long, in virtual milliseconds. */
    delayMs: Delay,
    /** The call itself takes effect only this much later, in virtual milliseconds. */
    lateMs: Delay,
    /** The connection is lost with the request (no effect) or with the answer (after the effect). */
    drop: z.enum(['request', 'answer']).optional(),
    /** The connection is refused. */
    refuse: z.boolean().default(false),
  })
  .refine(
    (fault) => [fault.status !== undefined, fault.drop !== undefined, fault.refuse].filter(Boolean).length <= 1,
    'takes one of status, drop and refuse',
  )
  .refine(
    ({ status, location }) => (location !== undefined) === (status !== undefined && status < 400),
    'takes location with a redirect and nothing else',
  )
  .refine(
    (fault) =>
      fault.status !== undefined || fault.drop !== undefined || fault.refuse || fault.delayMs + fault.lateMs > 0,
    'names no trouble: give status, drop, refuse, delayMs or lateMs',
  );

export type Fault = z.infer<typeof Fault>;

const patternOf = (match: string): RegExp => {
  const [method = '*', path = ''] = match.split(' ', 2);
  const escaped = path.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  const wild = escaped.replace(/\*\*|\*/g, (stars) => (stars === '**' ? '.*' : '[^/]*'));
  return new RegExp(`^${method === '*' ? '[A-Z]+' : method} ${wild}$`);
};

/** The trouble that is in store, in the order in which it was asked for. */
export class Faults {
  #waiting: { fault: Fault; pattern: RegExp; left: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, pattern: patternOf(fault.match), left: fault.times });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The trouble for this call, used up by it; null when there is none. */
  take(method: string, path: string): Fault | null {
    const found = this.#waiting.find((entry) => entry.pattern.test(`${method} ${path}`));
    if (!found) return null;
    found.left -= 1;
    if (found.left === 0) this.#waiting = this.#waiting.filter((entry) => entry !== found);
    return found.fault;
  }

  list(): (Fault & { left: number })[] {
    return this.#waiting.map(({ fault, left }) => ({ ...fault, left }));
  }
}

/** The connection broke: there is no answer. `kind` says how a client meets it. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly kind: 'refused' | 'reset';

  constructor(kind: 'refused' | 'reset') {
    super(kind === 'refused' ? 'connection refused' : 'connection reset');
    this.kind = kind;
  }
}
