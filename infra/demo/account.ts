import type { EmbeddedCloud } from '../local/cloud.ts';
import { Admin, ROLE } from './admin.ts';
import { setUpKeys } from './demo-keys.ts';
import type { DemoKey } from './demo-keys.ts';
import { FUNCTIONS } from './functions.ts';
import type { FunctionName } from './functions.ts';

/** A trusted profile. */
interface Profile {
  id: string;
  iamId: string;
}

/** The demo account, set up. */
export interface DemoAccount {
  keys: DemoKey[];
  /** The functional ID's first key, which a person made: Keyrota takes it in. */
  firstLogin: string;
  /** The trusted profile of each function. */
  profiles: Record<FunctionName, Profile>;
  /** The trusted profile by which agents read their secrets. */
  agentProfileId: string;
  /** The secret group that only Keyrota reads. */
  privateGroupId: string;
  /** IAM id of the account's owner, whose key the daily check reports. */
  ownerIamId: string;
  /** The secret group of the ledger alone: who tells of it reads no key. */
  ledgerGroupId: string;
}

/** Which workloads the profiles trust, beside the functions. */
export interface DemoWorkloads {
  projectCrn: string;
  agent: string;
}

/** Name of the secret group that agents read. */
export const AGENTS_GROUP = 'ingestion';

/** Services of whose keys the report tells: it sees them, and their values stay where they are. */
const LOOKED_AT = ['iam-identity', 'logs', 'logs-router', 'cloud-object-storage', 'logdna'];

/** A key is known everywhere a while after it was made. */
const UNTIL_KNOWN_MS = 10_000;

/** Sets the account up as its owner would: identities, policies, instances, secret groups, trusted profiles. No key yet. */
export async function setUpAccount(cloud: EmbeddedCloud, url: string, workloads: DemoWorkloads): Promise<DemoAccount> {
  const { account, iam, clock } = cloud;
  const admin = new Admin((request) => cloud.handle(request), url, account.id, iam.adminApiKey);
  const groupId = await admin.createSecretGroup(AGENTS_GROUP);
  const privateGroupId = await admin.createSecretGroup('keyrota-only');
  const ledgerGroupId = await admin.createSecretGroup('keyrota-ledger');
  const link = (component: string) => ({
    crn: workloads.projectCrn,
    component_type: 'function',
    component_name: component,
  });
  const profiles = await setUpProfiles(admin, link);
  const agent = await admin.createProfile('log-agents', link(workloads.agent));
  const { guid } = account.secretsManager;
  const inGroup = (group: string) => ({ serviceInstance: guid, resourceType: 'secret-group', resource: group });
  await admin.grant(agent.iamId, ROLE.secretsReader, 'secrets-manager', inGroup(groupId));
  const rotatorIamId = profiles['rotate-keys'].iamId;
  const responderIamId = profiles['respond-to-compromise'].iamId;
  // What tells of events calls nothing but rotate-keys: its profile has no rights at all.
  const instance = { serviceInstance: account.eventNotifications.guid };
  for (const iamId of [rotatorIamId, responderIamId]) {
    for (const group of [groupId, privateGroupId, ledgerGroupId])
      await admin.grant(iamId, ROLE.secretsWriter, 'secrets-manager', inGroup(group));
    await admin.grant(iamId, ROLE.apiKeyReviewer, 'iam-identity');
    await admin.grant(iamId, ROLE.eventPublisher, 'event-notifications', instance);
  }
  const readerIamId = profiles['show-report'].iamId;
  for (const group of [groupId, privateGroupId])
    await admin.grant(readerIamId, ROLE.reader, 'secrets-manager', inGroup(group));
  await admin.grant(readerIamId, ROLE.secretsReader, 'secrets-manager', inGroup(ledgerGroupId));
  await admin.grant(readerIamId, ROLE.apiKeyReviewer, 'iam-identity');
  for (const service of LOOKED_AT) await admin.grant(readerIamId, ROLE.viewer, service);
  // It logs in as the functional ID to see what that has, and reads no value that others use.
  const checkerIamId = profiles['check-expiry'].iamId;
  await admin.grant(checkerIamId, ROLE.reader, 'secrets-manager');
  await admin.grant(checkerIamId, ROLE.secretsReader, 'secrets-manager', inGroup(privateGroupId));
  await admin.grant(checkerIamId, ROLE.secretsWriter, 'secrets-manager', inGroup(ledgerGroupId));
  await admin.grant(checkerIamId, ROLE.configurationReader, 'iam-identity');
  await admin.grant(checkerIamId, ROLE.viewer, 'user-management');
  await admin.grant(checkerIamId, ROLE.eventPublisher, 'event-notifications', instance);
  await admin.grant(checkerIamId, ROLE.apiKeyReviewer, 'iam-identity');
  for (const service of ['iam-identity', null]) await admin.grant(checkerIamId, ROLE.viewer, service);
  await connectEvents(admin, account.eventNotifications.crn);
  const user = iam.addUser('log-shipper');
  const setting = { cloud, admin, url, rotatorIamId, responderIamId, groupId, privateGroupId };
  const keys = await setUpKeys(setting, user);
  await clock.advanceTo(clock.nowMs() + UNTIL_KNOWN_MS);
  return {
    keys,
    firstLogin: user.apiKey,
    profiles,
    agentProfileId: agent.id,
    ownerIamId: account.adminIamId,
    privateGroupId,
    ledgerGroupId,
  };
}

async function setUpProfiles(
  admin: Admin,
  link: (component: string) => Parameters<Admin['createProfile']>[1],
): Promise<DemoAccount['profiles']> {
  const create = (name: FunctionName) => admin.createProfile(`keyrota-${name}`, link(name));
  return {
    [FUNCTIONS.rotate]: await create(FUNCTIONS.rotate),
    [FUNCTIONS.respond]: await create(FUNCTIONS.respond),
    [FUNCTIONS.handleEvent]: await create(FUNCTIONS.handleEvent),
    [FUNCTIONS.check]: await create(FUNCTIONS.check),
    [FUNCTIONS.report]: await create(FUNCTIONS.report),
  };
}

/** From now on Secrets Manager tells Event Notifications what happens to secrets. */
async function connectEvents(admin: Admin, instanceCrn: string): Promise<void> {
  await admin.request('POST', '/api/v2/notifications/registration', {
    event_notifications_instance_crn: instanceCrn,
    event_notifications_source_name: 'secrets-manager',
  });
}

/** The demo's manifest, as its operator would write it. */
export function demoManifest({ keys, agentProfileId, ownerIamId, ledgerGroupId }: DemoAccount): object {
  return {
    deployment: 'demo',
    ledger: { group: ledgerGroupId },
    check: { accountOwner: ownerIamId },
    defaults: { rotateEvery: '30d', grace: '7d', quarantine: '3d' },
    keys: [
      ...keys.map(({ name, entry }) => ({ name, ...entry })),
      { name: 'log-agents', kind: 'trusted-profile', profileId: agentProfileId },
    ],
  };
}
