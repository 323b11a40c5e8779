import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';
import { Scribe } from './entities.ts';
import type { Entity } from './entities.ts';
import { EntityStore } from './entity-store.ts';
import { limitReached, taken } from './identity-errors.ts';

export interface TrustedProfile extends Entity {
  readonly email: string;
  readonly identities: readonly ProfileIdentity[];
}

/** Somebody with a token of their own who may assume a trusted profile. */
export interface ProfileIdentity {
  readonly type: 'user' | 'serviceid' | 'crn';
  /** IAM ID of a user, id of a service ID, or CRN of a service instance. */
  readonly identifier: string;
  /** Of users: the accounts from which they may. Undefined when that was left open. */
  readonly accounts: readonly string[] | undefined;
  readonly description: string;
}

export type ProfileChange = Partial<Pick<TrustedProfile, 'name' | 'description' | 'email' | 'identities'>>;
export type NewProfile = Partial<Pick<TrustedProfile, 'description' | 'email'>> & { name: string };

/** docs/iam, "IAM limits". */
export const PROFILES_PER_ACCOUNT = 2_000;

/** The trusted profiles of the account. */
export class ProfileBook {
  readonly #parts: CloudParts;
  readonly #scribe: Scribe;
  readonly #profiles: EntityStore<TrustedProfile>;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#scribe = new Scribe(parts, 'profile');
    this.#profiles = new EntityStore<TrustedProfile>(parts, (profile) => profile.name);
  }

  get size(): number {
    return this.#profiles.size;
  }

  get(id: string): TrustedProfile | undefined {
    return this.#profiles.get(id);
  }

  /** Names are unique. */
  withName(name: string): TrustedProfile | undefined {
    return this.#profiles.group(name)[0];
  }

  withIamId(iamId: string): TrustedProfile | undefined {
    return this.#profiles.get(iamId.replace(/^iam-/, ''));
  }

  all(): readonly TrustedProfile[] {
    return this.#profiles.all();
  }

  /** As lists show them. */
  listed(name?: string): readonly TrustedProfile[] {
    return this.#profiles.listed(name);
  }

  /** Throws 422 when the account has as many as it can, 409 when the name is taken. */
  add(input: NewProfile, byIamId: string): TrustedProfile {
    if (this.size >= PROFILES_PER_ACCOUNT) {
      throw limitReached('', 'The limit of supported trusted profiles is reached', PROFILES_PER_ACCOUNT);
    }
    if (this.withName(input.name)) throw taken('name');
    const id = `Profile-${this.#parts.random.uuid()}`;
    const profile: TrustedProfile = {
      ...this.#scribe.begin(input.name, byIamId),
      id,
      iamId: `iam-${id}`,
      name: input.name,
      description: input.description ?? '',
      email: input.email ?? '',
      identities: [],
      activity: new Activity(),
    };
    this.#profiles.put(profile);
    return profile;
  }

  /** Throws 409 when another profile has the name. */
  revise(profile: TrustedProfile, change: ProfileChange, byIamId: string): TrustedProfile {
    if (change.name !== undefined && change.name !== profile.name && this.withName(change.name)) throw taken('name');
    const revised = this.#scribe.revise(profile, change, 'update', byIamId);
    this.#profiles.put(revised);
    return revised;
  }

  /** Nobody changes the profiles by that: they keep their entity tags. */
  forgetServiceId(id: string): void {
    for (const profile of this.all()) {
      const identities = profile.identities.filter(({ type, identifier }) => type !== 'serviceid' || identifier !== id);
      if (identities.length < profile.identities.length) this.#profiles.put({ ...profile, identities });
    }
  }

  remove(profile: TrustedProfile): void {
    this.#profiles.delete(profile.id);
  }
}
