import type { CloudParts, Target } from '../parts.ts';
import { nextTag } from './entities.ts';
import { EntityStore } from './entity-store.ts';
import { Grants } from './grants.ts';
import { policyConflict, tooManyPolicies } from './policy-errors.ts';
import type { Policy, PolicyTerms } from './policy.ts';

/** docs/iam, "IAM limits". */
const POLICIES_PER_ACCOUNT = 4_020;
const POLICIES_PER_SUBJECT = 1_000;

/** The access policies of the account, and what they grant. */
export class PolicyBook {
  readonly #parts: CloudParts;
  readonly #policies: EntityStore<Policy>;
  readonly #deleted: EntityStore<Policy>;
  readonly #grants: Grants;
  readonly #idOfTerms = new Map<string, string>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#policies = new EntityStore<Policy>(parts, (policy) => policy.subject.value);
    this.#deleted = new EntityStore<Policy>(parts, (policy) => policy.subject.value);
    this.#grants = new Grants(parts);
  }

  /** Also one that is deleted. */
  get(id: string): Policy | undefined {
    return this.#policies.get(id) ?? this.#deleted.get(id);
  }

  /** All that are active. */
  all(): readonly Policy[] {
    return this.#policies.all();
  }

  /** The policies in that state, all or of a subject, as lists show them. */
  listed(state: Policy['state'], subject?: string): readonly Policy[] {
    return (state === 'active' ? this.#policies : this.#deleted).listed(subject);
  }

  grant(subject: string, action: string, target: Target): boolean {
    return this.#grants.allow(subject, action, target);
  }

  rolesOn(subject: string, target: Omit<Target, 'resource'>): Set<string> {
    return this.#grants.rolesOn(subject, target);
  }

  /** Whether there is a policy with the same terms. */
  has(terms: PolicyTerms): boolean {
    return this.#idOfTerms.has(fingerprint(terms));
  }

  /** The limit at which the subject cannot have another policy; null when it can. */
  limitReachedBy(subject: string): number | null {
    if (this.#policies.groupSize(subject) >= POLICIES_PER_SUBJECT) return POLICIES_PER_SUBJECT;
    return this.#policies.size >= POLICIES_PER_ACCOUNT ? POLICIES_PER_ACCOUNT : null;
  }

  /** Throws 409 when there is one with the same terms, 422 at a limit. */
  add(terms: PolicyTerms, byIamId: string): Policy {
    this.#demandUnique(terms);
    this.#demandRoom(terms);
    const nowMs = this.#parts.clock.nowMs();
    const created = { createdAtMs: nowMs, createdBy: byIamId, modifiedAtMs: nowMs, modifiedBy: byIamId };
    const begun = { id: this.#parts.random.uuid(), entityTag: nextTag(this.#parts), state: 'active' as const };
    const policy = { ...terms, ...created, ...begun };
    this.#put(policy);
    return policy;
  }

  /** Throws 409 when another policy has the same terms. */
  replace(policy: Policy, terms: PolicyTerms, byIamId: string): Policy {
    this.#demandUnique(terms, policy.id);
    const replaced = { ...policy, ...terms, ...this.#modified(policy, byIamId) };
    this.#revoke(policy);
    this.#put(replaced);
    return replaced;
  }

  /** Leaves the policy as a deleted one. */
  remove(policy: Policy, byIamId: string): Policy {
    const deleted = { ...policy, ...this.#modified(policy, byIamId), state: 'deleted' as const };
    this.#policies.delete(policy.id);
    this.#revoke(policy);
    this.#deleted.put(deleted);
    return deleted;
  }

  /** Makes a deleted policy active again. Throws 409 when another one says the same by now, 422 at a limit. */
  restore(policy: Policy, byIamId: string): Policy {
    this.#demandUnique(policy);
    this.#demandRoom(policy);
    const restored = { ...policy, ...this.#modified(policy, byIamId), state: 'active' as const };
    this.#deleted.delete(policy.id);
    this.#put(restored);
    return restored;
  }

  /** Removes all policies of a subject that is no more, for good. */
  removeSubject(subject: string): void {
    for (const policy of this.#policies.group(subject)) {
      this.#policies.delete(policy.id);
      this.#revoke(policy);
    }
    for (const { id } of this.#deleted.group(subject)) this.#deleted.delete(id);
    this.#grants.removeSubject(subject);
  }

  #modified(policy: Policy, byIamId: string) {
    const entityTag = nextTag(this.#parts, policy.entityTag);
    return { entityTag, modifiedAtMs: this.#parts.clock.nowMs(), modifiedBy: byIamId };
  }

  #demandRoom({ subject }: PolicyTerms): void {
    const limit = this.limitReachedBy(subject.value);
    if (limit !== null) throw tooManyPolicies(limit);
  }

  #put(policy: Policy): void {
    this.#policies.put(policy);
    this.#idOfTerms.set(fingerprint(policy), policy.id);
    this.#grants.add(policy);
  }

  #revoke(policy: Policy): void {
    this.#idOfTerms.delete(fingerprint(policy));
    this.#grants.remove(policy);
  }

  #demandUnique(terms: PolicyTerms, exceptId?: string): void {
    const id = this.#idOfTerms.get(fingerprint(terms));
    const same = id === undefined || id === exceptId ? undefined : this.#policies.get(id);
    if (!same) return;
    const message = 'An access policy with identical attributes and roles exists already.';
    throw policyConflict(message, { etag: same.entityTag, policy: same.id });
  }
}

const fingerprint = ({ subject, roleIds, attributes }: PolicyTerms): string =>
  JSON.stringify([
    subject.name,
    subject.value,
    roleIds.toSorted(),
    attributes.map(({ name, value, operator }) => `${name} ${operator} ${value}`).toSorted(),
  ]);
