import { LISTS_API_KEYS, LISTS_SECRETS, PLATFORM_ROLES } from '../../../shared/inventory/own-access.ts';
import { guidOfInstance } from '../../../shared/keys/manifest.ts';
import type { ManagedKey, Manifest } from '../../../shared/keys/manifest.ts';
import { quoted } from '../../../shared/runtime/shell-words.ts';
import type { FunctionName } from './deployed.ts';

/** In a place: it is one, and which is not known here, so that any will do. */
export const ANY = '*';

/** Where a role must hold; null for everywhere. */
export interface Place {
  /** Name of a service. */
  service: string | null;
  family: 'service' | 'platform_service';
  /** GUID of an instance. */
  instance: string | null;
  resourceType: 'secret-group' | 'serviceid' | null;
  resource: string | null;
}

/** A role that a function cannot do without. */
export interface Need {
  function: FunctionName;
  /** As the CLI and the console call it. */
  role: string;
  /** Ends of the ids of roles that will do. */
  accepted: readonly string[];
  place: Place;
  /** What for, as a clause. */
  why: string;
}

/** Ends of the ids of roles by display name, each with those above it. */
const LADDERS: Readonly<Record<string, readonly string[]>> = {
  Viewer: PLATFORM_ROLES,
  Operator: ['Operator', 'Administrator'],
  Reader: LISTS_SECRETS,
  SecretsReader: ['SecretsReader', 'Writer', 'Manager'],
  Writer: ['Writer', 'Manager'],
  Manager: ['Manager'],
  'API key reviewer': LISTS_API_KEYS,
  'Service Configuration Reader': ['ConfigReader', 'Administrator'],
  'Event Notification Publisher': ['Event-Notification-Publisher'],
};

/** Every end that stands in some ladder: what a role of another name allows is not known here. */
export const KNOWN_ROLES: ReadonlySet<string> = new Set(Object.values(LADDERS).flat());

const anywhere: Place = { service: null, family: 'service', instance: null, resourceType: null, resource: null };
const on = (service: string, place: Partial<Place> = {}): Place => ({ ...anywhere, service, ...place });
const ALL_SERVICES = anywhere;
const IAM: Place = { ...anywhere, service: 'iam-identity', family: 'platform_service' };
const USERS: Place = { ...IAM, service: 'user-management' };

const need = (name: FunctionName, role: string, place: Place, why: string): Need => ({
  function: name,
  role,
  accepted: LADDERS[role] ?? [role, 'Manager'],
  place,
  why,
});

/** A secret group; `instance` is null where it is not known here. */
export const groupPlace = (instance: string | null, group: string): Place =>
  on('secrets-manager', { instance: instance ?? ANY, resourceType: 'secret-group', resource: group });

/** What shows policies to a login: a platform role on all that they are about. */
export const toSeePolicies = ({ place: { service, family } }: Need): Need =>
  need('rotate-keys', 'Viewer', { ...anywhere, service, family }, 'to see policies');

interface Places {
  /** GUID of the Secrets Manager instance; null where it is not known here. */
  secretsManager: string | null;
  /** GUID of the Event Notifications instance that notices go to; null where none do. */
  eventNotifications: string | null;
}

