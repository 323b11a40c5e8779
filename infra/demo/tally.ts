import type { AuditRecord } from '../local/audit.ts';
import type { EmbeddedCloud } from '../local/cloud.ts';
import type { IngestionAgent, Refusal } from './agent.ts';
import type { DemoKey } from './demo-keys.ts';

/** What a run of the demo comes to. */
export interface Summary {
  days: number;
  /** Stored versions of keys that superseded one. */
  rotations: number;
  keysCreated: number;
  keysDisabled: number;
  keysDeleted: number;
  /** Attempts. */
  linesSent: number;
  /** But for those after a leak. */
  linesRefused: number;
  /** Lines refused because their key had leaked and was put out of use. */
  linesRefusedAfterLeak: number;
  /** Keys of ours at their issuers that no secret version names. */
  orphanKeys: number;
  /** Without log lines. */
  apiCalls: number;
}

/** A key of ours at any issuer. */
interface OwnKey {
  id: string;
  name: string;
}

interface Snapshot {
  iam: { apiKeys: OwnKey[] };
  resourceController: { keys: { guid: string; name: string }[] };
  logging: { keys: OwnKey[] };
  classic: { users: { keys: { id: number }[] }[] };
  secretsManager: { secrets: { versions: { customMetadata: { keyrota?: { key_id: string } } }[] }[] };
}

/** From the moment in which a key is out of use until its function has said so, at most. */
const UNTIL_SAID_MS = 60_000;

/** Counts what happens in the account. */
export class Tally {
  readonly #cloud: EmbeddedCloud;
  readonly #agents: readonly IngestionAgent[];
  readonly #startMs: number;
  readonly #counts = { rotations: 0, keysCreated: 0, keysDisabled: 0, keysDeleted: 0 };
  readonly #callsBefore: number;
  /** Since when keys are out of use that leaked. */
  readonly #leakedSinceMs = new Map<string, number>();
  /** How the names of service credentials begin: the API keys behind them have the same, and come and go with them. */
  readonly #credentials: readonly string[];

  constructor(cloud: EmbeddedCloud, agents: readonly IngestionAgent[], keys: readonly DemoKey[]) {
    this.#cloud = cloud;
    this.#agents = agents;
    this.#credentials = keys
      .filter(({ entry }) => entry['kind'] === 'service-credential')
      .map(({ name }) => `keyrota-demo-${name}-`);
    this.#startMs = cloud.clock.nowMs();
    this.#callsBefore = cloud.calls.total;
    cloud.audit.watch((record) => this.#count(record));
  }

  /** A line that a function logged: some tell that a leaked key is out of use. */
  note(line: string): void {
    if (!line.includes('"key_contained"')) return;
    const { event, keyId, at } = JSON.parse(line) as { event: string; keyId: string; at: string };
    if (event !== 'key_contained' || this.#leakedSinceMs.has(keyId)) return;
    this.#leakedSinceMs.set(keyId, Date.parse(at) - UNTIL_SAID_MS);
  }

  summary(): Summary {
    const refusals = this.#agents.flatMap((agent) => agent.refusals);
    const afterLeak = refusals.filter((refusal) => this.#isAfterLeak(refusal));
    const days = Math.round(((this.#cloud.clock.nowMs() - this.#startMs) / 86_400_000) * 100) / 100;
    return {
      days,
      ...this.#counts,
      linesSent: this.#agents.reduce((total, agent) => total + agent.linesSent, 0),
      linesRefused: refusals.length - afterLeak.length,
      linesRefusedAfterLeak: afterLeak.length,
      orphanKeys: this.#orphanKeys(),
      apiCalls: this.#cloud.calls.total - this.#callsBefore,
    };
  }

  #isAfterLeak({ keyId, atMs }: Refusal): boolean {
    return atMs >= (this.#leakedSinceMs.get(keyId) ?? Infinity);
  }

  #count(record: AuditRecord): void {
    if (isRotation(record)) this.#counts.rotations += 1;
    if (!('keyId' in record) || ('name' in record && isHelper(record.name))) return;
    const isInner = record.action.startsWith('api-key.') && 'name' in record && this.#isOfCredential(record.name);
    if (record.action === 'api-key.disable') this.#counts.keysDisabled += 1;
    if (record.action.endsWith('.create') && !isInner) this.#counts.keysCreated += 1;
    if (record.action.endsWith('.delete') && !isInner) this.#counts.keysDeleted += 1;
  }

  #isOfCredential(name: string): boolean {
    return this.#credentials.some((beginning) => name.startsWith(beginning));
  }

  #orphanKeys(): number {
    const snapshot = this.#cloud.snapshot({ withValues: false }) as Snapshot;
    const { iam, resourceController, logging, classic, secretsManager } = snapshot;
    const versions = secretsManager.secrets.flatMap((secret) => secret.versions);
    const known = new Set(versions.map((version) => version.customMetadata.keyrota?.key_id));
    const ours: OwnKey[] = [
      ...iam.apiKeys.filter(({ name }) => !this.#isOfCredential(name)),
      ...resourceController.keys.map(({ guid, name }) => ({ id: guid, name })),
      ...logging.keys,
    ].filter(({ name }) => /^(keyrota|kr)-/.test(name));
    // Nobody but Keyrota makes classic keys here.
    const classicIds = classic.users.flatMap(({ keys }) => keys.map(({ id }) => String(id)));
    return [...ours.map(({ id }) => id), ...classicIds].filter((id) => !known.has(id)).length;
  }
}

/** A version of a secret that held another one before; what is written into the ledger is none. */
const isRotation = (record: AuditRecord): boolean =>
  record.action === 'secret-version.create' && record.supersededId !== null && !isLedger(record.name);

const isLedger = (secretName: string): boolean => secretName.startsWith('keyrota-ledger-');

/** A key by which a run opens an issuer's API, and which goes with it. */
const isHelper = (name: string): boolean => name.includes('-helper.');
