import { describe, expect, it } from 'vitest';
import { LABEL } from '../../shared/clients/secret-store.ts';
import type { Place, SecretStore, StoredSecret } from '../../shared/clients/secret-store.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { survey } from '../../shared/rotation/survey.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, cloudAdapter, withShortPages } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, outcomeOf } from './support/failures.ts';
import { powerlessLogin } from './support/identities.ts';
import { productOn, watchCalls } from './support/product.ts';
import type { ProductOptions } from './support/product.ts';

const { signal } = new AbortController();

async function allOwn(secrets: SecretStore): Promise<StoredSecret[]> {
  const found: StoredSecret[] = [];
  for await (const secret of secrets.listOwn(signal)) found.push(secret);
  return found;
}
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';

const GUARD = { name: 'keyrota-guard-lab', attributes: { op: 'one' }, freesPrevious: false };

const version = (value: string, secretMetadata: object = {}, versionMetadata: object = {}) => ({
  value: new SecretValue(value),
  secretMetadata: { ...secretMetadata },
  versionMetadata: { ...versionMetadata },
});

/** An instance with a secret of one version or more, and the store that looks after it. */
async function open(
  options: ProductOptions & {
    switches?: Parameters<typeof Laboratory.open>[0];
    type?: Place['type'];
    versions?: number;
  } = {},
) {
  const lab = await Laboratory.open(options.switches);
  const place: Place = { name: 'ingest', groupId: lab.groupId, type: options.type ?? 'arbitrary', field: 'apikey' };
  const setUp = productOn(lab).secrets;
  await setUp.createSecret(place, 'A secret.', version('value-1', {}, { n: 1 }), signal);
  const { id } = lab.secret();
  for (let n = 2; n <= (options.versions ?? 1); n += 1) {
    await lab.pass(1_000);
    await setUp.storeVersion(id, place, version(`value-${n}`, {}, { n }), signal);
  }
  const { secrets, sent } = productOn(lab, options);
  const versionIds = () => lab.secret().versions.map((one) => one.id);
  return { lab, place, id, secrets, sent, versionIds };
}

/** A secret made by the account's owner. */
async function ownersSecret(lab: Laboratory, name: string, more: object = {}): Promise<string> {
  const body = { name, secret_type: 'arbitrary', secret_group_id: lab.groupId, payload: 'not ours', ...more };
  return String((await lab.admin.request('POST', '/api/v2/secrets', body))['id']);
}

const seenByOwner = (lab: Laboratory, id: string) => lab.admin.request('GET', `/api/v2/secrets/${id}/metadata`);

/** What makes a listed secret one that is not understood. */
const UNLIKE_SECRETS = [{ state: 'active' }, { labels: 'none' }, { custom_metadata: [7] }, { id: null }, { name: 7 }];

/** Changes a secret of that name wherever it is listed. */
const spoiling = (lab: Laboratory, name: string, change: object) =>
  altering(cloudAdapter(lab.cloud), (body, { path }) => {
    if (path !== '/api/v2/secrets') return;
    const listed = body['secrets'] as Record<string, unknown>[];
    for (const secret of listed.filter((one) => one['name'] === name)) Object.assign(secret, change);
  });

