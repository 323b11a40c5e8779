import { isApiError } from '../../../shared/clients/api-error.ts';
import { eachAtOnce } from '../../../shared/inventory/each-at-once.ts';
import { grantTo } from '../../../shared/inventory/own-access.ts';
import { PersonNeeded } from '../../../shared/keys/kind.ts';
import type { Obstacle } from '../../../shared/keys/kind.ts';
import type { ManagedKey } from '../../../shared/keys/manifest.ts';
import { TimeIsUp, withTimeLimit } from '../../../shared/runtime/clock.ts';
import { MINUTE_MS } from '../../../shared/keys/duration.ts';
import { notProvisioned, roleMissing } from '../../../shared/rotation/obstacles.ts';
import { observe } from '../../../shared/rotation/observe.ts';
import { portsFor } from '../../../shared/rotation/ports.ts';
import type { Ports } from '../../../shared/rotation/ports.ts';
import { KeyrotaError, messageOf } from '../../../shared/runtime/errors.ts';
import { counted, failed, notLookedAt, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { DoctorWorld } from './world.ts';

/** So many entries are looked at side by side. */
const AT_ONCE = 8;

/** What looking at all entries may take, in milliseconds: of 1,000 each takes three calls, of which there are 20 a second. */
const ENTRIES_MS = 5 * MINUTE_MS;

/** What would stand in the way of a new key for each entry, due or not. What there is no time for is told. */
export async function checkEntries(world: DoctorWorld, parent: AbortSignal): Promise<Finding[]> {
  const active = world.manifest.keys.filter(({ state }) => state === 'active');
  if (active.length === 0) return [ok('the manifest has no active entry')];
  const seen = new Map<string, Finding[]>();
  const lookAtAll = (signal: AbortSignal) =>
    eachAtOnce(AT_ONCE, active, async (key) => {
      const ports = { ...world.ports, signal };
      const isSeen = ports.kindOf(key).survey !== undefined;
      seen.set(key.name, isSeen ? await checkEntry(key, world, ports) : [takesAChange(key)]);
    });
  await withTimeLimit(world.clock, ENTRIES_MS, parent, lookAtAll).catch((error: unknown) => {
    if (!(error instanceof TimeIsUp)) throw error;
  });
  const findings = active.flatMap(({ name }) => seen.get(name) ?? []);
  const wellCount = [...seen.values()].filter((found) => found.length === 0).length;
  const leftCount = active.length - seen.size;
  return [
    ...findings,
    ...(wellCount > 0 ? [ok(`${counted(wellCount, 'entry', 'entries')} could have a new key`)] : []),
    ...(leftCount > 0 ? [notLookedAt(`there was no time for ${counted(leftCount, 'entry', 'entries')}`)] : []),
  ];
}

const takesAChange = ({ name, kind }: ManagedKey): Finding =>
  notLookedAt(
    `a look at keys of kind ${kind} makes a resource key for a moment, so it is left to rotate-keys`,
    [],
    name,
  );

async function checkEntry(key: ManagedKey, world: DoctorWorld, ports: Ports): Promise<Finding[]> {
  if (key.owner === '') return [findingOf(key, notProvisioned(key), world)];
  try {
    const own = portsFor(key, ports);
    const seen = await observe(key, null, true, own);
    const kind = own.kindOf(key);
    const gone = seen.identityExists ? [] : [kind.facts.ownerGone(key)];
    const obstacles = gone.length > 0 ? gone : await kind.obstacles(key, seen.keyCount, own.signal);
    return obstacles.map((obstacle) => findingOf(key, obstacle, world));
  } catch (error) {
    if (ports.signal.aborted) throw error;
    if (error instanceof PersonNeeded) return [findingOf(key, error.obstacle, world)];
    if (isApiError(error, 'forbidden'))
      return [findingOf(key, roleMissing(key, `do ${error.operation}`, ports.kindOf(key).facts), world)];
    if (error instanceof KeyrotaError)
      return [failed(messageOf(error), error.next === '' ? [] : [error.next], key.name)];
    throw error;
  }
}

/** Where the functions are deployed, what this login may not see says nothing of them: their roles are looked at by themselves. */
function findingOf({ name }: ManagedKey, { code, problem, steps }: Obstacle, world: DoctorWorld): Finding {
  const next = steps.map((step) => asOwn(step, world.account.login.iamId));
  if (code !== 'role_missing' || !world.deployed) return failed(problem, next, name);
  return notLookedAt(`this login may not see it, which is no fault of the functions: ${problem}`, next, name);
}

/** Steps are written for the trusted profile of a function; here they are about whoever is logged in. */
function asOwn(step: string, iamId: string | null): string {
  const [, options] = /^ibmcloud iam trusted-profile-policy-create PROFILE (.+)$/.exec(step) ?? [];
  return options === undefined ? step : grantTo(iamId, options);
}

/** A new key, and one of a run that was cut off and is not deleted yet. */
const NEEDED = 2;

/** How many more keys each identity may have. */
export async function checkQuotas({ manifest, account }: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const owners = new Map(manifest.keys.filter(hasQuota).map((key) => [key.owner, key]));
  if (owners.size === 0) return [ok('no entry has keys of which there may be a number only')];
  const findings: Finding[] = [];
  const unseen: string[] = [];
  await eachAtOnce(AT_ONCE, [...owners.values()], async (key) => {
    const { owner, kind } = key;
    const iamId = kind === 'service-id-api-key' ? `iam-${owner}` : owner;
    const { count, limit } = await account.identity.keyQuota(iamId, signal).catch((error: unknown) => {
      // One that is gone is told of with its entry.
      if (isApiError(error, 'not_found')) return { count: 0, limit: NEEDED };
      if (!isApiError(error, 'forbidden')) throw error;
      unseen.push(owner);
      return { count: 0, limit: NEEDED };
    });
    if (limit - count >= NEEDED) return;
    const seen = `${owner} has ${count} of at most ${limit} API keys`;
    findings.push((count >= limit ? failed : warning)(seen, toMakeRoom(key), key.name));
  });
  const hidden = unseen.length === 0 ? [] : [notSeen(unseen, account.login.iamId)];
  const wellCount = owners.size - unseen.length - findings.length;
  const well =
    wellCount > 0 ? [ok(`${counted(wellCount, 'identity', 'identities')} with room for ${NEEDED} more keys`)] : [];
  return [...findings, ...hidden, ...well];
}

const hasQuota = ({ kind, state, owner }: ManagedKey): boolean =>
  (kind === 'service-id-api-key' || kind === 'user-api-key') && state === 'active' && owner !== '';

const notSeen = (owners: readonly string[], iamId: string | null): Finding =>
  notLookedAt(`this login may not count the keys of ${counted(owners.length, 'identity', 'identities')}`, [
    grantTo(iamId, "--roles 'API key reviewer' --service-name iam-identity"),
  ]);

const toMakeRoom = ({ kind, owner }: ManagedKey): string[] =>
  kind === 'service-id-api-key'
    ? [
        `ibmcloud iam service-api-keys ${owner}`,
        `Delete what nobody uses: ibmcloud iam service-api-key-delete KEY_ID ${owner}`,
      ]
    : ['ibmcloud iam api-keys, logged in as that user', 'Delete what nobody uses: ibmcloud iam api-key-delete KEY_ID'];
