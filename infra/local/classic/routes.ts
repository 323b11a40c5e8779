import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import { jsonOf, validate } from '../validation.ts';
import type { ClassicBook } from './classic-book.ts';
import { badCredentials, denied, invalid, notFound, refused } from './errors.ts';
import type { ClassicUser } from './model.ts';
import { masked, objectMaskOf } from './object-mask.ts';
import { KEY_SHAPE, USER_SHAPE, keyView, userView, withoutRelations } from './views.ts';

type Request = Context<CloudEnv>;

const BASE = '/rest/v3.1';
const USER_SERVICES = ['SoftLayer_User_Customer', 'SoftLayer_User_Customer_OpenIdConnect'];
/** The form of an answer can be named, and is JSON either way. */
const FORMS = ['', '.json'];

const UserQuery = z.strictObject({ objectMask: z.string().optional() });
const KeysQuery = z.strictObject({
  objectMask: z.string().optional(),
  /** Offset and limit. */
  resultLimit: z
    .string()
    .regex(/^\d{1,9},[1-9]\d{0,8}$/, 'is not an offset and a limit')
    .transform((text) => text.split(',').map(Number))
    .optional(),
});
const Removal = z.strictObject({ parameters: z.tuple([z.number().int().positive()]) });

/** The users of classic infrastructure and their API keys, as far as it takes to rotate a key. */
export class ClassicRoutes {
  readonly #parts: CloudParts;
  readonly #book: ClassicBook;

  constructor(parts: CloudParts, book: ClassicBook) {
    this.#parts = parts;
    this.#book = book;
  }

  addTo(routes: StrictRoutes): void {
    for (const form of FORMS) {
      // https://sldn.softlayer.com/reference/services/SoftLayer_Account/getCurrentUser/
      const current = `${BASE}/SoftLayer_Account/getCurrentUser${form}`;
      routes.addWithQuery('GET', current, UserQuery, (context, query) => this.#currentUser(context, query));
      for (const service of USER_SERVICES) this.#addUserRoutes(routes, `${BASE}/${service}`, form);
    }
  }

  #addUserRoutes(routes: StrictRoutes, service: string, form: string): void {
    const user = `${service}/:userId{[0-9]+}`;
    // https://sldn.softlayer.com/reference/services/SoftLayer_User_Customer/getApiAuthenticationKeys/
    const list = `${user}/getApiAuthenticationKeys${form}`;
    routes.addWithQuery('GET', list, KeysQuery, (context, query) => this.#keys(context, query));
    // https://sldn.softlayer.com/reference/services/SoftLayer_User_Customer/addApiAuthenticationKey/
    routes.add('GET', `${user}/addApiAuthenticationKey${form}`, (context) => this.#addKey(context));
    // https://sldn.softlayer.com/reference/services/SoftLayer_User_Customer/removeApiAuthenticationKey/
    routes.add('POST', `${service}/removeApiAuthenticationKey${form}`, (context) => this.#removeKey(context));
  }

  #currentUser(context: Request, { objectMask }: z.infer<typeof UserQuery>): Response {
    const user = this.#caller(context);
    const mask = objectMaskOf(objectMask, USER_SHAPE);
    const { switches } = this.#parts;
    const keys = this.#book.listed(user).map((key) => keyView(key, true, switches));
    const view = userView(user, keys);
    return context.json(mask === null ? withoutRelations(view) : (masked(view, mask) as object));
  }

  /** Those above a user see that there is a key. */
  #keys(context: Request, { objectMask, resultLimit }: z.infer<typeof KeysQuery>): Response {
    const { switches } = this.#parts;
    const caller = this.#caller(context);
    const user = this.#addressed(context);
    const isOwner = user.id === caller.id;
    if (!isOwner && !this.#book.isBelow(user, caller)) throw denied(switches);
    const mask = objectMaskOf(objectMask, KEY_SHAPE);
    const keys = this.#book.listed(user);
    const [offset = 0, limit = keys.length] = resultLimit ?? [];
    const views = keys.slice(offset, offset + limit).map((key) => keyView(key, isOwner, switches));
    return context.json(masked(views, mask) as object[], 200, { 'SoftLayer-Total-Items': String(keys.length) });
  }

  /** A GET that takes effect each time: the answer is the value. */
  #addKey(context: Request): Response {
    const { switches } = this.#parts;
    const caller = this.#caller(context);
    const user = this.#addressed(context);
    if (user.id !== caller.id || !user.managesApiKeys) throw denied(switches);
    if (user.status === 'PENDING') throw refused('The user is in PENDING status.', switches);
    if (this.#book.keysOf(user).length > 0) throw refused('Each user can only have a single API key.', switches);
    return context.json(this.#book.addKey(user).value);
  }

  /** Those above a user may remove the key too. */
  async #removeKey(context: Request): Promise<Response> {
    const body = validate(Removal, await jsonOf(context));
    if (!body.ok) throw invalid(body.violation);
    const { switches } = this.#parts;
    // What was true before the body arrived may be no more.
    const caller = this.#caller(context);
    const id = String(body.data.parameters[0]);
    const key = this.#book.key(id);
    const owner = key && this.#book.user(key.userId);
    if (!key || !owner) throw notFound(id, switches);
    const isOver = owner.id === caller.id || this.#book.isBelow(owner, caller);
    if (!isOver || !caller.managesApiKeys) throw denied(switches);
    this.#book.removeKey(key);
    return context.json(true);
  }

  /** Throws 401 for who has left the account meanwhile. */
  #caller(context: Request): ClassicUser {
    const user = this.#book.userWithIamId(callerOf(context).iamId);
    if (!user) throw badCredentials();
    return user;
  }

  /** The user in the path. Throws 404, or what is switched. */
  #addressed(context: Request): ClassicUser {
    const id = context.req.param('userId') ?? '';
    const user = this.#book.user(Number(id));
    if (!user) throw notFound(id, this.#parts.switches);
    return user;
  }
}
