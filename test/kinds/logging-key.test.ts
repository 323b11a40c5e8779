import { describe, expect, it } from 'vitest';
import type { Switches } from '../../infra/local/switches.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import type { KeyKind } from '../../shared/keys/kind.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { READ_MARK } from '../../shared/keys/read-mark.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { readVersionRecord, timeText, writeRecord } from '../../shared/rotation/record.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { keepsTheContract } from '../support/kind-suite.ts';
import { KindWorld } from '../support/kind-world.ts';
import type { KindUnderTest } from '../support/kind-world.ts';
import { LoggingLaboratory } from '../support/logging-laboratory.ts';
import { WatchedRun } from '../support/watched-run.ts';
import { onlyKey } from '../support/rotated.ts';

const { signal } = new AbortController();

const kindOf = (use: 'ingestion' | 'service', switches: Partial<Switches> = {}): KindUnderTest => ({
  name: 'logging-key',
  keysPerOwner: 'many',
  canDisable: false,
  open: async () => (await LoggingLaboratory.open(switches)).setting(use),
});

keepsTheContract(kindOf('ingestion'));

/** Lets the kind of the manifest's entry do something, in a run of its own. */
const withKind = <T>(world: LoggingLaboratory, manifest: Manifest, work: (kind: KeyKind) => Promise<T>): Promise<T> =>
  world.lab.withPorts(manifest, (ports) => work(ports.kindOf(onlyKey(manifest))));

const tick = async (world: LoggingLaboratory, manifest: Manifest) => {
  const { keys } = await world.lab.tick(manifest, { only: ['ingest'] });
  const [report] = keys;
  if (!report) throw new Error('the key was not looked at');
  return report;
};

type Json = Record<string, unknown>;

/** From now on JSON answers to matching calls are changed on their way. */
function alter({ lab }: LoggingLaboratory, match: RegExp, change: (body: Json) => unknown): void {
  const handle = lab.cloud.handle.bind(lab.cloud);
  lab.cloud.handle = async (request) => {
    const response = await handle(request);
    const { pathname, search } = new URL(request.url);
    if (!response.ok || !match.test(`${request.method} ${pathname}${search}`)) return response;
    const body = (await response.json()) as Json | Json[];
    for (const one of Array.isArray(body) ? body : [body]) change(one);
    return new Response(JSON.stringify(body), { status: response.status });
  };
}

const personNeeded = (call: Promise<unknown>): Promise<PersonNeeded> =>
  call.then(
    () => Promise.reject(new Error('nobody was needed')),
    (error: unknown) => (error instanceof PersonNeeded ? error : Promise.reject(error as Error)),
  );

describe('a rotation of either use', () => {
  it.each([
    ['service', {}],
    ['service', { refusedLoggingKeyStatus: 403 }],
    ['service', { deletedBrokerKey: 'newest key' }],
    ['service', { ownServiceKeyDeletion: 'accepted' }],
    ['ingestion', { loggingKeyListShowsValues: false }],
    ['ingestion', { refusedLoggingKeyStatus: 403 }],
    ['ingestion', { freshLoggingKeyDelayMs: 20_000 }],
    ['ingestion', { forgottenResourceStatus: 410, removedResourceShownMs: 0 }],
  ] as const)('ends well and leaves nothing over: %s, %j', async (use, switches) => {
    const world = await KindWorld.open(kindOf(use, switches));
    await world.mintFirst();
    const formerId = world.currentKeyId;
    expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
    expect(world.currentKeyId).not.toBe(formerId);
    await world.settle();
    expect(await world.wrongs()).toEqual([]);
    expect(world.refusals).toBe(0);
  });

  it('goes as well where the manifest names the instance by its CRN', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion', { instance: world.crn });
    expect((await tick(world, manifest)).outcome).toBe('rest');
    await world.lab.pass(HOUR_MS);
    expect(await tick(world, world.manifest('ingestion'))).toMatchObject({ outcome: 'rest', steps: [] });
    await world.forbid();
    expect((await tick(world, manifest)).next.join('\n')).toContain(
      `--service-name logdna --service-instance ${world.guid}`,
    );
  });

  it('asks a person where there are 20 service keys', async () => {
    const world = await LoggingLaboratory.open();
    await world.setting('service').fillQuota?.();
    const report = await tick(world, world.manifest('service'));
    expect(report).toMatchObject({ outcome: 'ask', code: 'key_limit_reached' });
    expect(world.keysOf('service')).toHaveLength(20);
  });

  it('leaves the keys that the broker made alone', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    await tick(world, manifest);
    await world.lab.pass(90 * DAY_MS);
    await tick(world, manifest);
    expect(await world.works('ingestion', world.ingestionKey)).toBe(true);
  });
});

