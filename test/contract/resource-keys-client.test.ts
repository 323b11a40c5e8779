import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import type { SurveyedKey } from '../../shared/clients/iam-identity-answers.ts';
import { CredentialsRedacted } from '../../shared/clients/resource-keys.ts';
import type { NewResourceKey, ResourceKeys } from '../../shared/clients/resource-keys.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, answeringAll, answeringFirst, cloudAdapter, withShortPages } from './support/adapters.ts';
import { everythingIn, failureOf, apiFailureOf, outcomeOf } from './support/failures.ts';
import { powerlessLogin } from './support/identities.ts';
import { logInWith, productOn, watchCalls } from './support/product.ts';

const UNKNOWN_GUID = '00000000-0000-4000-8000-000000000000';
const WRITER = 'crn:v1:bluemix:public:iam::::serviceRole:Writer';
const MANAGER = 'crn:v1:bluemix:public:iam::::serviceRole:Manager';
const SENDER = ROLE.cloudLogsSender;
const DAY_MS = 86_400_000;
const PLAN = {
  objectStorage: { resource_plan_id: '744bfc56-d12c-4866-88d5-dac9139e0e5d', target: 'global' },
  logs: { resource_plan_id: 'logs-standard', target: 'us-south' },
  cloudant: { resource_plan_id: 'cloudant-standard', target: 'us-south' },
} as const;

const { signal } = new AbortController();

const newInstance = async (lab: Laboratory, plan: keyof typeof PLAN, parameters: object = {}) => {
  const about = { name: `my ${plan}`, resource_group: lab.cloud.account.resourceGroupId, parameters, ...PLAN[plan] };
  const made = await lab.admin.request('POST', '/v2/resource_instances', about);
  return { guid: String(made['guid']), crn: String(made['crn']) };
};

/** The key as the account's owner makes it. */
const ownersResourceKey = async (lab: Laboratory, source: string, more: object = {}) => {
  const made = await lab.admin.request('POST', '/v2/resource_keys', {
    name: 'by hand',
    role: 'Writer',
    source,
    ...more,
  });
  return { guid: String(made['guid']), crn: String(made['crn']), credentials: made['credentials'] as object };
};

/** An account with an instance of Cloud Logs, on which Keyrota may make keys that send. */
async function open(switches: Partial<Switches> = {}) {
  const lab = await Laboratory.open(switches);
  const { guid, crn } = lab.cloud.account.cloudLogs;
  await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'logs', { serviceInstance: guid });
  await lab.admin.grant(lab.keyrota.iamId, SENDER, 'logs', { serviceInstance: guid });
  const product = productOn(lab);
  const wish: NewResourceKey = { name: 'new', instanceId: guid, role: SENDER, parameters: {} };
  return { lab, guid, crn, product, resourceKeys: product.resourceKeys, wish };
}

/** The same for the account's owner and an instance of another service. */
async function openAsOwner(plan: keyof typeof PLAN, parameters: object = {}) {
  const lab = await Laboratory.open({ freshResourceKeyReadDelayMs: 0 });
  const { guid, crn } = await newInstance(lab, plan, parameters);
  const product = productOn(lab, { login: logInWith(lab.cloud.iam.adminApiKey, lab) });
  return { lab, guid, crn, product, resourceKeys: product.resourceKeys };
}

async function pagesOf(resourceKeys: ResourceKeys): Promise<SurveyedKey[][]> {
  const pages: SurveyedKey[][] = [];
  for await (const page of resourceKeys.pagesOfAccount(signal)) pages.push(page);
  return pages;
}

/** All texts of credentials, as they are in the world. */
function valuesIn(lab: Laboratory): string[] {
  const state = lab.cloud.snapshot({ withValues: true }) as {
    resourceController: { keys: { credentials: Record<string, unknown> }[] };
  };
  const textsOf = (value: unknown): string[] =>
    typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [String(value)];
  const isSecret = (name: string) =>
    !name.startsWith('iam_') && !['endpoints', 'resource_instance_id', 'host', 'port'].includes(name);
  return state.resourceController.keys.flatMap(({ credentials }) =>
    Object.entries(credentials).flatMap(([name, value]) => (isSecret(name) ? textsOf(value) : [])),
  );
}