describe('our own secrets', () => {
  it('are all listed, a thousand a call, and no others', async () => {
    const { lab, secrets, sent } = await open();
    for (let n = 0; n < 2_499; n += 1) await ownersSecret(lab, `own-${n}`, { labels: ['other', LABEL] });
    for (let n = 0; n < 100; n += 1) await ownersSecret(lab, `foreign-${n}`, { labels: [`${LABEL}-like`] });
    const found = await allOwn(secrets);
    const names = ['ingest', ...Array.from({ length: 2_499 }, (_, n) => `own-${n}`)];
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(sent.filter(({ method }) => method === 'GET').map(({ query }) => query.get('offset'))).toEqual([
      '0',
      '1000',
      '2000',
    ]);
  });

  it('are all listed when the service gives shorter pages than asked for', async () => {
    const lab = await Laboratory.open();
    for (let n = 0; n < 7; n += 1) await ownersSecret(lab, `own-${n}`, { labels: [LABEL] });
    const { secrets } = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'limit', 3) });
    expect(await allOwn(secrets)).toHaveLength(7);
  });

  it('are those that the service shows, also where it counts more: their list ends, and that of their locks', async () => {
    const { lab, id, versionIds } = await open();
    await productOn(lab).secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    let pages = 0;
    const adapter = altering(cloudAdapter(lab.cloud), (body) => {
      if (typeof body['total_count'] !== 'number') return;
      pages += 1;
      if (pages <= 10) body['total_count'] += 5;
    });
    const { secrets } = productOn(lab, { adapter });
    expect((await allOwn(secrets)).map(({ name }) => name)).toEqual(['ingest']);
    expect((await secrets.listLocks(id, signal)).map(({ name }) => name)).toEqual([GUARD.name]);
    expect(pages).toBe(4); // one with something and one without, each
  });

  it('are none where none has the label', async () => {
    const lab = await Laboratory.open();
    await ownersSecret(lab, 'mentions-keyrota', { description: 'keyrota' });
    expect(await allOwn(productOn(lab).secrets)).toEqual([]);
  });

  it('that are made while they are listed make no other be left out or told twice', async () => {
    const lab = await Laboratory.open();
    for (let n = 0; n < 7; n += 1) await ownersSecret(lab, `own-${n}`, { labels: [LABEL] });
    const shortPages = withShortPages(cloudAdapter(lab.cloud), 'limit', 3);
    let made = 0;
    const { secrets, sent } = productOn(lab, {
      adapter: async (config) => {
        const answer = await shortPages(config);
        if (made < 2) await ownersSecret(lab, `a-late-${(made += 1)}`, { labels: [LABEL] });
        return answer;
      },
    });
    const names = (await allOwn(secrets)).map(({ name }) => name);
    expect(names.slice(0, 7)).toEqual(Array.from({ length: 7 }, (_, n) => `own-${n}`));
    expect(new Set(names).size).toBe(names.length);
    expect(sent.at(-1)?.query.get('sort')).toBe('created_at');
  });

  it('come with labels, metadata, group, type and state, and without values', async () => {
    const { lab, id, place, secrets } = await open();
    await secrets.storeVersion(id, place, version('value-2', { keyrota: { n: 2 } }), signal);
    const [found] = await allOwn(secrets);
    expect(found).toEqual({
      id,
      name: 'ingest',
      secret_group_id: lab.groupId,
      secret_type: 'arbitrary',
      labels: [LABEL],
      custom_metadata: { keyrota: { n: 2 } },
      state: 1,
    });
  });

  it('may have no labels and no metadata in the answer, or null', async () => {
    const { lab, place, id, secrets } = await open();
    const bare = { labels: [], custom_metadata: {} };
    for (const value of [null, undefined]) {
      const adapter = spoiling(lab, 'ingest', { labels: value, custom_metadata: value });
      const store = productOn(lab, { adapter }).secrets;
      expect(await allOwn(store)).toMatchObject([{ id, ...bare }]);
      expect(await store.find(place, signal)).toMatchObject({ id, ...bare });
    }
    expect(await allOwn(secrets)).toMatchObject([{ id, labels: [LABEL] }]);
  });

  it.each(UNLIKE_SECRETS)('are told without one that is not understood: %o', async (spoilt) => {
    const { lab } = await open();
    await ownersSecret(lab, 'odd', { labels: [LABEL] });
    await ownersSecret(lab, 'last', { labels: [LABEL] });
    const { secrets } = productOn(lab, { adapter: spoiling(lab, 'odd', spoilt) });
    expect((await allOwn(secrets)).map(({ name }) => name)).toEqual(['ingest', 'last']);
  });

  it('are looked for by name where what the list shows is not understood', async () => {
    const { lab } = await open();
    const adapter = spoiling(lab, 'ingest', { state: 'active' });
    const manifest = lab.manifest();
    const context = { ...lab.context(manifest), http: { adapter } };
    const { candidates } = await withPorts(context, async (ports) => {
      await ports.login();
      return survey(manifest, { only: null, timerMs: 3_600_000 }, ports);
    });
    expect(candidates).toMatchObject([{ key: { name: 'ingest' }, secret: null, why: 'new' }]);
  });

  it('are refused to somebody without the right', async () => {
    const lab = await Laboratory.open();
    const { secrets } = productOn(lab, { login: await powerlessLogin(lab) });
    expect(await outcomeOf(allOwn(secrets))).toMatchObject({ code: 'forbidden', status: 403, effect: 'none' });
  });
});

