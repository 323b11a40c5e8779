import { Hono } from 'hono';
import type { Context, ErrorHandler } from 'hono';
import { z } from 'zod';
import type { Access, Caller, CloudEnv } from './parts.ts';
import { validateQuery } from './validation.ts';
import type { Violation } from './validation.ts';

/** How a service meets a request before any of its handlers does, in its own words. */
export interface Reception {
  /** Who tells whom a token belongs to, and the refusal of a caller whose header is that. Absent: anybody may call. */
  login?: { access: Pick<Access, 'callerOf'>; refusal: (authorization: string | undefined) => Error };
  /** The refusal of a query. */
  badQuery: (violation: Violation) => Error;
  /** Makes an answer of what is thrown; throws on what is none of its errors. */
  onError: ErrorHandler<CloudEnv>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Request<Path extends string> = Context<CloudEnv, Path>;
type Answer = Response | Promise<Response>;

const NoQuery = z.strictObject({});

/**
 * The routes of a service. What holds for all of them is done here, so that none can forget it: the caller is logged in,
 * then the query is checked. A route takes no query parameter but those that it declares, and no HEAD.
 */
export class StrictRoutes {
  readonly app = new Hono<CloudEnv>();
  readonly #reception: Reception;

  constructor(reception: Reception) {
    this.#reception = reception;
    this.app.onError(reception.onError);
  }

  /** A route without query parameters. */
  add<Path extends string>(method: Method, path: Path, handler: (context: Request<Path>) => Answer): void {
    this.addWithQuery(method, path, NoQuery, handler);
  }

  addWithQuery<Path extends string, Query>(
    method: Method,
    path: Path,
    schema: z.ZodType<Query>,
    handler: (context: Request<Path>, query: Query) => Answer,
  ): void {
    this.app.on(method, path, (context: Request<Path>) => {
      // Hono would answer it as GET.
      if (context.req.method === 'HEAD') return context.notFound();
      this.#login(context);
      const query = validateQuery(schema, context.req.url);
      if (!query.ok) throw this.#reception.badQuery(query.violation);
      return handler(context, query.data);
    });
  }

  #login(context: Context<CloudEnv>): void {
    const { login } = this.#reception;
    if (!login) return;
    const authorization = context.req.header('authorization');
    const caller = login.access.callerOf(authorization);
    if (!caller) throw login.refusal(authorization);
    context.env.seen.caller = caller;
  }
}

/** Who calls a route that logs its callers in. */
export function callerOf(context: Context<CloudEnv>): Caller {
  const { caller } = context.env.seen;
  if (!caller) throw new TypeError(`${context.req.method} ${context.req.path} has logged nobody in.`);
  return caller;
}
