import type { Context } from 'hono';
import type { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { parse } from './errors.ts';
import { withLocks, withoutLocks } from './locks.ts';
import type { Lock, Secret, Version } from './model.ts';
import { CreateLocksQuery, DeleteLocksQuery, ListLocksQuery, ListSecretsLocksQuery, paged, sorted } from './query.ts';
import { LocksPrototype } from './schemas.ts';
import { locksView, lockView } from './views.ts';

interface LockPlace {
  version: Version;
  lock: Lock;
}

const SORT_KEYS: Record<string, (place: LockPlace) => string | number> = {
  name: ({ lock }) => lock.name,
  created_at: ({ lock }) => lock.createdAtMs,
  updated_at: ({ lock }) => lock.updatedAtMs,
};

/** What is locked. */
interface Place {
  /** Which of the two families of operations: on the secret, or on one of its versions. */
  scope: 'secret-locks' | 'secret-version-locks';
  secretId: string;
  /** Null for the secret: locks are put on its current version, and taken from all. */
  versionId: string | null;
}

const ofSecret = (context: Context<CloudEnv, `${string}/:id/locks_bulk`>): Place => ({
  scope: 'secret-locks',
  secretId: context.req.param('id'),
  versionId: null,
});
const ofVersion = (context: Context<CloudEnv, `${string}/:secret_id/versions/:id/locks_bulk`>): Place => ({
  scope: 'secret-version-locks',
  secretId: context.req.param('secret_id'),
  versionId: context.req.param('id'),
});

type CreateLocksQuery = z.infer<typeof CreateLocksQuery>;
type DeleteLocksQuery = z.infer<typeof DeleteLocksQuery>;

/** Locks: https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-locks. */
export function lockRoutes(routes: StrictRoutes, desk: Desk): void {
  addLocking(routes, desk);
  addLists(routes, desk);
}

function addLocking(routes: StrictRoutes, desk: Desk): void {
  const { store, parts } = desk;

  const create = async (context: Context<CloudEnv>, place: Place, { mode }: CreateLocksQuery) => {
    const { scope, secretId, versionId } = place;
    const body = await bodyOf(context, 'application/json');
    const secret = desk.secret(context, `${scope}.create`, secretId);
    const removes = mode !== undefined && parts.switches.removePreviousNeedsLockDelete;
    if (removes) desk.demand(context, `${scope}.delete`, secret.groupId);
    const { locks } = parse(LocksPrototype, body);
    const version = desk.version(secret, versionId ?? 'current');
    const stamp = { by: callerOf(context).iamId, atMs: desk.nowMs };
    const locking = (before: Secret) => withLocks(before, version.id, locks, { mode, stamp, switches: parts.switches });
    const after = await desk.write(
      () => void locking(secret),
      () => {
        const before = desk.present(secret);
        const locked = locking(before);
        tellWiped(desk, before, locked, stamp.by);
        return store.put(locked);
      },
    );
    return context.json(locksView(after, touched(after, version)), 201);
  };

  const remove = (context: Context<CloudEnv>, place: Place, query: DeleteLocksQuery) => {
    const { scope, secretId, versionId } = place;
    const secret = desk.secret(context, `${scope}.delete`, secretId);
    const version = desk.version(secret, versionId ?? 'current');
    const after = store.put(withoutLocks(secret, versionId === null ? null : version.id, query.name ?? null));
    return context.json(locksView(after, touched(after, version)));
  };

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-locks-bulk
  routes.addWithQuery('POST', '/api/v2/secrets/:id/locks_bulk', CreateLocksQuery, (context, query) =>
    create(context, ofSecret(context), query),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-locks-bulk
  routes.addWithQuery('DELETE', '/api/v2/secrets/:id/locks_bulk', DeleteLocksQuery, (context, query) =>
    remove(context, ofSecret(context), query),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version-locks-bulk
  routes.addWithQuery(
    'POST',
    '/api/v2/secrets/:secret_id/versions/:id/locks_bulk',
    CreateLocksQuery,
    (context, query) => create(context, ofVersion(context), query),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-version-locks-bulk
  routes.addWithQuery(
    'DELETE',
    '/api/v2/secrets/:secret_id/versions/:id/locks_bulk',
    DeleteLocksQuery,
    (context, query) => remove(context, ofVersion(context), query),
  );
}

function addLists(routes: StrictRoutes, desk: Desk): void {
  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-locks
  routes.addWithQuery('GET', '/api/v2/secrets/:id/locks', ListLocksQuery, (context, query) => {
    const secret = desk.listedSecret(context, 'secrets-locks.list', context.req.param('id'));
    return answerLocks(context, query, secret, secret.versions);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-version-locks
  routes.addWithQuery('GET', '/api/v2/secrets/:secret_id/versions/:id/locks', ListLocksQuery, (context, query) => {
    const secret = desk.listedSecret(context, 'secret-version-locks.list', context.req.param('secret_id'));
    return answerLocks(context, query, secret, [desk.version(secret, context.req.param('id'))]);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secrets-locks
  routes.addWithQuery('GET', '/api/v2/secrets_locks', ListSecretsLocksQuery, (context, query) => {
    const { search = '', groups } = query;
    const visible = desk.groupsFor(context, 'secrets-locks.list');
    const shows = (name: string) => name.includes(search);
    const holds = ({ locks }: Version) => locks.some(({ name }) => shows(name));
    const found = desk.store
      .listed()
      .filter(({ groupId }) => visible.has(groupId) && (!groups || groups.includes(groupId)))
      .filter(({ versions }) => versions.some(holds));
    return context.json(
      paged(context, found, query, 'secrets_locks', (secret) =>
        locksView(secret, secret.versions.filter(holds), shows),
      ),
    );
  });
}

const versionsWithData = ({ versions }: Secret): number => versions.filter(({ data }) => data !== null).length;

/** Tells Event Notifications when a lock mode has wiped the data of a version. */
function tellWiped(desk: Desk, before: Secret, after: Secret, by: string): void {
  if (versionsWithData(after) < versionsWithData(before))
    desk.events.raise(desk.parts.switches.wipedVersionEvent, after, { by });
}

/** What the answer to a change of locks shows: the version it was asked of, and all others that are still locked. */
const touched = ({ versions }: Secret, { id }: Version): Version[] =>
  versions.filter((version) => version.id === id || version.locks.length > 0);

function answerLocks(
  context: Context<CloudEnv>,
  query: z.infer<typeof ListLocksQuery>,
  secret: Secret,
  versions: readonly Version[],
): Response {
  const { search = '' } = query;
  const places = versions.flatMap((version) => version.locks.map((lock) => ({ version, lock })));
  const found = places.filter(({ lock }) => lock.name.includes(search));
  const inOrder = sorted(found, query.sort, SORT_KEYS);
  return context.json(paged(context, inOrder, query, 'locks', ({ version, lock }) => lockView(secret, version, lock)));
}
