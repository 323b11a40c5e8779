import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import type { KeyKind, KeyRequest } from '../../shared/keys/kind.ts';
import type { Manifest, ServiceCredential } from '../../shared/keys/manifest.ts';
import { serviceCredentials } from '../../shared/keys/service-credential.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import type { Service } from '../support/credentials.ts';
import { onlyKey } from '../support/rotated.ts';
import { altering, answeringFirst, cloudAdapter } from './support/adapters.ts';
import { apiFailureOf, everythingIn, failureOf, outcomeOf } from './support/failures.ts';
import { ownersKey } from './support/identities.ts';
import { productOn, watchCalls } from './support/product.ts';
import type { ProductOptions } from './support/product.ts';

const SENDER = ROLE.cloudLogsSender;
const CREATE = 'POST /v2/resource_keys';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const UNKNOWN_GUID = '00000000-0000-4000-8000-000000000000';

const { signal } = new AbortController();

interface Bench {
  world: CredentialLaboratory;
  kind: KeyKind<ServiceCredential>;
  key: ServiceCredential;
  request: KeyRequest;
}

interface BenchOptions extends ProductOptions {
  service?: Service;
  /** That Keyrota has on the instance. Default: that of the credential. */
  role?: string | null;
  switches?: Partial<Switches>;
  /** Of the instance. */
  parameters?: object;
  entry?: object;
  mayDisable?: boolean;
}

/** The kind as the product makes it, on a world where Keyrota may make such credentials. */
async function open({ service = 'logs', mayDisable = true, ...options }: BenchOptions = {}): Promise<Bench> {
  const ownRole = service === 'logs' ? SENDER : WRITER;
  const { role = ownRole, switches = {}, parameters = {}, entry } = options;
  const world = await CredentialLaboratory.open(service, role, { switches, parameters });
  if (mayDisable) await world.letDisable();
  return on(world, entry ?? { role: ownRole }, options);
}

function on(world: CredentialLaboratory, entry: object, options: ProductOptions = {}): Bench {
  const { resourceKeys, identity, tokens } = productOn(world.lab, { runMs: 100 * DAY_MS, ...options });
  const key = onlyKey(world.manifest(entry));
  if (key.kind !== 'service-credential') throw new Error('the manifest has no credential');
  const name = 'keyrota-lab-credential-abcdefghijkl';
  const request = { name, description: '', expiresAtMs: 0, predecessorId: null, removes: null };
  return {
    world,
    kind: serviceCredentials({ resourceKeys, identity, tokens, clock: world.lab.portClock }),
    key,
    request,
  };
}

/** What the world's credentials hold that nobody may see. */
function secretsOf({ lab, keys }: CredentialLaboratory): string[] {
  const secretsIn = (value: unknown): string[] => {
    if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(secretsIn);
    return typeof value === 'string' && /^[\w-]{30,}$/.test(value) ? [value] : [];
  };
  const named = keys.flatMap(({ credentials }) =>
    Object.entries(credentials).flatMap(([field, value]) => (field.startsWith('iam_') ? [] : secretsIn(value))),
  );
  return [...named, ...lab.state.iam.apiKeys.flatMap(({ value = [] }) => value)];
}

function expectNoValue(world: CredentialLaboratory, ...found: unknown[]): void {
  const text = [...found.map(everythingIn), ...world.lab.logLines].join('\n');
  expect(secretsOf(world).filter((value) => text.includes(value))).toHaveLength(0);
}

async function personNeededFor(call: Promise<unknown>): Promise<PersonNeeded> {
  const error = await failureOf(call);
  if (error instanceof PersonNeeded) return error;
  throw new Error(`The call failed with something else: ${everythingIn(error)}`);
}

const fieldsOf = (value: SecretValue): Record<string, unknown> => JSON.parse(value.reveal()) as Record<string, unknown>;

