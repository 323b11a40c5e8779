import type { Manifest } from '../keys/manifest.ts';
import { observe } from '../rotation/observe.ts';
import type { Ports } from '../rotation/ports.ts';
import { readSummary } from '../rotation/record.ts';
import { seenIncidents } from '../rotation/seen-incidents.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import { withIncidents } from './ledger-data.ts';
import type { IncidentRecord } from './ledger-data.ts';
import { readLedger } from './ledger.ts';

/**
 * Every incident that is known, the oldest first: what the ledger remembers, and what the marks of keys tell that leaked since. Changes
 * nothing.
 */
export async function knownIncidents(manifest: Manifest, ports: Ports): Promise<IncidentRecord[]> {
  const [ledger, seen] = await Promise.all([readLedger(manifest, ports), incidentsInMarks(manifest, ports)]);
  return withIncidents(ledger, seen).incidents;
}

async function incidentsInMarks(manifest: Manifest, ports: Ports): Promise<SeenIncident[]> {
  const leaking = new Set<string>();
  for await (const { custom_metadata: metadata } of ports.secrets.listOwn(ports.signal)) {
    const summary = readSummary(metadata);
    const isLeak = summary && (summary.compromised_at !== '' || summary.dead_since !== '');
    if (isLeak && summary.deployment === manifest.deployment) leaking.add(summary.name);
  }
  const entries = manifest.keys.filter(({ name, formerly }) => [name, ...formerly].some((one) => leaking.has(one)));
  const looks = await Promise.allSettled(
    entries.map(async (key) => seenIncidents(key, await observe(key, null, false, ports), ports.clock.nowMs())),
  );
  return looks.flatMap((look, index) => {
    if (look.status === 'fulfilled') return look.value;
    const name = entries[index]?.name ?? '';
    ports.log.warn('incident_not_seen', `${name} could not be looked at: of its leaks only the ledger tells`, {
      key: name,
      error: look.reason as unknown,
    });
    return [];
  });
}
