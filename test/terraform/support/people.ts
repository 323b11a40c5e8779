import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR_MS } from '../../../shared/keys/duration.ts';
import { incidentIdOf } from '../../../shared/keys/compromise-mark.ts';
import { FUNCTION_NAMES } from './deployed.ts';
import { OperatorAtWork } from './operator-commands.ts';
import type { AtWork } from './permission-tables.ts';
import { rightsIn } from './rights.ts';
import type { Actor, Right, UsedRights } from './used-rights.ts';
import type { WholeAccount } from './whole-account.ts';

/** The functions, with the rights that the module gives them. */
export function functionsOf({ deployed }: WholeAccount): Actor[] {
  const rights = rightsIn(deployed.plan);
  const profiles = deployed.plan.of('ibm_iam_trusted_profile');
  return FUNCTION_NAMES.map((name) => ({
    name,
    iamId: String(profiles.find(({ key }) => key === name)?.values['iam_id']),
    rights: rights.filter(({ key }) => key.startsWith(`${name}/`)),
  }));
}

/** Somebody with a login of their own, and an API key for it. */
interface Person extends AtWork {
  apiKey: string;
}

/**
 * People who give the operator's commands, each with just these rights: one who may do what rotating and responding take, one who may
 * do what the check may, and one who takes new entries in.
 */
export async function peopleOf(account: WholeAccount): Promise<Person[]> {
  const functions = functionsOf(account);
  const of = (...names: string[]) =>
    functions.filter(({ name }) => names.includes(name)).flatMap(({ rights }) => rights);
  const anywhere = { serviceType: null, instance: null, resourceType: null, resource: null };
  const own = (role: string, service: string, sort: string): Right => ({
    ...anywhere,
    key: `person/${sort}`,
    role,
    service,
  });
  const groups = of('rotate-keys').filter(({ key }) => key.includes('/secrets/'));
  // Of several roles on a group the least that will do counts.
  const ladder = groups.flatMap((right) => ['Reader', 'SecretsReader', 'Writer'].map((role) => ({ ...right, role })));
  const rotating = [
    ...ladder,
    ...of('rotate-keys', 'respond-to-compromise').filter(({ key }) => !/\/(secrets|notices)\//.test(`${key}/`)),
  ];
  const ledger = String(account.deployed.plan.local('ledger_group'));
  const ofLedger = ladder.filter(({ resource }) => resource === ledger);
  const provisioning = [
    ...ladder,
    own('Operator', 'iam-identity', 'identities'),
    own('Administrator', 'logs', 'provision'),
    own('Sender', 'logs', 'provision'),
  ];
  return Promise.all([
    person(account, 'operator', rotating, [
      'plan',
      'explain',
      'rotate',
      'undo',
      'contain',
      'export',
      'adopt',
      'import',
    ]),
    person(account, 'auditor', [...ofLedger, ...of('check-expiry')], ['check', 'check --remember']),
    person(account, 'provisioner', provisioning, ['provision']),
  ]);
}

async function person(
  account: WholeAccount,
  name: string,
  all: readonly Right[],
  commands: readonly string[],
): Promise<Person> {
  const { lab, deployed } = account;
  const placeOf = (right: Right) => JSON.stringify({ ...right, key: '' });
  const rights = all.filter((right, place) => all.findIndex((one) => placeOf(one) === placeOf(right)) === place);
  const { iamId } = await lab.admin.createServiceId(name, 'A person at work.');
  for (const { role, service, serviceType, instance, resourceType, resource } of rights) {
    const on = {
      service,
      service_type: serviceType,
      resource_instance_id: instance,
      resource_type: resourceType,
      resource,
    };
    await deployed.grant({ values: { iam_id: iamId, description: name, resources: [on] } }, [role]);
  }
  const { apikey } = await lab.admin.request('POST', '/v1/apikeys', { name, iam_id: iamId });
  return { actor: { name, iamId, rights }, apiKey: String(apikey), commands, groups: groupsOf(account) };
}

/** What each secret group of the account is for. */
function groupsOf({ deployed }: WholeAccount): Map<string, string> {
  const ids = (name: string) => deployed.plan.local(name) as string[];
  return new Map([
    ...ids('entry_groups').map((id): [string, string] => [id, 'each group of an entry']),
    ...ids('login_groups').map((id): [string, string] => [id, 'the groups of logins']),
    [String(deployed.plan.local('ledger_group')), 'the group of the ledger'],
  ]);
}

/** People carry out each command; what it takes counts for the command. @throws Error where one does not end well. */
export async function workAsPeople(account: WholeAccount, people: readonly Person[], used: UsedRights): Promise<void> {
  const { lab, names } = account;
  const [operator, auditor, provisioner] = people.map(({ apiKey }) => new OperatorAtWork(account, apiKey));
  if (!operator || !auditor || !provisioner) throw new Error('somebody is missing');
  const go = async (who: OperatorAtWork, command: string, ...words: string[]): Promise<void> => {
    const exitCode = await used.during(command, () => who.run(...command.split(' '), ...words));
    if (exitCode !== 0) throw new Error(`${command} ${words.join(' ')} ended with ${exitCode}`);
  };
  const madeByHand = async (entry: string) => {
    const iamId = lab.state.iam.apiKeys.find(({ id }) => id === lab.currentKeyId(entry))?.iamId;
    return lab.admin.request('POST', '/v1/apikeys', { name: 'by-hand', iam_id: iamId });
  };
  await go(operator, 'plan');
  for (const name of names) await go(operator, 'explain', name);
  await lab.pass(HOUR_MS);
  await go(operator, 'rotate');
  await go(operator, 'rotate', ...names, '--force', '--yes');
  await go(operator, 'undo', 'cloud-logs-ingest', '--yes');
  const leaked = lab.currentKeyId('logs-router-ingest');
  await go(operator, 'contain', 'logs-router-ingest', '--yes');
  const file = join(tmpdir(), `keyrota-incident-${process.pid}.json`);
  await go(operator, 'export', incidentIdOf(leaked), '--out', file);
  rmSync(file);
  await go(operator, 'adopt', 'cloud-logs-ingest', String((await madeByHand('cloud-logs-ingest'))['id']), '--yes');
  const value = String((await madeByHand('logs-router-ingest'))['apikey']);
  await used.during('import', () => operator.import('logs-router-ingest', value));
  await go(auditor, 'check', '--fail-on', 'critical');
  await go(auditor, 'check --remember', '--fail-on', 'critical');
  const fresh = { name: 'fresh', kind: 'service-id-api-key', grants: [{ service: 'logs', role: 'Sender' }] };
  provisioner.takeIn(fresh);
  await go(provisioner, 'provision', 'fresh');
}
