import { statSync } from 'node:fs';
import type { Bench } from './figure.ts';
import { figure } from './figure.ts';

const AIM_KB = 450;

/** How large the bundle of each function is. */
export const sizeBench: Bench = {
  name: 'size',
  what: 'the bundle of each function, against the aim of 450 KB',
  async *measure() {
    const file = new URL('../../dist/rotate-keys/main.js', import.meta.url);
    yield figure('rotate-keys', statSync(file).size / 1_000, 'KB', AIM_KB);
  },
};
