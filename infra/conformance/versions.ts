import { isApiError } from '../../shared/clients/api-error.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { oneOf, other, value } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Bench } from './bench.ts';
import { contract, holds, point } from './item.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import { succeeded } from './raw-answer.ts';
import {
  lock,
  patchVersionMetadata,
  readVersion,
  rotate,
  rotated,
  firstVersionId,
  versionsOf,
  withSecret,
} from './secrets-bench.ts';
import { arrival } from './waiting.ts';

/** More versions than IBM keeps the metadata of. */
const TOO_MANY = 51;
/** How often two writes are let race. */
const RACES = 5;

/** Ids of three versions, oldest first, once the list shows them: the value of the first is gone. */
async function threeVersions(bench: Bench, id: string): Promise<[string, string, string]> {
  const first = await firstVersionId(bench, id);
  const second = await rotated(bench, id, 'second');
  const third = await rotated(bench, id, 'third');
  await rowsWith(bench, id, third);
  return [first, second, third];
}

/** The rows, once the list shows a version. */
const rowsWith = (bench: Bench, id: string, version: string) =>
  arrival(bench, 'a new version in the list', async () => {
    const rows = await versionsOf(bench, id);
    return rows.some((row) => row.id === version) ? rows : null;
  });

const place = (bench: Bench, name: string) =>
  ({ name, groupId: bench.ground.groupId, type: 'arbitrary', field: null }) as const;

const newVersion = (text: string) => ({ value: new SecretValue(text), secretMetadata: {}, versionMetadata: {} });

const CONTRACTS: readonly Contract[] = [
  contract(
    'The last version is current, the one before it previous, and older ones have neither alias nor value.',
    (bench) =>
      withSecret(bench, 'aliases', async ({ id }) => {
        const [first, second, third] = await threeVersions(bench, id);
        const rows = await rowsWith(bench, id, third);
        const row = (wanted: string) => rows.find((one) => one.id === wanted);
        holds(row(third)?.alias === 'current', 'the last one is not current');
        holds(
          row(second)?.alias === 'previous' && row(second)?.payload_available === true,
          'the one before is not previous',
        );
        holds(row(first) !== undefined, 'the first one is not listed any more');
        holds(
          row(first)?.alias === undefined && row(first)?.payload_available === false,
          'the first one still has its value',
        );
      }),
  ),
  contract('The metadata of a version stays with it, also when its value is gone.', (bench) =>
    withSecret(bench, 'history', async ({ id }) => {
      const first = await firstVersionId(bench, id);
      succeeded(await patchVersionMetadata(bench, id, first, { op: 'one' }), 'patching a version');
      await rotated(bench, id, 'second');
      const rows = await rowsWith(bench, id, await rotated(bench, id, 'third'));
      holds(rows.find((row) => row.id === first)?.version_custom_metadata['op'] === 'one', 'it is gone');
    }),
  ),
  contract(
    'While the previous version is locked, nothing can be stored: 412. The locked value stays readable.',
    (bench) =>
      withSecret(bench, 'guarded', async ({ id, name }) => {
        const { secrets } = bench.own;
        const first = await firstVersionId(bench, id);
        const guard = { name: 'conformance', attributes: {}, freesPrevious: false };
        await secrets.lockVersion(id, first, guard, bench.signal);
        // A lock on the current version lets one rotation pass, and goes with its version.
        await secrets.storeVersion(id, place(bench, name), newVersion('second'), bench.signal);
        const refusal = await secrets.storeVersion(id, place(bench, name), newVersion('third'), bench.signal).then(
          () => null,
          (error: unknown) => error,
        );
        holds(refusal !== null, 'a second rotation was let through');
        holds(isApiError(refusal, 'locked'), 'the refusal is not 412');
        const kept = await secrets.readValue(id, first, place(bench, name), bench.signal);
        holds(kept?.reveal() === 'first', 'the locked value cannot be read');
      }),
  ),
];

