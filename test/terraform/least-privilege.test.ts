import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FUNCTION_NAMES, rolesIn } from './support/deployed.ts';
import type { FunctionName } from './support/deployed.ts';
import { functionsOf, peopleOf, workAsPeople } from './support/people.ts';
import { pageWith } from './support/permission-tables.ts';
import { UsedRights } from './support/used-rights.ts';
import { WholeAccount } from './support/whole-account.ts';

type Scene = (account: WholeAccount) => Promise<string[]>;

/** What each function does that takes rights, once there are keys. */
const SCENES: Record<FunctionName, Scene> = {
  // The first check makes the ledger, on which a run notes itself from then on.
  'rotate-keys': async (account) => {
    const told = [...(await account.tick()), ...(await account.check()), ...(await account.live(2))];
    return [...told, `noted: ${account.hasNote}`];
  },
  'respond-to-compromise': async (account) => {
    const told = [await account.report('cloud-logs-ingest', 'name')];
    for (const name of account.names) told.push(await account.report(name));
    return told;
  },
  'check-expiry': (account) => account.check(),
  'show-report': (account) => account.show(),
  'handle-secret-event': async () => [],
};

/** Calls that are refused by design, because what would allow them allows too much; `infra/terraform/README.md` tells of each. */
const REFUSED: Record<FunctionName, string[]> = {
  // Keys of users are listed by each user's own login.
  'rotate-keys': ['GET /v1/apikeys of type user', 'POST /v1/apikeys/*/disable'],
  // A leaked key of a user is handed over to rotate-keys, which logs in as the user.
  'respond-to-compromise': ['GET /v1/apikeys of type user', 'GET /v1/apikeys/*'],
  'check-expiry': [
    'GET /api/v2/secrets/*/versions/*',
    'GET /v1/accounts/*/settings/identity',
    'GET /v1/apikeys of type user',
    'POST /v2/resource_keys',
  ],
  'show-report': ['GET /api/v2/secrets/*/versions/*', 'GET /v1/apikeys of type user'],
  'handle-secret-event': [],
};

/** What a function did, and which of its calls were refused. */
async function verdict(name: FunctionName, options: Parameters<typeof WholeAccount.open>[0] = {}): Promise<string[]> {
  using account = await WholeAccount.open(options);
  if (name !== 'rotate-keys') await account.live(2);
  if (name === 'show-report') await account.check();
  const from = account.lab.cloud.calls.total + 1;
  const told = await SCENES[name](account);
  return [...told, ...account.deployed.refusalsFrom(from, name)];
}

/** Every role that a function has, by policy. */
async function rolesOf(name: FunctionName): Promise<{ key: string; role: string }[]> {
  using account = await WholeAccount.open();
  const own = account.deployed.policies.filter(({ key }) => key?.startsWith(`${name}/`));
  return own.flatMap((policy) => rolesIn(policy).map((role) => ({ key: policy.key ?? '', role })));
}

const PAGE = 'docs/permissions.md';

describe('what the module lets the functions do', () => {
  it('is enough for the whole life of a key of each kind, for leaks, the check and the report; the page of the permissions tells it', async () => {
    using account = await WholeAccount.open();
    const { calls } = account.lab.cloud;
    const functions = functionsOf(account);
    const people = await peopleOf(account);
    using used = new UsedRights(account.lab, [...functions, ...people.map(({ actor }) => actor)]);
    const told = await account.live(60);
    expect(told.filter((line) => / (ask|failed|left)\b/.test(line))).toEqual([]);
    for (const step of ['mint', 'disable', 'delete', 'release']) expect(told.join('\n')).toContain(` ${step} `);
    expect(account.deployed.refusalsFrom(1, 'rotate-keys')).toEqual(REFUSED['rotate-keys']);
    for (const name of FUNCTION_NAMES.filter((one) => one !== 'rotate-keys')) {
      const from = calls.total + 1;
      expect((await SCENES[name](account)).join('\n')).not.toMatch(/: (4|5)\d\d undefined|status [45]/);
      expect([name, account.deployed.refusalsFrom(from, name)]).toEqual([name, REFUSED[name]]);
      await account.live(6);
    }
    const rested = (await account.tick()).filter((line) => / (ask|failed|left)\b/.test(line));
    expect(rested).toEqual([]);
    await workAsPeople(account, people, used);
    await expect(pageWith(readFileSync(PAGE, 'utf8'), functions, people, used)).toMatchFileSnapshot(`../../${PAGE}`);
  });

  it.each(FUNCTION_NAMES)('has no role of %s that it could do without', async (name) => {
    const whole = await verdict(name);
    const superfluous: string[] = [];
    for (const { key, role } of await rolesOf(name)) {
      const without = (one: string, roles: readonly string[]) =>
        one === key ? roles.filter((left) => left !== role) : roles;
      const told = await verdict(name, { rolesOf: without });
      if (JSON.stringify(told) === JSON.stringify(whole)) superfluous.push(`${key}: ${role}`);
    }
    expect(superfluous).toEqual([]);
  });

  it('contains keys of users, and those behind credentials, only where the inputs ask for it', async () => {
    const outcomes = async (inputs: Record<string, unknown>) => {
      using account = await WholeAccount.open({ inputs });
      await account.live(2);
      const from = account.lab.cloud.calls.total + 1;
      const told = [
        await account.report('functional-id-login'),
        await account.report('cloud-logs-credential', 'value'),
      ];
      const refused = account.deployed.refusalsFrom(from, 'respond-to-compromise');
      return { told: told.map((one) => one.split(' ')[4]), refused };
    };
    const refused = ['GET /v1/apikeys/*', 'POST /v1/apikeys/*/disable'];
    expect(await outcomes({})).toEqual({ told: ['handed-over', 'handed-over'], refused });
    const wide = { contain_user_keys: true, disable_credential_keys: true };
    expect(await outcomes(wide)).toEqual({ told: ['contained', 'contained'], refused: [] });
  });

  it('disables the key behind an old credential only where the input asks for it', async () => {
    using account = await WholeAccount.open({ inputs: { disable_credential_keys: true } });
    await account.live(50);
    expect(account.deployed.refusalsFrom(1, 'rotate-keys')).toEqual(['GET /v1/apikeys of type user']);
  });

  it('shows all of the account to the check where the inputs let it', async () => {
    const inputs = {
      read_user_logins: true,
      check_identity_roles: ['Administrator', 'Service Configuration Reader'],
    };
    using account = await WholeAccount.open({ inputs });
    await account.live(2);
    const from = account.lab.cloud.calls.total + 1;
    await account.check();
    await account.show();
    // The keys of Log Analysis show to who may make some.
    expect(account.deployed.refusalsFrom(from, 'check-expiry')).toEqual(['POST /v2/resource_keys']);
    expect(account.deployed.refusalsFrom(from, 'show-report')).toEqual(['GET /v1/apikeys of type user']);
  });
});
