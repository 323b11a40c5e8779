import { ticksMs } from '../findings/entry-rules.ts';
import { titleOf } from './rule-words.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { timeOf, timeText } from '../rotation/record.ts';
import type { Attention, FindingRecord, IncidentRecord, KeyRow, Level, Unseen } from './fleet-data.ts';
import type { Look } from './look.ts';
import { item } from './attention-item.ts';
import { ofKeyrota } from './attention-of-keyrota.ts';
import { grouped } from './group-attention.ts';

/** All that it takes to say what a person has to do. */
interface Scene {
  manifest: Manifest;
  /** The same entries, by name. */
  keys: ReadonlyMap<string, ManagedKey>;
  look: Look;
  rows: readonly KeyRow[];
  incidents: readonly IncidentRecord[];
  unseen: readonly Unseen[];
  /** How often the timer calls `rotate-keys`. */
  timerMs: number;
}

const LEVELS: readonly Level[] = ['critical', 'high', 'watch'];

/** What a person has to do, or to keep an eye on, the most urgent first. Many things alike are one. Pure. */
export function attentionOf(given: Omit<Scene, 'keys'>): Attention[] {
  const scene: Scene = { ...given, keys: new Map(given.manifest.keys.map((key) => [key.name, key])) };
  const ofEntries = [...leaks(scene), ...scene.rows.flatMap((row) => ofRow(row, scene))];
  const all = [...ofEntries, ...ofFindings(scene, ofEntries), ...ofKeyrota(scene)];
  return grouped(all).toSorted(
    (one, other) =>
      LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level) ||
      (one.since ?? '9').localeCompare(other.since ?? '9') ||
      one.title.localeCompare(other.title),
  );
}

const explain = (name: string): string => `keyrota explain ${name}, which tells what keeps it`;

/** Leaks that are not dealt with. What only waits for the deletion of a key that is out of use and replaced, nobody has to do. */
function leaks({ incidents, keys, rows, look, timerMs }: Scene): Attention[] {
  const open = incidents.flatMap((one) => openLeak(one, keys.get(one.name), look.takenAtMs, timerMs));
  const told = new Set(incidents.flatMap((one) => (isOver(one) ? [] : one.name)));
  // Where the ledger tells nothing of it, the summary does.
  const others = rows.filter(({ name, compromisedAt }) => compromisedAt !== null && !told.has(name));
  return [...open, ...others.map((row) => leakInSummary(row))];
}

const isOver = ({ deleted_at, dismissed_at }: IncidentRecord): boolean => deleted_at !== '' || dismissed_at !== '';

function openLeak(incident: IncidentRecord, key: ManagedKey | undefined, nowMs: number, timerMs: number): Attention[] {
  const { name, key_id: keyId, contained_at, replaced_at, deleted_at, dismissed_at, reported_at } = incident;
  if (dismissed_at !== '') return [];
  const isOut = contained_at !== '' || deleted_at !== '';
  const isReplaced = replaced_at !== '' || key?.state !== 'active';
  if (isOut && isReplaced) return [];
  const missing = [...(isOut ? [] : ['is not out of use']), ...(isReplaced ? [] : ['is not replaced'])].join(', and ');
  const isUnderWay = isOut && nowMs - (timeOf(reported_at) ?? 0) <= ticksMs(timerMs);
  const next = key ? [`keyrota rotate ${name}`, explain(name)] : [`keyrota export ${incident.incident}`, PUT_OUT];
  return [
    item(name, {
      level: isUnderWay ? 'watch' : 'critical',
      what: 'leak',
      title: isUnderWay ? 'A leaked key is being replaced' : `A leaked key ${missing}`,
      why: `key ${keyId} leaked (${incident.incident}), and it ${missing} yet`,
      since: reported_at || null,
      next: isUnderWay ? ['Nothing yet: the next runs of rotate-keys replace it.'] : next,
    }),
  ];
}

const PUT_OUT = 'No entry manages that key: disable or delete it at its issuer, and replace it by hand.';

const leakInSummary = ({ name, keyId, compromisedAt }: KeyRow): Attention =>
  item(name, {
    level: 'critical',
    what: 'leak',
    title: 'A leaked key is not dealt with',
    why: `a key of ${name} leaked, as its summary says; key ${keyId} is current`,
    since: textOf(compromisedAt),
    next: [`keyrota rotate ${name}`, explain(name)],
  });

const textOf = (seconds: number | null): string | null => (seconds === null ? null : timeText(seconds * 1_000));

