import type { Policy } from '../../../shared/clients/iam-policies.ts';
import { grantTo } from '../../../shared/inventory/own-access.ts';
import { coverageOf } from './coverage.ts';
import { FUNCTIONS } from './deployed.ts';
import type { FunctionName } from './deployed.ts';
import { counted, failed, notLookedAt, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { ANY, needsOf, optionsFor, toSeePolicies } from './needs.ts';
import type { Need } from './needs.ts';
import { Profiles } from './trust.ts';
import type { Profile } from './trust.ts';
import { instanceGuid } from './world.ts';
import type { DoctorWorld } from './world.ts';

/** The trusted profile of each function that was deployed. */
interface Owned {
  name: FunctionName;
  id: string;
  /** Null when there is none of that id. */
  profile: Profile | null;
}

function profilesOf(world: DoctorWorld, signal: AbortSignal): Promise<Owned[]> {
  const { deployed, settings, clientAt } = world;
  const profiles = new Profiles(clientAt(settings.iamUrl));
  const named = FUNCTIONS.flatMap((name) => {
    const id = deployed?.profileIds[name];
    return id === undefined ? [] : [{ name, id }];
  });
  return Promise.all(named.map(async ({ name, id }) => ({ name, id, profile: await profiles.get(id, signal) })));
}

const TO_APPLY = 'Where Terraform deployed it: `terraform apply` makes it again. Otherwise:';

/** Whether every function has the roles that it needs; before the deployment, whether the login has those of all. */
export async function checkRoles(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  if (!world.deployed) return checkOwnRoles(world, signal);
  const needs = needsIn(world);
  const sight = await sightOf(world, signal);
  const owned = await profilesOf(world, signal);
  return (await Promise.all(owned.map((one) => rolesOf(one, needs, sight, world, signal)))).flat();
}

async function rolesOf(
  { name, id, profile }: Owned,
  needs: readonly Need[],
  sight: Sight,
  { account }: DoctorWorld,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (!profile) return [failed(`there is no trusted profile ${id}`, ['terraform apply'], name)];
  const own = needs.filter((need) => need.function === name);
  if (own.length === 0) return [ok('it needs no role', name)];
  const policies = await account.policies.listPolicies(profile.iam_id, signal);
  return lacking(own, { policies, iamId: profile.iam_id, subject: name, before: [TO_APPLY], sight });
}

/** Of which services the login sees policies: they show to who has a platform role there. */
interface Sight {
  iamId: string | null;
  /** Null for a user, whose roles may come by way of access groups: what does not show is taken as missing. */
  own: readonly Policy[] | null;
}

async function sightOf({ account }: DoctorWorld, signal: AbortSignal): Promise<Sight> {
  const { iamId } = account.login;
  if (iamId === null || !OF_PROGRAMS.test(iamId)) return { iamId, own: null };
  return { iamId, own: await account.policies.listPolicies(iamId, signal) };
}

const OF_PROGRAMS = /^iam-(ServiceId|Profile)-/;

/** Whoever tries the functions from their own machine, or runs the job, needs what the functions need. */
async function checkOwnRoles(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const sight = await sightOf(world, signal);
  const { iamId, own } = sight;
  if (iamId === null || own === null) {
    const seen =
      'a user may have roles by way of access groups, which do not show; those of functions are looked at once they are deployed';
    return [notLookedAt(seen, ['npm run doctor -- --deployed FILE, after the deployment'])];
  }
  const needs = needsIn(world).filter((need) => need.function === 'rotate-keys');
  return lacking(needs, { policies: own, iamId, subject: '', before: [], sight });
}

interface Whose {
  iamId: string;
  policies: readonly Policy[];
  subject: string;
  /** What stands before the command. */
  before: readonly string[];
  sight: Sight;
}

function lacking(needs: readonly Need[], { iamId, policies, subject, before, sight }: Whose): Finding[] {
  const findings = needs.flatMap((need): Finding[] => {
    const coverage = coverageOf(need, policies);
    if (coverage === 'given') return [];
    const command = grantTo(iamId, optionsFor(need));
    if (coverage === 'unclear') {
      const told = `a policy may give ${roleText(need)}, ${need.why}; its terms are not known here`;
      return [warning(told, [`Where it does not: ${command}`], subject)];
    }
    if (sight.own && coverageOf(toSeePolicies(need), sight.own) !== 'given') {
      const next = [`To see it: ${grantTo(sight.iamId, optionsFor(toSeePolicies(need)))}`];
      return [notLookedAt(`this login may not see whether there is ${roleText(need)}, ${need.why}`, next, subject)];
    }
    return [failed(`no policy that shows gives ${roleText(need)}, ${need.why}`, [...before, command], subject)];
  });
  return findings.length > 0 ? findings : [ok(`has ${counted(needs.length, 'role')} that it needs`, subject)];
}

function roleText({ role, place: { service, resourceType, resource, instance } }: Need): string {
  const on = service === null ? 'all services' : service === ANY ? `instance ${instance ?? ''}` : service;
  return `${role} on ${on}${resourceType === null ? '' : `, ${resourceType} ${resource ?? ''}`}`;
}

/** The GUID in the address of an Event Notifications instance. */
const INSTANCE_PATH = /\/instances\/([\w-]+)$/;

function needsIn(world: DoctorWorld): Need[] {
  const { manifest, settings } = world;
  const target = settings.notices.find(({ kind }) => kind === 'event-notifications');
  const url = target?.kind === 'event-notifications' ? target.url : '';
  const [, eventNotifications = null] = INSTANCE_PATH.exec(url) ?? [];
  return needsOf(manifest, { secretsManager: instanceGuid(world), eventNotifications });
}

/** Whether each function may log in as its profile. */
export async function checkLinks(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const profiles = new Profiles(world.clientAt(world.settings.iamUrl));
  const owned = await profilesOf(world, signal);
  return Promise.all(
    owned.map(async ({ name, id, profile }) => {
      const component = world.deployed?.names[name] ?? name;
      if (!profile) return failed(`there is no trusted profile ${id}`, ['terraform apply'], name);
      const { components, ruleCount } = await profiles.trustOf(id, signal);
      const isLinked = components.some((one) => one.type === 'function' && one.name === component);
      if (isLinked) return ok(`may log in as ${profile.name}`, name);
      if (ruleCount > 0)
        return warning(`${profile.name} has no link to it, and rules that may stand for one`, [], name);
      return failed(
        `${profile.name} has no link to it, so it cannot log in`,
        [TO_APPLY, linkCommand(id, component, world)],
        name,
      );
    }),
  );
}

const linkCommand = (profileId: string, component: string, { deployed }: DoctorWorld): string =>
  [
    `ibmcloud iam trusted-profile-link-create ${profileId} --name ${component} --cr-type CE`,
    `--link-crn ${deployed?.projectCrn ?? 'PROJECT_CRN'} --link-component-type function --link-component-name ${component}`,
  ].join(' ');
