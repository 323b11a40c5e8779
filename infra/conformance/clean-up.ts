import { KeyrotaError } from '../../shared/runtime/errors.ts';
import type { Bench } from './bench.ts';
import type { MadeKind } from './book.ts';
import type { RawAnswer } from './raw-answer.ts';
import type { RawApi } from './raw.ts';
import { textIn } from './raw-answer.ts';
import { removeSecret } from './secrets-bench.ts';
import { awaited, MINUTE_MS, PATIENCE_MS } from './waiting.ts';

/** Something of a run that is still there. */
export interface Leftover {
  kind: MadeKind;
  id: string;
}

type Row = Record<string, unknown>;

/**
 * Removes all that bears the name of the run of this bench, and looks until nothing of it is found any more. It may be repeated.
 * @returns what is left after eleven minutes: nothing, unless the platform refuses.
 * @throws Error where it could not even be looked for, at the last.
 */
export async function cleanUp(bench: Bench): Promise<Leftover[]> {
  const beganMs = bench.clock.nowMs();
  let last: Sweep = { found: [], failures: [] };
  const look = async () => {
    last = await sweep(bench);
    if (last.found.length > 0 || last.failures.length > 0) return null;
    return !bench.book.isUnsure || bench.clock.nowMs() - beganMs >= UNSURE_MS ? true : null;
  };
  await awaited(bench, PATIENCE_MS, look);
  if (last.failures.length > 0) throw last.failures[0];
  return last.found;
}

/** How long something is looked for that may be too new to be found: a fresh resource key may be 404 for minutes. */
const UNSURE_MS = 5 * MINUTE_MS;

interface Sweep {
  found: Leftover[];
  /** Of the APIs that could not be asked what there is. */
  failures: unknown[];
}

/**
 * One look for what is there, and an attempt to remove all of it. A next look proves that it went. What one API does not answer keeps
 * nothing of another one there.
 */
async function sweep(bench: Bench): Promise<Sweep> {
  const found: Leftover[] = [];
  const failures: unknown[] = [];
  for (const find of [inResourceController, inSecretsManager, inIam]) {
    try {
      found.push(...(await find(bench)));
    } catch (error) {
      throwIfFinal(bench, error);
      failures.push(error);
    }
  }
  for (const { kind, id } of found) bench.book.add(kind, id);
  const unseen = bench.book.unremoved.filter(({ id }) => !found.some((one) => one.id === id));
  const removable = [...found, ...unseen];
  const inOrder: readonly MadeKind[] = ['resource key', 'secret', 'secret group', 'API key', 'service ID', 'policy'];
  for (const wanted of inOrder) {
    for (const { kind, id } of removable) if (kind === wanted) await removeOne(bench, kind, id);
  }
  return { found, failures };
}

/** Nothing is tried again after an end from outside, nor after a fault of the run. */
function throwIfFinal({ signal }: Bench, error: unknown): void {
  signal.throwIfAborted();
  if (error instanceof KeyrotaError && error.code === 'not_ours') throw error;
}

const all = (kind: MadeKind, ids: Iterable<string>): Leftover[] => [...ids].map((id) => ({ kind, id }));

async function inResourceController(bench: Bench): Promise<Leftover[]> {
  return all('resource key', await withUnlisted(bench, 'resource key', await resourceKeysOf(bench)));
}

async function inSecretsManager(bench: Bench): Promise<Leftover[]> {
  const { own, book } = bench;
  const groups = await rowsOf(bench, own.secretsManager, '/api/v2/secret_groups', 'secret_groups', {});
  const ofRun = { search: book.runName, limit: 1_000 };
  const secrets = await rowsOf(bench, own.secretsManager, '/api/v2/secrets', 'secrets', ofRun);
  return [
    ...all('secret', ownIds(bench, secrets)),
    ...all('secret group', await withUnlisted(bench, 'secret group', groups)),
  ];
}

/** The service ID with its keys, and policies on it. */
async function inIam(bench: Bench): Promise<Leftover[]> {
  const { own, book, addresses } = bench;
  const byName = { account_id: addresses.accountId, name: book.runName, pagesize: 100 };
  const serviceIds = await rowsOf(bench, own.iam, '/v1/serviceids', 'serviceids', byName);
  const found = await withUnlisted(bench, 'service ID', serviceIds);
  const keys = await Promise.all(found.map((id) => keysOf(bench, id)));
  const policies = await policiesAbout(bench, [...book.idsOf('service ID'), ...found]);
  return [...all('service ID', found), ...keys.flat(), ...policies];
}

const ownIds = ({ book }: Bench, rows: readonly Row[]): Set<string> =>
  new Set(rows.filter(({ name }) => book.isOwnName(name)).map((row) => textIn(row, 'id')));

/** Where a thing that must be gone is asked for by its id: what is in nothing else of the run. */
const PROOFS = {
  'resource key': (bench: Bench) => [bench.own.resourceController, '/v2/resource_keys/'] as const,
  'secret group': (bench: Bench) => [bench.own.secretsManager, '/api/v2/secret_groups/'] as const,
  'service ID': (bench: Bench) => [bench.own.iam, '/v1/serviceids/'] as const,
};

