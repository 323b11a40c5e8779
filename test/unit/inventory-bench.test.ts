import { describe, expect, it } from 'vitest';
import { measuredInventory } from '../bench/inventory.ts';
import { InventoryProcess } from '../bench/inventory-process.ts';
import { openCrowd } from '../bench/inventory-world.ts';

const SIZE = { serviceIdKeys: 700, userKeys: 250, credentials: 20, secrets: 40, entries: 5 };
/** Beside these there are the key of the account's owner and that of Keyrota. */
const KEY_COUNT = 700 + 250 + 20 + 2;

describe('the bench of the inventory', () => {
  it('measures ways that see the same keys, of which the product takes fewer calls in a row and few more in all', async () => {
    const { fromBothEnds, onePageAfterAnother } = await measuredInventory(await openCrowd(SIZE));
    expect([fromBothEnds.keyCount, onePageAfterAnother.keyCount]).toEqual([KEY_COUNT, KEY_COUNT]);
    expect(fromBothEnds.tookMs * 2).toBeLessThan(onePageAfterAnother.tookMs);
    expect(fromBothEnds.calls).toBeLessThanOrEqual(onePageAfterAnother.calls + 5);
  });

  it('has the same seen by a process of its own', async () => {
    await using child = await InventoryProcess.open(await openCrowd(SIZE));
    const { keyCount, secretCount, peakBytes } = await child.take('flat');
    expect([keyCount, secretCount, peakBytes > 0]).toEqual([KEY_COUNT, SIZE.secrets, true]);
  });
});
