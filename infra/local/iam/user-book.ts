import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';

/** A user of the account: a person, or a functional ID. */
export interface User {
  readonly iamId: string;
  readonly name: string;
  readonly activity: Activity;
}

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

  add(name: string, iamId = `IBMid-${this.#parts.random.hex(5).toUpperCase()}`): User {
    const user = { iamId, name, activity: new Activity() };
    this.#users.set(iamId, user);
    return user;
  }
}
