import { SecretValue } from '../../shared/runtime/secret-value.ts';
import type { Place } from '../../shared/clients/secret-store.ts';
import { oneOf, other, value } from './answer.ts';
import type { Bench } from './bench.ts';
import { thenRemoving } from './then-removing.ts';
import { contract, holds, point } from './item.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import { succeeded, textIn } from './raw-answer.ts';
import {
  patchMetadata,
  patchVersionMetadata,
  readMetadata,
  removeSecret,
  requestSecret,
  rotate,
  settledMetadata,
  firstVersionId,
  versionsOf,
  withSecret,
} from './secrets-bench.ts';
import { ABSENCE_MS, MINUTE_MS, PATIENCE_MS, SPREAD_MS, arrival, awaited, lateness } from './waiting.ts';

const placeOf = (bench: Bench, purpose: string, type: Place['type'] = 'arbitrary'): Place => ({
  name: bench.book.newName(purpose),
  groupId: bench.ground.groupId,
  type,
  field: type === 'kv' ? 'apikey' : null,
});

const list = async (
  bench: Bench,
  query: Record<string, string | number>,
): Promise<{ ids: string[]; total: number }> => {
  const call = { method: 'GET' as const, path: '/api/v2/secrets', query };
  const { body } = succeeded(await bench.own.secretsManager.send(call, bench.signal), 'listing secrets');
  const ids = ((body['secrets'] ?? []) as { id: string }[]).map(({ id }) => id);
  return { ids, total: Number(body['total_count']) };
};

/** A secret as the product makes it, with its label and metadata, and reads it back. */
const storedAndRead = (bench: Bench, place: Place, text: string): Promise<void> => {
  const { secrets } = bench.own;
  const version = {
    value: new SecretValue(text),
    secretMetadata: { of: 'secret' },
    versionMetadata: { of: 'version' },
  };
  return thenRemovingFound(bench, place, async () => {
    await secrets.createSecret(place, 'Made by a conformance run.', version, bench.signal);
    const secret = await arrival(bench, 'the secret in the list', () => secrets.find(place, bench.signal));
    holds(secret.secret_group_id === place.groupId, 'it is in another group');
    holds(secret.state === 1, `its state is ${secret.state}`);
    holds(secret.custom_metadata['of'] === 'secret', 'its metadata is not there');
    const [only, ...others] = await secrets.listVersions(secret.id, bench.signal);
    holds(only?.alias === 'current' && others.length === 0, 'it has not one current version');
    holds(only.version_custom_metadata['of'] === 'version', 'the metadata of its version is not there');
    const read = await arrival(bench, 'the value', () => secrets.readValue(secret.id, only.id, place, bench.signal));
    holds(read.reveal() === text, 'another value is read');
  });
};

async function thenRemovingFound(bench: Bench, place: Place, work: () => Promise<void>): Promise<void> {
  await thenRemoving(work, async () => {
    const found = await bench.own.secrets.find(place, bench.signal);
    if (found) await removeSecret(bench, found.id);
  });
}

const CONTRACTS: readonly Contract[] = [
  contract('A secret of type arbitrary keeps its value, its metadata and its group.', (bench) =>
    storedAndRead(bench, { ...placeOf(bench, 'arbitrary'), field: null }, 'the value'),
  ),
  contract('A secret of type kv keeps the field that was stored.', (bench) =>
    storedAndRead(bench, placeOf(bench, 'kv', 'kv'), 'the value'),
  ),
  contract('A second secret of the same type and name is refused.', (bench) =>
    withSecret(bench, 'unique', async ({ name }) => {
      const { status } = await requestSecret(bench, name);
      holds(status === 409 || status === 400, `status ${status}`);
    }),
  ),
  contract('A list by label shows a new secret, and one in pages shows each once.', (bench) => {
    const labels = { labels: ['keyrota-conformance'] };
    return withSecret(
      bench,
      'one',
      ({ id: one }) => withSecret(bench, 'two', ({ id: two }) => listedInPages(bench, [one, two]), labels),
      labels,
    );
  }),
  contract('A deleted secret is 404.', (bench) =>
    withSecret(bench, 'deleted', async ({ id }) => {
      await removeSecret(bench, id);
      await arrival(bench, '404 for the deleted secret', async () =>
        (await readMetadata(bench, id)).status === 404 ? true : null,
      );
    }),
  ),
  contract('A new version is not marked as downloaded, and it is once its value was read.', (bench) =>
    withSecret(bench, 'read', async ({ id }) => {
      const before = await arrival(bench, 'the version in its list', async () => {
        const [first] = await versionsOf(bench, id);
        return first ?? null;
      });
      holds(!before.downloaded, 'a new version seems read');
      const place = { ...placeOf(bench, 'read'), field: null };
      await arrival(bench, 'the value', () => bench.own.secrets.readValue(id, before.id, place, bench.signal));
      await arrival(bench, 'the mark', async () => {
        const [after] = await versionsOf(bench, id);
        return after?.downloaded ? true : null;
      });
    }),
  ),
];

async function listedInPages(bench: Bench, wanted: readonly string[]): Promise<void> {
  const query = { groups: bench.ground.groupId, match_all_labels: 'keyrota-conformance', limit: 1, sort: 'created_at' };
  const ids = await arrival(bench, 'both secrets in the list', async () => {
    const first = await list(bench, { ...query, offset: 0 });
    if (first.total < wanted.length) return null;
    const second = await list(bench, { ...query, offset: 1 });
    return [...first.ids, ...second.ids];
  });
  holds(wanted.every((id) => ids.includes(id)) && ids.length === 2, `${ids.length} rows on two pages of one`);
}