function expectNoValue(lab: Laboratory, ...found: unknown[]): void {
  const text = [...found.map(everythingIn), ...lab.logLines].join('\n');
  expect(valuesIn(lab).length).toBeGreaterThan(0);
  expect(valuesIn(lab).some((value) => text.includes(value))).toBe(false);
}

describe('resource keys created', () => {
  it('are told with what stands behind them, and their credentials can be revealed and not printed', async () => {
    const { lab, crn, resourceKeys, wish } = await open();
    const created = await resourceKeys.createKey(wish, signal);
    const credentials = JSON.parse(created.credentials.reveal()) as Record<string, string>;
    expect(created.key).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      crn: `${crn.slice(0, -1)}resource-key:${created.key.id}`,
      name: 'new',
      createdAtMs: lab.clock.nowMs(),
      state: 'active',
      sourceCrn: crn,
      roleCrn: SENDER,
      serviceIdCrn: credentials['iam_serviceid_crn'],
      innerApiKeyId: credentials['iam_apikey_id'],
      hasOtherSecrets: false,
      isRedacted: false,
    });
    expect(created.fieldNames).toEqual(Object.keys(credentials));
    expectNoValue(lab, created);
  });

  it('log in and ship a line with their inner API key', async () => {
    const { lab, resourceKeys, wish } = await open();
    const { credentials } = await resourceKeys.createKey(wish, signal);
    await lab.pass(10_000);
    const { apikey } = JSON.parse(credentials.reveal()) as { apikey: string };
    expect(await lab.works(apikey)).toBe(true);
  });

  it('ship a line to any instance of Cloud Logs that they are for', async () => {
    const { lab, guid, product, resourceKeys } = await openAsOwner('logs');
    const wish = { name: 'new', instanceId: guid, role: SENDER, parameters: {} };
    const { credentials } = await resourceKeys.createKey(wish, signal);
    await lab.pass(10_000);
    const { apikey } = JSON.parse(credentials.reveal()) as { apikey: string };
    const token = await product.tokens.exchange({ grant: 'apikey', apiKey: new SecretValue(apikey) }, signal);
    const shipTo = (path: string) => product.logLines.ship(`http://127.0.0.1:1${path}`, 'a line', token, signal);
    await shipTo(`/logs/${guid}/logs/v1/singles`);
    expect(lab.state.logs.lastLine?.text).toBe('a line');
    expect(await outcomeOf(shipTo('/logs/v1/singles'))).toMatchObject({ code: 'forbidden' });
  });

  it('can hold secrets beside their inner API key: an HMAC pair, a password', async () => {
    const { lab, guid, resourceKeys } = await openAsOwner('objectStorage');
    const wish = { name: 'new', instanceId: guid, role: 'Writer', parameters: {} };
    const plain = await resourceKeys.createKey(wish, signal);
    const withHmac = await resourceKeys.createKey({ ...wish, parameters: { HMAC: true } }, signal);
    const { guid: cloudant } = await newInstance(lab, 'cloudant');
    const withPassword = await resourceKeys.createKey({ ...wish, instanceId: cloudant, role: 'Manager' }, signal);
    expect([plain, withHmac, withPassword].map(({ key }) => key.hasOtherSecrets)).toEqual([false, true, true]);
    expect([plain, withHmac, withPassword].map(({ key }) => key.roleCrn)).toEqual([WRITER, WRITER, MANAGER]);
    expect(withHmac.fieldNames).toContain('cos_hmac_keys');
    expectNoValue(lab, plain, withHmac, withPassword);
  });

  it('can belong to a service ID that is named', async () => {
    const { lab, guid, resourceKeys } = await openAsOwner('logs');
    const crn = `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::serviceid:${lab.serviceId.id}`;
    const wish = { name: 'new', instanceId: guid, role: SENDER, parameters: { serviceid_crn: crn } };
    const { key } = await resourceKeys.createKey(wish, signal);
    expect(key.serviceIdCrn).toBe(crn);
    expect(lab.keys.map(({ id }) => id)).toEqual([key.innerApiKeyId]);
  });

  it('without a role have none', async () => {
    const { guid, resourceKeys } = await openAsOwner('logs');
    const { key } = await resourceKeys.createKey(
      { name: 'new', instanceId: guid, role: 'NONE', parameters: {} },
      signal,
    );
    expect(key.roleCrn).toBeNull();
  });

  it('show one-time credentials in this answer, and never again', async () => {
    const { guid, resourceKeys } = await openAsOwner('cloudant', { onetime_credentials: true });
    const { key } = await resourceKeys.createKey(
      { name: 'new', instanceId: guid, role: 'Writer', parameters: {} },
      signal,
    );
    expect(key).toMatchObject({ isRedacted: false, hasOtherSecrets: true });
    expect(await resourceKeys.getKey(key.id, signal)).toMatchObject({
      isRedacted: true,
      hasOtherSecrets: 'unknown',
      innerApiKeyId: null,
      serviceIdCrn: null,
      roleCrn: WRITER,
    });
  });

  it('are made once, also when the answer is lost: the key is found by its name', async () => {
    const { lab, guid, resourceKeys, wish } = await open();
    const calls = watchCalls(lab);
    lab.fault({ match: 'POST /v2/resource_keys', drop: 'answer' });
    expect(await outcomeOf(resourceKeys.createKey(wish, signal))).toMatchObject({
      code: 'no_answer',
      effect: 'unknown',
    });
    expect(calls().filter(({ call }) => call === 'POST /v2/resource_keys')).toHaveLength(1);
    expect(await resourceKeys.keysOfInstance(guid, signal)).toMatchObject([{ name: 'new' }]);
  });

  it.each(['REDACTED', 'REDACTED_EXPLICIT'] as const)(
    'with credentials that are %s tell which key to remove',
    async (redaction) => {
      const { lab, wish } = await open();
      const hiding = altering(cloudAdapter(lab.cloud), (body, { path, method }) => {
        if (path === '/v2/resource_keys' && method === 'POST') body['credentials'] = { REDACTED: redaction };
      });
      const { resourceKeys } = productOn(lab, { adapter: hiding });
      const error = await failureOf(resourceKeys.createKey(wish, signal));
      const [made] = (await resourceKeys.keysOfInstance(wish.instanceId, signal)) ?? [];
      expect(error).toBeInstanceOf(CredentialsRedacted);
      expect(error).toMatchObject({ code: 'unexpected_answer', effect: 'changed', keyId: made?.id, redaction });
      expect((error as CredentialsRedacted).message).toContain(`they are ${redaction}:`);
      expect((error as CredentialsRedacted).next).toMatch(/^Give Keyrota /);
      await resourceKeys.deleteKey((error as CredentialsRedacted).keyId, signal);
      expect(await resourceKeys.keysOfInstance(wish.instanceId, signal)).toEqual([]);
    },
  );

  it('of Object Storage are withheld where it takes an administrator to see them, and can be removed', async () => {
    const { lab, guid } = await openAsOwner('objectStorage');
    lab.cloud.switches.createdCredentialsWithheld = true;
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'cloud-object-storage');
    await lab.admin.grant(lab.keyrota.iamId, MANAGER, 'cloud-object-storage');
    const { resourceKeys } = productOn(lab);
    const wish = { name: 'new', instanceId: guid, role: 'Manager', parameters: { HMAC: true } };
    const error = await failureOf(resourceKeys.createKey(wish, signal));
    expect(error).toMatchObject({ redaction: 'REDACTED_EXPLICIT', effect: 'changed' });
    expect((error as CredentialsRedacted).next).toContain('Administrator');
    await resourceKeys.deleteKey((error as CredentialsRedacted).keyId, signal);
    expect(await resourceKeys.keysOfInstance(guid, signal)).toEqual([]);
  });

  it.each([
    [{ REDACTED: 'a new way 8c2f' }, 'unknown'],
    [{}, 'absent'],
    [null, 'absent'],
    ['credentials 8c2f', 'absent'],
  ])('with odd credentials, %j, are of no use either, and those are not told', async (credentials, redaction) => {
    const { lab, wish } = await open();
    const spoiling = altering(cloudAdapter(lab.cloud), (body, { path, method }) => {
      if (path === '/v2/resource_keys' && method === 'POST') body['credentials'] = credentials;
    });
    const error = await failureOf(productOn(lab, { adapter: spoiling }).resourceKeys.createKey(wish, signal));
    expect(error).toMatchObject({ code: 'unexpected_answer', effect: 'changed', redaction });
    expect(everythingIn(error)).not.toContain('8c2f');
  });

  it('in an answer that is not understood may be there, and nothing of it is told', async () => {
    const { lab, wish } = await open();
    const spoiling = altering(cloudAdapter(lab.cloud), (body, { path, method }) => {
      if (path === '/v2/resource_keys' && method === 'POST') body['created_at'] = 'yesterday';
    });
    const error = await failureOf(productOn(lab, { adapter: spoiling }).resourceKeys.createKey(wish, signal));
    expect(error).toMatchObject({ code: 'unexpected_answer', effect: 'changed' });
    expect((error as Error).message).toMatch(/not understood: created_at$/);
    expectNoValue(lab, error);
  });

  it('are refused with a role that is above ours, without the right, and for an instance that is gone', async () => {
    const { lab, resourceKeys, wish } = await open();
    const powerless = productOn(lab, { login: await powerlessLogin(lab) }).resourceKeys;
    const refusals = [
      await outcomeOf(resourceKeys.createKey({ ...wish, role: 'Writer' }, signal)),
      await outcomeOf(powerless.createKey(wish, signal)),
      await outcomeOf(resourceKeys.createKey({ ...wish, instanceId: UNKNOWN_GUID }, signal)),
    ];
    expect(refusals.map(({ code, effect }) => [code, effect])).toEqual([
      ['forbidden', 'none'],
      ['forbidden', 'none'],
      ['not_found', 'none'],
    ]);
  });

  it('are refused by the service behind the instance in its own words', async () => {
    const { resourceKeys, wish } = await open({ resourceKeysPerInstance: 1 });
    await resourceKeys.createKey(wish, signal);
    const refusal = await apiFailureOf(resourceKeys.createKey(wish, signal));
    expect(refusal).toMatchObject({
      code: 'broker_refused',
      effect: 'none',
      failure: { status: 422, ibmCode: 'RC-ServiceBrokerErrorResponse' },
    });
    expect(refusal.message).toContain('[409, Conflict] The instance has 1 keys');
  });

  it('are refused at the limit of service IDs as at other limits of IAM', async () => {
    const { lab, resourceKeys, wish } = await open();
    for (let made = 2; made < 2_000; made += 1) await lab.admin.createServiceId('many', '');
    expect(await outcomeOf(resourceKeys.createKey(wish, signal))).toMatchObject({ code: 'limit_reached', status: 422 });
  });
});

