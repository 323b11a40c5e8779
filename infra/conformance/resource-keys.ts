import { oneOf, other, unsettled, value } from './answer.ts';
import type { Bench } from './bench.ts';
import { thenRemoving } from './then-removing.ts';
import { contract, holds, point } from './item.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import { ibmCodeIn, succeeded, textIn } from './raw-answer.ts';
import type { RawAnswer } from './raw-answer.ts';
import { ABSENCE_MS, PATIENCE_MS, arrival, awaited, lateness } from './waiting.ts';

// Keys of the Secrets Manager instance: it is there already, and costs nothing more. They get no role, so that they open nothing.

const PATH = '/v2/resource_keys';
const NEWEST = { sort: 'created_at', order: 'desc', pagesize: 100 };

interface MadeKey {
  id: string;
  credentials: Record<string, unknown>;
}

const request = (bench: Bench, purpose: string, role: string, parameters: object): Promise<RawAnswer> =>
  bench.own.resourceController.send(
    {
      method: 'POST',
      path: PATH,
      body: { name: bench.nameOf(purpose), source: bench.ground.instanceId, role, parameters },
    },
    bench.signal,
  );

const remove = (bench: Bench, id: string): Promise<RawAnswer> =>
  bench.own.resourceController.send({ method: 'DELETE', path: `${PATH}/${id}` }, bench.signal);

/** Removes a key that reads show: a fresh one may not be found, and 404 would be about that. */
async function removed(bench: Bench, id: string): Promise<void> {
  await arrival(bench, 'the key', async () => ((await read(bench, id)).status === 200 ? true : null), PATIENCE_MS);
  succeeded(await remove(bench, id), 'deleting a resource key');
}

const read = (bench: Bench, id: string): Promise<RawAnswer> =>
  bench.own.resourceController.send({ method: 'GET', path: `${PATH}/${id}` }, bench.signal);

/** Lets `work` have a new resource key without a role, with a service ID of its own, and removes it. */
async function withResourceKey<T>(bench: Bench, purpose: string, work: (made: MadeKey) => Promise<T>): Promise<T> {
  const answer = await request(bench, purpose, 'NONE', {});
  if (answer.status !== 201) throw new Error(`creating a resource key: status ${answer.status} ${ibmCodeIn(answer)}`);
  const id = textIn(answer.body, 'guid');
  const credentials = (answer.body['credentials'] ?? {}) as Record<string, unknown>;
  return thenRemoving(
    () => work({ id, credentials }),
    async () => void (await remove(bench, id)),
  );
}

const CONTRACTS: readonly Contract[] = [
  contract('The answer to the creation of a resource key holds its API key and the ids behind it.', (bench) =>
    withResourceKey(bench, 'credentials', ({ credentials }) => {
      for (const field of ['apikey', 'iam_apikey_id', 'iam_serviceid_crn']) {
        holds(typeof credentials[field] === 'string', `it has no ${field}`);
      }
      return Promise.resolve();
    }),
  ),
  contract('The list of the keys of an instance comes to show a new one, and not a deleted one.', (bench) =>
    withResourceKey(bench, 'listed', async ({ id }) => {
      const { resourceKeys } = bench.own;
      const isListed = async () => {
        const keys = await resourceKeys.keysOfInstance(bench.ground.instanceId, bench.signal);
        return (keys ?? []).some((key) => key.id === id);
      };
      await arrival(bench, 'the key in the list', async () => ((await isListed()) ? true : null));
      await removed(bench, id);
      await arrival(bench, 'its end in the list', async () => ((await isListed()) ? null : true));
    }),
  ),
  contract('A deleted resource key is gone: 404, 410 or the state `removed`.', (bench) =>
    withResourceKey(bench, 'deleted', async ({ id }) => {
      const { resourceKeys } = bench.own;
      await arrival(bench, 'the key', () => resourceKeys.getKey(id, bench.signal), PATIENCE_MS);
      await resourceKeys.deleteKey(id, bench.signal);
      await arrival(bench, 'its end', async () =>
        (await resourceKeys.getKey(id, bench.signal)) === null ? true : null,
      );
      await resourceKeys.deleteKey(id, bench.signal);
    }),
  ),
];

