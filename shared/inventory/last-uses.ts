import type { ActivityReport } from '../clients/iam-account-answers.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../keys/duration.ts';
import type { LastUse, Unseen } from './inventory.ts';
import type { InventoryWorld } from './open-inventory.ts';
import { toGrant } from './own-access.ts';
import type { Sight, Subject } from './sight.ts';

/** Keys that were not used for so long are in the report, each with its last use; of all others a day is known. */
const REPORT_HOURS = 24;

/** A report is asked for so often while it is being built. */
const PAUSES_MS = [1_000, 2_000, 3_000];
const LONGEST_PAUSE_MS = 5_000;

/** So much of the time a report may take, before an older one has to do. */
const SHARE = 1 / 3;

/** A report so young is as good as a new one. */
const FRESH_MS = HOUR_MS;

/** Older ones say too little of today. */
const OLDEST_MS = 2 * DAY_MS;

/** IAM dates to the minute. */
const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;

/**
 * When API keys were last used, by one report on the whole account. It keeps an entry of about 100 bytes for each key that has rested for
 * a day, at most for all of them.
 */
export class LastUses {
  readonly #lastUsed: ReadonlyMap<string, number | 'never' | 'unknown'>;
  /** When the report was begun: of what came later it tells nothing. */
  readonly toldUntilMs: number;
  /** Keys that are not in it were used since then. */
  readonly #sinceMs: number;

  constructor({ apiKeys, hours, startMs, endMs }: ActivityReport) {
    this.#lastUsed = new Map(apiKeys.map(({ id, lastUsed }) => [id, lastUsed]));
    const periodMs = hours * HOUR_MS;
    // Whether its dates are those of its making, or of what it is about, is not documented.
    const isPeriod = endMs - startMs > periodMs / 2;
    this.toldUntilMs = isPeriod ? endMs : startMs;
    this.#sinceMs = isPeriod ? startMs : startMs - periodMs;
  }

  of(id: string, createdAtMs: number | null): LastUse {
    const told = this.#lastUsed.get(id);
    if (told !== undefined) return typeof told === 'number' ? { atMs: told, isAtLeast: false } : told;
    // So young that the report may not have known it.
    if (createdAtMs === null || minuteOf(createdAtMs) >= minuteOf(this.toldUntilMs)) return 'unknown';
    return { atMs: Math.max(this.#sinceMs, createdAtMs), isAtLeast: true };
  }
}

type World = Pick<InventoryWorld, 'account' | 'clock' | 'login'>;

/** Null where nothing tells: then that is noted. */
export async function readLastUses(world: World, sight: Sight): Promise<LastUses | null> {
  const { account, clock, login } = world;
  const toAllow = toGrant(login.iamId, 'Service Configuration Reader', 'iam-identity');
  const subject: Subject = { what: 'last use of API keys', toAllow };
  // The one of the last check: once a new one is begun the latest may be that, and unfinished.
  const latest = await sight.look(subject, (signal) => account.report('latest', signal));
  if (latest.unseen && latest.unseen.code !== 'failed') return null;
  const old = latest.value && new LastUses(latest.value);
  const ageMs = old ? clock.nowMs() - old.toldUntilMs : Infinity;
  if (old && ageMs <= FRESH_MS) return old;
  const built = await sight.look(subject, (signal) => newReport(world, sight.leftMs * SHARE, signal));
  if (built.value) return new LastUses(built.value);
  const usable = old && ageMs <= OLDEST_MS ? old : null;
  if (!built.unseen) sight.note(notBuilt(usable));
  return usable;
}

/** Null when it is not built in time. */
async function newReport(
  { account, clock }: World,
  limitMs: number,
  signal: AbortSignal,
): Promise<ActivityReport | null> {
  const untilMs = clock.nowMs() + limitMs;
  const reference = await account.startReport(REPORT_HOURS, signal);
  for (let polls = 0; ; polls += 1) {
    const pauseMs = PAUSES_MS[polls] ?? LONGEST_PAUSE_MS;
    if (clock.nowMs() + pauseMs > untilMs) return null;
    await clock.sleep(pauseMs, signal);
    const report = await account.report(reference, signal);
    if (report) return report;
  }
}

function notBuilt(usable: LastUses | null): Unseen {
  const since = usable && new Date(usable.toldUntilMs).toISOString();
  return {
    what: since === null ? 'last use of API keys' : `use of API keys since ${since}`,
    code: 'no_time',
    why: 'IAM builds its activity report for longer than a check waits',
    next: 'The next check finds it ready.',
  };
}
