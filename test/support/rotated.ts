import { DAY_MS } from '../../shared/keys/duration.ts';
import type { ManagedKey, Manifest } from '../../shared/keys/manifest.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { Laboratory } from './laboratory.ts';

/** A laboratory, its manifest with one entry, and what happens there from now on. */
export interface Scene {
  lab: Laboratory;
  manifest: Manifest;
  key: ManagedKey;
  effects: string[];
}

export function onlyKey(manifest: Manifest): ManagedKey {
  const [key] = manifest.keys;
  if (!key) throw new Error('the manifest has no key');
  return key;
}

/** K1 is current, and consumers have fetched it; so many days have passed, without a tick. */
export async function minted(
  days: number,
  { entry = {}, switches = {} }: { entry?: object; switches?: Partial<Switches> } = {},
): Promise<Scene> {
  const lab = await Laboratory.open(switches);
  const manifest = lab.manifest(entry);
  await lab.tick(manifest);
  await lab.fetchValue();
  await lab.pass(days * DAY_MS);
  return { lab, manifest, key: onlyKey(manifest), effects: lab.recordEffects() };
}

/** K2 has superseded K1, and consumers have fetched it; so many days have passed, with their ticks. */
export async function rotated(days: number, entry: object = {}): Promise<Scene & { formerId: string }> {
  const scene = await minted(30, { entry });
  const { lab, manifest } = scene;
  const formerId = lab.currentKeyId();
  await lab.tick(manifest);
  await lab.fetchValue();
  await lab.passWithTicks(manifest, days * DAY_MS);
  return { ...scene, formerId };
}

/** The same, but for its ticks: nothing is done with K1 yet. */
export async function superseded(days: number, entry: object = {}): Promise<Scene & { formerId: string }> {
  const scene = await minted(30, { entry });
  const { lab, manifest } = scene;
  const formerId = lab.currentKeyId();
  await lab.tick(manifest, { only: ['ingest'] });
  await lab.fetchValue();
  await lab.pass(days * DAY_MS);
  return { ...scene, formerId };
}
