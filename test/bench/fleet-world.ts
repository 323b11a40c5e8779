import { iamDate } from '../../shared/clients/iam-identity-answers.ts';
import { LABEL } from '../../shared/clients/secret-store.ts';
import { ROLE } from '../../infra/demo/admin.ts';
import { formatKeyName, newOp } from '../../shared/keys/key-name.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { ManagedKey, Manifest } from '../../shared/keys/manifest.ts';
import { hashesOf } from '../../shared/keys/value-hashes.ts';
import { metadataOfMint } from '../../shared/rotation/mint-record.ts';
import type { MintMetadata } from '../../shared/rotation/mint-record.ts';
import { timeText } from '../../shared/rotation/record.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from '../support/laboratory.ts';
import { manifestOf } from '../support/manifests.ts';

/** Many managed keys in one account, each as its first mint leaves it. */
export interface Fleet {
  lab: Laboratory;
  manifest: Manifest;
  /** The manifest as its file says it. */
  written: object;
}

export interface FleetWish {
  deployment: string;
  names: readonly string[];
  /** While they are rotated an identity has twice as many, and never more than 20. */
  keysPerIdentity: number;
  /** What all summaries say of the next rotation, in milliseconds from now. Default: what the policy says. */
  dueInMs?: number;
  /** How often the key at that place is to be rotated, as the manifest says it. Default: as the manifest has it by default. */
  rotateEvery?: (place: number) => string;
}

/** Service IDs of others, the laboratory's own among them. */
const MOST_OTHERS = 2_000;

/** Builds the account as its owner would, without the product: its own first mints would take far longer. */
export async function openFleet({
  deployment,
  names,
  keysPerIdentity,
  dueInMs,
  rotateEvery,
}: FleetWish): Promise<Fleet> {
  // As IBM raises its limit for whoever has that many.
  const lab = await Laboratory.open({ serviceIdsPerAccount: names.length + MOST_OTHERS });
  await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, 'iam-identity', { resourceType: 'serviceid' });
  const keys: object[] = [];
  let serviceId = lab.serviceId;
  for (const [place, name] of names.entries()) {
    if (place % keysPerIdentity === 0) serviceId = await lab.admin.createServiceId(`agent-${place}`, 'Sends logs.');
    const policy = rotateEvery ? { rotateEvery: rotateEvery(place) } : {};
    keys.push({ kind: 'service-id-api-key', name, serviceId: serviceId.id, secret: { group: lab.groupId }, ...policy });
  }
  const written = { deployment, keys };
  const manifest = parseManifest(written, 'bench');
  const ops = manifest.keys.map(() => newOp((byteCount) => lab.random.bytes(byteCount)));
  const template = await templateOf(manifest.keys[0], lab);
  for (const [place, key] of manifest.keys.entries()) await provide(key, ops[place] ?? '', template, lab, dueInMs);
  await lab.pass(10_000);
  return { lab, manifest, written };
}

/** What a first mint writes. Its hashes take long to compute, so that of one key serves for all. */
async function templateOf(key: ManagedKey | undefined, lab: Laboratory): Promise<MintMetadata> {
  if (!key) throw new Error('a fleet has keys');
  const created = { id: '', createdAtMs: lab.clock.nowMs(), ...hashesOf(new SecretValue('template')) };
  const manifest = manifestOf(key.deployment, [key]);
  return lab.withPorts(manifest, (ports) =>
    Promise.resolve(metadataOfMint({ key, op: '', reason: 'first', removes: null, secret: null, ports }, created)),
  );
}

async function provide(
  key: ManagedKey,
  op: string,
  template: MintMetadata,
  lab: Laboratory,
  dueInMs = key.policy.dueAfterMs,
): Promise<void> {
  const nowMs = lab.clock.nowMs();
  const created = await lab.admin.request('POST', '/v1/apikeys', {
    name: formatKeyName({ deployment: key.deployment, name: key.name, op }),
    iam_id: `iam-${key.owner}`,
    expires_at: iamDate(nowMs + key.policy.expiresAfterMs),
  });
  const own = { name: key.name, key_id: String(created['id']) };
  const summary = { ...(template.secretMetadata['keyrota'] as object), ...own, next_due: timeText(nowMs + dueInMs) };
  const record = { ...(template.versionMetadata['keyrota'] as object), ...own, owner: key.owner, op };
  await lab.admin.request('POST', '/api/v2/secrets', {
    secret_type: 'arbitrary',
    name: key.secret.name,
    secret_group_id: key.secret.groupId,
    labels: [LABEL],
    payload: String(created['apikey']),
    custom_metadata: { keyrota: summary },
    version_custom_metadata: { keyrota: record },
  });
}
