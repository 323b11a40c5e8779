import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { givesRole } from '../../shared/clients/iam-policies.ts';
import { roleIdOf } from '../../shared/clients/role-ids.ts';
import { Laboratory } from '../support/laboratory.ts';
import { altering, answeringAll, cloudAdapter, withShortPages } from './support/adapters.ts';
import type { Adapter } from './support/adapters.ts';
import { apiFailureOf, failureOf, outcomeOf } from './support/failures.ts';
import { logInWith, productOn, watchCalls } from './support/product.ts';

const { signal } = new AbortController();

/** An operator who is the account's owner. */
async function open(adapterOn: (lab: Laboratory) => Adapter = (lab) => cloudAdapter(lab.cloud)) {
  const lab = await Laboratory.open();
  const product = productOn(lab, { login: logInWith(lab.cloud.iam.adminApiKey, lab), adapter: adapterOn(lab) });
  const { identities, policies, identity } = product;
  return { lab, product, identities, policies, identity };
}

describe('service IDs', () => {
  it('are created with name and description, and can have keys', async () => {
    const { lab, identities, identity } = await open();
    const made = await identities.createServiceId('agent 7', 'Sends “logs” & more.', signal);
    expect(made).toEqual({
      id: expect.stringMatching(/^ServiceId-/) as unknown,
      iamId: `iam-${made.id}`,
      crn: `crn:v1:bluemix:public:iam-identity::a/${lab.cloud.account.id}::serviceid:${made.id}`,
      name: 'agent 7',
    });
    const seen = await lab.admin.request('GET', `/v1/serviceids/${made.id}`);
    expect(seen).toMatchObject({ name: 'agent 7', description: 'Sends “logs” & more.' });
    expect(await identity.listApiKeys(made.iamId, signal)).toEqual([]);
  });

  it('are made once, also when the answer is lost: the service ID is found by its name', async () => {
    const { lab, identities } = await open();
    const calls = watchCalls(lab);
    lab.fault({ match: 'POST /v1/serviceids', drop: 'answer' });
    const creating = identities.createServiceId('agent', '', signal);
    expect(await outcomeOf(creating)).toMatchObject({ code: 'no_answer', effect: 'unknown' });
    expect(calls().filter(({ call }) => call === 'POST /v1/serviceids')).toHaveLength(1);
    expect(await identities.findServiceId('agent', signal)).toMatchObject({ name: 'agent' });
  });

  it('are found by their exact name, in pages as small as the service likes', async () => {
    const { lab, product } = await open((one) => withShortPages(cloudAdapter(one.cloud), 'pagesize', 1));
    const { iamId } = await lab.admin.createServiceId('agent', '');
    for (const name of ['agent 2', 'Agent', 'an agent']) await lab.admin.createServiceId(name, '');
    expect(await product.identities.findServiceId('agent', signal)).toMatchObject({ name: 'agent', iamId });
    expect(await product.identities.findServiceId('agen', signal)).toBeNull();
  });

  it('are found where the service does not heed the name, and one of them is odd', async () => {
    const { lab, identities } = await open((one) =>
      altering(cloudAdapter(one.cloud), (body) => {
        const found = body['serviceids'] as object[] | undefined;
        if (found) body['serviceids'] = [null, { name: 'agent' }, { ...found[0], name: 'another' }, ...found];
      }),
    );
    const { id } = await lab.admin.createServiceId('agent', '');
    expect(await identities.findServiceId('agent', signal)).toMatchObject({ id });
  });

  it('of the same name are not chosen from', async () => {
    const { lab, identities } = await open();
    const ids = [await lab.admin.createServiceId('twin', ''), await lab.admin.createServiceId('twin', '')];
    const error = await failureOf(identities.findServiceId('twin', signal));
    expect(error).toMatchObject({ code: 'ambiguous_name', effect: 'none' });
    for (const { id } of ids) expect((error as Error).message).toContain(id);
  });

  it('come to an end, also in a list that has none', async () => {
    const body = JSON.stringify({ serviceids: [], next: '/v1/serviceids?pagetoken=again' });
    const { identities } = await open((lab) => answeringAll(cloudAdapter(lab.cloud), { status: 200, body }));
    expect(await outcomeOf(identities.findServiceId('agent', signal))).toMatchObject({ code: 'unexpected_answer' });
  });

  it('are refused to Keyrota itself', async () => {
    const { lab } = await open();
    const { identities } = productOn(lab);
    expect(await outcomeOf(identities.createServiceId('agent', '', signal))).toMatchObject({
      code: 'forbidden',
      effect: 'none',
    });
  });
});