describe('a new service credential', () => {
  it('is stored with all its fields, and known by the hash of its API key', async () => {
    const { world, kind, key, request } = await open();
    const created = await kind.create(key, request, signal);
    const fields = fieldsOf(created.value);
    expect(Object.keys(fields)).toContain('iam_serviceid_crn');
    expect(created.secrets[0]?.reveal()).toBe(fields['apikey']);
    expect(created).toMatchObject({ canDisable: true, createdAtMs: world.lab.clock.nowMs(), id: world.keys[0]?.id });
    expectNoValue(world, created);
  });

  it.each([
    { type: 'arbitrary', secret: { type: 'arbitrary' }, field: (all: Record<string, unknown>) => all['apikey'] },
    {
      type: 'arbitrary, of a field inside',
      secret: { type: 'arbitrary', field: 'cos_hmac_keys.secret_access_key' },
      field: (all: Record<string, unknown>) => (all['cos_hmac_keys'] as Record<string, unknown>)['secret_access_key'],
    },
    {
      type: 'kv, of one field',
      secret: { type: 'kv', field: 'cos_hmac_keys.access_key_id' },
      field: (all: Record<string, unknown>) => (all['cos_hmac_keys'] as Record<string, unknown>)['access_key_id'],
    },
  ])('is stored by one field as $type', async ({ secret, field }) => {
    const entry = { role: 'Writer', parameters: { HMAC: true }, evidence: { unused: false }, secret };
    const { world, kind, key, request } = await open({ service: 'cloud-object-storage', entry });
    const created = await kind.create(key, request, signal);
    const [made] = world.keys;
    expect(created.value.reveal()).toBe(field(made?.credentials ?? {}));
    expect(created.secrets).toEqual([created.value]);
    expect(created.canDisable).toBe(false);
  });

  it('without an API key is known by the hash of its password', async () => {
    const { world, kind, key, request } = await open({ service: 'generic-service', entry: {} });
    const created = await kind.create(key, request, signal);
    expect(created.secrets[0]?.reveal()).toBe(world.keys[0]?.credentials['password']);
    expect(created.canDisable).toBe(false);
  });

  it('that lacks the field to be stored is of no use, and the fields that there are are named', async () => {
    const secret = { type: 'arbitrary', field: 'cos_hmac_keys.secret_access_key' };
    const { world, kind, key, request } = await open({
      service: 'cloud-object-storage',
      entry: { role: 'Writer', evidence: { unused: false }, secret },
    });
    const error = await personNeededFor(kind.create(key, request, signal));
    expect(error).toMatchObject({ code: 'field_missing', leftOver: { id: world.keys[0]?.id } });
    expect(error.message).toContain('They have: apikey, iam_apikey_description,');
    expectNoValue(world, error);
  });

  it('says so when the service demands a role', async () => {
    const { kind, key, request } = await open({ entry: {} });
    const refusal = await apiFailureOf(kind.create(key, request, signal));
    expect(kind.obstacleOf(key, refusal)).toMatchObject({ code: 'credential_refused' });
    expect(kind.obstacleOf(key, refusal)?.steps[0]).toContain('name one in the entry');
  });

  it('takes a role by its name on an instance that is named by its GUID, and none whose id we do not know', async () => {
    const { world } = await open();
    const named = on(world, { role: 'Sender', instance: world.guid });
    await named.kind.create(named.key, named.request, signal);
    expect(world.keys).toHaveLength(1);
    const unknown = on(world, { role: 'Data Prepper', instance: world.guid });
    expect(await unknown.kind.obstacles(unknown.key, 0, signal)).toMatchObject([{ code: 'unknown_role' }]);
    expect(await personNeededFor(unknown.kind.create(unknown.key, unknown.request, signal))).toMatchObject({
      code: 'unknown_role',
      leftOver: null,
    });
  });
});

