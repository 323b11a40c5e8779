import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { oneOf, other, value } from './answer.ts';
import type { Bench, NewKey } from './bench.ts';
import { contract, holds, point } from './item.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import { MINUTE_MS, SPREAD_MS, lateness } from './waiting.ts';

/** Longer than a first login may take: the key must have been good. An expiry is told to the minute and rounded up. */
const SHORT_LIFE_MS = SPREAD_MS + MINUTE_MS;
const EXPIRY_PATIENCE_MS = 7 * MINUTE_MS;

/** Lets a key expire that was good, and gives the refusal of a login with it. */
const expired = (bench: Bench) =>
  bench.withKey(
    'expiring',
    async ({ value: secret }) => {
      await bench.loggedIn(secret);
      return bench.refused(secret, EXPIRY_PATIENCE_MS);
    },
    SHORT_LIFE_MS,
  );

/** A key that logged in, and then was disabled until logins with it are refused. */
const disabled = <T>(bench: Bench, work: (made: NewKey, refusal: { status: number; code: string }) => Promise<T>) =>
  bench.withKey('refused', async (made) => {
    await bench.loggedIn(made.value);
    await bench.own.keys.disableApiKey(made.id, bench.signal);
    return work(made, await bench.refused(made.value));
  });

const isRefusal = ({ status }: { status: number }): boolean => status === 400 || status === 401;

const CONTRACTS: readonly Contract[] = [
  contract('A new key logs in within two minutes, for a token of an hour at most.', (bench) =>
    bench.withKey('new', async ({ value: secret }) => {
      await bench.loggedIn(secret);
      const token = await bench.tokens.exchange({ grant: 'apikey', apiKey: secret }, bench.signal);
      const lifeMs = token.expiresAtMs - bench.clock.nowMs();
      holds(lifeMs > 0 && lifeMs <= 60 * MINUTE_MS, `the token lives for ${lifeMs} ms`);
    }),
  ),
  contract('A value that is no key is refused with 400 or 401.', async (bench) => {
    const refusal = await bench.login(new SecretValue('this-value-belongs-to-no-key-at-all-000000000'));
    holds(isRefusal(refusal), `status ${refusal.status}`);
  }),
  contract('A disabled key is refused with 400 or 401, and logs in again once it is enabled.', (bench) =>
    disabled(bench, async ({ id, value: secret }, refusal) => {
      holds(isRefusal(refusal), `status ${refusal.status}`);
      await bench.own.keys.enableApiKey(id, bench.signal);
      await bench.loggedIn(secret);
    }),
  ),
  contract('A deleted key is refused with 400 or 401.', (bench) =>
    bench.withKey('gone', async ({ id, value: secret }) => {
      await bench.loggedIn(secret);
      await bench.own.keys.deleteApiKey(id, bench.signal);
      const refusal = await bench.refused(secret);
      holds(isRefusal(refusal), `status ${refusal.status}`);
    }),
  ),
  contract('An expired key is refused with 400 or 401.', async (bench) => {
    const refusal = await expired(bench);
    holds(isRefusal(refusal), `status ${refusal.status}`);
  }),
];

const POINTS: readonly OpenPoint[] = [
  point('firstLoginDelayMs', 'How long is a fresh key refused at its first logins?', (bench) =>
    bench.withFreshKey('fresh', async ({ id, value: secret }) => {
      const answer = await lateness(bench, SPREAD_MS, async () => (await bench.login(secret)).status === 200);
      await bench.shown(id);
      return answer;
    }),
  ),
  point('unknownKeyLoginStatus', 'What does a login with a deleted key get?', (bench) =>
    bench.withKey('unknown', async ({ id, value: secret }) => {
      await bench.loggedIn(secret);
      await bench.own.keys.deleteApiKey(id, bench.signal);
      return oneOf([400, 401], (await bench.refused(secret)).status);
    }),
  ),
  point('refusedKeyLoginStatus', 'What does a login with a disabled key get?', (bench) =>
    disabled(bench, (_, { status }) => Promise.resolve(oneOf([400, 401], status))),
  ),
  point('expiredKeyLoginCode', 'Which code has the refusal of an expired key?', async (bench) => {
    const { status, code } = await expired(bench);
    if (code === 'BXNIM0462E' || code === 'BXNIM0415E') return value(code);
    return other(`status ${status}, ${code || 'no code'}`);
  }),
  point('refusedKeyIntrospection', 'What does introspection say of a disabled key?', (bench) =>
    disabled(bench, async ({ value: secret }) => {
      const form = { apikey: secret.reveal() };
      const call = { method: 'POST' as const, path: '/identity/introspect', form };
      const { status, body } = await bench.logins.send(call, bench.signal);
      if (typeof body['active'] !== 'boolean') return other(`status ${status} without \`active\``);
      return value(body['active'] ? ('active' as const) : ('inactive' as const));
    }),
  ),
];

/** Logins with API keys. */
export const LOGINS: Family = { title: 'Logins', contracts: CONTRACTS, points: POINTS };