describe('the resource keys of an instance', () => {
  it('are all there, by GUID and by CRN, in pages as small as the service likes, without values', async () => {
    const { lab, guid, crn } = await open();
    for (const name of ['one', 'two', 'three']) await ownersResourceKey(lab, guid, { name, role: SENDER });
    await ownersResourceKey(lab, lab.cloud.account.secretsManager.guid);
    const { resourceKeys, sent } = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'limit', 2) });
    for (const id of [guid, crn]) {
      const keys = await resourceKeys.keysOfInstance(id, signal);
      expect(keys?.map(({ name }) => name)).toEqual(['one', 'two', 'three']);
      expect(keys?.every(({ innerApiKeyId }) => innerApiKeyId?.startsWith('ApiKey-'))).toBe(true);
      expectNoValue(lab, keys);
    }
    expect(sent.filter(({ method }) => method === 'GET')).toHaveLength(4);
  });

  it('whose role is above ours are there, and what is withheld is not known', async () => {
    const { lab, guid, resourceKeys } = await open();
    const { guid: id } = await ownersResourceKey(lab, guid, { role: 'Manager' });
    expect(await resourceKeys.keysOfInstance(guid, signal)).toMatchObject([
      { id, roleCrn: MANAGER, innerApiKeyId: null, hasOtherSecrets: 'unknown', isRedacted: true },
    ]);
  });

  it('of Object Storage tell of an HMAC pair even where credentials are withheld', async () => {
    const { lab, guid } = await openAsOwner('objectStorage');
    await ownersResourceKey(lab, guid, { parameters: { HMAC: true } });
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'cloud-object-storage');
    await lab.admin.grant(lab.keyrota.iamId, MANAGER, 'cloud-object-storage');
    expect(await productOn(lab).resourceKeys.keysOfInstance(guid, signal)).toMatchObject([
      { hasOtherSecrets: true, isRedacted: true },
    ]);
  });

  it('are none while there are none', async () => {
    const { guid, resourceKeys } = await open();
    expect(await resourceKeys.keysOfInstance(guid, signal)).toEqual([]);
  });

  it('are null when the instance never was, is removed, or is long gone', async () => {
    const { lab, guid, resourceKeys } = await openAsOwner('logs');
    expect(await resourceKeys.keysOfInstance(UNKNOWN_GUID, signal)).toBeNull();
    await lab.admin.request('DELETE', `/v2/resource_instances/${guid}`);
    expect(await resourceKeys.keysOfInstance(guid, signal)).toBeNull();
    await lab.pass(DAY_MS);
    expect(
      await productOn(lab, { login: logInWith(lab.cloud.iam.adminApiKey, lab) }).resourceKeys.keysOfInstance(
        guid,
        signal,
      ),
    ).toBeNull();
  });

  it('are null when a removed instance answers with an empty list', async () => {
    const { lab, guid } = await openAsOwner('logs');
    await lab.admin.request('DELETE', `/v2/resource_instances/${guid}`);
    const empty = { status: 200, body: JSON.stringify({ rows_count: 0, next_url: null, resources: [] }) };
    const adapter = answeringFirst(cloudAdapter(lab.cloud), `GET /v2/resource_instances/${guid}/resource_keys`, [
      empty,
    ]);
    const login = logInWith(lab.cloud.iam.adminApiKey, lab);
    expect(await productOn(lab, { adapter, login }).resourceKeys.keysOfInstance(guid, signal)).toBeNull();
  });

  it('are none for somebody who may manage keys and not see the instance', async () => {
    const { lab, guid } = await open();
    const { iamId } = await lab.admin.createServiceId('key manager', '');
    await lab.admin.grant(iamId, 'crn:v1:bluemix:public:iam::::serviceRole:KeyManager', 'logs');
    const body = { name: 'login', iam_id: iamId, account_id: lab.cloud.account.id };
    const { apikey } = await lab.admin.request('POST', '/v1/apikeys', body);
    await lab.pass(10_000);
    const { resourceKeys } = productOn(lab, { login: logInWith(String(apikey), lab) });
    expect(await resourceKeys.keysOfInstance(guid, signal)).toEqual([]);
  });

  it('are all but those that are odd, unless an odd one is ours', async () => {
    const { lab, guid } = await open();
    for (const name of ['good', 'odd']) await ownersResourceKey(lab, guid, { name, role: SENDER });
    const spoiling = (ours: string) =>
      altering(cloudAdapter(lab.cloud), (body) => {
        const [, odd] = (body['resources'] ?? []) as Record<string, unknown>[];
        if (odd) Object.assign(odd, { name: ours, created_at: null });
      });
    const foreign = productOn(lab, { adapter: spoiling('odd') }).resourceKeys;
    expect(await foreign.keysOfInstance(guid, signal)).toMatchObject([{ name: 'good' }]);
    const own = productOn(lab, { adapter: spoiling('keyrota-lab-1') }).resourceKeys;
    const error = await failureOf(own.keysOfInstance(guid, signal));
    expect(error).toMatchObject({ code: 'unexpected_answer', effect: 'none' });
    expectNoValue(lab, error);
  });

  it('never take a value for an id where a service fills its fields oddly', async () => {
    const { lab, guid } = await open();
    await ownersResourceKey(lab, guid, { role: SENDER });
    const value = 'a password 8c2f';
    const odd = altering(cloudAdapter(lab.cloud), (body) => {
      const [row] = (body['resources'] ?? []) as Record<string, unknown>[];
      const credentials = { iam_apikey_id: value, iam_serviceid_crn: value, iam_role_crn: value, REDACTED_NOT: value };
      if (row) Object.assign(row, { credentials, role: value, parameters: { role_crn: value, serviceid_crn: value } });
    });
    const keys = await productOn(lab, { adapter: odd }).resourceKeys.keysOfInstance(guid, signal);
    expect(keys).toMatchObject([{ innerApiKeyId: null, serviceIdCrn: null, roleCrn: null, hasOtherSecrets: true }]);
    expect(everythingIn(keys)).not.toContain('8c2f');
  });

  it('leave out those that are removed', async () => {
    const { lab, guid } = await open();
    await ownersResourceKey(lab, guid, { role: SENDER });
    const removing = altering(cloudAdapter(lab.cloud), (body) => {
      for (const row of (body['resources'] ?? []) as Record<string, unknown>[]) row['state'] = 'removed';
    });
    expect(await productOn(lab, { adapter: removing }).resourceKeys.keysOfInstance(guid, signal)).toEqual([]);
  });

  it('come to an end, also in a list that has none', async () => {
    const { lab, guid } = await open();
    const body = JSON.stringify({ resources: [], next_url: '/v2/resource_keys?start=again' });
    const { resourceKeys } = productOn(lab, { adapter: answeringAll(cloudAdapter(lab.cloud), { status: 200, body }) });
    expect(await outcomeOf(resourceKeys.keysOfInstance(guid, signal))).toMatchObject({ code: 'unexpected_answer' });
  });
});

