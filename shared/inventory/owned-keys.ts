import type { IssuerKey } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { Desk } from './desk.ts';
import { eachAtOnce } from './each-at-once.ts';
import type { AccountKey } from './inventory.ts';

/** So many owners are asked at a time: some log in first, or make a key for it. */
const OWNERS_AT_ONCE = 8;

type Kind = AccountKey['kind'];

/** Kinds whose keys IAM knows: of these more is told. */
const IN_IAM = new Set<Kind>(['service-id-api-key', 'user-api-key']);

/** What an entry's `list` shows is the same for all entries of this. */
const listOf = (key: ManagedKey): string => `${key.owner} ${'use' in key ? key.use : ''}`;

/** All keys of the owners that entries of this kind name, where only these are shown. @returns whether all of them were listed. */
export async function readOwnedKeys(kind: Kind, desk: Desk): Promise<boolean> {
  const { sight } = desk;
  const lists = [...Map.groupBy(desk.entriesOf(kind), listOf).values()].flatMap(([first]) => first ?? []);
  let isWhole = true;
  await eachAtOnce(OWNERS_AT_ONCE, lists, async (key) => {
    const subject = { what: `keys of ${key.owner}`, toAllow: desk.kindOf(key).facts.rolesNeeded(key).join('\n') };
    const listed = await sight.look(subject, async (signal) => (await desk.kindOf(key).list(key, signal)) ?? []);
    if (!listed.value) isWhole = false;
    else desk.hand(listed.value.filter(({ ownerMatches }) => ownerMatches).map((one) => accountKeyOf(one, key, desk)));
  });
  return isWhole;
}

function accountKeyOf(found: IssuerKey, { kind, owner }: ManagedKey, desk: Desk): AccountKey {
  const { id, name, expiresAtMs, generatedFor, locked, disabled } = found;
  const isInIam = IN_IAM.has(kind);
  const createdAtMs = found.createdAtMs === 0 ? null : found.createdAtMs;
  return desk.told({
    kind,
    id,
    name,
    owner,
    createdAtMs,
    expiresAtMs,
    lastUsed: isInIam ? desk.useOf(id, createdAtMs) : 'unknown',
    locked: isInIam ? locked : null,
    disabled: isInIam ? disabled : null,
    actionWhenLeaked: null,
    generatedFor,
  });
}

/** What issuers that show keys to their owners alone keep from us, and who could look. */
export function noteHiddenOwners(desk: Desk, hasLoggingInstances: boolean): void {
  desk.sight.note({
    what: 'classic API keys of users that no entry names',
    code: 'not_told',
    why: 'classic infrastructure shows a key to its owner alone',
    next: '',
  });
  if (!hasLoggingInstances && desk.entriesOf('logging-key').length === 0) return;
  desk.sight.note({
    what: 'ingestion and service keys of instances that no entry names',
    code: 'not_told',
    why: 'Log Analysis and Activity Tracker show keys to who has a service key of the instance',
    next: 'Name the instance in an entry of the manifest, or look at its dashboard.',
  });
}
