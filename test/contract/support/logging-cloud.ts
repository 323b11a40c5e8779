import type { Switches } from '../../../infra/local/switches.ts';
import { PLAN, ResourceCloud } from './resource-cloud.ts';

export type LoggingKeyType = 'service' | 'ingestion';

/** A key as the configuration API shows it. */
export interface LoggingKeyView {
  id: string;
  key: string;
  name?: string;
  type: LoggingKeyType;
  created: number;
}

/** An answer of LogDNA: of one key, of a list, or of an error. */
export interface LoggingAnswer<T = LoggingKeyView> {
  status: number;
  body: T & { error?: string; code?: string };
}

/** An instance, with the values that its broker hands out. */
export interface LoggingInstance {
  guid: string;
  serviceKey: string;
  ingestionKey: string;
}

/** The embedded cloud while LogDNA is still offered. Fresh keys are good at once, unless a test asks for the delay. */
export class LoggingCloud implements AsyncDisposable {
  readonly resources: ResourceCloud;

  private constructor(resources: ResourceCloud) {
    this.resources = resources;
  }

  static async start(switches: Partial<Switches> = {}): Promise<LoggingCloud> {
    return new LoggingCloud(await ResourceCloud.start({ logdnaOffered: true, freshLoggingKeyDelayMs: 0, ...switches }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources[Symbol.asyncDispose]();
  }

  get cloud() {
    return this.resources.iam.cloud;
  }

  get switches(): Switches {
    return this.resources.switches;
  }

  async instance(plan: 'logdna' | 'logdnaat' = 'logdna'): Promise<LoggingInstance> {
    const { guid } = await this.resources.instance(PLAN[plan]);
    return { guid, ...(await this.brokerKeys(guid)) };
  }

  /** What a new resource key of a Manager has, over IBM's own client; empty for what it has not. */
  async brokerKeys(guid: string): Promise<{ serviceKey: string; ingestionKey: string }> {
    const { credentials } = await this.resources.key(guid, { role: 'Manager' });
    const textOf = (name: string) => (typeof credentials[name] === 'string' ? credentials[name] : '');
    return { serviceKey: textOf('service_key'), ingestionKey: textOf('ingestion_key') };
  }

  /** A request to the configuration API; `path` is what follows `/v1/config/keys`. */
  async configure<T = LoggingKeyView>(
    method: string,
    path: string,
    serviceKey: string | null,
    body?: object,
  ): Promise<LoggingAnswer<T>> {
    const headers = { 'content-type': 'application/json', ...(serviceKey !== null && { servicekey: serviceKey }) };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${this.resources.iam.url}/v1/config/keys${path}`, init);
    return { status: response.status, body: (await response.json()) as LoggingAnswer<T>['body'] };
  }

  async list(type: LoggingKeyType, serviceKey: string): Promise<LoggingKeyView[]> {
    return (await this.configure<LoggingKeyView[]>('GET', `?type=${type}`, serviceKey)).body;
  }

  create(type: LoggingKeyType, serviceKey: string, name = 'a key'): Promise<LoggingAnswer> {
    return this.configure('POST', `?type=${type}`, serviceKey, { name });
  }

  /** The id of the key with that value. */
  async idOf(type: LoggingKeyType, value: string, serviceKey: string): Promise<string> {
    return (await this.list(type, serviceKey)).find(({ key }) => key === value)?.id ?? '';
  }

  /** Ships a line as an agent does. Returns the status. */
  async ship(ingestionKey: string, body: object = { lines: [{ line: 'a line' }] }, query = 'hostname=host') {
    const authorization = `Basic ${Buffer.from(`${ingestionKey}:`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json; charset=UTF-8' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await fetch(`${this.resources.iam.url}/logs/ingest?${query}`, init)).status;
  }
}
