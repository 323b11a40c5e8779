import { DAY_MS, HOUR_MS, MINUTE_MS, formatDuration } from './duration.ts';
import { maintenanceWindow } from './maintenance-window.ts';
import type { Fault } from './manifest-faults.ts';
import type { EntryFile, UserEntry } from './manifest-schema.ts';
import type { ManagedKey, Policy } from './manifest.ts';
import { maskSecrets } from '../runtime/secret-value.ts';

/** IAM tells the last use of a key with a delay that is not documented; we allow for this much. */
const REPORTING_DELAY_MS = DAY_MS;
/** A token outlives its key by this much at most. */
const TOKEN_LIFE_MS = HOUR_MS;
/** Room between the longest regular life of a key and its expiry at the issuer. */
const EXPIRY_RESERVE_MS = 30 * DAY_MS;

/** In a shorter window there is no time for a second attempt. */
const SHORTEST_WINDOW_MS = 15 * MINUTE_MS;

/** Due dates are spread over this part of `rotateEvery`, ahead of it, so that a fleet is not rotated in one hour. */
export const SPREAD = 0.1;

/** From its creation to its deletion in the slowest regular case, and 30 days: a key must not expire before that. */
export function longestLifeMs(policy: Pick<Policy, 'rotateEveryMs' | 'graceMs' | 'hold' | 'quarantineMs'>): number {
  const { rotateEveryMs, graceMs, hold, quarantineMs } = policy;
  return rotateEveryMs + graceMs + hold.atMostMs + quarantineMs + EXPIRY_RESERVE_MS;
}

/** What the fields of one policy demand of each other. */
export function policyFaults(key: ManagedKey, place: string): Fault[] {
  const { policy } = key;
  const atLeast = (field: string, isMs: number, leastMs: number, why: string): Fault[] => {
    if (isMs >= leastMs) return [];
    const wholeDaysMs = Math.ceil(leastMs / DAY_MS) * DAY_MS;
    const allowed = `at least ${formatDuration(leastMs > 3 * DAY_MS ? wholeDaysMs : leastMs)} (${why})`;
    return [{ path: `${place}.${field}`, found: formatDuration(isMs), allowed }];
  };
  const refreshMs = policy.consumersRefreshWithinMs;
  return [
    ...atLeast(
      'expiresAfter',
      policy.expiresAfterMs,
      longestLifeMs(policy),
      'rotateEvery, grace, hold.atMost and quarantine, and 30 days more',
    ),
    ...atLeast(
      'unusedFor',
      policy.unusedForMs,
      REPORTING_DELAY_MS + refreshMs + TOKEN_LIFE_MS,
      'a day until IAM reports a use, consumersRefreshWithin, and an hour of token life',
    ),
    ...atLeast('grace', policy.graceMs, refreshMs + TOKEN_LIFE_MS, 'consumersRefreshWithin and an hour of token life'),
    ...atLeast(
      'rotateEvery',
      policy.rotateEveryMs,
      policy.graceMs + policy.quarantineMs + DAY_MS,
      'grace, quarantine and a day: the former key must be gone by then',
    ),
  ];
}

/** Kinds whose issuers never tell when a key was last used. */
export const USE_IS_NEVER_TOLD: ReadonlySet<string> = new Set(['logging-key', 'classic-api-key']);

/** What only one kind demands. */
export function kindFaults(key: ManagedKey, place: string): Fault[] {
  const faults: Fault[] = [];
  const hasHmac =
    key.kind === 'service-credential' &&
    (key.parameters['HMAC'] === true || /^cos_hmac_keys\b/.test(key.secret.field ?? ''));
  if (key.policy.evidence.unused && (USE_IS_NEVER_TOLD.has(key.kind) || hasHmac)) {
    const allowed = hasHmac
      ? 'false, for no issuer tells when HMAC keys are used: that the new version is fetched, locks and time are the evidence'
      : `false, for the issuer of a ${key.kind} does not tell when one is used`;
    faults.push({ path: `${place}.evidence.unused`, found: 'true', allowed });
  }
  if (key.kind === 'logging-key' && key.use === 'ingestion' && key.ingestionUrl === null)
    faults.push({ path: `${place}.ingestionUrl`, found: 'nothing', allowed: 'an address, for `use: ingestion`' });
  return faults;
}

