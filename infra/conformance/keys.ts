import { ApiError, isRefusedByLock } from '../../shared/clients/api-error.ts';
import { stateChanges, lastUsedOf } from '../../shared/keys/iam-api-key.ts';
import type { Bench } from './bench.ts';
import { contract, holds } from './item.ts';
import type { Contract, Family } from './item.ts';
import { KEY_POINTS } from './key-points.ts';
import { textIn } from './raw-answer.ts';
import { PATIENCE_MS, arrival } from './waiting.ts';

const HOUR_MS = 3_600_000;
/** IAM tells dates to the minute, and its clock is not ours. */
const CLOCK_SLACK_MS = 2 * 60_000;

const found = async ({ own, signal }: Bench, id: string) => {
  const key = await own.keys.getApiKey(id, signal);
  holds(key !== null, 'the key is not found by its id');
  return key;
};

const refusalOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => null,
    (error: unknown) => error,
  );

const CONTRACTS: readonly Contract[] = [
  contract('A new key has a value of its own, and its id is found by that value.', (bench) =>
    bench.withKey('value', async ({ id, value }) => {
      const key = await arrival(bench, 'the key of a value', () => bench.own.keys.keyOfValue(value, bench.signal));
      holds(key.id === id, 'the value belongs to another key');
    }),
  ),
  contract('The value of a key is in the answer to its creation, and in no other.', (bench) =>
    bench.withKey('hidden', async ({ id, value }) => {
      const { body } = await bench.own.iam.send({ method: 'GET', path: `/v1/apikeys/${id}` }, bench.signal);
      holds(!JSON.stringify(body).includes(value.reveal()), 'a read shows the value');
    }),
  ),
  contract('Two keys of one identity can have the same name.', (bench) =>
    bench.withKey('twin', (one) =>
      bench.withKey('twin', async (two) => {
        holds(one.id !== two.id, 'both have the same id');
        await found(bench, one.id);
        await found(bench, two.id);
      }),
    ),
  ),
  contract('The list of the keys of a service ID comes to show a new one, with its history.', (bench) =>
    bench.withKey('listed', async ({ id }) => {
      const { serviceId } = bench.ground;
      const key = await arrival(bench, 'the key in the list', async () => {
        const keys = await bench.own.keys.listApiKeys(serviceId.iamId, bench.signal);
        return keys.find((one) => one.id === id) ?? null;
      });
      holds((key.history ?? []).length > 0, 'it has no history there');
    }),
  ),
  contract('A list of keys in pages shows each key once.', async (bench) =>
    bench.withKey('page', ({ id: one }) =>
      bench.withKey('page', ({ id: two }) =>
        bench.withKey('page', async ({ id: three }) => {
          const wanted = [one, two, three];
          const ids = await arrival(bench, 'the keys in their pages', async () => {
            const all = await idsByPages(bench);
            return wanted.every((id) => all.includes(id)) ? all : null;
          });
          holds(new Set(ids).size === ids.length, 'some key is on two pages');
        }),
      ),
    ),
  ),
  contract('A key tells its expiry, and it can be moved; its description stays.', (bench) =>
    bench.withKey('expiry', async ({ id, key }) => {
      const untilMs = Math.ceil((bench.clock.nowMs() + 48 * HOUR_MS) / 60_000) * 60_000;
      await bench.own.keys.extendApiKey(id, untilMs, bench.signal);
      const changed = await found(bench, id);
      holds(changed.expires_at === untilMs, 'the expiry is another one');
      holds(changed.description === key.description, 'the description changed with it');
      holds(changed.entity_tag !== key.entity_tag, 'the entity tag stayed');
    }),
  ),
  contract('A description can be changed; the expiry and the action at a leak stay.', (bench) =>
    bench.withKey('described', async ({ id, key }) => {
      await bench.own.keys.describeApiKey(id, (text) => `${text} Changed.`, bench.signal);
      const changed = await found(bench, id);
      holds(changed.description.endsWith('Changed.'), 'the description stayed');
      holds(changed.expires_at === key.expires_at, 'the expiry changed with it');
      holds(changed.action_when_leaked === 'disable', `action_when_leaked is ${String(changed.action_when_leaked)}`);
    }),
  ),
  contract('A locked key cannot be deleted, logs in all the same, and can be deleted once it is unlocked.', (bench) =>
    bench.withKey('locked', async ({ id, value }) => {
      const { keys } = bench.own;
      await keys.lockApiKey(id, bench.signal);
      const refusal = await refusalOf(keys.deleteApiKey(id, bench.signal));
      holds(refusal !== null, 'it was deleted');
      holds(isRefusedByLock(refusal), `the refusal is not that of a lock: ${textOf(refusal)}`);
      await bench.loggedIn(value);
      await keys.unlockApiKey(id, bench.signal);
      await keys.deleteApiKey(id, bench.signal);
    }),
  ),
  contract('Disabling is told by the key and dated by its history, and can be taken back.', (bench) =>
    bench.withKey('disabled', async ({ id }) => {
      const { keys } = bench.own;
      const beforeMs = bench.clock.nowMs();
      await keys.disableApiKey(id, bench.signal);
      const disabled = await found(bench, id);
      holds(disabled.disabled, 'it is not disabled');
      const { disabledAtMs } = stateChanges(disabled);
      holds(disabledAtMs !== null, 'its history does not tell when it was disabled');
      holds(Math.abs(disabledAtMs - beforeMs) <= CLOCK_SLACK_MS, 'its history has another time for it');
      await keys.enableApiKey(id, bench.signal);
      holds(!(await found(bench, id)).disabled, 'it is still disabled');
    }),
  ),
  contract('A deleted key is 404, and so is a second deletion.', (bench) =>
    bench.withKey('deleted', async ({ id }) => {
      await bench.own.keys.deleteApiKey(id, bench.signal);
      await arrival(bench, '404 for the deleted key', async () =>
        (await bench.own.keys.getApiKey(id, bench.signal)) === null ? true : null,
      );
      const { status } = await bench.own.iam.send({ method: 'DELETE', path: `/v1/apikeys/${id}` }, bench.signal);
      holds(status === 404, `status ${status}`);
    }),
  ),
  contract('The last use of a key comes to show after a login, and no use before it.', (bench) =>
    bench.withKey('use', async ({ id, value }) => {
      holds(lastUsedOf((await found(bench, id)).activity) === 'never', 'a new key seems used');
      await bench.loggedIn(value);
      const lastUsed = await arrival(
        bench,
        'the last use',
        async () => {
          const use = lastUsedOf((await found(bench, id)).activity);
          return typeof use === 'object' ? use : null;
        },
        PATIENCE_MS,
      );
      holds(Math.abs(lastUsed.atMs - bench.clock.nowMs()) <= PATIENCE_MS + CLOCK_SLACK_MS, 'it has another date');
    }),
  ),
  contract('The limit of keys of an identity is told with how many there are.', (bench) =>
    bench.withKey('quota', async () => {
      const quota = await arrival(bench, 'the count of keys', async () => {
        const told = await bench.own.keys.keyQuota(bench.ground.serviceId.iamId, bench.signal);
        return told.count > 0 ? told : null;
      });
      holds(quota.limit >= 20, `the limit is ${quota.limit}`);
    }),
  ),
];

/** Whatever a list of two a page shows on all its pages. */
async function idsByPages(bench: Bench): Promise<string[]> {
  const ids: string[] = [];
  let pagetoken: string | null = null;
  for (let pages = 0; pages < 50; pages += 1) {
    const query: Record<string, string | number> = {
      account_id: bench.addresses.accountId,
      iam_id: bench.ground.serviceId.iamId,
      pagesize: 2,
      ...(pagetoken !== null && { pagetoken }),
    };
    const { body } = await bench.own.iam.send({ method: 'GET', path: '/v1/apikeys', query }, bench.signal);
    ids.push(...((body['apikeys'] ?? []) as { id: string }[]).map(({ id }) => id));
    pagetoken = URL.parse(textIn(body, 'next'), bench.addresses.iamUrl)?.searchParams.get('pagetoken') ?? null;
    if (pagetoken === null) return ids;
  }
  throw new Error('the pages do not end');
}

const textOf = (error: unknown): string => (error instanceof ApiError ? error.code : String(error));

/** API keys of a service ID. */
export const KEYS: Family = { title: 'API keys', contracts: CONTRACTS, points: KEY_POINTS };
