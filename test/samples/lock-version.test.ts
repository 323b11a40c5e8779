import { describe, expect, it } from 'vitest';
import { KeyFetcher } from '../../docs/samples/fetch-key.ts';
import type { Login } from '../../docs/samples/log-in.ts';
import { VersionLock } from '../../docs/samples/lock-version.ts';
import type { VersionLockOptions } from '../../docs/samples/lock-version.ts';
import { ROLE } from '../../infra/demo/admin.ts';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import type { KeyReport } from '../../shared/rotation/reconcile.ts';
import { byValue, leakReport, respond } from '../support/leaks.ts';
import { minted } from '../support/rotated.ts';
import type { Scene } from '../support/rotated.ts';
import { lockNames, wholeTick } from '../support/whole-tick.ts';
import { CLOUD_URL, LINES, fetchOn, fetching, logAgent, loginOf } from './consumer.ts';

interface LockScene extends Scene {
  writer: Login;
  keys: KeyFetcher;
  lock: VersionLock;
}

const lockOf = ({ lab }: Scene, login: Login, changes: Partial<VersionLockOptions> = {}): VersionLock =>
  new VersionLock({
    secretsManagerUrl: CLOUD_URL,
    token: () => login.token(),
    name: 'billing-1',
    who: 'team billing',
    holdForMs: 2 * DAY_MS,
    fetch: fetchOn(lab).fetch,
    nowMs: () => lab.clock.nowMs(),
    ...changes,
  });

/** A consumer with the key that is current, in a group of which it is a Writer. */
async function opened(options: Parameters<typeof minted>[1] = {}): Promise<LockScene> {
  const scene = await minted(30, options);
  const writer = await loginOf(scene.lab, 'billing', ROLE.secretsWriter);
  const keys = new KeyFetcher(fetching(scene.lab, writer));
  return { ...scene, writer, keys, lock: lockOf(scene, writer) };
}

/** What the product's own plan says of the entry now. */
async function planned({ lab, manifest }: Scene): Promise<KeyReport | undefined> {
  return (await lab.tick(manifest, { only: ['ingest'], dryRun: true })).keys[0];
}

const versionId = ({ lab }: Scene, alias: 'current' | 'previous') =>
  lab.secret().versions.find((one) => one.alias === alias)?.id;

const HELD = /waits to be disabled: consumers lock the old version: billing-1$/;

/** The grace is over, and nothing but a lock is in the way. */
async function graceOver({ lab, manifest }: Scene): Promise<void> {
  await lab.tick(manifest);
  await lab.fetchValue();
  await lab.pass(7 * DAY_MS + HOUR_MS);
}

describe('the lock of a consumer', () => {
  it('stands on the version in use, and says who holds it and until when', async () => {
    const scene = await opened();
    const { lab, lock, keys } = scene;
    const taken = await lock.take(keys);
    expect([taken.versionId, taken.key.reveal()]).toEqual([versionId(scene, 'current'), await lab.fetchValue()]);
    const until = new Date(lab.clock.nowMs() + 2 * DAY_MS).toISOString();
    const locks = lab
      .secret()
      .versions.at(-1)
      ?.locks.filter(({ name }) => name === 'billing-1');
    expect(locks).toMatchObject([{ attributes: { who: 'team billing', until } }]);
  });

  it('holds the end of the old key until it is moved, which takes no Manager', async () => {
    const scene = await opened();
    const { lock, keys } = scene;
    await lock.take(keys);
    await graceOver(scene);
    expect(await planned(scene)).toMatchObject({ outcome: 'hold', code: 'evidence' });
    expect((await planned(scene))?.why).toMatch(HELD);
    // It has the new key, and has not tried it yet.
    const taken = await lock.take(keys);
    expect(taken.versionId).toBe(versionId(scene, 'current'));
    expect((await planned(scene))?.why).toMatch(HELD);
    await lock.leaveFormer(taken);
    expect(await planned(scene)).toMatchObject({
      outcome: 'planned',
      why: expect.stringMatching(/nobody uses it$/) as string,
    });
  });

  it('holds the next rotation until it is moved, even where it does not hold the end of the old key', async () => {
    const scene = await opened({ entry: { evidence: { noConsumerLock: false } } });
    const { lab, manifest, lock, keys } = scene;
    await lock.take(keys);
    await graceOver(scene);
    await lab.tick(manifest);
    await lab.pass(3 * DAY_MS + HOUR_MS);
    await lab.tick(manifest);
    expect(lab.keys).toHaveLength(1);
    await lab.pass(20 * DAY_MS);
    expect(await planned(scene)).toMatchObject({ outcome: 'hold', code: 'consumer-lock' });
    await lab.tick(manifest);
    expect(lab.keys).toHaveLength(1);
    await lock.leaveFormer(await lock.take(keys));
    await lab.tick(manifest);
    expect(lab.keys).toHaveLength(2);
  });

  it('has a person asked once it was held for longer than `hold.atMost`, or the key disabled, as the manifest says', async () => {
    const outcomes = [];
    for (const afterwards of ['ask', 'disable']) {
      const scene = await opened({ entry: { hold: { atMost: '10d', afterwards } } });
      await scene.lock.take(scene.keys);
      await graceOver(scene);
      await scene.lab.pass(10 * DAY_MS);
      const { outcome, code = null } = (await planned(scene)) ?? {};
      outcomes.push([afterwards, outcome, code]);
    }
    expect(outcomes).toEqual([
      ['ask', 'ask', 'held_too_long'],
      ['disable', 'planned', null],
    ]);
  });

  it('of one copy of a program does not speak for another', async () => {
    const scene = await opened();
    const { lock, keys, writer } = scene;
    const other = lockOf(scene, writer, { name: 'billing-2' });
    await lock.take(keys);
    await other.take(keys);
    await graceOver(scene);
    await lock.leaveFormer(await lock.take(keys));
    expect((await planned(scene))?.why).toMatch(/consumers lock the old version: billing-2$/);
    await other.leaveFormer(await other.take(keys));
    expect(await planned(scene)).toMatchObject({ outcome: 'planned' });
  });

  it('is on the version of the key that it gives, though that is rotated meanwhile', async () => {
    const scene = await opened();
    const { lab, manifest, keys, writer } = scene;
    const { fetch } = fetchOn(lab);
    let rotates = true;
    const lock = lockOf(scene, writer, {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (init?.method === 'POST' && rotates) {
          rotates = false;
          await lab.tick(manifest);
        }
        return response;
      },
    });
    const former = versionId(scene, 'current');
    const taken = await lock.take(keys);
    expect([versionId(scene, 'previous'), versionId(scene, 'current')]).toEqual([former, taken.versionId]);
    expect(taken.key.reveal()).toBe(await lab.fetchValue());
    expect(lockNames(lab, 'previous')).toContain('billing-1');
    await lock.leaveFormer(taken);
    expect([lockNames(lab, 'previous'), lockNames(lab, 'current')]).toEqual([['keyrota-guard-lab'], ['billing-1']]);
  });

  it('gives up where the current version is another one each time', async () => {
    const { keys } = await opened();
    let count = 0;
    const versions = () => Response.json({ versions: [{ id: `version-${(count += 1)}`, alias: 'current' }] });
    const restless = new VersionLock({
      secretsManagerUrl: CLOUD_URL,
      token: () => Promise.resolve('token'),
      name: 'billing-1',
      who: 'team billing',
      holdForMs: DAY_MS,
      fetch: () => Promise.resolve(versions()),
    });
    await expect(restless.take(keys)).rejects.toThrow('The current version changed again and again.');
  });
});

