import type { EmbeddedCloud } from '../local/cloud.ts';
import { Admin, ROLE } from './admin.ts';

/** A key of the demo: who sends with it, and where to. */
interface DemoKey {
  name: string;
  serviceId: string;
  grants: { service: string; role: string }[];
  linePath: '/logs/v1/singles' | '/logs-router/v1/singles';
}

/** The demo account, set up. */
export interface DemoAccount {
  keys: DemoKey[];
  groupId: string;
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

const SENDERS = [
  {
    name: 'logs-router-ingest',
    description: 'Ships platform logs to Logs Router.',
    service: 'logs-router',
    role: 'Writer',
    roleId: ROLE.logsRouterWriter,
    linePath: '/logs-router/v1/singles',
  },
  {
    name: 'cloud-logs-ingest',
    description: 'Ships application logs to Cloud Logs.',
    service: 'logs',
    role: 'Sender',
    roleId: ROLE.cloudLogsSender,
    linePath: '/logs/v1/singles',
  },
] as const;

/** Sets the account up as its owner would: identities, policies, a secret group, trusted profiles. No key yet. */
export async function setUpAccount(cloud: EmbeddedCloud, url: string, workloads: DemoWorkloads): Promise<DemoAccount> {
  const { account, iam } = cloud;
  const admin = new Admin((request) => cloud.handle(request), url, account.id, iam.adminApiKey);
  const groupId = await admin.createSecretGroup('ingestion');
  const group = { serviceInstance: account.secretsManager.guid, resourceType: 'secret-group', resource: groupId };
  const link = (component: string) => ({
    crn: workloads.projectCrn,
    component_type: 'function',
    component_name: component,
  });
  const rotator = await admin.createProfile('keyrota-rotate-keys', link(workloads.rotator));
  const agent = await admin.createProfile('log-agents', link(workloads.agent));
  await admin.grant(agent.iamId, ROLE.secretsReader, 'secrets-manager', group);
  await admin.grant(rotator.iamId, ROLE.secretsWriter, 'secrets-manager', group);
  await admin.grant(rotator.iamId, ROLE.apiKeyReviewer, 'iam-identity');
  const keys: DemoKey[] = [];
  for (const { name, description, service, role, roleId, linePath } of SENDERS) {
    const serviceId = await admin.createServiceId(name, description);
    await admin.grant(serviceId.iamId, roleId, service);
    await admin.grant(rotator.iamId, ROLE.operator, 'iam-identity', {
      resourceType: 'serviceid',
      resource: serviceId.id,
    });
    await admin.grant(rotator.iamId, ROLE.viewer, service);
    keys.push({ name, serviceId: serviceId.id, grants: [{ service, role }], linePath });
  }
  return { keys, groupId, rotatorProfileId: rotator.id, agentProfileId: agent.id };
}

/** The demo's manifest, as its operator would write it. */
export function demoManifest({ keys, groupId }: DemoAccount, url: string): object {
  return {
    deployment: 'demo',
    defaults: { rotateEvery: '30d', grace: '7d', quarantine: '3d' },
    keys: keys.map(({ name, serviceId, grants, linePath }) => ({
      name,
      kind: 'service-id-api-key',
      serviceId,
      grants,
      secret: { group: groupId },
      probe: { url: url + linePath },
    })),
  };
}
