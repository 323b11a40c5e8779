import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { LoggingKey, Manifest } from '../../shared/keys/manifest.ts';
import type { KindSetting } from './kind-world.ts';
import { Laboratory } from './laboratory.ts';

const URL = 'http://cloud.local';
const MANAGER = 'crn:v1:bluemix:public:iam::::serviceRole:Manager';
const PLAN = 'logdna-7-day';

type Use = LoggingKey['use'];

/** A key of LogDNA, as `GET /state` shows it. */
interface Shown {
  id: string;
  instanceGuid: string;
  type: Use;
  name: string;
  value: string;
}

const enabled = (id: string) => ({ id, disabled: false });

/** A laboratory with an instance of Log Analysis, on which Keyrota has the roles that it needs. */
export class LoggingLaboratory {
  readonly lab: Laboratory;
  readonly guid: string;
  readonly crn: string;
  readonly serviceKey: string;
  readonly ingestionKey: string;

  private constructor(
    lab: Laboratory,
    { guid, crn }: { guid: string; crn: string },
    credentials: Record<string, string>,
  ) {
    this.lab = lab;
    this.guid = guid;
    this.crn = crn;
    this.serviceKey = credentials['service_key'] ?? '';
    this.ingestionKey = credentials['ingestion_key'] ?? '';
  }

  static async open(switches: Partial<Switches> = {}): Promise<LoggingLaboratory> {
    return LoggingLaboratory.in(await Laboratory.open({ logdnaOffered: true, ...switches }));
  }

  /** One more instance in that laboratory. */
  static async in(lab: Laboratory): Promise<LoggingLaboratory> {
    const { guid, crn } = await lab.admin.request('POST', '/v2/resource_instances', {
      name: 'logs',
      target: 'us-south',
      resource_group: lab.cloud.account.resourceGroupId,
      resource_plan_id: PLAN,
    });
    const serviceInstance = String(guid);
    for (const role of [ROLE.operator, MANAGER])
      await lab.admin.grant(lab.keyrota.iamId, role, 'logdna', { serviceInstance });
    const source = { name: 'by-hand', source: serviceInstance, role: 'Manager' };
    const { credentials } = await lab.admin.request('POST', '/v2/resource_keys', source);
    await lab.pass(10_000);
    return new LoggingLaboratory(
      lab,
      { guid: serviceInstance, crn: String(crn) },
      credentials as Record<string, string>,
    );
  }

  manifest(use: Use, entry: object = {}): Manifest {
    return parseManifest({ deployment: 'lab', keys: [this.entry(use, entry)] }, 'test');
  }

  entry(use: Use, more: object = {}): object {
    return {
      kind: 'logging-key',
      legacy: true,
      name: 'ingest',
      instance: this.guid,
      use,
      apiUrl: 'http://127.0.0.1:1',
      ...(use === 'ingestion' && { ingestionUrl: 'http://127.0.0.1:1' }),
      secret: { group: this.lab.groupId },
      ...more,
    };
  }

  /** Keys of the instance with that use. */
  keysOf(use: Use): Shown[] {
    const { logging } = this.lab.cloud.snapshot({ withValues: true }) as { logging: { keys: Shown[] } };
    return logging.keys.filter(({ type, instanceGuid }) => type === use && instanceGuid === this.guid);
  }

  /** Resource keys of the instance. */
  get resourceKeys(): { guid: string; name: string }[] {
    const { resourceController } = this.lab.cloud.snapshot({ withValues: false }) as {
      resourceController: { keys: { guid: string; name: string; instanceGuid: string }[] };
    };
    return resourceController.keys.filter(({ instanceGuid }) => instanceGuid === this.guid);
  }

  /** Those that runs made for themselves. */
  get helpers(): { guid: string; name: string }[] {
    return this.resourceKeys.filter(({ name }) => name.startsWith('keyrota-'));
  }

  /** A call of the configuration API with the service key that the broker made, or another. */
  async configure(method: string, path: string, body?: object, servicekey = this.serviceKey): Promise<Response> {
    const headers = { 'content-type': 'application/json', servicekey };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    return this.lab.send(new Request(`${URL}/v1/config/keys${path}`, init));
  }

  /** A person makes a key. */
  async make(use: Use, name = 'by-hand'): Promise<{ id: string; key: string }> {
    await this.lab.pass(5_000);
    const response = await this.configure('POST', `?type=${use}`, { name });
    if (!response.ok) throw new Error(`no key: ${response.status} ${await response.text()}`);
    return (await response.json()) as { id: string; key: string };
  }

  async remove(keyId: string, servicekey = this.serviceKey): Promise<void> {
    const response = await this.configure('DELETE', `/${keyId}`, undefined, servicekey);
    if (!response.ok) throw new Error(`not removed: ${response.status}`);
  }

  async works(use: Use, value: string): Promise<boolean> {
    if (use === 'service') return (await this.configure('GET', '?type=service', undefined, value)).ok;
    const authorization = `Basic ${Buffer.from(`${value}:`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json; charset=UTF-8' };
    const body = JSON.stringify({ lines: [{ line: 'a line' }] });
    return (await this.lab.send(new Request(`${URL}/logs/ingest?hostname=test`, { method: 'POST', headers, body }))).ok;
  }

  /** Takes from Keyrota what it may do on the instance. */
  forbid(): Promise<void> {
    return this.lab.revoke(this.lab.keyrota.iamId, 'logdna');
  }

  setting(use: Use): KindSetting {
    return {
      lab: this.lab,
      manifest: this.manifest(use),
      // A resource key that a run left behind is a key too many.
      keys: () => [...this.keysOf(use).map(({ id }) => id), ...this.helpers.map(({ guid }) => guid)].map(enabled),
      works: (stored) => this.works(use, stored),
      makeByHand: () => this.make(use),
      removeByHand: (keyId) => this.remove(keyId),
      forbid: () => this.forbid(),
      fillQuota: async () => {
        const most = { ingestion: 10, service: 20 }[use];
        while (this.keysOf(use).length < most) await this.make(use);
      },
    };
  }
}
