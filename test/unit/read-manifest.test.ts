import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { readSettings } from '../../shared/runtime/settings.ts';

const settingsWith = (manifest: string) =>
  readSettings({
    KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
    KEYROTA_SECRETS_MANAGER_URL: 'https://instance.example',
    KEYROTA_PROFILE_ID: 'Profile-1',
    KEYROTA_MANIFEST: manifest,
  });

function errorOf(manifest: string): KeyrotaError {
  try {
    readManifest(settingsWith(manifest));
  } catch (error) {
    if (error instanceof KeyrotaError) return error;
    throw error;
  }
  throw new Error('the manifest was accepted');
}

describe('the manifest of a function', () => {
  it('is read from the environment', () => {
    const entry = { kind: 'service-id-api-key', name: 'ingest', serviceId: 'ServiceId-1' };
    const text = JSON.stringify({ deployment: 'demo', keys: [entry] });
    expect(readManifest(settingsWith(text))).toMatchObject({ deployment: 'demo', keys: [{ name: 'ingest' }] });
  });

  it('is missing where the variable is empty and none is packed, and the error says how to give one', () => {
    const { code, effect, next } = errorOf('');
    expect({ code, effect }).toEqual({ code: 'manifest_missing', effect: 'none' });
    expect(next).toContain('KEYROTA_MANIFEST');
    expect(next).toContain('--manifest');
  });

  it('must be JSON, and the error says how to make it', () => {
    const { code, message, next } = errorOf('deployment: demo');
    expect(code).toBe('manifest_not_json');
    expect(message).toMatch(/^KEYROTA_MANIFEST is not JSON/);
    expect(next).toContain('validate FILE --json');
  });

  it('is not quoted when it is broken: who pastes a manifest may paste something else', () => {
    const key = 'aB3_'.repeat(11);
    const texts = [
      key,
      `KEYROTA_API_KEY=${key}`,
      `{"deployment":"demo","apikey":"${key}`,
      `{"deployment":"demo","apikey":'${key}'}`,
      `{"apikey":"${key}"} and more`,
      `${key.slice(0, 10)}\n{"deployment":"demo"}`,
      'a-made-up-password',
      '"a-made-up-password',
      '{"password":a-made-up-password}',
    ];
    for (const text of texts) {
      const error = errorOf(text);
      expect(error.code).toBe('manifest_not_json');
      const shown = inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error);
      expect(shown).not.toMatch(/aB3_|made-up|password|deployment/);
    }
  });

  it('says where it is broken, if the parser does', () => {
    expect(errorOf('{"deployment":"demo",}').message).toBe('KEYROTA_MANIFEST is not JSON (position 21).');
    expect(errorOf('{').message).toMatch(/^KEYROTA_MANIFEST is not JSON( \(position 1\))?\.$/);
  });

  it('may hold nothing but JSON values, however deep', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(errorOf(`{"deployment":"demo","keys":${deep}}`).code).toBe('manifest_invalid');
    expect(errorOf('null').message).toBe('KEYROTA_MANIFEST: (the whole): found null, allowed: an object');
  });

  it('is checked, and its faults name the variable', () => {
    const { code, message } = errorOf('{}');
    expect(code).toBe('manifest_invalid');
    expect(message).toMatch(/^KEYROTA_MANIFEST: deployment: found nothing/);
  });
});
