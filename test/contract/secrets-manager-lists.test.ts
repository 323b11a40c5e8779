import { describe, expect, it } from 'vitest';
import {
  createKv,
  createSecret,
  guard,
  MINUTE_MS,
  refusalOf,
  resultOf,
  rotate,
  rotatedOnce,
  startCloud,
} from './support/secrets-manager-cloud.ts';
import type { Cloud } from './support/secrets-manager-cloud.ts';

interface Page {
  total_count: number;
  first: { href: string };
  last: { href: string };
  next?: { href: string };
  previous?: { href: string };
}

/** Follows one kind of link, from a page on, and returns what each page shows. */
async function follow(cloud: Cloud, path: string, way: 'next' | 'previous', names: (page: object) => string[]) {
  const pages: string[][] = [];
  for (let at: string | undefined = path; at !== undefined;) {
    const page = (await (await cloud.raw('GET', at)).json()) as Page;
    pages.push(names(page));
    const href = page[way]?.href;
    at = href?.replace(cloud.url, '');
  }
  return pages;
}
const namesOf = (page: object) => (page as { secrets: { name: string }[] }).secrets.map(({ name }) => name);
const lockNamesOf = (page: object) => (page as { locks: { name: string }[] }).locks.map(({ name }) => name);

describe('pages', () => {
  it('of secrets lead through all of them, forwards and backwards, with everything else that was asked', async () => {
    await using cloud = await startCloud();
    for (const name of ['s1', 's2', 's3', 's4', 's5']) await createSecret(cloud, name, { labels: ['one'] });
    await createKv(cloud, 's6');
    const query = 'limit=2&sort=-name&search=s&match_all_labels=one&secret_types=arbitrary&groups=default';
    // One letter is too short to search for.
    expect((await cloud.raw('GET', `/api/v2/secrets?${query}`)).status).toBe(400);
    const path = `/api/v2/secrets?${query.replace('search=s', 'search=arb')}`;
    const forwards = [['s5', 's4'], ['s3', 's2'], ['s1']];
    expect(await follow(cloud, path, 'next', namesOf)).toEqual(forwards);
    expect(await follow(cloud, `${path}&offset=4`, 'previous', namesOf)).toEqual(forwards.toReversed());
    const page = (await (await cloud.raw('GET', `${path}&offset=2`)).json()) as Page;
    expect([page.first.href, page.last.href]).toEqual([
      expect.stringMatching(/offset=0$/) as string,
      expect.stringMatching(/offset=4$/) as string,
    ]);
  });

  it('of secrets keep their order where lists are stale, whichever of one millisecond is read meanwhile', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud, 's1');
    for (const name of ['s2', 's3']) await createSecret(cloud, name);
    cloud.switches.staleListMs = MINUTE_MS;
    const pages = [['s1'], ['s2'], ['s3']];
    expect(await follow(cloud, '/api/v2/secrets?limit=1', 'next', namesOf)).toEqual(pages);
    await cloud.admin.getSecret({ id });
    expect(await follow(cloud, '/api/v2/secrets?limit=1', 'next', namesOf)).toEqual(pages);
    await cloud.admin.deleteSecret({ id });
    expect(await follow(cloud, '/api/v2/secrets?limit=1', 'next', namesOf), 'not deleted yet').toEqual(pages);
  });

  it('beyond the end are empty, and the only page has no neighbours', async () => {
    await using cloud = await startCloud();
    await createSecret(cloud, 's1');
    const beyond = await resultOf(cloud.admin.listSecrets({ offset: 5, limit: 2 }));
    expect([beyond.secrets, beyond.total_count, beyond.next]).toEqual([[], 1, undefined]);
    const only = await resultOf(cloud.admin.listSecrets());
    expect(only.last).toEqual(only.first);
    expect([only.next, only.previous]).toEqual([undefined, undefined]);
  });

  it('of locks lead through all of them too', async () => {
    await using cloud = await startCloud();
    const { id } = await createSecret(cloud);
    const locks = ['l1', 'l2', 'l3'].map((name) => ({ name }));
    await cloud.admin.createSecretLocksBulk({ id, locks });
    const pages = [['l1', 'l2'], ['l3']];
    expect(await follow(cloud, `/api/v2/secrets/${id}/locks?limit=2`, 'next', lockNamesOf)).toEqual(pages);
    const ofVersion = `/api/v2/secrets/${id}/versions/current/locks?limit=2&sort=name`;
    expect(await follow(cloud, ofVersion, 'next', lockNamesOf)).toEqual(pages);
    for (const wrong of ['limit=0', 'limit=1001', 'offset=-1', 'sort=secret_id', 'search=x', 'groups=default']) {
      expect((await cloud.raw('GET', `/api/v2/secrets/${id}/locks?${wrong}`)).status).toBe(400);
    }
  });

  it('of locked secrets lead through all of them too, and have no order of their own', async () => {
    await using cloud = await startCloud();
    for (const name of ['s1', 's2', 's3']) {
      const { id } = await createSecret(cloud, name);
      await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    }
    const names = (page: object) =>
      (page as { secrets_locks: { secret_name: string }[] }).secrets_locks.map((secret) => secret.secret_name);
    expect(await follow(cloud, '/api/v2/secrets_locks?limit=2', 'next', names)).toEqual([['s1', 's2'], ['s3']]);
    expect((await cloud.raw('GET', '/api/v2/secrets_locks?sort=name')).status).toBe(400);
  });
});