describe('the resource key of a run', () => {
  it('is one for all entries of an instance, and goes with the run', async () => {
    const world = await LoggingLaboratory.open();
    const made: string[] = [];
    world.lab.cloud.audit.watch(({ action }) => {
      if (action === 'resource-key.create' || action === 'resource-key.delete') made.push(action);
    });
    const keys = [world.entry('ingestion'), world.entry('service', { name: 'configure' })];
    const { keys: reports } = await world.lab.tick(parseManifest({ deployment: 'lab', keys }, 'test'));
    expect(reports.map(({ outcome }) => outcome)).toEqual(['rest', 'rest']);
    expect(made).toEqual(['resource-key.create', 'resource-key.delete']);
    expect(world.helpers).toEqual([]);
  });

  it('is removed by a later run where one was killed, but not while that may still run', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    const killed = new WatchedRun(world.lab, async ({ method, path }, send, run) => {
      const answer = await send();
      return `${method} ${path}` === 'POST /v2/resource_keys' ? run.kill() : answer;
    });
    await killed.perform(manifest, (changes) => world.lab.tick(manifest, {}, changes));
    expect(world.helpers).toHaveLength(1);
    const left = world.helpers[0]?.guid;
    await tick(world, manifest);
    expect(world.helpers.map(({ guid }) => guid)).toEqual([left]);
    // That run may have been a job's, which is longer than a function's.
    await world.lab.pass(49 * MINUTE_MS);
    await tick(world, manifest);
    expect(world.helpers).toHaveLength(1);
    await world.lab.pass(16 * MINUTE_MS);
    await tick(world, manifest);
    expect(world.helpers).toEqual([]);
  });

  it('is removed by its own run where the answer to its creation was lost', async () => {
    const world = await LoggingLaboratory.open();
    world.lab.fault({ match: 'POST /v2/resource_keys', drop: 'answer' });
    expect((await tick(world, world.manifest('ingestion'))).outcome).toBe('failed');
    expect(world.helpers).toEqual([]);
  });

  it('is none of an entry named helper, nor another installation’s to remove', async () => {
    const world = await LoggingLaboratory.open();
    const foreign = { name: 'keyrota-other-helper.abcdefghijkl', source: world.guid, role: 'Manager' };
    await world.lab.admin.request('POST', '/v2/resource_keys', foreign);
    await world.lab.pass(DAY_MS);
    await tick(world, world.manifest('ingestion'));
    expect(world.helpers.map(({ name }) => name)).toEqual([foreign.name]);
  });

  it.each([
    ['REDACTED', { REDACTED: 'REDACTED' }],
    ['REDACTED_EXPLICIT', { REDACTED: 'REDACTED_EXPLICIT' }],
    ['no service key', { apikey: 'x' }],
  ])('that shows %s is told to a person with the role, and removed', async (_, credentials) => {
    const world = await LoggingLaboratory.open();
    alter(world, /^POST \/v2\/resource_keys$/, (body) => Object.assign(body, { credentials }));
    const report = await tick(world, world.manifest('ingestion'));
    expect(report).toMatchObject({ outcome: 'ask', code: 'role_missing' });
    expect(report.next.join('\n')).toContain(
      `--roles Operator,Manager --service-name logdna --service-instance ${world.guid}`,
    );
    expect(world.helpers).toEqual([]);
  });

  it('never shows a value in a log line, whatever is refused', async () => {
    const world = await LoggingLaboratory.open({ refusedLoggingKeyStatus: 403 });
    const manifest = world.manifest('service');
    await tick(world, manifest);
    const spare = await world.make('service');
    await world.lab.pass(5_000);
    await world.remove(world.keysOf('service')[0]?.id ?? '', spare.key);
    await tick(world, manifest);
    const told = world.lab.logLines.join('\n');
    const values = [...world.keysOf('service'), ...world.keysOf('ingestion')].map(({ value }) => value);
    for (const value of [...values, world.serviceKey]) expect(told).not.toContain(value);
  });
});

