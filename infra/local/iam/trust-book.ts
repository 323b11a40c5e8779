import type { CloudParts } from '../parts.ts';
import { satisfies } from './claim-rules.ts';
import type { ClaimRule } from './claim-rules.ts';
import type { ComputeResource } from './compute-resources.ts';
import { nextTag } from './entities.ts';
import { limitReached, taken } from './identity-errors.ts';

/** Lets one component of a Code Engine project log in as a trusted profile. */
export interface ProfileLink {
  readonly id: string;
  readonly entityTag: string;
  readonly createdAtMs: number;
  readonly name: string;
  readonly isCrossAccount: boolean | undefined;
  readonly resource: ComputeResource;
}

export type NewLink = Pick<ProfileLink, 'name' | 'isCrossAccount' | 'resource'>;
export type NewRule = Pick<ClaimRule, 'name' | 'conditions'>;

/** docs/iam, "IAM limits": dynamic rules of one trusted profile. */
export const RULES_PER_PROFILE = 20;

/** Which compute resources may log in as which trusted profile: by a link to one, or by a rule on their claims. */
export class TrustBook {
  readonly #parts: CloudParts;
  readonly #links = new Map<string, readonly ProfileLink[]>();
  readonly #rules = new Map<string, readonly ClaimRule[]>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
  }

  linksOf(profileId: string): readonly ProfileLink[] {
    return this.#links.get(profileId) ?? [];
  }

  rulesOf(profileId: string): readonly ClaimRule[] {
    return this.#rules.get(profileId) ?? [];
  }

  /** Throws 409 when the profile has a link to that component. */
  addLink(profileId: string, input: NewLink): ProfileLink {
    if (this.linkTo(profileId, input.resource)) throw taken('link');
    const link = { ...this.#begin('link'), ...input };
    this.#links.set(profileId, [...this.linksOf(profileId), link]);
    return link;
  }

  removeLink(profileId: string, linkId: string): void {
    this.#links.set(profileId, without(this.linksOf(profileId), linkId));
  }

  /** The link that names exactly this component. */
  linkTo(profileId: string, resource: ComputeResource): ProfileLink | undefined {
    return this.linksOf(profileId).find(
      ({ resource: { crn, componentType, componentName } }) =>
        crn === resource.crn && componentType === resource.componentType && componentName === resource.componentName,
    );
  }

  /** Throws 422 when the profile has as many as it can. */
  addRule(profileId: string, input: NewRule): ClaimRule {
    const rules = this.rulesOf(profileId);
    if (rules.length >= RULES_PER_PROFILE) {
      throw limitReached('', 'The limit of supported claim rules is reached', RULES_PER_PROFILE);
    }
    const begun = this.#begin('ClaimRule');
    const rule = { ...begun, modifiedAtMs: begun.createdAtMs, ...input };
    this.#rules.set(profileId, [...rules, rule]);
    return rule;
  }

  reviseRule(profileId: string, rule: ClaimRule, change: NewRule): ClaimRule {
    const entityTag = nextTag(this.#parts, rule.entityTag);
    const revised = { ...rule, ...change, entityTag, modifiedAtMs: this.#parts.clock.nowMs() };
    const rules = this.rulesOf(profileId).map((one) => (one.id === rule.id ? revised : one));
    this.#rules.set(profileId, rules);
    return revised;
  }

  removeRule(profileId: string, ruleId: string): void {
    this.#rules.set(profileId, without(this.rulesOf(profileId), ruleId));
  }

  /** Whether a link or a rule of the profile lets this component in. */
  trusts(profileId: string, resource: ComputeResource): boolean {
    if (this.linkTo(profileId, resource)) return true;
    return this.rulesOf(profileId).some((rule) => satisfies(rule, resource, this.#parts.account));
  }

  /** Forgets all of a profile that is no more. */
  removeProfile(profileId: string): void {
    this.#links.delete(profileId);
    this.#rules.delete(profileId);
  }

  #begin(prefix: string) {
    const { random, clock } = this.#parts;
    return { id: `${prefix}-${random.uuid()}`, entityTag: nextTag(this.#parts), createdAtMs: clock.nowMs() };
  }
}

const without = <T extends { readonly id: string }>(items: readonly T[], id: string): readonly T[] =>
  items.filter((item) => item.id !== id);
