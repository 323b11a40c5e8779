import { DAY_MS } from '../keys/duration.ts';
import type { Manifest } from '../keys/manifest.ts';
import { sendable } from '../notices/notice.ts';
import type { Notice, NoticeType } from '../notices/notice.ts';
import { noticesOfRun, untold } from '../notices/of-run.ts';
import type { Told } from '../notices/of-run.ts';
import { sendNotices } from '../notices/send.ts';
import type { Sent } from '../notices/send.ts';
import type { Ports } from '../rotation/ports.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import { timeText } from '../rotation/record.ts';
import type { LedgerData } from './ledger-data.ts';
import { readLedger } from './ledger.ts';

/** What was told, to be written down. */
interface Telling {
  remembered: (ledger: LedgerData) => LedgerData;
}

/** What happened in this run and in no other. All else lasts, and whether it was told already only the ledger knows. */
const HAPPENED: readonly NoticeType[] = ['key.contained', 'key.replaced', 'key.rotated'];
const happened = ({ type }: Notice): boolean => HAPPENED.includes(type);

/** What the ledger needs to be written afterwards. */
const LEDGER_MS = 5_000;

/** Of what nobody could be told the latest are kept, and no longer than a day: a receiver may refuse them for ever. */
const MOST_UNDELIVERED = 20;
const UNDELIVERED_MS = DAY_MS;

/**
 * Tells what a run did to whoever wants to know. Never throws.
 * @param isLeading Tells also what earlier runs could tell nobody: of several shards at once one does.
 */
export async function tellOf(
  reports: readonly KeyReport[],
  isLeading: boolean,
  manifest: Manifest,
  ports: Ports,
): Promise<Telling> {
  const { clock, log, signal, deadlineMs, outward } = ports;
  const nowMs = clock.nowMs();
  const whose = { accountId: outward.accountId, manifest };
  const ledger = await readLedger(manifest, ports).catch((error: unknown) => {
    log.warn('ledger_not_read', 'without the ledger only what happened in this run is told', { error });
    return null;
  });
  const found = noticesOfRun(reports, ledger?.told ?? null, nowMs, whose);
  if (found.unsaidCount > 0)
    log.warn('notices_unsaid', `${found.unsaidCount} lasting states are not told, for too many are remembered`);
  const earlier = (isLeading && ledger?.undelivered) || [];
  const notices = [...earlier, ...found.notices];
  const disabled = new Set(Object.keys(ledger?.disabled_targets ?? {}));
  const { targets, login, http } = outward;
  const limits = { clock, signal, deadlineMs: Math.max(deadlineMs - LEDGER_MS, nowMs) };
  const sent = await sendNotices(notices, { ...limits, targets, log, http, login, disabled });
  const at = timeText(nowMs);
  const missed = undelivered(notices, sent);
  const isOurs = new Set(notices.map(({ id }) => id));
  const before = ledger?.told ?? {};
  const after = ledger ? untold(found, missed) : {};
  return {
    remembered: (latest) => ({
      ...latest,
      told: changed(latest.told, before, after),
      undelivered: [...latest.undelivered.filter(({ id }) => !isOurs.has(id)), ...missed.filter(happened)]
        .filter(({ atMs }) => atMs > nowMs - UNDELIVERED_MS)
        .map(sendable)
        .slice(-MOST_UNDELIVERED),
      disabled_targets: {
        ...Object.fromEntries(sent.nowDisabled.map((target) => [target, at])),
        ...latest.disabled_targets,
      },
    }),
  };
}

/** What was changed from `before` to `after`, in another one. Twice is the same as once: the ledger may be asked again. */
function changed(latest: Told, before: Told, after: Told): Told {
  const isGone = (entry: string) => entry in before && !(entry in after);
  const isNew = ([entry, at]: [string, string]) => before[entry] !== at;
  const kept = Object.entries(latest).filter(([entry]) => !isGone(entry));
  return Object.fromEntries([...kept, ...Object.entries(after).filter(isNew)]);
}

/** Told to nobody at all. */
function undelivered(notices: readonly Notice[], { delivered }: Sent): Notice[] {
  const reached = new Set(delivered.map(({ notice }) => notice.id));
  return notices.filter(({ id }) => !reached.has(id));
}