describe('an instance whose API is closed to Keyrota', () => {
  it('is left to the console: a person gets the steps, and nothing is made', async () => {
    const world = await LoggingLaboratory.open();
    world.lab.cloud.switches.loggingInstancesConfigurable = false;
    const report = await tick(world, world.manifest('ingestion'));
    expect(report).toMatchObject({ outcome: 'ask', code: 'console_only', steps: [] });
    expect(report.next.join('\n')).toContain('keyrota import ingest');
    expect([world.keysOf('ingestion').length, world.helpers.length]).toEqual([1, 0]);
  });

  it('is told to a person where the service key that it hands out is dead', async () => {
    const world = await LoggingLaboratory.open();
    const other = await world.make('service');
    await world.lab.pass(5_000);
    await world.remove(world.keysOf('service')[0]?.id ?? '', other.key);
    const report = await tick(world, world.manifest('service'));
    expect(report).toMatchObject({ outcome: 'ask', code: 'service_key_dead', steps: [] });
    expect(report.next.join('\n')).toContain('keyrota import ingest');
    expect(world.helpers).toEqual([]);
  });

  it('is gone for good where the resource controller does not know it', async () => {
    const world = await LoggingLaboratory.open({ removedResourceShownMs: 0 });
    for (const { guid } of world.resourceKeys) await world.lab.admin.request('DELETE', `/v2/resource_keys/${guid}`);
    await world.lab.admin.request('DELETE', `/v2/resource_instances/${world.guid}`);
    expect(await tick(world, world.manifest('ingestion'))).toMatchObject({ outcome: 'ask', code: 'instance_gone' });
  });
});