describe('a secret', () => {
  it.each(['ingest-2', 'my-ingest', 'ing', 'INGEST', 'in.gest'])(
    'is found by its exact name, not as %s',
    async (similar) => {
      const { lab, place, id, secrets } = await open();
      await ownersSecret(lab, similar);
      await ownersSecret(lab, 'described', { description: 'ingest', labels: ['ingest'] });
      expect((await secrets.find(place, signal))?.id).toBe(id);
      expect((await secrets.find({ ...place, name: similar }, signal))?.name).toBe(similar);
    },
  );

  it('is found among more similar ones than a page holds', async () => {
    const lab = await Laboratory.open();
    for (let n = 0; n < 10; n += 1) await ownersSecret(lab, `ingest-${n}`);
    const id = await ownersSecret(lab, 'ingest');
    const { secrets } = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'limit', 4) });
    const place: Place = { name: 'ingest', groupId: lab.groupId, type: 'arbitrary', field: '' };
    expect((await secrets.find(place, signal))?.id).toBe(id);
  });

  it.each(UNLIKE_SECRETS)('is found beside one of another name that is not understood: %o', async (spoilt) => {
    const { lab, place, id } = await open();
    await ownersSecret(lab, 'ingest-2');
    const { secrets } = productOn(lab, { adapter: spoiling(lab, 'ingest-2', spoilt) });
    expect((await secrets.find(place, signal))?.id).toBe(id);
  });

  it('that is not understood is no secret that is missing', async () => {
    const { lab, place } = await open();
    const { secrets } = productOn(lab, { adapter: spoiling(lab, 'ingest', { state: 'active', labels: 'none' }) });
    const error = await apiFailureOf(secrets.find(place, signal));
    expect(error).toMatchObject({ code: 'unexpected_answer', effect: 'none' });
    expect(error.message).toBe('listSecrets: status 200: not understood: labels, state');
  });

  it('is found whether it has our label or not', async () => {
    const lab = await Laboratory.open();
    const id = await ownersSecret(lab, 'ingest');
    const place: Place = { name: 'ingest', groupId: lab.groupId, type: 'arbitrary', field: '' };
    expect(await productOn(lab).secrets.find(place, signal)).toMatchObject({ id, labels: [] });
  });

  it('is not found as one of another type', async () => {
    const { lab, place, id, secrets } = await open();
    await ownersSecret(lab, 'ingest', { secret_type: 'kv', payload: undefined, data: { apikey: 'x' } });
    expect((await secrets.find(place, signal))?.id).toBe(id);
    expect((await secrets.find({ ...place, type: 'kv' }, signal))?.id).not.toBe(id);
  });

  it('is found by a name longer than a search may be', async () => {
    const lab = await Laboratory.open();
    const name = `${'long.'.repeat(40)}name`;
    await ownersSecret(lab, `${name}-other`);
    const id = await ownersSecret(lab, name);
    const place: Place = { name, groupId: lab.groupId, type: 'arbitrary', field: '' };
    expect((await productOn(lab).secrets.find(place, signal))?.id).toBe(id);
  });

  it('is null when there is none', async () => {
    const { place, secrets } = await open();
    expect(await secrets.find({ ...place, name: 'nothing' }, signal)).toBeNull();
  });

  it('is told by its id as it is now', async () => {
    const { id, place, secrets } = await open();
    await secrets.storeVersion(id, place, version('value-2', { n: 2 }), signal);
    expect(await secrets.get(id, signal)).toMatchObject({ id, name: 'ingest', custom_metadata: { n: 2 }, state: 1 });
  });

  it('that is gone is not found by its id', async () => {
    const { secrets } = await open();
    expect(await outcomeOf(secrets.get(UNKNOWN_ID, signal))).toMatchObject({ code: 'not_found', effect: 'none' });
  });

  it('that is destroyed says so', async () => {
    const { lab, secrets } = await open();
    const expires = new Date(lab.clock.nowMs() + 60_000).toISOString();
    const id = await ownersSecret(lab, 'expiring', { expiration_date: expires });
    await lab.pass(120_000);
    expect((await secrets.get(id, signal)).state).toBe(5);
  });
});

/** Whether names are unique in an instance or in a group only is not documented: here it is in a group. */
describe('of several secrets of one name', () => {
  /** An instance with secrets in that order, each under the name `ingest` in the group that is given. */
  async function withNamesakes(groups: readonly string[]) {
    const lab = await Laboratory.open();
    const ids = [];
    for (const group of groups) ids.push(await ownersSecret(lab, `ingest-in-${group}`, { labels: [LABEL] }));
    const adapter = altering(withShortPages(cloudAdapter(lab.cloud), 'limit', 1), (body, { path }) => {
      if (path !== '/api/v2/secrets') return;
      for (const secret of body['secrets'] as Record<string, unknown>[]) {
        const [name, group] = String(secret['name']).split('-in-');
        Object.assign(secret, { name, secret_group_id: group === 'own' ? lab.groupId : group });
      }
    });
    return { lab, ids, adapter };
  }

  const ORDERS: [string[], number][] = [
    [['own', 'another', 'third'], 0],
    [['another', 'own', 'third'], 1],
    [['another', 'third', 'own'], 2],
    [['another', 'third'], 0],
  ];

  it.each(ORDERS)(
    'the one in the group that is named is found, or else the first: %o: number %i',
    async (groups, at) => {
      const { lab, ids, adapter } = await withNamesakes(groups);
      const place: Place = { name: 'ingest', groupId: lab.groupId, type: 'arbitrary', field: '' };
      expect((await productOn(lab, { adapter }).secrets.find(place, signal))?.id).toBe(ids[at]);
    },
  );

  it.each(ORDERS)(
    'the one in the manifest’s group is that of a key, or else the first: %o: number %i',
    async (groups, at) => {
      const { lab, ids, adapter } = await withNamesakes(groups);
      for (const entry of [{}, { name: 'renamed', formerly: ['ingest'] }]) {
        const manifest = lab.manifest(entry);
        const context = { ...lab.context(manifest), http: { adapter } };
        const { candidates } = await withPorts(context, async (ports) => {
          await ports.login();
          return survey(manifest, { only: null, timerMs: 3_600_000 }, ports);
        });
        expect(candidates.map(({ secret }) => secret?.id)).toEqual([ids[at]]);
      }
    },
  );
});

