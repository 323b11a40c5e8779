import { ROLE } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { Laboratory } from './laboratory.ts';

export const WRITER = 'crn:v1:bluemix:public:iam::::serviceRole:Writer';
const EDITOR = 'crn:v1:bluemix:public:iam::::role:Editor';

const PLAN = {
  'cloud-object-storage': { resource_plan_id: '744bfc56-d12c-4866-88d5-dac9139e0e5d', target: 'global' },
  cloudantnosqldb: { resource_plan_id: 'cloudant-standard', target: 'us-south' },
  'generic-service': { resource_plan_id: 'generic-service-standard', target: 'us-south' },
  logs: { resource_plan_id: 'logs-standard', target: 'us-south' },
} as const;

/** A service whose instances have credentials. */
export type Service = keyof typeof PLAN;

/** A resource key as it is in the world, and whether the API key behind it is disabled. */
export interface Credential {
  id: string;
  disabled: boolean;
  apiKeyId: string | null;
  crn: string;
  credentials: Record<string, unknown>;
}

/** An account with an instance, on which Keyrota may make credentials of that role. */
export class CredentialLaboratory {
  readonly lab: Laboratory;
  readonly guid: string;
  readonly crn: string;
  readonly service: Service;

  private constructor(lab: Laboratory, service: Service, instance: { guid: string; crn: string }) {
    this.lab = lab;
    this.service = service;
    this.guid = instance.guid;
    this.crn = instance.crn;
  }

  /** Of Cloud Logs it is the instance that the account has from the start, for it takes lines. */
  static async open(
    service: Service,
    role: string | null,
    { switches = {}, parameters = {} }: { switches?: Partial<Switches>; parameters?: object } = {},
  ): Promise<CredentialLaboratory> {
    const lab = await Laboratory.open(switches);
    const isNew = service !== 'logs' || Object.keys(parameters).length > 0;
    const instance = isNew ? await newInstance(lab, service, parameters) : lab.cloud.account.cloudLogs;
    const on = { serviceInstance: instance.guid };
    await lab.admin.grant(lab.keyrota.iamId, ROLE.operator, service, on);
    if (role !== null) await lab.admin.grant(lab.keyrota.iamId, role, service, on);
    return new CredentialLaboratory(lab, service, instance);
  }

  /** Lets Keyrota disable API keys of all service IDs, and so those behind credentials. */
  letDisable(): Promise<void> {
    return this.lab.admin.grant(this.lab.keyrota.iamId, EDITOR, 'iam-identity');
  }

  manifest(entry: object = {}): Manifest {
    const { secret = {}, ...more } = entry as { secret?: object };
    const written = {
      kind: 'service-credential',
      name: 'credential',
      instance: this.crn,
      ...more,
      secret: { group: this.lab.groupId, ...secret },
    };
    return parseManifest({ deployment: 'lab', keys: [written] }, 'test');
  }

  /** All of the instance. */
  get keys(): Credential[] {
    const { resourceController, iam } = this.lab.cloud.snapshot({ withValues: true }) as {
      resourceController: { keys: (Omit<Credential, 'id' | 'disabled'> & { guid: string; instanceGuid: string })[] };
      iam: { apiKeys: { id: string; disabled: boolean }[] };
    };
    return resourceController.keys
      .filter(({ instanceGuid }) => instanceGuid === this.guid)
      .map(({ guid: id, apiKeyId, crn, credentials }) => {
        const disabled = iam.apiKeys.some((one) => one.id === apiKeyId && one.disabled);
        return { id, disabled, apiKeyId, crn, credentials };
      });
  }

  /** Whether these are the credentials of a key that is there. */
  holds(credentials: unknown): boolean {
    const text = JSON.stringify(credentials);
    return this.keys.some((one) => !one.disabled && JSON.stringify(one.credentials) === text);
  }

  async makeByHand(more: object = {}): Promise<{ id: string; crn: string; credentials: Record<string, unknown> }> {
    const body = { name: 'made by hand', source: this.guid, role: 'Writer', ...more };
    const made = await this.lab.admin.request('POST', '/v2/resource_keys', body);
    await this.lab.pass(10_000);
    const credentials = made['credentials'] as Record<string, unknown>;
    return { id: String(made['guid']), crn: String(made['crn']), credentials };
  }

  removeByHand(keyId: string): Promise<unknown> {
    return this.lab.admin.request('DELETE', `/v2/resource_keys/${keyId}`);
  }

  /** Takes from Keyrota all that it may do with the instance. */
  forbid(): Promise<void> {
    return this.lab.revoke(this.lab.keyrota.iamId, this.service);
  }
}

async function newInstance(lab: Laboratory, service: Service, parameters: object) {
  const { resourceGroupId } = lab.cloud.account;
  const about = { name: `my ${service}`, resource_group: resourceGroupId, parameters, ...PLAN[service] };
  const made = await lab.admin.request('POST', '/v2/resource_instances', about);
  return { guid: String(made['guid']), crn: String(made['crn']) };
}