describe('a new key', () => {
  it('that brings the value of another one is never stored, and the next attempt waits', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    await tick(world, manifest);
    const storedId = world.lab.currentKeyId();
    await world.lab.pass(31 * DAY_MS);
    const stored = await world.lab.fetchStored('ingest');
    alter(world, /^POST \/v1\/config\/keys\?/, (body) => Object.assign(body, { key: stored }));
    const report = await tick(world, manifest);
    expect(report).toMatchObject({ outcome: 'failed', code: 'create_failed' });
    expect(report.why).toContain('a new key brought the same value');
    expect(await tick(world, manifest)).toMatchObject({ outcome: 'hold', code: 'back-off' });
    expect(world.lab.currentKeyId()).toBe(storedId);
    expect(world.keysOf('ingestion')).toHaveLength(2);
  });

  it('that is one of before with our name is neither stored nor tidied up', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    await tick(world, manifest);
    const storedId = world.lab.currentKeyId();
    await world.lab.pass(31 * DAY_MS);
    const inUse = await world.make('ingestion');
    await world.lab.pass(MINUTE_MS);
    const handle = world.lab.cloud.handle.bind(world.lab.cloud);
    world.lab.cloud.handle = (request) => {
      const isCreation = request.method === 'POST' && request.url.includes('/v1/config/keys?');
      if (!isCreation) return handle(request);
      const url = request.url.replace('?', `/${inUse.id}?`).split('?')[0] ?? '';
      return request.text().then((body) => handle(new Request(url, { method: 'PUT', headers: request.headers, body })));
    };
    expect(await tick(world, manifest)).toMatchObject({ outcome: 'failed', code: 'create_failed' });
    expect(world.keysOf('ingestion').find(({ id }) => id === inUse.id)?.name).toMatch(/^kr-/);
    expect(await world.works('ingestion', inUse.key)).toBe(true);
    expect(world.lab.currentKeyId()).toBe(storedId);
  });

  it('that shares its value with another is not deleted, for that would end both', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    const { id } = await world.make('ingestion');
    alter(world, /^GET \/v1\/config\/keys/, (body) => Object.assign(body, { key: world.ingestionKey }));
    await withKind(world, manifest, async (kind) => {
      const key = onlyKey(manifest);
      const listed = await kind.list(key, signal);
      expect(listed?.map(({ locked }) => locked)).toEqual([true, true]);
      await expect(kind.delete(key, id, signal)).rejects.toMatchObject({ code: 'key_protected' });
      expect(kind.facts.toUnlock(key, id)).toContain('another key has the same value');
    });
    expect(world.keysOf('ingestion')).toHaveLength(2);
  });

  it('is known as young by its name where the API tells no dates', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    alter(world, /\/v1\/config\/keys/, (body) => delete body['created']);
    expect((await tick(world, manifest)).outcome).toBe('rest');
    const listed = await withKind(world, manifest, (kind) => kind.list(onlyKey(manifest), signal));
    const own = listed?.find(({ name }) => /^keyrota-lab-ingest-[a-z0-9]{12}$/.test(name));
    const ageMs = world.lab.clock.nowMs() - (own?.createdAtMs ?? 0);
    expect(ageMs).toBeLessThan(2 * MINUTE_MS);
    expect(ageMs).toBeGreaterThanOrEqual(0);
  });
});

describe('the service key that the broker hands out', () => {
  const brokerKeyId = (world: LoggingLaboratory) =>
    world.keysOf('service').find(({ value }) => value === world.serviceKey)?.id ?? '';

  it('is never deleted in the regular way once adopted: Keyrota would lock itself out', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('service');
    const key = onlyKey(manifest);
    await world.lab.withPorts(manifest, (ports) => adopt(key, brokerKeyId(world), ports));
    await world.lab.fetchValue();
    await world.lab.pass(8 * DAY_MS);
    expect(await tick(world, manifest)).toMatchObject({ outcome: 'hold', code: 'issuer-lock' });
    expect(await world.works('service', world.serviceKey)).toBe(true);
  });

  it.each(['refused', 'accepted'] as const)(
    'is deleted by another one where it must go at once, though its own deletion is %s',
    async (ownServiceKeyDeletion) => {
      const world = await LoggingLaboratory.open({ ownServiceKeyDeletion });
      const manifest = world.manifest('service');
      const key = onlyKey(manifest);
      const id = brokerKeyId(world);
      await withKind(world, manifest, async (kind) => {
        await kind.list(key, signal);
        await kind.unlock(key, id, signal);
        await kind.delete(key, id, signal);
        await kind.delete(key, id, signal);
        const made = await kind.create(key, requestOf('abcdefghijkl'), signal);
        await world.lab.pass(5_000);
        expect(await kind.verify(key, made.value, true, signal)).toEqual({ outcome: 'accepted' });
      });
      expect(await world.works('service', world.serviceKey)).toBe(false);
      // The one that it took bears the entry's name: it ends as any key of ours that no version knows.
      expect(world.keysOf('service').map(({ name }) => name.slice(0, 12))).toHaveLength(2);
    },
  );

  it('is deleted by one that is there where there is no room for another', async () => {
    const world = await LoggingLaboratory.open();
    await world.setting('service').fillQuota?.();
    await world.lab.pass(MINUTE_MS);
    const manifest = world.manifest('service');
    const id = brokerKeyId(world);
    await withKind(world, manifest, async (kind) => {
      await kind.unlock(onlyKey(manifest), id, signal);
      await kind.delete(onlyKey(manifest), id, signal);
      await kind.create(onlyKey(manifest), requestOf('abcdefghijkl'), signal);
    });
    expect(await world.works('service', world.serviceKey)).toBe(false);
    const told = world.lab.logLines.join('\n');
    for (const { value } of world.keysOf('service')) expect(told).not.toContain(value);
  });

  it('is left to a person where there is no room for another, and none that is there opens the API', async () => {
    const world = await LoggingLaboratory.open();
    await world.setting('service').fillQuota?.();
    await world.lab.pass(MINUTE_MS);
    const manifest = world.manifest('service');
    const id = brokerKeyId(world);
    alter(
      world,
      /^GET \/v1\/config\/keys/,
      (one) => one['id'] === id || Object.assign(one, { key: `dead ${String(one['id'])}` }),
    );
    await withKind(world, manifest, async (kind) => {
      await kind.unlock(onlyKey(manifest), id, signal);
      const { obstacle } = await personNeeded(kind.delete(onlyKey(manifest), id, signal));
      expect(obstacle.code).toBe('key_limit_reached');
      expect(obstacle.steps.at(-1)).toContain(`/v1/config/keys/${id}`);
    });
    expect(world.keysOf('service')).toHaveLength(20);
  });

  const requestOf = (op: string) => ({
    name: `keyrota-lab-ingest-${op}`,
    description: '',
    expiresAtMs: 0,
    predecessorId: null,
    removes: null,
  });
});

