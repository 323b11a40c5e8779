import type { Caller } from '../parts.ts';
import type { Activity } from './activity.ts';
import type { ApiKey } from './api-key-book.ts';
import type { AssumeGrant, ComputeResourceGrant } from './login-forms.ts';
import type { TrustedProfile } from './profile-book.ts';
import {
  TokenError,
  badForm,
  invalidToken,
  keyNotFound,
  keyRefused,
  profileNotEligible,
  userRefused,
} from './token-errors.ts';
import type { TokenSubject } from './token-book.ts';
import type { User } from './user-book.ts';
import { identityCrn } from './world.ts';
import type { IamWorld } from './world.ts';

/** Who logs in, and whose last use that is. */
interface Login {
  subject: TokenSubject;
  uses: readonly Activity[];
}

/** Why a key cannot log in; null when it can. */
type KeyRefusal = 'unknown' | 'disabled' | 'expired' | null;

export function refusalOf({ parts }: IamWorld, key: ApiKey | undefined): KeyRefusal {
  const { clock, switches } = parts;
  // A fresh key is not known everywhere yet.
  if (!key || clock.nowMs() < key.createdAtMs + switches.firstLoginDelayMs) return 'unknown';
  if (key.disabled) return 'disabled';
  return key.expiresAtMs !== null && key.expiresAtMs <= clock.nowMs() ? 'expired' : null;
}

/** Throws 400 (or 401, when switched) for a key that is unknown, disabled or expired, or whose user is not active. */
export function loginWithKey(world: IamWorld, value: string): Login {
  const { keys, parts, serviceIds, users } = world;
  const { unknownKeyLoginStatus, refusedKeyLoginStatus, expiredKeyLoginCode } = parts.switches;
  const key = keys.withValue(value);
  const refusal = refusalOf(world, key);
  if (refusal === 'unknown' || !key) throw keyNotFound(unknownKeyLoginStatus);
  if (refusal === 'expired' && expiredKeyLoginCode === 'BXNIM0415E') throw keyNotFound(refusedKeyLoginStatus);
  if (refusal) throw keyRefused(refusedKeyLoginStatus, refusal);
  const serviceId = serviceIds.withIamId(key.iamId);
  const user = users.get(key.iamId);
  demandActive(user);
  const identity = serviceId ?? user;
  const type = serviceId ? 'serviceid' : 'user';
  const uses = identity ? [key.activity, identity.activity] : [key.activity];
  return { subject: { iamId: key.iamId, name: identity?.name ?? key.iamId, type }, uses };
}

/** Who logs in with an API key, without a token; null for whom the token endpoint refuses. Counts as a use. */
export function callerWithKey(world: IamWorld, value: string): Caller | null {
  const { account, clock, switches } = world.parts;
  try {
    const { subject, uses } = loginWithKey(world, value);
    if (!world.settings.admits(switches.callerAddress)) return null;
    for (const activity of uses) activity.record(clock.nowMs(), switches.activityDelayMs);
    return { iamId: subject.iamId, accountId: account.id };
  } catch (error) {
    if (error instanceof TokenError) return null;
    throw error;
  }
}

/** Throws 400 when no link and no claim rule of the profile lets the resource in. */
export function loginWithComputeResource(world: IamWorld, grant: ComputeResourceGrant): Login {
  const resource = world.computeResources.read(grant.cr_token);
  if (!resource) throw invalidToken('The compute resource token is not one that was issued.');
  const { profile_id: id, profile_name: name } = grant;
  if (id === undefined && name === undefined) {
    throw badForm({ property: 'profile_id', missing: true, reason: 'or profile_name is required' });
  }
  const found = id === undefined ? world.profiles.withName(name ?? '') : world.profiles.get(id);
  // With both, they must agree.
  const profile = name === undefined || found?.name === name ? found : undefined;
  if (!profile) throw profileNotEligible('There is no such trusted profile.');
  if (world.trust.trusts(profile.id, resource)) return loginAs(profile);
  const { componentType, componentName } = resource;
  throw profileNotEligible(`'${profile.id}' does not trust the ${componentType} '${componentName}'.`);
}

/** Throws 400 when the token is not valid, or belongs to nobody whom the profile lists, and 401 for a suspended user. */
export function loginByAssuming(world: IamWorld, grant: AssumeGrant): Login {
  const caller = world.tokens.callerOf(grant.access_token);
  if (!caller) throw invalidToken('The access token is unknown, expired or revoked.');
  demandActive(world.users.get(caller.iamId));
  const profile = assumedProfile(world, grant);
  if (!profile) throw profileNotEligible('There is no such trusted profile.');
  const isTrusted = profile.identities.some(({ type, identifier, accounts }) =>
    type === 'user'
      ? identifier === caller.iamId && (accounts?.includes(caller.accountId) ?? true)
      : type === 'serviceid' && `iam-${identifier}` === caller.iamId,
  );
  if (!isTrusted) throw profileNotEligible(`'${profile.id}' does not trust '${caller.iamId}'.`);
  return loginAs(profile);
}

/** Throws 400 for a user who has left, and 401 for one who is suspended. */
function demandActive(user: User | undefined): void {
  if (user && user.state !== 'active') throw userRefused(user.state);
}

function assumedProfile({ parts, profiles }: IamWorld, grant: AssumeGrant): TrustedProfile | undefined {
  const { profile_crn: crn, profile_id: id, profile_name: name, account } = grant;
  const named = [crn, id, name].filter((one) => one !== undefined).length;
  if (named === 0) throw badForm({ property: 'profile_id', missing: true, reason: 'or another name is required' });
  if (named > 1) throw badForm({ property: 'profile_id', missing: false, reason: 'is one name of several' });
  if ((name === undefined) !== (account === undefined)) {
    throw badForm({ property: 'account', missing: name !== undefined, reason: 'goes together with profile_name' });
  }
  if (name !== undefined) return account === parts.account.id ? profiles.withName(name) : undefined;
  if (id !== undefined) return profiles.get(id);
  return profiles.all().find((profile) => identityCrn(parts, 'profile', profile.id) === crn);
}

const loginAs = ({ iamId, name, activity }: TrustedProfile): Login => ({
  subject: { iamId, name, type: 'profile' },
  uses: [activity],
});
