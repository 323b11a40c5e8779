import { incidentIdOf } from '../keys/compromise-mark.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import type { MintReason } from '../rotation/record.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import { groupAlike } from './alike.ts';
import { noticeId } from './notice.ts';
import type { Notice, NoticeType } from './notice.ts';

/**
 * What was told of states that last, so that they are told once: `<name> <what> <code>` and the ISO time. `what` is the type of the
 * notice; `failing`: it failed once, which is not told yet; `again:` and a type: nobody could be told; `replaced`: the replacement
 * of an incident's key, which stands in place of the code.
 */
export type Told = Readonly<Record<string, string>>;

/** Whose run it was. */
export interface Installation {
  accountId: string;
  manifest: Pick<Manifest, 'deployment' | 'keys'>;
}

export interface RunNotices {
  notices: Notice[];
  told: Told;
  /** What of `told` each notice has told, by its id: for `untold`. */
  tells: Readonly<Record<string, readonly string[]>>;
  /** States that were neither told nor remembered, for want of room. */
  unsaidCount: number;
}

/** With names of usual length about 100 KB. */
const MOST_TOLD = 1_000;

/** A key that did not work any more. */
const REPLACING: ReadonlySet<MintReason | undefined> = new Set(['compromised', 'disabled', 'lost'] as const);

/** Holds that pass by themselves, and say nothing of what was before: a mint that failed waits, lists lag behind. */
const PASSING = new Set(['back-off', 'mint-under-way', 'key-not-visible', 'not-visible-yet']);

/** A state that lasts until somebody or something ends it. */
interface Lasting {
  type: 'key.asked' | 'key.held_too_long' | 'key.failed';
  code: string;
}

/** One key, its report, and the notices so far. */
interface Account {
  key: ManagedKey;
  report: KeyReport;
  nowMs: number;
  accountId: string;
  told: Map<string, string>;
  notices: Notice[];
  tells: Map<string, string[]>;
  unsaid: () => void;
}

/**
 * The notices that a run calls for, and what was told after them. What lasts is told once, and again only after it was over and
 * came back; a failure when it came twice in a row. What was contained, replaced and rotated is told at once, each by an id of its
 * own. Many notices alike become one. Pure. Not for the reports of a dry run, which did nothing.
 * @param before Null where nobody knows what was told: then only what this run did is.
 */
export function noticesOfRun(
  reports: readonly KeyReport[],
  before: Told | null,
  nowMs: number,
  { accountId, manifest }: Installation,
): RunNotices {
  const keys = new Map(manifest.keys.map((key) => [key.name, key]));
  const told = new Map(Object.entries(before ?? {}).filter(([entry]) => keys.has(nameIn(entry))));
  const notices: Notice[] = [];
  const tells = new Map<string, string[]>();
  let unsaidCount = 0;
  const unsaid = () => {
    unsaidCount += 1;
  };
  for (const report of reports) {
    const key = keys.get(report.name);
    if (!key || report.outcome === 'planned') continue;
    const account: Account = { key, report, nowMs, accountId, told, notices, tells, unsaid };
    tellSteps(account);
    if (before === null) continue;
    tellReplacements(account);
    tellState(account);
  }
  const grouped = groupAlike(notices, tells);
  return { ...grouped, told: Object.fromEntries(told), unsaidCount };
}

/** What was told, when nobody could be told of these notices: their states are told by the next run, under the same ids. */
export function untold({ told, tells }: Pick<RunNotices, 'told' | 'tells'>, undelivered: readonly Notice[]): Told {
  const entries = new Set(undelivered.flatMap(({ id }) => tells[id] ?? []));
  const changed = Object.entries(told).map(([entry, at]): [string, string] => {
    const [name = '', what = '', code = ''] = entry.split(' ');
    return entries.has(entry) ? [entryOf(name, `again:${what}`, code), at] : [entry, at];
  });
  return Object.fromEntries(changed);
}

