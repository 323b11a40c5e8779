import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { CHECK_IDS } from '../../infra/operator/doctor/catalogue.ts';
import { doctorExitCode } from '../../infra/operator/doctor/doctor.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import { diagnosed, findingOf, unwell } from '../support/doctor.ts';
import type { Visit } from '../support/doctor.ts';
import { Laboratory } from '../support/laboratory.ts';
import { replay } from '../support/replay.ts';
import { onlyKey } from '../support/rotated.ts';

const saying = (words: string): string => expect.stringContaining(words) as string;

/** What `export NAME=VALUE …` sets. */
const exported = (step: string): Record<string, string> =>
  Object.fromEntries([...step.matchAll(/(KEYROTA_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]));

const stepIn = (next: readonly string[], beginning: string): string => {
  const found = next.find((step) => step.includes(beginning));
  if (found === undefined) throw new Error(`no step has ${beginning}: ${next.join('; ')}`);
  return found.slice(found.indexOf(beginning));
};

/** A deployment of no function. */
const NOTHING = { urls: {}, profileIds: {}, names: {}, secretsManagerCrn: null, projectCrn: null };

/** Time that is not the account's. */
const shifted = (lab: Laboratory, byMs: number): Visit => ({
  changes: { clock: { ...lab.portClock, nowMs: () => lab.clock.nowMs() + byMs } },
});

/** Policies show to who has a platform role on their service. */
async function seeing(): Promise<Laboratory> {
  const lab = await Laboratory.open();
  for (const service of ['iam-identity', 'secrets-manager'])
    await lab.admin.grant(lab.keyrota.iamId, ROLE.viewer, service);
  return lab;
}

describe('the doctor before a deployment', () => {
  it('finds nothing to mend where all is in place, and changes nothing', async () => {
    const lab = await seeing();
    const from = lab.cloud.calls.total + 1;
    const findings = await diagnosed(lab);
    expect([unwell(findings), doctorExitCode(findings)]).toEqual([[], 0]);
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set(CHECK_IDS.filter((check) => !['links', 'functions', 'lock'].includes(check))),
    );
    expect(findingOf(findings, 'roles').seen).toBe('has 4 roles that it needs');
    expect(findingOf(findings, 'entries').seen).toBe('1 entry could have a new key');
    const calls = lab.cloud.calls.list(from).map(({ method, path }) => `${method} ${path}`);
    expect(calls.filter((call) => !call.startsWith('GET ') && call !== 'POST /identity/token')).toEqual([]);
  });

  it('has nothing secret in what it finds, whatever fails', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    await lab.tick(manifest);
    const values = lab.state.iam.apiKeys.flatMap(({ value }) => (value === undefined ? [] : [value]));
    expect(values.length).toBeGreaterThan(1);
    const apiKey = 'made-up-key-0123456789-0123456789';
    const told = [await diagnosed(lab), await diagnosed(lab, { settings: { KEYROTA_API_KEY: apiKey } })];
    const text = JSON.stringify(told) + lab.logLines.join('\n');
    for (const value of [...values, apiKey]) expect(text).not.toContain(value);
  });
});

