import type { Manifest } from '../keys/manifest.ts';
import { emptyLedger, withIncidents } from '../ledger/ledger-data.ts';
import type { Ports } from '../rotation/ports.ts';
import { timeOf, timeText } from '../rotation/record.ts';
import { ticksMs } from '../findings/entry-rules.ts';
import { SEVERITIES } from '../findings/finding.ts';
import { attentionOf } from './attention.ts';
import { CHECK_LATE_MS } from './attention-of-keyrota.ts';
import { STATES } from './fleet-data.ts';
import type { Attention, FleetData, IncidentRecord, KeyRow, LastTime, State, Status, Unseen } from './fleet-data.ts';
import { rowsOfFleet } from './fleet-rows.ts';
import { lookAtFleet } from './look.ts';
import type { Look } from './look.ts';
import { tableOf } from './row-table.ts';
import { wordsOf } from './rule-words.ts';

/** What the report is made with. */
export interface ReportOptions {
  /** How often the timer calls `rotate-keys`. */
  timerMs: number;
  /** How many keys are looked at at a time. */
  keysAtOnce: number;
}

/** The fleet as it stands now, with its rows as they are. */
export interface FleetReport extends Omit<FleetData, 'keys'> {
  rows: readonly KeyRow[];
}

/** Looks at the fleet, and says how it stands. Changes nothing, and never throws for what it cannot see. */
export async function reportOfFleet(manifest: Manifest, options: ReportOptions, ports: Ports): Promise<FleetReport> {
  const look = await lookAtFleet(manifest, options.keysAtOnce, ports);
  return told(manifest, look, options.timerMs, ports.clock.nowMs());
}

/** Pure. */
export function told(manifest: Manifest, look: Look, timerMs: number, nowMs: number): FleetReport {
  const rows = rowsOfFleet(manifest, look);
  const incidents = incidentsIn(look);
  const lastCheck = lastCheckIn(look);
  const unseen = [...look.unseen, ...(lastCheck.isKnown && lastCheck.at === null ? [UNCHECKED] : [])];
  const attention = attentionOf({ manifest, look, rows, incidents, unseen, timerMs });
  const check = look.ledger?.check ?? emptyLedger().check;
  const shown = fitting(attention);
  const rules = new Set([...Object.keys(check.counts), ...check.findings.map(({ rule }) => rule)]);
  return {
    deployment: manifest.deployment,
    generatedAt: timeText(nowMs),
    tookMs: nowMs - look.takenAtMs,
    ...headlineOf(attention, unseen, rows),
    attention: shown,
    attentionOmitted: attention.length - shown.length,
    unseen,
    lastRun: lastRunIn(look, timerMs),
    lastCheck,
    counts: countsOf(rows),
    rows,
    findings: {
      counts: check.counts,
      rules: Object.fromEntries([...rules].map((rule) => [rule, wordsOf(rule)])),
      listed: check.findings.toSorted(
        (one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity),
      ),
      unseen: check.unseen,
    },
    incidents,
  };
}

const UNCHECKED: Unseen = {
  what: 'the account beside the manifest',
  code: 'never_checked',
  why: 'no check of the account was made yet',
  next: 'check-expiry makes one every day: see whether it is there, and its timer.',
  isEssential: false,
};

/** What the ledger remembers, and what the looks have shown since: the latest first. */
function incidentsIn({ ledger, looks }: Look): IncidentRecord[] {
  const seen = [...looks.values()].flatMap((one) => (one.step ? one.incidents : []));
  return withIncidents(ledger ?? emptyLedger(), seen).incidents.toReversed();
}

function lastRunIn({ lastRunMs, takenAtMs }: Look, timerMs: number): LastTime {
  if (lastRunMs === null) return { at: null, isKnown: false, isLate: false };
  return { at: timeText(lastRunMs), isKnown: true, isLate: takenAtMs - lastRunMs > ticksMs(timerMs) };
}

function lastCheckIn({ ledger, takenAtMs }: Look): LastTime {
  const atMs = timeOf(ledger?.check.at ?? '');
  if (atMs === null) return { at: null, isKnown: ledger !== null, isLate: false };
  return { at: timeText(atMs), isKnown: true, isLate: takenAtMs - atMs > CHECK_LATE_MS };
}

function countsOf(rows: readonly KeyRow[]): Record<State, number> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>;
  for (const { state } of rows) counts[state] += 1;
  return counts;
}

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** Whether there is anything to do. What cannot be seen is never called well. */
function headlineOf(
  attention: readonly Attention[],
  unseen: readonly Unseen[],
  rows: readonly KeyRow[],
): { status: Status; headline: string } {
  const urgent = attention.filter(({ level }) => level !== 'watch');
  const blind = unseen.filter(({ isEssential }) => isEssential);
  const watched = attention.length - urgent.length;
  const doing = urgent.filter(({ what }) => what !== 'unseen').length;
  const blindness = blind.length === 0 ? '' : ` ${plural(blind.length, 'part')} of the whole could not be seen.`;
  if (doing > 0) {
    return { status: 'act', headline: `${plural(doing, 'thing needs', 'things need')} you now.${blindness}` };
  }
  if (blind.length > 0) {
    return { status: 'blind', headline: `Nobody can say whether you have to do anything.${blindness}` };
  }
  if (watched + unseen.length > 0) {
    const parts = [
      'You have to do nothing now.',
      ...(watched > 0 ? [`${plural(watched, 'thing')} to keep an eye on.`] : []),
      ...(unseen.length > 0 ? [`${plural(unseen.length, 'part')} could not be seen, none that matters now.`] : []),
    ];
    return { status: 'watch', headline: parts.join(' ') };
  }
  return {
    status: 'ok',
    headline: `You have to do nothing now. All of ${plural(rows.length, 'entry', 'entries')} are well.`,
  };
}

/** An answer of a function may have 5 MB; what is told of the fleet has no more than 4. */
const MOST_BYTES = 3_900_000;
const MOST_ATTENTION_BYTES = 400_000;

const bytesOf = (part: unknown): number => Buffer.byteLength(JSON.stringify(part)) + 1;

function fitting(attention: readonly Attention[]): Attention[] {
  let leftBytes = MOST_ATTENTION_BYTES;
  const firstTooMany = attention.findIndex((one) => (leftBytes -= bytesOf(one)) < 0);
  return firstTooMany < 0 ? [...attention] : attention.slice(0, firstTooMany);
}

/** The report as it travels to a reader. */
export function dataOf({ rows, ...rest }: FleetReport): FleetData {
  return { ...rest, keys: tableOf(rows, MOST_BYTES - bytesOf(rest)) };
}
