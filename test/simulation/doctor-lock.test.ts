import { describe, expect, it } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { throwawayPlace } from '../../infra/operator/doctor/try-lock.ts';
import { MINUTE_MS } from '../../shared/keys/duration.ts';
import { diagnosed, findingOf, unwell } from '../support/doctor.ts';
import type { Visit } from '../support/doctor.ts';
import { Laboratory } from '../support/laboratory.ts';
import { replay } from '../support/replay.ts';
import { WatchedRun } from '../support/watched-run.ts';

const saying = (words: string): string => expect.stringContaining(words) as string;

const CONSENT: Visit = { options: { tryLock: true, yes: true } };

/** Whoever deletes secrets and locks is a Manager. */
async function managed(): Promise<Laboratory> {
  const lab = await Laboratory.open();
  const { guid } = lab.cloud.account.secretsManager;
  const group = { serviceInstance: guid, resourceType: 'secret-group', resource: lab.groupId };
  await lab.admin.grant(lab.keyrota.iamId, ROLE.manager, 'secrets-manager', group);
  return lab;
}

const secretNames = (lab: Laboratory): string[] => lab.state.secretsManager.secrets.map(({ name }) => name);
const lockIn = (findings: Awaited<ReturnType<typeof diagnosed>>) => findingOf(findings, 'lock');

