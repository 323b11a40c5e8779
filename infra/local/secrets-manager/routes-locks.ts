import type { Context, Hono } from 'hono';
import type { CloudEnv } from '../parts.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { parse } from './errors.ts';
import { withLocks, withoutLocks } from './locks.ts';
import type { Lock, Secret, Version } from './model.ts';
import {
  CreateLocksQuery,
  DeleteLocksQuery,
  ListLocksQuery,
  ListSecretsLocksQuery,
  paged,
  queryOf,
  sorted,
} from './query.ts';
import { LocksPrototype } from './schemas.ts';
import { versionOf } from './versions.ts';
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

/** Which of the two families of operations: on the secret, or on one of its versions. */
type Scope = 'secret-locks' | 'secret-version-locks';

/** Locks: https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-locks. */
export function lockRoutes(app: Hono<CloudEnv>, desk: Desk): void {
  const { store, parts } = desk;

  const create = async (context: Context<CloudEnv>, scope: Scope, secretId: string, versionId: string) => {
    const body = await bodyOf(context, 'application/json');
    const { mode } = queryOf(context, CreateLocksQuery);
    const secret = desk.secret(context, `${scope}.create`, secretId);
    const removes = mode !== undefined && parts.switches.removePreviousNeedsLockDelete;
    if (removes) desk.demand(context, `${scope}.delete`, secret.groupId);
    const { locks } = parse(LocksPrototype, body);
    const version = versionOf(secret, versionId);
    const stamp = { by: desk.caller(context).iamId, atMs: desk.nowMs };
    const after = withLocks(secret, version, locks, mode, stamp);
    store.put(after);
    return context.json(locksView(after, touched(after, version)), 201);
  };

  const remove = (context: Context<CloudEnv>, scope: Scope, secretId: string, versionId: string | null) => {
    const { name: names = null } = queryOf(context, DeleteLocksQuery);
    const secret = desk.secret(context, `${scope}.delete`, secretId);
    const version = versionOf(secret, versionId ?? 'current');
    const after = withoutLocks(secret, versionId === null ? null : version.id, names);
    store.put(after);
    return context.json(locksView(after, touched(after, version)));
  };

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-locks-bulk
  app.post('/api/v2/secrets/:id/locks_bulk', (context) =>
    create(context, 'secret-locks', context.req.param('id'), 'current'),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-locks-bulk
  app.delete('/api/v2/secrets/:id/locks_bulk', (context) =>
    remove(context, 'secret-locks', context.req.param('id'), null),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version-locks-bulk
  app.post('/api/v2/secrets/:secret_id/versions/:id/locks_bulk', (context) =>
    create(context, 'secret-version-locks', context.req.param('secret_id'), context.req.param('id')),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-version-locks-bulk
  app.delete('/api/v2/secrets/:secret_id/versions/:id/locks_bulk', (context) =>
    remove(context, 'secret-version-locks', context.req.param('secret_id'), context.req.param('id')),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-locks
  app.get('/api/v2/secrets/:id/locks', (context) => {
    const secret = desk.listedSecret(context, 'secrets-locks.list', context.req.param('id'));
    return answerLocks(context, secret, secret.versions);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-version-locks
  app.get('/api/v2/secrets/:secret_id/versions/:id/locks', (context) => {
    const secret = desk.listedSecret(context, 'secret-version-locks.list', context.req.param('secret_id'));
    return answerLocks(context, secret, [versionOf(secret, context.req.param('id'))]);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secrets-locks
  app.get('/api/v2/secrets_locks', (context) => {
    const query = queryOf(context, ListSecretsLocksQuery);
    const { search = '', groups } = query;
    const visible = desk.groupsFor(context, 'secrets-locks.list');
    const shows = (name: string) => name.includes(search);
    const holds = ({ locks }: Version) => locks.some(({ name }) => shows(name));
    const found = store
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

/** What the answer to a change of locks shows: the version it was asked of, and all others that are still locked. */
const touched = ({ versions }: Secret, { id }: Version): Version[] =>
  versions.filter((version) => version.id === id || version.locks.length > 0);

function answerLocks(context: Context<CloudEnv>, secret: Secret, versions: readonly Version[]): Response {
  const query = queryOf(context, ListLocksQuery);
  const { search = '' } = query;
  const places = versions.flatMap((version) => version.locks.map((lock) => ({ version, lock })));
  const found = places.filter(({ lock }) => lock.name.includes(search));
  const inOrder = sorted(found, query.sort, SORT_KEYS);
  return context.json(paged(context, inOrder, query, 'locks', ({ version, lock }) => lockView(secret, version, lock)));
}
