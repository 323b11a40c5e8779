import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import type { Unseen } from '../../shared/inventory/inventory.ts';
import { Laboratory } from '../support/laboratory.ts';
import { InventoryAccount, saidOf, take } from './support/inventory-account.ts';
import { ALL_SIGHTS, allow } from '../support/sights.ts';
import type { SightRole } from '../support/sights.ts';
import { trustedProfile } from './support/identities.ts';

const AT_ONCE: Partial<Switches> = { reportDelayMs: 0 };

const LOGGING = 'ingestion and service keys of instances that no entry names: not_told';

/** What is said where one of the roles is missing, and the roles that mend it. */
const WITHOUT: Record<SightRole, { said: string[]; roles: string[] }> = {
  'Administrator on iam-identity': {
    said: [
      'API keys of users: forbidden',
      'keys of service IDs that are in groups: forbidden',
      'last use of API keys: forbidden',
      'names of service IDs: forbidden',
      'settings of the account: forbidden',
      'API keys of other service IDs: not_told',
      'who may create API keys of users where the account restricts that: not_told',
    ],
    roles: [
      '--roles Administrator --service-name iam-identity',
      '--roles Viewer --service-name iam-identity',
      "--roles 'Service Configuration Reader' --service-name iam-identity",
      '--roles Editor --service-name iam-identity',
      "--roles 'Viewer,API key reviewer' --service-name iam-identity",
    ],
  },
  'Viewer on user-management': {
    said: ['names of users: forbidden'],
    roles: ['--roles Viewer --service-name user-management'],
  },
  'Reader on secrets-manager': {
    said: ['secrets of other groups: not_told'],
    roles: ['--roles Viewer,Reader --service-name secrets-manager --service-instance INSTANCE'],
  },
  'Viewer on all services': {
    said: ['secrets of other groups: not_told', 'service credentials of other instances: not_told'],
    roles: ['--roles Viewer', '--roles Viewer,Reader --service-name secrets-manager --service-instance INSTANCE'],
  },
};

const commandsOf = (unseen: readonly Unseen[], lab: Laboratory): Set<string> => {
  const prefix = `ibmcloud iam service-policy-create ${lab.keyrota.id} `;
  const { guid } = lab.cloud.account.secretsManager;
  const all = unseen.flatMap(({ next }) => next.split('\n')).filter((one) => one.startsWith(prefix));
  return new Set(all.map((one) => one.slice(prefix.length).replace(guid, 'INSTANCE')));
};

