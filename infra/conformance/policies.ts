import { other, value } from './answer.ts';
import type { Bench, Identity } from './bench.ts';
import { contract, holds, point } from './item.ts';
import type { Contract, Family, OpenPoint } from './item.ts';
import { onGroup, removePolicy, requestPolicy, withRole } from './policies-bench.ts';
import { ibmCodeIn, succeeded, textIn } from './raw-answer.ts';
import type { RawAnswer } from './raw-answer.ts';
import { patchVersionMetadata, lock, firstVersionId, rotated, withSecret } from './secrets-bench.ts';
import { ABSENCE_MS, PATIENCE_MS, SPREAD_MS, arrival, awaited, lateness } from './waiting.ts';

const metadataStatus = async ({ signal }: Bench, { secretsManager }: Identity, secretId: string): Promise<number> =>
  (await secretsManager.send({ method: 'GET', path: `/api/v2/secrets/${secretId}/metadata` }, signal)).status;

/** Lets `work` act as the service ID once it has no rights any more: those of an item before may linger. */
const asStranger = <T>(bench: Bench, work: (identity: Identity, secretId: string) => Promise<T>): Promise<T> =>
  withSecret(bench, 'foreign', ({ id }) =>
    bench.asServiceId(async (identity) => {
      const isRefused = async () => ((await metadataStatus(bench, identity, id)) === 403 ? true : null);
      await arrival(bench, 'the end of former rights', isRefused, PATIENCE_MS);
      return work(identity, id);
    }),
  );

/** Lets `work` act as the service ID once it is a Writer of the group. */
const asWriter = <T>(bench: Bench, secretId: string, work: (identity: Identity) => Promise<T>): Promise<T> =>
  bench.asServiceId((identity) =>
    withRole(bench, 'Writer', onGroup(bench), async () => {
      await arrival(bench, 'the role Writer', async () => {
        const path = `/api/v2/secrets/${secretId}/metadata`;
        const body = { description: 'Changed by a Writer.' };
        const { status } = await identity.secretsManager.send({ method: 'PATCH', path, body }, bench.signal);
        return status === 403 ? null : true; // another refusal is no lack of rights
      });
      return work(identity);
    }),
  );

const CONTRACTS: readonly Contract[] = [
  contract('Without a policy a service ID is refused with 403; with Writer on the group it may write there.', (bench) =>
    asStranger(bench, (_, secretId) =>
      asWriter(bench, secretId, async (writer) => {
        const { status } = await lock(bench, secretId, 'current', { as: writer });
        holds(status === 201, `status ${status} to a lock`);
      }),
    ),
  ),
  contract('A Writer can neither delete locks nor secrets.', (bench) =>
    withSecret(bench, 'kept', ({ id }) =>
      asWriter(bench, id, async ({ secretsManager }) => {
        for (const path of [`/api/v2/secrets/${id}/locks_bulk`, `/api/v2/secrets/${id}`]) {
          const { status } = await secretsManager.send({ method: 'DELETE', path }, bench.signal);
          holds(status === 403, `status ${status} to DELETE ${path.endsWith('bulk') ? 'of locks' : 'of the secret'}`);
        }
      }),
    ),
  ),
  contract('The very same policy a second time is refused with 409.', (bench) =>
    withRole(bench, 'Reader', onGroup(bench), async () => {
      const answer = await requestPolicy(bench, 'Reader', onGroup(bench));
      holds(answer.status === 409, `status ${answer.status}`);
    }),
  ),
];

/** An Administrator of the group who has no service role tries to make itself Manager. */
async function grantsAboveOwnRole(bench: Bench) {
  const place = onGroup(bench);
  return bench.asServiceId((identity) =>
    withRole(bench, 'Administrator', place, async () => {
      // What it has itself it may give: once it can, its role is in effect.
      await arrival(bench, 'the role Administrator', async () =>
        given(await requestPolicy(bench, 'Viewer', place, identity)),
      );
      const answer = await requestPolicy(bench, 'Manager', place, identity);
      if (answer.status === 201) await removePolicy(bench, textIn(answer.body, 'id'));
      if (answer.status === 201) return value('accepted' as const);
      return answer.status === 403 ? value('refused' as const) : other(`status ${answer.status} ${ibmCodeIn(answer)}`);
    }),
  );
}

/** Null where it was not given. The same policy is there already where an answer was lost. */
const given = ({ status }: RawAnswer): true | null => (status === 201 || status === 409 ? true : null);

async function secretsReaderOwner(bench: Bench) {
  const found: ('secrets-manager' | 'iam')[] = [];
  for (const owner of ['secrets-manager', 'iam'] as const) {
    const role = `crn:v1:bluemix:public:${owner}::::serviceRole:SecretsReader`;
    const { status, body } = await requestPolicy(bench, role, onGroup(bench));
    if (status === 403) throw new Error('whoever runs this may not give that role');
    if (status !== 201) continue;
    await removePolicy(bench, textIn(body, 'id'));
    found.push(owner);
  }
  const [only, ...others] = found;
  return only !== undefined && others.length === 0 ? value(only) : other(`${found.length} of the two CRNs are taken`);
}

/** The question of a role: 403 says that a Writer's is too little, where it stays: a new role may not be in effect everywhere. */
async function needsMore(bench: Bench, ask: () => Promise<RawAnswer>) {
  const passed = await awaited(bench, ABSENCE_MS, async () => {
    const { status } = await ask();
    return status === 403 ? null : status;
  });
  if (!passed) return value(true);
  return passed.found < 300 ? value(false) : other(`status ${passed.found}`);
}

const POINTS: readonly OpenPoint[] = [
  point('policyDelayMs', 'How late does a new policy take effect?', (bench) =>
    asStranger(bench, (identity, secretId) =>
      withRole(bench, 'Reader', onGroup(bench), () =>
        lateness(bench, PATIENCE_MS, async () => (await metadataStatus(bench, identity, secretId)) === 200),
      ),
    ),
  ),
  point('policyReadDelayMs', 'How long is a new policy not found by its id?', (bench) =>
    withRole(bench, 'Viewer', onGroup(bench), (id) =>
      lateness(bench, SPREAD_MS, async () => {
        const answer = await bench.own.iam.send({ method: 'GET', path: `/v1/policies/${id}` }, bench.signal);
        return answer.status === 200;
      }),
    ),
  ),
  point('secretsReaderOwner', 'Which owner does the CRN of the role SecretsReader name?', secretsReaderOwner),
  point('versionMetadataNeedsManager', 'Does patching the metadata of a version take a Manager?', (bench) =>
    withSecret(bench, 'by-writer', async ({ id }) =>
      asWriter(bench, id, async (writer) =>
        needsMore(bench, () => patchVersionMetadata(bench, id, 'current', { by: 1 }, writer)),
      ),
    ),
  ),
  point('removePreviousNeedsLockDelete', 'Does `remove_previous` ask for the right to delete locks?', (bench) =>
    withSecret(bench, 'freed', async ({ id }) => {
      succeeded(await lock(bench, id, await firstVersionId(bench, id)), 'locking');
      const current = await rotated(bench, id, 'second');
      return asWriter(bench, id, async (writer) =>
        needsMore(bench, () => lock(bench, id, current, { mode: 'remove_previous', as: writer })),
      );
    }),
  ),
  // The last one: what it may give itself lasts a while after it was taken away.
  point('grantsAboveOwnRole', 'May an Administrator give a service role that it has not?', grantsAboveOwnRole),
];

/** Access of an identity that has only what it is given. */
export const POLICIES: Family = { title: 'Access', contracts: CONTRACTS, points: POINTS };
