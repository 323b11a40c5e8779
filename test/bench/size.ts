import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Bundles } from './bundles.ts';
import type { Bench } from './figure.ts';
import { figure } from './figure.ts';

const AIM_KB = 450;

/** How large the bundle of each function is. */
export const sizeBench: Bench = {
  name: 'size',
  what: 'the bundle of each function, against one with whole libraries and against the aim of 450 KB, which was set for one kind of key',
  async *measure() {
    using bundles = new Bundles();
    for (const name of bundles.functionNames) {
      const kilobytes = kilobytesOf(bundles.pathOf(name, 'lean'));
      yield figure(`${name}, against whole libraries`, kilobytes, 'KB', kilobytesOf(bundles.pathOf(name, 'whole')));
      yield figure(`${name}, against the aim`, kilobytes, 'KB', AIM_KB);
    }
  },
};

const kilobytesOf = (folder: string): number => statSync(join(folder, 'main.js')).size / 1_000;
