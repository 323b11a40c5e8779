import * as z from 'zod';
import type { StoredSecret } from '../clients/secret-store.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import { withTimeLimit } from '../runtime/clock.ts';
import type { Ports } from './ports.ts';

/** On the secret of the ledger, beside its own mark: when a run of `rotate-keys` last looked at the keys. */
const FIELD = 'keyrota-run';

const RunMark = z.object({ at: z.iso.datetime() });

/** What marks the secret of a ledger, and whose it is. */
export const LEDGER_MARK = 'keyrota-ledger';

const LedgerMark = z.object({ deployment: z.string() });

/** The deployment whose ledger that is; null for a secret that is none. */
export const ledgerOf = (metadata: Readonly<Record<string, unknown>>): string | null =>
  LedgerMark.safeParse(metadata[LEDGER_MARK]).data?.deployment ?? null;

/** When a run was last noted, in epoch milliseconds; null where none was, or it cannot be read. */
export function readRunMark(metadata: Readonly<Record<string, unknown>>): number | null {
  const { data } = RunMark.safeParse(metadata[FIELD]);
  return data ? Date.parse(data.at) : null;
}

/** The metadata with the mark of a run; all else in it stays. */
const withRunMark = (metadata: Readonly<Record<string, unknown>>, atMs: number): Record<string, unknown> => ({
  ...metadata,
  [FIELD]: { at: new Date(atMs).toISOString() },
});

/** A run is noted when the note before it is older than this, so that a timer that calls every minute does not write every minute. */
const NOTE_EVERY_MS = 10 * MINUTE_MS;

/** What that may take: it is done beside the work, and the run does not end before. */
const NOTING_MS = 5_000;

/**
 * Notes on the ledger's secret that a run has come so far as to list its secrets: whoever looks later sees that the timer calls. The
 * last writer wins, whose note is as good; what else stands there is as the list showed it a moment ago. Never throws.
 */
export async function noteRun({ id, custom_metadata: metadata }: StoredSecret, ports: Ports): Promise<void> {
  const { clock, secrets, signal, log } = ports;
  const nowMs = clock.nowMs();
  const lastMs = readRunMark(metadata);
  if (lastMs !== null && lastMs <= nowMs && nowMs - lastMs < NOTE_EVERY_MS) return;
  try {
    await withTimeLimit(clock, NOTING_MS, signal, (limit) =>
      secrets.writeMetadata(id, withRunMark(metadata, nowMs), limit),
    );
  } catch (error) {
    log.debug('run_not_noted', 'that this run looked at the keys could not be noted', { error });
  }
}
