import { ownerOfRole, roleExists, ROLES } from '../iam/roles.ts';
import type { Switches } from '../switches.ts';
import type { Offering } from './catalog.ts';

const BASE = ['Reader', 'Writer', 'Manager'].map((name) => `crn:v1:bluemix:public:iam::::serviceRole:${name}`);

const nameIn = (roleId: string): string => roleId.slice(roleId.lastIndexOf(':') + 1);

/** How a caller's access compares with that of a key. */
export type Comparison = 'enough' | 'too little' | 'not comparable';

/**
 * The CRN of the role that a key is asked for with: one of the three service roles that every service has, by name or CRN,
 * or another one of the service by CRN and, where that is switched on, by name. Undefined for what is none of these.
 */
export function keyRoleOf(role: string, { name }: Offering, switches: Switches): string | undefined {
  const common = BASE.find((base) => base === role || nameIn(base) === role);
  if (common !== undefined) return common;
  const isAsked = (id: string) => id === role || (switches.serviceRolesByName && ROLES.get(id)?.displayName === role);
  return [...ROLES.keys()].find((id) => isAsked(id) && roleExists(id, switches) && ownerOfRole(id) === name);
}

/** Whether somebody with `held` roles (null for all) has at least the access of a key with `roleId`. */
export function compareRoles(held: ReadonlySet<string> | null, roleId: string | null): Comparison {
  if (held === null) return 'enough';
  if (roleId === null) return 'not comparable';
  if (held.has(roleId)) return 'enough';
  const rank = BASE.indexOf(roleId);
  if (rank === -1) return 'not comparable';
  return BASE.slice(rank).some((base) => held.has(base)) ? 'enough' : 'too little';
}

export function isManager(roleId: string | null): boolean {
  return roleId === BASE.at(-1);
}
