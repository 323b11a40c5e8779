import { grantTo } from '../../../shared/inventory/own-access.ts';
import { groupPlace, optionsFor } from './needs.ts';
import { instanceGuid } from './world.ts';
import type { DoctorWorld } from './world.ts';

/** The command that gives whoever is logged in a role on a secret group. */
export const grantOnGroup = (world: DoctorWorld, role: string, groupId: string): string =>
  grantTo(world.account.login.iamId, optionsFor({ role, place: groupPlace(instanceGuid(world), groupId) }));
