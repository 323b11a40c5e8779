import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { Admin, ROLE } from '../../../infra/demo/admin.ts';
import { putBundles } from '../../../infra/bundle/kept-build.ts';
import { CloudClock } from '../../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../../infra/local/cloud.ts';
import { Fault } from '../../../infra/local/faults.ts';
import { FunctionHost } from '../../../infra/local/host/function-host.ts';
import { DEFAULT_PROJECT } from '../../../infra/local/host/hosted-function.ts';
import type { HostedFunction } from '../../../infra/local/host/hosted-function.ts';
import { serve } from '../../../infra/local/server.ts';
import { run } from './command.ts';

const HOUR_MS = 3_600_000;
export const TRIGGER_TOKEN = 'a-bearer-token-of-the-operator-0123456789';

/** Puts the functions into a folder, as `npm run build` does. Without arguments they are built once for all tests. */
export async function buildInto(folder: string, ...args: string[]): Promise<void> {
  if (args.length === 0) {
    putBundles(folder);
    return;
  }
  const { code, stderr } = await run('esbuild.config.mjs', ['--out', folder, ...args]);
  if (code !== 0) throw new Error(stderr);
}

/** A folder for bundles that goes in the end. */
export function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'keyrota-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

interface SeenState {
  iam: { apiKeys: { id: string; name: string; iamId: string; disabled: boolean; value?: string }[] };
  secretsManager: {
    secrets: {
      name: string;
      versions: { alias?: string; customMetadata: { keyrota?: { key_id: string } }; payload?: unknown }[];
    }[];
  };
}

/** What the tests look at in the answer of `rotate-keys`. */
export interface Answer {
  runId: string;
  dryRun: boolean;
  tookMs: number;
  counts: Record<string, number>;
  restingCount: number;
  keys: {
    name: string;
    steps: { step: string; why: string; keyId?: string }[];
    outcome: string;
    why: string;
    until: string | null;
    code: string | null;
    next: string[];
  }[];
}

export interface LogLine {
  level: string;
  event: string;
  message: string;
  at: string;
  [field: string]: unknown;
}

export interface RotateWorldOptions {
  /** Folder with the bundle. */
  directory: string;
  /** How many keys, each of a service ID of its own: `key-0` and so on. Default 1. */
  keyCount?: number;
  /** Beside those that the function needs; undefined takes one away. */
  environment?: Record<string, string | undefined>;
  /** Of the manifest, beside deployment and keys. */
  manifest?: object;
  /** Of each key. */
  entry?: object;
  /** Changes what is hosted. */
  hosted?: Partial<HostedFunction>;
  /** Changes what the cloud answers to the function. Default: nothing. */
  answerWith?: (answer: Response, request: Request) => Promise<Response>;
}

/**
 * The bundle of `rotate-keys` on an embedded cloud, over HTTP, logged in as a trusted profile with just the roles that it
 * needs. Time goes from event to event; nothing calls the function but the tests.
 */
export class RotateWorld implements AsyncDisposable {
  readonly clock = new CloudClock({ startMs: Date.UTC(2026, 10, 20, 8), speed: Infinity });
  readonly cloud = new EmbeddedCloud({ clock: this.clock, seed: 'rotate-keys' });
  readonly lines: string[] = [];
  /** Requests that the cloud got, to look at their headers. */
  readonly requests: Request[] = [];
  readonly serviceIds: { id: string; iamId: string }[] = [];
  readonly #closing: AsyncDisposable[] = [];
  #admin: Admin | undefined;
  #host: FunctionHost | undefined;
  #manifest: object = {};
  #answerWith: (answer: Response, request: Request) => Promise<Response> = (answer) => Promise.resolve(answer);

  private constructor() {}

  static async open(options: RotateWorldOptions): Promise<RotateWorld> {
    const world = new RotateWorld();
    await world.#open(options);
    return world;
  }