describe('the rights', () => {
  it.each([
    ['SecretsReader', ROLE.secretsReader, 403],
    ['Writer', ROLE.secretsWriter, 201],
  ])('to lock: %s', async (_, role, status) => {
    const scene = await minted(0);
    const login = await loginOf(scene.lab, 'consumer', role);
    const { fetch, calls } = fetchOn(scene.lab);
    const lock = lockOf(scene, login, { fetch });
    await lock.take(new KeyFetcher(fetching(scene.lab, login))).catch(() => undefined);
    expect(calls.find(({ path }) => path.endsWith('/locks_bulk'))?.status).toBe(status);
  });

  it('to take a lock off are a Manager’s, who takes off that one and no other', async () => {
    const scene = await opened();
    const { lab, lock, keys, writer } = scene;
    await lockOf(scene, writer, { name: 'billing-2' }).take(keys);
    const taken = await lock.take(keys);
    await expect(lock.takeOff(taken)).rejects.toThrow(/answered 403 to DELETE .*name=billing-1\.$/);
    const manager = lockOf(scene, await loginOf(lab, 'manager', ROLE.manager));
    await manager.takeOff(taken);
    expect(lockNames(lab, 'current')).toContain('billing-2');
    expect(lockNames(lab, 'current')).not.toContain('billing-1');
  });

  it('to move a lock may be a Manager’s too, which IBM leaves open: then both stay, and whoever moved it is told', async () => {
    const scene = await opened();
    const { lab, lock, keys } = scene;
    await lock.take(keys);
    await graceOver(scene);
    lab.cloud.switches.removePreviousNeedsLockDelete = true;
    const taken = await lock.take(keys);
    await expect(lock.leaveFormer(taken)).rejects.toThrow('Secrets Manager answered 403 to POST');
    expect([lockNames(lab, 'previous'), lockNames(lab, 'current')].map((names) => names.includes('billing-1'))).toEqual(
      [true, true],
    );
  });
});

describe('a leak', () => {
  it('moves the lock to the replacement, and the consumer that is refused locks that', async () => {
    const scene = await opened();
    const { lab, manifest, keys, lock, writer } = scene;
    const { key, versionId: leakedVersion } = await lock.take(keys);
    const agent = logAgent(lab, writer);
    await agent.keys.key();
    await respond(lab, manifest, leakReport(byValue(key.reveal())));
    await wholeTick(lab, manifest, { only: ['ingest'] });
    expect(versionId(scene, 'previous')).toBe(leakedVersion);
    expect([lockNames(lab, 'previous'), lockNames(lab, 'current')]).toEqual([[], ['billing-1', 'keyrota-guard-lab']]);
    await agent.ship(LINES);
    const taken = await lock.take(agent.keys);
    expect([taken.versionId, taken.key.equals(key)]).toEqual([versionId(scene, 'current'), false]);
  });
});
