// One inventory in a process of its own: what that holds in memory is the inventory's alone. Bundled by inventory-process.ts.
import { openInventory } from '../../shared/inventory/open-inventory.ts';
import { takeInventory } from '../../shared/inventory/take-inventory.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';

/** What becomes of the pages: they are forgotten, or all of them are kept. */
export type Way = 'flat' | 'keeping';

/** What the process is told, as its one argument. */
export interface InventoryWish {
  way: Way;
  /** When it is, in epoch milliseconds; time goes on from there. */
  atMs: number;
  environment: Record<string, string>;
}

/** What it tells its parent. */
export interface InventoryAnswer {
  /** The most memory that the process ever held, in bytes: what nobody needs any more, too, as long as Node leaves it. */
  peakBytes: number;
  /** The most that was in use at a time, beyond what was before the inventory, in bytes; 0 where Node was not told to tell. */
  inUseBytes: number;
  keyCount: number;
  secretCount: number;
  missed: string[];
}

/** At so many pages it is looked how much memory is in use: that takes long. */
const PAGES_A_LOOK = 10;

/** How much memory is in use, where Node was started with `--expose-gc`. */
function bytesInUse(): number {
  if (!globalThis.gc) return 0;
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

async function answerTo({ way, environment }: InventoryWish): Promise<InventoryAnswer> {
  const settings = readSettings(environment);
  const manifest = readManifest(settings);
  const kept: unknown[] = [];
  const before = bytesInUse();
  let inUse = before;
  let pages = 0;
  const take = (page: readonly unknown[]) => {
    if (way === 'keeping') kept.push(...page);
    pages += 1;
    if (pages % PAGES_A_LOOK === 0) inUse = Math.max(inUse, bytesInUse());
  };
  const log = createLog({ clock: systemClock, write: () => undefined });
  const inventory = await withPorts({ settings, manifest, clock: systemClock, log, readOnly: true }, async (ports) => {
    await ports.login();
    return takeInventory(manifest, { keys: take, secrets: take }, openInventory(settings, ports));
  });
  return {
    peakBytes: process.resourceUsage().maxRSS * 1_024,
    inUseBytes: Math.max(inUse, bytesInUse()) - before,
    keyCount: Object.values(inventory.keyCounts).reduce((sum, count) => sum + count, 0),
    secretCount: inventory.secretCount,
    missed: inventory.unseen.filter(({ next }) => next !== '').map(({ what }) => what),
  };
}

if (process.send) {
  const wish = JSON.parse(process.argv[2] ?? '') as InventoryWish;
  const aheadMs = wish.atMs - Date.now();
  const realNow = Date.now;
  Date.now = () => realNow() + aheadMs;
  process.send(await answerTo(wish), () => process.disconnect());
}
