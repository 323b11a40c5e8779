import { DAY_MS } from '../../shared/keys/duration.ts';
import { Laboratory } from '../support/laboratory.ts';

/** One API call in the life of a key. */
interface PlannedCall {
  /** As the cloud sees it, ids as `*`. */
  call: string;
  /** What it is for, and why the step cannot do without it. */
  purpose: string;
}

export interface PlannedStep {
  step: 'mint' | 'disable' | 'delete';
  calls: readonly PlannedCall[];
}

const VERSIONS: PlannedCall = {
  call: 'GET /api/v2/secrets/*/versions',
  purpose: 'observe: the versions, which keys they name, and whether the current one was fetched',
};
const LOCKS: PlannedCall = {
  call: 'GET /api/v2/secrets/*/locks',
  purpose: 'observe: consumers’ locks, our guard, and the lease of another run',
};
const KEYS: PlannedCall = {
  call: 'GET /v1/apikeys',
  purpose: 'observe: the identity, its current key and strays of ours, all in one list',
};
const FORMER_KEY: PlannedCall = {
  call: 'GET /v1/apikeys/*',
  purpose: 'observe: the former key by id, with last use and history, for lists may be stale',
};

/** Every call of a rotation and all that follows from it, for an entry that names no grants and no probe. */
export const LIFE: readonly PlannedStep[] = [
  {
    step: 'mint',
    calls: [
      KEYS,
      VERSIONS,
      LOCKS,
      {
        call: 'GET /api/v2/secrets/*/metadata',
        purpose: 'observe: the secret itself, for the list that said it is due may be older than another run’s mint',
      },
      {
        call: 'POST /api/v2/secrets/*/versions/*/locks_bulk',
        purpose: 'claim: lock the current version, so that of two stores one is refused',
      },
      { call: 'POST /v1/apikeys', purpose: 'create: the new key' },
      { call: 'POST /identity/token', purpose: 'verify: a first login with it' },
      { call: 'POST /identity/token', purpose: 'verify: a second login after it has settled' },
      {
        call: 'GET /api/v2/secrets/*/metadata',
        purpose: 'store: the summary as it is now, for the store replaces all of it, and a leak may be written there',
      },
      { call: 'POST /api/v2/secrets/*/versions', purpose: 'store: the new current version, with the summary' },
      {
        call: 'GET /v1/apikeys/*',
        purpose: 'last check: the key is still there, should this run have stood still before it stored',
      },
    ],
  },
  {
    step: 'disable',
    calls: [
      KEYS,
      VERSIONS,
      LOCKS,
      FORMER_KEY,
      { call: 'POST /v1/apikeys/*/disable', purpose: 'disable: the former key' },
      {
        call: VERSIONS.call,
        purpose: 'last check: no undo has made the key current in this moment, else it is enabled again',
      },
    ],
  },
  {
    step: 'delete',
    calls: [
      KEYS,
      VERSIONS,
      LOCKS,
      FORMER_KEY,
      { call: 'DELETE /v1/apikeys/*', purpose: 'delete: the former key' },
      {
        call: 'POST /api/v2/secrets/*/versions/*/locks_bulk',
        purpose: 'release: move our guard from the previous version to the current one',
      },
      {
        call: 'GET /api/v2/secrets/*/metadata',
        purpose: 'release: the summary as it is now, for a write replaces all of it',
      },
      { call: 'PATCH /api/v2/secrets/*/metadata', purpose: 'release: the summary names no former key any more' },
    ],
  },
];

/** What is not of the step: Keyrota's own login, and the one list that tells what is due, which serves all keys at once. */
const OF_THE_RUN = ['POST /identity/token', 'GET /api/v2/secrets'];

/** The calls that a life costs, step by step, the second one of an entry: a released version stands behind the current one. */
export async function measuredLife(entry: object = {}): Promise<{ step: string; calls: string[] }[]> {
  const lab = await Laboratory.open();
  const manifest = lab.manifest({ grants: [], ...entry });
  await lab.tick(manifest);
  const life: { step: string; calls: string[] }[] = [];
  const lived = async (days: number) => {
    await lab.fetchValue();
    await lab.pass(days * DAY_MS);
    const before = lab.cloud.calls.total;
    const { keys } = await lab.tick(manifest, { only: ['ingest'] });
    const [step] = keys.flatMap(({ steps }) => steps);
    const calls = lab.cloud.calls.list(before + 1).map(({ method, path }) => callOf(method, path));
    if (OF_THE_RUN.some((call, place) => call !== calls[place])) throw new Error('a run begins otherwise');
    life.push({ step: step?.step ?? 'none', calls: calls.slice(OF_THE_RUN.length) });
  };
  for (const days of [30, 8, 4]) await lived(days);
  life.length = 0;
  for (const days of [18, 8, 4]) await lived(days);
  return life;
}

const callOf = (method: string, path: string): string =>
  `${method} ${path.replace(/\/(ApiKey-)?[0-9a-f-]{32,}/g, '/*')}`;
