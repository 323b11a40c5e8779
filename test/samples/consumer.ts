import type { KeyFetcherOptions } from '../../docs/samples/fetch-key.ts';
import { LogAgent } from '../../docs/samples/log-agent.ts';
import { Login, apiKeyForm, profileForm } from '../../docs/samples/log-in.ts';
import { ROLE } from '../../infra/demo/admin.ts';
import { projectCrn } from '../../infra/demo/functions.ts';
import type { Laboratory } from '../support/laboratory.ts';

export const CLOUD_URL = 'http://cloud.local';
export const GROUP = 'ingestion';
const WORKLOAD = 'log-agent';

/** A call of a sample; a null status where there was no answer. */
export interface Call {
  path: string;
  atMs: number;
  status: number | null;
}

/** `fetch` of the samples, with the laboratory in place of the network. What it was called for is written down. */
export function fetchOn(lab: Laboratory): { fetch: typeof fetch; calls: Call[] } {
  const calls: Call[] = [];
  const send = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    // None of the samples may wait for ever, or follow where an answer leads it with a key in its hands.
    if (!init?.signal || request.redirect !== 'error') throw new Error(`no limit for ${request.url}`);
    const call: Call = { path: new URL(request.url).pathname, atMs: lab.clock.nowMs(), status: null };
    calls.push(call);
    const response = await lab.send(request);
    call.status = response.status;
    return response;
  };
  return { fetch: send, calls };
}

/** A service ID with a role in the group of the secret, logged in with a key of its own. */
export async function loginOf(lab: Laboratory, name: string, role: string): Promise<Login> {
  const { id, iamId } = await lab.admin.createServiceId(name, 'A consumer.');
  await lab.admin.grant(iamId, role, 'secrets-manager', groupOf(lab));
  const body = { name: 'login', iam_id: iamId, account_id: lab.cloud.account.id };
  const { apikey } = await lab.admin.request('POST', '/v1/apikeys', body);
  await lab.pass(10_000);
  if (id === '') throw new Error('no service ID');
  return new Login(() => Promise.resolve(apiKeyForm(String(apikey))), timesOf(lab));
}

/** A workload that may read the secrets of the group as a trusted profile. */
export async function workloadLogin(lab: Laboratory): Promise<Login> {
  const crn = projectCrn(lab.cloud.account.id);
  const link = { crn, component_type: 'function', component_name: WORKLOAD };
  const profile = await lab.admin.createProfile('readers', link);
  await lab.admin.grant(profile.iamId, ROLE.secretsReader, 'secrets-manager', groupOf(lab));
  const resource = { crn, componentType: 'function' as const, componentName: WORKLOAD };
  const form = () => profileForm(profile.id, lab.cloud.iam.issueComputeResourceToken(resource));
  return new Login(() => Promise.resolve(form()), timesOf(lab));
}

const groupOf = (lab: Laboratory) => ({
  serviceInstance: lab.cloud.account.secretsManager.guid,
  resourceType: 'secret-group',
  resource: lab.groupId,
});

const timesOf = (lab: Laboratory) => ({
  iamUrl: CLOUD_URL,
  fetch: fetchOn(lab).fetch,
  nowMs: () => lab.clock.nowMs(),
});

/** Options of a fetcher in the laboratory; `warnings` hears what it warns of. */
export function fetching(
  lab: Laboratory,
  reader: Login,
  { warnings = [], ...changes }: Partial<KeyFetcherOptions> & { warnings?: string[] } = {},
): KeyFetcherOptions {
  return {
    secretsManagerUrl: CLOUD_URL,
    secret: { group: GROUP, type: 'arbitrary', name: 'ingest' },
    token: () => reader.token(),
    keepForMs: 3_600_000,
    warn: (message) => warnings.push(message),
    fetch: fetchOn(lab).fetch,
    nowMs: () => lab.clock.nowMs(),
    random: () => 0.5,
    ...changes,
  };
}

/** A log agent as a team would build it. */
export const logAgent = (lab: Laboratory, reader: Login, changes: Parameters<typeof fetching>[2] = {}): LogAgent =>
  new LogAgent({ ...fetching(lab, reader, changes), iamUrl: CLOUD_URL, ingestionUrl: CLOUD_URL });

export const LINES = [{ applicationName: 'shop', subsystemName: 'cart', severity: 3, text: 'line' }];
