import type { IamService } from '../iam/service.ts';
import type { Access, Caller } from '../parts.ts';
import type { ClassicBook } from './classic-book.ts';
import { notLinked } from './errors.ts';
import type { ClassicUser } from './model.ts';

/** In place of a user name: the password is an API key of IAM. */
const IAM_KEY_USER = 'apikey';

/**
 * The three ways into the classic API: Basic with user name and classic key, Basic with `apikey` and an IAM API key, and the
 * token of IAM. https://sldn.softlayer.com/article/authenticating-softlayer-api/
 */
export class ClassicLogin implements Pick<Access, 'callerOf'> {
  readonly #book: ClassicBook;
  readonly #iam: IamService;
  readonly #accountId: string;

  constructor(book: ClassicBook, iam: IamService, accountId: string) {
    this.#book = book;
    this.#iam = iam;
    this.#accountId = accountId;
  }

  /** Null for bad credentials. Throws 500 for who is known to IAM and is no classic user: no service ID ever is. */
  callerOf(authorization: string | undefined): Caller | null {
    const basic = basicOf(authorization);
    if (basic && basic.username !== IAM_KEY_USER) return this.#withClassicKey(basic);
    const caller = basic ? this.#iam.callerWithKey(basic.password) : this.#iam.callerOf(authorization);
    if (!caller) return null;
    const user = this.#book.userWithIamId(caller.iamId);
    if (!user) throw notLinked();
    return this.#admits(user) ? caller : null;
  }

  /** A use of a classic key is noted nowhere. */
  #withClassicKey({ username, password }: Credentials): Caller | null {
    const user = this.#book.ownerOf(password);
    if (user?.username !== username || !this.#admits(user)) return null;
    return { iamId: user.iamId, accountId: this.#accountId };
  }

  #admits({ iamId, status }: ClassicUser): boolean {
    const isActive = this.#iam.user(iamId)?.state === 'active';
    return isActive && (status === 'ACTIVE' || status === 'PENDING');
  }
}

interface Credentials {
  username: string;
  password: string;
}

/** RFC 7617; null for any other header. */
function basicOf(authorization: string | undefined): Credentials | null {
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return null;
  const [, username, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return username === undefined || password === undefined ? null : { username, password };
}
