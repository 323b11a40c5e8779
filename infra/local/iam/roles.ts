import type { Switches } from '../switches.ts';

/** An IAM role, and the actions that it grants on the services of the embedded cloud. */
export interface Role {
  displayName: string;
  description: string;
  /** Full names; `service.object.*` stands for every action on that object. */
  actions: ReadonlySet<string>;
}

const named = (service: string, ...actions: string[]): string[] => actions.map((action) => `${service}.${action}`);
const identity = (...actions: string[]): string[] => named('iam-identity', ...actions);
const secrets = (...actions: string[]): string[] => named('secrets-manager', ...actions);

// Its name is ours.
const LIST_USERS = named('user-management', 'user.list');
// docs/iam, "IAM roles and actions", IAM Identity Service. A platform role also reads the policies on its targets.
const VIEWER = ['iam.policy.read', ...identity('serviceid.get', 'profile.get'), ...LIST_USERS];
const MAINTAIN_KEYS = identity(
  'apikey.get',
  'apikey.list',
  'apikey.update',
  'serviceid.update',
  'account.get',
  'account.update',
);
const EDITOR = [...VIEWER, ...MAINTAIN_KEYS, ...identity('profile.update', 'profile.linkToResource')];
// Editor lacks create and delete: the action table says so, against the prose of the same documentation.
const MAKE_KEYS = identity('apikey.create', 'apikey.delete', 'serviceid.create', 'serviceid.delete');
const OPERATOR = [...VIEWER, ...MAINTAIN_KEYS, ...MAKE_KEYS];
// The names of the actions on activity reports are ours.
const REPORTS = identity('activity-report.create', 'activity-report.get');
const ADMINISTRATOR = [
  ...EDITOR,
  ...MAKE_KEYS,
  ...REPORTS,
  ...identity('apikey.manage', 'profile.create', 'profile.delete'),
  ...named('iam', 'policy.create', 'policy.update', 'policy.delete'),
];

// What platform roles grant beside that on the resources of any service, and the role Key Manager.
const resources = (...actions: string[]): string[] => named('resource-controller', ...actions);
const VIEW_RESOURCES = resources('instance.retrieve', 'key.retrieve');
const KEEP_KEYS = resources('key.retrieve', 'key.create', 'key.update', 'key.delete');
const OPERATE_RESOURCES = [...VIEW_RESOURCES, ...KEEP_KEYS];
const EDIT_RESOURCES = [
  ...OPERATE_RESOURCES,
  ...resources('instance.create', 'instance.update', 'instance.update_plan', 'instance.delete'),
];
const ADMINISTER_RESOURCES = [...EDIT_RESOURCES, ...resources('credential.retrieve_all')];

// docs/secrets-manager, "Managing IAM access", actions by role.
const READER = secrets(
  'secrets.list',
  'secret-metadata.read',
  'secret-versions.list',
  'secret-version-metadata.read',
  'secret-groups.list',
  'secret-group.read',
  'secrets-locks.list',
  'secret-version-locks.list',
  'secret-tasks.list',
  'secret-task.read',
  'notifications-registration.read',
  'notifications-registration.test',
);
const SECRETS_READER = [...READER, ...secrets('secret.read', 'secret-version.read')];
const WRITER = [
  ...SECRETS_READER,
  ...secrets(
    'secret.create',
    'secret-version.create',
    'secret-metadata.update',
    'secret-action.create',
    'secret-version-action.create',
    'secret-locks.create',
    'secret-version-locks.create',
    'secret-version-metadata.update',
  ),
];
const MANAGER = [
  ...WRITER,
  ...secrets(
    'secret-locks.delete',
    'secret-version-locks.delete',
    'secret.delete',
    'secret-version-data.delete',
    'secret-group.*',
    'configuration.*',
    'configurations.list',
    'secret-task.delete',
    'notifications-registration.create',
    'notifications-registration.delete',
  ),
];

const role = (displayName: string, description: string, actions: readonly string[]): Role => ({
  displayName,
  description,
  actions: new Set(actions),
});

const platform = (name: string): string => `crn:v1:bluemix:public:iam::::role:${name}`;
const service = (name: string, owner = 'iam'): string => `crn:v1:bluemix:public:${owner}::::serviceRole:${name}`;