describe('a secret that is created', () => {
  it('has our label, its metadata and one version with its own', async () => {
    const { lab, place, secrets } = await open();
    const created = version('the value', { keyrota: { key_id: 'k' } }, { keyrota: { op: 'o' } });
    await secrets.createSecret({ ...place, name: 'second' }, 'The second.', created, signal);
    expect(lab.secret('second')).toMatchObject({
      labels: [LABEL],
      customMetadata: { keyrota: { key_id: 'k' } },
      versions: [{ alias: 'current', payload: 'the value', customMetadata: { keyrota: { op: 'o' } }, locks: [] }],
    });
    expect(await seenByOwner(lab, lab.secret('second').id)).toMatchObject({
      description: 'The second.',
      secret_group_id: lab.groupId,
      secret_type: 'arbitrary',
    });
    expect(await seenByOwner(lab, lab.secret('second').id)).not.toHaveProperty('expiration_date');
  });

  it('of type kv has the value in its field', async () => {
    const { lab } = await open({ type: 'kv' });
    expect(lab.secret().versions[0]?.payload).toEqual({ apikey: 'value-1' });
  });

  it.each([
    { status: 409, code: 'conflict' },
    { status: 400, code: 'invalid_request' },
  ] as const)('under a taken name is refused, and “already exists”: $status', async ({ status, code }) => {
    const { lab, place, secrets } = await open({ switches: { duplicateSecretStatus: status } });
    const error = await apiFailureOf(secrets.createSecret(place, 'Again.', version('another value'), signal));
    expect(error).toMatchObject({ code, effect: 'none', failure: { status } });
    expect(error.message).toContain('already exists');
    expect(everythingIn(error)).not.toContain('another value');
    expect(lab.secret().versions).toHaveLength(1);
  });

  it('is one also when two runs create it at once: the other is refused', async () => {
    const { lab, place, secrets } = await open();
    const create = (value: string) =>
      secrets.createSecret({ ...place, name: 'second' }, 'Race.', version(value), signal);
    const outcomes = await Promise.all(
      [create('one'), create('two')].map((one) =>
        one.then(
          () => 'done',
          () => 'refused',
        ),
      ),
    );
    expect(outcomes.toSorted()).toEqual(['done', 'refused']);
    expect(lab.secret('second').versions).toHaveLength(1);
  });

  it('is created once, also when the answer is lost', async () => {
    const { lab, place, secrets } = await open();
    lab.fault({ match: 'POST /api/v2/secrets', drop: 'answer' });
    const calls = watchCalls(lab);
    const creating = secrets.createSecret({ ...place, name: 'second' }, 'Lost.', version('v'), signal);
    expect(await outcomeOf(creating)).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    expect(calls().filter(({ call }) => call === 'POST /api/v2/secrets')).toHaveLength(1);
    expect(lab.secret('second').versions).toHaveLength(1);
  });

  it('is refused without the right in its group', async () => {
    const { place, secrets } = await open();
    const creating = secrets.createSecret(
      { ...place, name: 'second', groupId: 'default' },
      'Elsewhere.',
      version('v'),
      signal,
    );
    expect(await outcomeOf(creating)).toMatchObject({ code: 'forbidden', effect: 'none' });
  });
});

describe('versions', () => {
  it('are listed oldest first, with alias, date, payload and metadata', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 4 });
    const found = await secrets.listVersions(id, signal);
    expect(found.map((one) => one.id)).toEqual(versionIds());
    expect(found.map(({ alias, payload_available: has, version_custom_metadata: { n } }) => [alias, has, n])).toEqual([
      [undefined, false, 1],
      [undefined, false, 2],
      ['previous', true, 3],
      ['current', true, 4],
    ]);
    expect(found.at(-1)?.created_at).toBe(lab.clock.nowMs());
  });

  it.each([
    ['newest first', (versions: object[]) => versions.toReversed()],
    ['current first', (versions: object[]) => [...versions.slice(-1), ...versions.slice(0, -1)]],
    ['in any order', (versions: object[]) => [2, 0, 3, 1].map((place) => versions[place])],
  ])('are in the same order when the service gives them %s', async (_, order) => {
    const { lab, id, versionIds } = await open({ versions: 4 });
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path.endsWith('/versions')) body['versions'] = order(body['versions'] as object[]);
    });
    const found = await productOn(lab, { adapter }).secrets.listVersions(id, signal);
    expect(found.map((one) => one.id)).toEqual(versionIds());
  });

  it('are in the order of their aliases where their dates say nothing', async () => {
    const { lab, id, versionIds } = await open({ versions: 2 });
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (!path.endsWith('/versions')) return;
      body['versions'] = (body['versions'] as object[])
        .map((one) => ({ ...one, created_at: '2026-01-01T00:00:00Z' }))
        .toReversed();
    });
    const found = await productOn(lab, { adapter }).secrets.listVersions(id, signal);
    expect(found.map((one) => one.id)).toEqual(versionIds());
  });

  it('are at most fifty', async () => {
    const { id, secrets } = await open({ versions: 53 });
    const found = await secrets.listVersions(id, signal);
    expect(found.map((one) => one.version_custom_metadata['n'])).toEqual(Array.from({ length: 50 }, (_, n) => n + 4));
  });

  it('without metadata have empty metadata, and without a mark are not fetched', async () => {
    const { lab, id } = await open();
    const adapter = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (!path.endsWith('/versions')) return;
      for (const one of body['versions'] as Record<string, unknown>[]) {
        delete one['version_custom_metadata'];
        delete one['downloaded'];
      }
    });
    const [found] = await productOn(lab, { adapter }).secrets.listVersions(id, signal);
    expect(found).toMatchObject({ version_custom_metadata: {}, downloaded: false });
  });

  it('and locks may say null where they have no metadata', async () => {
    const { lab, id, versionIds } = await open();
    await productOn(lab).secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    const adapter = altering(cloudAdapter(lab.cloud), (body) => {
      for (const one of (body['versions'] ?? []) as object[]) Object.assign(one, { version_custom_metadata: null });
      for (const one of (body['locks'] ?? []) as object[]) Object.assign(one, { attributes: null });
    });
    const { secrets } = productOn(lab, { adapter });
    expect(await secrets.listVersions(id, signal)).toMatchObject([{ version_custom_metadata: {} }]);
    expect(await secrets.listLocks(id, signal)).toMatchObject([{ attributes: {} }]);
  });

  it('of a secret that is gone are not found', async () => {
    const { secrets } = await open();
    expect(await outcomeOf(secrets.listVersions(UNKNOWN_ID, signal))).toMatchObject({ code: 'not_found' });
  });
});

