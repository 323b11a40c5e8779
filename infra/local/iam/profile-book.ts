import type { CloudParts } from '../parts.ts';
import { Activity } from './activity.ts';
import { nextTag, Scribe } from './entities.ts';
import type { Entity } from './entities.ts';
import { EntityStore } from './entity-store.ts';
import { limitReached, taken } from './identity-errors.ts';

export interface TrustedProfile extends Entity {
  readonly email: string;
}

/** A workload that logs in with its compute-resource token. */
export interface ComputeResource {
  /** CRN of the Code Engine project. */
  crn: string;
  componentType: 'function' | 'job' | 'application';
  componentName: string;
}

/** Lets one component of a Code Engine project log in as a trusted profile. */
export interface ProfileLink {
  readonly id: string;
  readonly entityTag: string;
  readonly createdAtMs: number;
  readonly name: string;
  readonly isCrossAccount: boolean | undefined;
  readonly resource: ComputeResource;
}

export type NewProfile = Partial<Pick<TrustedProfile, 'description' | 'email'>> & { name: string };

/** docs/iam, "IAM limits". */
export const PROFILES_PER_ACCOUNT = 2_000;

/** The trusted profiles of the account, and their links. */
export class ProfileBook {
  readonly #parts: CloudParts;
  readonly #scribe: Scribe;
  readonly #profiles: EntityStore<TrustedProfile>;
  readonly #links = new Map<string, ProfileLink[]>();

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
      activity: new Activity(),
    };
    this.#profiles.put(profile);
    return profile;
  }

  remove(profile: TrustedProfile): void {
    this.#profiles.delete(profile.id);
    this.#links.delete(profile.id);
  }

  linksOf(profileId: string): readonly ProfileLink[] {
    return this.#links.get(profileId) ?? [];
  }

  /** Throws 409 when the profile has a link to that component. */
  addLink(profileId: string, input: Pick<ProfileLink, 'name' | 'isCrossAccount' | 'resource'>): ProfileLink {
    if (this.isLinked(profileId, input.resource)) throw taken('link');
    const { random, clock } = this.#parts;
    const created = { id: `link-${random.uuid()}`, entityTag: nextTag(this.#parts), createdAtMs: clock.nowMs() };
    const link = { ...created, ...input };
    this.#links.set(profileId, [...this.linksOf(profileId), link]);
    return link;
  }

  removeLink(profileId: string, linkId: string): void {
    const left = this.linksOf(profileId).filter((link) => link.id !== linkId);
    this.#links.set(profileId, left);
  }

  /** Whether a link names exactly this component. */
  isLinked(profileId: string, resource: ComputeResource): boolean {
    return this.linksOf(profileId).some(
      ({ resource: { crn, componentType, componentName } }) =>
        crn === resource.crn && componentType === resource.componentType && componentName === resource.componentName,
    );
  }
}
