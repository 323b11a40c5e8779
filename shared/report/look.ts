import { ApiError, isApiError } from '../clients/api-error.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { lastRunMs, readLedger } from '../ledger/ledger.ts';
import type { LedgerData } from '../ledger/ledger-data.ts';
import type { Ports } from '../rotation/ports.ts';
import type { Summary } from '../rotation/record.ts';
import { survey } from '../rotation/survey.ts';
import { KeyrotaError, messageOf } from '../runtime/errors.ts';
import type { Unseen } from './fleet-data.ts';
import { lookAtKeys } from './key-looks.ts';
import type { KeyLook } from './key-looks.ts';

/** The fleet as it was seen, with all that could not be seen. */
export interface Look {
  takenAtMs: number;
  /** By name. An entry that is not in it has no secret of ours, or the list was not read to its end. */
  summaries: ReadonlyMap<string, Summary | null>;
  isListWhole: boolean;
  /** By name, of all entries that are worth a look. */
  looks: ReadonlyMap<string, KeyLook>;
  /** Managed by this installation once, and not in the manifest any more. */
  unlisted: readonly string[];
  /** Null where it could not be read. */
  ledger: LedgerData | null;
  /** Null where no run was noted, or that could not be read. */
  lastRunMs: number | null;
  unseen: readonly Unseen[];
}

/**
 * As if a timer called so seldom that each key which is being retired, and the list of the account, had their turn: both have it once
 * an hour, for the time of two ticks.
 */
const TIMER_MS = 30 * 60_000;

/** What is being gathered. */
interface Found extends Omit<Look, 'takenAtMs'> {
  summaries: Map<string, Summary | null>;
  unseen: Unseen[];
}

/**
 * Looks at all that the report tells, changes nothing, and ends with the run's time. Never throws: whatever cannot be seen is said.
 * Keys that rest are not looked at: their summaries tell how they stand.
 */
export async function lookAtFleet(manifest: Manifest, keysAtOnce: number, ports: Ports): Promise<Look> {
  const takenAtMs = ports.clock.nowMs();
  const found: Found = {
    summaries: new Map(),
    isListWhole: false,
    looks: new Map(),
    unlisted: [],
    ledger: null,
    lastRunMs: null,
    unseen: [],
  };
  const isIn = await attempt('the account', () => ports.login(), found);
  if (isIn) {
    await Promise.all([
      attempt('the keys', () => surveyKeys(manifest, keysAtOnce, found, ports), found),
      attempt('the ledger', () => readTheLedger(manifest, found, ports), found),
    ]);
    noteEmptiness(manifest, found);
  }
  return { takenAtMs, ...found };
}

/** Whether that went well; where not, it is written down. */
async function attempt(what: string, work: () => Promise<void>, found: Found): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const code = error instanceof KeyrotaError ? error.code : 'unexpected';
    found.unseen.push({ what, code, why: messageOf(error), next: nextAfter(error), isEssential: true });
    return false;
  }
}

function nextAfter(error: unknown): string {
  if (isApiError(error, 'forbidden')) return 'Give the profile of show-report the roles that docs/report.md lists.';
  if (error instanceof KeyrotaError && error.next !== '') return error.next;
  if (error instanceof ApiError) return 'Look again in a minute. If it stays so, see https://cloud.ibm.com/status';
  return 'Look again in a minute. If it stays so, the log of show-report says more.';
}

async function readTheLedger(manifest: Manifest, found: Found, ports: Ports): Promise<void> {
  const [ledger, atMs] = await Promise.all([readLedger(manifest, ports), lastRunMs(manifest, ports)]);
  Object.assign(found, { ledger, lastRunMs: atMs });
}

async function surveyKeys(manifest: Manifest, keysAtOnce: number, found: Found, ports: Ports): Promise<void> {
  const witness = {
    listed: ({ name }: ManagedKey, summary: Summary | null) => {
      found.summaries.set(name, summary);
    },
    blindTo: (kind: ManagedKey['kind'], why: string) => {
      const what = `the list of all keys of kind ${kind}`;
      found.unseen.push({ what, code: 'not_listed', why, next: HOURLY, isEssential: false });
    },
  };
  const { candidates, unlisted } = await survey(manifest, { only: null, timerMs: TIMER_MS, witness }, ports);
  const wanted = candidates.filter(({ why }) => why !== 'regular look');
  const { looks, unseen } = await lookAtKeys(wanted, keysAtOnce, ports);
  Object.assign(found, { isListWhole: true, unlisted, looks });
  found.unseen.push(...unseen);
}

const HOURLY =
  'Nothing, while rotate-keys runs: it reads that list every hour, and looks at what is not as it should be.';

/** Whoever may not see a group of secrets gets an empty list, and no refusal. */
function noteEmptiness({ keys, ledger }: Manifest, { summaries, isListWhole, ledger: read, lastRunMs, unseen }: Found) {
  const isEmpty = isListWhole && summaries.size === 0 && keys.length > 0;
  const isRead = read !== null && (read.check.at !== '' || read.incidents.length > 0 || lastRunMs !== null);
  if (!isEmpty || isRead) return;
  unseen.push({
    what: 'any secret of the manifest',
    code: 'nothing_there',
    why: `No entry has a secret, and ${ledger.name} tells nothing: rotate-keys has not run yet, or the report may not see their groups.`,
    next: 'If rotate-keys has run: give the profile of show-report the roles that docs/report.md lists.',
    isEssential: true,
  });
}
