import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { openInventory } from '../../shared/inventory/open-inventory.ts';
import { takeInventory } from '../../shared/inventory/take-inventory.ts';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, cloudAdapter } from './support/adapters.ts';
import { InventoryAccount, saidOf, take } from './support/inventory-account.ts';
import { ALL_SIGHTS, allow } from '../support/sights.ts';

async function sighted(): Promise<Laboratory> {
  const lab = await Laboratory.open({ reportDelayMs: 0 });
  await allow(lab, ALL_SIGHTS);
  return lab;
}

/** So many keys that their list has several pages, over several minutes. */
async function withManyKeys(ownerCount: number): Promise<Laboratory> {
  const lab = await sighted();
  for (let owner = 0; owner < ownerCount; owner += 1) {
    const { iamId } = await lab.admin.createServiceId(`owner-${owner}`, 'Has many keys.');
    const body = { name: 'by hand', iam_id: iamId, account_id: lab.cloud.account.id };
    for (let count = 0; count < 20; count += 1) await lab.admin.request('POST', '/v1/apikeys', body);
    await lab.pass(MINUTE_MS);
  }
  return lab;
}

/** Each source, and what is said when it fails for good. */
const SOURCES: [call: string, said: string[]][] = [
  ['GET /v1/apikeys', ['API keys of service IDs: failed', 'API keys of users: failed']],
  ['GET /v1/serviceids', ['names of service IDs: failed']],
  ['GET /v1/serviceid_groups', ['keys of service IDs that are in groups: failed']],
  ['GET /v2/accounts/*/users', ['names of users: failed']],
  ['GET /v2/resource_keys', ['service credentials: failed']],
  ['GET /api/v2/secrets', ['secrets: failed']],
  [
    'GET /v1/policies',
    [
      'API keys of other service IDs: not_told',
      'access policies: failed',
      'secrets of other groups: not_told',
      'service credentials of other instances: not_told',
    ],
  ],
  ['GET /v1/accounts/*/settings/identity', ['settings of the account: failed']],
  ['GET /v1/accounts/*/limits/identity', ['how many API keys an identity may have: failed']],
];