  get admin(): Admin {
    if (!this.#admin) throw new Error('not open');
    return this.#admin;
  }

  get host(): FunctionHost {
    if (!this.#host) throw new Error('not open');
    return this.#host;
  }

  /** As the function has it. */
  get manifest(): object {
    return this.#manifest;
  }

  get log(): LogLine[] {
    return this.lines.map((line) => JSON.parse(line) as LogLine);
  }

  get state(): SeenState {
    return this.cloud.snapshot({ withValues: true }) as SeenState;
  }

  /** The keys of the managed service IDs. */
  get keys(): SeenState['iam']['apiKeys'] {
    const managed = this.serviceIds.map(({ iamId }) => iamId);
    return this.state.iam.apiKeys.filter((key) => managed.includes(key.iamId));
  }

  /** The id of the key that the current version of a secret names; empty where there is none. */
  currentKeyId(name: string): string {
    const secret = this.state.secretsManager.secrets.find((one) => one.name === name);
    return secret?.versions.find((version) => version.alias === 'current')?.customMetadata.keyrota?.key_id ?? '';
  }

  /** Calls the function as anybody can. An object is sent as JSON. */
  async call(
    body?: unknown,
    init: { token?: string; headers?: Record<string, string>; path?: string; method?: string } = {},
  ) {
    const headers = {
      'content-type': 'application/json',
      ...(init.token !== undefined && { authorization: `Bearer ${init.token}` }),
      ...init.headers,
    };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const { method = 'POST', path = '' } = init;
    const url = `http://functions.test/rotate-keys${path}`;
    const response = await this.host.handle(
      new Request(url, { method, headers, ...(body !== undefined && { body: text }) }),
    );
    const answered = await response.text();
    return { status: response.status, text: answered, headers: response.headers, body: parse(answered) };
  }

  /** A call that works. */
  async rotate(body: unknown = {}, token?: string): Promise<Answer> {
    const { status, text, body: answer } = await this.call(body, token === undefined ? {} : { token });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return answer as unknown as Answer;
  }

  /** Trouble for calls that match. */
  fault(fault: z.input<typeof Fault>): void {
    this.cloud.faults.add(Fault.parse(fault));
  }

  /** What happens to keys and versions from now on. */
  recordEffects(): string[] {
    const effects: string[] = [];
    this.cloud.audit.watch(({ action }) => {
      if (action.startsWith('api-key.') || action === 'secret-version.create') effects.push(action);
    });
    return effects;
  }

  async pass(delayMs: number): Promise<void> {
    await this.clock.advanceTo(this.clock.nowMs() + delayMs);
  }

  /** To the next full hour, where the timer calls. */
  async passHours(hours: number): Promise<void> {
    await this.clock.advanceTo(Math.floor(this.clock.nowMs() / HOUR_MS + hours) * HOUR_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const closing of this.#closing.toReversed()) await closing[Symbol.asyncDispose]();
    this.clock.stop();
  }

  async #open(options: RotateWorldOptions): Promise<void> {
    const { clock, cloud } = this;
    this.#answerWith = options.answerWith ?? this.#answerWith;
    const attribution = {
      onArrival: (incoming: Parameters<FunctionHost['requestArrived']>[0]) => this.#host?.requestArrived(incoming),
      onDone: (incoming: Parameters<FunctionHost['requestDone']>[0]) => this.#host?.requestDone(incoming),
    };
    const api = await serve({ handle: (incoming) => this.#answer(incoming), port: 0, ...attribution });
    this.#closing.push(api);
    await this.pass(10_000); // the owner's key is as fresh as the account
    this.#admin = new Admin((request) => cloud.handle(request), api.url, cloud.account.id, cloud.iam.adminApiKey);
    const { groupId, profileId } = await this.#provision(options.keyCount ?? 1);
    this.#manifest = {
      deployment: 'test',
      ...options.manifest,
      keys: this.serviceIds.map(({ id }, index) => ({
        name: `key-${index}`,
        kind: 'service-id-api-key',
        serviceId: id,
        grants: [{ service: 'logs', role: 'Sender' }],
        secret: { group: groupId },
        ...options.entry,
      })),
    };
    const token = cloud.iam.issueComputeResourceToken(this.#resource());
    const environment = {
      KEYROTA_ACCOUNT_ID: cloud.account.id,
      KEYROTA_MANIFEST: JSON.stringify(this.#manifest),
      KEYROTA_IAM_URL: api.url,
      KEYROTA_SECRETS_MANAGER_URL: api.url,
      KEYROTA_RESOURCE_CONTROLLER_URL: api.url,
      KEYROTA_USER_MANAGEMENT_URL: api.url,
      KEYROTA_PROFILE_ID: profileId,
      KEYROTA_TRIGGER_TOKEN: TRIGGER_TOKEN,
      KEYROTA_TIMER_MINUTES: '60',
      ...options.environment,
    };
    const given = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
    this.#host = new FunctionHost({
      clock,
      functions: [
        {
          name: 'rotate-keys',
          directory: options.directory,
          environment: Object.fromEntries(given) as Record<string, string>,
          maxExecutionSeconds: 120,
          computeResourceToken: () => token,
          computeResourceTokenVariable: 'KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE',
          ...options.hosted,
        },
      ],
      onLog: (_, line) => this.lines.push(line),
    });
    this.#closing.push(this.#host);
  }

  async #answer(incoming: Request): Promise<Response> {
    this.requests.push(incoming);
    return this.#answerWith(await this.cloud.handle(incoming), incoming);
  }

  #resource() {
    const crn = `crn:v1:bluemix:public:codeengine:us-south:a/${this.cloud.account.id}:${DEFAULT_PROJECT.id}::`;
    return { crn, componentType: 'function' as const, componentName: 'rotate-keys' };
  }

  async #provision(keyCount: number): Promise<{ groupId: string; profileId: string }> {
    const { crn, componentType, componentName } = this.#resource();
    const { admin } = this;
    const groupId = await admin.createSecretGroup('ingestion');
    const link = { crn, component_type: componentType, component_name: componentName };
    const profile = await admin.createProfile('keyrota', link);
    const serviceInstance = this.cloud.account.secretsManager.guid;
    const group = { serviceInstance, resourceType: 'secret-group', resource: groupId };
    await admin.grant(profile.iamId, ROLE.secretsWriter, 'secrets-manager', group);
    await admin.grant(profile.iamId, ROLE.apiKeyReviewer, 'iam-identity');
    await admin.grant(profile.iamId, ROLE.viewer, 'logs');
    for (let index = 0; index < keyCount; index += 1) {
      const serviceId = await admin.createServiceId(`sender-${index}`, 'Sends logs.');
      await admin.grant(serviceId.iamId, ROLE.cloudLogsSender, 'logs');
      const resource = { resourceType: 'serviceid', resource: serviceId.id };
      await admin.grant(profile.iamId, ROLE.operator, 'iam-identity', resource);
      this.serviceIds.push(serviceId);
    }
    return { groupId, profileId: profile.id };
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