describe('a version that is stored', () => {
  it.each(['arbitrary', 'kv'] as const)('is current, and the former current is previous: %s', async (type) => {
    const { lab } = await open({ type, versions: 2 });
    const payload = (value: string) => (type === 'kv' ? { apikey: value } : value);
    expect(lab.secret().versions).toMatchObject([
      { alias: 'previous', payload: payload('value-1') },
      { alias: 'current', payload: payload('value-2') },
    ]);
  });

  it('takes both its metadata and that of the secret with it', async () => {
    const { lab, id, place, secrets } = await open();
    await secrets.storeVersion(
      id,
      place,
      version('value-2', { keyrota: { key_id: 'k2' } }, { keyrota: { op: 'o2' } }),
      signal,
    );
    expect(lab.secret().customMetadata).toEqual({ keyrota: { key_id: 'k2' } });
    expect(lab.secret().versions.map(({ customMetadata }) => customMetadata)).toEqual([
      { n: 1 },
      { keyrota: { op: 'o2' } },
    ]);
  });

  it('is refused while the previous version is locked, and nothing changes', async () => {
    const { lab, id, place, secrets, versionIds } = await open({ versions: 2 });
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    const before = lab.secret();
    const error = await apiFailureOf(secrets.storeVersion(id, place, version('value-3', { n: 3 }), signal));
    expect(error).toMatchObject({ code: 'locked', effect: 'none', failure: { status: 412 } });
    expect(everythingIn(error)).not.toContain('value-3');
    expect(lab.secret()).toEqual(before);
  });

  it('is not refused while the current version is locked', async () => {
    const { lab, id, place, secrets, versionIds } = await open();
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    await secrets.storeVersion(id, place, version('value-2'), signal);
    expect(lab.secret().versions.map(({ alias, locks }) => [alias, locks.length])).toEqual([
      ['previous', 1],
      ['current', 0],
    ]);
  });

  it('is one of two that two runs store at once behind a guard', async () => {
    const { lab, id, place, secrets, versionIds } = await open();
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    const stores = ['two', 'three'].map((value) => secrets.storeVersion(id, place, version(value), signal));
    const outcomes = await Promise.all(
      stores.map((one) =>
        one.then(
          () => 'stored',
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(outcomes.toSorted()).toEqual(['locked', 'stored']);
    expect(lab.secret().versions).toHaveLength(2);
  });

  it('is refused in a secret that is gone', async () => {
    const { place, secrets } = await open();
    const storing = secrets.storeVersion(UNKNOWN_ID, place, version('value-2'), signal);
    expect(await outcomeOf(storing)).toMatchObject({ code: 'not_found', effect: 'none' });
  });
});

describe('locks', () => {
  it('are listed for all versions, with version, attributes and date', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 2 });
    const [previousId = '', currentId = ''] = versionIds();
    await secrets.lockVersion(id, currentId, { ...GUARD, attributes: { op: 'one', until: 'then' } }, signal);
    await secrets.lockVersion(id, previousId, { ...GUARD, name: 'consumer', attributes: {} }, signal);
    const found = await secrets.listLocks(id, signal);
    expect(found).toHaveLength(2);
    expect(found).toEqual(
      expect.arrayContaining([
        {
          name: GUARD.name,
          secret_version_id: currentId,
          attributes: { op: 'one', until: 'then' },
          updated_at: lab.clock.nowMs(),
        },
        { name: 'consumer', secret_version_id: previousId, attributes: {}, updated_at: lab.clock.nowMs() },
      ]),
    );
  });

  it('are all listed, over pages', async () => {
    const { lab, id, versionIds } = await open();
    const locks = Array.from({ length: 730 }, (_, n) => ({ name: `consumer-${n}` }));
    await lab.admin.request('POST', `/api/v2/secrets/${id}/versions/${versionIds()[0]}/locks_bulk`, { locks });
    const { secrets, sent } = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'limit', 100) });
    const found = await secrets.listLocks(id, signal);
    expect(found.map(({ name }) => name)).toEqual(locks.map(({ name }) => name));
    expect(sent.filter(({ method }) => method === 'GET')).toHaveLength(8);
  });

  it('are none where there are none', async () => {
    const { id, secrets } = await open();
    expect(await secrets.listLocks(id, signal)).toEqual([]);
  });

  it('are put on the version that is named, whichever is current by then', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 2 });
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    expect(lab.secret().versions.map(({ alias, locks }) => [alias, locks.map(({ name }) => name)])).toEqual([
      ['previous', [GUARD.name]],
      ['current', []],
    ]);
  });

  it('of the same name replace each other', async () => {
    const { lab, id, secrets, versionIds } = await open();
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    await secrets.lockVersion(id, versionIds()[0] ?? '', { ...GUARD, attributes: { op: 'two' } }, signal);
    expect(lab.secret().versions[0]?.locks).toEqual([{ name: GUARD.name, attributes: { op: 'two' } }]);
  });

  it('leave those on the previous version alone unless they are to free it', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 2 });
    const [previousId = '', currentId = ''] = versionIds();
    await secrets.lockVersion(id, previousId, GUARD, signal);
    await secrets.lockVersion(id, currentId, GUARD, signal);
    expect(lab.secret().versions.map(({ locks }) => locks.length)).toEqual([1, 1]);
  });

  it('that free the previous version take only those of their name, and wipe nothing', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 2 });
    const [previousId = '', currentId = ''] = versionIds();
    await secrets.lockVersion(id, previousId, GUARD, signal);
    await secrets.lockVersion(id, previousId, { ...GUARD, name: 'consumer' }, signal);
    await secrets.lockVersion(id, currentId, { ...GUARD, freesPrevious: true }, signal);
    expect(lab.secret().versions.map(({ locks, payload }) => [locks.map(({ name }) => name), payload])).toEqual([
      [['consumer'], 'value-1'],
      [[GUARD.name], 'value-2'],
    ]);
  });

  it('that free the previous version let the next one be stored', async () => {
    const { lab, id, place, secrets, versionIds } = await open({ versions: 2 });
    const [previousId = '', currentId = ''] = versionIds();
    await secrets.lockVersion(id, previousId, GUARD, signal);
    await secrets.lockVersion(id, currentId, { ...GUARD, freesPrevious: true }, signal);
    await secrets.storeVersion(id, place, version('value-3'), signal);
    expect(lab.secret().versions.map(({ payload }) => payload)).toEqual([null, 'value-2', 'value-3']);
  });

  it('that free the previous version do no harm when they come late and twice', async () => {
    const { lab, id, place, secrets, versionIds } = await open({ versions: 2 });
    const formerlyCurrentId = versionIds()[1] ?? '';
    await secrets.lockVersion(id, formerlyCurrentId, { ...GUARD, freesPrevious: true }, signal);
    await secrets.storeVersion(id, place, version('value-3'), signal);
    await secrets.lockVersion(id, formerlyCurrentId, { ...GUARD, freesPrevious: true }, signal);
    expect(lab.secret().versions.map(({ payload, locks }) => [payload, locks.length])).toEqual([
      [null, 0],
      ['value-2', 1],
      ['value-3', 0],
    ]);
  });

  it('that free the previous version are refused where that asks for a right to delete locks', async () => {
    const { id, secrets, versionIds } = await open({ versions: 2, switches: { removePreviousNeedsLockDelete: true } });
    const currentId = versionIds()[1] ?? '';
    const freeing = secrets.lockVersion(id, currentId, { ...GUARD, freesPrevious: true }, signal);
    expect(await outcomeOf(freeing)).toMatchObject({ code: 'forbidden', effect: 'none' });
    await expect(secrets.lockVersion(id, currentId, GUARD, signal)).resolves.toBeUndefined();
  });

  it('are refused on a version without a value, and on one that is not there', async () => {
    const { id, secrets, versionIds } = await open({ versions: 3 });
    const oldest = secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    expect(await outcomeOf(oldest)).toMatchObject({ code: 'invalid_request', effect: 'none' });
    expect(await outcomeOf(secrets.lockVersion(id, UNKNOWN_ID, GUARD, signal))).toMatchObject({ code: 'not_found' });
  });

  it('say to people what they are for', async () => {
    const { lab, id, secrets, versionIds } = await open();
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    const { locks } = await lab.admin.request('GET', `/api/v2/secrets/${id}/locks`);
    expect(locks).toMatchObject([{ description: 'Keyrota keeps the value of the former key until that key is gone.' }]);
  });
});

