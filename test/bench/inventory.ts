import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { openInventory } from '../../shared/inventory/open-inventory.ts';
import type { InventoryWorld } from '../../shared/inventory/open-inventory.ts';
import { takeInventory } from '../../shared/inventory/take-inventory.ts';
import { inProcess } from '../support/in-process.ts';
import type { Bench, Figure } from './figure.ts';
import { figure } from './figure.ts';
import { InventoryProcess } from './inventory-process.ts';
import { openCrowd } from './inventory-world.ts';
import type { Crowd, CrowdSize } from './inventory-world.ts';

const SIZE: CrowdSize = { serviceIdKeys: 11_000, userKeys: 5_000, credentials: 2_000, secrets: 2_000, entries: 500 };
const CALL_MS = 50;
/** Of what a function has on Code Engine. */
const MEMORY_AIM_MB = 200;
/** An account so many times smaller shows what of the memory grows with it. */
const SMALLER = 20;

/** How long it takes to look through a large account, and how much memory. */
export const inventoryBench: Bench = {
  name: 'inventory',
  what:
    `the inventory of an account with ${keyCountOf(SIZE)} keys and ${SIZE.secrets} secrets, in virtual time where each call takes ` +
    `${CALL_MS} ms, against the same lists read one page after another; then its peak memory, in a process of its own, over HTTP`,
  measure: () => inventoryFigures(SIZE),
};

function keyCountOf({ serviceIdKeys, userKeys, credentials }: CrowdSize): number {
  return serviceIdKeys + userKeys + credentials;
}

async function* inventoryFigures(size: CrowdSize): AsyncGenerator<Figure> {
  const crowd = await openCrowd(size);
  const { fromBothEnds, onePageAfterAnother, firstEver } = await measuredInventory(crowd);
  yield figure('calls', fromBothEnds.calls, 'calls', onePageAfterAnother.calls);
  yield figure('time', fromBothEnds.tookMs / 1_000, 's', onePageAfterAnother.tookMs / 1_000);
  yield figure('keys a second', fromBothEnds.keyCount / (fromBothEnds.tookMs / 1_000), 'keys/s');
  yield figure('time of a check that waits for a new report as long as it may', firstEver.tookMs / 1_000, 's');
  yield* memoryFigures(crowd, size);
}

async function* memoryFigures(crowd: Crowd, size: CrowdSize): AsyncGenerator<Figure> {
  const smaller = Object.fromEntries(
    Object.entries(size).map(([name, count]) => [name, Math.ceil(count / SMALLER)]),
  ) as unknown as CrowdSize;
  await using child = await InventoryProcess.open(crowd);
  yield figure('peak memory', (await child.take('flat')).peakBytes / 1e6, 'MB', MEMORY_AIM_MB);
  const inUse = (await child.take('flat', true)).inUseBytes / 1e6;
  const keeping = (await child.take('keeping', true)).inUseBytes / 1e6;
  yield figure('memory in use, against one that keeps all it sees', inUse, 'MB', keeping);
  await using small = await InventoryProcess.open(await openCrowd(smaller));
  const ofSmall = (await small.take('flat', true)).inUseBytes / 1e6;
  yield figure(`memory in use, against an account with one key for ${SMALLER}`, inUse, 'MB', ofSmall);
}

/** One way to look through the account. */
interface Measured {
  calls: number;
  tookMs: number;
  keyCount: number;
}

/** The product's way, and the plain one, each with a report of the last minutes at hand; then the product's where that must be built. */
export async function measuredInventory(crowd: Crowd) {
  const fromBothEnds = await measured(crowd, async (world) => {
    const { keyCounts, unseen } = await takeInventory(crowd.manifest, nobody, world);
    const missed = unseen.filter(({ next }) => next !== '');
    if (missed.length > 0) throw new Error(`not all was seen: ${JSON.stringify(missed)}`);
    return Object.values(keyCounts).reduce((sum, count) => sum + count, 0);
  });
  const onePageAfterAnother = await measured(crowd, readPlainly);
  if (fromBothEnds.keyCount !== onePageAfterAnother.keyCount) {
    throw new Error(`${fromBothEnds.keyCount} keys were seen, and there are ${onePageAfterAnother.keyCount}`);
  }
  await crowd.lab.pass(3 * DAY_MS);
  const firstEver = await measured(crowd, async (world) => {
    await takeInventory(crowd.manifest, nobody, world);
    return 0;
  });
  await crowd.lab.pass(5 * MINUTE_MS); // it is built by now
  return { fromBothEnds, onePageAfterAnother, firstEver };
}

const nobody = { keys: () => undefined, secrets: () => undefined };

async function measured({ lab, manifest }: Crowd, work: (world: InventoryWorld) => Promise<number>): Promise<Measured> {
  let calls = 0;
  const send = inProcess(lab.cloud);
  const adapter = async (config: unknown) => {
    calls += 1;
    await lab.clock.sleep(CALL_MS);
    return send(config);
  };
  const { settings } = lab.context(manifest);
  return lab.withPorts(
    manifest,
    async (ports) => {
      calls = 0;
      const startMs = lab.clock.nowMs();
      const keyCount = await work(openInventory(settings, ports));
      return { calls, tookMs: lab.clock.nowMs() - startMs, keyCount };
    },
    { readOnly: true, http: { adapter } },
  );
}

/** The same lists, each from its oldest item to its newest, one after the other. */
async function readPlainly(world: InventoryWorld): Promise<number> {
  const { account, identity, login, policies, resourceKeys, secrets, signal, users } = world;
  let keyCount = 0;
  const part = { order: 'asc', groupId: null } as const;
  await account.report('latest', signal);
  await account.restrictions(signal);
  await identity.keyQuota(login.iamId ?? '', signal);
  await account.serviceIdGroups(signal);
  for (let offset = 0, total = 1; offset < total;) {
    const page = await secrets.page(offset, signal);
    offset += page.rows.length;
    total = page.total;
  }
  for (const list of [account.serviceIds(part, signal), users.pages(signal), policies.pagesOfAccount(signal)])
    for await (const _ of list) continue;
  for (const list of [account.keys('user', part, signal), account.keys('serviceid', part, signal)])
    for await (const { rows } of list) keyCount += rows.length;
  for await (const { rows } of resourceKeys.pagesOfInventory(signal)) keyCount += rows.length;
  return keyCount;
}