describe('a compromised key', () => {
  /** Somebody wrote on the current version that its key has leaked. */
  const markCompromised = (world: KindWorld) =>
    world.lab.withPorts(world.setting.manifest, async ({ secrets, clock }) => {
      const secretId = world.lab.secret().id;
      for (const version of await secrets.listVersions(secretId, signal)) {
        const record = readVersionRecord(version.version_custom_metadata);
        if (version.alias !== 'current' || !record) continue;
        const marked = { ...record, compromised_at: timeText(clock.nowMs()) };
        const metadata = writeRecord(version.version_custom_metadata, marked);
        await secrets.writeVersionMetadata(secretId, version.id, metadata, signal);
      }
    });

  it.each(['ingestion', 'service'] as const)('is deleted at once and replaced in the same run: %s', async (use) => {
    const world = await KindWorld.open(kindOf(use));
    await world.mintFirst(3);
    const leaked = await world.lab.fetchStored('ingest');
    await markCompromised(world);
    const { steps } = await world.tick();
    expect(steps.map(({ step }) => step).slice(0, 2)).toEqual(['contain', 'mint']);
    expect(await world.setting.works(leaked)).toBe(false);
    await world.settle();
    expect(await world.wrongs()).toEqual([]);
  });

  it('is so though Keyrota itself works through it: another one is made for that, and retires', async () => {
    const logging = await LoggingLaboratory.open({ deletedBrokerKey: 'newest key' });
    const brokerKeyId = logging.keysOf('service')[0]?.id ?? '';
    const world = await KindWorld.open({ ...kindOf('service'), open: async () => logging.setting('service') });
    await world.mintFirst(3);
    const leaked = await world.lab.fetchStored('ingest');
    await logging.remove(brokerKeyId, leaked);
    await markCompromised(world);
    const { steps } = await world.tick();
    expect(steps.map(({ step }) => step).slice(0, 2)).toEqual(['contain', 'mint']);
    expect(await world.setting.works(leaked)).toBe(false);
    await world.settle();
    expect(await world.wrongs()).toEqual([]);
  });
});