/** Whether a list comes to show an id: what it does not show for a while, it does not show. */
async function isListed(bench: Bench, path: string, field: string, query: Record<string, string | number>, id: string) {
  const found = await awaited(bench, ABSENCE_MS, async () => {
    const call = {
      method: 'GET' as const,
      path,
      query: { account_id: bench.addresses.accountId, ...NEWEST, ...query },
    };
    const answer = await bench.own.iam.send(call, bench.signal);
    if (answer.status !== 200) throw new Error(`listing: status ${answer.status} ${ibmCodeIn(answer)}`);
    return ((answer.body[field] ?? []) as { id: string }[]).some((row) => row.id === id) ? true : null;
  });
  return value(found !== null);
}

const isActive = ({ status, body }: RawAnswer): boolean => status === 200 && body['state'] === 'active';

/** Whether a removed key is still told of at all. How long it is would take a day to see. */
async function removedResourceShownMs(bench: Bench, id: string) {
  await removed(bench, id);
  const { status, body } = await arrival(bench, 'its end', async () => {
    const answer = await read(bench, id);
    return isActive(answer) ? null : answer;
  });
  if (status === 404 || status === 410) return { kind: 'after' as const, moreThanMs: 0, atMostMs: 0 };
  if (status !== 200 || body['state'] !== 'removed') return other(`status ${status}, state ${textIn(body, 'state')}`);
  await bench.pause(ABSENCE_MS);
  return (await read(bench, id)).status === 200
    ? { kind: 'longer' as const, thanMs: ABSENCE_MS }
    : { kind: 'after' as const, moreThanMs: 0, atMostMs: ABSENCE_MS };
}

/** The role opens nothing but tasks of the kind custom_credentials, of which it makes none. */
async function serviceRolesByName(bench: Bench) {
  const parameters = { serviceid_crn: bench.ground.serviceId.crn };
  const answer = await request(bench, 'by-name', 'SecretTaskUpdater', parameters);
  if (answer.status === 201) await remove(bench, textIn(answer.body, 'guid'));
  if (answer.status === 201) return value(true);
  if (answer.status === 400) return value(false);
  return answer.status === 403
    ? unsettled('whoever runs this may not give that role')
    : other(`status ${answer.status} ${ibmCodeIn(answer)}`);
}

const POINTS: readonly OpenPoint[] = [
  point('freshResourceKeyReadDelayMs', 'How long is a fresh resource key not found by its id?', (bench) =>
    withResourceKey(bench, 'fresh', ({ id }) =>
      lateness(bench, PATIENCE_MS, async () => (await read(bench, id)).status === 200),
    ),
  ),
  point('removedResourceShownMs', 'How long is a removed resource key still told as `removed`?', (bench) =>
    withResourceKey(bench, 'removed', ({ id }) => removedResourceShownMs(bench, id)),
  ),
  point('removedResourceWriteStatus', 'What does deleting a removed resource key get?', (bench) =>
    withResourceKey(bench, 'twice', async ({ id }) => {
      await removed(bench, id);
      return oneOf([410, 404], (await remove(bench, id)).status);
    }),
  ),
  point('hiddenServiceIdsListed', 'Do lists of service IDs show those behind resource keys?', (bench) =>
    withResourceKey(bench, 'hidden-identity', ({ credentials }) => {
      const id = String(credentials['iam_serviceid_crn']).split(':').at(-1) ?? '';
      return isListed(bench, '/v1/serviceids', 'serviceids', {}, id);
    }),
  ),
  point('hiddenApiKeysListed', 'Do lists of the account’s API keys show those behind resource keys?', (bench) =>
    withResourceKey(bench, 'hidden-key', ({ credentials }) =>
      isListed(
        bench,
        '/v1/apikeys',
        'apikeys',
        { scope: 'account', type: 'serviceid' },
        String(credentials['iam_apikey_id']),
      ),
    ),
  ),
  point(
    'serviceRolesByName',
    'Can a resource key be asked for by the bare name of a service’s own role?',
    serviceRolesByName,
  ),
];

/** Resource keys, which the console calls service credentials. */
export const RESOURCE_KEYS: Family = { title: 'Resource keys', contracts: CONTRACTS, points: POINTS };
