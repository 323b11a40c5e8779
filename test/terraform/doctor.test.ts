import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckFinding } from '../../infra/operator/doctor/run.ts';
import { doctorExitCode } from '../../infra/operator/doctor/doctor.ts';
import { doctorText } from '../../infra/operator/doctor/text.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { findingOf, unwell } from '../support/doctor.ts';
import { replay } from '../support/replay.ts';
import { rolesIn } from './support/deployed.ts';
import { examined, outputsOf } from './support/examined.ts';
import { WholeAccount } from './support/whole-account.ts';

const saying = (words: string): string => expect.stringContaining(words) as string;

/** Events of Secrets Manager are not switched on there. */
const WELL = ['functions handle-secret-event: warning'];

const commandIn = ({ next }: CheckFinding): string => {
  const found = next.find((step) => step.startsWith('ibmcloud iam '));
  if (found === undefined) throw new Error(`there is no command in ${next.join('; ')}`);
  return found;
};

describe('the doctor after a deployment by the module', () => {
  let account: WholeAccount;
  beforeAll(async () => {
    account = await WholeAccount.open();
    await account.live(1);
    await account.check();
    await account.live(1);
  });
  afterAll(() => account[Symbol.dispose]());

  it('finds nothing to mend, and writes nothing', async () => {
    const from = account.lab.cloud.calls.total + 1;
    const findings = await examined(account);
    expect(unwell(findings)).toEqual(WELL);
    expect(doctorExitCode(findings)).toBe(0);
    const writes = account.lab.cloud.calls
      .list(from)
      .filter(({ method, path }) => method !== 'GET' && path !== '/identity/token');
    expect(writes).toEqual([]);
  });

  it('names each role that a function lost, and the command gives it back', async () => {
    const { deployed, lab } = account;
    const wrong: unknown[] = [];
    for (const policy of deployed.policies) {
      const { key } = policy;
      const [found] = await policiesLike(account, policy.values['description']);
      await lab.admin.request('DELETE', `/v1/policies/${found?.id}`);
      const broken = (await examined(account)).filter(({ result }) => result === 'failed');
      const [name] = (key ?? '').split('/');
      const roles = broken.filter(({ check, subject }) => check === 'roles' && subject === name);
      if (roles.length !== broken.length || roles.length !== rolesIn(policy).length) wrong.push([key, broken]);
      for (const one of roles) await replay(lab, commandIn(one));
      const mended = unwell(await examined(account));
      if (mended.join() !== WELL.join()) wrong.push([key, mended]);
    }
    expect(wrong).toEqual([]);
  });

  it('says of roles with terms of their own that they may do, and of a custom role too', async () => {
    const { lab } = account;
    const { id: profileId } =
      account.deployed.plan.of('ibm_iam_trusted_profile').find(({ key }) => key === 'check-expiry')?.values ?? {};
    const query = `account_id=${lab.cloud.account.id}&iam_id=iam-${String(profileId)}`;
    const { policies } = await lab.admin.request('GET', `/v1/policies?${query}`);
    const own = (policies as { id: string; subjects: object[]; roles: object[] }[]).find((one) =>
      JSON.stringify(one).includes('user-management'),
    );
    const resources = [
      {
        attributes: [
          { name: 'accountId', value: lab.cloud.account.id },
          { name: 'serviceName', value: 'user-management' },
          { name: 'region', value: 'eu-de' },
        ],
      },
    ];
    await lab.admin.request('DELETE', `/v1/policies/${own?.id}`);
    const { id } = await lab.admin.request('POST', '/v1/policies', {
      type: 'access',
      subjects: own?.subjects,
      roles: own?.roles,
      resources,
    });
    const found = findingOf(await examined(account), 'roles', 'check-expiry');
    expect(found).toMatchObject({
      result: 'warning',
      seen: saying('may give Viewer on user-management'),
    });
    await lab.admin.request('DELETE', `/v1/policies/${String(id)}`);
    await replay(lab, found.next[0]?.replace('Where it does not: ', '') ?? '');
    expect(unwell(await examined(account))).toEqual(WELL);
  });

  it('names a function that may not log in as its profile, and the command that lets it', async () => {
    const { lab } = account;
    const { profileIds } = outputsOf(account);
    const id = profileIds['check-expiry'];
    const { links } = await lab.admin.request('GET', `/v1/profiles/${id}/links`);
    for (const link of links as { id: string }[])
      await lab.admin.request('DELETE', `/v1/profiles/${id}/links/${link.id}`);
    const broken = findingOf(await examined(account), 'links', 'check-expiry');
    expect(broken).toMatchObject({ result: 'failed', seen: saying('has no link to it') });
    await replay(lab, broken.next.find((step) => step.startsWith('ibmcloud')) ?? '');
    expect(unwell(await examined(account))).toEqual(WELL);
  });

  it('names a profile that is gone', async () => {
    const deployed = outputsOf(account);
    const profileIds = { ...deployed.profileIds, 'show-report': 'Profile-11111111-2222-4333-8444-555555555555' };
    const findings = await examined(account, { deployed: { ...deployed, profileIds } });
    expect(unwell(findings)).toEqual(['roles show-report: failed', 'links show-report: failed', ...WELL]);
  });

  it.each([
    [
      'its code is not there',
      { status: 503, code: 'not_deployed' },
      'failed',
      'npm run push-bundles -- --project keyrota-lab',
    ],
    ['its settings are wrong', { status: 500, code: 'settings_invalid' }, 'failed', 'which names the settings'],
    ['it takes whatever comes', { status: 202, code: null }, 'failed', 'Take it off the internet at once'],
    ['nothing proves a caller', { status: 503, code: 'sender_not_configured' }, 'warning', 'KEYROTA_INCIDENT_SECRET'],
    ['it is somewhere else', { status: 404, code: null }, 'failed', 'response_failed'],
  ])('tells of respond-to-compromise that %s', async (_, answer, result, step) => {
    const findings = await examined(account, { ask: () => Promise.resolve(answer) });
    const found = findingOf(findings, 'functions', 'respond-to-compromise');
    expect([found.result, found.next.join('\n')]).toEqual([result, saying(step)]);
  });

  it('tells of a function that does not answer, and of one that answers to the internet without need', async () => {
    const deployed = outputsOf(account);
    const urls = { ...deployed.urls, 'rotate-keys': 'https://rotate-keys.sub.eu-de.codeengine.appdomain.cloud' };
    const asked: string[] = [];
    const findings = await examined(account, {
      deployed: { ...deployed, urls },
      ask: (url) => {
        asked.push(new URL(url).hostname.split('.')[0] ?? '');
        return Promise.reject(new Error('getaddrinfo ENOTFOUND'));
      },
    });
    expect(unwell(findings)).toEqual([
      'functions rotate-keys: warning',
      'functions respond-to-compromise: failed',
      'functions handle-secret-event: failed',
      'functions show-report: failed',
    ]);
    expect(asked.toSorted()).toEqual(['handle-secret-event', 'respond-to-compromise', 'show-report']);
  });

  it('says in its table and below it what is wrong, and what to do', async () => {
    const deployed = outputsOf(account);
    const profileIds = { ...deployed.profileIds, 'show-report': 'Profile-11111111-2222-4333-8444-555555555555' };
    const text = doctorText(await examined(account, { deployed: { ...deployed, profileIds } }));
    expect(text).toMatch(/│ roles +│ 4 of 5 +│ .*ok.* │ rotate-keys, respond-to-compromise/);
    expect(text).toContain('roles show-report, failed:\n  terraform apply');
    expect(text).toMatch(/\n\d+ ok, 1 warning, 2 failed, \d+ not looked at$/);
  });

  it('tells when the timers stop', async () => {
    const { lab } = account;
    const on = async (check: string) => findingOf(await examined(account), check).result;
    expect([await on('runs'), await on('checks')]).toEqual(['ok', 'ok']);
    await lab.pass(6 * HOUR_MS);
    expect([await on('runs'), await on('checks')]).toEqual(['failed', 'ok']);
    const late = findingOf(await examined(account), 'runs');
    expect(late.next.join('\n')).toContain('ibmcloud ce sub cron list');
    await lab.pass(3 * DAY_MS);
    expect(await on('checks')).toBe('failed');
    await account.check();
    await account.tick();
    expect([await on('runs'), await on('checks')]).toEqual(['ok', 'ok']);
  });
});

describe('the doctor right after a deployment', () => {
  it('says that nothing has run yet, and that this is no failure', async () => {
    using account = await WholeAccount.open();
    const findings = await examined(account);
    expect(unwell(findings)).toEqual([...WELL, 'runs : warning', 'checks : warning']);
    expect(doctorExitCode(findings)).toBe(0);
  });
});

async function policiesLike({ lab }: WholeAccount, description: unknown) {
  const { policies } = await lab.admin.request('GET', `/v1/policies?account_id=${lab.cloud.account.id}`);
  return (policies as { id: string; description?: string; subjects: object[]; roles: object[] }[]).filter(
    (one) => one.description === description,
  );
}
