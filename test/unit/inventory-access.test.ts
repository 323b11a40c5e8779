import { describe, expect, it } from 'vitest';
import { OwnAccess, toGrant } from '../../shared/inventory/own-access.ts';
import { Sight } from '../../shared/inventory/sight.ts';
import { PersonNeeded } from '../../shared/keys/kind.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';

const policy = (role: string, attributes: Record<string, string>, operator = 'stringEquals') => ({
  state: 'active',
  roles: [{ role_id: `crn:v1:bluemix:public:iam::::role:${role}` }],
  resources: [
    {
      attributes: Object.entries({ accountId: 'an account', ...attributes }).map(([name, value]) => ({
        name,
        value,
        operator,
      })),
    },
  ],
});

const seen = (...policies: ReturnType<typeof policy>[]) => {
  const access = new OwnAccess(policies);
  return {
    policies: access.seesPoliciesOnIdentity,
    apiKeys: access.seesAllApiKeys,
    credentials: access.seesAllCredentials,
    secrets: access.seesAllSecrets('instance'),
  };
};
const NOTHING = { policies: false, apiKeys: false, credentials: false, secrets: false };

describe('what Keyrota may see by its own policies', () => {
  it('is nothing without any', () => {
    expect(seen()).toEqual(NOTHING);
  });

  it('is a whole service, or all of its family', () => {
    const identity = { ...NOTHING, policies: true, apiKeys: true };
    expect(seen(policy('Operator', { serviceName: 'iam-identity' }))).toEqual(identity);
    expect(seen(policy('Operator', { serviceType: 'platform_service' }))).toEqual(identity);
    expect(seen(policy('Viewer', { serviceName: 'iam-identity' }))).toEqual({ ...NOTHING, policies: true });
    expect(seen(policy('Viewer', { serviceType: 'service' }))).toEqual({ ...NOTHING, credentials: true });
    expect(seen(policy('Reader', { serviceType: 'service' }))).toEqual({ ...NOTHING, secrets: true });
    expect(seen(policy('Reader', { serviceName: 'secrets-manager' }))).toEqual({ ...NOTHING, secrets: true });
  });

  it('is the one instance that there is to see, and not another one', () => {
    const on = (serviceInstance: string) => policy('Manager', { serviceName: 'secrets-manager', serviceInstance });
    expect(seen(on('instance'))).toEqual({ ...NOTHING, secrets: true });
    expect(seen(on('another'))).toEqual(NOTHING);
  });

  it.each([
    policy('Operator', { serviceName: 'iam-identity', resourceType: 'serviceid', resource: 'ServiceId-1' }),
    policy('Viewer', { serviceType: 'service', resourceGroupId: 'a group' }),
    policy('Viewer', { serviceType: 'service', region: 'us-south' }),
    policy('Reader', { serviceName: 'secrets-manager', resourceType: 'secret-group', resource: 'a group' }),
    policy('Operator', { serviceName: 'iam-*' }, 'stringMatch'),
    policy('Viewer', {}),
    policy('Sender', { serviceType: 'service' }),
  ])('is nothing whole by a policy about a part, or without the role: %#', (one) => {
    expect(seen(one)).toEqual(NOTHING);
  });
});

describe('the command that gives Keyrota a role', () => {
  it('names whom it is logged in as, and quotes what a shell would change', () => {
    const roles = 'API key reviewer';
    expect([
      toGrant('iam-Profile-1', roles, 'iam-identity'),
      toGrant('iam-ServiceId-1', 'Viewer'),
      toGrant('IBMid-1', 'Reader', 'secrets-manager', 'instance'),
      toGrant(null, 'Viewer', "a'service"),
    ]).toEqual([
      "ibmcloud iam trusted-profile-policy-create Profile-1 --roles 'API key reviewer' --service-name iam-identity",
      'ibmcloud iam service-policy-create ServiceId-1 --roles Viewer',
      'ibmcloud iam trusted-profile-policy-create PROFILE --roles Reader --service-name secrets-manager --service-instance instance',
      String.raw`ibmcloud iam trusted-profile-policy-create PROFILE --roles Viewer --service-name 'a'\''service'`,
    ]);
  });
});

describe('what a look runs into', () => {
  const sight = () =>
    new Sight({ clock: systemClock, signal: new AbortController().signal, deadlineMs: systemClock.nowMs() + 60_000 });
  const subject = { what: 'keys', toAllow: 'the command' };

  it('is said with the steps of the issuer where a person is needed', async () => {
    const person = (code: string) =>
      new PersonNeeded({ code, problem: 'It does not work.', steps: ['first step', 'second step'] });
    const looking = sight();
    await looking.look(subject, () => Promise.reject(person('role_missing')));
    await looking.look(subject, () => Promise.reject(person('user_login_lost')));
    const said = { what: 'keys', why: 'It does not work.', next: 'first step\nsecond step' };
    expect(looking.unseen).toEqual([
      { ...said, code: 'forbidden' },
      { ...said, code: 'failed' },
    ]);
  });

  it('is said with what to do next where it is a failure of ours, and thrown where it is a defect', async () => {
    const looking = sight();
    const failure = new KeyrotaError('some_failure', 'It failed.', { next: 'Mend it.' });
    await looking.look(subject, () => Promise.reject(failure));
    expect(looking.unseen).toEqual([{ what: 'keys', code: 'failed', why: 'It failed.', next: 'Mend it.' }]);
    await expect(looking.look(subject, () => Promise.reject(new TypeError('a defect')))).rejects.toThrow('a defect');
  });

  it('is counted where it is rows that nobody understands', () => {
    const looking = sight();
    looking.noteOdd('keys', 0);
    looking.noteOdd('keys', 1);
    looking.noteOdd('secrets', 1);
    looking.noteOdd('keys', 2);
    expect(looking.unseen.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      'keys: 3 of them are not understood',
      'secrets: one of them is not understood',
    ]);
  });
});
