import { quoted } from '../runtime/shell-words.ts';
import type { Grant } from './manifest.ts';

/** How a person gives Keyrota's own identity a role. PROFILE is its trusted profile. */
export const grantCommand = (rest: string): string => `ibmcloud iam trusted-profile-policy-create PROFILE ${rest}`;

/** What a command that makes a policy says of the grant. */
export const grantOptions = ({ service, role, instance }: Grant): string => {
  const where = instance === null ? '' : ` --service-instance ${quoted(instance)}`;
  return `--service-name ${quoted(service)}${where} --roles ${quoted(role)}`;
};