describe.each(['replace', 'merge'] as const)('metadata, where a patch means %s', (customMetadataPatch) => {
  it('of a secret is written whole, and what is not ours survives beside it', async () => {
    const { lab, id, secrets } = await open({ switches: { customMetadataPatch } });
    await secrets.writeMetadata(id, { team: 'logging', contact: { name: 'A', rota: [1, 2] } }, signal);
    const seen = await secrets.get(id, signal);
    await secrets.writeMetadata(id, { ...seen.custom_metadata, keyrota: { failures: 1 } }, signal);
    expect(lab.secret().customMetadata).toEqual({
      team: 'logging',
      contact: { name: 'A', rota: [1, 2] },
      keyrota: { failures: 1 },
    });
  });

  it('of a secret is written whole with a new version, and what is not ours survives beside it', async () => {
    const { lab, id, place, secrets } = await open({ switches: { customMetadataPatch } });
    await secrets.writeMetadata(id, { team: 'logging', keyrota: { failures: 2, not_before: 'then' } }, signal);
    const seen = await secrets.get(id, signal);
    const summary = { failures: 0, not_before: '' };
    await secrets.storeVersion(id, place, version('value-2', { ...seen.custom_metadata, keyrota: summary }), signal);
    expect(lab.secret().customMetadata).toEqual({ team: 'logging', keyrota: summary });
  });

  it('of a version is written whole, and what is not ours survives beside it', async () => {
    const { lab, id, secrets, versionIds } = await open({ switches: { customMetadataPatch } });
    const versionId = versionIds()[0] ?? '';
    await secrets.writeVersionMetadata(id, versionId, { team: 'logging', keyrota: { op: 'o' } }, signal);
    const [seen] = await secrets.listVersions(id, signal);
    const dead = { ...seen?.version_custom_metadata, keyrota: { op: 'o', dead_at: 'now' } };
    await secrets.writeVersionMetadata(id, versionId, dead, signal);
    expect(lab.secret().versions[0]?.customMetadata).toMatchObject({
      team: 'logging',
      keyrota: { op: 'o', dead_at: 'now' },
    });
  });

  it('changes nothing else: labels, description, versions and locks stay', async () => {
    const { lab, id, secrets, versionIds } = await open({ switches: { customMetadataPatch } });
    await secrets.lockVersion(id, versionIds()[0] ?? '', GUARD, signal);
    const before = { secret: lab.secret(), seen: await seenByOwner(lab, id) };
    await secrets.writeMetadata(id, { n: 1 }, signal);
    expect(lab.secret()).toEqual({ ...before.secret, customMetadata: { n: 1 } });
    expect(await seenByOwner(lab, id)).toEqual({ ...before.seen, custom_metadata: { n: 1 } });
  });

  it('is written with labels where they are given', async () => {
    const { lab, secrets } = await open({ switches: { customMetadataPatch } });
    const id = await ownersSecret(lab, 'adopted', { labels: ['theirs'], custom_metadata: { team: 'logging' } });
    await secrets.writeMetadata(id, { team: 'logging', n: 1 }, signal, ['theirs', LABEL]);
    expect(lab.secret('adopted')).toMatchObject({
      labels: ['theirs', LABEL],
      customMetadata: { team: 'logging', n: 1 },
    });
  });

  it('of a secret is sent once, that of a version again after trouble that passes', async () => {
    const { lab, id, secrets, versionIds } = await open({ switches: { customMetadataPatch } });
    lab.fault({ match: `PATCH /api/v2/secrets/${id}/metadata`, status: 503, afterEffect: true });
    expect(await outcomeOf(secrets.writeMetadata(id, { n: 1 }, signal))).toMatchObject({
      code: 'service_failed',
      effect: 'unknown',
    });
    lab.fault({ match: 'PATCH /api/v2/secrets/*/versions/*/metadata', status: 503, afterEffect: true });
    await secrets.writeVersionMetadata(id, versionIds()[0] ?? '', { n: 9 }, signal);
    expect(lab.secret()).toMatchObject({ customMetadata: { n: 1 }, versions: [{ customMetadata: { n: 9 } }] });
  });

  it('keeps texts, numbers, lists and objects as they are', async () => {
    const { id, secrets } = await open({ switches: { customMetadataPatch } });
    const metadata = {
      text: 'ü “quoted” \n',
      number: 1.5,
      no: false,
      list: [1, [2], { a: 'b' }],
      deep: { a: { b: { c: 1 } } },
    };
    await secrets.writeMetadata(id, metadata, signal);
    expect((await secrets.get(id, signal)).custom_metadata).toEqual(metadata);
  });

  it('that is too large is refused, and nothing changes', async () => {
    const { lab, id, secrets } = await open({ switches: { customMetadataPatch } });
    const writing = secrets.writeMetadata(id, { text: 'x'.repeat(10_001) }, signal);
    expect(await outcomeOf(writing)).toMatchObject({ code: 'invalid_request', effect: 'none' });
    expect(lab.secret().customMetadata).toEqual({});
  });
});

