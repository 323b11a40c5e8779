import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadManifestFile } from '../../infra/operator/manifest-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyrota-manifest-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(text: string) {
  const file = join(folder, 'keys.yaml');
  await writeFile(file, text);
  return loadManifestFile(file);
}

const ENTRY = '{ kind: service-id-api-key, name: ingest, serviceId: ServiceId-1 }';

describe('a manifest in a file', () => {
  it('may be YAML or JSON', async () => {
    const json =
      '{"deployment":"demo","keys":[{"kind":"service-id-api-key","name":"ingest","serviceId":"ServiceId-1"}]}';
    for (const text of [json, `deployment: demo\nkeys:\n  - ${ENTRY}\n`]) {
      const { value, manifest } = await load(text);
      expect(manifest).toMatchObject({ deployment: 'demo', keys: [{ name: 'ingest' }] });
      expect(value).toEqual(JSON.parse(json));
    }
  });

  it('may say a thing once and refer to it', async () => {
    const text = `deployment: demo\nkeys:\n  - &first ${ENTRY.replace('}', ', hold: &hold { atMost: 10d } }')}\n  - { kind: service-id-api-key, name: two, serviceId: ServiceId-2, hold: *hold }\n`;
    const { manifest } = await load(text);
    expect(manifest.keys.map(({ policy }) => policy.hold.atMostMs)).toEqual([864_000_000, 864_000_000]);
  });

  it('is told its faults with the name of the file, also when it holds itself', async () => {
    await expect(load('deployment: demo\nkeys: &keys [*keys]\n')).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: `${join(folder, 'keys.yaml')}: keys[0]: found something that contains itself, allowed: an object`,
    });
  });

  it('that is no YAML is told so, with the line', async () => {
    await expect(load(`deployment: demo\nkeys: [${ENTRY}\nother: 1\n`)).rejects.toMatchObject({
      code: 'manifest_not_yaml',
      message: expect.stringMatching(/keys\.yaml: .* at line \d+, column \d+/) as string,
    });
    await expect(load('a: 1\na: 2\n')).rejects.toMatchObject({ code: 'manifest_not_yaml' });
    await expect(load(`x: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)).rejects.toMatchObject({
      code: 'manifest_not_yaml',
    });
  });

  it('is never quoted, whatever is wrong with it', async () => {
    const pasted = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6lM9nP2rS';
    const bad = [
      `deployment: demo\nkeys: [${pasted}\n`,
      `deployment: *${pasted}\n`,
      `deployment: demo\nkeys: [${ENTRY}, ${ENTRY.replace('ingest', pasted)}, ${ENTRY.replace('ingest', pasted)}]\n`,
    ];
    for (const text of bad) {
      const error = await load(text).catch((caught: unknown) => caught as Error);
      expect(error).toMatchObject({ code: expect.stringMatching(/^manifest_(not_yaml|invalid)$/) as string });
      expect((error as Error).message).not.toContain(pasted);
    }
  });

  it('that refers to what is not there is told so', async () => {
    await expect(load('deployment: *missing\n')).rejects.toMatchObject({ code: 'manifest_not_yaml' });
  });

  it('that is not there is told so', async () => {
    await expect(loadManifestFile(join(folder, 'missing.yaml'))).rejects.toMatchObject({ code: 'manifest_unreadable' });
  });
});
