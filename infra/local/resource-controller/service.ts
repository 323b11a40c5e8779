import type { Hono } from 'hono';
import type { IamService } from '../iam/service.ts';
import type { LoggingKeys } from '../logging/key-book.ts';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { SeededRandom } from '../random.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { Desk } from './desk.ts';
import { answerError, invalid, unauthorized } from './errors.ts';
import { bookBuiltIns } from './instances.ts';
import { instanceRoutes } from './routes-instances.ts';
import { keyRoutes } from './routes-keys.ts';
import { snapshotOf } from './snapshot.ts';

/**
 * The resource controller of the embedded cloud, API v2: resource instances and resource keys.
 * https://cloud.ibm.com/apidocs/resource-controller/resource-controller
 */
export class ResourceController {
  readonly #desk: Desk;
  readonly #iam: IamService;

  constructor(parts: CloudParts, iam: IamService, loggingKeys: LoggingKeys) {
    const random = new SeededRandom(`${parts.random.seed} resource controller`);
    this.#iam = iam;
    this.#desk = new Desk({ parts, random, access: iam, identities: iam.keyIdentities, loggingKeys });
    bookBuiltIns(this.#desk);
  }

  routes(): Hono<CloudEnv> {
    const login = { access: this.#iam, refusal: unauthorized };
    const routes = new StrictRoutes({ login, badQuery: invalid, onError: answerError(this.#desk.random) });
    instanceRoutes(routes, this.#desk);
    keyRoutes(routes, this.#desk);
    return routes.app;
  }

  /** Whether there is an active instance of a service with that GUID. */
  hasInstance(service: string, guid: string): boolean {
    return this.#desk.instances.active(guid)?.offering.name === service;
  }

  /** All that is active, for `GET /state`. Credentials only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    return snapshotOf(this.#desk, options);
  }
}
