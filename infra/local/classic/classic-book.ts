import { EntityStore } from '../iam/entity-store.ts';
import type { IamService } from '../iam/service.ts';
import type { CloudParts } from '../parts.ts';
import { SeededRandom } from '../random.ts';
import type { ClassicKey, ClassicUser } from './model.ts';

export interface NewClassicUser {
  /** Default: `ACTIVE`. */
  status?: ClassicUser['status'];
  /** The classic user above this one. Default: none. */
  parentId?: number | null;
  /** Default: yes. */
  managesApiKeys?: boolean;
}

/** The users of classic infrastructure and their keys. */
export class ClassicBook {
  readonly #parts: CloudParts;
  readonly #iam: IamService;
  /** Of its own, so that ids and values elsewhere are the same with and without what is made here. */
  readonly #random: SeededRandom;
  readonly #accountNumber: number;
  readonly #users = new Map<number, ClassicUser>();
  readonly #keys: EntityStore<ClassicKey>;

  constructor(parts: CloudParts, iam: IamService) {
    this.#parts = parts;
    this.#iam = iam;
    this.#random = new SeededRandom(`${parts.random.seed} classic`);
    this.#accountNumber = this.#number();
    this.#keys = new EntityStore<ClassicKey>(parts, ({ userId }) => String(userId));
  }

  /** Throws when there is no such user of the account, who is no classic user yet, or no such parent. */
  link(iamId: string, { status = 'ACTIVE', parentId = null, managesApiKeys = true }: NewClassicUser): ClassicUser {
    const member = this.#iam.user(iamId);
    if (!member) throw new Error(`There is no user ${iamId}.`);
    if (member.classicUserId !== null) throw new Error(`${iamId} is linked already.`);
    if (parentId !== null && !this.#users.has(parentId)) throw new Error(`There is no classic user ${parentId}.`);
    const { email } = member;
    const username = `${this.#accountNumber}_${email}`;
    const user: ClassicUser = { id: this.#number(), iamId, username, email, status, parentId, managesApiKeys };
    this.#users.set(user.id, user);
    this.#iam.linkToClassic(iamId, user.id);
    return user;
  }

  /** Throws when there is no such user. */
  revise(id: number, change: Partial<Pick<ClassicUser, 'status' | 'managesApiKeys'>>): void {
    const user = this.#users.get(id);
    if (!user) throw new Error(`There is no classic user ${id}.`);
    this.#users.set(id, { ...user, ...change });
  }

  /** Undefined also for a user who has left the account. */
  user(id: number): ClassicUser | undefined {
    const user = this.#users.get(id);
    return user && this.#iam.user(user.iamId)?.state !== 'left' ? user : undefined;
  }

  userWithIamId(iamId: string): ClassicUser | undefined {
    const { classicUserId = null } = this.#iam.user(iamId) ?? {};
    return classicUserId === null ? undefined : this.user(classicUserId);
  }

  users(): ClassicUser[] {
    return [...this.#users.values()];
  }

  /** Whether `user` descends from `other`. */
  isBelow({ parentId }: ClassicUser, other: ClassicUser): boolean {
    if (parentId === null) return false;
    const parent = this.#users.get(parentId);
    return parentId === other.id || (parent !== undefined && this.isBelow(parent, other));
  }

  key(id: string): ClassicKey | undefined {
    return this.#keys.get(id);
  }

  /** The owner of a key with that value; undefined also while the key is too fresh. */
  ownerOf(value: string): ClassicUser | undefined {
    const { clock, switches } = this.#parts;
    const key = this.#keys.all().find((one) => one.value === value);
    const isKnown = key !== undefined && clock.nowMs() >= key.createdAtMs + switches.classicFirstLoginDelayMs;
    return isKnown ? this.user(key.userId) : undefined;
  }

  keysOf({ id }: ClassicUser): ClassicKey[] {
    return this.#keys.group(String(id));
  }

  /** The keys as lists show them. */
  listed({ id }: ClassicUser): readonly ClassicKey[] {
    return this.#keys.listed(String(id));
  }

  addKey({ id: userId }: ClassicUser): ClassicKey {
    const { audit, clock } = this.#parts;
    const value = this.#random.classicKeyValue();
    const key = { id: String(this.#number()), userId, value, createdAtMs: clock.nowMs() };
    this.#keys.put(key);
    audit.record({ action: 'classic-key.create', keyId: key.id, userId: String(userId) });
    return key;
  }

  removeKey({ id, userId }: ClassicKey): void {
    this.#keys.delete(id);
    this.#parts.audit.record({ action: 'classic-key.delete', keyId: id, userId: String(userId) });
  }

  /** Eight digits. */
  #number(): number {
    return 10_000_000 + Math.floor(this.#random.fraction() * 90_000_000);
  }
}
