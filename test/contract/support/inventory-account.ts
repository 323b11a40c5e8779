import { ROLE } from '../../../infra/demo/admin.ts';
import type { Switches } from '../../../infra/local/switches.ts';
import type { AccountKey, AccountSecret, Inventory, Unseen } from '../../../shared/inventory/inventory.ts';
import { openInventory } from '../../../shared/inventory/open-inventory.ts';
import { takeInventory } from '../../../shared/inventory/take-inventory.ts';
import { parseManifest } from '../../../shared/keys/manifest.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import { importKey } from '../../../shared/rotation/import.ts';
import type { RunContext } from '../../../shared/rotation/run.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { LoggingLaboratory } from '../../support/logging-laboratory.ts';
import { ALL_SIGHTS, allow } from '../../support/sights.ts';
import type { SightRole } from '../../support/sights.ts';

export interface Taken {
  inventory: Inventory;
  keys: AccountKey[];
  secrets: AccountSecret[];
  /** How many rows each page had. */
  pages: { keys: number[]; secrets: number[] };
}

/** Takes an inventory as a run does, and keeps what goes by. */
export async function take(lab: Laboratory, manifest: Manifest, changes: Partial<RunContext> = {}): Promise<Taken> {
  const keys: AccountKey[] = [];
  const secrets: AccountSecret[] = [];
  const pages: Taken['pages'] = { keys: [], secrets: [] };
  const visitor = {
    keys: (page: readonly AccountKey[]) => {
      pages.keys.push(page.length);
      keys.push(...page);
    },
    secrets: (page: readonly AccountSecret[]) => {
      pages.secrets.push(page.length);
      secrets.push(...page);
    },
  };
  const { settings } = { ...lab.context(manifest), ...changes };
  const inventory = await lab.withPorts(
    manifest,
    (ports) => takeInventory(manifest, visitor, openInventory(settings, ports)),
    { readOnly: true, ...changes },
  );
  return { inventory, keys, secrets, pages };
}

/** Codes and subjects of what was not seen, without what nobody can show. */
export const saidOf = (unseen: readonly Unseen[]): string[] =>
  unseen.filter(({ next, code }) => code !== 'not_told' || next !== '').map(({ what, code }) => `${what}: ${code}`);

/** An account with an entry of every kind, each of which has its key. */
export class InventoryAccount {
  readonly lab: Laboratory;
  readonly manifest: Manifest;
  readonly iamId: string;
  readonly loggingGuid: string;

  private constructor(lab: Laboratory, iamId: string, loggingGuid: string) {
    this.lab = lab;
    this.iamId = iamId;
    this.loggingGuid = loggingGuid;
    const secret = { group: lab.groupId };
    const legacy = { legacy: true, apiUrl: 'http://127.0.0.1:1', ingestionUrl: 'http://127.0.0.1:1' };
    const grants = [{ service: 'logs', role: 'Sender' }];
    const written = {
      deployment: 'lab',
      ledger: { group: lab.groupId },
      keys: [
        { kind: 'service-id-api-key', name: 'ingest', serviceId: lab.serviceId.id, grants, secret },
        { kind: 'user-api-key', name: 'login', iamId, secret },
        { kind: 'classic-api-key', name: 'classic', iamId, login: 'login', window: 'any', secret },
        { kind: 'logging-key', name: 'ship', instance: loggingGuid, use: 'ingestion', ...legacy, secret },
        {
          kind: 'service-credential',
          name: 'store',
          instance: lab.cloud.account.cloudLogs.crn,
          role: 'Writer',
          secret,
        },
      ],
    };
    this.manifest = parseManifest(written, 'test');
  }

  /** With these roles beside those that rotation needs. */
  static async open(
    switches: Partial<Switches> = {},
    roles: readonly SightRole[] = ALL_SIGHTS,
  ): Promise<InventoryAccount> {
    const lab = await Laboratory.open({ logdnaOffered: true, ...switches });
    const logging = await LoggingLaboratory.in(lab);
    const { iamId, apiKey } = lab.cloud.iam.addUser('functional ID');
    lab.cloud.classic.linkUser(iamId, {});
    const account = new InventoryAccount(lab, iamId, logging.guid);
    const onLogs = { serviceInstance: lab.cloud.account.cloudLogs.guid };
    for (const role of [ROLE.operator, ROLE.logsRouterWriter])
      await lab.admin.grant(lab.keyrota.iamId, role, 'logs', onLogs);
    await allow(lab, roles);
    await lab.pass(60_000); // the user's own key is known everywhere by now
    await account.#mint(apiKey);
    return account;
  }

  async #mint(apiKey: string): Promise<void> {
    const { lab, manifest } = this;
    const login = manifest.keys.find(({ name }) => name === 'login');
    await lab.withPorts(manifest, (ports) => {
      if (!login) throw new Error('the manifest has no login');
      return importKey(login, new SecretValue(apiKey), ports);
    });
    const only = manifest.keys.flatMap(({ name }) => (name === 'login' ? [] : [name]));
    const { keys } = await lab.tick(manifest, { only, force: true });
    const failed = keys.filter(({ steps }) => !steps.some(({ step }) => step === 'mint'));
    if (failed.length > 0) throw new Error(`not minted: ${JSON.stringify(failed)}`);
  }
}
