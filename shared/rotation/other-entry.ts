import { parseKeyName } from '../keys/key-name.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { Ports } from './ports.ts';
import { readSummary } from './record.ts';

const isOwnName = (key: ManagedKey, name: string): boolean => [key.name, ...key.formerly].includes(name);

/** Whether a key bears the name of another entry of this installation. */
export function isNamedForAnother(key: ManagedKey, issuerName: string): boolean {
  const name = parseKeyName(issuerName);
  return name?.deployment === key.deployment && !isOwnName(key, name.name);
}

/** The other entry of this installation whose secret holds that key, current or former; null for none. */
export async function otherEntryOf(key: ManagedKey, keyId: string, ports: Ports): Promise<string | null> {
  for await (const { custom_metadata: metadata } of ports.secrets.listOwn(ports.signal)) {
    const summary = readSummary(metadata);
    if (summary?.deployment !== key.deployment || isOwnName(key, summary.name)) continue;
    if (summary.key_id === keyId || summary.previous_key_id === keyId) return summary.name;
  }
  return null;
}