/** What the state of one entry calls for. */
function ofRow(row: KeyRow, scene: Scene): Attention[] {
  const { name, why, code, failures } = row;
  const since = textOf(row.since);
  const given = { since, code };
  if (row.deadSince !== null && row.compromisedAt === null) return [dead(row, scene)];
  switch (row.state) {
    case 'ask':
      return [
        item(name, {
          level: 'high',
          what: 'ask',
          title: 'Waits for a person',
          why,
          next: stepsOf(row, scene),
          ...given,
        }),
      ];
    case 'failed': {
      const text = failures > 0 ? `the last ${failures} mints failed. ${why}`.trim() : why;
      const next = [explain(name), 'The log of rotate-keys tells why, in the lines with this key.'];
      return [item(name, { level: 'high', what: 'failed', title: 'The work on it fails', why: text, next, ...given })];
    }
    case 'planned':
      return row.compromisedAt === null ? overdue(row, scene) : [];
    case 'hold':
      return heldTooLong(row, scene);
    case 'unseen':
    case 'rest':
    case 'keyless':
      return [];
    default:
      return row.state satisfies never;
  }
}

function dead({ name, keyId, deadSince, why }: KeyRow, { look, timerMs }: Scene): Attention {
  const isUnderWay = look.takenAtMs - (deadSince ?? 0) * 1_000 <= ticksMs(timerMs);
  return item(name, {
    level: isUnderWay ? 'watch' : 'critical',
    what: 'dead',
    title: isUnderWay ? 'A dead key is being replaced' : 'The current key is dead',
    why: `key ${keyId} does not work any more, and consumers that use it stand still. ${why}`.trim(),
    since: textOf(deadSince),
    next: isUnderWay
      ? ['Nothing yet: the next runs of rotate-keys replace it.']
      : [`keyrota rotate ${name}`, explain(name)],
  });
}

/** The steps as a look has them; else as the last check found them. */
function stepsOf({ name, code }: KeyRow, { look }: Scene): string[] {
  const step = look.looks.get(name)?.step;
  if (step?.step === 'ask' && step.code === code) return step.steps;
  const found = look.ledger?.check.findings.find(({ entry, rule }) => entry === name && ASKS.has(rule));
  return found?.next ?? [`keyrota plan ${name}, which tells the steps`];
}

const ASKS = new Set(['person-asked', 'policy-missing', 'quota-nearly-full', 'key-disabled', 'foreign-version']);

/** Whatever a run should have done by now. */
function overdue({ name, step, since, why }: KeyRow, { look, timerMs }: Scene): Attention[] {
  const isLate = since !== null && look.takenAtMs - since * 1_000 > ticksMs(timerMs);
  if (!isLate) return [];
  const isSeen = look.looks.get(name)?.step?.step === step;
  const text = `${step} should have been done by now${why === '' ? '' : `: ${why}`}`;
  const level = isSeen ? 'high' : 'watch';
  return [
    item(name, {
      level,
      what: 'overdue',
      title: 'Is overdue',
      why: text,
      next: [explain(name)],
      code: step,
      since: textOf(since),
    }),
  ];
}

function heldTooLong({ name, since, until, why, code }: KeyRow, { look, keys }: Scene): Attention[] {
  const atMostMs = keys.get(name)?.policy.hold.atMostMs ?? Infinity;
  const isLong = since !== null && look.takenAtMs - since * 1_000 > atMostMs;
  if (!isLong || (until !== null && until * 1_000 > look.takenAtMs)) return [];
  return [
    item(name, {
      level: 'watch',
      what: 'held',
      title: 'Has waited for long',
      why,
      next: [explain(name)],
      code,
      since: textOf(since),
    }),
  ];
}

/** What a look of today shows better than the check of yesterday did. */
const SEEN_LIVE = new Set([
  'foreign-version',
  'held-too-long',
  'key-disabled',
  'key-gone',
  'leak-open',
  'person-asked',
  'timer-late',
  'work-failed',
]);

/** The worst findings of the check. Those of an entry that is told of already go with that. */
function ofFindings({ look }: Scene, told: readonly Attention[]): Attention[] {
  const findings = (look.ledger?.check.findings ?? []).filter(
    ({ severity }) => severity === 'critical' || severity === 'high',
  );
  const byEntry = new Map(told.flatMap((one) => one.entries.map((name) => [name, one])));
  return findings.flatMap((found): Attention[] => {
    const isLive = found.rule === 'timer-late' || Boolean(look.looks.get(found.entry)?.step);
    if (SEEN_LIVE.has(found.rule) && isLive) return [];
    const other = byEntry.get(found.entry);
    if (!other) return [ofFinding(found)];
    if (!SEEN_LIVE.has(found.rule)) other.also.push(`${found.rule}: ${found.why}`);
    return [];
  });
}

const ofFinding = ({ rule, severity, entry, subject, name, why, next, since }: FindingRecord): Attention =>
  item(entry, {
    level: severity === 'critical' ? 'critical' : 'high',
    what: 'finding',
    title: titleOf(rule),
    why: `${name || subject}: ${why}`,
    next,
    code: rule,
    since: since || null,
  });
