import { z } from 'zod';
import type { CallOptions } from '../../../shared/clients/calls.ts';
import { SecretsManagerV2 } from '../../../shared/clients/secrets-manager.ts';
import { httpConfig } from '../../../shared/clients/http-options.ts';
import { instanceInHost } from '../../../shared/runtime/service-url.ts';
import { lastRunMs } from '../../../shared/ledger/ledger.ts';
import { counted, failed, notLookedAt, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { grantOnGroup } from './grants.ts';
import { instanceGuid } from './world.ts';
import type { DoctorWorld } from './world.ts';

/** The Secrets Manager instance itself. */
export async function checkInstance(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const { settings, deployed, account } = world;
  const { hostname } = new URL(settings.secretsManagerUrl);
  const inAddress = instanceInHost(hostname);
  const inDeployment = deployed?.secretsManagerCrn?.split(':')[7];
  if (inAddress !== null && inDeployment !== undefined && inAddress !== inDeployment) {
    const right = settings.secretsManagerUrl.replace(inAddress, inDeployment);
    const seen = `the address is that of instance ${inAddress}, and the functions use ${inDeployment}`;
    return [failed(seen, [`export KEYROTA_SECRETS_MANAGER_URL=${right}`])];
  }
  const guid = instanceGuid(world);
  if (guid === null) return [notLookedAt(`the address ${hostname} does not name an instance`)];
  const instance = await account.resourceKeys.getInstance(guid, signal);
  if (!instance) {
    const next = ['ibmcloud resource service-instances --service-name secrets-manager --output json'];
    return [
      failed(`there is no instance ${guid}`, [
        ...next,
        'export KEYROTA_SECRETS_MANAGER_URL=https://GUID.REGION.secrets-manager.appdomain.cloud',
      ]),
    ];
  }
  const { name, state } = instance;
  if (state === 'active') return [ok(`${name} is active`)];
  return [failed(`${name} is ${state}`, [`ibmcloud resource service-instance ${guid}`])];
}

const Groups = z.object({ secret_groups: z.array(z.object({ id: z.string(), name: z.string() })) });

/** Every secret group that the manifest names. */
export async function checkGroups(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const { settings, manifest, clientAt } = world;
  const { http, calls, ...options } = clientAt(settings.secretsManagerUrl);
  const sdk = new SecretsManagerV2({ ...httpConfig(http), ...options });
  const call: CallOptions = { operation: 'listSecretGroups', kind: 'reads', signal };
  const list = await calls.send(call, Groups, (attempt) => sdk.listSecretGroups({ signal: attempt }));
  const visible = new Set(list.secret_groups.map(({ id }) => id));
  const users = Map.groupBy(
    [
      { groupId: manifest.ledger.groupId, user: 'the ledger' },
      ...manifest.keys.map(({ name, secret }) => ({ groupId: secret.groupId, user: name })),
    ],
    ({ groupId }) => groupId,
  );
  const missing = [...users].filter(([groupId]) => !visible.has(groupId));
  if (missing.length === 0) return [ok(`all ${counted(users.size, 'group')} of the manifest are there`)];
  return missing.map(([groupId, [first, ...more]]) => {
    const of = `${first?.user ?? ''}${more.length === 0 ? '' : ` and ${more.length} more`}`;
    // The functions may see what this login may not.
    return (world.deployed ? warning : failed)(
      `there is no group ${groupId}, of ${of}, or this login may not see it`,
      toSee(groupId, world),
      groupId,
    );
  });
}

const toSee = (groupId: string, world: DoctorWorld): string[] => [
  `ibmcloud secrets-manager secret-groups --service-url ${world.settings.secretsManagerUrl} tells which there are: name the right one in the manifest.`,
  `Where it is there: ${grantOnGroup(world, 'Reader', groupId)}`,
];

/** Whether the secret of the ledger is Keyrota's, or its name is free. @throws KeyrotaError `ledger_taken`. */
export async function checkLedger({ manifest, ports }: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const atMs = await lastRunMs(manifest, { ...ports, signal });
  return [
    ok(atMs === null ? `${manifest.ledger.name} is free, or has no run noted yet` : `${manifest.ledger.name} is ours`),
  ];
}