describe.each(['REDACTED', 'REDACTED_EXPLICIT'] as const)('credentials that are %s', (redaction) => {
  const hiding = (world: CredentialLaboratory, what: 'creation' | 'reads' | 'all') =>
    altering(cloudAdapter(world.lab.cloud), (body, { path, method }) => {
      const isMeant = what === 'all' || (method === 'POST') === (what === 'creation');
      const isHit = path.startsWith('/v2/resource_keys') && isMeant;
      if (isHit) body['credentials'] = { REDACTED: redaction };
    });

  it('when they are new are told of with what to do, and removed by the mint, which then waits', async () => {
    const { world } = await open();
    const manifest = world.manifest({ role: 'Sender', rotateEvery: '30d' });
    await world.lab.tick(manifest);
    const [former] = world.keys;
    await world.lab.pass(30 * DAY_MS);
    const http = { adapter: hiding(world, 'creation') };
    const tick = async () => (await world.lab.tick(manifest, { only: ['credential'] }, { http })).keys[0];
    const asked = await tick();
    expect(asked).toMatchObject({ outcome: 'ask', code: 'credentials_withheld' });
    expect(asked?.next[0]).toMatch(/^Give Keyrota /);
    expect(world.keys).toEqual([former]);
    await world.lab.pass(MINUTE_MS);
    expect(await tick()).toMatchObject({ outcome: 'hold', code: 'back-off' });
    expectNoValue(world, asked);
  });

  it('at a first mint leave few credentials, for the next mints wait ever longer', async () => {
    const { world } = await open({ mayDisable: false });
    const http = { adapter: hiding(world, 'all') };
    const manifest = world.manifest({ role: 'Sender' });
    for (let minutes = 0; minutes < 240; minutes += 5) {
      await world.lab.tick(manifest, { only: ['credential'] }, { http });
      await world.lab.pass(5 * MINUTE_MS);
    }
    expect(world.keys.length).toBe(5);
  });

  it('when they are read later keep Keyrota from disabling them, and nothing else', async () => {
    const { world } = await open();
    const { kind, key, request } = on(world, { role: 'Sender' });
    const { id } = await kind.create(key, request, signal);
    await world.lab.pass(MINUTE_MS);
    const blind = on(world, { role: 'Sender' }, { adapter: hiding(world, 'reads') });
    expect(await blind.kind.look(key, id, signal)).toMatchObject({ canDisable: false, lastUsed: 'unknown' });
  });
});