/** A window is long enough to be met, and shorter than a day. */
export function windowFaults(entry: EntryFile, place: string): Fault[] {
  if (!('window' in entry) || entry.window === 'any') return [];
  const { from, until, days } = entry.window;
  const { lengthMs } = maintenanceWindow(from, until, days);
  if (from !== until && lengthMs >= SHORTEST_WINDOW_MS) return [];
  const allowed =
    from === until
      ? 'another time than `from`, or `window: any` for any time'
      : `at least ${formatDuration(SHORTEST_WINDOW_MS)} after \`from\``;
  return [{ path: `${place}.window.until`, found: JSON.stringify(until), allowed }];
}

/** A login is an active entry of the same user, and no consumers' key. */
export function loginFaults(entry: EntryFile, siblings: readonly UserEntry[], place: string): Fault[] {
  if (!('login' in entry) || entry.login === undefined) return [];
  const found = siblings.find(({ name }) => name === entry.login);
  if (found?.login === undefined && found?.state === 'active') return [];
  const allowed = `the name of an active \`user-api-key\` entry of ${entry.iamId} that has no \`login\` itself`;
  return [{ path: `${place}.login`, found: JSON.stringify(entry.login), allowed }];
}

/** An entry, and what it manages: null for one without a key. */
export interface NamedEntry {
  place: string;
  name: string;
  key: ManagedKey | null;
}

/** Names and secrets that two entries share. */
export function nameFaults(entries: readonly NamedEntry[]): Fault[] {
  const faults: Fault[] = [];
  const owners = new Map<string, string>();
  const claim = (place: string, field: string, what: string) => {
    const owner = owners.get(what);
    if (owner === undefined) owners.set(what, place);
    else if (owner !== place) {
      faults.push({ path: `${place}.${field}`, found: maskSecrets(what), allowed: `not what ${owner} has too` });
    }
  };
  for (const { place, name, key } of entries) {
    claim(place, 'name', JSON.stringify(name));
    if (!key) continue;
    for (const former of key.formerly) claim(place, 'formerly', JSON.stringify(former));
    claim(place, 'secret', `${key.secret.type} secret ${JSON.stringify(key.secret.name)}`);
    for (const keyId of key.adopt) claim(place, 'adopt', keyId);
    if (key.kind === 'classic-api-key') claim(place, 'iamId', `the classic key of ${key.iamId}`);
  }
  return [...faults, ...formerSecretFaults(entries), ...ownKeyFaults(entries)];
}

const secretOf = ({ type }: ManagedKey['secret'], name: string): string => `${type} ${name}`;

/** A secret is looked for under the former names of an entry too: it must not find that of another. */
function formerSecretFaults(entries: readonly NamedEntry[]): Fault[] {
  const owners = new Map(
    entries.flatMap((one) => (one.key ? [[secretOf(one.key.secret, one.key.secret.name), one] as const] : [])),
  );
  return entries.flatMap(({ place, key }) => {
    if (!key) return [];
    return key.formerly.flatMap((former) => {
      const owner = owners.get(secretOf(key.secret, former));
      // A name that both have is a fault of its own, and told.
      if (!owner || owner.place === place || [owner.name, ...(owner.key?.formerly ?? [])].includes(former)) return [];
      const allowed = `not the name of the secret of ${owner.place}`;
      return [{ path: `${place}.formerly`, found: maskSecrets(JSON.stringify(former)), allowed }];
    });
  });
}

/** Keyrota logs in with one key. */
function ownKeyFaults(entries: readonly NamedEntry[]): Fault[] {
  const [first, ...others] = entries.filter(({ key }) => key?.runsKeyrota);
  return others.map(({ place }) => ({
    path: `${place}.runsKeyrota`,
    found: 'true',
    allowed: `false, for ${first?.place ?? ''} has it: Keyrota logs in with one key`,
  }));
}