const entryOf = (name: string, what: string, code: string): string => `${name} ${what} ${code}`;
const nameIn = (entry: string): string => entry.split(' ')[0] ?? '';

/** What was done: a fact, told by everyone who did it. */
function tellSteps(account: Account): void {
  const { report, key, nowMs, notices } = account;
  for (const { step, why, keyId, reason } of report.steps) {
    const time = new Date(nowMs).toISOString();
    const common = { keyId: keyId ?? null, why, ...(reason && { reason }) };
    if (step === 'contain') {
      // The same key may be enabled again by somebody, and contained again: on another day that is told.
      const id = idOf(account, 'key.contained', keyId ?? key.name, time.slice(0, 10));
      const next = [
        `Its successor will be in secret ${key.secret.name}: have every consumer fetch that anew.`,
        `Find where key ${keyId ?? ''} leaked, and who used it: tokens that were got with it may work for a while.`,
      ];
      const incident = keyId === undefined ? null : incidentIdOf(keyId);
      notices.push(noticeOf(account, { type: 'key.contained', id, incident, ...common, next }));
    } else if (step === 'mint') {
      const type = REPLACING.has(reason) ? 'key.replaced' : 'key.rotated';
      const id = idOf(account, type, keyId ?? `${key.name} ${time}`);
      const next = type === 'key.replaced' ? [fetchNow(key)] : [];
      const incident = report.incidents?.find(({ replacedBy }) => replacedBy === keyId)?.incident ?? null;
      notices.push(noticeOf(account, { type, id, incident, ...common, next }));
    }
  }
}

/**
 * What a run has replaced that did not know it, for no answer came to its store, or that was cut off before it could tell: the look
 * after it shows it.
 */
function tellReplacements(account: Account): void {
  const { report, key, told, notices } = account;
  for (const { incident, keyId, reportedAt, replacedBy, replacedAt } of report.incidents ?? []) {
    // The successor of a key that leaked in its grace was there before.
    const entry = entryOf(key.name, REPLACED, incident);
    if (replacedBy === '' || replacedAt < reportedAt || told.has(entry)) continue;
    const id = idOf(account, 'key.replaced', replacedBy);
    const isTold = notices.some((one) => one.id === id);
    if (!remember(account, entry, replacedAt) || isTold) continue;
    const why = `key ${keyId} leaked or was disabled, and key ${replacedBy} is stored in its place`;
    const next = [fetchNow(key)];
    notices.push(noticeOf(account, { type: 'key.replaced', id, incident, keyId: replacedBy, why, next }));
  }
}

/** Incidents whose replacement was told. */
const REPLACED = 'replaced';

const fetchNow = ({ secret }: ManagedKey): string =>
  `Have every consumer fetch secret ${secret.name} now: the former value is dead.`;

const idOf = ({ key }: Account, type: NoticeType, ...parts: string[]): string =>
  noticeId(key.deployment, type, ...parts);

/** How the key was left. */
function tellState(account: Account): void {
  const { report, key, nowMs } = account;
  const { outcome, code } = report;
  if (outcome === 'left' || (outcome === 'hold' && PASSING.has(code ?? ''))) return;
  if (outcome === 'failed') {
    tellFailure(account, code ?? 'unexpected');
    return;
  }
  const lasting = lastingOf(report, key, nowMs);
  const states = lasting
    ? [lasting.type, `again:${lasting.type}`].map((what) => entryOf(key.name, what, lasting.code))
    : [];
  const replaced = (report.incidents ?? []).map(({ incident }) => entryOf(key.name, REPLACED, incident));
  const kept = new Set([...states, ...replaced]);
  forget(account, (entry) => !kept.has(entry));
  if (lasting) tellOnce(account, lasting);
}