describe('metadata of a version', () => {
  it('may be written when its value is gone', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 3 });
    await secrets.writeVersionMetadata(id, versionIds()[0] ?? '', { mark: 'old' }, signal);
    expect(lab.secret().versions[0]).toMatchObject({ customMetadata: { mark: 'old' }, payloadAvailable: false });
  });

  it('may be refused when its value is gone', async () => {
    const { id, secrets, versionIds } = await open({ versions: 3, switches: { oldVersionMetadataWritable: false } });
    const writing = secrets.writeVersionMetadata(id, versionIds()[0] ?? '', { mark: 'old' }, signal);
    expect(await outcomeOf(writing)).toMatchObject({ code: 'invalid_request', effect: 'none' });
  });

  it('is that of one version alone', async () => {
    const { lab, id, secrets, versionIds } = await open({ versions: 2 });
    await secrets.writeVersionMetadata(id, versionIds()[0] ?? '', { mark: 'x' }, signal);
    expect(lab.secret().versions.map(({ customMetadata }) => customMetadata)).toEqual([{ mark: 'x' }, { n: 2 }]);
    expect(lab.secret().customMetadata).toEqual({});
  });
});

describe('a value', () => {
  it.each(['arbitrary', 'kv'] as const)('is read from the version that is named: %s', async (type) => {
    const { id, place, secrets, versionIds } = await open({ type, versions: 2 });
    const read = (versionId = '') => secrets.readValue(id, versionId, place, signal);
    expect((await read(versionIds()[0]))?.reveal()).toBe('value-1');
    expect((await read(versionIds()[1]))?.reveal()).toBe('value-2');
    expect(String(await read(versionIds()[1]))).toBe('[redacted]');
  });

  it.each(['arbitrary', 'kv'] as const)('is null when it is gone: %s', async (type) => {
    const { id, place, secrets, versionIds } = await open({ type, versions: 3 });
    expect(await secrets.readValue(id, versionIds()[0] ?? '', place, signal)).toBeNull();
  });

  it.each([
    ['the field is missing', { other: 'x' }],
    ['the field is empty', { apikey: '' }],
    ['the field is no text', { apikey: 7 }],
  ])('is null where %s', async (_, data) => {
    const { lab, id, place, secrets } = await open({ type: 'kv' });
    await lab.admin.request('POST', `/api/v2/secrets/${id}/versions`, { data });
    const currentId = lab.secret().versions.at(-1)?.id ?? '';
    expect(await secrets.readValue(id, currentId, place, signal)).toBeNull();
  });

  it('is read from its own field among others', async () => {
    const { lab, id, place, secrets } = await open({ type: 'kv' });
    await lab.admin.request('POST', `/api/v2/secrets/${id}/versions`, { data: { url: 'u', token: 't', apikey: 'k' } });
    const currentId = lab.secret().versions.at(-1)?.id ?? '';
    expect((await secrets.readValue(id, currentId, { ...place, field: 'token' }, signal))?.reveal()).toBe('t');
  });

  it('of a version that is not there, or not any more, is none', async () => {
    const { lab, id, place, secrets, versionIds } = await open({ versions: 3 });
    expect(await secrets.readValue(id, UNKNOWN_ID, place, signal)).toBeNull();
    expect(await secrets.readValue(id, versionIds()[0] ?? '', place, signal)).toBeNull();
    lab.cloud.switches.goneVersionReadStatus = 404;
    expect(await secrets.readValue(id, versionIds()[0] ?? '', place, signal)).toBeNull();
  });

  it('is not told by an error or the log', async () => {
    const { lab, id, place, secrets, versionIds } = await open();
    lab.fault({ match: 'GET /api/v2/secrets/*/versions/*', times: 4, status: 503, afterEffect: true });
    const error = await failureOf(secrets.readValue(id, versionIds()[0] ?? '', place, signal));
    expect(everythingIn(error) + lab.logLines.join('\n')).not.toContain('value-1');
  });

  it.each(['arbitrary', 'kv'] as const)('is marked as fetched by nothing but reading it: %s', async (type) => {
    const { lab, id, place, secrets, versionIds } = await open({ type });
    const fetched = () => lab.secret().versions.map(({ downloaded }) => downloaded);
    await secrets.storeVersion(id, place, version('value-2'), signal);
    const [previousId = '', currentId = ''] = versionIds();
    await allOwn(secrets);
    await secrets.find(place, signal);
    await secrets.get(id, signal);
    await secrets.listVersions(id, signal);
    await secrets.listLocks(id, signal);
    await secrets.lockVersion(id, currentId, GUARD, signal);
    await secrets.lockVersion(id, currentId, { ...GUARD, freesPrevious: true }, signal);
    await secrets.writeMetadata(id, { n: 1 }, signal);
    await secrets.writeVersionMetadata(id, currentId, { n: 1 }, signal);
    expect(fetched()).toEqual([false, false]);
    expect((await seenByOwner(lab, id))['retrieved_at']).toBe('1970-01-01T00:00:00.000Z');
    await secrets.readValue(id, previousId, place, signal);
    expect(fetched()).toEqual([true, false]);
    expect((await secrets.listVersions(id, signal)).map(({ downloaded }) => downloaded)).toEqual([true, false]);
  });

  it('that is gone is not marked by the attempt to read it', async () => {
    const { lab, id, place, secrets, versionIds } = await open({ versions: 3 });
    await secrets.readValue(id, versionIds()[0] ?? '', place, signal);
    expect(lab.secret().versions.map(({ downloaded }) => downloaded)).toEqual([false, false, false]);
  });
});
