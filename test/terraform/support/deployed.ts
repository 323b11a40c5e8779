import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import '../../../functions/check-expiry/check.ts';
import { main as checkExpiry } from '../../../functions/check-expiry/handler.ts';
import '../../../functions/handle-secret-event/handle.ts';
import { main as handleSecretEvent } from '../../../functions/handle-secret-event/handler.ts';
import { main as respondToCompromise } from '../../../functions/respond-to-compromise/handler.ts';
import '../../../functions/respond-to-compromise/respond.ts';
import { main as rotateKeys } from '../../../functions/rotate-keys/handler.ts';
import '../../../functions/rotate-keys/rotate.ts';
import { main as showReport } from '../../../functions/show-report/handler.ts';
import '../../../functions/show-report/show.ts';
import { projectCrn } from '../../../infra/demo/functions.ts';
import { paramsOf } from '../../../infra/local/host/params.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { inProcess } from '../../support/in-process.ts';
import type { Laboratory } from '../../support/laboratory.ts';
import { roleIdOf } from '../../support/replay.ts';
import type { Value } from './functions.ts';
import type { Module } from './module.ts';
import { Plan } from './plan.ts';
import type { Instance } from './plan.ts';

const HANDLERS = {
  'rotate-keys': rotateKeys,
  'respond-to-compromise': respondToCompromise,
  'handle-secret-event': handleSecretEvent,
  'check-expiry': checkExpiry,
  'show-report': showReport,
};
export type FunctionName = keyof typeof HANDLERS;
export const FUNCTION_NAMES = Object.keys(HANDLERS) as FunctionName[];

/** Where the APIs of the embedded cloud are, as functions are told; calls to it are taken before they reach the network. */
export const CLOUD = 'http://127.0.0.1:1';

/** The SDK's own copy of axios, under which the embedded cloud takes the place of the network. */
const axios = createRequire(createRequire(import.meta.url).resolve('ibm-cloud-sdk-core'))('axios') as {
  defaults: { adapter: unknown };
};

interface AxiosConfig {
  url: string;
  method: string;
  data?: string;
  headers: { toJSON: () => Record<string, string> };
}

/** Which roles of a policy are granted, by the policy's key. */
type RolesOf = (key: string, roles: readonly string[]) => readonly string[];
const all: RolesOf = (_, roles) => roles;

export const rolesIn = ({ values }: Instance): string[] => values['roles'] as string[];

export interface Answer {
  status: number;
  body: unknown;
}