describe('an address', () => {
  const GUID = '11111111-2222-4333-8444-555555555555';
  const PUBLIC = `${GUID}.eu-de.secrets-manager.appdomain.cloud`;
  const PRIVATE = `${GUID}.private.eu-de.secrets-manager.appdomain.cloud`;

  it.each([
    ['IAM', 'KEYROTA_IAM_URL', 'private.iam.cloud.ibm.com', 'https://iam.cloud.ibm.com'],
    ['Secrets Manager', 'KEYROTA_SECRETS_MANAGER_URL', PRIVATE, `https://${PUBLIC}`],
    ['Secrets Manager', 'KEYROTA_SECRETS_MANAGER_URL', PUBLIC, `https://${PRIVATE}`],
    [
      'resource controller',
      'KEYROTA_RESOURCE_CONTROLLER_URL',
      'private.us-south.resource-controller.cloud.ibm.com',
      'https://us-south.resource-controller.cloud.ibm.com',
    ],
  ])(
    'of %s in %s that does not answer from here is named, with the other network: %s',
    async (api, variable, host, other) => {
      const lab = await Laboratory.open();
      const findings = await diagnosed(lab, { settings: { [variable]: `https://${host}` }, goneHosts: [host] });
      const { result, seen, next } = findingOf(findings, 'addresses', api);
      expect([result, seen]).toEqual(['failed', saying(`${host} (`)]);
      expect(seen).toMatch(/does not answer: .*ENOTFOUND$/);
      expect(exported(stepIn(next, 'export '))).toEqual({ [variable]: other });
      expect(doctorExitCode(findings)).toBe(1);
    },
  );

  it('of classic infrastructure is asked only where an entry has classic keys', async () => {
    const lab = await Laboratory.open();
    const about = (await diagnosed(lab)).filter(({ check }) => check === 'addresses').map(({ subject }) => subject);
    expect(about).toEqual(['IAM', 'Secrets Manager', 'resource controller', 'user management']);
  });

  it('whose service is down says so, and the others are looked at', async () => {
    const lab = await Laboratory.open();
    lab.fault({ match: 'GET /api/v2/secret_groups', status: 503, times: 1 });
    const findings = await diagnosed(lab);
    expect(unwell(findings)).toEqual(['addresses Secrets Manager: warning']);
  });
});

