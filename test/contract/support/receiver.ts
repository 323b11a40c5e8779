import type { CloudClock } from '../../../infra/local/clock.ts';

/** What arrived at a receiver, and when. */
export interface Arrival {
  atMs: number;
  url: string;
  method: string;
  headers: Headers;
  body: string;
}

type Answer = (arrival: Arrival) => Response | Promise<Response>;

/** Somebody whom the cloud delivers to, in this process: takes all, and answers what it is told to, 204 after that. */
export class Receiver {
  readonly arrivals: Arrival[] = [];
  readonly #clock: CloudClock;
  #answers: Answer[] = [];

  constructor(clock: CloudClock) {
    this.#clock = clock;
  }

  /** What comes next is answered so, one by one. */
  willAnswer(...answers: (number | Answer)[]): void {
    const given = answers.map((answer) =>
      typeof answer === 'number' ? () => new Response(null, { status: answer }) : answer,
    );
    this.#answers = [...this.#answers, ...given];
  }

  /** For `cloud.deliver`. Bound. */
  readonly deliver = async (request: Request): Promise<Response> => {
    const hold = this.#clock.hold();
    try {
      const { url, method, headers } = request;
      const arrival = { atMs: this.#clock.nowMs(), url, method, headers, body: await request.text() };
      this.arrivals.push(arrival);
      const answer = this.#answers.shift();
      return answer ? await hold.wait(Promise.resolve(answer(arrival))) : new Response(null, { status: 204 });
    } finally {
      hold.release();
    }
  };

  /** Seconds from the first arrival to each. */
  get seconds(): number[] {
    return this.arrivals.map(({ atMs }) => (atMs - (this.arrivals[0]?.atMs ?? 0)) / 1_000);
  }

  /** The JSON that arrived, oldest first. */
  bodies<T>(): T[] {
    return this.arrivals.map(({ body }) => JSON.parse(body) as T);
  }
}
