import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Bundles } from './bundles.ts';
import type { Bench } from './figure.ts';
import { figure } from './figure.ts';

/** What each bundle may have: a little above what it needs, for an instance parses all of it when it starts. */
const BOUNDS_KB: ReadonlyMap<string, number> = new Map([
  // Of that zod, axios and IBM's core are 195, as in all three: what checks the settings, and what calls `rotate-keys`.
  ['handle-secret-event', 270],
  // IBM's class for IAM Identity, the manifest, the senders' signatures, and notices; no kind of key, nothing that rotates.
  ['respond-to-compromise', 415],
  // All five kinds, two more classes of IBM's for them, notices and the ledger. With one kind alone it had 440.
  ['rotate-keys', 620],
  // What looks at keys of all five kinds and plans, IBM's class for users besides, the inventory, the rules in words, notices, the ledger.
  ['check-expiry', 675],
  // What looks at keys of all five kinds and plans, the ledger, the rules of the check in words; the page lies beside it.
  ['show-report', 620],
]);

/** How large the bundle of each function is. */
export const sizeBench: Bench = {
  name: 'size',
  what: 'the bundle of each function, against one with whole libraries and against what it may have',
  async *measure() {
    using bundles = new Bundles();
    for (const name of bundles.functionNames) {
      const kilobytes = kilobytesOf(bundles.pathOf(name, 'lean'));
      const bound = BOUNDS_KB.get(name);
      if (bound === undefined) throw new Error(`test/bench/size.ts does not say how large ${name} may be`);
      yield figure(`${name}, against whole libraries`, kilobytes, 'KB', kilobytesOf(bundles.pathOf(name, 'whole')));
      yield figure(`${name}, against what it may have`, kilobytes, 'KB', bound);
    }
  },
};

const kilobytesOf = (folder: string): number => statSync(join(folder, 'main.js')).size / 1_000;
