import type { ManagedKey } from '../../../shared/keys/manifest.ts';
import type { OperatorContext } from '../context.ts';
import { print, printJson, printReports } from '../output.ts';
import { withProgress } from '../progress.ts';
import { provision } from './provision.ts';
import type { ProvisionReport } from './provision.ts';

/** Provisions one entry and tells it. @returns whether nothing is left to do but what a dry run leaves. */
export async function provisionAndTell(
  key: ManagedKey,
  { dryRun, json }: { dryRun: boolean; json: boolean },
  context: OperatorContext,
): Promise<ProvisionReport> {
  const what = dryRun ? `looking at what ${key.name} needs` : `making what ${key.name} needs`;
  const report = await withProgress({ what, keyCount: null }, context, (watched) => provision(key, dryRun, watched));
  if (json) printJson({ name: key.name, ...report });
  else tell(key, report);
  return report;
}

function tell(key: ManagedKey, { steps, serviceId, key: first }: ProvisionReport): void {
  for (const { what, command, state } of steps) print(`${state.padEnd(6)} ${what}\n       ${command}`);
  if (first && first.outcome !== 'rest') printReports([first]);
  const isNamed = key.kind !== 'service-id-api-key' || key.serviceId !== '';
  if (serviceId === null || isNamed) return;
  print(`
Write this into the entry ${key.name} of the manifest, so that the next run goes on with it:
  serviceId: ${serviceId}
Let Keyrota's own identity rotate its keys:
  ibmcloud iam trusted-profile-policy-create PROFILE --roles Operator --service-name iam-identity --resource-type serviceid --resource ${serviceId}`);
}
