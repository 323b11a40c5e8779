import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../infra/local/faults.ts';
import { Calls } from '../../shared/clients/calls.ts';
import { LoggingConfiguration } from '../../shared/clients/logging-configuration.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { altering, answeringAll, answeringFirst, cloudAdapter, recording } from './support/adapters.ts';
import type { Adapter, Sent } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, outcomeOf } from './support/failures.ts';
import { LoggingCloud } from './support/logging-cloud.ts';
import type { LoggingInstance, LoggingKeyType } from './support/logging-cloud.ts';
import { silentLog } from './support/product.ts';

const TYPES: LoggingKeyType[] = ['service', 'ingestion'];
const CONFIGURATION_URL = 'http://api.us-south.logging.local';
const INGESTION_URL = 'http://logs.us-south.logging.local';
const CREATE = 'POST /v1/config/keys';
const UNKNOWN_ID = '0123456789abcdef01234567';

const { signal } = new AbortController();

let world: LoggingCloud;
let instance: LoggingInstance;
let serviceKey: SecretValue;
let sent: Sent[];

beforeEach(async () => {
  world = await LoggingCloud.start();
  instance = await world.instance();
  serviceKey = new SecretValue(instance.serviceKey);
  sent = [];
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** The product's client on the embedded cloud, in this process. */
function client(adapter: Adapter = cloudAdapter(world.cloud)): LoggingConfiguration {
  const { clock: cloudClock } = world.cloud;
  const clock: Clock = { nowMs: () => cloudClock.nowMs(), sleep: (delayMs, until) => cloudClock.sleep(delayMs, until) };
  const deadlineMs = clock.nowMs() + 100_000;
  return new LoggingConfiguration({
    configurationUrl: CONFIGURATION_URL,
    ingestionUrl: INGESTION_URL,
    calls: new Calls({ clock, log: silentLog(clock), timeoutMs: 10_000, deadlineMs }),
    clock,
    http: { adapter: recording(adapter, sent) },
  });
}

const sha256Of = (value: string): string => createHash('sha256').update(value).digest('hex');

const keysOf = (type: LoggingKeyType) => world.list(type, instance.serviceKey);

describe('keys of an instance', () => {
  it.each(TYPES)('of the type %s are made, listed by the hashes of their values, and deleted', async (type) => {
    const configuration = client();
    const made = await configuration.createKey(type, 'mine', serviceKey, signal);
    const [broker, mine] = await keysOf(type);
    expect(made).toEqual({ id: mine?.id, value: new SecretValue(mine?.key ?? ''), createdAtMs: mine?.created });
    expect(made.value.reveal()).toBe(mine?.key);
    expect(await configuration.listKeys(type, serviceKey, signal)).toEqual([
      { id: broker?.id, name: '', type, createdAtMs: broker?.created, sha256: sha256Of(broker?.key ?? '') },
      { id: made.id, name: 'mine', type, createdAtMs: made.createdAtMs, sha256: sha256Of(made.value.reveal()) },
    ]);
    expect((await configuration.getKey(made.id, serviceKey, signal))?.sha256).toBe(sha256Of(made.value.reveal()));
    await configuration.deleteKey(made.id, serviceKey, signal);
    await configuration.deleteKey(made.id, serviceKey, signal);
    expect(await configuration.getKey(made.id, serviceKey, signal)).toBeNull();
    expect(await keysOf(type)).toEqual([broker]);
  });

  it('are listed all the same where lists show no values, but for one that goes meanwhile', async () => {
    world.switches.loggingKeyListShowsValues = false;
    const made = await client().createKey('ingestion', 'mine', serviceKey, signal);
    const gone = { status: 404, body: JSON.stringify({ error: 'gone', code: 'NotFound', status: 'error' }) };
    const losing = client(answeringFirst(cloudAdapter(world.cloud), 'GET /v1/config/keys/*', [gone]));
    expect(await losing.listKeys('ingestion', serviceKey, signal)).toEqual([
      {
        id: made.id,
        name: 'mine',
        type: 'ingestion',
        createdAtMs: made.createdAtMs,
        sha256: sha256Of(made.value.reveal()),
      },
    ]);
  });

  it('are deleted by another service key than their own', async () => {
    const configuration = client();
    const made = await configuration.createKey('service', 'mine', serviceKey, signal);
    const [broker] = await keysOf('service');
    expect(await outcomeOf(configuration.deleteKey(broker?.id ?? '', serviceKey, signal))).toMatchObject({
      code: 'forbidden',
      effect: 'none',
    });
    await configuration.deleteKey(broker?.id ?? '', made.value, signal);
    expect((await configuration.listKeys('service', made.value, signal)).map(({ id }) => id)).toEqual([made.id]);
  });

  it('travel in a header and in no address', async () => {
    const configuration = client();
    const { id, value } = await configuration.createKey('ingestion', 'mine', serviceKey, signal);
    await configuration.listKeys('service', serviceKey, signal);
    await configuration.deleteKey(id, serviceKey, signal);
    await configuration.checkIngestionKey(value, signal).catch(() => undefined);
    expect(sent.map(({ method, url, query }) => `${method} ${url} ${query.toString()}`)).toEqual([
      `POST ${CONFIGURATION_URL}/v1/config/keys type=ingestion`,
      `GET ${CONFIGURATION_URL}/v1/config/keys type=service`,
      `DELETE ${CONFIGURATION_URL}/v1/config/keys/${id} `,
      `POST ${INGESTION_URL}/logs/ingest hostname=keyrota`,
    ]);
    expect(sent.map(({ headers }) => headers.get('servicekey'))).toEqual([
      instance.serviceKey,
      instance.serviceKey,
      instance.serviceKey,
      null,
    ]);
    expect(sent.every(({ body }) => !body.includes(instance.serviceKey) && !body.includes(value.reveal()))).toBe(true);
  });
});

describe('a key that is made', () => {
  it('is not made twice when its answer is lost: the effect is unknown', async () => {
    world.cloud.faults.add(Fault.parse({ match: CREATE, drop: 'answer' }));
    const call = client().createKey('service', 'mine', serviceKey, signal);
    expect(await outcomeOf(call)).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    expect((await keysOf('service')).map(({ name }) => name)).toEqual([undefined, 'mine']);
  });

  it('is asked for again after one call too many', async () => {
    world.cloud.faults.add(Fault.parse({ match: CREATE, status: 429, times: 2 }));
    await client().createKey('service', 'mine', serviceKey, signal);
    expect(await keysOf('service')).toHaveLength(2);
    expect(sent).toHaveLength(3);
  });

  it.each([
    ['without a value', (body: Record<string, unknown>) => delete body['key']],
    ['with an empty value', (body: Record<string, unknown>) => (body['key'] = '')],
    ['without an id', (body: Record<string, unknown>) => delete body['id']],
  ])('is not understood %s: there is a key all the same', async (_, alter) => {
    const configuration = client(altering(cloudAdapter(world.cloud), alter));
    const call = configuration.createKey('service', 'mine', serviceKey, signal);
    expect(await outcomeOf(call)).toMatchObject({ code: 'unexpected_answer', effect: 'changed' });
  });

  it.each([
    ['none', undefined],
    ['a text', 'yesterday'],
    ['nothing', null],
  ])('may have no date that is understood: %s', async (_, created) => {
    const adapter = altering(cloudAdapter(world.cloud), (body) => Object.assign(body, { created }));
    const made = await client(adapter).createKey('service', 'mine', serviceKey, signal);
    expect(made.createdAtMs).toBeNull();
  });

  it('is refused where there are as many as there can be', async () => {
    for (let made = 1; made < 20; made += 1) await world.create('service', instance.serviceKey);
    const call = client().createKey('service', 'mine', serviceKey, signal);
    const { code, effect, failure, message } = await apiFailureOf(call);
    expect([code, effect, failure.ibmCode]).toEqual(['invalid_request', 'none', 'LimitReached']);
    expect(message).toContain('20 service keys');
  });

  it('is refused where keys are left to the web console', async () => {
    world.switches.loggingInstancesConfigurable = false;
    const call = client().createKey('service', 'mine', serviceKey, signal);
    expect(await outcomeOf(call)).toMatchObject({ code: 'forbidden', effect: 'none' });
  });
});

describe('a check', () => {
  it('of a service key tells good from dead, fresh and foreign ones', async () => {
    const configuration = client();
    await configuration.checkServiceKey(serviceKey, signal);
    world.switches.freshLoggingKeyDelayMs = 2_000;
    const { id, value } = await configuration.createKey('service', 'mine', serviceKey, signal);
    expect((await outcomeOf(configuration.checkServiceKey(value, signal))).code).toBe('not_logged_in');
    await world.resources.pass(2_000);
    await configuration.checkServiceKey(value, signal);
    await configuration.deleteKey(id, serviceKey, signal);
    expect((await outcomeOf(configuration.checkServiceKey(value, signal))).code).toBe('not_logged_in');
    const foreign = new SecretValue(instance.ingestionKey);
    expect((await outcomeOf(configuration.checkServiceKey(foreign, signal))).code).toBe('not_logged_in');
  });

  it('of an ingestion key ships one marked line, or none with a dead key', async () => {
    const configuration = client();
    await configuration.checkIngestionKey(new SecretValue(instance.ingestionKey), signal);
    const { logging } = world.cloud.snapshot({ withValues: false }) as { logging: { lines: object } };
    expect(logging.lines).toMatchObject({ accepted: 1, lastLine: { text: 'Keyrota checks an ingestion key.' } });
    world.switches.refusedLoggingKeyStatus = 403;
    const call = configuration.checkIngestionKey(serviceKey, signal);
    expect((await outcomeOf(call)).code).toBe('forbidden');
  });
});

describe('trouble', () => {
  it('that passes is waited out by reads and deletions', async () => {
    const { id } = (await world.create('ingestion', instance.serviceKey)).body;
    world.cloud.faults.add(Fault.parse({ match: 'GET /v1/config/keys', status: 503 }));
    world.cloud.faults.add(Fault.parse({ match: 'DELETE /v1/config/keys/*', drop: 'answer' }));
    expect(await client().listKeys('ingestion', serviceKey, signal)).toHaveLength(2);
    await client().deleteKey(id, serviceKey, signal);
    expect(await keysOf('ingestion')).toHaveLength(1);
  });

  it.each(['{}', '[{}]', '[{"id":""}]', '"text"', 'no JSON'])(
    'with a list that is not understood is told as such: %s',
    async (body) => {
      const configuration = client(answeringAll(cloudAdapter(world.cloud), { status: 200, body }));
      const call = configuration.listKeys('service', serviceKey, signal);
      expect(await outcomeOf(call)).toMatchObject({ code: 'unexpected_answer', effect: 'none' });
    },
  );

  it.each([
    ['an odd error body', JSON.stringify({ error: { nested: true }, code: 7 })],
    ['none', ''],
    ['a page', '<html>'],
  ])('with %s is told by its status', async (_, body) => {
    const configuration = client(answeringAll(cloudAdapter(world.cloud), { status: 401, body }));
    const call = configuration.checkServiceKey(serviceKey, signal);
    expect(await outcomeOf(call)).toEqual({ code: 'not_logged_in', effect: 'none', status: 401, ibmCode: null });
  });

  it('never tells a key, neither the one that was sent nor one that came', async () => {
    const { id } = (await world.create('ingestion', instance.serviceKey)).body;
    const values = [...(await keysOf('service')), ...(await keysOf('ingestion'))].map(({ key }) => key);
    const blunt = altering(cloudAdapter(world.cloud), (body) => delete body['id']);
    world.cloud.faults.add(Fault.parse({ match: 'DELETE /v1/config/keys/*', drop: 'request', times: 10 }));
    const failures = [
      await failureOf(client(blunt).createKey('service', 'mine', serviceKey, signal)),
      await failureOf(client().deleteKey(id, serviceKey, signal)),
      await failureOf(client().createKey('service', 'x'.repeat(31), serviceKey, signal)),
      await failureOf(client().checkIngestionKey(serviceKey, signal)),
    ];
    const told = failures.map(everythingIn).join('\n');
    const basic = Buffer.from(`${instance.serviceKey}:`).toString('base64');
    expect([...values, basic].filter((value) => told.includes(value))).toEqual([]);
  });

  it('masks a key that the service repeats', async () => {
    const error = `No such key: ${instance.serviceKey}, ${instance.serviceKey}.`;
    const body = JSON.stringify({ error, code: 'NotAuthorized', status: 'error' });
    const configuration = client(answeringAll(cloudAdapter(world.cloud), { status: 401, body }));
    for (const call of [
      configuration.checkServiceKey(serviceKey, signal),
      configuration.checkIngestionKey(serviceKey, signal),
    ]) {
      const failure = await apiFailureOf(call);
      expect(failure.message).toContain('No such key: [redacted], [redacted].');
      expect(everythingIn(failure)).not.toContain(instance.serviceKey);
    }
  });

  it('ends with the signal of the run', async () => {
    const aborted = AbortSignal.abort(new Error('the run is over'));
    await expect(client().listKeys('service', serviceKey, aborted)).rejects.toThrow('the run is over');
    await expect(client().deleteKey(UNKNOWN_ID, serviceKey, aborted)).rejects.toThrow('the run is over');
  });
});
