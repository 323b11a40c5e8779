import type { Hono } from 'hono';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { Configuration } from './configuration.ts';
import { answerError, badRequest } from './errors.ts';
import { Ingestion } from './ingestion.ts';
import type { LoggingKeys } from './key-book.ts';

/**
 * Log Analysis and Activity Tracker, which LogDNA ran until they ended on 30 March 2025: the keys of their instances, and
 * the lines that these let in.
 */
export class LoggingService {
  readonly #keys: LoggingKeys;
  readonly #configuration: Configuration;
  readonly #ingestion: Ingestion;

  constructor(parts: CloudParts, keys: LoggingKeys) {
    this.#keys = keys;
    this.#configuration = new Configuration(parts, keys);
    this.#ingestion = new Ingestion(parts, keys);
  }

  routes(): Hono<CloudEnv> {
    const routes = new StrictRoutes({ badQuery: badRequest, onError: answerError });
    this.#configuration.addTo(routes);
    this.#ingestion.addTo(routes);
    return routes.app;
  }

  snapshot(options: { withValues: boolean }): object {
    return { keys: this.#keys.snapshot(options), lines: this.#ingestion.snapshot() };
  }
}
