import type { CheckPolicy } from '../keys/check-policy.ts';
import type { RuleId } from '../keys/check-schema.ts';
import { DAY_MS } from '../keys/duration.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { AccountKey } from '../inventory/inventory.ts';
import { OLDEST_MINT_MS } from '../rotation/situation.ts';
import type { Finding } from './finding.ts';
import { RULES } from './rules.ts';
import { callOf, spanText, toDelete, toShow } from './words.ts';

/** What the rules about single keys are decided by. */
export interface KeyRuleContext {
  policy: CheckPolicy;
  nowMs: number;
  /** The entry of that name. */
  entryOf: (name: string) => ManagedKey | undefined;
  /** The entry whose identity that is; undefined where none names it. */
  entryOfOwner: (owner: string) => ManagedKey | undefined;
  /** Some entry takes that key in. */
  isAdopted: (keyId: string) => boolean;
}

/** A rule about single keys: what it finds, or null. */
type KeyRule = (key: AccountKey, context: KeyRuleContext) => Finding | null;

/** How soon the end of a key matters more. */
const SOON_MS = 10 * DAY_MS;

/** Rules about a key that works. */
const RULES_OF_KEYS: readonly KeyRule[] = [
  expiresSoon,
  ownersKey,
  tooOld,
  unused,
  leakAction,
  withoutExpiry,
  avoidable,
  foreign,
];

/**
 * What there is to say of one key. A key behind a service credential is that credential's; a former key is on its way out, as one of ours
 * may be of which nothing tells more; an old one of ours without a version is discarded by `rotate-keys`; a key that is disabled does no
 * harm. Pure.
 */
export function findingsOfKey(key: AccountKey, context: KeyRuleContext): Finding[] {
  if (key.generatedFor !== null || key.managed?.as === 'former' || key.managed?.as === 'untold') return [];
  if (key.managed?.as === 'unknown') return [unknownOwn(key, context)].flatMap((found) => found ?? []);
  const expired = hasExpired(key, context);
  if (expired) return [expired];
  if (key.disabled === true) return [];
  return RULES_OF_KEYS.flatMap((rule) => rule(key, context) ?? []);
}

/** A finding about a key, of the severity that its rule has by default. */
function about(
  key: AccountKey,
  rule: RuleId,
  found: Pick<Finding, 'why' | 'next'> & Partial<Pick<Finding, 'severity' | 'sinceMs'>>,
): Finding {
  const { id: subject, name, ownerName } = key;
  const owner = ownerName === '' ? key.owner : ownerName;
  const entry = key.managed?.entry ?? null;
  return { rule, severity: RULES[rule].severity, entry, subject, name, owner, sinceMs: null, ...found };
}

const isCurrent = ({ managed }: AccountKey): boolean => managed?.as === 'current';

function hasExpired(key: AccountKey, { nowMs, entryOf }: KeyRuleContext): Finding | null {
  const { expiresAtMs } = key;
  if (expiresAtMs === null || expiresAtMs > nowMs) return null;
  const entry = key.managed && entryOf(key.managed.entry);
  const isNeeded = isCurrent(key) && entry?.state === 'active';
  const next = entry ? [`keyrota explain ${entry.name}, which tells what keeps its rotation`] : [toDelete(key)];
  const why = `${callOf(key)} expired ${spanText(nowMs - expiresAtMs)} ago`;
  return about(key, 'key-expired', { why, next, sinceMs: expiresAtMs, ...(isNeeded && { severity: 'critical' }) });
}

function expiresSoon(key: AccountKey, { policy, nowMs, entryOf }: KeyRuleContext): Finding | null {
  const { expiresAtMs } = key;
  if (expiresAtMs === null || expiresAtMs - nowMs > policy.expiresWithinMs) return null;
  const entry = key.managed && entryOf(key.managed.entry);
  // Keyrota itself moves or replaces a key in time; a retired entry ends all the same.
  if (entry?.state === 'retired') return null;
  const isUrgent = entry !== null || expiresAtMs - nowMs <= SOON_MS;
  const next = entry
    ? [`keyrota explain ${entry.name}, which tells what keeps its rotation`]
    : [`Make its successor, and give it to whoever uses this one: ${toShow(key)}`];
  const why = `${callOf(key)} expires in ${spanText(expiresAtMs - nowMs)}`;
  return about(key, 'key-expires-soon', { why, next, ...(isUrgent && { severity: 'high' }) });
}

function ownersKey(key: AccountKey, { policy }: KeyRuleContext): Finding | null {
  if (key.kind !== 'user-api-key' || policy.accountOwner === null || key.owner !== policy.accountOwner) return null;
  const next = ['Give its work to a trusted profile or a service ID with the roles that it needs.', toDelete(key)];
  return about(key, 'account-owner-key', { why: `${callOf(key)} is one of the owner of the account`, next });
}

