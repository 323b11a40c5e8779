import type { FindingCollector, ReportedFinding } from '../findings/collector.ts';
import type { Unseen } from '../inventory/inventory.ts';
import { timeText } from '../rotation/record.ts';
import { maskSecrets } from '../runtime/secret-value.ts';
import type { CheckRecord, FindingRecord } from './ledger-data.ts';

/** What findings may take of the ledger, whose value has an end. */
const MOST_BYTES = 120_000;
const MOST_FINDINGS = 300;
const LONGEST_TEXT = 500;
const MOST_STEPS = 4;
const MOST_UNSEEN = 30;

const short = (text: string): string => maskSecrets(text).slice(0, LONGEST_TEXT).toWellFormed();

/** What is remembered of a check: the worst findings, as many as there is room for, and the hashes of all. */
export function checkRecordOf(
  collector: FindingCollector,
  unseen: readonly Unseen[],
  untold: ReadonlySet<string>,
  before: CheckRecord | null,
  nowMs: number,
): CheckRecord {
  const firstSeen = new Map(before?.findings.map((one) => [`${one.rule} ${one.subject}`, one.first_seen]));
  const findings: FindingRecord[] = [];
  let leftBytes = MOST_BYTES;
  for (const finding of collector.kept().slice(0, MOST_FINDINGS)) {
    const record = recordOf(finding, firstSeen.get(`${finding.rule} ${finding.subject}`) ?? timeText(nowMs));
    leftBytes -= Buffer.byteLength(JSON.stringify(record)) + 1;
    if (leftBytes < 0) break;
    findings.push(record);
  }
  return {
    at: timeText(nowMs),
    counts: collector.counts,
    findings,
    unseen: unseen.slice(0, MOST_UNSEEN).map(({ what, why, next }) => short(sentences(`${what}: ${why}`, next))),
    known: collector.hashes(untold),
  };
}

const sentences = (...parts: string[]): string =>
  parts
    .filter((part) => part !== '')
    .map((part) => `${part.replace(/\.+$/, '')}.`)
    .join(' ');

function recordOf(finding: ReportedFinding, firstSeen: string): FindingRecord {
  const { rule, severity, entry, subject, name, owner, why, next, sinceMs } = finding;
  return {
    rule,
    severity,
    entry: entry ?? '',
    subject: short(subject),
    name: short(name),
    owner: short(owner),
    why: short(why),
    next: next.slice(0, MOST_STEPS).map(short),
    since: sinceMs === null ? '' : timeText(sinceMs),
    first_seen: firstSeen,
  };
}
