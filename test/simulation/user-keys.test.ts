import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../shared/keys/duration.ts';
import { READ_MARK } from '../../shared/keys/read-mark.ts';
import type { RunReport } from '../../shared/rotation/rotate-all.ts';
import { FunctionalId } from '../support/functional-id.ts';
import type { FunctionalIdOptions } from '../support/functional-id.ts';

const outcomesOf = ({ keys }: RunReport) => Object.fromEntries(keys.map(({ name, outcome }) => [name, outcome]));
const codesOf = ({ keys }: RunReport) => Object.fromEntries(keys.map(({ name, code }) => [name, code]));
const stepsOf = ({ keys }: RunReport, entry: string) =>
  (keys.find(({ name }) => name === entry)?.steps ?? []).map(({ step }) => step);

/** The login is the user's first key, and consumers have fetched the first key of ours. */
async function working(options: FunctionalIdOptions = {}) {
  const user = await FunctionalId.withLogin(options);
  const { lab, manifest } = user;
  await lab.tick(manifest);
  await lab.fetchValue('pipeline');
  await lab.pass(DAY_MS);
  await lab.tick(manifest);
  const idOf = (name: string) => lab.currentKeyId(name);
  return { user, lab, manifest, idOf, loginId: idOf('login'), pipelineId: idOf('pipeline') };
}

type Working = Awaited<ReturnType<typeof working>>;

const disable = ({ lab }: Working, keyId: string) => lab.admin.request('POST', `/v1/apikeys/${keyId}/disable`);

/** Days with an hourly tick, on each of which the consumers fetch and use what is current. */
async function days(
  { user, lab, manifest }: Working,
  count: number,
): Promise<{ refused: number; reports: RunReport[] }> {
  let refused = 0;
  const reports: RunReport[] = [];
  for (let day = 0; day < count; day += 1) {
    reports.push(...(await lab.passWithTicks(manifest, DAY_MS)));
    if (!(await user.logsIn(await lab.fetchValue('pipeline')))) refused += 1;
  }
  return { refused, reports };
}

const TWO_RIGHTS = [
  { rights: 'no rights on keys of users', isAdministrator: false },
  { rights: 'the rights of an administrator', isAdministrator: true },
];

