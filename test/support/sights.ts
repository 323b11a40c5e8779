import { ROLE } from '../../infra/demo/admin.ts';
import type { Laboratory } from './laboratory.ts';

const READER = 'crn:v1:bluemix:public:iam::::serviceRole:Reader';

/** What Keyrota needs to see all that the platform shows: each role by a name of its own, and what it is on. */
const SIGHTS = {
  'Administrator on iam-identity': [ROLE.administrator, { serviceName: 'iam-identity' }],
  'Viewer on user-management': [ROLE.viewer, { serviceName: 'user-management' }],
  'Reader on secrets-manager': [READER, { serviceName: 'secrets-manager' }],
  'Viewer on all services': [ROLE.viewer, { serviceType: 'service' }],
} as const satisfies Record<string, readonly [string, Record<string, string>]>;

export type SightRole = keyof typeof SIGHTS;
export const ALL_SIGHTS = Object.keys(SIGHTS) as SightRole[];

/** Gives Keyrota's own identity roles. */
export async function allow(lab: Laboratory, roles: readonly SightRole[]): Promise<void> {
  for (const name of roles) {
    const [roleId, place] = SIGHTS[name];
    const attributes = Object.entries({ accountId: lab.cloud.account.id, ...place });
    await lab.admin.request('POST', '/v1/policies', {
      type: 'access',
      subjects: [{ attributes: [{ name: 'iam_id', value: lab.keyrota.iamId }] }],
      roles: [{ role_id: roleId }],
      resources: [{ attributes: attributes.map(([attribute, value]) => ({ name: attribute, value })) }],
    });
  }
}
