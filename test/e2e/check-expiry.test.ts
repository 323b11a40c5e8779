import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckAnswer } from '../../functions/check-expiry/check.ts';
import { RotateWorld, TRIGGER_TOKEN, buildInto, temporaryFolder } from './support/rotate-world.ts';
import type { RotateWorldOptions } from './support/rotate-world.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(async () => {
  folder = temporaryFolder();
  await buildInto(folder.path);
});
afterAll(() => {
  folder[Symbol.dispose]();
});

const open = (options: Partial<RotateWorldOptions> = {}) =>
  RotateWorld.open({ directory: join(folder.path, 'check-expiry'), ...options });

async function check(world: RotateWorld, body: unknown, token?: string): Promise<CheckAnswer> {
  const { status, text, body: answer } = await world.call(body, token === undefined ? {} : { token });
  if (status !== 200) throw new Error(`${status} ${text}`);
  return answer as unknown as CheckAnswer;
}

describe.concurrent('the function check-expiry', () => {
  it('tells what it found to whoever shows the token, and everybody else the numbers only', async () => {
    await using world = await open({ keyCount: 2 });
    const told = await check(world, {}, TRIGGER_TOKEN);
    expect(told).toMatchObject({ dryRun: false, keyCounts: { 'service-credential': 0 }, secretCount: 0 });
    expect(told.findings).toBeDefined();
    expect(told.unseen).toHaveLength(told.unseenCount);
    const anybody = await check(world, {});
    expect(Object.keys(told).filter((field) => !(field in anybody))).toEqual(['findings', 'unseen']);
    expect(JSON.stringify(anybody)).not.toContain('ServiceId-');
  });

  it('says the worst severity as its status, in its answer and its last line', async () => {
    await using world = await open();
    const [serviceId] = world.serviceIds;
    const body = { name: 'by hand', iam_id: serviceId?.iamId, account_id: world.cloud.account.id };
    await world.admin.request('POST', '/v1/apikeys', { ...body, action_when_leaked: 'none' });
    const { status, bySeverity } = await check(world, { dryRun: true });
    expect([status, bySeverity.medium]).toEqual(['medium', 1]);
    const last = world.log.at(-1);
    expect(last).toMatchObject({ event: 'check_finished', severity: 'medium', level: 'info' });
    expect(world.log.find(({ event }) => event === 'finding_reported')).toMatchObject({
      rule: expect.any(String) as string,
    });
  });

  it.each([
    ['GET', undefined, '', 405],
    ['POST', {}, '/other', 404],
    ['POST', { dry: true }, '', 400],
    ['POST', { dryRun: 'yes' }, '', 400],
  ])('refuses %s %j at %j with %i, and calls nothing', async (method, body, path, status) => {
    await using world = await open();
    const before = world.requests.length;
    const answer = await world.call(body, { method, path });
    expect([answer.status, world.requests.length - before]).toEqual([status, 0]);
  });

  it('says in its log what is missing, and to its caller no more than that it failed', async () => {
    await using world = await open({ environment: { KEYROTA_PROFILE_ID: undefined } });
    const answer = await world.call({});
    expect([answer.status, answer.body]).toEqual([
      500,
      { code: 'settings_invalid', message: 'The run failed; its log says why.' },
    ]);
    expect(world.log).toMatchObject([{ event: 'check_failed', level: 'error' }]);
  });
});
