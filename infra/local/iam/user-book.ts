import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';

/** A user of the account: a person, or a functional ID. */
export interface User {
  readonly iamId: string;
  readonly name: string;
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

  setState(user: User, state: UserState): void {
    this.#users.set(user.iamId, { ...user, state });
  }

  add(name: string, iamId = `IBMid-${this.#parts.random.hex(5).toUpperCase()}`): User {
    const user: User = { iamId, name, activity: new Activity(), state: 'active' };
    this.#users.set(iamId, user);
    return user;
  }
}
