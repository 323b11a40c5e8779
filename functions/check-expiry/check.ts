import { takeInventory } from '../../shared/inventory/take-inventory.ts';
import { openInventory } from '../../shared/inventory/open-inventory.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import { wholeCheck } from '../../shared/ledger/whole-check.ts';
import type { CheckReport } from '../../shared/ledger/whole-check.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { CheckRequest } from './schema.ts';

/** The answer of a check. Without a token it has neither findings nor what could not be seen. */
export interface CheckAnswer extends Omit<CheckReport, 'findings' | 'unseen'> {
  runId: string;
  dryRun: boolean;
  tookMs: number;
  unseenCount: number;
  findings?: CheckReport['findings'];
  unseen?: CheckReport['unseen'];
}

interface CheckContext extends Omit<RunContext, 'manifest'> {
  runId: string;
  /** The caller may see what was found. */
  isToldAll: boolean;
}

/**
 * Checks the account once, by the manifest that the settings or the build give.
 * @throws what reading the manifest throws; KeyrotaError where nothing at all could be done.
 */
export async function check({ dryRun }: CheckRequest, context: CheckContext): Promise<CheckAnswer> {
  const { runId, isToldAll, settings, clock, log } = context;
  const manifest = readManifest(settings);
  const startMs = clock.nowMs();
  log.info('check_started', 'checking the account', { keyCount: manifest.keys.length, dryRun });
  const { timerMs, keysAtOnce } = settings;
  const inventory: Parameters<typeof wholeCheck>[1]['inventory'] = (visitor, ports) =>
    takeInventory(manifest, visitor, openInventory(settings, ports));
  // What is looked at is not changed; the ledger is written all the same.
  const report = await withPorts({ settings, manifest, clock, log, readOnly: true }, (ports) =>
    wholeCheck(manifest, { dryRun, timerMs, keysAtOnce, inventory }, ports),
  );
  const { findings, unseen, ...numbers } = report;
  const tookMs = clock.nowMs() - startMs;
  const isBad = report.status === 'critical' || report.status === 'high';
  log[isBad ? 'warn' : 'info']('check_finished', messageOf(report), {
    severity: report.status,
    bySeverity: report.bySeverity,
    newCount: report.newCount,
    unseenCount: unseen.length,
    tookMs,
  });
  const told = isToldAll ? { findings, unseen } : {};
  return { runId, dryRun, tookMs, ...numbers, unseenCount: unseen.length, ...told };
}

function messageOf({ bySeverity, keyCounts, secretCount }: CheckReport): string {
  const keyCount = Object.values(keyCounts).reduce((sum, count) => sum + count, 0);
  const found = Object.entries(bySeverity).map(([severity, count]) => `${count} ${severity}`);
  return `checked ${keyCount} keys and ${secretCount} secrets: ${found.join(', ')}`;
}