/** The ids that a list shows for this run, and those in the book that it does not show and that are there all the same. */
async function withUnlisted(bench: Bench, kind: keyof typeof PROOFS, rows: readonly Row[]): Promise<string[]> {
  const ids = ownIds(bench, rows);
  const [api, path] = PROOFS[kind](bench);
  for (const id of bench.book.idsOf(kind)) {
    const { status, body } = await api.send({ method: 'GET', path: path + id }, bench.signal);
    const isGone = status === 410 || body['state'] === 'removed' || (status === 404 && bench.book.isRemoved(id));
    if (isGone) bench.book.removed(id);
    if (isGone)
      ids.delete(id); // a list may be late to know
    else if (status !== 404) ids.add(id);
  }
  return [...ids];
}

async function resourceKeysOf(bench: Bench): Promise<Row[]> {
  const found: Row[] = [];
  for await (const { rows } of bench.own.resourceKeys.pagesOfInventory(bench.signal)) {
    found.push(...rows.map(({ id, name }) => ({ id, name })));
  }
  return found;
}

async function keysOf(bench: Bench, serviceId: string): Promise<Leftover[]> {
  const iamId = `iam-${serviceId}`;
  const query = { account_id: bench.addresses.accountId, iam_id: iamId, pagesize: 100 };
  const rows = await rowsOf(bench, bench.own.iam, '/v1/apikeys', 'apikeys', query);
  // A list that passes over the filter shows the keys of whoever asks.
  const own = rows.filter((row) => row['iam_id'] === iamId);
  return all(
    'API key',
    own.map((row) => textIn(row, 'id')),
  );
}

/** Who makes a service ID may get a policy on it, which outlives it. */
async function policiesAbout(bench: Bench, serviceIds: readonly string[]): Promise<Leftover[]> {
  const { iamId } = bench.ownLogin;
  if (iamId === null || serviceIds.length === 0) return [];
  const found: Leftover[] = [];
  let start: string | null = null;
  for (let pages = 0; pages < 50; pages += 1) {
    const query: Row = { account_id: bench.addresses.accountId, iam_id: iamId, limit: 100, ...(start && { start }) };
    const call = { method: 'GET' as const, path: '/v1/policies', query: query as Record<string, string | number> };
    const { body } = await bench.own.iam.send(call, bench.signal);
    const rows = (body['policies'] ?? []) as Row[];
    const isAbout = (row: Row) => row['state'] !== 'deleted' && serviceIds.some((id) => namesResource(row, id));
    found.push(...rows.filter(isAbout).map((row) => ({ kind: 'policy' as const, id: textIn(row, 'id') })));
    start = textIn((body['next'] ?? {}) as Row, 'start') || null;
    if (start === null) break;
  }
  return found;
}

function namesResource(policy: Row, id: string): boolean {
  const resources = (policy['resources'] ?? []) as { attributes?: { name: string; value: string }[] }[];
  return resources.some(({ attributes = [] }) => attributes.some((one) => one.name === 'resource' && one.value === id));
}

/** The rows of a list. What may not be listed at all could not have been made. */
async function rowsOf(
  bench: Bench,
  api: RawApi,
  path: string,
  field: string,
  query: Record<string, string | number>,
): Promise<Row[]> {
  const { status, body } = await api.send({ method: 'GET', path, query }, bench.signal);
  if (status === 404) return []; // what it is a list of is gone
  if (status === 403 && path === '/v1/serviceids') return []; // who may not list them knows the one of the run from the book
  if (status >= 400) throw new KeyrotaError('list_refused', `GET ${path}: status ${status}`, { next: BY_HAND });
  return (body[field] ?? []) as Row[];
}

const BY_HAND = 'Remove by hand what bears the name of the run, or start another run: it finds and removes it.';

/** A refusal is no failure yet: what is in the way may go in the next sweep. */
async function removeOne(bench: Bench, kind: MadeKind, id: string): Promise<void> {
  await removals[kind](bench, id).catch((error: unknown) => throwIfFinal(bench, error));
}

const deletion = ({ signal }: Bench, api: RawApi, path: string): Promise<RawAnswer> =>
  api.send({ method: 'DELETE', path }, signal);

const removals: Readonly<Record<MadeKind, (bench: Bench, id: string) => Promise<unknown>>> = {
  'resource key': (bench, id) => deletion(bench, bench.own.resourceController, `/v2/resource_keys/${id}`),
  secret: removeSecret,
  'secret group': (bench, id) => deletion(bench, bench.own.secretsManager, `/api/v2/secret_groups/${id}`),
  'API key': (bench, id) => bench.removeKey(id),
  'service ID': (bench, id) => deletion(bench, bench.own.iam, `/v1/serviceids/${id}`),
  policy: (bench, id) => deletion(bench, bench.own.iam, `/v1/policies/${id}`),
};
