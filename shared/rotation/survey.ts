import { ApiError, isApiError } from '../clients/api-error.ts';
import { LABEL } from '../clients/secret-store.ts';
import type { StoredSecret } from '../clients/secret-store.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../keys/duration.ts';
import { opensAtMs } from '../keys/maintenance-window.ts';
import { spreadOf } from '../keys/manifest.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { IssuerKey, KindFacts } from '../keys/kind.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { inShard, isLeading } from '../runtime/shard.ts';
import type { Shard } from '../runtime/shard.ts';
import type { Log } from '../runtime/log.ts';
import type { Ports } from './ports.ts';
import { readSummary, timeOf } from './record.ts';
import { ledgerOf } from './run-mark.ts';
import type { Summary } from './record.ts';
import { isNamedFor } from './situation.ts';

/** A key that this run looks at in full. */
export interface Candidate {
  key: ManagedKey;
  /** Its secret as the list showed it; null when the list did not, or did not say that the key is to be looked at. */
  secret: StoredSecret | null;
  why: 'compromised' | 'dead' | 'asked' | 'suspicious' | 'new' | 'due' | 'retiring' | 'regular look';
}

export interface Survey {
  /** Most urgent first. */
  candidates: Candidate[];
  /** How many keys rest, as far as their summaries tell. */
  restingCount: number;
  /** Names in summaries of ours that the manifest does not have any more: left alone. Only the first of several shards tells. */
  unlisted: string[];
  /** The secret of the ledger, without its value; null where the list did not show one. Only the first of several shards tells. */
  ledger: StoredSecret | null;
}

export interface SurveyWish {
  /** Look at these only; null for all. */
  only: readonly string[] | null;
  /** How often the timer calls, in milliseconds: looks that are regular are spread over its ticks. */
  timerMs: number;
  /** The part of the entries that is looked at. Default: all. */
  shard?: Shard;
  /** Default: nobody. */
  witness?: SurveyWitness;
}

/** Is told what a survey comes to see, and what it cannot see: for reports, that also tell of keys which rest. */
interface SurveyWitness {
  /** What the list of secrets tells of an entry; null for a secret without a summary. The last word on an entry counts. */
  listed(key: ManagedKey, summary: Summary | null): void;
  /** What the issuer's list would tell of keys of that kind is not known. */
  blindTo(kind: ManagedKey['kind'], why: string): void;
}

/**
 * How long a key that is due is looked at with every tick, and while its window is open; whatever keeps it waiting for
 * longer, it is looked at now and then.
 */
const PROMPT_MS = HOUR_MS;
const NOW_AND_THEN_MS = 10 * MINUTE_MS;
/** How often a key that is being retired is looked at, and the account is listed. */
const OFTEN_MS = HOUR_MS;
/** How often every key is looked at, whatever its summary says. */
const SELDOM_MS = DAY_MS;

/** So many keys can be looked at on mere suspicion. */
const FEW = 20;

const URGENCY = ['compromised', 'dead', 'suspicious', 'asked', 'new', 'due', 'retiring', 'regular look'] as const;

/**
 * Decides which keys are worth a full look now: one list call per 1,000 secrets tells what is due. Summaries are a hint,
 * so once an hour the issuer's list is held against them, and once a day every key is looked at.
 */
export async function survey(manifest: Manifest, wish: SurveyWish, ports: Ports): Promise<Survey> {
  const nowMs = ports.clock.nowMs();
  const { shard = null, only } = wish;
  const entries = inShard(manifest.keys, shard).filter(({ name }) => !only || only.includes(name));
  const { listed, unlisted, ledger } = await listOwn(manifest, entries, wish, ports);
  // Each shard has another moment of the hour: the list is as long for a part of the entries as for all.
  const lister = shard ? `${manifest.deployment} ${shard.index}` : manifest.deployment;
  const listsAccount = !only && isTurn(nowMs, OFTEN_MS, wish.timerMs, lister);
  const suspicious = listsAccount ? await suspiciousNames(entries, listed, wish, ports) : new Set<string>();
  const candidates = entries.flatMap((key): Candidate[] => {
    const { secret, reason } = listed.get(key) ?? { secret: null, reason: only ? 'asked' : 'new' };
    const why = suspicious.has(key.name) ? 'suspicious' : reason;
    return why ? [{ key, secret, why }] : [];
  });
  return {
    candidates: candidates.toSorted((one, other) => URGENCY.indexOf(one.why) - URGENCY.indexOf(other.why)),
    restingCount: entries.length - candidates.length,
    unlisted,
    ledger,
  };
}

/** What the list of secrets shows of an entry. */
interface Listed {
  /** Lower is better, where several secrets fit the entry. */
  rank: number;
  reason: Candidate['why'] | null;
  /** Kept where the entry is looked at: a list of thousands would fill the memory. */
  secret: StoredSecret | null;
  currentKeyId: string;
  formerKeyId: string;
}