describe('the key of a person’s value', () => {
  it('is found by the value itself, and only on its own instance', async () => {
    const world = await LoggingLaboratory.open();
    const other = await LoggingLaboratory.in(world.lab);
    for (const use of ['ingestion', 'service'] as const) {
      const manifest = world.manifest(use);
      const key = onlyKey(manifest);
      const own = await world.make(use);
      const foreign = await other.make(use);
      await world.lab.pass(5_000);
      await withKind(world, manifest, async (kind) => {
        expect(await kind.identify(key, new SecretValue(own.key), signal)).toMatchObject({
          id: own.id,
          canDisable: false,
        });
        expect(await kind.identify(key, new SecretValue(foreign.key), signal)).toBeNull();
      });
    }
  });

  it('is found through the value where what the instance hands out is dead', async () => {
    const world = await LoggingLaboratory.open();
    const other = await LoggingLaboratory.in(world.lab);
    const own = await world.make('service');
    const foreign = await other.make('service');
    await world.lab.pass(5_000);
    await world.remove(world.keysOf('service')[0]?.id ?? '', own.key);
    const manifest = world.manifest('service');
    const key = onlyKey(manifest);
    await withKind(world, manifest, async (kind) => {
      expect(await kind.identify(key, new SecretValue(own.key), signal)).toMatchObject({ id: own.id });
      expect(await kind.identify(key, new SecretValue(foreign.key), signal)).toBeNull();
      await personNeeded(kind.identify(key, new SecretValue('none'), signal));
    });
    const ingestion = world.manifest('ingestion');
    await withKind(world, ingestion, async (kind) => {
      const asked = await personNeeded(kind.identify(onlyKey(ingestion), new SecretValue('made by hand'), signal));
      expect(asked.obstacle.code).toBe('service_key_dead');
    });
  });
});

describe('an import', () => {
  const importing = (world: LoggingLaboratory, manifest: Manifest, value: string) =>
    world.lab.withPorts(manifest, (ports) => importKey(onlyKey(manifest), new SecretValue(value), ports));

  it('takes in what the console left, where that is what the instance hands out', async () => {
    const world = await LoggingLaboratory.open({ loggingInstancesConfigurable: false });
    const manifest = world.manifest('ingestion');
    const asked = await personNeeded(importing(world, manifest, 'of-another-instance'));
    expect(asked.obstacle.code).toBe('console_only');
    const { keyId } = await importing(world, manifest, world.ingestionKey);
    expect(keyId).toMatch(/^handed-out-[0-9a-f]{12}$/);
    expect(await world.lab.fetchStored('ingest')).toBe(world.ingestionKey);
    expect(world.lab.logLines.join('\n')).not.toContain(world.ingestionKey);
    // Once its API opens, the key gets a successor of ours.
    world.lab.cloud.switches.loggingInstancesConfigurable = true;
    await world.lab.pass(HOUR_MS);
    expect((await tick(world, manifest)).steps[0]).toMatchObject({ step: 'mint' });
  });

  it('takes in the service key that a person made after the one that is handed out died', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('service');
    const own = await world.make('service');
    await world.lab.pass(5_000);
    await world.remove(world.keysOf('service')[0]?.id ?? '', own.key);
    expect(await importing(world, manifest, own.key)).toEqual({ keyId: own.id, supersededKeyId: null });
    expect(await world.lab.fetchStored('ingest')).toBe(own.key);
    expect(world.helpers).toEqual([]);
  });
});