describe('the resource keys of the account', () => {
  it('come in pages, by id and name alone, those that we may see', async () => {
    const { lab, guid } = await open();
    for (const name of ['one', 'two', 'three']) await ownersResourceKey(lab, guid, { name, role: SENDER });
    await ownersResourceKey(lab, lab.cloud.account.secretsManager.guid, { name: 'not ours to see' });
    const { resourceKeys } = productOn(lab, { adapter: withShortPages(cloudAdapter(lab.cloud), 'limit', 2) });
    const pages = await pagesOf(resourceKeys);
    expect(pages.map((page) => page.map(({ name }) => name))).toEqual([['one', 'two'], ['three']]);
    expect(pages[1]).toEqual([
      { id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown, name: 'three', disabled: false },
    ]);
  });

  it('are there but for those that are odd', async () => {
    const { lab, guid } = await open();
    for (const name of ['good', 'odd']) await ownersResourceKey(lab, guid, { name, role: SENDER });
    const spoiling = altering(cloudAdapter(lab.cloud), (body) => {
      const rows = body['resources'] as unknown[] | undefined;
      if (rows) body['resources'] = [null, 'odd', { ...(rows[1] as object), guid: 7 }, rows[0]];
    });
    const { resourceKeys } = productOn(lab, { adapter: spoiling });
    const pages = await pagesOf(resourceKeys);
    expect(pages.flat().map(({ name }) => name)).toEqual(['good']);
  });
});