/** What each function needs for a manifest, as the Terraform module grants it by default. */
export function needsOf(manifest: Manifest, { secretsManager, eventNotifications }: Places): Need[] {
  const { keys, ledger } = manifest;
  const inGroup = (group: string) => groupPlace(secretsManager, group);
  const entryGroups = [...new Set(keys.map(({ secret }) => secret.groupId))];
  const groups = [...new Set([...entryGroups, ledger.groupId])];
  const hasApiKeys = keys.some(({ kind }) => kind === 'service-id-api-key' || kind === 'user-api-key');
  const serviceIds = [...new Set(keys.flatMap(serviceIdOf))];
  const services = [
    ...new Set(keys.flatMap((key) => ('grants' in key ? key.grants : [])).map(({ service }) => service)),
  ];
  const keepers: FunctionName[] = ['rotate-keys', 'respond-to-compromise'];
  const tellers: FunctionName[] = [...keepers, 'check-expiry'];
  return [
    ...groups.map((group) => need('rotate-keys', 'Writer', inGroup(group), 'to store versions, marks and locks')),
    ...entryGroups.map((group) => need('respond-to-compromise', 'Writer', inGroup(group), 'to mark what leaked')),
    ...keepers.flatMap((name) =>
      serviceIds.map((id) =>
        need(name, 'Operator', { ...IAM, resourceType: 'serviceid', resource: id }, 'to make, disable and delete keys'),
      ),
    ),
    ...(hasApiKeys
      ? [...keepers, 'show-report' as const].map((name) => need(name, 'API key reviewer', IAM, 'to list keys'))
      : []),
    ...services.map((service) => need('rotate-keys', 'Viewer', on(service), 'to see what identities may do there')),
    ...keys.flatMap((key) => needsOnInstance(key)),
    need('check-expiry', 'Viewer', IAM, 'to see service IDs and policies'),
    need('check-expiry', 'API key reviewer', IAM, 'to list keys'),
    need('check-expiry', 'Service Configuration Reader', IAM, 'to see when keys were used'),
    need('check-expiry', 'Viewer', ALL_SERVICES, 'to see service credentials'),
    need('check-expiry', 'Viewer', USERS, 'to see names of users'),
    need('check-expiry', 'Reader', on('secrets-manager', { instance: secretsManager ?? ANY }), 'to see all secrets'),
    need('check-expiry', 'Writer', inGroup(ledger.groupId), 'to remember what was found'),
    ...groups.map((group) =>
      need('show-report', group === ledger.groupId ? 'SecretsReader' : 'Reader', inGroup(group), 'to see versions'),
    ),
    ...(eventNotifications === null
      ? []
      : tellers.map((name) =>
          need(
            name,
            'Event Notification Publisher',
            on('event-notifications', { instance: eventNotifications }),
            'to tell people',
          ),
        )),
  ].filter(isFirstOfItsKind);
}

/** Whose keys are made, disabled and deleted. A credential of a service ID that exists ends with a key of that one. */
function serviceIdOf(key: ManagedKey): string[] {
  if (key.kind === 'service-id-api-key') return key.serviceId === '' ? [] : [key.serviceId];
  const crn = key.kind === 'service-credential' ? key.parameters['serviceid_crn'] : undefined;
  return typeof crn === 'string' ? [crn.split(':').at(-1) ?? ''] : [];
}

/** Credentials and logging keys are made and deleted on their instances. */
function needsOnInstance(key: ManagedKey): Need[] {
  if (key.kind !== 'service-credential' && key.kind !== 'logging-key') return [];
  // A GUID alone does not tell the service.
  const service = key.instance.split(':')[4] ?? ANY;
  const place = { ...anywhere, service, instance: guidOfInstance(key.instance) };
  const role = key.kind === 'logging-key' ? 'Manager' : (key.role ?? 'NONE').split(':').at(-1);
  return [
    need('rotate-keys', 'Operator', place, 'to make and delete keys'),
    ...(role === undefined || role === 'NONE' ? [] : [need('rotate-keys', role, place, 'to make keys with that role')]),
    ...(key.kind === 'service-credential' ? [need('show-report', 'Viewer', place, 'to see keys')] : []),
  ];
}

const isFirstOfItsKind = (one: Need, place: number, all: readonly Need[]): boolean =>
  all.findIndex((other) => idOf(other) === idOf(one)) === place;

const idOf = ({ function: name, role, place }: Need): string => JSON.stringify([name, role, place]);

/** What the CLI takes to give the role. */
export function optionsFor({ role, place }: Pick<Need, 'role' | 'place'>): string {
  const { service, instance, resourceType, resource } = place;
  return [
    `--roles ${quoted(role)}`,
    // Without a service it is about all that are IAM-enabled.
    ...(service === null ? [] : [`--service-name ${service === ANY ? 'SERVICE' : quoted(service)}`]),
    ...(instance === null || instance === ANY ? [] : [`--service-instance ${quoted(instance)}`]),
    ...(resourceType === null ? [] : [`--resource-type ${resourceType}`]),
    ...(resource === null ? [] : [`--resource ${quoted(resource)}`]),
  ].join(' ');
}