describe('the API key behind a credential', () => {
  it('tells when that was used, disabled and enabled again', async () => {
    const { world, kind, key, request } = await open();
    const { id, value } = await kind.create(key, request, signal);
    await world.lab.pass(MINUTE_MS);
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: false, lastUsed: 'never', disabledAtMs: null });
    expect(await kind.verify(key, value, true, signal)).toEqual({ outcome: 'accepted' });
    const usedAtMs = Math.floor(world.lab.clock.nowMs() / MINUTE_MS) * MINUTE_MS;
    await world.lab.pass(10 * MINUTE_MS);
    await kind.disable(key, id, signal);
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, lastUsed: { atMs: usedAtMs } });
    expect(await kind.verify(key, value, true, signal)).toMatchObject({ outcome: 'refused' });
    await kind.enable(key, id, signal);
    const enabled = await kind.look(key, id, signal);
    expect(enabled).toMatchObject({ disabled: false });
    expect(enabled?.enabledAtMs).toBeGreaterThan(usedAtMs);
  });

  it('is asked for in a look, and not with a list, which is one call', async () => {
    const { world, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    await world.makeByHand({ role: SENDER });
    const calls = watchCalls(world.lab);
    const listed = await kind.list(key, signal);
    expect(calls().map(({ call }) => call)).toEqual(['GET /v2/resource_instances/*/resource_keys']);
    expect(listed).toMatchObject([
      { id, name: request.name, canDisable: true, isStateUnknown: true, ownerMatches: true, lastUsed: 'unknown' },
      { name: 'made by hand', isStateUnknown: true },
    ]);
    await kind.look(key, id, signal);
    expect(calls()).toHaveLength(3);
  });

  it('is found by its description where Object Storage withholds its id, by one list for all', async () => {
    const { world } = await open({ service: 'cloud-object-storage' });
    const made = [await world.makeByHand(), await world.makeByHand()];
    const { kind, key } = on(world, { role: 'Writer' });
    const calls = watchCalls(world.lab);
    for (const { id } of made) {
      expect(await kind.look(key, id, signal)).toMatchObject({ canDisable: true, lastUsed: 'never' });
    }
    expect(calls().filter(({ call }) => call === 'GET /v1/apikeys')).toHaveLength(1);
    await kind.disable(key, made[0]?.id ?? '', signal);
    expect(world.keys.map(({ disabled }) => disabled)).toEqual([true, false]);
  });

  it('is not found where two say of themselves that they are it', async () => {
    const { world, kind, key } = await open({ service: 'cloud-object-storage' });
    const { id, crn } = await world.makeByHand();
    await ownersKey(world.lab, world.lab.serviceId.iamId, { description: `Auto-generated for key ${crn}` });
    expect(await kind.look(key, id, signal)).toMatchObject({ canDisable: false });
  });

  it('that no list shows is not disabled', async () => {
    const switches = { hiddenApiKeysListed: false };
    const { world, kind, key } = await open({ service: 'cloud-object-storage', switches });
    const { id } = await world.makeByHand();
    expect(await kind.look(key, id, signal)).toMatchObject({ canDisable: false, lastUsed: 'unknown' });
    expect(await failureOf(kind.disable(key, id, signal))).toMatchObject({ code: 'cannot_disable' });
  });

  it('says nothing about an HMAC pair beside it', async () => {
    const { world, kind, key } = await open({ service: 'cloud-object-storage' });
    const { id } = await world.makeByHand({ parameters: { HMAC: true } });
    expect(await kind.look(key, id, signal)).toMatchObject({ canDisable: false, lastUsed: 'unknown', disabled: false });
    expect((await kind.list(key, signal))?.[0]).not.toHaveProperty('isStateUnknown');
    expect(await failureOf(kind.disable(key, id, signal))).toMatchObject({ code: 'cannot_disable' });
    expect(world.keys).toMatchObject([{ disabled: false }]);
  });

  it('that we may see and not change cannot be disabled, as the next look says', async () => {
    const { kind, key, request } = await open({ mayDisable: false });
    const { id } = await kind.create(key, request, signal);
    expect(await failureOf(kind.disable(key, id, signal))).toMatchObject({ name: 'DisableRefused' });
    expect((await failureOf(kind.enable(key, id, signal))) as object).toMatchObject({ code: 'forbidden' });
  });

  it('that somebody deleted leaves a dead credential, once IAM must know', async () => {
    const { world, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    await world.lab.pass(MINUTE_MS);
    await world.lab.admin.request('DELETE', `/v1/apikeys/${world.keys[0]?.apiKeyId}`);
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: false, canDisable: false });
    await world.lab.pass(15 * MINUTE_MS);
    expect(await kind.look(key, id, signal)).toMatchObject({ disabled: true, canDisable: false });
  });

  it('that somebody locked is told as locked, and unlocked by its id', async () => {
    const { world, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    await world.lab.pass(MINUTE_MS);
    await world.lab.admin.request('POST', `/v1/apikeys/${world.keys[0]?.apiKeyId}/lock`);
    expect(await kind.look(key, id, signal)).toMatchObject({ locked: true });
    expect(await outcomeOf(kind.delete(key, id, signal))).toMatchObject({ effect: 'none' });
    await kind.unlock(key, id, signal);
    await kind.delete(key, id, signal);
    expect(world.keys).toEqual([]);
  });
});

describe('a credential of Object Storage without an HMAC pair', () => {
  it('lives its whole life though its fields are withheld from the first look on', async () => {
    const { world } = await open({ service: 'cloud-object-storage' });
    const manifest = world.manifest({ role: 'Writer' });
    const tick = async () => (await world.lab.tick(manifest, { only: ['credential'] })).keys[0];
    await tick();
    await world.lab.fetchStored('credential');
    await world.lab.pass(30 * DAY_MS);
    const steps: string[] = [];
    for (let days = 0; days < 14; days += 1) {
      steps.push(...((await tick())?.steps.map(({ step }) => step) ?? []));
      await world.lab.fetchStored('credential');
      await world.lab.pass(DAY_MS);
    }
    expect(steps).toEqual(['mint', 'disable', 'delete', 'release']);
    expect(world.keys.map(({ id }) => id)).toEqual([world.lab.currentKeyId('credential')]);
    const stored = await world.lab.fetchStored('credential');
    expect(world.holds(JSON.parse(stored))).toBe(true);
    expectNoValue(world);
  });
});

