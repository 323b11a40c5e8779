export interface PolicyAttribute {
  readonly name: string;
  readonly value: string;
  readonly operator: 'stringEquals' | 'stringMatch';
}

/** What a policy says. */
export interface PolicyTerms {
  readonly subject: { readonly name: 'iam_id' | 'access_group_id'; readonly value: string };
  readonly roleIds: readonly string[];
  readonly attributes: readonly PolicyAttribute[];
  readonly description: string | undefined;
}

/** An access policy. */
export interface Policy extends PolicyTerms {
  readonly id: string;
  readonly entityTag: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly modifiedAtMs: number;
  readonly modifiedBy: string;
  /** A deleted one grants nothing, and can be restored. */
  readonly state: 'active' | 'deleted';
}