/** By owner, the CRN of the role SecretsReader. */
const SECRETS_READER_ROLE = {
  'secrets-manager': service('SecretsReader', 'secrets-manager'),
  iam: service('SecretsReader'),
};

/** By CRN, the roles that policies can grant. */
export const ROLES: ReadonlyMap<string, Role> = new Map([
  [platform('Viewer'), role('Viewer', 'Views instances, but cannot modify them.', [...VIEWER, ...VIEW_RESOURCES])],
  [platform('Operator'), role('Operator', 'Configures and operates instances.', [...OPERATOR, ...OPERATE_RESOURCES])],
  [
    platform('Editor'),
    role('Editor', 'Does all platform actions but managing access.', [...EDITOR, ...EDIT_RESOURCES]),
  ],
  [
    platform('Administrator'),
    role('Administrator', 'Does all platform actions.', [...ADMINISTRATOR, ...ADMINISTER_RESOURCES]),
  ],
  [
    platform('ConfigReader'),
    role('Service Configuration Reader', 'Reads the configuration of services for governance.', REPORTS),
  ],
  [service('Reader'), role('Reader', 'Reads within a service.', READER)],
  [service('Writer'), role('Writer', 'Creates and edits within a service.', [...WRITER, 'logs-router.event.send'])],
  [
    service('Manager'),
    role('Manager', 'Does the privileged actions of a service.', [...MANAGER, 'event-notifications.publickey.read']),
  ],
  [
    service('Event-Notification-Publisher', 'event-notifications'),
    // The name of the action is ours.
    role('Event Notification Publisher', 'Publishes events.', ['event-notifications.notifications.send']),
  ],
  // Which of the two exists is a switch.
  [SECRETS_READER_ROLE['secrets-manager'], role('SecretsReader', 'Reads secrets and their values.', SECRETS_READER)],
  [SECRETS_READER_ROLE.iam, role('SecretsReader', 'Reads secrets and their values.', SECRETS_READER)],
  [
    service('SecretTaskUpdater', 'secrets-manager'),
    role('SecretTaskUpdater', 'Updates secret tasks.', secrets('secret-task.update')),
  ],
  [
    // Its CRN is not public.
    service('ApiKeyReviewer', 'iam-identity'),
    role('API key reviewer', 'Views the metadata of API keys.', identity('apikey.review')),
  ],
  [service('KeyManager'), role('Key Manager', 'Manages resource keys.', KEEP_KEYS)],
  [service('Sender', 'logs'), role('Sender', 'Sends logs.', ['logs.data.send'])],
  [
    service('UserApiKeyCreator', 'iam-identity'),
    role('User API key creator', 'Creates API keys when that is restricted.', identity('user-apikey.create')),
  ],
  [
    service('ServiceIdCreator', 'iam-identity'),
    role(
      'Service ID creator',
      'Creates service IDs when that is restricted.',
      identity('serviceid.create', 'account-serviceid.create'),
    ),
  ],
]);

/** Whose actions platform roles grant, on every service. */
const PLATFORM = new Set(['iam', 'iam-identity', 'resource-controller']);

const serviceOfAction = (action: string): string => action.slice(0, action.indexOf('.'));

/** What a role grants on one service, or on all of them for null. */
export function actionsOf(roleId: string, service: string | null): string[] {
  const actions = [...(ROLES.get(roleId)?.actions ?? [])];
  if (service === null) return actions;
  return actions.filter((action) => serviceOfAction(action) === service || PLATFORM.has(serviceOfAction(action)));
}

/** The service that owns a role which only applies there; null for the roles of the platform. */
export function ownerOfRole(roleId: string): string | null {
  const owner = roleId.split(':')[4];
  return owner === undefined || owner === 'iam' ? null : owner;
}

/** Whether there is a role of that CRN. */
export function roleExists(roleId: string, { secretsReaderOwner }: Switches): boolean {
  const isSecretsReader = Object.values(SECRETS_READER_ROLE).includes(roleId);
  return isSecretsReader ? roleId === SECRETS_READER_ROLE[secretsReaderOwner] : ROLES.has(roleId);
}

/** Whether the roles include `action`, by its name or as `service.object.*`. */
export function includesAction(actions: ReadonlySet<string>, action: string): boolean {
  return actions.has(action) || actions.has(`${action.slice(0, action.lastIndexOf('.'))}.*`);
}