/** Null when there is nothing that somebody would have to see to. */
function lastingOf(report: KeyReport, { policy }: ManagedKey, nowMs: number): Lasting | null {
  const { outcome, since, until, incidents = [] } = report;
  const code = report.code ?? 'unknown';
  if (outcome === 'ask') return { type: code === 'held_too_long' ? 'key.held_too_long' : 'key.asked', code };
  if (outcome !== 'hold') return null;
  // What ends by itself at a known time, such as the grace, waits as it is meant to.
  const endsByItself = until !== null && Date.parse(until) > nowMs;
  const isLong = since !== null && nowMs - Date.parse(since) > policy.hold.atMostMs;
  // While it is out of use consumers go without.
  const isDead = incidents.some(({ replacedBy }) => replacedBy === '');
  return (isLong || isDead) && !endsByItself ? { type: 'key.held_too_long', code } : null;
}

/** The first failure in a row is only remembered: most pass by the next run. Where a leak is contained, nothing waits. */
function tellFailure(account: Account, code: string): void {
  const { key, report, told } = account;
  const isContainment = report.failedStep === 'contain' || report.steps.some(({ step }) => step === 'contain');
  const whats = ['failing', 'key.failed', 'again:key.failed'].map((what) => `${key.name} ${what} `);
  const isRepeated = [...told.keys()].some((entry) => whats.some((begin) => entry.startsWith(begin)));
  if (!isContainment && !isRepeated) {
    remember(account, entryOf(key.name, 'failing', code), timeOf(account));
    return;
  }
  forget(account, (entry) => entry.startsWith(`${key.name} failing `));
  tellOnce(account, { type: 'key.failed', code }, isContainment);
}

const timeOf = ({ nowMs }: Account): string => new Date(nowMs).toISOString();

function tellOnce(account: Account, { type, code }: Lasting, isUrgent = false): void {
  const { key, report, told } = account;
  const entry = entryOf(key.name, type, code);
  if (told.has(entry)) return;
  const again = entryOf(key.name, `again:${type}`, code);
  const at = told.get(again) ?? timeOf(account);
  told.delete(again);
  if (!remember(account, entry, at) && !isUrgent) return;
  const id = idOf(account, type, key.name, code, at);
  const next = report.next.length > 0 ? report.next : [`keyrota plan ${key.name}, which tells how it stands.`];
  const notice = noticeOf(account, { type, id, keyId: null, why: report.why, next, code });
  // Who got it, and whose answer was lost, gets the same again.
  account.notices.push({ ...notice, atMs: Date.parse(at) });
  account.tells.set(id, [entry]);
}

/** Whether there was room for it. */
function remember({ told, unsaid }: Account, entry: string, at: string): boolean {
  if (told.size >= MOST_TOLD && !told.has(entry)) {
    unsaid();
    return false;
  }
  told.set(entry, at);
  return true;
}

function forget({ key, told }: Account, isOver: (entry: string) => boolean): void {
  for (const entry of told.keys()) if (nameIn(entry) === key.name && isOver(entry)) told.delete(entry);
}

interface Said extends Pick<Notice, 'type' | 'id' | 'keyId' | 'why' | 'next'> {
  incident?: string | null;
  code?: string;
  reason?: MintReason;
}

function noticeOf({ key, report, nowMs, accountId }: Account, said: Said): Notice {
  const { type, id, keyId, why, next, code, reason } = said;
  const movedLocks = type === 'key.replaced' ? report.steps.flatMap((one) => one.movedLocks ?? []) : [];
  const details = {
    account: accountId,
    kind: key.kind,
    owner: key.owner,
    secret: key.secret.name,
    ...(code !== undefined && { code }),
    ...(reason !== undefined && { reason }),
    ...(report.since !== null && { since: report.since }),
    ...(movedLocks.length > 0 && { movedLocks }),
    ...(report.steps.length > 0 && { steps: report.steps.map((one) => `${one.step} ${one.keyId ?? ''}`.trim()) }),
  };
  return {
    type,
    id,
    atMs: nowMs,
    deployment: key.deployment,
    name: key.name,
    keyId,
    incident: said.incident ?? null,
    why,
    next,
    details,
  };
}
