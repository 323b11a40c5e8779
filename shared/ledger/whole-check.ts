import { Check } from '../findings/check.ts';
import { FindingCollector } from '../findings/collector.ts';
import type { CollectorOptions, ReportedFinding } from '../findings/collector.ts';
import { noticesOfCheck } from '../findings/check-notices.ts';
import type { CheckStatus, Severity } from '../findings/finding.ts';
import { RULES } from '../findings/rules.ts';
import type { RuleId } from '../keys/check-schema.ts';
import { DAY_MS } from '../keys/duration.ts';
import type { Manifest } from '../keys/manifest.ts';
import type { Inventory, InventoryVisitor, Unseen } from '../inventory/inventory.ts';
import { sendNotices } from '../notices/send.ts';
import type { Ports } from '../rotation/ports.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import { rotateAll } from '../rotation/rotate-all.ts';
import { withTimeKeptBack } from '../rotation/run.ts';
import { messageOf } from '../runtime/errors.ts';
import { QUIET_LOG } from '../runtime/quiet-log.ts';
import { checkRecordOf } from './check-record.ts';
import type { CheckRecord } from './ledger-data.ts';
import { changeLedger, lastRunMs, readLedger } from './ledger.ts';

export interface CheckOptions {
  /** Only say what is found: nothing is remembered, and nobody told. */
  dryRun: boolean;
  timerMs: number;
  keysAtOnce: number;
  /** Takes the inventory of the account. */
  inventory: (visitor: InventoryVisitor, ports: Ports) => Promise<Inventory>;
  /** Called for each finding, once, as it is found. */
  onFinding?: (finding: ReportedFinding) => void;
}

/** What a check of the account came to. */
export interface CheckReport {
  /** The worst severity that was found. */
  status: CheckStatus;
  checkedAt: string;
  /** How many findings there are, by severity and by rule. */
  bySeverity: Record<Severity, number>;
  byRule: Record<string, number>;
  /** How many of them are about something that Keyrota believes and that is not so, by rule. */
  drift: Record<string, number>;
  /** How many the check before this one did not have, and had and are gone; null where nothing is known of one. */
  newCount: number | null;
  resolvedCount: number | null;
  /** Findings that the manifest accepts. */
  acceptedCount: number;
  /** What is there. */
  keyCounts: Inventory['keyCounts'];
  secretCount: number;
  /** What could not be seen. */
  unseen: Unseen[];
  /** The worst first; of rules with many findings about keys of others only some. */
  findings: ReportedFinding[];
  /** Findings that are counted and not in `findings`. */
  cutCount: number;
}

/** More would not fit into an answer of 4 MB. */
const MOST_FINDINGS = 2_000;

/** What happened to the ledger before: what the last check wrote, that there was none, or that nobody knows. */
type Before = { kind: 'known'; check: CheckRecord } | { kind: 'none' } | { kind: 'unknown' };

/**
 * One check of the whole account: takes the inventory, looks at every entry as a run would, without changing anything, holds all of it
 * against the rules, tells people what is new, and remembers it. What cannot be seen is said.
 * @throws KeyrotaError when nothing at all could be done: no login.
 */
export async function wholeCheck(manifest: Manifest, options: CheckOptions, ports: Ports): Promise<CheckReport> {
  await ports.login();
  const { clock, log, outward } = ports;
  const nowMs = clock.nowMs();
  const unseen: Unseen[] = [];
  const before = await beforeOf(manifest, ports, unseen);
  const collector = new FindingCollector({
    policy: manifest.check,
    nowMs,
    before: hashesOf(before),
    onFinding: (finding) => {
      logFinding(finding, ports);
      options.onFinding?.(finding);
    },
  });
  const context = { manifest, accountId: outward.accountId, timerMs: options.timerMs, nowMs };
  const check = new Check(context, collector);
  const [inventory, reports, lastRun] = await withTimeKeptBack(ports, (early) =>
    Promise.all([
      options.inventory(check, early),
      lookAtAll(manifest, options, early, unseen),
      lastRunMs(manifest, early).catch(() => null),
    ]),
  );
  check.reports(reports);
  const lookedAt = new Set(reports.filter(({ outcome }) => outcome !== 'left').map(({ name }) => name));
  check.finish(inventory, lookedAt, lastRun);
  unseen.push(...inventory.unseen, ...ownersUnseen(manifest), ...timerUnseen(lastRun));
  for (const { what, code, why, next } of unseen) log.warn('not_seen', `${what}: ${why}`, { what, code, next });
  if (!options.dryRun) await tellAndRemember(manifest, collector, unseen, before, ports);
  return reportOf(collector, inventory, unseen, before, nowMs);
}

/** Without the ledger nobody knows what is new, so that nothing is told as news. */
async function beforeOf(manifest: Manifest, ports: Ports, unseen: Unseen[]): Promise<Before> {
  try {
    const { check } = await readLedger(manifest, ports);
    return check.at === '' ? { kind: 'none' } : { kind: 'known', check };
  } catch (error) {
    if (ports.signal.aborted) throw error;
    ports.log.warn('ledger_not_read', 'without the ledger nobody knows which findings are new', { error });
    unseen.push({ what: 'what is new', code: 'failed', why: messageOf(error), next: '' });
    return { kind: 'unknown' };
  }
}

function hashesOf(before: Before): CollectorOptions['before'] {
  if (before.kind === 'none') return null;
  if (before.kind === 'unknown') return { known: [], counts: EVERYTHING };
  return before.check;
}

/** Stands for counts that no check exceeds. */
const EVERYTHING: Readonly<Record<string, number>> = Object.fromEntries(
  Object.keys(RULES).map((rule) => [rule, Infinity]),
);

