import { createRequire } from 'node:module';
import { vi } from 'vitest';
import '../../functions/handle-secret-event/handle.ts';
import { main as handleSecretEvent } from '../../functions/handle-secret-event/handler.ts';
import { main as respondToCompromise } from '../../functions/respond-to-compromise/handler.ts';
import '../../functions/respond-to-compromise/respond.ts';
import { paramsOf } from '../../infra/local/host/params.ts';
import '../../shared/incidents/github-leak.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { inProcess } from './in-process.ts';
import { Laboratory } from './laboratory.ts';
import { wholeTick } from './whole-tick.ts';
import { EVENTS, GITHUB } from './webhook-requests.ts';

const HOST = 'http://functions.local';
const ROTATE_KEYS = 'http://127.0.0.1:2';
const FUNCTIONS = { '/respond-to-compromise': respondToCompromise, '/handle-secret-event': handleSecretEvent };

/** The SDK's own copy of axios, under which the embedded cloud takes the place of the network. */
const axios = createRequire(createRequire(import.meta.url).resolve('ibm-cloud-sdk-core'))('axios') as {
  defaults: { adapter: unknown };
};

interface AxiosConfig {
  url: string;
  data?: string;
}

/**
 * The real functions, which the embedded cloud delivers to, in this process and in its time. What they ask `rotate-keys` for is
 * written down, and done once they were answered.
 */
export class FunctionsOnCloud implements Disposable {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  /** Names of the entries that `rotate-keys` was to look at, for each call. */
  readonly pokes: string[][] = [];
  /** What the functions wrote. */
  readonly lines: string[] = [];
  readonly #adapter = axios.defaults.adapter;
  readonly #spies: { mockRestore: () => void }[] = [];

  private constructor(lab: Laboratory) {
    this.lab = lab;
    const entry = {
      kind: 'service-id-api-key',
      name: 'ingest',
      serviceId: lab.serviceId.id,
      grants: [{ service: 'logs', role: 'Sender' }],
      secret: { group: lab.groupId },
    };
    const written = { deployment: 'lab', ledger: { group: lab.groupId }, keys: [entry] };
    this.manifest = parseManifest(written, 'test');
    const { login } = lab.context(this.manifest).settings;
    this.#setEnvironment({
      KEYROTA_ACCOUNT_ID: lab.cloud.account.id,
      KEYROTA_IAM_URL: 'http://127.0.0.1:1',
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:1',
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: login.kind === 'api-key' ? login.apiKey.reveal() : '',
      KEYROTA_MANIFEST: JSON.stringify(written),
      KEYROTA_GITHUB_SECRET: GITHUB[0],
      KEYROTA_GITHUB_TOKEN: lab.cloud.github.token,
      KEYROTA_GITHUB_API_URL: 'http://127.0.0.1:1',
      KEYROTA_EVENT_NOTIFICATIONS_SECRET: EVENTS[0],
      KEYROTA_TRIGGER_TOKEN: 'trigger-token-0123456789-0123456789',
      KEYROTA_ROTATE_KEYS_URL: ROTATE_KEYS,
      KEYROTA_OWN_IAM_IDS: lab.keyrota.iamId,
    });
    const { portClock } = lab;
    this.#spies.push(
      vi.spyOn(systemClock, 'nowMs').mockImplementation(() => portClock.nowMs()),
      vi.spyOn(systemClock, 'sleep').mockImplementation((delayMs, signal) => portClock.sleep(delayMs, signal)),
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => this.lines.push(String(text)) > 0),
    );
    const adapter = inProcess(lab.cloud);
    axios.defaults.adapter = (config: AxiosConfig) =>
      config.url.startsWith(ROTATE_KEYS) ? this.#takePoke(config) : adapter(config);
    lab.cloud.deliver = (request) => this.#deliver(request);
  }

  /** K1 is current, and five days old. */
  static async open(): Promise<FunctionsOnCloud> {
    const lab = await Laboratory.open();
    const opened = new FunctionsOnCloud(lab);
    await lab.tick(opened.manifest);
    await lab.fetchValue();
    await lab.pass(5 * 86_400_000);
    return opened;
  }

  /** Where events are delivered, with their secret header. */
  subscribe(path: '/respond-to-compromise/event-notifications' | '/handle-secret-event', types?: string[]) {
    const headers = { authorization: `Bearer ${EVENTS[0]}` };
    const { eventNotifications } = this.lab.cloud;
    return eventNotifications.subscribe({ url: `${HOST}${path}`, headers, ...(types && { types }) });
  }

  /** Deliveries of GitHub come here. */
  hook(): void {
    this.lab.cloud.github.addHook({ url: `${HOST}/respond-to-compromise/github`, secret: GITHUB[0] });
  }

  /** A signed body is checked by the key of that destination. */
  trust(destinationId: string): void {
    const publicKey = this.lab.cloud.eventNotifications.publicKeyOf(destinationId);
    this.#setEnvironment({ KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY: publicKey });
  }

  /** `rotate-keys` does what it was asked for since it was last here. */
  async rotate(from: number): Promise<void> {
    for (const only of this.pokes.slice(from)) await wholeTick(this.lab, this.manifest, { only });
  }

  [Symbol.dispose](): void {
    axios.defaults.adapter = this.#adapter;
    for (const spy of this.#spies) spy.mockRestore();
    vi.unstubAllEnvs();
  }

  #setEnvironment(environment: Record<string, string>): void {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  }

  #takePoke(config: AxiosConfig): Promise<object> {
    const { only = [] } = JSON.parse(config.data ?? '{}') as { only?: string[] };
    this.pokes.push(only);
    return Promise.resolve({ data: '{}', status: 200, statusText: 'OK', headers: {}, config, request: {} });
  }

  async #deliver(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [name, main] = Object.entries(FUNCTIONS).find(([start]) => pathname.startsWith(start)) ?? [];
    if (name === undefined || !main) return new Response(null, { status: 404 });
    const { statusCode, headers, body } = await main(await paramsOf(request, pathname.slice(name.length), 'request-1'));
    return Response.json(body, { status: statusCode, headers });
  }
}