describe('the guard lock', () => {
  it('is tried on a throwaway secret, of which nothing is left', async () => {
    const lab = await managed();
    const from = lab.cloud.calls.total + 1;
    const findings = await diagnosed(lab, CONSENT);
    expect(lockIn(findings)).toMatchObject({ result: 'ok', seen: saying('refused with 412') });
    expect([unwell(findings), secretNames(lab)]).toEqual([[], []]);
    const writes = lab.cloud.calls.list(from).filter(({ method }) => method !== 'GET');
    expect(writes.map(({ method, outcome }) => `${method} ${outcome}`)).toEqual([
      'POST 200',
      'POST 201',
      'POST 201',
      'POST 201',
      'POST 412',
      'POST 201',
      'POST 201',
      'DELETE 200',
      'DELETE 204',
    ]);
  });

  it('is not tried without consent: nothing is made, and nothing is looked at', async () => {
    const lab = await managed();
    const from = lab.cloud.calls.total + 1;
    await expect(diagnosed(lab, { options: { tryLock: true } })).rejects.toThrow('there is no terminal to ask at');
    expect(lab.cloud.calls.list(from)).toEqual([]);
  });

  it('is not found to hold where a store is accepted all the same', async () => {
    const lab = await managed();
    const handle = lab.cloud.handle.bind(lab.cloud);
    // A platform on which locks are no locks.
    lab.cloud.handle = (request) =>
      request.url.includes('locks_bulk') && request.method === 'POST'
        ? Promise.resolve(Response.json({ versions: [] }, { status: 201 }))
        : handle(request);
    const { result, seen, next } = lockIn(await diagnosed(lab, CONSENT));
    expect([result, seen, next[0]]).toEqual(['failed', saying('the guard does not hold'), saying('Do not deploy')]);
    expect(secretNames(lab)).toEqual([]);
  });

  it('needs Writer on the group of the ledger, and is given it by the command', async () => {
    const lab = await managed();
    await lab.revoke(lab.keyrota.iamId, 'secrets-manager');
    const { guid } = lab.cloud.account.secretsManager;
    const group = { serviceInstance: guid, resourceType: 'secret-group', resource: lab.groupId };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.reader, 'secrets-manager', group);
    const refused = lockIn(await diagnosed(lab, CONSENT));
    expect(refused.result).toBe('failed');
    const [step = ''] = refused.next;
    await replay(lab, step.slice(step.indexOf('ibmcloud iam')));
    // With Writer the secret cannot be deleted again, which is said.
    const left = (await diagnosed(lab, CONSENT)).filter(({ check }) => check === 'lock');
    expect(left.map(({ result }) => result)).toEqual(['ok', 'warning']);
    const toManage = left[1]?.next.find((one) => one.includes('ibmcloud iam')) ?? '';
    await replay(lab, toManage.slice(toManage.indexOf('ibmcloud iam')));
    await lab.pass(11 * MINUTE_MS);
    expect(lockIn(await diagnosed(lab, CONSENT)).result).toBe('ok');
    expect(secretNames(lab)).toEqual([]);
  });

  it('is not tried on a secret of that name that somebody else made', async () => {
    const lab = await managed();
    const { name, groupId } = throwawayPlace(lab.manifest());
    const body = { secret_type: 'arbitrary', name, secret_group_id: groupId, payload: 'precious' };
    await lab.admin.request('POST', '/api/v2/secrets', body);
    const { result, seen } = lockIn(await diagnosed(lab, CONSENT));
    expect([result, seen, secretNames(lab)]).toEqual(['failed', saying('is left alone'), [name]]);
  });

  it('is tried by one run at a time, and what a killed run leaves is removed ten minutes later', async () => {
    const lab = await managed();
    const told: string[] = [];
    const whole = new WatchedRun(lab);
    await whole.perform(lab.manifest(), (changes) => diagnosed(lab, { ...CONSENT, changes }));
    const writes = whole.calls.filter((call) => !call.startsWith('GET')).length;
    for (let killedAt = 1; killedAt <= writes; killedAt += 1) {
      for (const isSent of [false, true]) {
        const run = new WatchedRun(lab, async ({ write }, send, own) => {
          if (write !== killedAt) return send();
          if (isSent) await send();
          return own.kill();
        });
        void run.perform(lab.manifest(), (changes) => diagnosed(lab, { ...CONSENT, changes }));
        await lab.pass(MINUTE_MS);
        const isLeft = secretNames(lab).length > 0;
        if (isLeft) told.push(lockIn(await diagnosed(lab, CONSENT)).seen);
        await lab.pass(11 * MINUTE_MS);
        expect([killedAt, lockIn(await diagnosed(lab, CONSENT)).result, secretNames(lab)]).toEqual([
          killedAt,
          'ok',
          [],
        ]);
      }
    }
    expect(told.length).toBeGreaterThan(10);
    expect(new Set(told)).toEqual(new Set([saying('another run of the doctor')]));
  });

  it('is not taken for its own where somebody else makes a secret of that name in the same moment', async () => {
    const lab = await managed();
    const { name, groupId } = throwawayPlace(lab.manifest());
    const body = { secret_type: 'arbitrary', name, secret_group_id: groupId, payload: 'precious' };
    const run = new WatchedRun(lab, async ({ method, path }, send) => {
      if (method === 'POST' && path === '/api/v2/secrets') await lab.admin.request('POST', path, body);
      return send();
    });
    const seen: string[] = [];
    await run.perform(lab.manifest(), async (changes) => {
      const { result, seen: words } = lockIn(await diagnosed(lab, { ...CONSENT, changes }));
      seen.push(`${result}: ${words}`);
    });
    expect(seen).toEqual([saying('failed: it could not be tried: createSecret: status 409')]);
    expect(secretNames(lab)).toEqual([name]);
  });

  it('is taken back at Ctrl-C', async () => {
    const lab = await managed();
    const interrupted = new AbortController();
    lab.fault({ match: 'POST /api/v2/secrets/*/versions', delayMs: 5_000, times: 1 });
    const looking = diagnosed(lab, { ...CONSENT, changes: { signal: interrupted.signal } });
    looking.catch(() => undefined);
    while (secretNames(lab).length === 0) await lab.pass(500);
    interrupted.abort(new Error('interrupted'));
    await expect(looking).rejects.toThrow('interrupted');
    expect(secretNames(lab)).toEqual([]);
  });
});
