import type { CloudParts, Target } from '../parts.ts';
import { matcherOf } from './policy-match.ts';
import type { Matcher } from './policy-match.ts';
import type { Policy } from './policy.ts';
import { includesAction, ROLES } from './roles.ts';

interface Grant {
  policyId: string;
  roleIds: readonly string[];
  actions: readonly ReadonlySet<string>[];
  matches: Matcher;
  fromMs: number;
  /** Infinity while the policy stands. */
  untilMs: number;
}

/** The bucket of the policies that do not name one resource exactly. */
const ANY_RESOURCE = '';

/**
 * What policies grant, by subject and resource, so that a subject with a thousand policies is as quick as one with one.
 * Changes take effect `switches.policyDelayMs` late.
 */
export class Grants {
  readonly #parts: CloudParts;
  readonly #bySubject = new Map<string, Map<string, Grant[]>>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
  }

  add(policy: Policy): void {
    const buckets = this.#bySubject.get(policy.subject.value) ?? new Map<string, Grant[]>();
    this.#bySubject.set(policy.subject.value, buckets);
    const grant: Grant = {
      policyId: policy.id,
      roleIds: policy.roleIds,
      actions: policy.roleIds.map((roleId) => ROLES.get(roleId)?.actions ?? new Set()),
      matches: matcherOf(policy.attributes, this.#parts.account),
      fromMs: this.#parts.clock.nowMs(),
      untilMs: Infinity,
    };
    const bucket = bucketOf(policy);
    buckets.set(bucket, [...this.#inEffect(buckets.get(bucket)), grant]);
  }

  remove(policy: Policy): void {
    const buckets = this.#bySubject.get(policy.subject.value);
    const grants = buckets?.get(bucketOf(policy));
    const nowMs = this.#parts.clock.nowMs();
    for (const grant of grants ?? []) {
      if (grant.policyId === policy.id) grant.untilMs = Math.min(grant.untilMs, nowMs);
    }
    buckets?.set(bucketOf(policy), this.#inEffect(grants));
  }

  /** Forgets all of a subject that is no more. */
  removeSubject(subject: string): void {
    this.#bySubject.delete(subject);
  }

  allow(subject: string, action: string, target: Target): boolean {
    const buckets = this.#bySubject.get(subject);
    if (!buckets) return false;
    const { resource } = target;
    return (
      this.#anyAllows(buckets.get(ANY_RESOURCE), action, target) ||
      (resource !== undefined && this.#anyAllows(buckets.get(resource), action, target))
    );
  }

  /** The roles that a subject has on a target which is no single resource. */
  rolesOn(subject: string, target: Omit<Target, 'resource'>): Set<string> {
    const effectMs = this.#effectMs();
    const grants = this.#bySubject.get(subject)?.get(ANY_RESOURCE) ?? [];
    const covering = grants.filter(
      ({ fromMs, untilMs, matches }) => fromMs <= effectMs && effectMs < untilMs && matches(target),
    );
    return new Set(covering.flatMap(({ roleIds }) => roleIds));
  }

  #anyAllows(grants: readonly Grant[] | undefined, action: string, target: Target): boolean {
    if (!grants) return false;
    const effectMs = this.#effectMs();
    return grants.some(
      ({ actions, matches, fromMs, untilMs }) =>
        fromMs <= effectMs &&
        effectMs < untilMs &&
        actions.some((included) => includesAction(included, action)) &&
        matches(target),
    );
  }

  #inEffect(grants: readonly Grant[] = []): Grant[] {
    const effectMs = this.#effectMs();
    return grants.filter(({ untilMs }) => effectMs < untilMs);
  }

  /** The moment whose policies are in effect now. */
  #effectMs(): number {
    return this.#parts.clock.nowMs() - this.#parts.switches.policyDelayMs;
  }
}

const bucketOf = ({ attributes }: Policy): string =>
  attributes.find(({ name, operator }) => name === 'resource' && operator === 'stringEquals')?.value ?? ANY_RESOURCE;
