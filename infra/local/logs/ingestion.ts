import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import type { Access, Caller, CloudParts, CloudEnv } from '../parts.ts';
import { callerOf, StrictRoutes } from '../strict-routes.ts';
import { jsonOf, validate } from '../validation.ts';
import type { Violation } from '../validation.ts';

const Name = z.string().min(1);

/** An entry of `POST /logs/v1/singles`: https://cloud.ibm.com/docs/cloud-logs?topic=cloud-logs-send-logs-api. */
const Line = z.strictObject({
  applicationName: Name,
  subsystemName: Name,
  text: z.union([z.string(), z.record(z.string(), z.unknown())]),
  /** Debug, verbose, info, warn, error, critical. */
  severity: z.number().int().min(1).max(6).optional(),
  /** UTC milliseconds. */
  timestamp: z.number().optional(),
  /** UTC nanoseconds. */
  hiResTimestamp: z.string().optional(),
  computerName: z.string().optional(),
  category: z.string().optional(),
  className: z.string().optional(),
  methodName: z.string().optional(),
  threadId: z.string().optional(),
});
const Lines = z.array(Line).min(1);

interface Destination {
  service: 'logs' | 'logs-router';
  path: `/${string}`;
  /** Its GUID; null for the one that the path names. */
  instance: string | null;
  /** The action that the sender's role must grant. */
  action: string;
}

/** Why no line of a request is taken. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: 400 | 401 | 403 | 404;

  constructor(status: 400 | 401 | 403 | 404, message: string) {
    super(message);
    this.status = status;
  }
}

const unauthorized = () => new Refusal(401, 'The token is missing, expired or unknown.');
const badQuery = ({ property, reason }: Violation) => new Refusal(400, `The query parameter '${property}' ${reason}.`);
const badLines = ({ property, reason }: Violation) =>
  new Refusal(400, `The body is not a list of log entries: ${property}: ${reason}`);

/** Who knows the instances that there are. */
interface Instances {
  hasInstance(service: string, guid: string): boolean;
}

/** Log ingestion: a line is taken only with a valid token of an identity that may send to that service. */
export class LogIngestion {
  readonly #parts: CloudParts;
  readonly #access: Access;
  readonly #instances: Instances;
  readonly #accepted = { logs: 0, 'logs-router': 0 };
  readonly #refused = { logs: 0, 'logs-router': 0 };
  #lastLine: { text: unknown; iamId: string } | null = null;

  constructor(parts: CloudParts, access: Access, instances: Instances) {
    this.#parts = parts;
    this.#access = access;
    this.#instances = instances;
  }

  routes(): Hono<CloudEnv> {
    const { cloudLogs, logsRouter } = this.#parts.account;
    const toCloudLogs: Destination = {
      service: 'logs',
      // https://cloud.ibm.com/docs/cloud-logs?topic=cloud-logs-send-logs-api
      path: '/logs/v1/singles',
      instance: cloudLogs.guid,
      action: 'logs.data.send',
    };
    // Ours: IBM names the instance in the host, `<guid>.ingress.<region>.logs.cloud.ibm.com`, and here is one host for all.
    const toAnyCloudLogs: Destination = {
      ...toCloudLogs,
      path: '/logs/:guid/logs/v1/singles',
      instance: null,
    };
    const toLogsRouter: Destination = {
      service: 'logs-router',
      // Ours: the public contract of Logs Router ingestion is not known to us, see DIVERGENCES.md.
      path: '/logs-router/v1/singles',
      instance: logsRouter.guid,
      action: 'logs-router.event.send',
    };
    const app = new Hono<CloudEnv>();
    for (const to of [toCloudLogs, toAnyCloudLogs, toLogsRouter]) app.route('/', this.#routesTo(to));
    return app;
  }

  snapshot(): object {
    return { accepted: { ...this.#accepted }, refused: { ...this.#refused }, lastLine: this.#lastLine };
  }

  #routesTo(to: Destination): Hono<CloudEnv> {
    const login = { access: this.#access, refusal: unauthorized };
    const onError = (error: Error, context: Context<CloudEnv>) => {
      if (!(error instanceof Refusal)) throw error;
      const iamId = context.env.seen.caller?.iamId ?? null;
      this.#refused[to.service] += 1;
      this.#parts.audit.record({ action: 'log-line.refuse', service: to.service, iamId });
      return context.json({ message: error.message }, error.status);
    };
    const routes = new StrictRoutes({ login, badQuery, onError });
    routes.add('POST', to.path, async (context) => {
      const caller = callerOf(context);
      this.#demand(caller, to, to.instance ?? context.req.param('guid') ?? '');
      const lines = validate(Lines, await jsonOf(context));
      if (!lines.ok) throw badLines(lines.violation);
      this.#take(lines.data, caller, to);
      return context.json({}, 200);
    });
    return routes.app;
  }

  #demand(caller: Caller, { service, action }: Destination, instance: string): void {
    if (!this.#instances.hasInstance(service, instance)) throw new Refusal(404, 'There is no such instance.');
    const target = { serviceName: service, serviceInstance: instance };
    if (!this.#access.allows(caller, action, target)) throw new Refusal(403, `The identity lacks ${action}.`);
  }

  #take(lines: z.infer<typeof Lines>, { iamId }: Caller, { service }: Destination): void {
    this.#accepted[service] += lines.length;
    this.#lastLine = { text: lines.at(-1)?.text, iamId };
    this.#parts.audit.record({ action: 'log-line.accept', service, iamId });
  }
}