describe('one resource key', () => {
  it('is found by GUID and by CRN', async () => {
    const { lab, resourceKeys, wish } = await open();
    const { key } = await resourceKeys.createKey(wish, signal);
    await lab.pass(2_000);
    for (const id of [key.id, key.crn]) expect(await resourceKeys.getKey(id, signal)).toEqual(key);
  });

  it('is null while it is too new, after its end, and when it never was', async () => {
    const { lab, resourceKeys, wish } = await open();
    const { key } = await resourceKeys.createKey(wish, signal);
    expect(await resourceKeys.getKey(key.id, signal)).toBeNull();
    await lab.pass(2_000);
    await resourceKeys.deleteKey(key.id, signal);
    expect(await resourceKeys.getKey(key.id, signal)).toBeNull();
    for (const status of [404, 410] as const) {
      lab.cloud.switches.removedResourceShownMs = 0;
      lab.cloud.switches.forgottenResourceStatus = status;
      expect(await resourceKeys.getKey(key.id, signal)).toBeNull();
    }
    expect(await resourceKeys.getKey(UNKNOWN_GUID, signal)).toBeNull();
  });

  it.each([
    { fault: { status: 401, times: 2 }, code: 'not_logged_in' },
    { fault: { status: 403 }, code: 'forbidden' },
    { fault: { status: 429, times: 4 }, code: 'throttled' },
    { fault: { status: 500, times: 4 }, code: 'service_failed' },
    { fault: { refuse: true, times: 4 }, code: 'no_answer' },
  ] as const)('is never null for another reason: $code', async ({ fault, code }) => {
    const { lab, resourceKeys, wish } = await open();
    const { key } = await resourceKeys.createKey(wish, signal);
    await lab.pass(2_000);
    lab.fault({ match: `GET /v2/resource_keys/${key.id}`, ...fault });
    expect(await outcomeOf(resourceKeys.getKey(key.id, signal))).toMatchObject({ code });
  });

  it('is not waited for beyond the time limit of a call, nor once the run is stopped', async () => {
    const { lab, wish } = await open();
    const signals: (AbortSignal | undefined)[] = [];
    const { resourceKeys } = productOn(lab, {
      adapter: (config) => {
        signals.push((config as { signal?: AbortSignal }).signal);
        return cloudAdapter(lab.cloud)(config);
      },
    });
    const { key } = await resourceKeys.createKey(wish, signal);
    await lab.pass(2_000);
    lab.fault({ match: `GET /v2/resource_keys/${key.id}`, lateMs: 3_600_000, times: 9 });
    expect(await outcomeOf(resourceKeys.getKey(key.id, signal))).toMatchObject({ code: 'no_answer' });
    expect(signals.at(-1)?.aborted).toBe(true);
    const stopped = new AbortController();
    const asking = failureOf(resourceKeys.getKey(key.id, stopped.signal));
    stopped.abort(new Error('stopped'));
    expect(await asking).toEqual(new Error('stopped'));
  });
});