describe('a source that fails', () => {
  it.each(SOURCES)('is said, and the others are seen: %s', async (match, said) => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    lab.fault({ match, status: 503, times: 1_000 });
    const { inventory, keys, secrets } = await take(lab, lab.manifest());
    expect(saidOf(inventory.unseen).toSorted()).toEqual(said);
    expect(keys.length > 0 || match === 'GET /v1/apikeys').toBe(true);
    expect(secrets).toHaveLength(match === 'GET /api/v2/secrets' ? 0 : 1);
    expect(inventory.complete.has('user-api-key')).toBe(match !== 'GET /v1/apikeys');
    const hidesKeys = ['GET /v1/apikeys', 'GET /v1/serviceid_groups', 'GET /v1/policies'].includes(match);
    expect(inventory.complete.has('service-id-api-key')).toBe(!hidesKeys);
  });

  it.each(SOURCES)('does no harm when it recovers: %s', async (match) => {
    const lab = await sighted();
    lab.fault({ match, status: 503, times: 2 });
    const { inventory, keys } = await take(lab, lab.manifest());
    expect(saidOf(inventory.unseen)).toEqual([]);
    expect(keys).toHaveLength(lab.state.iam.apiKeys.length);
  });

  it('is said where a list breaks off in the middle, and what was seen of it counts', async () => {
    const lab = await withManyKeys(12);
    const broken = altering(cloudAdapter(lab.cloud), (body, { path, query }) => {
      const isLater = path === '/v1/apikeys' && query.get('pagetoken') !== null;
      if (isLater) delete body['apikeys'];
    });
    const { inventory, keys } = await take(lab, lab.manifest(), { http: { adapter: broken } });
    expect(saidOf(inventory.unseen)).toEqual(['API keys of service IDs: failed']);
    expect(inventory.keyCounts['service-id-api-key']).toBe(200);
    expect(keys.length).toBe(201);
    expect(inventory.complete.has('service-id-api-key')).toBe(false);
  });

  it('is seen from its other end where only one end of it fails', async () => {
    const lab = await withManyKeys(12);
    const broken = altering(cloudAdapter(lab.cloud), (body, { path, query }) => {
      if (path === '/v1/apikeys' && query.get('order') === 'desc') delete body['apikeys'];
    });
    const { inventory, keys } = await take(lab, lab.manifest(), { http: { adapter: broken } });
    expect(saidOf(inventory.unseen)).toEqual([]);
    expect(keys).toHaveLength(lab.state.iam.apiKeys.length);
  });

  it('is seen from one end where the order that was asked for is not honoured', async () => {
    const lab = await withManyKeys(12);
    const { adapter } = {
      adapter: (config: { params?: Record<string, unknown> }) => {
        const { sort: _, order: __, ...params } = config.params ?? {};
        return cloudAdapter(lab.cloud)({ ...config, params });
      },
    };
    const { inventory, keys } = await take(lab, lab.manifest(), { http: { adapter } });
    expect(saidOf(inventory.unseen)).toEqual([]);
    expect(keys.map(({ id }) => id).toSorted()).toEqual(lab.state.iam.apiKeys.map(({ id }) => id).toSorted());
  });

  it.each([
    ['/v1/apikeys', 'apikeys', 'API keys of users'],
    ['/v1/serviceids', 'serviceids', 'names of service IDs'],
    ['/v2/resource_keys', 'resources', 'service credentials'],
    ['/api/v2/secrets', 'secrets', 'secrets'],
    ['/v1/policies', 'policies', 'access policies'],
  ])('is said to hold what is not understood: %s', async (source, field, what) => {
    const lab = await sighted();
    await lab.tick(lab.manifest());
    const odd = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path === source) (body[field] as unknown[]).push({ id: 17, roles: 'none' });
    });
    const { inventory } = await take(lab, lab.manifest(), { http: { adapter: odd } });
    const [said] = inventory.unseen.filter((one) => one.what === what);
    expect(said).toMatchObject({
      code: 'failed',
      why: expect.stringMatching(/^\S+ of them (is|are) not understood$/) as string,
    });
    const isOfKeys = source === '/v1/apikeys';
    expect(inventory.complete.has('user-api-key')).toBe(!isOfKeys);
  });

  it('ends the inventory where it is a defect of ours, or of who looks at the pages', async () => {
    const lab = await sighted();
    const manifest = lab.manifest();
    const defect = () => {
      throw new TypeError('a defect');
    };
    const { settings } = lab.context(manifest);
    for (const visitor of [
      { keys: defect, secrets: () => undefined },
      { keys: () => undefined, secrets: defect },
    ]) {
      await lab.tick(manifest);
      const taking = lab.withPorts(manifest, (ports) =>
        takeInventory(manifest, visitor, openInventory(settings, ports)),
      );
      await expect(taking).rejects.toThrow('a defect');
    }
  });
});

