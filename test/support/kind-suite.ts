import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { importKey } from '../../shared/rotation/import.ts';
import { undo } from '../../shared/rotation/undo.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { KindWorld } from './kind-world.ts';
import type { KindUnderTest } from './kind-world.ts';
import { MISHAPS, atCall, concerns } from './mishaps.ts';
import type { Mishap } from './mishaps.ts';
import { WatchedRun } from './watched-run.ts';

type Stage = 'a first mint' | 'a rotation' | 'the end of the former key';

async function worldAt(kind: KindUnderTest, stage: Stage): Promise<KindWorld> {
  const world = await KindWorld.open(kind);
  if (stage === 'a first mint') return world;
  await world.mintFirst();
  if (stage === 'a rotation') return world;
  await world.tick();
  await world.lab.pass(DAY_MS + HOUR_MS);
  await world.consume();
  await world.lab.pass(7 * DAY_MS);
  if (kind.canDisable || kind.keysPerOwner === 'one') return world;
  await world.tick(); // from now on nothing but time is missing
  await world.lab.pass(3 * DAY_MS + HOUR_MS);
  return world;
}

const tickOf = (world: KindWorld) => (changes: Parameters<KindWorld['tick']>[1]) => world.tick({}, changes);

/** What each kind was seen to call at each stage: the same in every world. */
const seen = new WeakMap<KindUnderTest, Map<Stage, Promise<readonly string[]>>>();

function callsAt(kind: KindUnderTest, stage: Stage): Promise<readonly string[]> {
  const ofKind = seen.get(kind) ?? new Map<Stage, Promise<readonly string[]>>();
  seen.set(kind, ofKind);
  const calls = ofKind.get(stage) ?? watchedCalls(kind, stage);
  ofKind.set(stage, calls);
  return calls;
}

async function watchedCalls(kind: KindUnderTest, stage: Stage): Promise<readonly string[]> {
  const world = await worldAt(kind, stage);
  const run = new WatchedRun(world.lab);
  await run.perform(world.setting.manifest, tickOf(world));
  return run.calls;
}

/** Lets the mishap befall each call in turn, every time in a world of its own. Tells what was not well in the end. */
async function wrongsAfterEachCall(kind: KindUnderTest, stage: Stage, mishap: Mishap): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsAt(kind, stage)).entries()) {
    if (!concerns(mishap, call)) continue;
    const world = await worldAt(kind, stage);
    await mishap.run(world.lab, atCall(index + 1)).perform(world.setting.manifest, tickOf(world));
    await world.settle();
    const early = stage === 'a first mint' ? await wrongsOfFirst(kind, world) : [];
    wrongs.push(...[...early, ...(await world.wrongs())].map((wrong) => `${index + 1}, ${call}: ${wrong}`));
  }
  return wrongs;
}

/**
 * Where an owner can have one key only, nothing tells a key that a first mint made and did not store from a person's: it is
 * not touched, a person is asked, and the place is free once that person has removed it.
 */
async function wrongsOfFirst({ keysPerOwner }: KindUnderTest, world: KindWorld): Promise<string[]> {
  if (keysPerOwner === 'many' || world.isStored) return [];
  const { outcome, code } = await world.tick();
  if (code !== 'place_taken') return [`nothing is stored, and nobody is asked why: ${outcome}, ${code}`];
  const [left] = world.ownKeys;
  if (left) await world.setting.removeByHand(left.id);
  await world.settle();
  return [];
}

/** A first run stands still before its nth call while a whole second one goes by. */
async function wrongsOfTwoRuns(kind: KindUnderTest, stage: Stage): Promise<string[]> {
  const wrongs: string[] = [];
  for (const [index, call] of (await callsAt(kind, stage)).entries()) {
    const world = await worldAt(kind, stage);
    let isOver = false;
    const run = new WatchedRun(world.lab, async (at, send) => {
      if (at.index === index + 1 && !isOver) {
        isOver = true;
        await world.tick().catch(() => undefined);
      }
      return send();
    });
    await run.perform(world.setting.manifest, tickOf(world));
    await world.settle();
    wrongs.push(...(await world.wrongs()).map((wrong) => `${index + 1}, ${call}: ${wrong}`));
  }
  return wrongs;
}

/** The end of the former key stands still before its nth call while the operator undoes the rotation. */
async function wrongsOfUndo(kind: KindUnderTest): Promise<string[]> {
  const stage = 'the end of the former key';
  const wrongs: string[] = [];
  for (const [index, call] of (await callsAt(kind, stage)).entries()) {
    const world = await worldAt(kind, stage);
    let isOver = false;
    const run = new WatchedRun(world.lab, async (at, send) => {
      if (at.index === index + 1 && !isOver) {
        isOver = true;
        const undoing = world.lab.withPorts(world.setting.manifest, (ports) => undo(world.key, ports));
        await undoing.catch(() => undefined); // it may come too late
      }
      return send();
    });
    await run.perform(world.setting.manifest, tickOf(world));
    await world.lab.pass(10_000); // a fresh key spreads
    const works = await world.setting.works(await world.lab.fetchStored(world.key.secret.name));
    if (!works) wrongs.push(`${index + 1}, ${call}: what is stored does not work when the run is over`);
    await world.settle();
    wrongs.push(...(await world.wrongs()).map((wrong) => `${index + 1}, ${call}: ${wrong}`));
  }
  return wrongs;
}

