import { DAY_MS, MINUTE_MS } from '../keys/duration.ts';
import type { RuleId } from '../keys/check-schema.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { AccountSecret } from '../inventory/inventory.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import { timeOf } from '../rotation/record.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import type { Finding, Severity } from './finding.ts';
import { RULES } from './rules.ts';
import { spanText } from './words.ts';

/** A finding about an entry. */
function about(
  { name, owner }: Pick<ManagedKey, 'name' | 'owner'>,
  rule: RuleId,
  found: Pick<Finding, 'why' | 'next'> & Partial<Pick<Finding, 'severity' | 'sinceMs' | 'subject'>>,
): Finding {
  return { rule, severity: RULES[rule].severity, entry: name, subject: name, name, owner, sinceMs: null, ...found };
}

/** Rules that speak for what a person is asked; all else is `person-asked`. */
const RULE_OF_CODE: Readonly<Record<string, RuleId>> = {
  foreign_version: 'foreign-version',
  held_too_long: 'held-too-long',
  grant_missing: 'policy-missing',
  key_limit_reached: 'quota-nearly-full',
  disabled_by_others: 'key-disabled',
};

/** How long a step may have been possible before its not being taken says that nobody takes it: two ticks may be lost. */
export const ticksMs = (timerMs: number): number => 3 * timerMs + 10 * MINUTE_MS;

/** What there is to say of an entry by how a look without changes left it. Pure. */
export function findingsOfReport(key: ManagedKey, report: KeyReport, nowMs: number): Finding[] {
  const state = findingOfState(key, report, nowMs);
  return [...(report.incidents ?? []).flatMap((one) => leakOpen(key, one)), ...(state ? [state] : [])];
}

function findingOfState(key: ManagedKey, report: KeyReport, nowMs: number): Finding | null {
  const { outcome, why, code, next } = report;
  const sinceMs = report.since === null ? null : timeOf(report.since);
  const explain = `keyrota explain ${key.name}, which tells how it stands`;
  switch (outcome) {
    case 'ask': {
      const rule = RULE_OF_CODE[code ?? ''] ?? 'person-asked';
      const severity: Severity | null = rule === 'quota-nearly-full' ? 'high' : null;
      return about(key, rule, {
        why,
        next: next.length > 0 ? next : [explain],
        sinceMs,
        ...(severity && { severity }),
      });
    }
    case 'failed':
      return about(key, 'work-failed', { why: `the look failed: ${why}`, next: [explain], sinceMs });
    case 'hold': {
      const endsByItself = report.until !== null && (timeOf(report.until) ?? 0) > nowMs;
      const isLong = sinceMs !== null && nowMs - sinceMs > key.policy.hold.atMostMs;
      if (endsByItself || !isLong) return null;
      const text = `${why}; it has waited for ${spanText(nowMs - sinceMs)}`;
      return about(key, 'held-too-long', { why: text, next: [explain], sinceMs });
    }
    case 'planned':
      return deadKey(key, report);
    case 'rest':
    case 'left':
      return null;
    default:
      return outcome satisfies never;
  }
}

/** The current key was found dead, and the next run replaces it. */
function deadKey(key: ManagedKey, { steps, why }: KeyReport): Finding | null {
  const reasons = steps.flatMap(({ step, reason }) => (step === 'mint' && reason ? [reason] : []));
  const soon = `Keyrota replaces it at its next tick: keyrota explain ${key.name}`;
  if (reasons.includes('disabled')) {
    const next = ['Find out who disabled it, and why: its history at the issuer tells.', soon];
    return about(key, 'key-disabled', { why, next });
  }
  if (reasons.includes('lost')) return about(key, 'key-gone', { why, next: [soon] });
  return null;
}

function leakOpen(key: ManagedKey, incident: SeenIncident): Finding[] {
  const { keyId, containedAt, replacedBy, deletedAt, reportedAt } = incident;
  const missing = [
    ...(containedAt === '' ? ['is not out of use'] : []),
    ...(replacedBy === '' && key.state === 'active' ? ['is not replaced'] : []),
    ...(deletedAt === '' ? ['is not deleted'] : []),
  ];
  if (missing.length === 0) return [];
  const why = `key ${keyId} leaked (${incident.incident}), and ${missing.join(', ')} yet`;
  const isHarmless = missing.length === 1 && deletedAt === '';
  const next = isHarmless
    ? ['Nothing, while the timer of rotate-keys runs: it deletes the key.']
    : [`keyrota rotate ${key.name}`, `keyrota explain ${key.name}, which tells what keeps it`];
  const severity = isHarmless ? 'medium' : 'critical';
  return [about(key, 'leak-open', { why, next, subject: keyId, severity, sinceMs: timeOf(reportedAt) })];
}

/** How soon the end of a secret matters most. */
const NEXT_WEEK_MS = 7 * DAY_MS;

/** So many mints may fail before a person should know: most pass by themselves. */
const FAILURES_TOLD = 2;

/** What there is to say of the secret of an entry by what the list of all secrets tells. Pure. */
export function findingsOfOwnSecret(key: ManagedKey, secret: AccountSecret, nowMs: number): Finding[] {
  const { id, name, expiresAtMs, summary } = secret;
  const found: Finding[] = [];
  if (expiresAtMs !== null && key.state === 'active') {
    const severity = expiresAtMs - nowMs <= NEXT_WEEK_MS ? 'critical' : 'high';
    const why = `secret ${name} ends ${new Date(expiresAtMs).toISOString()}, and its value with it`;
    const next = [`Take the end away: PATCH /api/v2/secrets/${id}/metadata with {"expiration_date": null}`];
    found.push(about(key, 'secret-expires', { why, next, subject: id, severity }));
  }
  if (summary && summary.failures >= FAILURES_TOLD) {
    const why = `the last ${summary.failures} mints failed; the next one comes ${summary.not_before || 'now'}`;
    const next = [`keyrota explain ${key.name}`, 'The log tells why: event mint_failed or person_asked of this key.'];
    found.push(about(key, 'work-failed', { why, next, sinceMs: timeOf(summary.failed_at) }));
  }
  return found;
}

/** A secret of this installation whose entry is not in the manifest any more. */
export function entryGone(name: string, secret: AccountSecret): Finding {
  const why = `secret ${secret.name} is one of entry ${name}, which is not in the manifest`;
  const next = [
    `If its key is still needed: put entry ${name} back, or name it in \`formerly\` of the entry that follows it.`,
    `If not: put it back with \`state: retired\`, and take it out once everything of it is gone.`,
  ];
  return { ...about({ name, owner: '' }, 'entry-gone', { why, next, subject: secret.id }), entry: null };
}

/** A secret of others that was not changed for long. */
export function secretTooOld(secret: AccountSecret, secretAgeMs: number, nowMs: number): Finding | null {
  const { id, name, groupId, type, updatedAtMs, isLabelled } = secret;
  const holdsCredential = type === 'arbitrary' || type === 'username_password';
  if (!holdsCredential || isLabelled || updatedAtMs === null || nowMs - updatedAtMs <= secretAgeMs) return null;
  const why = `secret ${name} of group ${groupId} was last changed ${spanText(nowMs - updatedAtMs)} ago`;
  const next = [
    'If it holds an API key: have Keyrota rotate it, by an entry in the manifest.',
    `Otherwise change what it holds: ibmcloud secrets-manager secret-version-create --secret-id ${id}`,
  ];
  const sinceMs = updatedAtMs + secretAgeMs;
  const severity = RULES['secret-too-old'].severity;
  return { rule: 'secret-too-old', severity, entry: null, subject: id, name, owner: '', why, next, sinceMs };
}