describe('policies', () => {
  it('give a role on a service, by its display name', async () => {
    const { lab, identities, policies } = await open();
    const { iamId } = await identities.createServiceId('agent', '', signal);
    const id = await identities.createPolicy({ iamId, role: 'Sender', service: 'logs' }, signal);
    const [policy, ...others] = await policies.listPolicies(iamId, signal);
    expect(others).toEqual([]);
    expect(policy && givesRole(policy, 'logs', 'Sender', null)).toBe(true);
    expect(await lab.admin.request('GET', `/v1/policies/${id}`)).toMatchObject({ id, type: 'access', state: 'active' });
  });

  it('give a role on one instance, by its id', async () => {
    const { identities, policies } = await open();
    const { iamId } = await identities.createServiceId('agent', '', signal);
    const role = ROLE.cloudLogsSender;
    await identities.createPolicy({ iamId, role, service: 'logs', instance: 'this one' }, signal);
    const [policy] = await policies.listPolicies(iamId, signal);
    const covered = ['this one', 'another'].map((instance) => policy && givesRole(policy, 'logs', 'Sender', instance));
    expect(covered).toEqual([true, false]);
  });

  it('name a region and a part of an instance where that is asked for, and nothing otherwise', async () => {
    const { lab, product, identities } = await open();
    const { iamId } = lab.serviceId;
    const resource = { type: 'secret-group', id: lab.groupId };
    const grant = { iamId, role: 'SecretsReader', service: 'secrets-manager' };
    await identities.createPolicy(grant, signal);
    await identities.createPolicy({ ...grant, region: 'us-south', instance: 'an instance', resource }, signal);
    const attributesSent = product.sent
      .filter(({ method, path }) => method === 'POST' && path === '/v1/policies')
      .map(
        ({ body }) =>
          (JSON.parse(body) as { resources: { attributes: { name: string; value: string }[] }[] }).resources,
      )
      .map(([sent]) => Object.fromEntries((sent?.attributes ?? []).map(({ name, value }) => [name, value])));
    const always = { accountId: lab.cloud.account.id, serviceName: 'secrets-manager' };
    expect(attributesSent).toEqual([
      always,
      {
        ...always,
        region: 'us-south',
        serviceInstance: 'an instance',
        resourceType: 'secret-group',
        resource: lab.groupId,
      },
    ]);
  });

  it('let a rotator make the keys of one service ID and of no other', async () => {
    const { lab, identities } = await open();
    const rotator = await identities.createServiceId('rotator', '', signal);
    const resource = { type: 'serviceid', id: lab.serviceId.id };
    const grant = { iamId: rotator.iamId, role: 'Operator', service: 'iam-identity', resource };
    await identities.createPolicy(grant, signal);
    const body = { name: 'login', iam_id: rotator.iamId, account_id: lab.cloud.account.id };
    const { apikey } = await lab.admin.request('POST', '/v1/apikeys', body);
    await lab.pass(10_000);
    const { identity } = productOn(lab, { login: logInWith(String(apikey), lab) });
    const wish = { name: 'new', description: '', expiresAtMs: lab.clock.nowMs() + 86_400_000 };
    await identity.createApiKey({ ...wish, iamId: lab.serviceId.iamId }, signal);
    const elsewhere = identity.createApiKey({ ...wish, iamId: lab.keyrota.iamId }, signal);
    expect(await outcomeOf(elsewhere)).toMatchObject({ code: 'forbidden' });
  });

  it('that are there already are a conflict, and nothing changes', async () => {
    const { lab, identities, policies } = await open();
    const grant = { iamId: lab.serviceId.iamId, role: 'Sender', service: 'logs' };
    expect(await outcomeOf(identities.createPolicy(grant, signal))).toMatchObject({ code: 'conflict', effect: 'none' });
    expect(await policies.listPolicies(lab.serviceId.iamId, signal)).toHaveLength(1);
  });

  it('are made once, also when the answer is lost', async () => {
    const { lab, identities, policies } = await open();
    lab.fault({ match: 'POST /v1/policies', drop: 'answer' });
    const grant = { iamId: lab.serviceId.iamId, role: 'Reader', service: 'logs' };
    expect((await apiFailureOf(identities.createPolicy(grant, signal))).effect).toBe('unknown');
    expect(await policies.listPolicies(lab.serviceId.iamId, signal)).toHaveLength(2);
  });

  it('are refused to Keyrota itself', async () => {
    const { lab } = await open();
    const granting = productOn(lab).identities.createPolicy(
      { iamId: lab.keyrota.iamId, role: 'Administrator', service: 'iam-identity' },
      signal,
    );
    expect(await outcomeOf(granting)).toMatchObject({ code: 'forbidden', effect: 'none' });
  });

  it('with a role of which only the name is known are not even asked for', async () => {
    const { lab, product, identities } = await open();
    await product.login.ready(signal);
    const before = product.sent.length;
    const granting = identities.createPolicy({ iamId: lab.serviceId.iamId, role: 'Wizard', service: 'logs' }, signal);
    expect(await failureOf(granting)).toMatchObject({
      code: 'unknown_role',
      next: 'Name the role by its CRN: `ibmcloud iam roles --service logs --output json` tells it.',
    });
    expect(product.sent).toHaveLength(before);
  });
});

describe('role ids', () => {
  it.each([
    ['logs', 'Sender', 'crn:v1:bluemix:public:logs::::serviceRole:Sender'],
    ['logs-router', 'Writer', 'crn:v1:bluemix:public:iam::::serviceRole:Writer'],
    ['iam-identity', 'Operator', 'crn:v1:bluemix:public:iam::::role:Operator'],
    ['secrets-manager', 'SecretsReader', 'crn:v1:bluemix:public:secrets-manager::::serviceRole:SecretsReader'],
    ['iam-identity', 'Service ID creator', 'crn:v1:bluemix:public:iam-identity::::serviceRole:ServiceIdCreator'],
    ['logs', 'crn:v1:bluemix:public:logs::::serviceRole:Odd', 'crn:v1:bluemix:public:logs::::serviceRole:Odd'],
  ])('of %s: %s', (service, role, id) => {
    expect(roleIdOf(service, role)).toBe(id);
  });

  it('of one service are not those of another', () => {
    expect(() => roleIdOf('secrets-manager', 'Sender')).toThrow('the id of the role Sender of secrets-manager');
  });
});