describe('a credential that Keyrota may see and not disable', () => {
  it('is retired as one that cannot be disabled: told of, and deleted later', async () => {
    const { world } = await open({ mayDisable: false });
    const manifest = world.manifest({ role: 'Sender' });
    const tick = async () => (await world.lab.tick(manifest, { only: ['credential'] })).keys[0];
    await tick();
    await world.lab.pass(30 * DAY_MS);
    await tick();
    await world.lab.fetchStored('credential');
    await world.lab.pass(8 * DAY_MS);
    expect(await tick()).toMatchObject({ outcome: 'hold', code: 'quarantine', steps: [] });
    await world.lab.pass(4 * DAY_MS);
    expect((await tick())?.steps.map(({ step }) => step)).toEqual(['delete', 'release']);
    expect(world.keys).toHaveLength(1);
  });

  it.each([true, false])(
    'is contained when it leaks, disabled where that may be (%s), and replaced',
    async (mayDisable) => {
      const { world } = await open({ mayDisable });
      const manifest = world.manifest({ role: 'Sender' });
      await world.lab.tick(manifest);
      const leaked = world.keys[0]?.id ?? '';
      await markCompromised(world);
      await world.lab.pass(20 * MINUTE_MS);
      const [report] = (await world.lab.tick(manifest, { only: ['credential'] })).keys;
      expect(report?.steps.map(({ step }) => step).slice(0, 2)).toEqual(['contain', 'mint']);
      expect(world.keys.filter(({ disabled }) => !disabled).map(({ id }) => id)).not.toContain(leaked);
      expect(world.keys.filter(({ disabled }) => !disabled)).toHaveLength(1);
    },
  );

  it('is replaced when somebody disabled the API key behind it', async () => {
    const { world } = await open();
    const manifest = world.manifest({ role: 'Sender' });
    await world.lab.tick(manifest);
    await world.lab.admin.request('POST', `/v1/apikeys/${world.keys[0]?.apiKeyId}/disable`);
    await world.lab.pass(20 * MINUTE_MS);
    const [report] = (await world.lab.tick(manifest, { only: ['credential'] })).keys;
    expect(report?.steps).toMatchObject([{ step: 'mint' }]);
  });
});

