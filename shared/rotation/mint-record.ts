import type { CreatedKey } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { hashesOf } from '../keys/value-hashes.ts';
import { backOffMs } from './back-off.ts';
import type { SeenSecret } from './observation.ts';
import type { Ports } from './ports.ts';
import { NO_LEAK, timeText, writeRecord } from './record.ts';
import type { MintReason, Summary, VersionRecord } from './record.ts';

/** Everything that belongs to one attempt to store a key. */
export interface Attempt {
  key: ManagedKey;
  op: string;
  reason: MintReason;
  /** The key that goes first, where its owner can have one only. */
  removes: string | null;
  /** Null when the secret does not exist yet. */
  secret: SeenSecret | null;
  ports: Ports;
}

/** What is told of a key beside its value. */
export type NewKey = Pick<CreatedKey, 'id' | 'createdAtMs'> & ReturnType<typeof hashesOf>;

/** What is written beside a value. */
export interface MintMetadata {
  secretMetadata: Record<string, unknown>;
  versionMetadata: Record<string, unknown>;
}

/** What is written beside the value of a new key: its history on the version, and the summary on the secret. */
export function metadataOfMint(attempt: Attempt, created: NewKey): MintMetadata {
  const { key, op, reason, secret, ports } = attempt;
  const record: VersionRecord = {
    deployment: key.deployment,
    name: key.name,
    kind: key.kind,
    key_id: created.id,
    owner: key.owner,
    op,
    key_created_at: timeText(created.createdAtMs),
    reason,
    sha256: created.sha256,
    hmsl: created.hmsl,
    // One that was taken in and is stored itself now follows nothing.
    predecessors: secret
      ? []
      : adoptedNow(
          key.adopt.filter((id) => id !== created.id),
          ports.clock.nowMs(),
        ),
    idle: [],
    restored: reason === 'undo',
    undo_at: '',
    ...NO_LEAK,
    dead_at: '',
  };
  return {
    versionMetadata: writeRecord({}, record),
    secretMetadata: writeRecord(secret?.metadata ?? {}, summaryOfMint(attempt, record, ports.clock.nowMs())),
  };
}

/** Keys that are taken in now. */
export const adoptedNow = (keyIds: readonly string[], nowMs: number): VersionRecord['predecessors'] =>
  keyIds.map((keyId) => ({ key_id: keyId, adopted_at: timeText(nowMs) }));

function summaryOfMint({ key, secret }: Attempt, record: VersionRecord, nowMs: number): Summary {
  const former = secret?.versions.find((version) => version.alias === 'current')?.record;
  const formerKeyId = former?.key_id ?? record.predecessors[0]?.key_id ?? '';
  return {
    deployment: record.deployment,
    name: record.name,
    kind: record.kind,
    key_id: record.key_id,
    rotated_at: timeText(nowMs),
    next_due: timeText(nowMs + key.policy.dueAfterMs),
    sha256: record.sha256,
    hmsl: record.hmsl,
    previous_key_id: formerKeyId,
    previous_sha256: former?.sha256 ?? '',
    previous_hmsl: former?.hmsl ?? '',
    retire_after: formerKeyId === '' ? '' : timeText(nowMs + key.policy.graceMs),
    failures: 0,
    not_before: '',
    failed_op: '',
    failed_at: '',
    dead_since: '',
    // Until a look shows that the leaked key is gone.
    compromised_at: secret?.summary?.compromised_at ?? '',
    compromised_keys: secret?.summary?.compromised_keys ?? [],
    reported_keys: secret?.summary?.reported_keys ?? [],
  };
}

/** What is known of a mint that failed. */
export interface Failure {
  /** The current key had to go for it, and is gone. Default: false. */
  isDead?: boolean;
  /** Nothing that it sent may still take effect. Default: false. */
  isOver?: boolean;
  /** A person is asked before anything was done: the next one need not wait. Default: false. */
  isRefused?: boolean;
}

/** The metadata of a secret whose next key could not be made. */
export function metadataAfterFailure(
  { key, op, ports }: Attempt,
  secret: SeenSecret,
  { isDead = false, isOver = false, isRefused = false }: Failure = {},
): Record<string, unknown> {
  const summary = trueSummary(key, secret);
  const nowMs = ports.clock.nowMs();
  const failures = summary.failures + (isRefused ? 0 : 1);
  const not_before = isRefused ? summary.not_before : timeText(nowMs + backOffMs(failures));
  const dead_since = summary.dead_since === '' && isDead ? timeText(nowMs) : summary.dead_since;
  const ended = isOver ? { failed_op: op, failed_at: timeText(nowMs) } : { failed_op: '', failed_at: '' };
  return writeRecord(secret.metadata, { ...summary, failures, not_before, dead_since, ...ended });
}

/** The metadata of a secret after a look: its current key works (null) or is dead, and these keys of it are compromised. */
export function metadataAfterLook(
  key: ManagedKey,
  secret: SeenSecret,
  { deadSinceMs, compromised }: { deadSinceMs: number | null; compromised: Summary['compromised_keys'] },
): Record<string, unknown> {
  const [since = ''] = compromised.map(({ at }) => at).toSorted();
  const found = { dead_since: textOrNone(deadSinceMs), compromised_at: since, compromised_keys: compromised };
  return writeRecord(secret.metadata, { ...trueSummary(key, secret), ...found });
}

const textOrNone = (atMs: number | null): string => (atMs === null ? '' : timeText(atMs));

/** The metadata of a secret whose former key is gone. */
export function metadataAfterRelease(key: ManagedKey, secret: SeenSecret): Record<string, unknown> {
  const summary = trueSummary(key, secret);
  const former = { previous_key_id: '', previous_sha256: '', previous_hmsl: '', retire_after: '' };
  return writeRecord(secret.metadata, { ...summary, ...former });
}

/** The secret's summary; where it is lost, or speaks of another key than the current one, made anew. */
function trueSummary(key: ManagedKey, secret: SeenSecret): Summary {
  const { summary, versions } = secret;
  const current = versions.find((version) => version.alias === 'current');
  return summary && summary.key_id === current?.record?.key_id ? summary : emptySummary(key, secret);
}

/** The summary of a secret that has lost it, from its versions. */
export function emptySummary(key: ManagedKey, secret: SeenSecret): Summary {
  const current = secret.versions.find((version) => version.alias === 'current');
  // Whether the former key is gone already the next look tells.
  const former = secret.versions.find((version) => version.alias === 'previous')?.record;
  return {
    deployment: key.deployment,
    name: key.name,
    kind: key.kind,
    key_id: current?.record?.key_id ?? '',
    rotated_at: current ? timeText(current.createdAtMs) : '',
    next_due: current ? timeText(current.createdAtMs + key.policy.dueAfterMs) : '',
    sha256: current?.record?.sha256 ?? '',
    hmsl: current?.record?.hmsl ?? '',
    previous_key_id: former?.key_id ?? '',
    previous_sha256: former?.sha256 ?? '',
    previous_hmsl: former?.hmsl ?? '',
    retire_after: former && current ? timeText(current.createdAtMs + key.policy.graceMs) : '',
    failures: 0,
    not_before: '',
    failed_op: '',
    failed_at: '',
    dead_since: '',
    compromised_at: secret.summary?.compromised_at ?? '',
    compromised_keys: secret.summary?.compromised_keys ?? [],
    reported_keys: secret.summary?.reported_keys ?? [],
  };
}
