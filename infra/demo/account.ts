import type { EmbeddedCloud } from '../local/cloud.ts';
import { Admin, ROLE } from './admin.ts';
import { setUpKeys } from './demo-keys.ts';
import type { DemoKey } from './demo-keys.ts';

/** The demo account, set up. */
export interface DemoAccount {
  keys: DemoKey[];
  /** The functional ID's first key, which a person made: Keyrota takes it in. */
  firstLogin: string;
  /** Keyrota's own trusted profile. */
  rotatorProfileId: string;
  /** The trusted profile by which agents read their secrets. */
  agentProfileId: string;
}

/** Which workloads the profiles trust. */
export interface DemoWorkloads {
  projectCrn: string;
  rotator: string;
  agent: string;
}

/** Name of the secret group that agents read. */
export const AGENTS_GROUP = 'ingestion';

/** A key is known everywhere a while after it was made. */
const UNTIL_KNOWN_MS = 10_000;

/** Sets the account up as its owner would: identities, policies, instances, secret groups, trusted profiles. No key yet. */
export async function setUpAccount(cloud: EmbeddedCloud, url: string, workloads: DemoWorkloads): Promise<DemoAccount> {
  const { account, iam, clock } = cloud;
  const admin = new Admin((request) => cloud.handle(request), url, account.id, iam.adminApiKey);
  const groupId = await admin.createSecretGroup(AGENTS_GROUP);
  const privateGroupId = await admin.createSecretGroup('keyrota-only');
  const link = (component: string) => ({
    crn: workloads.projectCrn,
    component_type: 'function',
    component_name: component,
  });
  const rotator = await admin.createProfile('keyrota-rotate-keys', link(workloads.rotator));
  const agent = await admin.createProfile('log-agents', link(workloads.agent));
  const { guid } = account.secretsManager;
  const inGroup = (group: string) => ({ serviceInstance: guid, resourceType: 'secret-group', resource: group });
  await admin.grant(agent.iamId, ROLE.secretsReader, 'secrets-manager', inGroup(groupId));
  for (const group of [groupId, privateGroupId])
    await admin.grant(rotator.iamId, ROLE.secretsWriter, 'secrets-manager', inGroup(group));
  await admin.grant(rotator.iamId, ROLE.apiKeyReviewer, 'iam-identity');
  const user = iam.addUser('log-shipper');
  const setting = { cloud, admin, url, rotatorIamId: rotator.iamId, groupId, privateGroupId };
  const keys = await setUpKeys(setting, user);
  await clock.advanceTo(clock.nowMs() + UNTIL_KNOWN_MS);
  return { keys, firstLogin: user.apiKey, rotatorProfileId: rotator.id, agentProfileId: agent.id };
}

/** The demo's manifest, as its operator would write it. */
export function demoManifest({ keys, agentProfileId }: DemoAccount): object {
  return {
    deployment: 'demo',
    defaults: { rotateEvery: '30d', grace: '7d', quarantine: '3d' },
    keys: [
      ...keys.map(({ name, entry }) => ({ name, ...entry })),
      { name: 'log-agents', kind: 'trusted-profile', profileId: agentProfileId },
    ],
  };
}