describe('resource keys deleted', () => {
  it('are gone with their inner API key', async () => {
    const { lab, guid, resourceKeys, wish } = await open();
    const { key, credentials } = await resourceKeys.createKey(wish, signal);
    await lab.pass(10_000);
    await resourceKeys.deleteKey(key.id, signal);
    const { apikey } = JSON.parse(credentials.reveal()) as { apikey: string };
    expect(await lab.works(apikey)).toBe(false);
    expect(await resourceKeys.keysOfInstance(guid, signal)).toEqual([]);
  });

  it.each([404, 410] as const)(
    'count as deleted when they are gone already: %i',
    async (removedResourceWriteStatus) => {
      const { resourceKeys, wish } = await open({ removedResourceWriteStatus });
      const { key } = await resourceKeys.createKey(wish, signal);
      await resourceKeys.deleteKey(key.id, signal);
      await expect(resourceKeys.deleteKey(key.id, signal)).resolves.toBeUndefined();
    },
  );

  it('count as deleted when another refusal comes for one that is told as removed, and not for one that is there', async () => {
    const { lab, resourceKeys, wish } = await open();
    const { key } = await resourceKeys.createKey(wish, signal);
    const refusal = { match: `DELETE /v2/resource_keys/${key.id}`, status: 400 };
    lab.fault(refusal);
    expect(await outcomeOf(resourceKeys.deleteKey(key.id, signal))).toMatchObject({ code: 'invalid_request' });
    await lab.pass(2_000);
    lab.fault(refusal);
    expect(await outcomeOf(resourceKeys.deleteKey(key.id, signal))).toMatchObject({ code: 'invalid_request' });
    await resourceKeys.deleteKey(key.id, signal);
    lab.fault(refusal);
    await expect(resourceKeys.deleteKey(key.id, signal)).resolves.toBeUndefined();
  });

  it('are deleted again when the answer is lost', async () => {
    const { lab, guid, resourceKeys, wish } = await open();
    const { key } = await resourceKeys.createKey(wish, signal);
    lab.fault({ match: `DELETE /v2/resource_keys/${key.id}`, drop: 'answer' });
    await resourceKeys.deleteKey(key.id, signal);
    expect(await resourceKeys.keysOfInstance(guid, signal)).toEqual([]);
  });

  it('stay where their inner API key is locked', async () => {
    const { lab, resourceKeys, wish } = await open();
    const { key } = await resourceKeys.createKey(wish, signal);
    await lab.admin.request('POST', `/v1/apikeys/${key.innerApiKeyId}/lock`);
    expect(await outcomeOf(resourceKeys.deleteKey(key.id, signal))).toMatchObject({ status: 422, effect: 'none' });
  });
});

describe('an instance', () => {
  it('is found by GUID and by CRN, and null when it is removed, forgotten or unknown', async () => {
    const { lab, guid, crn, resourceKeys } = await openAsOwner('logs');
    const expected = { guid, crn, name: 'my logs', state: 'active', resourceId: 'logs' };
    for (const id of [guid, crn]) expect(await resourceKeys.getInstance(id, signal)).toEqual(expected);
    await lab.admin.request('DELETE', `/v2/resource_instances/${guid}`);
    expect(await resourceKeys.getInstance(guid, signal)).toBeNull();
    lab.cloud.switches.removedResourceShownMs = 0;
    expect(await resourceKeys.getInstance(guid, signal)).toBeNull();
    expect(await resourceKeys.getInstance(UNKNOWN_GUID, signal)).toBeNull();
  });

  it('that we may not see is not taken for gone', async () => {
    const { lab, guid } = await open();
    const { resourceKeys } = productOn(lab, { login: await powerlessLogin(lab) });
    expect(await outcomeOf(resourceKeys.getInstance(guid, signal))).toMatchObject({ code: 'forbidden' });
    expect(await outcomeOf(resourceKeys.keysOfInstance(guid, signal))).toMatchObject({ code: 'forbidden' });
  });
});
