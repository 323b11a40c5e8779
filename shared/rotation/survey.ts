import { ApiError, isApiError } from '../clients/api-error.ts';
import { LABEL } from '../clients/secret-store.ts';
import type { StoredSecret } from '../clients/secret-store.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../keys/duration.ts';
import { spreadOf } from '../keys/manifest.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Ports } from './ports.ts';
import { readSummary, timeOf } from './record.ts';
import type { Summary } from './record.ts';
import { isNamedFor } from './situation.ts';

/** A key that this run looks at in full. */
export interface Candidate {
  key: ManagedKey;
  /** Its secret as the list showed it; null when the list did not. */
  secret: StoredSecret | null;
  why: 'asked' | 'suspicious' | 'new' | 'due' | 'retiring' | 'regular look';
}

export interface Survey {
  /** Most urgent first. */
  candidates: Candidate[];
  /** How many keys rest, as far as their summaries tell. */
  restingCount: number;
  /** Names in summaries of ours that the manifest does not have any more: left alone. */
  unlisted: string[];
}

export interface SurveyWish {
  /** Look at these only; null for all. */
  only: readonly string[] | null;
  /** How often the timer calls, in milliseconds: looks that are regular are spread over its ticks. */
  timerMs: number;
}

/** How long a key that is due is looked at with every tick; whatever keeps it waiting for longer, it is looked at now and then. */
const PROMPT_MS = HOUR_MS;
const NOW_AND_THEN_MS = 10 * MINUTE_MS;
/** How often a key that is being retired is looked at, and the account is listed. */
const OFTEN_MS = HOUR_MS;
/** How often every key is looked at, whatever its summary says. */
const SELDOM_MS = DAY_MS;

/** So many keys can be looked at on mere suspicion. */
const FEW = 20;

const URGENCY = ['suspicious', 'asked', 'new', 'due', 'retiring', 'regular look'] as const;

/**
 * Decides which keys are worth a full look now: one list call per 1,000 secrets tells what is due. Summaries are a hint,
 * so once an hour the issuer's list is held against them, and once a day every key is looked at.
 */
export async function survey(manifest: Manifest, wish: SurveyWish, ports: Ports): Promise<Survey> {
  const { clock, secrets, signal } = ports;
  const nowMs = clock.nowMs();
  const own = await secrets.listOwn(signal);
  const entries = wish.only ? manifest.keys.filter((key) => wish.only?.includes(key.name)) : manifest.keys;
  const secretOf = finder(own);
  const paired = entries.map((key) => ({ key, secret: secretOf(key) }));
  const listsAccount = !wish.only && isTurn(nowMs, OFTEN_MS, wish.timerMs, manifest.deployment);
  const suspicious = listsAccount ? await suspiciousNames(paired, ports) : new Set<string>();
  const candidates = paired.flatMap(({ key, secret }): Candidate[] => {
    if (wish.only) return [{ key, secret, why: 'asked' }];
    if (suspicious.has(key.name)) return [{ key, secret, why: 'suspicious' }];
    const why = reasonToLook(key, secret && readSummary(secret.custom_metadata), nowMs, wish.timerMs);
    return why ? [{ key, secret, why }] : [];
  });
  return {
    candidates: candidates.toSorted((one, other) => URGENCY.indexOf(one.why) - URGENCY.indexOf(other.why)),
    restingCount: entries.length - candidates.length,
    unlisted: wish.only ? [] : unlistedNames(manifest, own),
  };
}

/** Finds the labelled secret of an entry, also under a name that the entry had before. */
function finder(own: readonly StoredSecret[]): (key: ManagedKey) => StoredSecret | null {
  const byName = Map.groupBy(own, (secret) => `${secret.secret_type} ${secret.name}`);
  return (key) => {
    const names = [key.secret.name, ...key.formerly];
    const found = names.flatMap((name) => byName.get(`${key.secret.type} ${name}`) ?? []);
    return found.find((secret) => secret.secret_group_id === key.secret.groupId) ?? found[0] ?? null;
  };
}

