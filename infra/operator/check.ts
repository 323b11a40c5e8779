import { styleText } from 'node:util';
import { openInventory } from '../../shared/inventory/open-inventory.ts';
import { takeInventory } from '../../shared/inventory/take-inventory.ts';
import { SEVERITIES } from '../../shared/findings/finding.ts';
import type { CheckStatus, Severity } from '../../shared/findings/finding.ts';
import type { ReportedFinding } from '../../shared/findings/collector.ts';
import { wholeCheck } from '../../shared/ledger/whole-check.ts';
import type { CheckReport } from '../../shared/ledger/whole-check.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { escapeControls } from '../../shared/runtime/log.ts';
import { QUIET_LOG } from '../../shared/runtime/quiet-log.ts';
import { CHECK_EXIT } from './check-command.ts';
import type { CheckCommandOptions, CheckExitCode } from './check-command.ts';
import { withContext } from './context.ts';
import { openInventoryFile } from './inventory-file.ts';
import { print, printJson, tableOf } from './output.ts';
import { withProgress } from './progress.ts';

/** `check`: looks through the whole account. Changes nothing. */
export function checkCommand(options: CheckCommandOptions): Promise<CheckExitCode> {
  return withContext(options, async (context) => {
    const { settings, manifest } = context;
    const { timerMs, keysAtOnce } = settings;
    using list = options.inventory === undefined ? null : openInventoryFile(options.inventory);
    const inventory: Parameters<typeof wholeCheck>[1]['inventory'] = (visitor, ports) =>
      takeInventory(manifest, list ? list.copying(visitor) : visitor, openInventory(settings, ports));
    const wish = { dryRun: options.remember !== true, timerMs, keysAtOnce, inventory };
    // What its lines would say is printed below.
    const silent = { ...context, log: QUIET_LOG };
    const report = await withProgress({ what: 'checking the account', keyCount: null }, silent, (watched) =>
      withPorts({ ...watched, readOnly: true }, (ports) => wholeCheck(manifest, wish, ports)),
    );
    if (options.json) printJson(report);
    else printCheck(report, options.all ?? false);
    const isBelow = (status: CheckStatus) =>
      status === 'ok' || SEVERITIES.indexOf(status) > SEVERITIES.indexOf(options.failOn);
    return isBelow(report.status) ? CHECK_EXIT.ok : CHECK_EXIT[report.status];
  });
}

const COLOURS = { critical: 'red', high: 'magenta', medium: 'yellow', low: 'cyan' } as const satisfies Record<
  Severity,
  string
>;

/** Without --all so many are shown. */
const MOST_SHOWN = 25;

function printCheck(report: CheckReport, all: boolean): void {
  const { findings, unseen } = report;
  const shown = all ? findings : findings.slice(0, MOST_SHOWN);
  if (shown.length > 0) {
    const rows = shown.map(({ severity, rule, entry, why }) => [
      styleText(COLOURS[severity], severity),
      rule,
      entry ?? '',
      escapeControls(why),
    ]);
    print(tableOf(['severity', 'rule', 'entry', 'found'], 'found', rows));
    printSteps(shown);
  }
  const more = findings.length - shown.length + report.cutCount;
  if (more > 0) print(`\n${more} more${all ? ', of which only the log tells' : ': --all shows them'}.`);
  if (unseen.length > 0) {
    print('\nNot seen:');
    for (const { what, why, next } of unseen)
      print(`  ${escapeControls(`${what}: ${why}`)}${next === '' ? '' : `\n    ${escapeControls(next)}`}`);
  }
  print(`\n${headlineOf(report)}`);
}

/** The steps of the urgent ones: those of all others are in the log, in --json and in docs/check.md. */
function printSteps(findings: readonly ReportedFinding[]): void {
  const urgent = findings.filter(({ severity }) => severity === 'critical' || severity === 'high');
  for (const { rule, entry, subject, next } of urgent) {
    const steps = next.map((step) => `  ${escapeControls(step)}`);
    print(`\n${rule} ${escapeControls(entry ?? subject)}:\n${steps.join('\n')}`);
  }
}

function headlineOf({
  status,
  bySeverity,
  newCount,
  keyCounts,
  secretCount,
  acceptedCount,
  drift,
}: CheckReport): string {
  const keyCount = Object.values(keyCounts).reduce((sum, count) => sum + count, 0);
  const counts = SEVERITIES.map((severity) => `${bySeverity[severity]} ${severity}`).join(', ');
  const driftCount = Object.values(drift).reduce((sum, count) => sum + count, 0);
  const extra = [
    ...(newCount === null ? [] : [`${newCount} new`]),
    ...(driftCount > 0 ? [`${driftCount} drift`] : []),
    ...(acceptedCount > 0 ? [`${acceptedCount} accepted`] : []),
  ];
  const tail = extra.length === 0 ? '' : ` (${extra.join(', ')})`;
  return `${status}: ${counts}${tail}; ${keyCount} keys and ${secretCount} secrets looked at`;
}
