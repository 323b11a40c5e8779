import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import type { Access, CloudParts, Instance, CloudEnv } from '../parts.ts';

/** IBM Cloud Logs, "Sending logs by using the API": an entry of `POST /logs/v1/singles`. */
const Line = z.object({
  applicationName: z.string().min(1),
  subsystemName: z.string().min(1),
  severity: z.union([z.number().int().min(1).max(6), z.string().min(1)]).optional(),
  text: z.union([z.string(), z.record(z.string(), z.unknown())]),
});
const Lines = z.union([z.array(Line).min(1), Line.transform((line) => [line])]);

interface Destination {
  service: 'logs' | 'logs-router';
  instance: Instance;
  /** The action that the sender's role must grant. */
  action: string;
}

/** Log ingestion: a line is taken only with a valid token of an identity that may send to that service. */
export class LogIngestion {
  readonly #parts: CloudParts;
  readonly #access: Access;
  readonly #accepted = { logs: 0, 'logs-router': 0 };
  readonly #refused = { logs: 0, 'logs-router': 0 };
  #lastLine: { text: unknown; iamId: string } | null = null;

  constructor(parts: CloudParts, access: Access) {
    this.#parts = parts;
    this.#access = access;
  }

  routes(): Hono<CloudEnv> {
    const { cloudLogs, logsRouter } = this.#parts.account;
    const app = new Hono<CloudEnv>();
    // https://cloud.ibm.com/docs/cloud-logs?topic=cloud-logs-send-logs-api
    const toCloudLogs: Destination = { service: 'logs', instance: cloudLogs, action: 'logs.data.send' };
    app.post('/logs/v1/singles', (context) => this.#take(context, toCloudLogs));
    // Ours: the public contract of Logs Router ingestion is not known to us, see DIVERGENCES.md.
    const toLogsRouter: Destination = {
      service: 'logs-router',
      instance: logsRouter,
      action: 'logs-router.event.send',
    };
    app.post('/logs-router/v1/singles', (context) => this.#take(context, toLogsRouter));
    return app;
  }

  snapshot(): object {
    return { accepted: { ...this.#accepted }, refused: { ...this.#refused }, lastLine: this.#lastLine };
  }

  async #take(context: Context<CloudEnv>, to: Destination): Promise<Response> {
    const caller = this.#access.callerOf(context.req.header('authorization'));
    if (!caller) return this.#refuse(context, to, null, 401, 'The token is missing, expired or unknown.');
    context.env.seen.caller = caller;
    const target = { serviceName: to.service, serviceInstance: to.instance.guid };
    if (!this.#access.allows(caller, to.action, target)) {
      return this.#refuse(context, to, caller.iamId, 403, `The identity lacks ${to.action}.`);
    }
    const body: unknown = await context.req.json().catch(() => undefined);
    const lines = Lines.safeParse(body);
    if (!lines.success) return this.#refuse(context, to, caller.iamId, 400, 'The body is not an array of log entries.');
    this.#accepted[to.service] += lines.data.length;
    this.#lastLine = { text: lines.data.at(-1)?.text, iamId: caller.iamId };
    this.#parts.audit.record({ action: 'log-line.accept', service: to.service, iamId: caller.iamId });
    return context.json({}, 200);
  }

  #refuse(context: Context, to: Destination, iamId: string | null, status: 400 | 401 | 403, message: string): Response {
    this.#refused[to.service] += 1;
    this.#parts.audit.record({ action: 'log-line.refuse', service: to.service, iamId });
    return context.json({ message }, status);
  }
}