describe('the order of secrets', () => {
  it.each(['id', 'created_at', 'updated_at', 'retrieved_at', 'expiration_date', 'secret_type', 'name'] as const)(
    'by %s is the order of that field, and with a dash the other one',
    async (field) => {
      await using cloud = await startCloud();
      await createSecret(cloud, 'bb', { expiration_date: '2027-03-01T00:00:00Z' });
      await cloud.passMs(MINUTE_MS);
      const login = { secret_type: 'username_password', username: 'app', payload: undefined };
      await createSecret(cloud, 'dd', { ...login, expiration_date: '2027-01-01T00:00:00Z' });
      await cloud.passMs(MINUTE_MS);
      const third = await createSecret(cloud, 'aa', { expiration_date: '2027-02-01T00:00:00Z' });
      await cloud.admin.getSecret({ id: third.id });
      await cloud.passMs(MINUTE_MS);
      await rotate(cloud, third.id, 'v2');
      const values = async (sort: string) =>
        (await resultOf(cloud.admin.listSecrets({ sort }))).secrets.map((secret) => secret[field] ?? '');
      const ascending = await values(field);
      expect(ascending).toEqual(ascending.toSorted());
      expect(await values(`-${field}`)).toEqual(ascending.toReversed());
    },
  );
});

describe('the order of locks', () => {
  it.each(['created_at', 'updated_at', 'name'] as const)('is that of %s, either way', async (field) => {
    await using cloud = await startCloud();
    const { secretId, firstId, secondId } = await rotatedOnce(cloud);
    const lock = (id: string, name: string) =>
      cloud.admin.createSecretVersionLocksBulk({ secretId, id, locks: [{ name }] });
    for (const [id, name] of [
      [firstId, 'cc'],
      [secondId, 'aa'],
      [firstId, 'bb'],
      [firstId, 'cc'],
    ] as const) {
      await lock(id, name);
      await cloud.passMs(MINUTE_MS);
    }
    const values = async (sort: string) =>
      (await resultOf(cloud.admin.listSecretLocks({ id: secretId, sort }))).locks.map((one) => one[field]);
    const ascending = await values(field);
    expect(ascending).toHaveLength(3);
    expect(ascending).toEqual(ascending.toSorted());
    expect(await values(`-${field}`)).toEqual(ascending.toReversed());
  });
});

describe('secret groups in lists', () => {
  it('are told by id: a name is refused, and more than one is any of them', async () => {
    await using cloud = await startCloud();
    const group = await resultOf(cloud.admin.createSecretGroup({ name: 'payments' }));
    const { id } = await createSecret(cloud, 'inside', { secret_group_id: group.id });
    await cloud.admin.createSecretLocksBulk({ id, locks: guard() });
    expect(await refusalOf(cloud.admin.listSecretsLocks({ groups: ['payments'] }))).toBe(400);
    const found = await resultOf(cloud.admin.listSecretsLocks({ groups: ['default', group.id] }));
    expect(found.secrets_locks).toMatchObject([{ secret_id: id, secret_group_id: group.id }]);
    expect((await resultOf(cloud.admin.listSecretsLocks({ groups: ['default'] }))).total_count).toBe(0);
  });
});