/** Holds the list of all our secrets against the entries, and keeps what is needed of it. */
async function listOwn(
  manifest: Manifest,
  entries: readonly ManagedKey[],
  wish: SurveyWish,
  { clock, secrets, signal, kindOf }: Ports,
): Promise<{ listed: Map<ManagedKey, Listed> } & Pick<Survey, 'unlisted' | 'ledger'>> {
  const nowMs = clock.nowMs();
  const fitting = finder(entries);
  const leads = isLeading(wish.shard ?? null);
  const named = new Set(leads ? manifest.keys.flatMap((key) => [key.name, ...key.formerly]) : []);
  const listed = new Map<ManagedKey, Listed>();
  const unlisted: string[] = [];
  let ledger: StoredSecret | null = null;
  for await (const secret of secrets.listOwn(signal)) {
    if (leads && isLedger(secret, manifest)) ledger = secret;
    const summary = readSummary(secret.custom_metadata);
    for (const { key, rank } of fitting(secret)) {
      if (rank >= (listed.get(key)?.rank ?? Infinity)) continue;
      const reason = wish.only ? 'asked' : reasonToLook(key, summary, nowMs, wish.timerMs, kindOf(key).facts);
      const { key_id: currentKeyId = '', previous_key_id: formerKeyId = '' } = summary ?? {};
      listed.set(key, { rank, reason, secret: reason && secret, currentKeyId, formerKeyId });
      wish.witness?.listed(key, summary);
    }
    const isUnlisted = leads && summary?.deployment === manifest.deployment && !named.has(summary.name);
    if (!wish.only && isUnlisted && secret.labels.includes(LABEL)) unlisted.push(summary.name);
  }
  return { listed, unlisted, ledger };
}

function isLedger(secret: StoredSecret, { deployment, ledger }: Manifest): boolean {
  const { name, secret_type: type, secret_group_id: groupId, custom_metadata: metadata } = secret;
  return name === ledger.name && type === 'kv' && groupId === ledger.groupId && ledgerOf(metadata) === deployment;
}

const placeOf = (type: string, name: string): string => `${type} ${name}`;

/** Finds the entries that a secret fits, also under names that they had before: their own group first, then their present name. */
function finder(entries: readonly ManagedKey[]): (secret: StoredSecret) => { key: ManagedKey; rank: number }[] {
  const named = entries.flatMap((key) =>
    [key.secret.name, ...key.formerly].map((name, place) => ({ key, place, wanted: placeOf(key.secret.type, name) })),
  );
  const byPlace = Map.groupBy(named, ({ wanted }) => wanted);
  return (secret) =>
    (byPlace.get(placeOf(secret.secret_type, secret.name)) ?? []).map(({ key, place }) => ({
      key,
      rank: place + (secret.secret_group_id === key.secret.groupId ? 0 : ELSEWHERE),
    }));
}

/** A secret of another group is worse than one of any name in the right group. */
const ELSEWHERE = 1_000_000;

function reasonToLook(
  key: ManagedKey,
  summary: Summary | null,
  nowMs: number,
  timerMs: number,
  { keysPerOwner }: KindFacts,
): Candidate['why'] | null {
  const isOurs = summary?.deployment === key.deployment && [key.name, ...key.formerly].includes(summary.name);
  if (!summary || !isOurs) return 'new';
  const turn = (everyMs: number) => isTurn(nowMs, everyMs, timerMs, key.name);
  const isPast = (text: string) => (timeOf(text) ?? 0) <= nowMs;
  // While the former key is there nothing can be stored: its retirement comes first.
  const isRetiring = key.state === 'retired' || summary.previous_key_id !== '';
  const isActive = key.state === 'active' && !key.policy.paused;
  // A window may be shorter than the time between two turns.
  const isOpen = key.window !== null && opensAtMs(key.window, nowMs) === null;
  const promptly = (sinceMs: number) => isOpen || nowMs - sinceMs < PROMPT_MS || turn(NOW_AND_THEN_MS);
  const compromisedSinceMs = timeOf(summary.compromised_at);
  if (compromisedSinceMs !== null && promptly(compromisedSinceMs)) return 'compromised';
  // Consumers stand still: neither a former key nor a pause keeps its replacement waiting.
  const deadSinceMs = timeOf(summary.dead_since);
  if (key.state === 'active' && deadSinceMs !== null) {
    // Where there was one key, nobody has any: every tick looks whether there can be one.
    if (keysPerOwner === 'one' || (isPast(summary.not_before) && promptly(deadSinceMs))) return 'dead';
  }
  if (isActive && !isRetiring && isPast(summary.next_due) && isPast(summary.not_before)) {
    if (promptly(timeOf(summary.next_due) ?? 0)) return 'due';
  }
  if (isRetiring && isPast(summary.retire_after) && turn(OFTEN_MS)) return 'retiring';
  return turn(SELDOM_MS) ? 'regular look' : null;
}