/** Lets two rotations race for a secret whose current version is locked, several times: both let through tells it. */
async function atomicWrites(bench: Bench) {
  const { secretsManager } = bench.atOnce;
  let bothCount = 0;
  for (let race = 0; race < RACES; race += 1) {
    await withSecret(bench, 'race', async ({ id }) => {
      succeeded(await lock(bench, id, await firstVersionId(bench, id)), 'locking');
      const path = `/api/v2/secrets/${id}/versions`;
      // Both have logged in and have a connection: the first of their calls would keep one of them.
      await secretsManager.send({ method: 'GET', path }, bench.signal);
      const one = (payload: string) => secretsManager.send({ method: 'POST', path, body: { payload } }, bench.signal);
      const statuses = (await Promise.all([one('second'), one('third')])).map(({ status }) => status);
      if (statuses.every((status) => status === 201)) bothCount += 1;
    });
  }
  return value(bothCount === 0);
}

/** What a read of a version gets whose value is gone: once it is, for reads may be stale. */
async function goneVersionReadStatus(bench: Bench, id: string): Promise<Answer<200 | 404>> {
  const [first] = await threeVersions(bench, id);
  const { status } = await arrival(bench, 'the end of the value', async () => {
    const answer = await readVersion(bench, id, first);
    return answer.status === 200 && 'payload' in answer.body ? null : answer;
  });
  return oneOf([200, 404] as const, status);
}

/** Fills a secret with versions, one more than there can be. */
async function versionsBeyondLimit(bench: Bench, id: string) {
  const first = await firstVersionId(bench, id);
  let last = '';
  for (let count = 2; count < TOO_MANY; count += 1) last = await rotated(bench, id, `version ${count}`);
  await rowsWith(bench, id, last);
  const answer = await rotate(bench, id, 'one too many');
  if (answer.status >= 400) return value('refused' as const);
  const rows = await rowsWith(bench, id, String(answer.body['id']));
  return rows.some((row) => row.id === first)
    ? other(`${rows.length} versions are kept`)
    : value('drop-oldest' as const);
}

const refusedOrNot = (status: number, statusOfRefusal: readonly number[]) => {
  if (status < 300) return value(true);
  return statusOfRefusal.includes(status) ? value(false) : other(`status ${status}`);
};

const POINTS: readonly OpenPoint[] = [
  point('absentPreviousStatus', 'What does asking for a previous version get that there is not?', (bench) =>
    withSecret(bench, 'single', async ({ id }) => {
      await firstVersionId(bench, id);
      return oneOf([404, 400], (await readVersion(bench, id, 'previous')).status);
    }),
  ),
  point('goneVersionReadStatus', 'What does reading a version get whose value is gone?', (bench) =>
    withSecret(bench, 'lapsed', ({ id }) => goneVersionReadStatus(bench, id)),
  ),
  point('oldVersionMetadataWritable', 'Can the metadata of a version be patched once its value is gone?', (bench) =>
    withSecret(bench, 'old', async ({ id }) => {
      const [first] = await threeVersions(bench, id);
      return refusedOrNot((await patchVersionMetadata(bench, id, first, { late: 1 })).status, [400, 404, 409, 412]);
    }),
  ),
  point('versionsBeyondLimit', 'What does the 51st version do?', (bench) =>
    withSecret(bench, 'many', ({ id }) => versionsBeyondLimit(bench, id)),
  ),
  point('lockWithoutPayloadStatus', 'What does a lock on a version get whose value is gone?', (bench) =>
    withSecret(bench, 'empty', async ({ id }) => {
      const [first] = await threeVersions(bench, id);
      return oneOf([400, 404, 409, 412], (await lock(bench, id, first)).status);
    }),
  ),
  point('atomicWrites', 'Does what a write checks still hold when it takes effect?', atomicWrites),
];

/** Versions of secrets. */
export const VERSIONS: Family = { title: 'Versions', contracts: CONTRACTS, points: POINTS };
