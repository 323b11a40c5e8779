import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../infra/local/audit.ts';
import { LoggingCloud } from './support/logging-cloud.ts';
import type { LoggingInstance, LoggingKeyType } from './support/logging-cloud.ts';

const MINUTE_MS = 60_000;
const UNKNOWN_ID = '0123456789abcdef01234567';
const TYPES: LoggingKeyType[] = ['service', 'ingestion'];

let world: LoggingCloud;
let instance: LoggingInstance;

beforeEach(async () => {
  world = await LoggingCloud.start();
  instance = await world.instance();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

describe('the configuration API', () => {
  it.each(TYPES)('makes, shows, renames and deletes keys of the type %s', async (type) => {
    const { serviceKey } = instance;
    const made = await world.create(type, serviceKey, 'first');
    const { id, key } = made.body;
    const shown = {
      id: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
      key: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      name: 'first',
      type,
      created: world.cloud.clock.nowMs(),
    };
    expect(made).toEqual({ status: 200, body: shown });
    expect(await world.configure('GET', `/${id}`, serviceKey)).toEqual(made);
    const renamed = await world.configure('PUT', `/${id}`, serviceKey, { name: 'second' });
    expect(renamed).toEqual({ status: 200, body: { ...made.body, name: 'second' } });
    expect((await world.list(type, serviceKey)).at(-1)).toEqual(renamed.body);
    expect((await world.configure('DELETE', `/${id}`, serviceKey)).status).toBe(200);
    expect((await world.list(type, serviceKey)).map((listed) => listed.key)).not.toContain(key);
    for (const method of ['GET', 'DELETE']) {
      expect((await world.configure(method, `/${id}`, serviceKey)).status).toBe(404);
    }
  });

  it('begins with the keys that the broker hands out, which have no name', async () => {
    const { serviceKey, ingestionKey } = instance;
    const created = expect.any(Number) as number;
    const id = expect.any(String) as string;
    expect(await world.list('service', serviceKey)).toEqual([{ id, key: serviceKey, type: 'service', created }]);
    expect(await world.list('ingestion', serviceKey)).toEqual([{ id, key: ingestionKey, type: 'ingestion', created }]);
  });

  it('may list keys without their values, which a switch tells, and shows that of a single one', async () => {
    const { serviceKey } = instance;
    world.switches.loggingKeyListShowsValues = false;
    const [listed] = await world.list('service', serviceKey);
    expect(listed).not.toHaveProperty('key');
    expect((await world.configure('GET', `/${listed?.id}`, serviceKey)).body.key).toBe(serviceKey);
  });

  it('lets a new service key in as well, for the same instance and no other one', async () => {
    const other = await world.instance('logdnaat');
    const { body } = await world.create('service', instance.serviceKey);
    expect((await world.list('ingestion', body.key)).map(({ key }) => key)).toEqual([instance.ingestionKey]);
    const foreignId = await world.idOf('service', other.serviceKey, other.serviceKey);
    expect((await world.configure('GET', `/${foreignId}`, body.key)).status).toBe(404);
    expect((await world.configure('DELETE', `/${foreignId}`, body.key)).status).toBe(404);
    expect(await world.list('service', other.serviceKey)).toHaveLength(1);
  });

  it.each([401, 403] as const)('refuses what is no living service key with %i, as a switch says', async (status) => {
    world.switches.refusedLoggingKeyStatus = status;
    for (const value of [null, '', 'unknown', instance.ingestionKey]) {
      const refused = await world.configure('GET', '?type=service', value);
      expect([refused.status, refused.body.code]).toEqual([status, 'NotAuthorized']);
    }
  });

  it('refuses a service key that was deleted, and a fresh one for its first 2 s', async () => {
    world.switches.freshLoggingKeyDelayMs = 2_000;
    const { body } = await world.create('service', instance.serviceKey);
    const statusOf = async () => (await world.configure('GET', '?type=service', body.key)).status;
    expect(await statusOf()).toBe(401);
    await world.resources.pass(2_000);
    expect(await statusOf()).toBe(200);
    await world.configure('DELETE', `/${body.id}`, instance.serviceKey);
    expect(await statusOf()).toBe(401);
  });

  it.each([
    ['service', 20],
    ['ingestion', 10],
  ] as const)('holds keys of the type %s up to %i, and says so', async (type, most) => {
    const { serviceKey } = instance;
    for (let made = 1; made < most; made += 1) await world.create(type, serviceKey);
    for (const status of [400, 409, 422] as const) {
      world.switches.loggingKeyLimitStatus = status;
      const refused = await world.create(type, serviceKey);
      expect([refused.status, refused.body.error]).toEqual([status, expect.stringContaining(`${most} ${type} keys`)]);
    }
    expect(await world.list(type, serviceKey)).toHaveLength(most);
  });

  it.each([
    ['a name of 31 characters', '?type=service', { name: 'x'.repeat(31) }],
    ['an empty name', '?type=service', { name: '' }],
    ['no name', '?type=service', {}],
    ['a value of the caller', '?type=service', { name: 'a', key: 'x' }],
    ['an unknown type', '?type=other', { name: 'a' }],
    ['no type', '', { name: 'a' }],
    ['an unknown parameter', '?type=service&all=true', { name: 'a' }],
  ])('takes no new key with %s', async (_, path, body) => {
    expect((await world.configure('POST', path, instance.serviceKey, body)).status).toBe(400);
    expect(await world.list('service', instance.serviceKey)).toHaveLength(1);
  });

  it('takes a name of 30 characters', async () => {
    expect((await world.create('service', instance.serviceKey, 'x'.repeat(30))).status).toBe(200);
  });

  it('lets no service key delete itself, unless a switch says so', async () => {
    const { serviceKey } = instance;
    const id = await world.idOf('service', serviceKey, serviceKey);
    expect((await world.configure('DELETE', `/${id}`, serviceKey)).status).toBe(403);
    expect(await world.list('service', serviceKey)).toHaveLength(1);
    world.switches.ownServiceKeyDeletion = 'accepted';
    expect((await world.configure('DELETE', `/${id}`, serviceKey)).status).toBe(200);
    expect((await world.configure('GET', '?type=service', serviceKey)).status).toBe(401);
  });

  it('takes 50 calls a minute for an instance', async () => {
    const other = await world.instance();
    const statusOf = async ({ serviceKey }: LoggingInstance) =>
      (await world.configure('GET', '?type=service', serviceKey)).status;
    for (let calls = 0; calls < 50; calls += 1) expect(await statusOf(instance)).toBe(200);
    expect([await statusOf(instance), await statusOf(other)]).toEqual([429, 200]);
    world.switches.loggingConfigurationCallsPerMinute = null;
    expect(await statusOf(instance)).toBe(200);
    world.switches.loggingConfigurationCallsPerMinute = 50;
    await world.resources.pass(MINUTE_MS);
    expect(await statusOf(instance)).toBe(200);
  });

  it('is not there for instances whose keys are left to the web console', async () => {
    const { serviceKey, ingestionKey } = instance;
    world.switches.loggingInstancesConfigurable = false;
    expect((await world.create('ingestion', serviceKey)).status).toBe(403);
    expect((await world.configure('GET', '?type=service', 'unknown')).status).toBe(401);
    expect(await world.ship(ingestionKey)).toBe(200);
  });

  it('ends with the instance, and so do its keys', async () => {
    const { guid, serviceKey, ingestionKey } = instance;
    await world.resources.owner.resources.deleteResourceInstance({ id: guid, recursive: true });
    expect((await world.configure('GET', '?type=service', serviceKey)).status).toBe(401);
    expect(await world.ship(ingestionKey)).toBe(401);
  });

  it('tells nobody the value that is sent in place of an id', async () => {
    const { serviceKey } = instance;
    const { status, body } = await world.configure('GET', `/${serviceKey}`, serviceKey);
    expect([status, JSON.stringify(body).includes(serviceKey)]).toEqual([404, false]);
    expect(JSON.stringify(world.cloud.calls.list())).not.toContain(serviceKey);
    expect(world.cloud.calls.list().at(-1)?.path).toBe('/v1/config/keys/[value]');
    await world.configure('GET', `/${UNKNOWN_ID}`, serviceKey);
    expect(world.cloud.calls.list().at(-1)?.path).toBe(`/v1/config/keys/${UNKNOWN_ID}`);
  });

  it('shows in the state, with values only on demand, and in the audit without', async () => {
    const records: AuditRecord[] = [];
    world.cloud.audit.watch((record) => records.push(record));
    const { guid, serviceKey } = instance;
    const { id, key } = (await world.create('ingestion', serviceKey, 'new')).body;
    const stateWith = (withValues: boolean) => JSON.stringify(world.cloud.snapshot({ withValues }));
    expect([stateWith(true).includes(key), stateWith(false).includes(key)]).toEqual([true, false]);
    await world.configure('DELETE', `/${id}`, serviceKey);
    const about = { keyId: id, name: 'new', type: 'ingestion', instanceId: guid };
    expect(records).toMatchObject([
      { action: 'logging-key.create', ...about },
      { action: 'logging-key.delete', ...about },
    ]);
    expect(JSON.stringify(records)).not.toContain(key);
  });
});

describe('what resource keys hand out', () => {
  it('stays the same when others are made and deleted: that kills nothing', async () => {
    const { guid, serviceKey, ingestionKey } = instance;
    const { resources } = world.resources.owner;
    const other = await world.resources.key(guid, { role: 'Manager' });
    await world.create('service', serviceKey);
    await world.create('ingestion', serviceKey);
    expect(await world.brokerKeys(guid)).toEqual({ serviceKey, ingestionKey });
    const { result } = await resources.listResourceKeysForInstance({ id: guid });
    for (const { guid: keyGuid = '' } of result.resources) await resources.deleteResourceKey({ id: keyGuid });
    expect(other.credentials['service_key']).toBe(serviceKey);
    expect(await world.list('service', serviceKey)).toHaveLength(2);
    expect(await world.ship(ingestionKey)).toBe(200);
  });

  /** The broker's own keys are deleted, after others were made. */
  async function replaceBrokerKeys() {
    const { serviceKey, ingestionKey } = instance;
    const service = (await world.create('service', serviceKey)).body;
    const ingestion = (await world.create('ingestion', serviceKey)).body;
    for (const [type, value] of Object.entries({ service: serviceKey, ingestion: ingestionKey })) {
      const id = await world.idOf(type as LoggingKeyType, value, service.key);
      await world.configure('DELETE', `/${id}`, service.key);
    }
    return { service, ingestion };
  }

  it('is dead once the configuration API deleted it', async () => {
    await replaceBrokerKeys();
    const { guid, serviceKey, ingestionKey } = instance;
    expect(await world.brokerKeys(guid)).toEqual({ serviceKey, ingestionKey });
    expect((await world.configure('GET', '?type=service', serviceKey)).status).toBe(401);
    expect(await world.ship(ingestionKey)).toBe(401);
  });

  it('is the newest key then where a switch says so, and nothing where there is none', async () => {
    world.switches.deletedBrokerKey = 'newest key';
    const { service, ingestion } = await replaceBrokerKeys();
    const { guid } = instance;
    expect(await world.brokerKeys(guid)).toEqual({ serviceKey: service.key, ingestionKey: ingestion.key });
    await world.configure('DELETE', `/${ingestion.id}`, service.key);
    expect(await world.brokerKeys(guid)).toEqual({ serviceKey: service.key, ingestionKey: '' });
  });

  it('is another value for each instance', async () => {
    const { serviceKey, ingestionKey } = await world.instance();
    expect(new Set([serviceKey, ingestionKey, instance.serviceKey, instance.ingestionKey]).size).toBe(4);
  });
});

describe('log ingestion with an ingestion key', () => {
  interface Lines {
    accepted: number;
    refused: number;
    lastLine: { text: string; keyId: string } | null;
  }

  const lines = () => (world.cloud.snapshot({ withValues: false }) as { logging: { lines: Lines } }).logging.lines;

  it('takes lines as documented, counts them and tells of them', async () => {
    const records: AuditRecord[] = [];
    world.cloud.audit.watch((record) => records.push(record));
    const { serviceKey, ingestionKey } = instance;
    const line = {
      line: 'hello',
      timestamp: 1,
      app: 'app',
      level: 'INFO',
      env: 'test',
      meta: { nested: { field: 1 } },
    };
    const query = 'hostname=host&mac=C0:FF:EE:C0:FF:EE&ip=10.0.1.101&now=1&tags=a';
    const callsBefore = world.cloud.calls.total;
    expect(await world.ship(ingestionKey, { lines: [{ line: 'first' }, line] }, query)).toBe(200);
    expect(await world.ship('unknown')).toBe(401);
    const [calls, counted] = [world.cloud.calls.total, world.cloud.calls.lines];
    const keyId = await world.idOf('ingestion', ingestionKey, serviceKey);
    expect(lines()).toEqual({ accepted: 2, refused: 1, lastLine: { text: 'hello', keyId } });
    expect([calls - callsBefore, counted]).toEqual([0, 2]);
    expect(records).toMatchObject([
      { action: 'log-line.accept', service: 'logdna', loggingKeyId: keyId },
      { action: 'log-line.refuse', service: null, loggingKeyId: null },
    ]);
  });

  it('lets both keys in while they live, and refuses one that is deleted, by name', async () => {
    const { serviceKey, ingestionKey } = instance;
    const { id, key } = (await world.create('ingestion', serviceKey)).body;
    expect([await world.ship(ingestionKey), await world.ship(key)]).toEqual([200, 200]);
    const formerId = await world.idOf('ingestion', ingestionKey, serviceKey);
    await world.configure('DELETE', `/${formerId}`, serviceKey);
    const records: AuditRecord[] = [];
    world.cloud.audit.watch((record) => records.push(record));
    expect([await world.ship(ingestionKey), await world.ship(key)]).toEqual([401, 200]);
    expect(records).toMatchObject([
      { action: 'log-line.refuse', service: 'logdna', loggingKeyId: formerId },
      { action: 'log-line.accept', service: 'logdna', loggingKeyId: id },
    ]);
  });

  it('refuses service keys, fresh keys for their first 2 s, and a password', async () => {
    const { serviceKey, ingestionKey } = instance;
    world.switches.freshLoggingKeyDelayMs = 2_000;
    world.switches.refusedLoggingKeyStatus = 403;
    const { key } = (await world.create('ingestion', serviceKey)).body;
    expect([await world.ship(serviceKey), await world.ship(key), await world.ship(`${ingestionKey}:x`)]).toEqual([
      403, 403, 403,
    ]);
    await world.resources.pass(2_000);
    expect(await world.ship(key)).toBe(200);
  });

  it.each([
    ['no line', { lines: [] }, 'hostname=host'],
    ['a line without text', { lines: [{ app: 'app' }] }, 'hostname=host'],
    ['an unknown field', { lines: [{ line: 'a', extra: 1 }] }, 'hostname=host'],
    ['no host name', { lines: [{ line: 'a' }] }, 'now=1'],
    ['the key in the query', { lines: [{ line: 'a' }] }, 'hostname=host&apikey=x'],
  ])('takes no request with %s', async (_, body, query) => {
    expect(await world.ship(instance.ingestionKey, body, query)).toBe(400);
    expect(lines().accepted).toBe(0);
  });
});
