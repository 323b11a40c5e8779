import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';

/** A user of the account: a person, or a functional ID. */
export interface User {
  readonly iamId: string;
  readonly name: string;
  /** Of nobody else. */
  readonly email: string;
  readonly addedAtMs: number;
  /** The number of the user of classic infrastructure who it also is; null for none. */
  readonly classicUserId: number | null;
  readonly activity: Activity;
  /** Only who is active can log in. */
  readonly state: UserState;
}

export type UserState = 'active' | 'suspended' | 'left';

/** The users of the account. There is no API to invite one: see `IamService.addUser`. */
export class UserBook {
  readonly #parts: CloudParts;
  readonly #users = new Map<string, User>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.add('Account owner', parts.account.adminIamId);
  }

  get(iamId: string): User | undefined {
    return this.#users.get(iamId);
  }

  all(): User[] {
    return [...this.#users.values()];
  }

  /** Throws when there is no such user. */
  revise(iamId: string, change: Partial<Pick<User, 'state' | 'classicUserId'>>): void {
    const user = this.#users.get(iamId);
    if (!user) throw new Error(`There is no user ${iamId}.`);
    this.#users.set(iamId, { ...user, ...change });
  }

  add(name: string, iamId = `IBMid-${this.#parts.random.hex(5).toUpperCase()}`): User {
    const user: User = {
      iamId,
      name,
      email: `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}.${this.#users.size + 1}@example.com`,
      addedAtMs: this.#parts.clock.nowMs(),
      classicUserId: null,
      activity: new Activity(),
      state: 'active',
    };
    this.#users.set(iamId, user);
    return user;
  }
}
