import { other, value } from './answer.ts';
import type { Bench } from './bench.ts';
import { point } from './item.ts';
import type { Family, OpenPoint } from './item.ts';
import { succeeded, textIn } from './raw-answer.ts';
import { patchMetadata, readMetadata, requestSecret, removeSecret, withSecret } from './secrets-bench.ts';
import { MINUTE_MS, arrival, awaited } from './waiting.ts';

// IBM's own rotation of passwords: the product does not use it, and leaves such secrets alone.

const DAY_MS = 86_400_000;
const CREDENTIALS = {
  secret_type: 'username_password',
  payload: undefined,
  username: 'nobody',
  password: 'no-password-1',
};
const EACH_DAY = { rotation: { auto_rotate: true, interval: 1, unit: 'day' } };

const withCredentials = <T>(bench: Bench, purpose: string, work: (id: string) => Promise<T>, more: object = {}) =>
  withSecret(bench, purpose, ({ id }) => work(id), { ...CREDENTIALS, ...more });

/** Whether a second version comes within two minutes after the rotation was turned on. */
async function rotationStartsAtOnce(bench: Bench, id: string) {
  succeeded(await patchMetadata(bench, id, EACH_DAY), 'turning rotation on');
  const rotated = await awaited(bench, 2 * MINUTE_MS, async () =>
    Number((await readMetadata(bench, id)).body['versions_total']) > 1 ? true : null,
  );
  return value(rotated !== null);
}

const nextRotation = async (bench: Bench, id: string): Promise<string> =>
  textIn((await readMetadata(bench, id)).body, 'next_rotation_date');

/** Whether the next rotation is put off by one by hand. */
async function rotationByHandRestartsInterval(bench: Bench, id: string) {
  succeeded(await patchMetadata(bench, id, EACH_DAY), 'turning rotation on');
  const before = await arrival(bench, 'the next date', async () => (await nextRotation(bench, id)) || null);
  const countBefore = Number((await readMetadata(bench, id)).body['versions_total']);
  await bench.pause(2 * MINUTE_MS);
  const call = { method: 'POST' as const, path: `/api/v2/secrets/${id}/versions`, body: { password: 'no-password-2' } };
  succeeded(await bench.own.secretsManager.send(call, bench.signal), 'rotating by hand');
  const after = await arrival(bench, 'the new version', async () => {
    const { body } = await readMetadata(bench, id);
    return Number(body['versions_total']) > countBefore ? textIn(body, 'next_rotation_date') : null;
  });
  return value(Date.parse(after) - Date.parse(before) > MINUTE_MS);
}

async function rotationBeyondExpiration(bench: Bench) {
  const expiration = new Date(bench.clock.nowMs() + DAY_MS).toISOString();
  const { status, body } = await requestSecret(bench, bench.nameOf('beyond'), {
    ...CREDENTIALS,
    expiration_date: expiration,
    rotation: { auto_rotate: true, interval: 2, unit: 'month' },
  });
  if (status < 300) await removeSecret(bench, textIn(body, 'id'));
  if (status < 300) return value('accepted' as const);
  return status === 400 ? value('refused' as const) : other(`status ${status}`);
}

const POINTS: readonly OpenPoint[] = [
  point('rotationStartsAtOnce', 'Does turning automatic rotation on rotate at once?', (bench) =>
    withCredentials(bench, 'automatic', (id) => rotationStartsAtOnce(bench, id)),
  ),
  point('rotationByHandRestartsInterval', 'Does a rotation by hand begin a new interval?', (bench) =>
    withCredentials(bench, 'by-hand', (id) => rotationByHandRestartsInterval(bench, id)),
  ),
  point('rotationBeyondExpiration', 'Is a rotation refused that comes after the expiration?', rotationBeyondExpiration),
];

/** Passwords that Secrets Manager rotates by itself. */
export const USER_CREDENTIALS: Family = { title: 'User credentials', contracts: [], points: POINTS };