describe('the time', () => {
  it('ends what is not seen yet, and that is said', async () => {
    const account = await InventoryAccount.open({ reportDelayMs: 0 });
    const { lab, manifest } = account;
    lab.fault({ match: 'GET /v2/resource_keys', delayMs: 200_000, times: 100 });
    lab.fault({ match: 'GET /v1/apikeys', delayMs: 200_000, times: 100 });
    const settings = { ...lab.context(manifest).settings, runMs: 45_000, callTimeoutMs: 300_000 };
    const startMs = lab.clock.nowMs();
    const { inventory } = await take(lab, manifest, { settings });
    expect(lab.clock.nowMs() - startMs).toBeLessThanOrEqual(45_000);
    expect(saidOf(inventory.unseen).toSorted()).toEqual([
      'API keys of service IDs: no_time',
      'API keys of users: no_time',
      'ingestion and service keys of instances that no entry names: not_told',
      'service credentials: no_time',
    ]);
    const [late] = inventory.unseen.filter(({ code }) => code === 'no_time');
    expect(late?.next).toContain('KEYROTA_RUN_SECONDS');
    expect([...inventory.complete].toSorted()).toEqual(['classic-api-key', 'logging-key']);
  });

  it('that was up before leaves nothing but what could not be seen', async () => {
    const lab = await sighted();
    const manifest = lab.manifest();
    const { settings } = lab.context(manifest);
    const visitor = { keys: () => undefined, secrets: () => undefined };
    lab.fault({ match: 'GET /**', delayMs: 100, times: 1_000 });
    const inventory = await lab.withPorts(manifest, (ports) =>
      takeInventory(manifest, visitor, openInventory(settings, { ...ports, deadlineMs: lab.clock.nowMs() + 1_000 })),
    );
    expect(saidOf(inventory.unseen).filter((one) => one.endsWith('no_time'))).toHaveLength(11);
    expect([...inventory.complete]).toEqual(['logging-key', 'classic-api-key']);
  });

  it('ends the inventory with its reason when it is up for the whole run', async () => {
    const lab = await sighted();
    lab.fault({ match: 'GET /v1/serviceids', delayMs: 200_000, times: 100 });
    const ended = new AbortController();
    void lab.clock.sleep(5_000).then(() => ended.abort(new Error('the run is over')));
    await expect(take(lab, lab.manifest(), { signal: ended.signal })).rejects.toThrow('the run is over');
  });

  it('is not spent where nobody can log in', async () => {
    const lab = await sighted();
    lab.fault({ match: 'POST /identity/token', status: 400, times: 100 });
    await expect(take(lab, lab.manifest())).rejects.toMatchObject({ operation: 'getToken' });
  });
});

/** Every value that the account holds: of keys, credentials and secrets. */
function valuesIn(lab: Laboratory): string[] {
  const values: string[] = [];
  const collect = (part: unknown, isValue: boolean): void => {
    if (typeof part === 'string' && isValue && part.length >= 20) values.push(part);
    if (typeof part !== 'object' || part === null) return;
    for (const [name, inner] of Object.entries(part))
      // Ids and names that stand in a credential are no secrets.
      collect(
        inner,
        (isValue && !name.startsWith('iam_')) || ['apikey', 'ingestion_key', 'payload', 'service_key'].includes(name),
      );
  };
  const { classic, logging, resourceController, secretsManager } = lab.cloud.snapshot({ withValues: true }) as {
    classic: { users: { keys: { value: string }[] }[] };
    logging: { keys: { value: string }[] };
    resourceController: object;
    secretsManager: object;
  };
  collect([resourceController, secretsManager], false);
  const keys = [...lab.state.iam.apiKeys, ...classic.users.flatMap((user) => user.keys), ...logging.keys];
  return [...values, ...keys.flatMap(({ value }) => value ?? [])];
}

describe('values', () => {
  it('are nowhere in what is handed out, said or logged, even where lists show them', async () => {
    const account = await InventoryAccount.open({ reportDelayMs: 0 });
    const { lab, manifest } = account;
    // Whose list shows the credentials.
    await lab.admin.grant(lab.keyrota.iamId, ROLE.administrator, 'logs');
    const { apiKeys } = lab.state.iam;
    // A list of keys that shows the values of those that are stored, as IAM may.
    const showing = altering(cloudAdapter(lab.cloud), (body, { path }) => {
      if (path !== '/v1/apikeys') return;
      for (const row of body['apikeys'] as { id: string; apikey?: string }[])
        row.apikey = apiKeys.find(({ id }) => id === row.id)?.value ?? '';
    });
    lab.fault({ match: 'GET /v2/accounts/*/users', status: 403 });
    const from = lab.logLines.length;
    const taken = await take(lab, manifest, { http: { adapter: showing } });
    const said = [
      inspect(taken, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null }),
      JSON.stringify(taken),
      ...lab.logLines.slice(from),
    ].join('\n');
    const values = valuesIn(lab);
    expect(new Set(values).size).toBeGreaterThanOrEqual(10);
    expect(said.length).toBeGreaterThan(10_000);
    expect(values.filter((value) => said.includes(value))).toEqual([]);
  });
});
