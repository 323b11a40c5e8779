import { isApiError } from '../../shared/clients/api-error.ts';
import { other, value } from './answer.ts';
import type { Bench } from './bench.ts';
import { contract, holds, point } from './item.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import { succeeded } from './raw-answer.ts';
import {
  lock,
  locksOf,
  patchMetadata,
  readVersion,
  removeSecret,
  rotate,
  rotated,
  settledLocks,
  firstVersionId,
  withSecret,
} from './secrets-bench.ts';
import { arrival } from './waiting.ts';

/** Two versions, the previous one of which is locked, as a refused rotation proves. */
async function lockedPrevious(bench: Bench, id: string): Promise<{ previous: string; current: string }> {
  const previous = await firstVersionId(bench, id);
  succeeded(await lock(bench, id, previous), 'locking');
  const current = await rotated(bench, id, 'second');
  const { status } = await rotate(bench, id, 'third');
  holds(status === 412, `status ${status} to a rotation while the previous version is locked`);
  return { previous, current };
}

/** A list may not know the secret yet. */
const noneYet = (error: unknown): [] => {
  if (isApiError(error, 'not_found')) return [];
  throw error;
};

const CONTRACTS: readonly Contract[] = [
  contract('A lock of a name that is there is replaced, with its attributes.', (bench) =>
    withSecret(bench, 'replaced', async ({ id }) => {
      const version = await firstVersionId(bench, id);
      succeeded(await lock(bench, id, version, { attributes: { op: 'one' } }), 'locking');
      const again = await lock(bench, id, version, { attributes: { op: 'two' } });
      holds(again.status === 201, `status ${again.status}`);
      const locks = (await settledLocks(bench, id)).filter(({ name }) => name === 'conformance');
      holds(locks.length === 1, `there are ${locks.length} of that name`);
      holds(locks[0]?.attributes['op'] === 'two', 'it has the former attributes');
    }),
  ),
  contract('A locked secret cannot be deleted: 412.', (bench) =>
    withSecret(bench, 'kept', async ({ id }) => {
      succeeded(await lock(bench, id, await firstVersionId(bench, id)), 'locking');
      const { status } = await bench.own.secretsManager.send(
        { method: 'DELETE', path: `/api/v2/secrets/${id}` },
        bench.signal,
      );
      holds(status === 412, `status ${status}`);
      await removeSecret(bench, id);
    }),
  ),
  contract(
    '`remove_previous` on the current version takes the lock of that name off the previous one; nothing is wiped.',
    (bench) =>
      withSecret(bench, 'released', async ({ id }) => {
        const { previous, current } = await lockedPrevious(bench, id);
        const guard = { name: 'conformance', attributes: {}, freesPrevious: true };
        await bench.own.secrets.lockVersion(id, current, guard, bench.signal);
        const { body } = await readVersion(bench, id, previous);
        holds(body['payload'] === 'first', 'the previous value cannot be read any more');
        holds((await rotate(bench, id, 'third')).status === 201, 'the next rotation is refused');
      }),
  ),
  contract(
    '`remove_previous` leaves locks of other names on the previous version: the next rotation is refused with 412.',
    (bench) =>
      withSecret(bench, 'held', async ({ id }) => {
        const { previous, current } = await lockedPrevious(bench, id);
        succeeded(await lock(bench, id, previous, { name: 'consumer' }), 'locking');
        succeeded(await lock(bench, id, current, { mode: 'remove_previous' }), 'freeing');
        const { status } = await rotate(bench, id, 'third');
        holds(status === 412, `status ${status}`);
      }),
  ),
  contract('`remove_previous_and_delete` also wipes the previous value.', (bench) =>
    withSecret(bench, 'wiped', async ({ id }) => {
      const { previous, current } = await lockedPrevious(bench, id);
      succeeded(await lock(bench, id, current, { mode: 'remove_previous_and_delete' }), 'wiping');
      await arrival(bench, 'the end of the value', async () =>
        'payload' in (await readVersion(bench, id, previous)).body ? null : true,
      );
    }),
  ),
  contract('A list of locks tells the version of each, and what was put with it.', (bench) =>
    withSecret(bench, 'listed', async ({ id }) => {
      const version = await firstVersionId(bench, id);
      succeeded(await lock(bench, id, version, { attributes: { op: 'one' } }), 'locking');
      const locks = await arrival(bench, 'the lock', async () => {
        const found = await bench.own.secrets.listLocks(id, bench.signal).catch(noneYet);
        return found.length > 0 ? found : null;
      });
      holds(locks[0]?.secret_version_id === version, 'it tells another version');
      holds(locks[0]?.attributes['op'] === 'one', 'it has not its attributes');
    }),
  ),
];

/** What a mode does to a lock that is put on the previous version with it. */
async function lockModeOnPrevious(bench: Bench, id: string) {
  const { previous } = await lockedPrevious(bench, id);
  const answer = await lock(bench, id, previous, { mode: 'remove_previous' });
  if (answer.status >= 400) return other(`status ${answer.status}`);
  const locks = await settledLocks(bench, id);
  const isThere = locks.some((one) => one.name === 'conformance' && one.secret_version_id === previous);
  return value(isThere ? ('ignored' as const) : ('applied' as const));
}

/** Dates may be told to the second. */
const APART_MS = 3_000;

async function replacedLockCreatedAt(bench: Bench, id: string) {
  const version = await firstVersionId(bench, id);
  succeeded(await lock(bench, id, version, { attributes: { op: 'one' } }), 'locking');
  const first = await lockWith(bench, id, 'one');
  await bench.pause(APART_MS);
  succeeded(await lock(bench, id, version, { attributes: { op: 'two' } }), 'locking again');
  const second = await lockWith(bench, id, 'two');
  return value(first.created_at === second.created_at ? ('kept' as const) : ('new' as const));
}

const lockWith = (bench: Bench, id: string, op: string) =>
  arrival(bench, 'the lock', async () => (await locksOf(bench, id)).find((one) => one.attributes['op'] === op) ?? null);

const POINTS: readonly OpenPoint[] = [
  point('lockRefusesSecretPatch', 'Does a lock also refuse to patch the metadata of the secret?', (bench) =>
    withSecret(bench, 'patched', async ({ id }) => {
      succeeded(await lock(bench, id, await firstVersionId(bench, id)), 'locking');
      await settledLocks(bench, id);
      const { status } = await patchMetadata(bench, id, { description: 'Changed under a lock.' });
      if (status < 300) return value(false);
      return status === 412 ? value(true) : other(`status ${status}`);
    }),
  ),
  point('lockModeOnPrevious', 'What does a lock mode do when the lock is put on the previous version?', (bench) =>
    withSecret(bench, 'mode', ({ id }) => lockModeOnPrevious(bench, id)),
  ),
  point('replacedLockCreatedAt', 'Which date of creation has a lock that replaces another?', (bench) =>
    withSecret(bench, 'dated', ({ id }) => replacedLockCreatedAt(bench, id)),
  ),
];

/** Locks on versions of secrets. */
export const LOCKS: Family = { title: 'Locks', contracts: CONTRACTS, points: POINTS };