function tooOld(key: AccountKey, { policy, nowMs }: KeyRuleContext): Finding | null {
  const { createdAtMs } = key;
  if (createdAtMs === null || nowMs - createdAtMs <= policy.maximumAgeMs) return null;
  const ageMs = nowMs - createdAtMs;
  const isAncient = ageMs > policy.cryptoperiodMs;
  const why = `${callOf(key)} is ${spanText(ageMs)} old, and may be ${spanText(policy.maximumAgeMs)}`;
  const next = key.managed
    ? [`keyrota explain ${key.managed.entry}, which tells what keeps its rotation`]
    : ['Have Keyrota rotate it: an entry in the manifest, with this key in `adopt`.', `Or end it: ${toDelete(key)}`];
  const sinceMs = createdAtMs + policy.maximumAgeMs;
  return about(key, 'key-too-old', { why, next, sinceMs, ...(isAncient && { severity: 'high' }) });
}

function unused(key: AccountKey, { policy, nowMs }: KeyRuleContext): Finding | null {
  const { lastUsed, createdAtMs } = key;
  if (lastUsed === 'unknown') return null;
  const next = [`If nobody needs it: ${toDelete(key)}`];
  if (lastUsed === 'never') {
    if (createdAtMs === null || nowMs - createdAtMs <= policy.neverUsedForMs) return null;
    const why = `${callOf(key)} was made ${spanText(nowMs - createdAtMs)} ago, and never used`;
    return about(key, 'key-never-used', { why, next, sinceMs: createdAtMs + policy.neverUsedForMs });
  }
  const idleMs = nowMs - lastUsed.atMs;
  if (lastUsed.isAtLeast || idleMs <= policy.unusedForMs) return null;
  const isInactive = idleMs > policy.inactiveForMs;
  const why = `${callOf(key)} was last used ${spanText(idleMs)} ago`;
  const sinceMs = lastUsed.atMs + policy.unusedForMs;
  return about(key, 'key-unused', { why, next, sinceMs, ...(isInactive && { severity: 'high' }) });
}

function leakAction(key: AccountKey): Finding | null {
  const { actionWhenLeaked } = key;
  if (actionWhenLeaked === null || actionWhenLeaked === 'disable') return null;
  const isFinal = actionWhenLeaked === 'delete';
  const why = `${callOf(key)} says \`${actionWhenLeaked}\` for the case that IBM finds it in public`;
  const next = ['Change "If this API key is leaked" to disable, in the console: Manage > Access (IAM) > API keys.'];
  return about(key, 'leak-action-not-disable', { why, next, ...(isFinal && { severity: 'low' }) });
}

/** Of the other kinds no issuer knows an expiry. */
const CAN_EXPIRE = new Set<AccountKey['kind']>(['service-id-api-key', 'user-api-key']);

function withoutExpiry(key: AccountKey): Finding | null {
  if (!CAN_EXPIRE.has(key.kind) || key.expiresAtMs !== null) return null;
  const next = ['Set an expiry, in the console: Manage > Access (IAM) > API keys; or let Keyrota rotate it.'];
  return about(key, 'key-without-expiry', { why: `${callOf(key)} never expires`, next });
}

/** A user's key that classic infrastructure needs cannot be avoided. */
function avoidable(key: AccountKey, { entryOf }: KeyRuleContext): Finding | null {
  if (key.kind !== 'user-api-key') return null;
  const entry = key.managed && entryOf(key.managed.entry);
  const isLogin = entry?.kind === 'user-api-key' && entry.logins[0]?.name === entry.name;
  if (isLogin) return null;
  const why = `${callOf(key)} is one of a user`;
  const next = [
    'On Code Engine, Kubernetes and virtual servers: a trusted profile, which needs no key at all.',
    'Elsewhere: a service ID with the roles that this work needs, and its key in an entry of the manifest.',
  ];
  return about(key, 'user-key-avoidable', { why, next });
}

function foreign(key: AccountKey, { entryOfOwner, isAdopted }: KeyRuleContext): Finding | null {
  if (key.managed !== null || isAdopted(key.id)) return null;
  const entry = entryOfOwner(key.owner);
  if (!entry || !CAN_EXPIRE.has(key.kind)) return null;
  const why = `${callOf(key)} is on the identity of entry ${entry.name}, and Keyrota did not make it`;
  const next = [
    toShow(key),
    `If consumers use it: keyrota adopt ${entry.name} ${key.id}`,
    `If nobody needs it: ${toDelete(key)}`,
  ];
  return { ...about(key, 'foreign-key', { why, next }), entry: entry.name };
}

/** While it is young a run may be about to store it. */
function unknownOwn(key: AccountKey, { nowMs }: KeyRuleContext): Finding | null {
  if (key.createdAtMs === null || nowMs - key.createdAtMs <= OLDEST_MINT_MS) return null;
  const why = `${callOf(key)} bears our name, and no version of a secret names it`;
  const next = ['Nothing, while the timer of rotate-keys runs: it disables and deletes what nobody uses.', toShow(key)];
  return about(key, 'unknown-own-key', { why, next, sinceMs: key.createdAtMs });
}