describe('an instance that hands out a dead service key', () => {
  /** A person has made a service key, and imported it. */
  const imported = async () => {
    const world = await LoggingLaboratory.open();
    const own = await world.make('service');
    await world.lab.pass(5_000);
    await world.remove(world.keysOf('service')[0]?.id ?? '', own.key);
    const keys = [world.entry('service'), world.entry('ingestion', { name: 'shipping', instance: world.crn })];
    const manifest = parseManifest({ deployment: 'lab', keys }, 'test');
    const service = world.manifest('service');
    await world.lab.withPorts(service, (ports) => importKey(onlyKey(service), new SecretValue(own.key), ports));
    await world.lab.pass(HOUR_MS);
    return { world, manifest, own };
  };
  const outcomes = ({ keys }: { keys: { outcome: string }[] }) => keys.map(({ outcome }) => outcome);

  it('is opened by the stored one from then on, for all its entries, and nobody is asked again', async () => {
    const { world, manifest, own } = await imported();
    expect(outcomes(await world.lab.tick(manifest, { only: ['ingest', 'shipping'] }))).toEqual(['rest', 'rest']);
    await world.lab.pass(31 * DAY_MS);
    const { keys } = await world.lab.tick(manifest);
    expect(keys.map(({ steps }) => steps[0]?.step)).toEqual(['mint', 'mint']);
    await world.lab.pass(HOUR_MS);
    expect(outcomes(await world.lab.tick(manifest))).not.toContain('ask');
    const told = world.lab.logLines.join('\n');
    for (const value of [own.key, await world.lab.fetchStored('ingest')]) expect(told).not.toContain(value);
  });

  it('is opened without that counting as the consumers’ fetching, and by no dry run', async () => {
    const { world, manifest } = await imported();
    const current = () => world.lab.secret().versions.at(-1);
    const { keys } = await world.lab.tick(manifest, { dryRun: true }, { readOnly: true });
    expect(keys.map(({ outcome, code }) => `${outcome} ${code}`)).toContain('ask service_key_dead');
    expect(current()).toMatchObject({ downloaded: false });
    await world.lab.tick(manifest);
    expect(current()).toMatchObject({
      downloaded: true,
      customMetadata: { [READ_MARK]: expect.any(String) as string },
    });
  });

  it('is not opened by what is stored of another instance', async () => {
    const { world, own } = await imported();
    const other = await LoggingLaboratory.in(world.lab);
    const moved = world.manifest('service', { instance: other.guid });
    const spare = await other.make('service');
    await world.lab.pass(5_000);
    await other.remove(other.keysOf('service')[0]?.id ?? '', spare.key);
    expect(await tick(world, moved)).toMatchObject({ outcome: 'ask', code: 'service_key_dead' });
    expect(await world.works('service', own.key)).toBe(true);
    expect(world.lab.secret().versions.at(-1)?.customMetadata).not.toHaveProperty(READ_MARK);
  });
});

describe('what can be seen and done of the keys', () => {
  it('keeps a key of the other use apart: it cannot be adopted', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    const { id } = await world.make('service');
    const adopting = world.lab.withPorts(manifest, (ports) => adopt(onlyKey(manifest), id, ports));
    await expect(adopting).rejects.toMatchObject({ code: 'adoption_refused' });
  });

  it('keeps its keys under a name that the entry had before', async () => {
    const world = await LoggingLaboratory.open();
    await tick(world, world.manifest('ingestion'));
    const renamed = world.manifest('ingestion', { name: 'shipping', formerly: ['ingest'] });
    await world.lab.pass(HOUR_MS);
    const listed = await withKind(world, renamed, (kind) => kind.list(onlyKey(renamed), signal));
    expect(listed?.map(({ name }) => name.slice(0, -12))).toEqual(['', 'keyrota-lab-ingest-']);
  });

  it('is no switching on and off, and no expiry', async () => {
    const world = await LoggingLaboratory.open();
    const manifest = world.manifest('ingestion');
    const key = onlyKey(manifest);
    await withKind(world, manifest, async (kind) => {
      await expect(kind.disable(key, 'any', signal)).rejects.toMatchObject({ code: 'not_possible' });
      await expect(kind.enable(key, 'any', signal)).rejects.toMatchObject({ code: 'not_possible' });
      await expect(kind.extend(key, 'any', 0, signal)).rejects.toMatchObject({ code: 'not_possible' });
      await kind.lock(key, 'any', signal);
      expect(kind.facts.toDelete(key, 'any')).toContain('/v1/config/keys/any');
    });
    expect(world.helpers).toEqual([]);
  });
});
