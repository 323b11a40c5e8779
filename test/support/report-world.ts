// What show-report loads when it is needed, is loaded before: virtual time would not stand still meanwhile.
import '../../shared/keys/service-id-api-key.ts';
import { show } from '../../functions/show-report/show.ts';
import { ROLE } from '../../infra/demo/admin.ts';
import type { Call } from '../../infra/local/call-log.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { FleetData } from '../../shared/report/fleet-data.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from './laboratory.ts';
import { readOpenMetrics } from './open-metrics.ts';
import type { MetricFamily } from './open-metrics.ts';

type Route = Parameters<typeof show>[0];

/** An account in which keys rotate, and the report with an identity of its own that may read, and nothing else. */
export class ReportWorld {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  readonly readerIamId: string;
  /** What the function wrote. */
  readonly lines: string[] = [];
  readonly #written: object;
  readonly #apiKey: string;

  private constructor(lab: Laboratory, written: object, readerIamId: string, apiKey: string) {
    this.lab = lab;
    this.manifest = parseManifest(written, 'test');
    this.readerIamId = readerIamId;
    this.#written = written;
    this.#apiKey = apiKey;
  }

  /** @param more Entries beside `ingest`, given the secret group of all. */
  static async open(more: (lab: Laboratory) => object[] = () => []): Promise<ReportWorld> {
    const lab = await Laboratory.open();
    const { admin, groupId, keyrota, serviceId } = lab;
    const ledgerGroupId = await admin.createSecretGroup('ledger');
    const inGroup = (resource: string) => ({
      serviceInstance: lab.cloud.account.secretsManager.guid,
      resourceType: 'secret-group',
      resource,
    });
    await admin.grant(keyrota.iamId, ROLE.secretsWriter, 'secrets-manager', inGroup(ledgerGroupId));
    const reader = await admin.createServiceId('reader', 'Reads the report.');
    await admin.grant(reader.iamId, ROLE.reader, 'secrets-manager', inGroup(groupId));
    await admin.grant(reader.iamId, ROLE.secretsReader, 'secrets-manager', inGroup(ledgerGroupId));
    await admin.grant(reader.iamId, ROLE.apiKeyReviewer, 'iam-identity');
    for (const service of ['iam-identity', 'logs']) await admin.grant(reader.iamId, ROLE.viewer, service);
    const body = { name: 'login', iam_id: reader.iamId, account_id: lab.cloud.account.id };
    const { apikey } = await admin.request('POST', '/v1/apikeys', body);
    await lab.pass(10_000);
    const entry = { kind: 'service-id-api-key', name: 'ingest', serviceId: serviceId.id, secret: { group: groupId } };
    const written = { deployment: 'lab', ledger: { group: ledgerGroupId }, keys: [entry, ...more(lab)] };
    return new ReportWorld(lab, written, reader.iamId, String(apikey));
  }

  async fleet(): Promise<FleetData> {
    return (await this.#answer({ kind: 'fleet' })) as FleetData;
  }

  async metrics(): Promise<Map<string, MetricFamily>> {
    return readOpenMetrics(Buffer.from((await this.#answer({ kind: 'metrics' })) as Uint8Array).toString('utf8'));
  }

  async story(name = 'ingest'): Promise<KeyStory> {
    return (await this.#answer({ kind: 'key', name })) as KeyStory;
  }

  /** The answer as it is. */
  async answer(route: Route) {
    const { settings, clock, http } = this.lab.context(this.manifest);
    const login = { kind: 'api-key' as const, apiKey: new SecretValue(this.#apiKey) };
    const log = createLog({ clock, write: (line) => this.lines.push(line), level: 'debug' });
    const own = { ...settings, login, manifestText: JSON.stringify(this.#written) };
    return show(route, { settings: own, clock, log, ...(http && { http }) });
  }

  async #answer(route: Route): Promise<unknown> {
    const { status, body } = await this.answer(route);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Calls that the report makes while `work` lasts. */
  async callsOf(work: () => Promise<unknown>): Promise<Call[]> {
    const { calls } = this.lab.cloud;
    const before = calls.total;
    await work();
    return calls.list(before + 1);
  }
}
