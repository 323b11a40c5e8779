import type { AuditRecord } from '../local/audit.ts';
import type { EmbeddedCloud } from '../local/cloud.ts';
import type { IngestionAgent } from './agent.ts';

/** What a run of the demo comes to. */
export interface Summary {
  days: number;
  /** Stored versions that superseded one. */
  rotations: number;
  keysCreated: number;
  keysDisabled: number;
  keysDeleted: number;
  /** Attempts. */
  linesSent: number;
  linesRefused: number;
  /** Keys of ours at the issuer that no secret version names. */
  orphanKeys: number;
  /** Without log lines. */
  apiCalls: number;
}

interface Snapshot {
  iam: { apiKeys: { id: string; name: string }[] };
  secretsManager: { secrets: { versions: { customMetadata: { keyrota?: { key_id: string } } }[] }[] };
}

/** Counts what happens in the account. */
export class Tally {
  readonly #cloud: EmbeddedCloud;
  readonly #agents: readonly IngestionAgent[];
  readonly #startMs: number;
  readonly #counts = { rotations: 0, keysCreated: 0, keysDisabled: 0, keysDeleted: 0 };
  readonly #callsBefore: number;

  constructor(cloud: EmbeddedCloud, agents: readonly IngestionAgent[]) {
    this.#cloud = cloud;
    this.#agents = agents;
    this.#startMs = cloud.clock.nowMs();
    this.#callsBefore = cloud.calls.total;
    cloud.audit.watch((record) => this.#count(record));
  }

  get lines(): { sent: number; refused: number } {
    const sum = (count: (agent: IngestionAgent) => number) =>
      this.#agents.reduce((total, agent) => total + count(agent), 0);
    return { sent: sum((agent) => agent.linesSent), refused: sum((agent) => agent.linesRefused) };
  }

  summary(): Summary {
    const { sent, refused } = this.lines;
    const days = Math.round(((this.#cloud.clock.nowMs() - this.#startMs) / 86_400_000) * 100) / 100;
    return {
      days,
      ...this.#counts,
      linesSent: sent,
      linesRefused: refused,
      orphanKeys: this.#orphanKeys(),
      apiCalls: this.#cloud.calls.total - this.#callsBefore,
    };
  }

  #count(record: AuditRecord): void {
    if (record.action === 'api-key.create') this.#counts.keysCreated += 1;
    if (record.action === 'api-key.disable') this.#counts.keysDisabled += 1;
    if (record.action === 'api-key.delete') this.#counts.keysDeleted += 1;
    if (record.action === 'secret-version.create' && record.supersededId !== null) this.#counts.rotations += 1;
  }

  #orphanKeys(): number {
    const { iam, secretsManager } = this.#cloud.snapshot({ withValues: false }) as Snapshot;
    const versions = secretsManager.secrets.flatMap((secret) => secret.versions);
    const known = new Set(versions.map((version) => version.customMetadata.keyrota?.key_id));
    return iam.apiKeys.filter((key) => key.name.startsWith('keyrota-') && !known.has(key.id)).length;
  }
}