/** What the module made, as the embedded cloud has it: functions with their environments, profiles, links and policies. */
export class Deployed implements Disposable {
  readonly lab: Laboratory;
  readonly plan: Plan;
  readonly lines: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'keyrota-terraform-'));
  readonly #adapter = axios.defaults.adapter;
  readonly #spies: { mockRestore: () => void }[] = [];
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(lab: Laboratory, planned: (folder: string) => Plan) {
    this.lab = lab;
    this.plan = planned(this.#folder);
    const { portClock } = lab;
    this.#spies.push(
      vi.spyOn(systemClock, 'nowMs').mockImplementation(() => portClock.nowMs()),
      vi.spyOn(systemClock, 'sleep').mockImplementation((delayMs, signal) => portClock.sleep(delayMs, signal)),
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => this.lines.push(String(text)) > 0),
    );
    const adapter = inProcess(lab.cloud);
    axios.defaults.adapter = (config: AxiosConfig) =>
      config.url.includes('.function.cluster.local') ? this.#pass(config) : adapter(config);
  }

  /** Applies the module to the account of the laboratory, for a manifest. `rolesOf` says which roles of a policy are left. */
  static async apply(
    lab: Laboratory,
    module: Module,
    manifest: object,
    { inputs = {}, rolesOf = all }: { inputs?: Record<string, Value>; rolesOf?: RolesOf } = {},
  ): Promise<Deployed> {
    const { account } = lab.cloud;
    const profiles = new Map<string, { id: string; iamId: string }>();
    for (const name of FUNCTION_NAMES) {
      const body = { account_id: account.id, name: `keyrota-${name}` };
      const made = await lab.admin.request('POST', '/v1/profiles', body);
      profiles.set(name, { id: String(made['id']), iamId: String(made['iam_id']) });
    }
    const deployed = new Deployed(lab, (folder) => {
      const file = join(folder, 'manifest.json');
      writeFileSync(file, JSON.stringify(manifest));
      const given = { ...inputsFor(lab), manifest_file: file, ...inputs };
      return new Plan(module, given, ({ type, key }, values) => made(type, key, values, profiles));
    });
    for (const link of deployed.plan.of('ibm_iam_trusted_profile_link')) await deployed.#link(link);
    for (const policy of deployed.policies) await deployed.grant(policy, rolesOf(policy.key ?? '', rolesIn(policy)));
    return deployed;
  }

  /** The policies of the functions' profiles. */
  get policies(): Instance[] {
    return this.plan.of('ibm_iam_trusted_profile_policy');
  }

  /** What a function finds in its environment, but for the token file, which Code Engine puts elsewhere. */
  environmentOf(name: FunctionName): Record<string, string> {
    const found = this.plan.instances.find(
      ({ type, values }) => type === 'ibm_code_engine_function' && values['name'] === name,
    );
    const entries = (found?.values['run_env_variables'] ?? []) as Record<string, string>[];
    return Object.assign({}, ...entries.map((entry) => this.#variablesOf(entry))) as Record<string, string>;
  }

  /** Calls a function as Code Engine does, in its own environment and with its own login. */
  call(
    name: FunctionName,
    path: string,
    request: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
  ): Promise<Answer> {
    const work = this.#busy.then(() => this.#call(name, path, request));
    this.#busy = work.catch(() => undefined);
    return work;
  }

  /** Resolves when no function works any more. */
  async settled(): Promise<void> {
    for (let busy = null as Promise<unknown> | null; busy !== this.#busy;) {
      busy = this.#busy;
      await busy;
    }
  }

  /** Calls of a function that were refused with 403, from that number on and without ids. */
  refusalsFrom(number: number, name: FunctionName): string[] {
    const own = this.plan.of('ibm_iam_trusted_profile').find(({ key }) => key === name)?.values['iam_id'];
    const calls = this.lab.cloud.calls.list(number);
    const refused = calls.filter(({ outcome, iamId }) => outcome === 403 && iamId === own);
    const told = refused.map(({ method, path, query }) => `${method} ${path.replaceAll(AN_ID, '*')}${kindIn(query)}`);
    return [...new Set(told)].toSorted();
  }

  [Symbol.dispose](): void {
    axios.defaults.adapter = this.#adapter;
    for (const spy of this.#spies) spy.mockRestore();
    vi.unstubAllEnvs();
    rmSync(this.#folder, { recursive: true });
  }

  async #call(
    name: FunctionName,
    path: string,
    { method = 'POST', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: unknown },
  ): Promise<Answer> {
    const text = body === undefined ? null : Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body);
    const url = `http://functions.local${path}`;
    const request = new Request(url, { method, headers, ...(text !== null && { body: text }) });
    request.headers.set('content-type', 'application/json');
    this.#enter(name);
    const { statusCode, body: answer } = await HANDLERS[name](await paramsOf(request, path, 'request-1'));
    return { status: statusCode, body: answer };
  }

  #enter(name: FunctionName): void {
    vi.unstubAllEnvs();
    const { cloud } = this.lab;
    const tokenFile = join(this.#folder, `${name}.token`);
    const crn = projectCrn(cloud.account.id);
    const token = cloud.iam.issueComputeResourceToken({ crn, componentType: 'function', componentName: name });
    writeFileSync(tokenFile, token);
    const environment = { ...this.environmentOf(name), KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE: tokenFile };
    for (const [variable, value] of Object.entries(environment)) vi.stubEnv(variable, value);
  }

  #variablesOf({ type = '', reference = '', name = '', value = '' }: Record<string, string>): object {
    if (type === 'literal') return { [name]: value };
    const kind = type === 'config_map_full_reference' ? 'ibm_code_engine_config_map' : 'ibm_code_engine_secret';
    const found = this.plan.of(kind).find(({ values }) => values['name'] === reference);
    if (!found) throw new Error(`there is no ${type} ${reference}`);
    return found.values['data'] as object;
  }

  /** One function of the project calls another one: it starts, and its caller does not wait for long. */
  #pass(config: AxiosConfig): Promise<object> {
    const [name = ''] = new URL(config.url).hostname.split('.');
    const { authorization, Authorization } = config.headers.toJSON();
    const headers = { authorization: Authorization ?? authorization ?? '' };
    void this.call(name as FunctionName, '/', { headers, body: JSON.parse(config.data ?? '{}') });
    return Promise.resolve({ data: '{}', status: 200, statusText: 'OK', headers: {}, config, request: {} });
  }

  async #link({ key, values }: Instance): Promise<void> {
    const [link] = values['link'] as object[];
    const body = { name: values['name'], cr_type: values['cr_type'], link };
    await this.lab.admin.request('POST', `/v1/profiles/${String(values['profile_id'])}/links`, body);
    if (key === null) throw new Error('a link belongs to one function');
  }

  /** Lets whoever the policy names do what the roles say. */
  async grant({ values }: Pick<Instance, 'values'>, roles: readonly string[]): Promise<void> {
    if (roles.length === 0) return;
    const [resources = {}] = values['resources'] as Record<string, string | null>[];
    const attributes = {
      accountId: this.lab.cloud.account.id,
      serviceName: resources['service'],
      serviceType: resources['service_type'],
      serviceInstance: resources['resource_instance_id'],
      resourceType: resources['resource_type'],
      resource: resources['resource'],
    };
    await this.lab.admin.request('POST', '/v1/policies', {
      type: 'access',
      description: values['description'],
      subjects: [{ attributes: [{ name: 'iam_id', value: values['iam_id'] }] }],
      roles: roles.map((role) => ({ role_id: roleIdOf(role, resources['service'] ?? '') })),
      resources: [
        {
          attributes: Object.entries(attributes)
            .filter(([, value]) => value !== null && value !== undefined)
            .map(([name, value]) => ({ name, value })),
        },
      ],
    });
  }
}

