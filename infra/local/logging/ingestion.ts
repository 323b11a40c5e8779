import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv, CloudParts } from '../parts.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import { jsonOf, validate } from '../validation.ts';
import { badRequest, LoggingError, notAuthorized } from './errors.ts';
import type { LoggingKeys } from './key-book.ts';
import type { LoggingKey } from './model.ts';

const Query = z.strictObject({
  hostname: z.string().min(1).max(256),
  mac: z.string().optional(),
  ip: z.string().optional(),
  /** Epoch milliseconds. */
  now: z.string().regex(/^\d+$/, 'is not a number').optional(),
  tags: z.string().max(80).optional(),
});

const Line = z.strictObject({
  line: z.string().min(1),
  timestamp: z.union([z.number(), z.string()]).optional(),
  app: z.string().max(512).optional(),
  level: z.string().max(80).optional(),
  env: z.string().optional(),
  meta: z.record(z.string(), z.unknown()).optional(),
});
const Lines = z.strictObject({ lines: z.array(Line).min(1) });

/** Takes lines with an ingestion key that lives. https://cloud.ibm.com/docs/log-analysis?topic=log-analysis-ingest */
export class Ingestion {
  readonly #parts: CloudParts;
  readonly #keys: LoggingKeys;
  #accepted = 0;
  #refused = 0;
  #lastLine: { text: string; keyId: string } | null = null;

  constructor(parts: CloudParts, keys: LoggingKeys) {
    this.#parts = parts;
    this.#keys = keys;
  }

  addTo(routes: StrictRoutes): void {
    routes.addWithQuery('POST', '/logs/ingest', Query, async (context) => {
      const body = await jsonOf(context);
      const value = keyIn(context.req.header('authorization'));
      try {
        return this.#take(context, value, body);
      } catch (error) {
        if (error instanceof LoggingError) this.#refuse(this.#keys.ever(value));
        throw error;
      }
    });
  }

  snapshot(): object {
    return { accepted: this.#accepted, refused: this.#refused, lastLine: this.#lastLine };
  }

  #take(context: Context<CloudEnv>, value: string, body: unknown): Response {
    const key = this.#keys.alive('ingestion', value);
    if (!key) throw notAuthorized(this.#parts.switches.refusedLoggingKeyStatus, 'ingestion');
    const parsed = validate(Lines, body);
    if (!parsed.ok) throw badRequest(parsed.violation);
    const { lines } = parsed.data;
    this.#accepted += lines.length;
    this.#lastLine = { text: lines.at(-1)?.line ?? '', keyId: key.id };
    this.#parts.audit.record({ action: 'log-line.accept', service: key.service, loggingKeyId: key.id });
    return context.json({ status: 'ok' });
  }

  #refuse(key: LoggingKey | undefined): void {
    this.#refused += 1;
    const about = { service: key?.service ?? null, loggingKeyId: key?.id ?? null };
    this.#parts.audit.record({ action: 'log-line.refuse', ...about });
  }
}

/** The user name of Basic authentication that has no password; empty for anything else. */
function keyIn(authorization = ''): string {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? [];
  const [, key = ''] = /^([^:]+):$/.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return key;
}
