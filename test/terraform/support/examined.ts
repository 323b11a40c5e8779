import { projectCrn } from '../../../infra/demo/functions.ts';
import { runDoctor } from '../../../infra/operator/doctor/doctor.ts';
import type { DoctorOptions } from '../../../infra/operator/doctor/command.ts';
import type { Deployed } from '../../../infra/operator/doctor/deployed.ts';
import type { CheckFinding } from '../../../infra/operator/doctor/run.ts';
import type { Ask } from '../../../infra/operator/doctor/world.ts';
import { readManifest } from '../../../shared/keys/read-manifest.ts';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { operatorContext } from '../../support/operator.ts';
import { FUNCTION_NAMES } from './deployed.ts';
import type { FunctionName } from './deployed.ts';
import type { WholeAccount } from './whole-account.ts';

/** What Terraform would put out of what the account has. */
export function outputsOf({ deployed, lab }: WholeAccount): Deployed {
  const profiles = deployed.plan.of('ibm_iam_trusted_profile');
  const of = (valueOf: (name: FunctionName) => unknown) =>
    Object.fromEntries(FUNCTION_NAMES.map((name) => [name, String(valueOf(name))]));
  const internal = new Set<FunctionName>(['rotate-keys', 'check-expiry']);
  return {
    urls: of((name) =>
      internal.has(name)
        ? `http://${name}.sub.function.cluster.local`
        : `https://${name}.sub.eu-de.codeengine.appdomain.cloud`,
    ),
    profileIds: of((name) => profiles.find(({ key }) => key === name)?.values['id']),
    names: {},
    secretsManagerCrn: lab.cloud.account.secretsManager.crn,
    projectCrn: projectCrn(lab.cloud.account.id),
  };
}

/** Asks the function whose address that is, as the internet does. */
const askOf =
  ({ deployed }: WholeAccount): Ask =>
  async (url, { method, headers, body }) => {
    const { hostname, pathname } = new URL(url);
    const [name = ''] = hostname.split('.');
    const sent = { method, ...(headers && { headers }), ...(body !== undefined && { body: Buffer.from(body) }) };
    const answer = await deployed.call(name as FunctionName, pathname, sent);
    const { code = null } = answer.body as { code?: string | null };
    return { status: answer.status, code };
  };

/** What the doctor finds in the account, logged in as its owner. */
export async function examined(
  account: WholeAccount,
  changes: { deployed?: Deployed | null; ask?: Ask; settings?: Record<string, string>; options?: DoctorOptions } = {},
): Promise<CheckFinding[]> {
  const { lab } = account;
  const { deployed = outputsOf(account), ask = askOf(account), settings = {}, options = {} } = changes;
  const environment = account.deployed.environmentOf('rotate-keys');
  const own = readSettings({
    ...environment,
    KEYROTA_PROFILE_ID: '',
    KEYROTA_LOGIN: 'api-key',
    KEYROTA_API_KEY: lab.cloud.iam.adminApiKey,
    ...settings,
  });
  const context = { ...operatorContext(lab, readManifest(own)), settings: own, ask };
  return runDoctor(options, deployed, context);
}
