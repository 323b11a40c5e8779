import type { Switches } from '../switches.ts';
import type { ClassicKey, ClassicUser } from './model.ts';
import type { Shape } from './object-mask.ts';

export const KEY_SHAPE = { id: null, authenticationKey: null, timestampKey: null, userId: null } satisfies Shape;

export const USER_SHAPE = {
  id: null,
  username: null,
  email: null,
  parentId: null,
  userStatus: { keyName: null, name: null },
  permissions: { keyName: null },
  apiAuthenticationKeys: KEY_SHAPE,
} satisfies Shape;

const STATUS_NAMES = { ACTIVE: 'Active', PENDING: 'Pending', DISABLED: 'Disabled', VPN_ONLY: 'VPN Only' };

/** What of a user only shows when a mask asks for it: the relations. */
const RELATIONS = new Set(['userStatus', 'permissions', 'apiAuthenticationKeys']);

/** A `SoftLayer_User_Customer` with all that can be asked for. Which permission it takes to manage keys is not public. */
export const userView = (user: ClassicUser, keys: readonly object[]) => ({
  id: user.id,
  username: user.username,
  email: user.email,
  parentId: user.parentId,
  userStatus: { keyName: user.status, name: STATUS_NAMES[user.status] },
  permissions: user.managesApiKeys ? [{ keyName: 'USER_MANAGE' }] : [],
  apiAuthenticationKeys: keys,
});

/** What shows without a mask. */
export const withoutRelations = (view: object): object =>
  Object.fromEntries(Object.entries(view).filter(([property]) => !RELATIONS.has(property)));

/** A `SoftLayer_User_Customer_ApiAuthentication`. The value is for the owner only. */
export function keyView({ id, userId, value, createdAtMs }: ClassicKey, isOwner: boolean, switches: Switches): object {
  const isShown = isOwner && switches.classicKeyReadable;
  const timestamps = { 'epoch-seconds': Math.floor(createdAtMs / 1_000), absent: undefined, unreadable: 'unknown' };
  const timestampKey = timestamps[switches.classicTimestampKey];
  return {
    id: Number(id),
    ...(isShown && { authenticationKey: value }),
    ...(timestampKey !== undefined && { timestampKey }),
    userId,
  };
}
