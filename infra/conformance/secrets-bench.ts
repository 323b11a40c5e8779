import type { Bench, Identity } from './bench.ts';
import { thenRemoving } from './then-removing.ts';
import { succeeded, textIn } from './raw-answer.ts';
import type { RawAnswer } from './raw-answer.ts';
import { arrival } from './waiting.ts';

// What contracts and open points do in Secrets Manager, as it is on the wire.

const API = '/api/v2/secrets';

/** A secret of the run. */
export interface MadeSecret {
  id: string;
  name: string;
}

/** One version, as a list shows it. */
export interface VersionRow {
  id: string;
  alias: string;
  downloaded: boolean;
  payload_available: boolean;
  version_custom_metadata: Record<string, unknown>;
}

export interface LockRow {
  name: string;
  secret_version_id: string;
  created_at: string;
  attributes: Record<string, unknown>;
}

const body = (of: object): object => ({ payload: 'first', secret_type: 'arbitrary', ...of });

/** Asks for a secret in the run's group; what comes back may be a refusal. */
export const requestSecret = (bench: Bench, name: string, more: object = {}): Promise<RawAnswer> =>
  bench.own.secretsManager.send(
    { method: 'POST', path: API, body: body({ name, secret_group_id: bench.ground.groupId, ...more }) },
    bench.signal,
  );

/** Lets `work` have a new secret, by default of type arbitrary with one version, and removes it. */
export async function withSecret<T>(
  bench: Bench,
  purpose: string,
  work: (secret: MadeSecret) => Promise<T>,
  more: object = {},
): Promise<T> {
  const name = bench.book.newName(purpose);
  const id = textIn(succeeded(await requestSecret(bench, name, more), 'creating a secret').body, 'id');
  return thenRemoving(
    () => work({ id, name }),
    () => removeSecret(bench, id),
  );
}

/** Takes all locks off, and deletes. */
export async function removeSecret(bench: Bench, id: string): Promise<void> {
  const { signal, own } = bench;
  await own.secretsManager.send({ method: 'DELETE', path: `${API}/${id}/locks_bulk` }, signal);
  const { status } = await own.secretsManager.send({ method: 'DELETE', path: `${API}/${id}` }, signal);
  if (status >= 400 && status !== 404) throw new Error(`deleting a secret: status ${status}`);
}

export const rotate = (bench: Bench, id: string, payload: string, more: object = {}): Promise<RawAnswer> =>
  bench.own.secretsManager.send(
    { method: 'POST', path: `${API}/${id}/versions`, body: { payload, ...more } },
    bench.signal,
  );

/** Rotates, and gives the id of the new version. @throws Error for a refusal. */
export const rotated = async (bench: Bench, id: string, payload: string): Promise<string> =>
  textIn(succeeded(await rotate(bench, id, payload), 'rotating').body, 'id');

/** The id of the current version of a secret that has only one; reads may be late to show it. */
export async function firstVersionId(bench: Bench, id: string): Promise<string> {
  const path = `${API}/${id}/versions/current/metadata`;
  return arrival(bench, 'the first version', async () => {
    const { status, body } = await bench.own.secretsManager.send({ method: 'GET', path }, bench.signal);
    return status === 200 ? textIn(body, 'id') : null;
  });
}

export const lock = (
  bench: Bench,
  id: string,
  version: string,
  more: { mode?: string; name?: string; attributes?: object; as?: Identity } = {},
): Promise<RawAnswer> => {
  const { mode, name = 'conformance', attributes = {}, as = bench.own } = more;
  const path = `${API}/${id}/versions/${version}/locks_bulk`;
  const query = mode === undefined ? {} : { mode };
  return as.secretsManager.send({ method: 'POST', path, query, body: { locks: [{ name, attributes }] } }, bench.signal);
};

export const readVersion = (bench: Bench, id: string, version: string): Promise<RawAnswer> =>
  bench.own.secretsManager.send({ method: 'GET', path: `${API}/${id}/versions/${version}` }, bench.signal);

export const readMetadata = (bench: Bench, id: string): Promise<RawAnswer> =>
  bench.own.secretsManager.send({ method: 'GET', path: `${API}/${id}/metadata` }, bench.signal);

export const patchMetadata = (bench: Bench, id: string, patch: object): Promise<RawAnswer> =>
  bench.own.secretsManager.send({ method: 'PATCH', path: `${API}/${id}/metadata`, body: patch }, bench.signal);

export const patchVersionMetadata = (
  bench: Bench,
  id: string,
  version: string,
  metadata: object,
  as: Identity = bench.own,
): Promise<RawAnswer> =>
  as.secretsManager.send(
    {
      method: 'PATCH',
      path: `${API}/${id}/versions/${version}/metadata`,
      body: { version_custom_metadata: metadata },
    },
    bench.signal,
  );

export async function versionsOf(bench: Bench, id: string): Promise<VersionRow[]> {
  const answer = await bench.own.secretsManager.send({ method: 'GET', path: `${API}/${id}/versions` }, bench.signal);
  return rowsIn(answer, 'versions') as VersionRow[];
}

export async function locksOf(bench: Bench, id: string): Promise<LockRow[]> {
  const path = `${API}/${id}/locks`;
  const answer = await bench.own.secretsManager.send({ method: 'GET', path, query: { limit: 100 } }, bench.signal);
  return rowsIn(answer, 'locks') as LockRow[];
}

/** A list may not know the secret yet. */
function rowsIn(answer: RawAnswer, field: 'versions' | 'locks'): unknown[] {
  if (answer.status === 404) return [];
  return (succeeded(answer, `listing ${field}`).body[field] ?? []) as unknown[];
}

/**
 * The locks, once the list shows what was written last: a lock of that name is put on the current version as a mark, after
 * which nothing older can be missing.
 */
export async function settledLocks(bench: Bench, id: string): Promise<LockRow[]> {
  succeeded(await lock(bench, id, 'current', { name: 'mark' }), 'locking');
  return arrival(bench, 'a lock in its list', async () => {
    const locks = await locksOf(bench, id);
    return locks.some(({ name }) => name === 'mark') ? locks : null;
  });
}

/** The metadata of a secret, once reads show that `isNew`. */
export const settledMetadata = (
  bench: Bench,
  id: string,
  isNew: (metadata: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> =>
  arrival(bench, 'written metadata', async () => {
    const custom = (await readMetadata(bench, id)).body['custom_metadata'] as Record<string, unknown> | undefined;
    return custom && isNew(custom) ? custom : null;
  });
