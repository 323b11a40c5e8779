import { createHash } from 'node:crypto';
import type { CheckPolicy } from '../keys/check-policy.ts';
import type { RuleId } from '../keys/check-schema.ts';
import { SEVERITIES, fingerprintOf, statusOf } from './finding.ts';
import type { CheckStatus, Finding, Severity } from './finding.ts';

const rank = ({ severity }: Finding): number => SEVERITIES.indexOf(severity);

/** A finding as it is reported. */
export interface ReportedFinding extends Finding {
  /** The check before this one did not have it. */
  isNew: boolean;
}

/** So many findings of a rule are kept whole that are about no entry; more are counted, and their lines are in the log. */
const MOST_PER_RULE = 100;

/** So many findings are known by their hashes: beyond them a rule's number tells whether there are more than there were. */
export const MOST_KNOWN = 5_000;

/** Eight characters for each finding. Two that have the same by chance hide a new one behind an old one: at 5,000, once in 10^7 checks. */
export const hashOf = (finding: Finding): string =>
  createHash('sha256').update(fingerprintOf(finding)).digest('base64url').slice(0, 8);

export interface CollectorOptions {
  policy: CheckPolicy;
  nowMs: number;
  /** Hashes of what the check before this one found, and how many of each rule; null where there was none, or nothing is known of it. */
  before: { known: readonly string[]; counts: Readonly<Record<string, number>> } | null;
  /** Called for each finding, once. */
  onFinding: (finding: ReportedFinding) => void;
}

/**
 * Takes findings as they come, gives them the severity that the manifest wants, leaves out what it accepts, and keeps what a report can
 * show: those about entries, some of each rule about others, and of all the rest a short hash.
 */
export class FindingCollector {
  readonly #options: CollectorOptions;
  readonly #known: ReadonlySet<string>;
  readonly #found = new Set<string>();
  readonly #kept = new Map<string, { all: ReportedFinding[]; otherCount: number }>();
  readonly #severities = new Map<Severity, number>();
  readonly counts: Record<string, number> = {};
  acceptedCount = 0;
  newCount = 0;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#known = new Set(options.before?.known);
  }

  add(findings: Iterable<Finding>): void {
    for (const finding of findings) this.#addOne(finding);
  }

  #addOne(given: Finding): void {
    const { policy, nowMs, onFinding } = this.#options;
    const wanted = policy.rules[given.rule as RuleId] ?? given.severity;
    if (wanted === 'off') return;
    const hash = hashOf(given);
    if (this.#found.has(hash)) return; // two ways to see the same
    const isAccepted = policy.accept.some(
      ({ rule, subject, untilMs }) => rule === given.rule && subject === given.subject && nowMs < untilMs,
    );
    if (isAccepted) {
      this.acceptedCount += 1;
      return;
    }
    const found: ReportedFinding = { ...given, severity: wanted, isNew: this.#isNew(given.rule, hash) };
    this.#found.add(hash);
    this.counts[found.rule] = (this.counts[found.rule] ?? 0) + 1;
    this.#severities.set(found.severity, (this.#severities.get(found.severity) ?? 0) + 1);
    if (found.isNew) this.newCount += 1;
    this.#keep(found);
    onFinding(found);
  }

  /** What does not fit among the known hashes is new only where there are more of its rule than there were. */
  #isNew(rule: string, hash: string): boolean {
    const { before } = this.#options;
    if (!before || this.#known.has(hash)) return before === null;
    const isWhole = before.known.length < MOST_KNOWN;
    return isWhole || (this.counts[rule] ?? 0) >= (before.counts[rule] ?? 0);
  }

  #keep(found: ReportedFinding): void {
    const kept = this.#kept.get(found.rule) ?? { all: [], otherCount: 0 };
    this.#kept.set(found.rule, kept);
    if (found.entry === null) kept.otherCount += 1;
    if (found.entry !== null || kept.otherCount <= MOST_PER_RULE) kept.all.push(found);
  }

  /** How many there are of each severity. */
  get bySeverity(): Record<Severity, number> {
    const of = (severity: Severity) => this.#severities.get(severity) ?? 0;
    return { critical: of('critical'), high: of('high'), medium: of('medium'), low: of('low') };
  }

  get status(): CheckStatus {
    return statusOf([...this.#severities.keys()].map((severity) => ({ severity })));
  }

  /** Findings of the check before that are not there any more, as far as they are known. */
  get resolvedCount(): number {
    return [...this.#known].filter((hash) => !this.#found.has(hash)).length;
  }

  /** What is kept, the worst first, then in the order in which it was found. */
  kept(): ReportedFinding[] {
    return [...this.#kept.values()].flatMap(({ all }) => all).toSorted((one, other) => rank(one) - rank(other));
  }

  /** The hashes to be remembered: of what is kept first. */
  hashes(except: ReadonlySet<string>): string[] {
    const first = this.kept().map(hashOf);
    return [...new Set([...first, ...this.#found])].filter((hash) => !except.has(hash)).slice(0, MOST_KNOWN);
  }
}