describe.each(TWO_RIGHTS)('keys of a user, where Keyrota itself has $rights,', ({ isAdministrator }) => {
  it(`live ${isAdministrator ? 40 : 120} days: both rotate, consumers are never refused, and their values are never read`, async () => {
    const world = await working({ isAdministrator });
    const { user, lab, idOf } = world;
    const seen = new Set([idOf('pipeline')]);
    const logins = new Set([idOf('login')]);
    for (let period = 0; period < (isAdministrator ? 8 : 24); period += 1) {
      const from = lab.cloud.calls.total + 1;
      const { refused, reports } = await days(world, 5);
      expect(refused).toBe(0);
      expect(user.readsOf('pipeline', from)).toBe(0);
      expect(
        reports.flatMap(({ keys }) => keys).filter(({ outcome }) => outcome === 'ask' || outcome === 'failed'),
      ).toEqual([]);
      seen.add(idOf('pipeline'));
      logins.add(idOf('login'));
    }
    expect(Math.min(seen.size, logins.size)).toBeGreaterThanOrEqual(isAdministrator ? 2 : 4);
    expect(user.readsOf('login')).toBeGreaterThan(0);
    // What is left is current, or on its way out.
    expect(user.keys.length).toBeLessThanOrEqual(4);
  });

  it('retire the former login key by a login with the new one', async () => {
    const world = await working({ isAdministrator });
    const { user, lab, loginId, idOf } = world;
    await days(world, 45);
    expect(idOf('login')).not.toBe(loginId);
    expect(user.key(loginId)).toBeUndefined();
    const effects = lab.cloud.calls.list().filter(({ path }) => path.startsWith(`/v1/apikeys/${loginId}`));
    const changes = effects.filter(({ method }) => method !== 'GET');
    expect(changes.map(({ iamId, outcome }) => [iamId, outcome])).toEqual([
      [user.iamId, 204],
      [user.iamId, 204],
    ]);
  });

  it('go on when the consumers’ key leaks: it is contained and replaced, and the user is not locked out', async () => {
    const world = await working({ isAdministrator });
    const { user, lab, manifest, pipelineId, loginId, idOf } = world;
    await lab.markCompromised(pipelineId);
    const from = lab.cloud.calls.total + 1;
    const report = await lab.tick(manifest, { only: ['pipeline'] });
    expect(stepsOf(report, 'pipeline').slice(0, 2)).toEqual(['contain', 'mint']);
    expect(idOf('pipeline')).not.toBe(pipelineId);
    expect(user.key(pipelineId)?.disabled ?? true).toBe(true);
    expect(user.key(loginId)).toMatchObject({ disabled: false });
    expect(user.readsOf('pipeline', from)).toBe(0);
    expect(await user.logsIn(await lab.fetchValue('pipeline'))).toBe(true);
  });

  it('go on when the login key leaks: it is contained by another login, and replaced with the last resort', async () => {
    const world = await working({ isAdministrator });
    const { user, lab, manifest, loginId, pipelineId, idOf } = world;
    await lab.markCompromised(loginId);
    const report = await lab.tick(manifest, { only: ['login'] });
    expect(stepsOf(report, 'login').slice(0, 2)).toEqual(['contain', 'mint']);
    expect(idOf('login')).not.toBe(loginId);
    expect(user.key(loginId)?.disabled ?? true).toBe(true);
    expect(user.key(pipelineId)).toMatchObject({ disabled: false });
    expect(lab.logLines.join('\n')).toContain('user_login_last_resort');
    const { refused, reports } = await days(world, 40);
    expect([refused, new Set(reports.flatMap(({ keys }) => keys.map(({ outcome }) => outcome)))]).toEqual([
      0,
      new Set(['rest', 'hold']),
    ]);
  });

  it('go on when both leak at once: with the token that is left, and nobody is asked', async () => {
    const world = await working({ isAdministrator });
    const { user, lab, manifest, loginId, pipelineId, idOf } = world;
    await lab.markCompromised(loginId);
    await lab.markCompromised(pipelineId);
    await lab.tick(manifest, { only: ['login', 'pipeline'] });
    expect(user.keys.filter(({ id, disabled }) => !disabled && [loginId, pipelineId].includes(id))).toEqual([]);
    expect(idOf('login')).not.toBe(loginId);
    expect(idOf('pipeline')).not.toBe(pipelineId);
  });

  it('go on when IBM has disabled the login key before anybody looked', async () => {
    const world = await working({ isAdministrator });
    const { lab, manifest, loginId, idOf } = world;
    await disable(world, loginId);
    await lab.tick(manifest, { only: ['login', 'pipeline'] });
    expect(idOf('login')).not.toBe(loginId);
  });

  it('do not count our reading as the consumers’ fetching', async () => {
    const world = await working({ isAdministrator });
    const { user, lab, manifest, loginId, idOf } = world;
    await lab.pass(20 * DAY_MS);
    await lab.tick(manifest, { only: ['pipeline'], force: true }); // nobody has fetched this one yet
    const version = () => lab.secret('pipeline').versions.find(({ alias }) => alias === 'current');
    expect(version()?.downloaded).toBe(false);
    await disable(world, loginId);
    await lab.tick(manifest, { only: ['login'] });
    expect(idOf('login')).not.toBe(loginId);
    expect(user.readsOf('pipeline')).toBeGreaterThan(0);
    expect(version()?.downloaded).toBe(true);
    expect(version()?.customMetadata).toHaveProperty(READ_MARK);
    await lab.passWithTicks(manifest, 10 * DAY_MS);
    const report = await lab.tick(manifest, { only: ['pipeline'] });
    expect(report.keys[0]).toMatchObject({
      outcome: 'hold',
      code: 'evidence',
      why: expect.stringContaining('Keyrota itself had to read the new version') as string,
    });
  });

  it('ask with the exact steps when no login works, and go on after an import', async () => {
    const world = await working({ isAdministrator });
    const { user, lab, manifest, loginId, pipelineId, idOf } = world;
    const person = await user.makeKey({ name: 'stands for the password' });
    await disable(world, loginId);
    await disable(world, pipelineId);
    const asked = await lab.tick(manifest, { only: ['login', 'pipeline'] });
    expect(outcomesOf(asked)).toEqual({ login: 'ask', pipeline: 'ask' });
    expect(codesOf(asked)).toEqual({ login: 'user_login_lost', pipeline: 'user_login_lost' });
    const steps = asked.keys.flatMap(({ next }) => next).join('\n');
    for (const words of ['ibmcloud login', 'ibmcloud iam api-key-create', 'keyrota import login', 'API keys > Create'])
      expect(steps).toContain(words);
    const { id, value } = await user.makeKey({}, person.value);
    expect(await user.import('login', value)).toEqual({ keyId: id, supersededKeyId: loginId });
    await lab.tick(manifest, { only: ['login', 'pipeline'] });
    expect(idOf('pipeline')).not.toBe(pipelineId);
    expect(await user.logsIn(await lab.fetchValue('pipeline'))).toBe(true);
    const { refused, reports } = await days(world, 40);
    expect([refused, reports.flatMap(({ keys }) => keys).filter(({ outcome }) => outcome === 'ask')]).toEqual([0, []]);
    expect(idOf('login')).not.toBe(id);
    expect(user.key(loginId)).toBeUndefined();
  });
});

describe('a key of a user that leaks while no login works', () => {
  it('is contained all the same where Keyrota itself may, and a person is asked for the rest', async () => {
    const world = await working({ isAdministrator: true });
    const { user, lab, manifest, pipelineId } = world;
    await lab.markCompromised(pipelineId);
    lab.cloud.iam.setUserState(user.iamId, 'suspended');
    const from = lab.cloud.calls.total + 1;
    const report = await lab.tick(manifest, { only: ['pipeline'] });
    expect(stepsOf(report, 'pipeline')).toEqual(['contain']);
    expect(report.keys[0]).toMatchObject({
      outcome: 'ask',
      code: 'user_login_lost',
      why: expect.stringContaining('suspended') as string,
    });
    expect(user.key(pipelineId)).toMatchObject({ disabled: true });
    const by = lab.cloud.calls.list(from).find(({ path }) => path.endsWith(`${pipelineId}/disable`));
    expect(by?.iamId).toBe(lab.keyrota.iamId);
  });
});