/**
 * Whether something that happens every `everyMs`, at a moment that differs by name, falls to this tick. It falls to two
 * ticks in a row, so that one may be lost.
 */
export function isTurn(nowMs: number, everyMs: number, timerMs: number, name: string): boolean {
  const sinceTurnMs = (nowMs + spreadOf(name) * everyMs) % everyMs;
  return sinceTurnMs < 2 * timerMs;
}

/** Entries whose keys at the issuer are not what their summaries say: disabled, missing, or more than are known. */
async function suspiciousNames(
  entries: readonly ManagedKey[],
  listed: ReadonlyMap<ManagedKey, Listed>,
  wish: SurveyWish,
  ports: Ports,
): Promise<Set<string>> {
  // At the same time: one that is slow takes none of the time of the others.
  const kinds = [...Map.groupBy(entries, ({ kind }) => kind).values()];
  const names = await Promise.all(kinds.map((ofKind) => suspiciousOfKind(ofKind, listed, wish, ports)));
  return new Set(names.flatMap((ofKind) => [...ofKind]));
}

/** The same of the entries of one kind, by one list of its issuer. */
async function suspiciousOfKind(
  entries: readonly ManagedKey[],
  listed: ReadonlyMap<ManagedKey, Listed>,
  { witness }: SurveyWish,
  ports: Ports,
): Promise<Set<string>> {
  const suspicious = new Set<string>();
  const pages = pagesOf(entries, ports);
  const [first] = entries;
  if (!pages || !first) return suspicious;
  const nameOfCurrent = new Map<string, string>();
  const former = new Set<string>();
  for (const key of entries) {
    const { currentKeyId = '', formerKeyId = '' } = listed.get(key) ?? {};
    // That the keys of a retired entry go is as it should be.
    if (key.state === 'retired') former.add(currentKeyId);
    else if (currentKeyId) nameOfCurrent.set(currentKeyId, key.name);
    if (formerKeyId) former.add(formerKeyId);
  }
  const missing = new Map(nameOfCurrent);
  const ownerOf = ownerFinder(entries);
  const listAll = async (signal: AbortSignal) => {
    for await (const page of pages(signal)) {
      for (const { id, name, disabled } of page) {
        missing.delete(id);
        const current = nameOfCurrent.get(id);
        if (current !== undefined && disabled) suspicious.add(current);
        const owner = current === undefined && !former.has(id) ? ownerOf(name) : null;
        if (owner) suspicious.add(owner);
      }
    }
  };
  const { clock, signal, deadlineMs, log } = ports;
  try {
    await withTimeLimit(clock, (deadlineMs - clock.nowMs()) / 3, signal, listAll);
  } catch (error) {
    if (signal.aborted) throw error;
    logBlindness(error, log);
    witness?.blindTo(first.kind, messageOf(error));
    return suspicious; // what was not seen proves nothing
  }
  // A list in which most of a fleet is missing shows only what we may see, and proves nothing.
  const isPlausible = missing.size <= FEW || missing.size * 2 <= nameOfCurrent.size;
  if (isPlausible) for (const name of missing.values()) suspicious.add(name);
  else {
    log.warn(
      'account_list_implausible',
      'the list of the account lacks most current keys; each is looked at once a day',
    );
    witness?.blindTo(first.kind, 'the list of the account lacks most current keys');
  }
  return suspicious;
}

type Page = Pick<IssuerKey, 'id' | 'name' | 'disabled'>[];

/** How the issuer of these entries, all of one kind, lists its keys; null where it is not asked to. */
function pagesOf(entries: readonly ManagedKey[], ports: Ports): ((signal: AbortSignal) => AsyncIterable<Page>) | null {
  const [first] = entries;
  const kind = first && ports.kindOf(first);
  return kind?.survey ? (signal) => kind.survey?.(entries, signal) ?? nothing() : null;
}

async function* nothing(): AsyncGenerator<never> {}

/** Without the account's list the keys that are due are worked on all the same. */
function logBlindness(error: unknown, log: Log): void {
  if (isApiError(error, 'forbidden')) {
    log.warn('account_list_forbidden', 'Keyrota may not list the keys of the account; each is looked at once a day');
    return;
  }
  if (!(error instanceof ApiError || error instanceof TimeIsUp || error instanceof PersonNeeded)) throw error;
  log.warn('account_list_failed', 'the keys of the account could not be listed; the next tick tries again', { error });
}

/** Finds the entry that a key of ours is named for. */
function ownerFinder(keys: readonly ManagedKey[]): (issuerName: string) => string | null {
  const byName = new Map(keys.flatMap((key) => [key.name, ...key.formerly].map((name) => [name, key] as const)));
  return (issuerName) => {
    const managedName = issuerName.split('-').slice(2, -1).join('-');
    const key = byName.get(managedName);
    return key && isNamedFor(key, issuerName) ? key.name : null;
  };
}
