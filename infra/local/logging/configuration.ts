import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv, CloudParts } from '../parts.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import { jsonOf, validate } from '../validation.ts';
import { CallRate } from './call-rate.ts';
import { badRequest, LoggingError, notAuthorized, notFound } from './errors.ts';
import type { LoggingKeys } from './key-book.ts';
import type { LoggingKey, LoggingKeyType } from './model.ts';

type Request = Context<CloudEnv>;

const PATH = '/v1/config/keys';

/**
 * Of service keys docs/activity-tracker "Managing service keys" tells, of ingestion keys the FAQ of docs/log-analysis.
 */
const MOST_KEYS: Readonly<Record<LoggingKeyType, number>> = { service: 20, ingestion: 10 };

const TypeQuery = z.strictObject({ type: z.enum(['service', 'ingestion']) });
const Named = z.strictObject({ name: z.string().min(1).max(30) });

/**
 * The keys of the configuration API. Which instance is meant, the service key alone tells.
 * https://cloud.ibm.com/docs/log-analysis?topic=log-analysis-service_keys&interface=api and `…-ingestion_key`
 */
export class Configuration {
  readonly #parts: CloudParts;
  readonly #keys: LoggingKeys;
  readonly #rate: CallRate;

  constructor(parts: CloudParts, keys: LoggingKeys) {
    this.#parts = parts;
    this.#keys = keys;
    this.#rate = new CallRate(parts.clock);
  }

  addTo(routes: StrictRoutes): void {
    routes.addWithQuery('GET', PATH, TypeQuery, (context, { type }) => this.#list(context, type));
    routes.addWithQuery('POST', PATH, TypeQuery, (context, { type }) => this.#create(context, type));
    routes.add('GET', `${PATH}/:id`, (context) => {
      const { instanceId } = this.#login(context);
      return context.json(viewOf(this.#named(context, instanceId)));
    });
    routes.add('PUT', `${PATH}/:id`, (context) => this.#rename(context));
    routes.add('DELETE', `${PATH}/:id`, (context) => this.#remove(context));
  }

  #list(context: Request, type: LoggingKeyType): Response {
    const { instanceId } = this.#login(context);
    const showsValues = this.#parts.switches.loggingKeyListShowsValues;
    const listed = this.#keys.listed(type, instanceId).map((key) => {
      const { key: value, ...rest } = viewOf(key);
      return showsValues ? { key: value, ...rest } : rest;
    });
    return context.json(listed);
  }

  async #create(context: Request, type: LoggingKeyType): Promise<Response> {
    const body = await jsonOf(context);
    const by = this.#login(context);
    const name = nameIn(body);
    const most = MOST_KEYS[type];
    if (this.#keys.countOf(type, by.instanceId) >= most) {
      const status = this.#parts.switches.loggingKeyLimitStatus;
      throw new LoggingError(status, 'LimitReached', `The instance has ${most} ${type} keys: there can be no more.`);
    }
    return context.json(viewOf(this.#keys.create(type, name, by)));
  }

  async #rename(context: Request): Promise<Response> {
    const body = await jsonOf(context);
    const { instanceId } = this.#login(context);
    const key = this.#named(context, instanceId);
    return context.json(viewOf(this.#keys.rename(key, nameIn(body))));
  }

  #remove(context: Request): Response {
    const by = this.#login(context);
    const key = this.#named(context, by.instanceId);
    if (key.id === by.id && this.#parts.switches.ownServiceKeyDeletion === 'refused') {
      throw new LoggingError(403, 'Forbidden', 'A service key cannot delete itself: use another one.');
    }
    this.#keys.remove(key);
    return context.json({});
  }

  /** The service key of the caller. Throws 401 or 403, and 429. */
  #login(context: Request): LoggingKey {
    const { switches } = this.#parts;
    const key = this.#keys.alive('service', context.req.header('servicekey') ?? '');
    if (!key) throw notAuthorized(switches.refusedLoggingKeyStatus, 'service');
    if (!this.#rate.admits(key.instanceId, switches.loggingConfigurationCallsPerMinute)) {
      throw new LoggingError(429, 'TooManyRequests', 'The instance takes no more requests in this minute.');
    }
    if (!switches.loggingInstancesConfigurable) {
      throw new LoggingError(403, 'Forbidden', 'Keys of the instance are managed in its web console only.');
    }
    return key;
  }

  /** The key in the path. Throws 404. */
  #named(context: Request, instanceId: string): LoggingKey {
    const key = this.#keys.get(instanceId, context.req.param('id') ?? '');
    if (!key) throw notFound();
    return key;
  }
}

/** Throws 400. */
function nameIn(body: unknown): string {
  const parsed = validate(Named, body);
  if (!parsed.ok) throw badRequest(parsed.violation);
  return parsed.data.name;
}

/** A key as Mezmo, as LogDNA is called now, describes it; `created` in epoch milliseconds. */
const viewOf = ({ id, value, name, type, createdAtMs }: LoggingKey) => ({
  id,
  key: value,
  ...(name !== '' && { name }),
  type,
  created: createdAtMs,
});