const mergedOrReplaced = (metadata: Record<string, unknown>) =>
  value('former' in metadata ? ('merge' as const) : ('replace' as const));

/** A patch of the metadata of a secret, and one of a version. */
async function customMetadataPatch(bench: Bench, id: string) {
  succeeded(await patchMetadata(bench, id, { custom_metadata: { latter: 1 } }), 'patching');
  const ofSecret = mergedOrReplaced(await settledMetadata(bench, id, (one) => 'latter' in one));
  const version = await firstVersionId(bench, id);
  succeeded(await patchVersionMetadata(bench, id, version, { latter: 1 }), 'patching a version');
  const ofVersion = await arrival(bench, 'the metadata of a version', async () => {
    const [row] = await versionsOf(bench, id);
    return row && 'latter' in row.version_custom_metadata ? mergedOrReplaced(row.version_custom_metadata) : null;
  });
  if (JSON.stringify(ofSecret) === JSON.stringify(ofVersion)) return ofSecret;
  return other('a secret and a version differ');
}

/** A secret that expires, until it is destroyed; then another of its name. */
async function destroyedSecretKeepsName(bench: Bench) {
  const expiration = new Date(bench.clock.nowMs() + 2 * MINUTE_MS).toISOString();
  return withSecret(
    bench,
    'expiring',
    async ({ id, name }) => {
      await arrival(
        bench,
        'the destruction',
        async () => ((await stateOf(bench, id)) === 5 ? true : null),
        PATIENCE_MS,
      );
      const { status, body } = await requestSecret(bench, name);
      if (status < 300) await removeSecret(bench, textIn(body, 'id'));
      if (status < 300) return value(false);
      return status === 409 || status === 400 ? value(true) : other(`status ${status}`);
    },
    { expiration_date: expiration },
  );
}

const stateOf = async (bench: Bench, id: string): Promise<unknown> => (await readMetadata(bench, id)).body['state'];

async function deletedNameTakenMs(bench: Bench) {
  const name = await withSecret(bench, 'again', (secret) => Promise.resolve(secret.name));
  return lateness(bench, PATIENCE_MS, async () => {
    const { status, body } = await requestSecret(bench, name);
    if (status < 300) await removeSecret(bench, textIn(body, 'id'));
    return status < 300;
  });
}

/** Reading metadata only, and then whether the version counts as read. A patch is the mark that all is seen. */
async function metadataReadMarksDownloaded(bench: Bench, id: string) {
  const version = await firstVersionId(bench, id);
  await readMetadata(bench, id);
  succeeded(await patchVersionMetadata(bench, id, version, { mark: 1 }), 'patching a version');
  await arrival(bench, 'the metadata of a version', async () => {
    const [row] = await versionsOf(bench, id);
    return row && 'mark' in row.version_custom_metadata ? true : null;
  });
  const marked = await awaited(bench, ABSENCE_MS, async () =>
    (await versionsOf(bench, id))[0]?.downloaded ? true : null,
  );
  return value(marked !== null);
}

const former = { custom_metadata: { former: 1 }, version_custom_metadata: { former: 1 } };

const POINTS: readonly OpenPoint[] = [
  point('duplicateSecretStatus', 'What does a secret get whose name is taken?', (bench) =>
    withSecret(bench, 'taken', async ({ name }) => oneOf([409, 400], (await requestSecret(bench, name)).status)),
  ),
  point('deletedNameTakenMs', 'How long does the name of a deleted secret stay taken?', deletedNameTakenMs),
  point('destroyedSecretKeepsName', 'Does a secret that expired keep its name?', destroyedSecretKeepsName),
  point('customMetadataPatch', 'Does a patch of custom metadata replace it?', (bench) =>
    withSecret(bench, 'patched', ({ id }) => customMetadataPatch(bench, id), former),
  ),
  point(
    'rotationCustomMetadata',
    'Does custom metadata that comes with a version replace that of the secret?',
    (bench) =>
      withSecret(
        bench,
        'carried',
        async ({ id }) => {
          succeeded(await rotate(bench, id, 'second', { custom_metadata: { latter: 1 } }), 'rotating');
          return mergedOrReplaced(await settledMetadata(bench, id, (one) => 'latter' in one));
        },
        former,
      ),
  ),
  point('staleReadMs', 'How late do reads by id show a write?', (bench) =>
    withSecret(bench, 'fresh', async ({ id }) => {
      await awaited(bench, SPREAD_MS, async () => ((await readMetadata(bench, id)).status === 200 ? true : null));
      succeeded(await patchMetadata(bench, id, { custom_metadata: { latter: 1 } }), 'patching');
      return lateness(bench, SPREAD_MS, async () => {
        const custom = (await readMetadata(bench, id)).body['custom_metadata'];
        return typeof custom === 'object' && custom !== null && 'latter' in custom;
      });
    }),
  ),
  point('metadataReadMarksDownloaded', 'Do reads of metadata mark a version as downloaded?', (bench) =>
    withSecret(bench, 'looked-at', ({ id }) => metadataReadMarksDownloaded(bench, id)),
  ),
];

/** Secrets: their names, metadata and lists. */
export const SECRETS: Family = { title: 'Secrets', contracts: CONTRACTS, points: POINTS };