describe('what Keyrota may not see', () => {
  it.each(ALL_SIGHTS)('is said without %s, with the command that mends it, and all else is seen', async (missing) => {
    const roles = ALL_SIGHTS.filter((role) => role !== missing);
    const account = await InventoryAccount.open(AT_ONCE, roles);
    const { lab, manifest } = account;
    const { inventory } = await take(lab, manifest);
    const { said, roles: commands } = WITHOUT[missing];
    expect(
      saidOf(inventory.unseen)
        .filter((one) => one !== LOGGING)
        .toSorted(),
    ).toEqual(said.toSorted());
    expect([...commandsOf(inventory.unseen, lab)].toSorted()).toEqual(commands.toSorted());
    // The command names what lets it be seen.
    await allow(lab, [missing]);
    expect(saidOf((await take(lab, manifest)).inventory.unseen)).toEqual([LOGGING]);
  });

  it('is said all of it without any role beside those of rotation, and the keys of entries are seen', async () => {
    const { lab, manifest, iamId } = await InventoryAccount.open(AT_ONCE, []);
    const { inventory, keys, secrets } = await take(lab, manifest);
    expect(saidOf(inventory.unseen).toSorted()).toEqual(
      [
        'API keys of other service IDs: not_told',
        'API keys of users: forbidden',
        LOGGING,
        'keys of service IDs that are in groups: forbidden',
        'last use of API keys: forbidden',
        'names of service IDs: forbidden',
        'names of users: forbidden',
        'secrets of other groups: not_told',
        'service credentials of other instances: not_told',
        'settings of the account: forbidden',
        'who may create API keys of users where the account restricts that: not_told',
      ].toSorted(),
    );
    const current = keys.flatMap(({ kind, managed }) =>
      managed?.as === 'current' ? [`${kind} ${managed.entry}`] : [],
    );
    expect(current.toSorted()).toEqual([
      'classic-api-key classic',
      'logging-key ship',
      'service-credential store',
      'service-id-api-key ingest',
      'user-api-key login',
    ]);
    expect(keys.filter(({ kind }) => kind === 'user-api-key').map(({ owner }) => owner)).toEqual([iamId]);
    expect(secrets.map(({ groupId }) => groupId)).toEqual(secrets.map(() => lab.groupId));
    expect([...inventory.complete].toSorted()).toEqual(['classic-api-key', 'logging-key', 'user-api-key']);
    expect(inventory.facts).toMatchObject({
      restrictsUserKeys: null,
      restrictsServiceIds: null,
      mayCreateUserKeys: null,
    });
  });

  it('is said of the account’s keys of service IDs, and those of entries are seen, where no list of them is', async () => {
    const { lab, manifest } = await InventoryAccount.open(AT_ONCE, []);
    await lab.revoke(lab.keyrota.iamId, 'iam-identity');
    const resource = { resourceType: 'serviceid', resource: lab.serviceId.id };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', resource);
    const { inventory, keys } = await take(lab, manifest);
    expect(saidOf(inventory.unseen)).toContain('API keys of service IDs: forbidden');
    const seen = keys.filter(({ kind }) => kind === 'service-id-api-key');
    expect(seen).toMatchObject([{ id: lab.currentKeyId('ingest'), managed: { entry: 'ingest', as: 'current' } }]);
    expect(inventory.complete.has('service-id-api-key')).toBe(true);
    expect(inventory.facts.keysPerIdentity).toBe(20);
  });

  it('is said where a list shows only what one may see', async () => {
    const { lab, manifest } = await InventoryAccount.open({ ...AT_ONCE, partialAccountLists: 'filtered' }, []);
    await lab.revoke(lab.keyrota.iamId, 'iam-identity');
    const resource = { resourceType: 'serviceid', resource: lab.serviceId.id };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', resource);
    const { inventory } = await take(lab, manifest);
    expect(saidOf(inventory.unseen)).toContain('API keys of other service IDs: not_told');
    expect(inventory.complete.has('service-id-api-key')).toBe(false);
  });

  it('is said of an entry whose owner lets nobody look', async () => {
    const { lab, manifest } = await InventoryAccount.open(AT_ONCE);
    await lab.revoke(lab.keyrota.iamId, 'logdna');
    const { inventory } = await take(lab, manifest);
    const [hidden] = inventory.unseen.filter(({ code }) => code === 'forbidden');
    expect(hidden?.what).toBe(`keys of ${manifest.keys.find(({ name }) => name === 'ship')?.owner}`);
    expect(hidden?.next).toContain('--roles Operator,Manager --service-name logdna');
    expect(inventory.complete.has('logging-key')).toBe(false);
  });

  it('is said of service credentials that only their API keys tell of', async () => {
    const { lab, manifest } = await InventoryAccount.open(AT_ONCE, ['Administrator on iam-identity']);
    const { guid } = lab.cloud.account.logsRouter;
    await lab.admin.request('POST', '/v2/resource_keys', { name: 'hidden', source: guid, role: 'Writer' });
    await lab.pass(60_000);
    const { inventory } = await take(lab, manifest);
    const [hidden] = inventory.unseen.filter(({ what }) => what === 'service credentials');
    expect(hidden).toEqual({
      what: 'service credentials',
      code: 'forbidden',
      why: '1 of them, for logs-router, show by their API keys alone',
      next: `ibmcloud iam service-policy-create ${lab.keyrota.id} --roles Viewer --service-name logs-router`,
    });
  });

  it('is not said of a service credential that is gone, and whose API key is not', async () => {
    const { lab, manifest } = await InventoryAccount.open(AT_ONCE);
    const crn = `crn:v1:bluemix:public:logs:us-south:a/${lab.cloud.account.id}:guid:resource-key:gone`;
    const body = { name: 'left over', iam_id: lab.serviceId.iamId, description: `Auto-generated for key ${crn}` };
    await lab.admin.request('POST', '/v1/apikeys', { ...body, account_id: lab.cloud.account.id });
    expect(saidOf((await take(lab, manifest)).inventory.unseen)).toEqual([LOGGING]);
  });
});

describe('the command that mends it', () => {
  it('is for the trusted profile that Keyrota runs on', async () => {
    const lab = await Laboratory.open(AT_ONCE);
    const profile = await trustedProfile(lab);
    const { writeFile, mkdtemp, rm } = await import('node:fs/promises');
    const folder = await mkdtemp('/tmp/keyrota-inventory-');
    const file = `${folder}/token`;
    await writeFile(file, profile.newToken());
    const settings = {
      KEYROTA_LOGIN: 'trusted-profile',
      KEYROTA_PROFILE_ID: profile.id,
      KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE: file,
    };
    const { inventory } = await take(lab, lab.manifest(), lab.context(lab.manifest(), settings));
    await rm(folder, { recursive: true });
    const [users] = inventory.unseen.filter(({ what }) => what === 'API keys of users');
    const command = `ibmcloud iam trusted-profile-policy-create ${profile.id}`;
    expect(users?.next).toBe(`${command} --roles Administrator --service-name iam-identity`);
  });
});

describe('the roles that let all be seen', () => {
  it('are enough by single ones on IAM Identity, but for keys of users', async () => {
    const { lab, manifest } = await InventoryAccount.open(
      AT_ONCE,
      ALL_SIGHTS.filter((role) => role !== 'Administrator on iam-identity'),
    );
    const { iamId } = lab.keyrota;
    for (const role of ['Editor', 'ConfigReader'].map((name) => `crn:v1:bluemix:public:iam::::role:${name}`))
      await lab.admin.grant(iamId, role, 'iam-identity');
    expect(saidOf((await take(lab, manifest)).inventory.unseen)).toEqual(['API keys of users: forbidden', LOGGING]);
  });

  it('tell who may create user API keys where that is restricted', async () => {
    const { lab, manifest, iamId } = await InventoryAccount.open(AT_ONCE);
    await lab.changeSettings({ restrict_create_platform_apikey: 'RESTRICTED' });
    const { facts } = (await take(lab, manifest)).inventory;
    expect([facts.restrictsUserKeys, facts.mayCreateUserKeys?.(iamId)]).toEqual(['RESTRICTED', false]);
    const creator = 'crn:v1:bluemix:public:iam-identity::::serviceRole:UserApiKeyCreator';
    await lab.admin.grant(iamId, creator, 'iam-identity');
    expect((await take(lab, manifest)).inventory.facts.mayCreateUserKeys?.(iamId)).toBe(true);
  });
});
