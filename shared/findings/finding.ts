/** How much a finding matters, the worst first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The worst severity of a check, or that there is nothing. */
export type CheckStatus = Severity | 'ok';

/** Something that a person should know of, and what to do about it. Never holds a value. */
export interface Finding {
  /** Id of the rule: a stable word such as `key-too-old`. */
  rule: string;
  severity: Severity;
  /** Name of the entry in the manifest; null where no entry is concerned. */
  entry: string | null;
  /** Id of the key, secret, identity or setting that it is about. */
  subject: string;
  /** What people call it; empty where it has no name. */
  name: string;
  /** Who it belongs to; empty where nobody. */
  owner: string;
  /** What was found, as a sentence with its figures. */
  why: string;
  /** The exact steps for a person. */
  next: string[];
  /** Since when it is so, in epoch milliseconds; null where nothing tells. */
  sinceMs: number | null;
}

/** Tells one finding from all others, and is the same every time it is found. */
export const fingerprintOf = ({ rule, subject }: Pick<Finding, 'rule' | 'subject'>): string => `${rule} ${subject}`;

/** The worst of them. */
export function statusOf(findings: Iterable<Pick<Finding, 'severity'>>): CheckStatus {
  const found = new Set([...findings].map(({ severity }) => severity));
  return SEVERITIES.find((severity) => found.has(severity)) ?? 'ok';
}
