import { iamDate } from '../../shared/clients/iam-identity-answers.ts';
import { oneOf, other, value } from './answer.ts';
import type { Bench } from './bench.ts';
import { point } from './item.ts';
import type { OpenPoint } from './item.ts';
import { onItself, withRole } from './policies-bench.ts';
import { ibmCodeIn, succeeded, textIn } from './raw-answer.ts';
import type { RawAnswer, RawCall } from './raw-answer.ts';
import { ABSENCE_MS, arrival, awaited, lateness, PATIENCE_MS, SPREAD_MS } from './waiting.ts';

const send = ({ own, signal }: Bench, call: RawCall): Promise<RawAnswer> => own.iam.send(call, signal);
const get = (bench: Bench, id: string, query: Record<string, boolean> = {}) =>
  send(bench, { method: 'GET', path: `/v1/apikeys/${id}`, query });
const FIELDS = { lock: 'locked', disable: 'disabled' } as const;
const post = (bench: Bench, id: string, deed: keyof typeof FIELDS) =>
  send(bench, { method: 'POST', path: `/v1/apikeys/${id}/${deed}` });
const undo = (bench: Bench, id: string, deed: keyof typeof FIELDS) =>
  send(bench, { method: 'DELETE', path: `/v1/apikeys/${id}/${deed}` });
const rename = (bench: Bench, id: string, tag: string, description: string) =>
  send(bench, {
    method: 'PUT',
    path: `/v1/apikeys/${id}`,
    headers: { 'If-Match': tag },
    body: { name: bench.nameOf('renamed'), description },
  });

/** Locks or disables a key, or takes that back, until reads show it: what comes then does not meet the former state. */
async function turned(bench: Bench, id: string, deed: keyof typeof FIELDS, to: 'on' | 'off'): Promise<void> {
  succeeded(await (to === 'on' ? post : undo)(bench, id, deed), `turning ${FIELDS[deed]} ${to}`);
  const isShown = async () => ((await get(bench, id)).body[FIELDS[deed]] === (to === 'on') ? true : null);
  await arrival(bench, `a key that is told as ${FIELDS[deed]}: ${to}`, isShown);
}

/** Renames a key until reads show another entity tag. */
async function renamed(bench: Bench, id: string, tag: string): Promise<void> {
  succeeded(await rename(bench, id, tag, 'Changed.'), 'renaming');
  const isShown = async () => (textIn((await get(bench, id)).body, 'entity_tag') === tag ? null : true);
  await arrival(bench, 'a new entity tag', isShown);
}

/** A key with an expiry that is past. Where it is made, it is in the book as any other. */
async function pastExpiry(bench: Bench) {
  const { status, body } = await send(bench, {
    method: 'POST',
    path: '/v1/apikeys',
    body: {
      name: bench.nameOf('past'),
      iam_id: bench.ground.serviceId.iamId,
      account_id: bench.addresses.accountId,
      expires_at: iamDate(bench.clock.nowMs() - 3_600_000),
    },
  });
  if (status === 201) {
    await bench.removeKey(textIn(body, 'id'));
    return value('accepted' as const);
  }
  return status === 400 ? value('refused' as const) : other(`status ${status}`);
}

/** What the history calls a disabling, beside what it calls a change of the description. */
async function stateHistory(bench: Bench, id: string, tag: string) {
  await renamed(bench, id, tag);
  await turned(bench, id, 'disable', 'on');
  const { body } = await get(bench, id, { include_history: true });
  const entries = (body['history'] ?? []) as { action?: string; params?: string[] }[];
  const [changed, disabled, ...more] = entries.slice(-2);
  if (entries.length < 3 || !changed || !disabled || more.length > 0) {
    return other(`${entries.length} entries after a creation, a change and a disabling`);
  }
  return value(changed.action === disabled.action ? ('updates' as const) : ('named' as const));
}

async function countOf(bench: Bench): Promise<number> {
  const { count } = await bench.own.keys.keyQuota(bench.ground.serviceId.iamId, bench.signal);
  return count;
}