const AN_ID = /(ApiKey-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g;

/** Of which kind of keys a list was asked for. */
const kindIn = (query: string): string => {
  const type = new URLSearchParams(query).get('type');
  return type === null ? '' : ` of type ${type}`;
};

/** What exists already in the account of the embedded cloud, and where its APIs are. */
function inputsFor({ cloud }: Laboratory): Record<string, Value> {
  const { account } = cloud;
  return {
    region: account.secretsManager.crn.split(':')[5],
    existing_project_crn: projectCrn(account.id),
    existing_secrets_manager_crn: account.secretsManager.crn,
    existing_event_notifications_crn: account.eventNotifications.crn,
    timer_minutes: 60,
    settings: {
      ...noticeSettings(cloud),
      KEYROTA_IAM_URL: CLOUD,
      KEYROTA_RESOURCE_CONTROLLER_URL: CLOUD,
      KEYROTA_CLASSIC_URL: CLOUD,
      KEYROTA_USER_MANAGEMENT_URL: CLOUD,
      KEYROTA_SECRETS_MANAGER_URL: CLOUD,
    },
  };
}

/** Notices go to Event Notifications, which wants a role. */
function noticeSettings(cloud: Laboratory['cloud']): Record<string, string> {
  const { eventNotificationsId, eventNotificationsSourceId } = cloud.addresses(CLOUD, CLOUD);
  return {
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: `${CLOUD}/event-notifications/v1/instances/${eventNotificationsId}`,
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: eventNotificationsSourceId,
    KEYROTA_ALLOWED_TARGETS: CLOUD,
  };
}

/** What the platform gives to what is made. */
function made(
  type: string,
  key: string | null,
  values: Record<string, Value>,
  profiles: ReadonlyMap<string, { id: string; iamId: string }>,
): Record<string, Value> {
  if (type === 'ibm_iam_trusted_profile') {
    const profile = profiles.get(key ?? '');
    return { id: profile?.id, iam_id: profile?.iamId };
  }
  if (type !== 'ibm_code_engine_function') return { id: 'made', topic_id: 'topic', destination_id: 'destination' };
  const name = String(values['name']);
  return {
    endpoint: `https://${name}.sub.eu-de.codeengine.appdomain.cloud`,
    endpoint_internal: `http://${name}.sub.function.cluster.local`,
  };
}