/** Every key and value that the run's log lines may not hold. */
async function expectNoValueInLogs(world: KindWorld): Promise<void> {
  const stored = await world.lab.fetchStored(world.key.secret.name);
  const secrets = stored.startsWith('{') ? secretsIn(JSON.parse(stored)) : [stored];
  const log = world.lab.logLines.join('\n');
  const metadata = JSON.stringify(world.lab.secret(world.key.secret.name).customMetadata);
  for (const secret of secrets) expect(log + metadata).not.toContain(secret);
}

/** Long texts without a colon: keys and passwords, not addresses and CRNs. */
const secretsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return /^[\w-]{30,}$/.test(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : [];
};

/** The contract that every kind of key keeps, whatever its issuer can do. */
export function keepsTheContract(kind: KindUnderTest): void {
  const { keysPerOwner, canDisable } = kind;

  describe(`a ${kind.name}`, () => {
    it('is made, proven and stored, and then rests', async () => {
      const world = await KindWorld.open(kind);
      expect(await world.tick()).toMatchObject({ outcome: 'rest', steps: [{ step: 'mint' }] });
      expect(world.ownKeys.map(({ id }) => id)).toEqual([world.currentKeyId]);
      expect(await world.setting.works(await world.lab.fetchStored(world.key.secret.name))).toBe(true);
      await expectNoValueInLogs(world);
      await world.lab.pass(DAY_MS);
      expect(await world.tick()).toMatchObject({ outcome: 'rest', steps: [] });
    });

    it('is replaced when it is due, and ends with nothing left over', async () => {
      const world = await worldAt(kind, 'a rotation');
      const formerId = world.currentKeyId;
      const report = await world.tick();
      expect(report.steps[0]).toMatchObject({ step: 'mint' });
      expect(world.currentKeyId).not.toBe(formerId);
      expect(world.ownKeys).toHaveLength(keysPerOwner === 'one' ? 1 : 2);
      await world.settle();
      expect(await world.wrongs()).toEqual([]);
      expect(world.refusals).toBe(0);
      await expectNoValueInLogs(world);
    });

    it.runIf(keysPerOwner === 'many' && !kind.isFetchedByKeyrota)(
      'stays in grace, untouched, and waits while nobody has fetched the next one',
      async () => {
        const world = await worldAt(kind, 'a rotation');
        await world.tick();
        await world.lab.pass(6 * DAY_MS);
        expect(await world.tick()).toMatchObject({ outcome: 'hold', code: 'grace', steps: [] });
        await world.lab.pass(6 * DAY_MS);
        const report = await world.tick();
        expect(report).toMatchObject({ outcome: 'hold', code: 'evidence', steps: [] });
        expect(report.why).toContain('nobody has fetched the new version');
        expect(world.ownKeys.filter(({ disabled }) => !disabled)).toHaveLength(2);
      },
    );

    it.runIf(keysPerOwner === 'many')(
      `is ${canDisable ? 'disabled, and then' : 'told of, and'} deleted, once nobody uses it`,
      async () => {
        const world = await worldAt(kind, 'a rotation');
        const formerId = world.currentKeyId;
        await world.tick();
        await world.consume();
        await world.lab.pass(7 * DAY_MS + HOUR_MS);
        const ended = await world.tick();
        expect(ended.steps.map(({ step }) => step)).toEqual(canDisable ? ['disable'] : []);
        expect(ended).toMatchObject({ outcome: 'hold', code: 'quarantine' });
        expect(ended.why.includes('Keyrota cannot disable it')).toBe(!canDisable);
        expect(world.ownKeys.find(({ id }) => id === formerId)?.disabled).toBe(canDisable);
        await world.lab.pass(3 * DAY_MS + HOUR_MS);
        expect((await world.tick()).steps.map(({ step }) => step)).toEqual(['delete', 'release']);
        expect(world.ownKeys.map(({ id }) => id)).toEqual([world.currentKeyId]);
      },
    );

    it.runIf(keysPerOwner === 'many')(
      'is taken in where it existed before, and retires after the first one of ours',
      async () => {
        const world = await KindWorld.open(kind);
        const { id } = await world.setting.makeByHand();
        await world.lab.pass(HOUR_MS);
        const report = await world.lab.withPorts(world.setting.manifest, (ports) => adopt(world.key, id, ports));
        expect(report).toMatchObject({ outcome: 'minted', mint: { outcome: 'stored' } });
        await world.consume();
        await world.settle();
        expect(await world.wrongs()).toEqual([]);
      },
    );

    it.runIf(keysPerOwner === 'one')('is imported where it existed before, and only then replaced', async () => {
      const world = await KindWorld.open(kind);
      const { id, value = '' } = await world.setting.makeByHand();
      await world.lab.pass(HOUR_MS);
      await expect(
        world.lab.withPorts(world.setting.manifest, (ports) => adopt(world.key, id, ports)),
      ).rejects.toMatchObject({ code: 'import_first' });
      expect(world.ownKeys.map((one) => one.id)).toEqual([id]);
      await world.lab.withPorts(world.setting.manifest, (ports) => importKey(world.key, new SecretValue(value), ports));
      expect(world.currentKeyId).toBe(id);
      await world.consume();
      await world.lab.pass(30 * DAY_MS);
      expect((await world.tick()).steps[0]).toMatchObject({ step: 'mint' });
      await world.settle();
      expect(await world.wrongs()).toEqual([]);
    });

    it.runIf(keysPerOwner === 'many')(
      'comes back when the operator undoes the rotation, in grace and in quarantine',
      async () => {
        for (const days of [1, 8]) {
          const world = await worldAt(kind, 'a rotation');
          const formerId = world.currentKeyId;
          await world.tick();
          await world.lab.pass(DAY_MS);
          await world.consume();
          await world.lab.pass((days - 1) * DAY_MS + HOUR_MS);
          await world.tick();
          const undone = await world.lab.withPorts(world.setting.manifest, (ports) => undo(world.key, ports));
          expect(undone.keyId).toBe(formerId);
          expect(world.currentKeyId).toBe(formerId);
          expect(await world.setting.works(await world.lab.fetchStored(world.key.secret.name))).toBe(true);
          await world.lab.pass(DAY_MS);
          await world.consume();
          expect((await world.tick()).outcome).toBe('hold');
        }
      },
    );

    it.runIf(keysPerOwner === 'one')(
      'cannot come back: its owner has one key only, and the operator is told',
      async () => {
        const world = await worldAt(kind, 'a rotation');
        await world.tick();
        await expect(
          world.lab.withPorts(world.setting.manifest, (ports) => undo(world.key, ports)),
        ).rejects.toMatchObject({ code: 'nothing_to_undo' });
      },
    );

    it.runIf(keysPerOwner === 'many')('works in the end when an undo meets its end at any call', async () => {
      expect(await wrongsOfUndo(kind)).toEqual([]);
    });

    it('is replaced when somebody else removed it', async () => {
      const world = await worldAt(kind, 'a rotation');
      const lostId = world.currentKeyId;
      await world.setting.removeByHand(lostId);
      const report = await world.tick();
      expect(report.steps[0]).toMatchObject({ step: 'mint' });
      expect(world.currentKeyId).not.toBe(lostId);
      await world.settle();
      expect(await world.wrongs()).toEqual([]);
    });

    it.runIf(keysPerOwner === 'many')('asks a person when its owner has as many keys as it may', async ({ skip }) => {
      const world = await KindWorld.open(kind);
      skip(!world.setting.fillQuota, 'its issuer tells of no limit');
      await world.setting.fillQuota?.();
      const before = world.ownKeys.length;
      const report = await world.tick();
      expect(report).toMatchObject({ outcome: 'ask', steps: [] });
      expect(report.next.length).toBeGreaterThan(0);
      expect(world.ownKeys).toHaveLength(before);
    });

    it('asks a person when Keyrota may not make it, and leaves nothing behind', async () => {
      const world = await worldAt(kind, 'a rotation');
      const before = world.ownKeys;
      await world.setting.forbid();
      await world.lab.pass(11 * 60_000);
      const report = await world.tick();
      expect(report).toMatchObject({ outcome: 'ask' });
      expect(report.next.length).toBeGreaterThan(0);
      expect(world.ownKeys).toEqual(before);
    });

    it('is made all the same when each call is refused once for the rate', async () => {
      const wrongs: string[] = [];
      for (const [index, call] of (await callsAt(kind, 'a rotation')).entries()) {
        const world = await worldAt(kind, 'a rotation');
        const formerId = world.currentKeyId;
        const throttled = MISHAPS.find(({ what }) => what === 'it is answered 429');
        await throttled?.run(world.lab, atCall(index + 1)).perform(world.setting.manifest, tickOf(world));
        if (world.currentKeyId === formerId) wrongs.push(`${index + 1}, ${call}: no new key`);
        await world.settle();
        wrongs.push(...(await world.wrongs()).map((wrong) => `${index + 1}, ${call}: ${wrong}`));
      }
      expect(wrongs).toEqual([]);
    });
  });

  describe.each(['a first mint', 'a rotation', 'the end of the former key'] as const)(
    `a ${kind.name} at %s`,
    (stage) => {
      it.each(MISHAPS)('is neither lost nor left behind when at any call $what', async (mishap) => {
        expect(await wrongsAfterEachCall(kind, stage, mishap)).toEqual([]);
      });

      it('is made once and ended once by two runs, wherever one stands still while the other goes by', async () => {
        expect(await wrongsOfTwoRuns(kind, stage)).toEqual([]);
      });
    },
  );
}