export const KEY_POINTS: readonly OpenPoint[] = [
  point('activityDelayMs', 'How late does the last login of a key show?', (bench) =>
    bench.withKey('activity', async ({ id, value: secret }) => {
      await bench.loggedIn(secret);
      return lateness(bench, PATIENCE_MS, async () => {
        const { body } = await get(bench, id, { include_activity: true });
        const { last_authn: last } = (body['activity'] ?? {}) as { last_authn?: string };
        return !!last;
      });
    }),
  ),
  point('staleListMs', 'How late does a list show a new key?', (bench) =>
    bench.withFreshKey('stale', async ({ id }) => {
      const answer = await lateness(bench, SPREAD_MS, async () => {
        const keys = await bench.own.keys.listApiKeys(bench.ground.serviceId.iamId, bench.signal);
        return keys.some((one) => one.id === id);
      });
      await bench.shown(id);
      return answer;
    }),
  ),
  point('staleIfMatchStatus', 'What does an update with an outdated If-Match get?', (bench) =>
    bench.withKey('tag', async ({ id, key }) => {
      await renamed(bench, id, key.entity_tag);
      return oneOf([409, 412], (await rename(bench, id, key.entity_tag, 'Changed again.')).status);
    }),
  ),
  point('lockRefusesDisable', 'Does a lock also refuse a disabling?', (bench) =>
    bench.withKey('lock', async ({ id }) => {
      await turned(bench, id, 'lock', 'on');
      const { status } = await post(bench, id, 'disable');
      if (status < 300) return value(false);
      return [409, 412, 422].includes(status) ? value(true) : other(`status ${status}`);
    }),
  ),
  point('lockedWriteStatus', 'What does an update or deletion of a locked key get?', (bench) =>
    bench.withKey('locked', async ({ id }) => {
      await turned(bench, id, 'lock', 'on');
      const updated = await rename(bench, id, '*', 'Changed.');
      const deleted = await send(bench, { method: 'DELETE', path: `/v1/apikeys/${id}` });
      if (updated.status !== deleted.status)
        return other(`${updated.status} to an update, ${deleted.status} to a deletion`);
      return oneOf([409, 412, 422], deleted.status);
    }),
  ),
  point('repeatedChangeStatus', 'What does a second lock, disabling or enabling get?', (bench) =>
    bench.withKey('twice', async ({ id }) => {
      await turned(bench, id, 'disable', 'on');
      const disabled = (await post(bench, id, 'disable')).status;
      await turned(bench, id, 'disable', 'off');
      const enabled = (await undo(bench, id, 'disable')).status;
      await turned(bench, id, 'lock', 'on');
      const locked = (await post(bench, id, 'lock')).status;
      if (new Set([disabled, enabled, locked]).size > 1) {
        return other(`${locked} to a lock, ${disabled} to a disabling, ${enabled} to an enabling`);
      }
      return oneOf([204, 409], locked);
    }),
  ),
  point('hiddenValue', 'Is the field of a value that is not shown empty or absent?', (bench) =>
    bench.withKey('field', async ({ id }) => {
      const { body } = succeeded(await get(bench, id), 'reading a key');
      if (!('apikey' in body)) return value('absent' as const);
      return body['apikey'] === '' ? value('empty' as const) : other('it is neither');
    }),
  ),
  point('unknownKeyDetailsStatus', 'What does asking for the key of an unknown value get?', (bench) =>
    bench.withKey('details', async ({ id, value: secret }) => {
      await bench.removeKey(id);
      const call: RawCall = { method: 'GET', path: '/v1/apikeys/details', headers: { 'IAM-ApiKey': secret.reveal() } };
      const { status } = await arrival(bench, 'a refusal', async () => {
        const answer = await send(bench, call);
        return answer.status >= 400 ? answer : null;
      });
      return oneOf([404, 400], status);
    }),
  ),
  point('pastExpiry', 'Is an expiry that is past refused?', pastExpiry),
  point('disabledKeysCount', 'Do disabled keys count to the limit of an identity?', (bench) =>
    bench.withKey('first', () =>
      bench.withKey('second', async ({ id }) => {
        // Exactly: those of items before may still be counted.
        await arrival(bench, 'the count of both keys', async () => ((await countOf(bench)) === 2 ? true : null));
        await turned(bench, id, 'disable', 'on');
        const fell = await awaited(bench, ABSENCE_MS, async () => ((await countOf(bench)) < 2 ? true : null));
        return value(fell === null);
      }),
    ),
  ),
  point('stateHistory', 'Does the history name lock, disable and enable, or tell of updates?', (bench) =>
    bench.withKey('history', ({ id, key }) => stateHistory(bench, id, key.entity_tag)),
  ),
  point('partialAccountLists', 'What does a list of the account show to who may see one service ID?', (bench) =>
    bench.asServiceId((identity) => partialList(bench, identity.iam)),
  ),
];

/** The service ID may see its own keys, by a policy on itself. */
async function partialList(bench: Bench, iam: Bench['own']['iam']) {
  const { serviceId } = bench.ground;
  const { accountId } = bench.addresses;
  const mine = { account_id: accountId, iam_id: serviceId.iamId };
  const list = (query: Record<string, string>) => iam.send({ method: 'GET', path: '/v1/apikeys', query }, bench.signal);
  const answer = await withRole(bench, 'Operator', onItself(bench), async () => {
    await arrival(bench, 'the right to one’s own keys', async () => ((await list(mine)).status === 200 ? true : null));
    const found = await awaited(bench, ABSENCE_MS, async () => {
      const seen = await list({ account_id: accountId, scope: 'account', type: 'serviceid' });
      return seen.status === 403 ? null : seen; // where it stays, it is no role that is not in effect yet
    });
    return found?.found ?? null;
  });
  if (answer === null) return value('refused' as const);
  if (answer.status !== 200) return other(`status ${answer.status} ${ibmCodeIn(answer)}`);
  const keys = (answer.body['apikeys'] ?? []) as { iam_id: string }[];
  return keys.every(({ iam_id: owner }) => owner === serviceId.iamId)
    ? value('filtered' as const)
    : other('it shows the keys of others, too');
}