/** Marks the current version as the response to a leak does. */
async function markCompromised({ lab }: CredentialLaboratory): Promise<void> {
  const { id, versions } = lab.secret('credential');
  const current = versions.find(({ alias }) => alias === 'current');
  const { keyrota } = current?.customMetadata ?? {};
  const marked = { keyrota: { ...keyrota, compromised_at: new Date(lab.clock.nowMs()).toISOString() } };
  const body = { version_custom_metadata: marked };
  const headers = {
    authorization: await lab.adminAuthorization(),
    'content-type': 'application/merge-patch+json',
  };
  const path = `http://cloud.local/api/v2/secrets/${id}/versions/${current?.id}/metadata`;
  const response = await lab.send(new Request(path, { method: 'PATCH', headers, body: JSON.stringify(body) }));
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

describe('one-time credentials', () => {
  it('are stored from the one answer that shows them, and retired without another look at them', async () => {
    const { world, kind, key, request } = await open({ parameters: { onetime_credentials: true } });
    const { id, value } = await kind.create(key, request, signal);
    await world.lab.pass(MINUTE_MS);
    expect(await kind.verify(key, value, true, signal)).toEqual({ outcome: 'accepted' });
    expect(await kind.look(key, id, signal)).toMatchObject({ id, canDisable: false, lastUsed: 'unknown' });
    await kind.delete(key, id, signal);
    expect(await kind.look(key, id, signal)).toBeNull();
  });
});

describe('a credential of a service ID that is named', () => {
  it('is disabled by its own key of that service ID, which stays', async () => {
    const { world } = await open({ mayDisable: false });
    const { lab } = world;
    const crn = `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::serviceid:${lab.serviceId.id}`;
    const { kind, key, request } = on(world, { role: 'Sender', parameters: { serviceid_crn: crn } });
    expect(kind.facts.rolesNeeded(key).join('\n')).toContain(`Operator on ${lab.serviceId.id}`);
    const { id } = await kind.create(key, request, signal);
    await lab.pass(MINUTE_MS);
    expect(await kind.look(key, id, signal)).toMatchObject({ canDisable: true });
    await kind.disable(key, id, signal);
    expect(lab.keys).toMatchObject([{ disabled: true }]);
    await kind.delete(key, id, signal);
    expect(lab.keys).toEqual([]);
    expect(await lab.admin.request('GET', `/v1/serviceids/${lab.serviceId.id}`)).toMatchObject({
      id: lab.serviceId.id,
    });
  });

  it('asks a person when that has as many keys as it may', async () => {
    const { world } = await open();
    const { lab } = world;
    const crn = `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::serviceid:${lab.serviceId.id}`;
    const { kind, key, request } = on(world, { role: 'Sender', parameters: { serviceid_crn: crn } });
    for (let count = 0; count < 20; count += 1) await lab.makeKeyByHand();
    const refusal = await apiFailureOf(kind.create(key, request, signal));
    expect(kind.obstacleOf(key, refusal)).toMatchObject({ code: 'key_limit_reached' });
  });
});

describe('a credential', () => {
  it('is not found just after it was made, which is no failure', async () => {
    const { world, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    expect(await kind.look(key, id, signal)).toBeNull();
    expect((await kind.list(key, signal))?.map((one) => one.id)).toEqual([id]);
    await kind.disable(key, id, signal);
    await world.lab.pass(MINUTE_MS);
    expect(await kind.look(key, id, signal)).toMatchObject({ id, disabled: true });
  });

  it('without an API key is accepted once it is found, and refused once it is gone', async () => {
    const { world, kind, key, request } = await open({ service: 'generic-service', entry: {} });
    const { id, value } = await kind.create(key, request, signal);
    expect(await kind.verify(key, value, true, signal)).toMatchObject({ outcome: 'failed' });
    await world.lab.pass(MINUTE_MS);
    expect(await kind.verify(key, value, true, signal)).toEqual({ outcome: 'accepted' });
    await world.removeByHand(id);
    expect(await kind.verify(key, value, true, signal)).toMatchObject({ outcome: 'refused' });
  });

  it('with an API key of the service’s own is not tried at IAM', async () => {
    const { world } = await open({ service: 'generic-service', entry: {} });
    const adapter = altering(cloudAdapter(world.lab.cloud), (body, { method }) => {
      if (method === 'POST' && 'credentials' in body) body['credentials'] = { apikey: 'of the service itself' };
    });
    for (const secret of [{ type: 'kv' }, { type: 'arbitrary' }]) {
      const { kind, key, request } = on(world, { secret }, { adapter });
      const { value } = await kind.create(key, request, signal);
      await world.lab.pass(MINUTE_MS);
      expect(await kind.verify(key, value, true, signal)).toEqual({ outcome: 'accepted' });
    }
  });

  it('is gone when it is told as removed, and deleted as often as one likes', async () => {
    const { world, kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    await world.lab.pass(MINUTE_MS);
    for (const status of [410, 404] as const) {
      world.lab.cloud.switches.removedResourceWriteStatus = status;
      await kind.delete(key, id, signal);
    }
    expect(await kind.look(key, id, signal)).toBeNull();
    await expect(kind.disable(key, id, signal)).resolves.toBeUndefined();
    expect(await kind.list(key, signal)).toEqual([]);
  });

  it('that the service refuses is tried again, and its own words are told', async () => {
    const { world, kind, key, request } = await open({ switches: { resourceKeysPerInstance: 1 } });
    await world.makeByHand({ role: SENDER });
    const refusal = await apiFailureOf(kind.create(key, request, signal));
    expect(refusal).toMatchObject({ code: 'broker_refused', effect: 'none' });
    expect(refusal.message).toContain('[409, Conflict] The instance has 1 keys');
    expect(kind.obstacleOf(key, refusal)).toBeNull();
  });

  it('asks a person when the account has as many service IDs as it may', async () => {
    const { world } = await open();
    const answer = {
      message: '[422] The limit of supported service IDs is reached',
      error_code: 'RC-IamErrorResponse',
    };
    const adapter = answeringFirst(cloudAdapter(world.lab.cloud), CREATE, [
      { status: 422, body: JSON.stringify(answer) },
    ]);
    const { kind, key, request } = on(world, { role: 'Sender' }, { adapter });
    const refusal = await apiFailureOf(kind.create(key, request, signal));
    const obstacle = kind.obstacleOf(key, refusal);
    expect(obstacle).toMatchObject({ code: 'service_id_limit' });
    expect(obstacle?.problem).toContain('The limit of supported service IDs is reached');
    expect(world.keys).toEqual([]);
  });

  it('names the roles that are missing when it may not be made', async () => {
    const { kind, key, request } = await open({ role: null });
    const refusal = await apiFailureOf(kind.create(key, request, signal));
    const obstacle = kind.obstacleOf(key, refusal);
    expect(obstacle).toMatchObject({ code: 'role_missing' });
    expect(obstacle?.steps.join('\n')).toContain('--roles Operator,Sender --service-name logs --service-instance');
  });

  it('has no place where its instance is gone', async () => {
    const { world, kind, key } = await open({ service: 'cloud-object-storage' });
    await world.lab.admin.request('DELETE', `/v2/resource_instances/${world.guid}`);
    expect(await kind.obstacles(key, 0, signal)).toMatchObject([{ code: 'instance_gone' }]);
    expect(await kind.list(key, signal)).toBeNull();
    const elsewhere = on(world, { role: 'Writer', instance: UNKNOWN_GUID });
    expect(await elsewhere.kind.list(elsewhere.key, signal)).toBeNull();
  });

  it('has no place where its instance is not active', async () => {
    const { world } = await open();
    const adapter = altering(cloudAdapter(world.lab.cloud), (body, { path }) => {
      if (/^\/v2\/resource_instances\/[^/]+$/.test(path)) body['state'] = 'pending_reclamation';
    });
    const { kind, key } = on(world, { role: 'Sender' }, { adapter });
    expect(await kind.obstacles(key, 0, signal)).toMatchObject([{ code: 'instance_not_active' }]);
  });

  it('is surveyed with all that we may see of the account', async () => {
    const { kind, key, request } = await open();
    const { id } = await kind.create(key, request, signal);
    for await (const page of kind.survey?.([key], signal) ?? []) {
      expect(page).toEqual([{ id, name: request.name, disabled: false }]);
    }
  });
});

describe('a credential that a person made', () => {
  it.each(['logs', 'cloud-object-storage'] as const)('for %s is known by its value', async (service) => {
    const { world, kind, key } = await open({ service });
    const { id, credentials } = await world.makeByHand({ role: service === 'logs' ? SENDER : 'Writer' });
    const value = new SecretValue(JSON.stringify(credentials));
    const found = await kind.identify(key, value, signal);
    expect(found).toMatchObject({ id, canDisable: true });
    expect(found?.secrets[0]?.reveal()).toBe(credentials['apikey']);
    expectNoValue(world, found);
  });

  it('is not known by another value, one of another instance, or one without an API key', async () => {
    const { world, kind, key } = await open();
    const { value } = await world.lab.makeKeyByHand();
    for (const text of [
      '{}',
      'no JSON',
      '{"apikey":"unknown","iam_x":""}',
      JSON.stringify({ apikey: value, iam_x: '' }),
    ]) {
      expect(await kind.identify(key, new SecretValue(text), signal)).toBeNull();
    }
  });

  it.each([
    { who: 'the manifest', adopts: (crn: string) => ({ adopt: [crn] }), deed: tickWith },
    { who: 'the operator', adopts: () => ({}), deed: adoptWith },
  ])('is taken in by its CRN by $who', async ({ adopts, deed }) => {
    const { world } = await open();
    const { id, crn } = await world.makeByHand({ role: SENDER });
    const manifest = world.manifest({ role: 'Sender', ...adopts(crn) });
    await deed(world, manifest, crn);
    await world.lab.fetchStored('credential');
    for (let days = 0; days < 13; days += 1) {
      await world.lab.pass(DAY_MS);
      await world.lab.tick(manifest, { only: ['credential'] });
    }
    expect(world.keys.map((one) => one.id)).toEqual([world.lab.currentKeyId('credential')]);
    expect(world.keys[0]?.id).not.toBe(id);
  });
});

type Taking = (world: CredentialLaboratory, manifest: Manifest, crn: string) => Promise<unknown>;

function tickWith(...[{ lab }, manifest]: Parameters<Taking>): Promise<unknown> {
  return lab.tick(manifest);
}

function adoptWith(...[{ lab }, manifest, crn]: Parameters<Taking>): Promise<unknown> {
  return lab.withPorts(manifest, (ports) => adopt(onlyKey(manifest), crn, ports));
}

describe('a description that anybody can write', () => {
  it('does not make another API key the one behind a credential', async () => {
    const switches = { hiddenApiKeysListed: false };
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER, {
      switches,
      parameters: { onetime_credentials: true },
    });
    const { lab } = world;
    await world.letDisable();
    const manifest = world.manifest({ role: 'Writer' });
    await lab.tick(manifest, { only: ['credential'] });
    await lab.fetchStored('credential');
    const [former] = world.keys;
    const description = `Auto-generated for key ${former?.crn}`;
    const body = { name: 'x', iam_id: lab.serviceId.iamId, account_id: lab.cloud.account.id, description };
    const { id } = await lab.admin.request('POST', '/v1/apikeys', body);
    await lab.pass(30 * DAY_MS);
    await lab.tick(manifest, { only: ['credential'] });
    await lab.fetchStored('credential');
    for (let day = 0; day < 13; day += 1) {
      await lab.pass(DAY_MS);
      await lab.tick(manifest, { only: ['credential'] });
    }
    expect(world.keys.map((key) => key.id)).toContain(former?.id);
    expect(lab.keys.find((key) => key.id === id)).toMatchObject({ disabled: false });
  });
});

describe('a value that Secrets Manager repeats in a refusal', () => {
  it.each([{ secret: {} }, { secret: { type: 'arbitrary', field: 'cos_hmac_keys.secret_access_key' } }])(
    'is in no log line and no report: %o',
    async ({ secret }) => {
      const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
      const { lab } = world;
      const handle = lab.cloud.handle.bind(lab.cloud);
      const sent: string[] = [];
      lab.cloud.handle = async (request) => {
        if (`${request.method} ${new URL(request.url).pathname}` !== 'POST /api/v2/secrets') return handle(request);
        const { payload, data } = (await request.clone().json()) as { payload?: string; data?: StoredFields };
        const value = payload ?? data?.cos_hmac_keys.secret_access_key ?? '';
        sent.push(value);
        const message = `Invalid value '${value}' for payload`;
        return Response.json({ errors: [{ code: 'bad_request', message }] }, { status: 400 });
      };
      const where = { group: lab.groupId, ...secret };
      const entry = { role: 'Writer', parameters: { HMAC: true }, evidence: { unused: false }, secret: where };
      const report = await lab.tick(world.manifest(entry), { only: ['credential'] });
      expect(sent).toEqual([expect.stringMatching(/^[0-9a-f]{48}$/)]);
      expect(lab.logLines.join('\n') + JSON.stringify(report)).not.toContain(sent[0]);
    },
  );
});

interface StoredFields {
  cos_hmac_keys: { secret_access_key: string };
}
