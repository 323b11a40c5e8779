import type { EmbeddedCloud } from '../local/cloud.ts';
import { ROLE } from './admin.ts';
import type { Admin } from './admin.ts';

/** How an agent ships its lines: with a token for its key, or with the key itself. */
export interface Shipping {
  path: string;
  by: 'token' | 'ingestion-key';
}

/** One key of the demo: its entry in the manifest, and how an agent uses it. */
export interface DemoKey {
  name: string;
  entry: Record<string, unknown>;
  /** Null where nobody ships lines with it. */
  shipping: Shipping | null;
  /** No program fetches it: Keyrota itself uses it. */
  isPrivate?: true;
}

/** What the keys of the demo are set up with. */
export interface DemoSetting {
  cloud: EmbeddedCloud;
  admin: Admin;
  url: string;
  /** IAM id of the trusted profile that rotates. */
  rotatorIamId: string;
  /** IAM id of the trusted profile that contains leaked keys. */
  responderIamId: string;
  /** The secret group that agents read. */
  groupId: string;
  /** The secret group that only Keyrota reads. */
  privateGroupId: string;
}

/** A functional ID, and the first key that it made in the console. */
export interface FunctionalId {
  iamId: string;
  apiKey: string;
}

const CLOUD_LOGS = { service: 'logs', role: 'Sender', roleId: ROLE.cloudLogsSender, path: '/logs/v1/singles' };
const LOGS_ROUTER = {
  service: 'logs-router',
  role: 'Writer',
  roleId: ROLE.logsRouterWriter,
  path: '/logs-router/v1/singles',
};

/** Where lines can be sent, and the role that it takes. */
interface Destination {
  service: string;
  role: string;
  roleId: string;
  path: string;
}

/** Plans of the catalog. */
const PLAN = { logAnalysis: 'logdna-7-day', objectStorage: '744bfc56-d12c-4866-88d5-dac9139e0e5d' };

/** Every entry that rotates, one of each kind at least. */
export async function setUpKeys(setting: DemoSetting, user: FunctionalId): Promise<DemoKey[]> {
  return [
    await serviceIdKey(setting, 'logs-router-ingest', 'Ships platform logs to Logs Router.', LOGS_ROUTER),
    await serviceIdKey(setting, 'cloud-logs-ingest', 'Ships application logs to Cloud Logs.', CLOUD_LOGS),
    ...(await userKeys(setting, user)),
    await credentialKey(setting),
    await objectStorageKey(setting),
    await loggingKey(setting),
    classicKey(setting, user),
  ];
}

async function serviceIdKey(
  { admin, url, rotatorIamId, responderIamId, groupId }: DemoSetting,
  name: string,
  description: string,
  { service, role, roleId, path }: Destination,
): Promise<DemoKey> {
  const { id, iamId } = await admin.createServiceId(name, description);
  await admin.grant(iamId, roleId, service);
  const ofServiceId = { resourceType: 'serviceid', resource: id };
  for (const keyrota of [rotatorIamId, responderIamId])
    await admin.grant(keyrota, ROLE.operator, 'iam-identity', ofServiceId);
  await admin.grant(rotatorIamId, ROLE.viewer, service);
  const grants = [{ service, role }];
  const secret = { group: groupId };
  const entry = { kind: 'service-id-api-key', serviceId: id, description, grants, secret, probe: { url: url + path } };
  return { name, entry, shipping: { path, by: 'token' } };
}

/** One key logs in, in a secret that only Keyrota reads; the other one ships lines. */
async function userKeys({ admin, groupId, privateGroupId }: DemoSetting, { iamId }: FunctionalId): Promise<DemoKey[]> {
  const { service, role, roleId, path } = CLOUD_LOGS;
  await admin.grant(iamId, roleId, service);
  const grants = [{ service, role }];
  const login = { kind: 'user-api-key', iamId, secret: { group: privateGroupId } };
  const ingest = { kind: 'user-api-key', iamId, login: LOGIN, grants, secret: { group: groupId } };
  return [
    { name: LOGIN, entry: login, shipping: null, isPrivate: true },
    { name: 'functional-id-ingest', entry: ingest, shipping: { path, by: 'token' } },
  ];
}

/** Name of the entry whose key logs in as the functional ID. */
export const LOGIN = 'functional-id-login';

async function credentialKey({ cloud, admin, rotatorIamId, groupId }: DemoSetting): Promise<DemoKey> {
  const { guid, crn } = cloud.account.cloudLogs;
  const instance = { serviceInstance: guid };
  await admin.grant(rotatorIamId, ROLE.operator, 'logs', instance);
  await admin.grant(rotatorIamId, ROLE.cloudLogsSender, 'logs', instance);
  const entry = { kind: 'service-credential', instance: crn, role: 'Sender', secret: { group: groupId } };
  const shipping: Shipping = { path: `/logs/${guid}/logs/v1/singles`, by: 'token' };
  return { name: 'cloud-logs-credential', entry, shipping };
}

/** Nobody tells when HMAC keys are used: what is fetched, locks and time are the evidence. */
async function objectStorageKey(setting: DemoSetting): Promise<DemoKey> {
  const { admin, rotatorIamId, groupId } = setting;
  const { guid, crn } = await createInstance(setting, 'archive', PLAN.objectStorage, 'global');
  const instance = { serviceInstance: guid };
  await admin.grant(rotatorIamId, ROLE.administrator, 'cloud-object-storage', instance);
  await admin.grant(rotatorIamId, ROLE.secretsWriter, 'cloud-object-storage', instance);
  const entry = {
    kind: 'service-credential',
    instance: crn,
    role: 'Writer',
    parameters: { HMAC: true },
    evidence: { unused: false },
    secret: { group: groupId },
  };
  return { name: 'archive-bucket', entry, shipping: null };
}

async function loggingKey(setting: DemoSetting): Promise<DemoKey> {
  const { admin, rotatorIamId, groupId, url } = setting;
  const { guid, crn } = await createInstance(setting, 'old-logs', PLAN.logAnalysis, 'us-south');
  const instance = { serviceInstance: guid };
  await admin.grant(rotatorIamId, ROLE.operator, 'logdna', instance);
  await admin.grant(rotatorIamId, ROLE.manager, 'logdna', instance);
  const entry = {
    kind: 'logging-key',
    legacy: true,
    instance: crn,
    use: 'ingestion',
    apiUrl: url,
    ingestionUrl: url,
    secret: { group: groupId },
  };
  return { name: 'log-analysis-ingest', entry, shipping: { path: '/logs/ingest?hostname=demo', by: 'ingestion-key' } };
}

function classicKey({ cloud, groupId }: DemoSetting, { iamId }: FunctionalId): DemoKey {
  cloud.classic.linkUser(iamId);
  const window = { from: '02:00', until: '04:00' };
  const entry = { kind: 'classic-api-key', iamId, login: LOGIN, window, secret: { group: groupId } };
  return { name: 'classic-automation', entry, shipping: null };
}

async function createInstance(
  { cloud, admin }: DemoSetting,
  name: string,
  planId: string,
  target: string,
): Promise<{ guid: string; crn: string }> {
  const body = { name, target, resource_group: cloud.account.resourceGroupId, resource_plan_id: planId };
  const { guid, crn } = await admin.request('POST', '/v2/resource_instances', body);
  return { guid: String(guid), crn: String(crn) };
}