describe('a login', () => {
  it('that is refused keeps all from being looked at that needs one, and says how to log in', async () => {
    const lab = await Laboratory.open();
    const findings = await diagnosed(lab, { settings: { KEYROTA_API_KEY: 'made-up-key-0123456789-0123456789' } });
    const { result, seen, next } = findingOf(findings, 'login');
    expect([result, seen]).toEqual(['failed', saying('BXNIM0415E')]);
    expect(next.join('\n')).toContain('export KEYROTA_LOGIN=api-key KEYROTA_API_KEY=');
    const others = findings.filter(({ check }) => check !== 'login' && check !== 'addresses');
    expect(new Set(others.map((one) => `${one.result}: ${one.seen}`))).toEqual(
      new Set(['not looked at: it takes a login']),
    );
    expect(others.length).toBeGreaterThan(8);
  });

  it('as a trusted profile takes the token of Code Engine', async () => {
    const lab = await Laboratory.open();
    const settings = { KEYROTA_LOGIN: 'trusted-profile', KEYROTA_PROFILE_NAME: 'keyrota' };
    const { result, next } = findingOf(await diagnosed(lab, { settings }), 'login');
    expect([result, next.join('\n')]).toEqual(['failed', saying('KEYROTA_LOGIN=api-key')]);
  });

  it('by a key that ends within 14 days is a warning', async () => {
    const lab = await Laboratory.open();
    const made = async (daysLeft: number) => {
      const body = {
        name: `ends-in-${daysLeft}`,
        iam_id: lab.keyrota.iamId,
        account_id: lab.cloud.account.id,
        expires_at: new Date(lab.clock.nowMs() + daysLeft * DAY_MS + HOUR_MS)
          .toISOString()
          .replace(/\.\d+Z/, '+0000')
          .replace(/:\d\d\+/, '+'),
      };
      const created = await lab.admin.request('POST', '/v1/apikeys', body);
      await lab.pass(10_000);
      return findingOf(await diagnosed(lab, { settings: { KEYROTA_API_KEY: String(created['apikey']) } }), 'login');
    };
    expect(await made(13)).toMatchObject({ result: 'warning', seen: saying('ends in 13 days') });
    expect(await made(15)).toMatchObject({ result: 'ok', seen: saying('ends in 15 days') });
  });

  it('for another account than the settings name is told, with the right id', async () => {
    const lab = await Laboratory.open();
    const settings = { KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef' };
    const { result, next } = findingOf(await diagnosed(lab, { settings }), 'account');
    expect(result).toBe('failed');
    const mended = exported(stepIn(next, 'export '));
    expect(unwell(await diagnosed(lab, { settings: { ...settings, ...mended } }))).toEqual([]);
  });
});

describe('a clock', () => {
  it.each([
    [5, 'ok', 'agree'],
    [30, 'warning', ' s ahead of'],
    [-30, 'warning', ' s behind'],
    [90, 'failed', ' s ahead of'],
    [-90, 'failed', ' s behind'],
  ])('that is %i s ahead: %s', async (seconds, result, words) => {
    const lab = await Laboratory.open();
    const finding = findingOf(await diagnosed(lab, shifted(lab, seconds * 1_000)), 'clock');
    expect(finding).toMatchObject({ result, seen: saying(words) });
    expect(finding.next.join('\n').includes('timedatectl')).toBe(result !== 'ok');
  });
});

describe('the instance', () => {
  it('that the address names is looked at, and missed where there is none', async () => {
    const lab = await Laboratory.open();
    await lab.admin.grant(lab.keyrota.iamId, ROLE.viewer, 'secrets-manager');
    const at = async (guid: string) => {
      const url = `https://${guid}.us-south.secrets-manager.appdomain.cloud`;
      return findingOf(await diagnosed(lab, { settings: { KEYROTA_SECRETS_MANAGER_URL: url } }), 'instance');
    };
    const { guid } = lab.cloud.account.secretsManager;
    expect((await at(guid)).result).toBe('ok');
    const missing = await at('11111111-2222-4333-8444-555555555555');
    expect(missing.result).toBe('failed');
    expect(missing.next.join('\n')).toContain('export KEYROTA_SECRETS_MANAGER_URL=');
  });

  it('that is not the one of the deployment is told, with the right address', async () => {
    const lab = await Laboratory.open();
    const { crn, guid } = lab.cloud.account.secretsManager;
    const other = '11111111-2222-4333-8444-555555555555';
    const settings = { KEYROTA_SECRETS_MANAGER_URL: `https://${other}.us-south.secrets-manager.appdomain.cloud` };
    const deployed = { ...NOTHING, secretsManagerCrn: crn };
    const { result, next } = findingOf(await diagnosed(lab, { settings, deployed }), 'instance');
    expect([result, exported(stepIn(next, 'export '))]).toEqual([
      'failed',
      { KEYROTA_SECRETS_MANAGER_URL: `https://${guid}.us-south.secrets-manager.appdomain.cloud` },
    ]);
  });

  it('that the login may not see is not looked at, and the role is named', async () => {
    const lab = await Laboratory.open();
    const { guid } = lab.cloud.account.secretsManager;
    const settings = { KEYROTA_SECRETS_MANAGER_URL: `https://${guid}.us-south.secrets-manager.appdomain.cloud` };
    const hidden = findingOf(await diagnosed(lab, { settings }), 'instance');
    expect(hidden.result).toBe('not looked at');
    await replay(lab, stepIn(hidden.next, 'ibmcloud iam'));
    expect(findingOf(await diagnosed(lab, { settings }), 'instance').result).toBe('ok');
  });
});

describe('a secret group', () => {
  it('that the login may not see, or that is not there, is missed, with the role that shows it', async () => {
    const lab = await Laboratory.open();
    const groupId = await lab.admin.createSecretGroup('another');
    const manifest = { ...lab.manifest(), ledger: { name: 'ledger', groupId } };
    const missed = findingOf(await diagnosed(lab, { manifest }), 'groups');
    expect(missed).toMatchObject({
      result: 'failed',
      subject: groupId,
      seen: saying('of the ledger'),
    });
    await replay(lab, stepIn(missed.next, 'ibmcloud iam'));
    expect(findingOf(await diagnosed(lab, { manifest }), 'groups').result).toBe('ok');
  });
});

describe('the ledger', () => {
  it('whose name a secret of somebody else has is a failure, and is left alone', async () => {
    const lab = await Laboratory.open();
    const body = { secret_type: 'kv', name: 'keyrota-ledger-lab', secret_group_id: lab.groupId, data: { a: 'b' } };
    await lab.admin.request('POST', '/api/v2/secrets', body);
    const taken = findingOf(await diagnosed(lab), 'ledger');
    expect(taken).toMatchObject({ result: 'failed', seen: saying('is no ledger of Keyrota') });
    expect(taken.next.join('\n')).toContain('ledger.name');
  });
});

describe('an entry', () => {
  it('whose identity lost a grant is told, with the command that gives it back', async () => {
    const lab = await Laboratory.open();
    await lab.revoke(lab.serviceId.iamId, 'logs');
    const lost = findingOf(await diagnosed(lab), 'entries');
    expect(lost).toMatchObject({ result: 'failed', subject: 'ingest' });
    await replay(lab, stepIn(lost.next, 'ibmcloud iam'));
    expect(unwell(await diagnosed(lab))).toEqual([]);
  });

  it('is told by its name where the others are well', async () => {
    const lab = await Laboratory.open();
    const [key] = lab.manifest().keys;
    if (key?.kind !== 'service-id-api-key') throw new Error('it is of another kind');
    const fresh = { ...key, name: 'fresh', owner: '', serviceId: '', secret: { ...key.secret, name: 'fresh' } };
    const gone = {
      ...key,
      name: 'gone',
      owner: 'ServiceId-gone',
      serviceId: 'ServiceId-gone',
      secret: { ...key.secret, name: 'gone' },
    };
    const findings = await diagnosed(lab, { manifest: { ...lab.manifest(), keys: [key, fresh, gone] } });
    const told = findings.filter(({ check }) => check === 'entries');
    expect(told.map(({ subject, result }) => `${subject} ${result}`)).toEqual(['fresh failed', 'gone failed', ' ok']);
    expect(told.map(({ seen }) => seen)).toEqual([
      saying('does not name the identity'),
      saying('does not exist'),
      '1 entry could have a new key',
    ]);
    expect(told[0]?.next).toContain('keyrota provision fresh');
  });

  it('that the login may not look at is told with the roles of the login, and after a deployment is no failure', async () => {
    const lab = await Laboratory.open();
    await lab.revoke(lab.keyrota.iamId, 'iam-identity');
    const before = findingOf(await diagnosed(lab), 'entries');
    expect(before.result).toBe('failed');
    expect(before.next).toContain(
      `ibmcloud iam service-policy-create ${lab.keyrota.id} --roles Operator --service-name iam-identity --resource-type serviceid --resource ${lab.serviceId.id}`,
    );
    const deployed = NOTHING;
    expect(findingOf(await diagnosed(lab, { deployed }), 'entries').result).toBe('not looked at');
  });

  it('of a service credential whose instance is gone is told', async () => {
    const { lab } = await CredentialLaboratory.open('cloudantnosqldb', WRITER);
    const manifest = lab.manifest({
      kind: 'service-credential',
      serviceId: undefined,
      grants: undefined,
      instance: '11111111-2222-4333-8444-555555555555',
      role: 'Writer',
      secret: { group: lab.groupId, type: 'kv' },
    });
    expect(findingOf(await diagnosed(lab, { manifest }), 'entries')).toMatchObject({
      result: 'failed',
      subject: 'ingest',
    });
  });
});

describe('a quota', () => {
  it.each([
    [17, 'ok'],
    [19, 'warning'],
    [20, 'failed'],
  ])('of 20 keys of which there are %i: %s', async (count, result) => {
    const lab = await Laboratory.open();
    for (let made = 0; made < count; made += 1) await lab.makeKeyByHand();
    const finding = findingOf(await diagnosed(lab), 'quotas');
    expect(finding.result).toBe(result);
    const toDelete = `ibmcloud iam service-api-key-delete KEY_ID ${lab.serviceId.id}`;
    expect(finding.next.join('\n').includes(toDelete)).toBe(result !== 'ok');
  });
});

describe('the roles of the login', () => {
  it('are those that rotate-keys needs, and each that is missing is given by its command', async () => {
    const lab = await seeing();
    const { policies } = await lab.admin.request(
      'GET',
      `/v1/policies?account_id=${lab.cloud.account.id}&iam_id=${lab.keyrota.iamId}`,
    );
    const isSight = (roles: string) => roles.includes('Viewer') && !roles.includes('logs');
    for (const policy of policies as { id: string }[])
      if (!isSight(JSON.stringify(policy))) await lab.admin.request('DELETE', `/v1/policies/${policy.id}`);
    const missing = (await diagnosed(lab)).filter(({ check }) => check === 'roles');
    expect(
      missing.map(({ result, seen }) => `${result}: ${seen.replaceAll(/[\w-]*[0-9a-f]{8}-[\w-]+/g, '*')}`),
    ).toEqual([
      'failed: no policy that shows gives Writer on secrets-manager, secret-group *, to store versions, marks and locks',
      'failed: no policy that shows gives Operator on iam-identity, serviceid *, to make, disable and delete keys',
      'failed: no policy that shows gives API key reviewer on iam-identity, to list keys',
      'not looked at: this login may not see whether there is Viewer on logs, to see what identities may do there',
    ]);
    for (const { next } of missing) await replay(lab, stepIn(next, 'ibmcloud iam'));
    expect(unwell(await diagnosed(lab))).toEqual([]);
  });

  it('do not count as missing where policies do not show to it, and what shows them is named', async () => {
    const lab = await Laboratory.open();
    const hidden = (await diagnosed(lab)).filter(({ check }) => check === 'roles');
    expect(hidden.map(({ result }) => result)).toEqual(['not looked at', 'not looked at']);
    for (const { next } of hidden) await replay(lab, stepIn(next, 'ibmcloud iam'));
    expect(findingOf(await diagnosed(lab), 'roles').result).toBe('ok');
  });

  it('of a user are not looked at: they may come by way of access groups', async () => {
    const lab = await Laboratory.open();
    const findings = await diagnosed(lab, { settings: { KEYROTA_API_KEY: lab.cloud.iam.adminApiKey } });
    expect([unwell(findings), findingOf(findings, 'roles').result]).toEqual([[], 'not looked at']);
  });
});

describe('whatever happens', () => {
  it('comes to its end: what does not answer is told, and the others are looked at', async () => {
    const lab = await seeing();
    lab.fault({ match: 'GET /v1/apikeys', delayMs: HOUR_MS, times: 100 });
    const beganMs = lab.clock.nowMs();
    const findings = await diagnosed(lab);
    expect(lab.clock.nowMs() - beganMs).toBeLessThan(10 * MINUTE_MS);
    expect(findingOf(findings, 'entries').result).not.toBe('ok');
    expect(findingOf(findings, 'groups').result).toBe('ok');
    expect(findingOf(findings, 'roles').result).toBe('ok');
  });

  it('ends at Ctrl-C', async () => {
    const lab = await Laboratory.open();
    const interrupted = new AbortController();
    lab.fault({ match: 'GET /api/v2/secret_groups', delayMs: HOUR_MS, times: 1 });
    const looking = diagnosed(lab, { changes: { signal: interrupted.signal } });
    await lab.pass(5_000);
    interrupted.abort(new Error('interrupted'));
    await expect(looking).rejects.toThrow('interrupted');
  });
});

describe('very many entries', () => {
  it('are looked at as far as there is time, and the rest is told', async () => {
    const lab = await Laboratory.open();
    const manifest = lab.manifest();
    const key = onlyKey(manifest);
    const keys = Array.from({ length: 300 }, (_, index) => ({ ...key, name: `entry-${index}` }));
    lab.fault({ match: 'GET /v1/apikeys', delayMs: 9_000, times: 1_000 });
    const findings = await diagnosed(lab, { manifest: { ...manifest, keys } });
    const told = findings.filter(({ check }) => check === 'entries').map(({ result, seen }) => `${result}: ${seen}`);
    expect(told.map((text) => text.replaceAll(/\d+/g, 'N'))).toEqual([
      'ok: N entries could have a new key',
      'not looked at: there was no time for N entries',
    ]);
    const counts = told.flatMap((text) => /\d+/.exec(text) ?? []).map(Number);
    expect(counts.reduce((sum, count) => sum + count)).toBe(300);
  });
});