/** A look at each entry, the most urgent first: as far as the time lasts. */
async function lookAtAll(
  manifest: Manifest,
  { keysAtOnce }: CheckOptions,
  ports: Ports,
  unseen: Unseen[],
): Promise<readonly KeyReport[]> {
  const options = { only: null, force: false, dryRun: true, timerMs: DAY_MS, keysAtOnce };
  // What a look would say of each entry the findings say.
  const quiet = { ...ports, log: QUIET_LOG };
  try {
    const { keys } = await rotateAll(manifest, options, quiet);
    const left = keys.filter(({ outcome }) => outcome === 'left');
    if (left.length > 0) unseen.push(leftUnseen(left.map(({ name }) => name)));
    unseen.push(...keys.filter(isHidden).map(hiddenUnseen));
    return keys.filter((report) => !isHidden(report));
  } catch (error) {
    if (ports.signal.aborted) throw error;
    const next = 'Secrets Manager and IAM must answer, and Keyrota be allowed to list: the log tells more.';
    unseen.push({ what: 'the entries of the manifest', code: 'failed', why: messageOf(error), next });
    return [];
  }
}

/** What stands in the way of a look is a role of who looks: whether `rotate-keys` has it, that does not tell. */
const OWN_ROLES = new Set(['role_missing', 'grants_not_visible']);

const isHidden = ({ outcome, code }: KeyReport): boolean => outcome === 'ask' && OWN_ROLES.has(code ?? '');

const hiddenUnseen = ({ name, why, next }: KeyReport): Unseen => ({
  what: `how entry ${name} stands`,
  code: 'forbidden',
  why: `the check itself may not look at it: ${why}`,
  next: next.join(' '),
});

const SOME = 10;

function leftUnseen(names: readonly string[]): Unseen {
  const some = names.slice(0, SOME).join(', ');
  const more = names.length > SOME ? ` and ${names.length - SOME} more` : '';
  return {
    what: 'some entries of the manifest',
    code: 'no_time',
    why: `there was no time to look at ${some}${more}; of these only lists tell`,
    next: 'Give the check more time (KEYROTA_RUN_SECONDS) or more calls (KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND).',
  };
}

const ownersUnseen = ({ check }: Manifest): Unseen[] =>
  check.accountOwner !== null || check.rules['account-owner-key'] === 'off'
    ? []
    : [
        {
          what: 'keys of the owner of the account',
          code: 'not_told',
          why: 'no documented API tells who the owner is',
          next: 'Name the IAM id as `check.accountOwner` in the manifest, or say `check.rules: { account-owner-key: off }`.',
        },
      ];

const timerUnseen = (lastRun: number | null): Unseen[] =>
  lastRun === null
    ? [
        {
          what: 'whether the timer of rotate-keys runs',
          code: 'not_told',
          why: 'no run was noted yet',
          next: 'A run notes itself once there is a ledger, which this check makes: the next one tells.',
        },
      ]
    : [];

function logFinding({ rule, severity, entry, subject, why, next, isNew }: ReportedFinding, { log }: Ports): void {
  const level = severity === 'critical' || severity === 'high' ? 'warn' : 'info';
  const { controls } = RULES[rule as RuleId];
  log[level]('finding_reported', why, { rule, severity, key: entry, subject, isNew, steps: next, controls });
}

/** What the ledger needs to be written afterwards. */
const LEDGER_MS = 5_000;

/** Whatever goes wrong with that is a warning: the check was done, and its answer tells. */
async function tellAndRemember(
  manifest: Manifest,
  collector: FindingCollector,
  unseen: readonly Unseen[],
  before: Before,
  ports: Ports,
): Promise<void> {
  const { clock, log, signal, deadlineMs, outward } = ports;
  const nowMs = clock.nowMs();
  const { accountId, targets, login, http } = outward;
  const told = noticesOfCheck(collector.kept(), nowMs, { accountId, deployment: manifest.deployment });
  const untold = new Set<string>();
  if (targets.length > 0 && told.notices.length > 0) {
    const limits = { clock, signal, deadlineMs: Math.max(deadlineMs - LEDGER_MS, nowMs) };
    const { delivered } = await sendNotices(told.notices, {
      ...limits,
      targets,
      log,
      http,
      login,
      disabled: new Set(),
    });
    const reached = new Set(delivered.map(({ notice }) => notice.id));
    // What nobody could be told of is news again the next time.
    for (const { id } of told.notices) if (!reached.has(id)) for (const hash of told.tells[id] ?? []) untold.add(hash);
  }
  const known = before.kind === 'known' ? before.check : null;
  try {
    await changeLedger(manifest, ports, (ledger) => ({
      ...ledger,
      check: checkRecordOf(collector, unseen, untold, known, nowMs),
    }));
  } catch (error) {
    const message = `what was found could not be written into ${manifest.ledger.name}`;
    log.warn('ledger_not_written', message, { error });
  }
}

function reportOf(
  collector: FindingCollector,
  { keyCounts, secretCount }: Inventory,
  unseen: Unseen[],
  before: Before,
  nowMs: number,
): CheckReport {
  const { status, bySeverity, counts, newCount, resolvedCount, acceptedCount } = collector;
  const findings = collector.kept().slice(0, MOST_FINDINGS);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const drift = Object.entries(counts).filter(([rule]) => RULES[rule as RuleId].isDrift);
  const isKnown = before.kind !== 'unknown';
  return {
    status,
    checkedAt: new Date(nowMs).toISOString(),
    bySeverity,
    byRule: counts,
    drift: Object.fromEntries(drift),
    newCount: isKnown ? newCount : null,
    resolvedCount: isKnown ? resolvedCount : null,
    acceptedCount,
    keyCounts,
    secretCount,
    unseen,
    findings,
    cutCount: total - findings.length,
  };
}
