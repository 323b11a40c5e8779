import type { Manifest } from '../keys/manifest.ts';
import type { Ports } from '../rotation/ports.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import { timeText } from '../rotation/record.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import { isLeading } from '../runtime/shard.ts';
import type { Shard } from '../runtime/shard.ts';
import { withDismissal, withIncidents } from './ledger-data.ts';
import type { LedgerData } from './ledger-data.ts';
import { changeLedger } from './ledger.ts';
import { tellOf } from './tell.ts';

/** What a run leaves to be remembered. */
export interface RunResult {
  keys: readonly KeyReport[];
  /** Leaks of keys that no entry manages, as whoever contained them tells. */
  unmanaged: readonly SeenIncident[];
  /** Whose run it was; null where there are no shards. */
  shard: Shard | null;
}

/**
 * Tells people and programs what the run did, and writes down what belongs to no single key, at most once a run. Whatever goes wrong with
 * that, no key is worse off: it is a warning. A run that is cut off in between tells the same again, by the same ids.
 */
export async function afterRun(result: RunResult, manifest: Manifest, ports: Ports): Promise<void> {
  const incidents = [...result.keys.flatMap(incidentsOf), ...result.unmanaged];
  const isTelling = ports.outward.targets.length > 0 && result.keys.length > 0;
  if (incidents.length === 0 && !isTelling) return;
  const tell = isTelling ? await tellOf(result.keys, isLeading(result.shard), manifest, ports) : null;
  await remember(manifest, ports, (ledger) => {
    const next = withIncidents(ledger, incidents);
    return tell ? tell.remembered(next) : next;
  });
}

/** Writes down that a report was false: a person has undone the containment of the key. `before`: what was seen of it until then. */
export async function afterDismissal(
  keyId: string,
  before: readonly SeenIncident[],
  manifest: Manifest,
  ports: Ports,
): Promise<void> {
  const at = timeText(ports.clock.nowMs());
  await remember(manifest, ports, (ledger) => withDismissal(withIncidents(ledger, before), keyId, at));
}

async function remember(manifest: Manifest, ports: Ports, change: (ledger: LedgerData) => LedgerData): Promise<void> {
  try {
    await changeLedger(manifest, ports, change);
  } catch (error) {
    const next = error instanceof KeyrotaError && error.next !== '' ? `. ${error.next}` : '';
    const message = `what was found could not be written into ${manifest.ledger.name}${next}`;
    ports.log.warn('ledger_not_written', message, { error });
  }
}

/** A run may have moved locks of consumers: that is seen in its steps alone. */
function incidentsOf({ incidents = [], steps }: KeyReport): SeenIncident[] {
  const movedLocks = [...new Set(steps.flatMap((step) => step.movedLocks ?? []))];
  return incidents.map((one) => (movedLocks.length === 0 ? one : { ...one, movedLocks }));
}
