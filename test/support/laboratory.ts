import type { z } from 'zod';
import { Admin, ROLE, exchange, logInWithKey } from '../../infra/demo/admin.ts';
import { CloudClock } from '../../infra/local/clock.ts';
import { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { Fault } from '../../infra/local/faults.ts';
import { SeededRandom } from '../../infra/local/random.ts';
import type { Switches } from '../../infra/local/switches.ts';
// Kinds load when they are needed. Here they are loaded before, for virtual time would not stand still meanwhile.
import '../../shared/clients/classic-users.ts';
import '../../shared/keys/classic-api-key.ts';
import '../../shared/keys/logging-key.ts';
import '../../shared/keys/service-credential.ts';
import '../../shared/keys/service-id-api-key.ts';
import '../../shared/keys/user-api-key.ts';
import '../../shared/keys/user-login.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { COMPROMISED_MARK } from '../../shared/keys/kind.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { rotateAll } from '../../shared/rotation/rotate-all.ts';
import type { RunOptions, RunReport } from '../../shared/rotation/rotate-all.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { inProcess } from './in-process.ts';
import './remembered-hashes.ts';

const URL = 'http://cloud.local';
const HOUR_MS = 3_600_000;

/** What `GET /state` shows, as far as the tests look. */
export interface State {
  logs: { lastLine: { text: string } | null };
  iam: {
    apiKeys: {
      id: string;
      name: string;
      iamId: string;
      disabled: boolean;
      locked: boolean;
      value?: string;
      createdAtMs: number;
      expiresAtMs: number | null;
    }[];
  };
  secretsManager: {
    secrets: {
      id: string;
      name: string;
      labels: string[];
      customMetadata: Record<string, unknown>;
      versions: {
        id: string;
        alias?: string | null;
        payloadAvailable: boolean;
        downloaded: boolean;
        customMetadata: { keyrota?: { key_id: string; op: string; reason: string } };
        locks: { name: string; attributes?: Record<string, unknown> }[];
        payload?: unknown;
      }[];
    }[];
  };
}

/**
 * The product's core on an embedded cloud, all in this process and without sockets: an account with one service ID that
 * may send to Cloud Logs, a secret group, and Keyrota's own identity with just the roles that it needs.
 */
export class Laboratory {
  readonly clock: CloudClock;
  readonly cloud: EmbeddedCloud;
  readonly logLines: string[] = [];
  readonly random = new SeededRandom('laboratory');
  serviceId = { id: '', iamId: '' };
  groupId = '';
  keyrota = { id: '', iamId: '' };
  #admin: Admin | undefined;
  #keyrotaKey = '';
  #readerToken: { value: string; atMs: number } | undefined;

  private constructor(switches: Partial<Switches>) {
    this.clock = new CloudClock({ startMs: Date.UTC(2026, 0, 5, 8), speed: Infinity });
    this.cloud = new EmbeddedCloud({ clock: this.clock, seed: 'laboratory', switches });
  }

  static async open(switches: Partial<Switches> = {}): Promise<Laboratory> {
    const lab = new Laboratory(switches);
    await lab.#provision();
    return lab;
  }

  get admin(): Admin {
    if (!this.#admin) throw new Error('not provisioned');
    return this.#admin;
  }

  readonly send = (request: Request): Promise<Response> => this.cloud.handle(request);

  /** Time as the product's port. */
  get portClock(): Clock {
    return { nowMs: () => this.clock.nowMs(), sleep: (delayMs, signal) => this.clock.sleep(delayMs, signal) };
  }

  manifest(entry: object = {}): Manifest {
    const secret = { group: this.groupId };
    const grants = [{ service: 'logs', role: 'Sender' }];
    const written = {
      kind: 'service-id-api-key',
      name: 'ingest',
      serviceId: this.serviceId.id,
      grants,
      secret,
      ...entry,
    };
    const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
    return parseManifest({ deployment: 'lab', ledger: { group: this.groupId }, keys: [given] }, 'test');
  }

  context(manifest: Manifest, settings: Record<string, string> = {}): RunContext {
    const environment = {
      KEYROTA_ACCOUNT_ID: this.cloud.account.id,
      KEYROTA_IAM_URL: 'http://127.0.0.1:1',
      KEYROTA_RESOURCE_CONTROLLER_URL: 'http://127.0.0.1:1',
      KEYROTA_CLASSIC_URL: 'http://127.0.0.1:1',
      KEYROTA_USER_MANAGEMENT_URL: 'http://127.0.0.1:1',
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:1',
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: this.#keyrotaKey,
      KEYROTA_TIMER_MINUTES: '60',
      KEYROTA_LOG_LEVEL: 'debug',
      ...settings,
    };
    const clock = this.portClock;
    const log = createLog({ clock, write: (line) => this.logLines.push(line), level: 'debug' });
    return {
      settings: readSettings(environment),
      manifest,
      clock,
      log,
      http: { adapter: inProcess(this.cloud) },
      randomBytes: (byteCount) => this.random.bytes(byteCount),
    };
  }

  /** One tick of the timer; `changes` say in what this run differs from others. */
  tick(manifest: Manifest, options: Partial<RunOptions> = {}, changes: Partial<RunContext> = {}): Promise<RunReport> {
    const wish = { only: null, force: false, dryRun: false, timerMs: HOUR_MS, keysAtOnce: 8, ...options };
    return this.withPorts(manifest, (ports) => rotateAll(manifest, wish, ports), changes);
  }

  withPorts<T>(manifest: Manifest, work: (ports: Ports) => Promise<T>, changes: Partial<RunContext> = {}): Promise<T> {
    return withPorts({ ...this.context(manifest), ...changes }, async (ports) => {
      await ports.login();
      return work(ports);
    });
  }

  /** Trouble for the next call that matches. */
  fault(fault: z.input<typeof Fault>): void {
    this.cloud.faults.add(Fault.parse(fault));
  }

  /** From now on calls that match are carried out, and confirmed with this text in place of their answer. */
  confirmWith(match: RegExp, text: string): void {
    const handle = this.cloud.handle.bind(this.cloud);
    this.cloud.handle = async (request) => {
      const response = await handle(request);
      const isHit = response.ok && match.test(`${request.method} ${new globalThis.URL(request.url).pathname}`);
      return isHit ? new Response(text, { status: response.status }) : response;
    };
  }

  /** Marks a key at the issuer as compromised, as the response to a leak does. */
  async markCompromised(keyId: string): Promise<void> {
    const found = await this.admin.request('GET', `/v1/apikeys/${keyId}`);
    const authorization = await this.adminAuthorization();
    const headers = { authorization, 'content-type': 'application/json', 'if-match': String(found['entity_tag']) };
    const body = JSON.stringify({ name: found['name'], description: COMPROMISED_MARK });
    await this.send(new Request(`${URL}/v1/apikeys/${keyId}`, { method: 'PUT', headers, body }));
  }

  /** A fresh login of the account's owner, as a header. */
  async adminAuthorization(): Promise<string> {
    return `Bearer ${await logInWithKey(this.send, URL, this.cloud.iam.adminApiKey)}`;
  }

  async pass(delayMs: number): Promise<void> {
    await this.clock.advanceTo(this.clock.nowMs() + delayMs);
  }

  /** Lets the hours go by, with a tick in each. */
  async passWithTicks(manifest: Manifest, durationMs: number): Promise<RunReport[]> {
    const reports: RunReport[] = [];
    for (const endMs = this.clock.nowMs() + durationMs; this.clock.nowMs() < endMs;) {
      await this.pass(HOUR_MS);
      reports.push(await this.tick(manifest));
    }
    return reports;
  }

  get state(): State {
    return this.cloud.snapshot({ withValues: true }) as State;
  }

  /** The keys of the log agent's identity that exist. */
  get keys(): State['iam']['apiKeys'] {
    return this.state.iam.apiKeys.filter((key) => key.iamId === this.serviceId.iamId);
  }

  /** The one secret, or the one of that name. */
  secret(name = 'ingest'): State['secretsManager']['secrets'][number] {
    const found = this.state.secretsManager.secrets.find((one) => one.name === name);
    if (!found) throw new Error(`there is no secret ${name}`);
    return found;
  }

  /** The id of the key that the current version names. */
  currentKeyId(name = 'ingest'): string {
    return (
      this.secret(name).versions.find((version) => version.alias === 'current')?.customMetadata.keyrota?.key_id ?? ''
    );
  }

  /** What happens to keys and versions from now on, in order, as the account itself records it; keys as K1, K2 and so on. */
  recordEffects(): string[] {
    const names = new Map<string, string>();
    const nameOf = (id: string) => {
      if (!names.has(id)) names.set(id, `K${names.size + 1}`);
      return names.get(id) ?? '';
    };
    const effects: string[] = [];
    this.cloud.audit.watch((record) => {
      if ('keyId' in record) effects.push(`${record.action.replace('api-key.', '')} ${nameOf(record.keyId)}`);
      else if (record.action === 'secret-version.create') effects.push('store');
    });
    return effects;
  }

  /** Makes a key by hand, as a person would before Keyrota came. Returns its id and value. */
  async makeKeyByHand(): Promise<{ id: string; value: string }> {
    const body = { name: 'made-by-hand', iam_id: this.serviceId.iamId, account_id: this.cloud.account.id };
    const created = await this.admin.request('POST', '/v1/apikeys', body);
    await this.pass(10_000);
    return { id: String(created['id']), value: String(created['apikey']) };
  }

  /** A consumer fetches the current value, as an agent does. */
  async fetchValue(name = 'ingest'): Promise<string> {
    const nowMs = this.clock.nowMs();
    if (!this.#readerToken || nowMs - this.#readerToken.atMs > HOUR_MS / 2) {
      const value = await logInWithKey(this.send, URL, this.cloud.iam.adminApiKey);
      this.#readerToken = { value, atMs: nowMs };
    }
    const secret = this.state.secretsManager.secrets.find((one) => one.name === name);
    const headers = { authorization: `Bearer ${this.#readerToken.value}` };
    const response = await this.send(new Request(`${URL}/api/v2/secrets/${secret?.id}`, { headers }));
    const body = (await response.json()) as { payload?: string; data?: Record<string, string> };
    return body.payload ?? body.data?.['apikey'] ?? '';
  }

  /** What a consumer of any kind of key fetches: the text of the secret, or all its fields as JSON. */
  async fetchStored(name: string): Promise<string> {
    const headers = { authorization: await this.adminAuthorization() };
    const response = await this.send(new Request(`${URL}/api/v2/secrets/${this.secret(name).id}`, { headers }));
    const { payload, data } = (await response.json()) as { payload?: string; data?: object };
    return payload ?? JSON.stringify(data);
  }

  /** Changes settings of the account. */
  async changeSettings(settings: object): Promise<void> {
    const url = `${URL}/v1/accounts/${this.cloud.account.id}/settings/identity`;
    const authorization = await this.adminAuthorization();
    const headers = { authorization, 'content-type': 'application/json', 'if-match': '*' };
    const response = await this.send(new Request(url, { method: 'PUT', headers, body: JSON.stringify(settings) }));
    if (!response.ok) throw new Error(await response.text());
  }

  /** Takes away what the identity may do on that service. */
  async revoke(iamId: string, service: string): Promise<void> {
    const query = `account_id=${this.cloud.account.id}&iam_id=${iamId}`;
    const { policies } = await this.admin.request('GET', `/v1/policies?${query}`);
    for (const { id, resources } of policies as { id: string; resources: { attributes: { value: string }[] }[] }[]) {
      const isAbout = resources.some(({ attributes }) => attributes.some(({ value }) => value === service));
      if (isAbout) await this.admin.request('DELETE', `/v1/policies/${id}`);
    }
  }

  /** Whether a value logs in and may send a line. */
  async works(value: string): Promise<boolean> {
    try {
      const form = { grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: value };
      const token = await exchange(this.send, URL, form);
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const body = JSON.stringify([{ applicationName: 'test', subsystemName: 'test', text: 'line' }]);
      const response = await this.send(new Request(`${URL}/logs/v1/singles`, { method: 'POST', headers, body }));
      return response.ok;
    } catch {
      return false;
    }
  }

  async #provision(): Promise<void> {
    const { account, iam } = this.cloud;
    await this.pass(10_000); // the owner's key is as fresh as the account
    const admin = new Admin(this.send, URL, account.id, iam.adminApiKey);
    this.#admin = admin;
    this.groupId = await admin.createSecretGroup('ingestion');
    this.serviceId = await admin.createServiceId('log-agent', 'Sends logs.');
    await admin.grant(this.serviceId.iamId, ROLE.cloudLogsSender, 'logs');
    this.keyrota = await admin.createServiceId('keyrota', 'Rotates keys.');
    await this.#grantKeyrota(admin);
    const body = { name: 'login', iam_id: this.keyrota.iamId, account_id: account.id };
    this.#keyrotaKey = String((await admin.request('POST', '/v1/apikeys', body))['apikey']);
    await this.pass(10_000);
  }

  async #grantKeyrota(admin: Admin): Promise<void> {
    const { iamId } = this.keyrota;
    const instance = { serviceInstance: this.cloud.account.secretsManager.guid };
    const group = { ...instance, resourceType: 'secret-group', resource: this.groupId };
    await admin.grant(iamId, ROLE.secretsWriter, 'secrets-manager', group);
    await admin.grant(iamId, ROLE.operator, 'iam-identity', { resourceType: 'serviceid', resource: this.serviceId.id });
    await admin.grant(iamId, ROLE.apiKeyReviewer, 'iam-identity');
    await admin.grant(iamId, ROLE.viewer, 'logs');
  }
}
