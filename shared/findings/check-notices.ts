import { groupAlike } from '../notices/alike.ts';
import { noticeId } from '../notices/notice.ts';
import type { Notice } from '../notices/notice.ts';
import { hashOf } from './collector.ts';
import type { ReportedFinding } from './collector.ts';
import { RULES } from './rules.ts';
import type { RuleId } from '../keys/check-schema.ts';

/** Whose check it was. */
export interface CheckedInstallation {
  accountId: string;
  deployment: string;
}

export interface CheckNotices {
  notices: Notice[];
  /** Hashes of the findings that each notice tells, by its id. */
  tells: Readonly<Record<string, readonly string[]>>;
}

/** A notice for each finding that is new; many of one rule and severity become one. Pure. */
export function noticesOfCheck(
  findings: readonly ReportedFinding[],
  nowMs: number,
  { accountId, deployment }: CheckedInstallation,
): CheckNotices {
  const fresh = findings.filter(({ isNew }) => isNew);
  const tells = new Map<string, string[]>();
  const notices = fresh.map((finding): Notice => {
    const { rule, severity, entry, subject, name, owner, why, next } = finding;
    const day = new Date(nowMs).toISOString().slice(0, 10);
    const id = noticeId(deployment, 'check.found', rule, subject, day);
    tells.set(id, [hashOf(finding)]);
    const { controls } = RULES[rule as RuleId];
    return {
      type: 'check.found',
      id,
      atMs: nowMs,
      deployment,
      name: entry,
      keyId: entry === null ? subject : null,
      incident: null,
      why: `${RULES[rule as RuleId].title}: ${why}`,
      next,
      details: { account: accountId, code: rule, severity, subject, called: name, owner, controls },
    };
  });
  return groupAlike(notices, tells);
}
