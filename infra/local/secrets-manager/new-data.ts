import type { SeededRandom } from '../random.ts';
import type { JsonObject, PasswordPolicy, Secret, UserCredentials } from './model.ts';
import { DEFAULT_PASSWORD_POLICY, generatePassword } from './passwords.ts';
import { nextRotationMs } from './rotation.ts';
import type { MetadataPatch, SecretPrototype, VersionPrototype } from './schemas.ts';

type PolicyPatch = NonNullable<MetadataPatch['password_generation_policy']>;

/** What a secret of type username_password has beside its data; null for other types. */
export function firstCredentials(body: SecretPrototype, nowMs: number): UserCredentials | null {
  if (body.secret_type !== 'username_password') return null;
  const { username, rotation = null, password_generation_policy: policy = {} } = body;
  return {
    username,
    passwordPolicy: mergedPolicy(DEFAULT_PASSWORD_POLICY, policy),
    rotation,
    nextRotationMs: nextRotationMs(rotation, nowMs),
  };
}

/** The same after a patch. With `startsAtOnce` a policy that turns automatic rotation on rotates now. */
export function patchedCredentials(
  secret: Secret,
  { rotation, password_generation_policy: policy = {} }: MetadataPatch,
  nowMs: number,
  startsAtOnce: boolean,
): UserCredentials | null {
  const { credentials } = secret;
  if (!credentials) return null;
  const withPolicy = { ...credentials, passwordPolicy: mergedPolicy(credentials.passwordPolicy, policy) };
  if (rotation === undefined) return withPolicy;
  const turnsOn = rotation?.auto_rotate === true && credentials.nextRotationMs === null;
  return {
    ...withPolicy,
    rotation,
    nextRotationMs: turnsOn && startsAtOnce ? nowMs : nextRotationMs(rotation, nowMs),
  };
}

/** The same when an interval of automatic rotation begins anew. */
export const restartedCredentials = (credentials: UserCredentials | null, nowMs: number): UserCredentials | null =>
  credentials && { ...credentials, nextRotationMs: nextRotationMs(credentials.rotation, nowMs) };

/** The data of the first version; a password that is not given is generated. */
export function firstData(
  body: SecretPrototype,
  credentials: UserCredentials | null,
  random: SeededRandom,
): JsonObject {
  if (body.secret_type === 'arbitrary') return { payload: body.payload };
  if (body.secret_type === 'kv') return { data: body.data };
  return credentialData(credentials, body.password, random);
}

/** The data of a later version; a password that is not given is generated. */
export function nextData({ credentials }: Secret, body: Partial<VersionPrototype>, random: SeededRandom): JsonObject {
  if ('payload' in body) return { payload: body.payload };
  if ('data' in body) return { data: body.data };
  return credentialData(credentials, 'password' in body ? body.password : undefined, random);
}

function credentialData(
  credentials: UserCredentials | null,
  password: string | undefined,
  random: SeededRandom,
): JsonObject {
  if (!credentials) throw new TypeError('The secret has no credentials.');
  const { username, passwordPolicy } = credentials;
  return { username, password: password ?? generatePassword(random, passwordPolicy) };
}

const mergedPolicy = (before: PasswordPolicy, patch: PolicyPatch): PasswordPolicy => ({
  length: patch.length ?? before.length,
  include_digits: patch.include_digits ?? before.include_digits,
  include_symbols: patch.include_symbols ?? before.include_symbols,
  include_uppercase: patch.include_uppercase ?? before.include_uppercase,
});
