import type { CheckPolicyFile, RuleId } from './check-schema.ts';

/** What the daily check looks for, complete. All times in milliseconds. */
export interface CheckPolicy {
  maximumAgeMs: number;
  cryptoperiodMs: number;
  expiresWithinMs: number;
  unusedForMs: number;
  inactiveForMs: number;
  neverUsedForMs: number;
  lockoutWithinMs: number;
  secretAgeMs: number;
  quotaPercent: number;
  /** IAM id; null where nobody has told it. */
  accountOwner: string | null;
  /** Rules whose severity is not the standard one. */
  rules: CheckPolicyFile['rules'];
  accept: { rule: RuleId; subject: string; reason: string; untilMs: number }[];
}

export const checkPolicyOf = (file: CheckPolicyFile): CheckPolicy => ({
  maximumAgeMs: file.maximumAge,
  cryptoperiodMs: file.cryptoperiod,
  expiresWithinMs: file.expiresWithin,
  unusedForMs: file.unusedFor,
  inactiveForMs: file.inactiveFor,
  neverUsedForMs: file.neverUsedFor,
  lockoutWithinMs: file.lockoutWithin,
  secretAgeMs: file.secretAge,
  quotaPercent: file.quotaPercent,
  accountOwner: file.accountOwner ?? null,
  rules: file.rules,
  accept: file.accept.map(({ until, ...accepted }) => ({ ...accepted, untilMs: Date.parse(until) })),
});
