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

  it('is checked, and its faults name the variable', () => {
    const { code, message } = errorOf('{}');
    expect(code).toBe('manifest_invalid');
    expect(message).toMatch(/^KEYROTA_MANIFEST: deployment: found nothing/);
  });
});
