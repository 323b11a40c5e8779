import type { Hono } from 'hono';
import type { IamService } from '../iam/service.ts';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { ClassicBook } from './classic-book.ts';
import type { NewClassicUser } from './classic-book.ts';
import { answerError, badCredentials, invalid } from './errors.ts';
import { ClassicLogin } from './login.ts';
import type { ClassicUser } from './model.ts';
import { ClassicRoutes } from './routes.ts';
import { snapshotOf } from './snapshot.ts';

/**
 * Classic infrastructure of the embedded cloud, as far as it takes to rotate the API keys of its users: the SoftLayer API,
 * REST v3.1. https://sldn.softlayer.com/article/rest/
 */
export class ClassicInfrastructure {
  readonly #parts: CloudParts;
  readonly #iam: IamService;
  readonly #book: ClassicBook;

  constructor(parts: CloudParts, iam: IamService) {
    this.#parts = parts;
    this.#iam = iam;
    this.#book = new ClassicBook(parts, iam);
  }

  routes(): Hono<CloudEnv> {
    const login = { access: new ClassicLogin(this.#book, this.#iam, this.#parts.account.id), refusal: badCredentials };
    const routes = new StrictRoutes({ login, badQuery: invalid, onError: answerError });
    new ClassicRoutes(this.#parts, this.#book).addTo(routes);
    return routes.app;
  }

  /** Makes a user of the account a user of classic infrastructure too. Throws when that is impossible. */
  linkUser(iamId: string, terms: NewClassicUser = {}): ClassicUser {
    return this.#book.link(iamId, terms);
  }

  /** Changes how a user stands. Throws when there is no such user. */
  changeUser(id: number, change: Partial<Pick<ClassicUser, 'status' | 'managesApiKeys'>>): void {
    this.#book.revise(id, change);
  }

  /** The user of classic infrastructure that somebody is; undefined for none. */
  userWithIamId(iamId: string): ClassicUser | undefined {
    return this.#book.userWithIamId(iamId);
  }

  /** All that exists, for `GET /state`. Values of keys only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    return snapshotOf(this.#book, options);
  }
}
