import { coldStartBench } from './cold-start.ts';
import type { Bench } from './figure.ts';
import { callsBench } from './calls.ts';
import { costBench } from './cost.ts';
import { fleetBench } from './fleet.ts';
import { idleBench } from './idle.ts';
import { inventoryBench } from './inventory.ts';
import { leakBench } from './leak.ts';
import { reportBench } from './report.ts';
import { shardsBench } from './shards.ts';
import { sizeBench } from './size.ts';

/** Everything that `npm run bench` measures, in this order. */
export const BENCHES: readonly Bench[] = [
  sizeBench,
  coldStartBench,
  callsBench,
  leakBench,
  idleBench,
  fleetBench,
  shardsBench,
  inventoryBench,
  reportBench,
  costBench,
];