function reasonToLook(
  key: ManagedKey,
  summary: Summary | null,
  nowMs: number,
  timerMs: number,
): Candidate['why'] | null {
  const isOurs = summary?.deployment === key.deployment && [key.name, ...key.formerly].includes(summary.name);
  if (!summary || !isOurs) return 'new';
  const turn = (everyMs: number) => isTurn(nowMs, everyMs, timerMs, key.name);
  const isPast = (text: string) => (timeOf(text) ?? 0) <= nowMs;
  // While the former key is there nothing can be stored: its retirement comes first.
  const isRetiring = key.state === 'retired' || summary.previous_key_id !== '';
  const isActive = key.state === 'active' && !key.policy.paused;
  const promptly = (sinceMs: number) => nowMs - sinceMs < PROMPT_MS || turn(NOW_AND_THEN_MS);
  // Consumers stand still: neither a former key nor a pause keeps its replacement waiting.
  const deadSinceMs = timeOf(summary.dead_since);
  if (key.state === 'active' && deadSinceMs !== null && isPast(summary.not_before) && promptly(deadSinceMs))
    return 'due';
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
function isTurn(nowMs: number, everyMs: number, timerMs: number, name: string): boolean {
  const sinceTurnMs = (nowMs + spreadOf(name) * everyMs) % everyMs;
  return sinceTurnMs < 2 * timerMs;
}

/** Entries whose keys at the issuer are not what their summaries say: disabled, missing, or more than are known. */
async function suspiciousNames(
  paired: readonly { key: ManagedKey; secret: StoredSecret | null }[],
  ports: Ports,
): Promise<Set<string>> {
  const suspicious = new Set<string>();
  const nameOfCurrent = new Map<string, string>();
  const former = new Set<string>();
  for (const { key, secret } of paired) {
    const summary = secret && readSummary(secret.custom_metadata);
    if (summary?.key_id) nameOfCurrent.set(summary.key_id, key.name);
    if (summary?.previous_key_id) former.add(summary.previous_key_id);
  }
  const missing = new Map(nameOfCurrent);
  const ownerOf = ownerFinder(paired.map(({ key }) => key));
  const listAll = async (signal: AbortSignal) => {
    for (const kind of Object.values(ports.kinds)) {
      for await (const page of kind.survey(signal)) {
        for (const { id, name, disabled } of page) {
          missing.delete(id);
          const current = nameOfCurrent.get(id);
          if (current !== undefined && disabled) suspicious.add(current);
          const owner = current === undefined && !former.has(id) ? ownerOf(name) : null;
          if (owner) suspicious.add(owner);
        }
      }
    }
  };
  const { clock, signal, deadlineMs, log } = ports;
  try {
    await withTimeLimit(clock, (deadlineMs - clock.nowMs()) / 3, signal, listAll);
  } catch (error) {
    if (signal.aborted) throw error;
    logBlindness(error, log);
    return suspicious; // what was not seen proves nothing
  }
  // A list in which most of a fleet is missing shows only what we may see, and proves nothing.
  const isPlausible = missing.size <= FEW || missing.size * 2 <= nameOfCurrent.size;
  if (isPlausible) for (const name of missing.values()) suspicious.add(name);
  return suspicious;
}

/** Without the account's list the keys that are due are worked on all the same. */
function logBlindness(error: unknown, log: Log): void {
  if (isApiError(error, 'forbidden')) {
    log.warn('account_list_forbidden', 'Keyrota may not list the keys of the account; each is looked at once a day');
    return;
  }
  if (!(error instanceof ApiError || error instanceof TimeIsUp)) throw error;
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

function unlistedNames(manifest: Manifest, own: readonly StoredSecret[]): string[] {
  const listed = new Set(manifest.keys.flatMap((key) => [key.name, ...key.formerly]));
  return own
    .filter((secret) => secret.labels.includes(LABEL))
    .map((secret) => readSummary(secret.custom_metadata))
    .filter((summary) => summary?.deployment === manifest.deployment && !listed.has(summary.name))
    .map((summary) => summary?.name ?? '');
}
