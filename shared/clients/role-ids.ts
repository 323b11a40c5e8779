import { KeyrotaError } from '../runtime/errors.ts';
import { quoted } from '../runtime/shell-words.ts';

const platform = (name: string): string => `crn:v1:bluemix:public:iam::::role:${name}`;
const serviceRole = (owner: string, name: string): string => `crn:v1:bluemix:public:${owner}::::serviceRole:${name}`;

/** Roles that every service has, by display name. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ...['Viewer', 'Operator', 'Editor', 'Administrator'].map((name) => [name, platform(name)] as const),
  ...['Reader', 'Writer', 'Manager'].map((name) => [name, serviceRole('iam', name)] as const),
]);

/** Roles of one service alone whose ids are public, by service and display name. */
const OF_SERVICE: ReadonlyMap<string, string> = new Map([
  ['logs Sender', serviceRole('logs', 'Sender')],
  ['secrets-manager SecretsReader', serviceRole('secrets-manager', 'SecretsReader')],
  ['iam-identity User API key creator', serviceRole('iam-identity', 'UserApiKeyCreator')],
  ['iam-identity Service ID creator', serviceRole('iam-identity', 'ServiceIdCreator')],
]);

/** The id of a role, from its display name or from that id itself; null for a name whose id we do not know. */
export const knownRoleId = (service: string, role: string): string | null =>
  role.startsWith('crn:') ? role : (COMMON.get(role) ?? OF_SERVICE.get(`${service} ${role}`) ?? null);

/**
 * The id of a role, from its display name or from that id itself, which is a CRN.
 * @throws KeyrotaError `unknown_role` for a name whose id we do not know: ids are not made from names.
 */
export function roleIdOf(service: string, role: string): string {
  const id = knownRoleId(service, role);
  if (id !== null) return id;
  throw new KeyrotaError('unknown_role', `the id of the role ${role} of ${service} is not known here`, {
    next: `Name the role by its CRN: \`ibmcloud iam roles --service ${quoted(service)} --output json\` tells it.`,
  });
}
