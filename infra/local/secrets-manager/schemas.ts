import { z } from 'zod';
import { notEmbedded } from './errors.ts';
import { DEFAULT_GROUP } from './model.ts';
import type { RotationPolicy, SecretType } from './model.ts';

// Where IBM's pages disagree about a limit, the strictest of them holds here.
const METADATA_BYTES_MAX = 10_000;
const PAYLOAD_CHARS_MAX = 100_000;
const KV_BYTES_MAX = 512_000;

export const SECRET_TYPES = [
  'arbitrary',
  'kv',
  'username_password',
  'iam_credentials',
  'service_credentials',
  'custom_credentials',
  'imported_cert',
  'public_cert',
  'private_cert',
] as const;

export const fitsMetadata = (value: object): boolean => Buffer.byteLength(JSON.stringify(value)) <= METADATA_BYTES_MAX;

const JsonMap = z.record(z.string(), z.unknown());
const Metadata = JsonMap.refine(fitsMetadata, 'is larger than 10 KB');
const Name = z
  .string()
  .min(2)
  .max(256)
  .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]$/);
const Description = z.string().min(2).max(1024);
const Labels = z.array(z.string().min(2).max(64)).max(30);
const Instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export const GroupId = z.union([z.uuid(), z.literal(DEFAULT_GROUP)], 'is neither the id of a group nor "default"');

const GroupName = z.string().min(2).max(64);
export const GroupPrototype = z.strictObject({ name: GroupName, description: Description.optional() });
export const GroupPatch = z.strictObject({ name: GroupName.optional(), description: Description.optional() });

const versionFields = { custom_metadata: Metadata.optional(), version_custom_metadata: Metadata.default({}) };
const prototypeFields = {
  name: Name,
  description: Description.optional(),
  secret_group_id: GroupId.default(DEFAULT_GROUP),
  labels: Labels.default([]),
  ...versionFields,
};
const patchFields = {
  name: Name.optional(),
  description: Description.optional(),
  labels: Labels.optional(),
  custom_metadata: JsonMap.optional(),
};

/** The fields that make up the data of a secret, by type. */
const arbitraryData = { payload: z.string().min(1).max(PAYLOAD_CHARS_MAX) };
const kvData = {
  data: JsonMap.refine((data) => Object.keys(data).length > 0, 'has no key').refine(
    (data) => Buffer.byteLength(JSON.stringify(data)) <= KV_BYTES_MAX,
    'is larger than 512 KB',
  ),
};

const Password = z.string().min(6).max(256);
const PasswordPolicy = z.strictObject({
  length: z.number().int().min(12).max(256).optional(),
  include_digits: z.boolean().optional(),
  include_symbols: z.boolean().optional(),
  include_uppercase: z.boolean().optional(),
});

/** Longest intervals: two years. Only custom credentials may be rotated by the hour. */
const INTERVAL_MAX = { day: 730, month: 24 } as const;

/** An empty object is no policy. */
const Rotation = z
  .strictObject({
    auto_rotate: z.boolean().optional(),
    interval: z.number().int().min(1).optional(),
    unit: z.enum(['day', 'month']).optional(),
  })
  .refine(
    ({ auto_rotate: auto, ...rest }) => auto !== undefined || Object.keys(rest).length === 0,
    'has no auto_rotate',
  )
  .refine(
    ({ auto_rotate: auto, interval, unit }) => !auto || (interval !== undefined && unit !== undefined),
    'needs interval and unit',
  )
  .refine(({ interval = 1, unit = 'day' }) => interval <= INTERVAL_MAX[unit], 'is longer than 24 months')
  .transform(({ auto_rotate: auto, interval, unit }): RotationPolicy | null =>
    auto === undefined ? null : { auto_rotate: auto, interval, unit },
  );

const credentialFields = {
  expiration_date: Instant.optional(),
  rotation: Rotation.optional(),
  password_generation_policy: PasswordPolicy.optional(),
};

/** Body of createSecret. */
export const SecretPrototype = z.discriminatedUnion('secret_type', [
  z.strictObject({
    secret_type: z.literal('arbitrary'),
    ...prototypeFields,
    ...arbitraryData,
    expiration_date: Instant.optional(),
  }),
  z.strictObject({ secret_type: z.literal('kv'), ...prototypeFields, ...kvData }),
  z.strictObject({
    secret_type: z.literal('username_password'),
    ...prototypeFields,
    username: z.string().min(2).max(64),
    password: Password.optional(),
    ...credentialFields,
  }),
]);
export type SecretPrototype = z.infer<typeof SecretPrototype>;

/** Body of createSecretVersion, by type. */
export const versionPrototypes = {
  arbitrary: z.strictObject({ ...versionFields, ...arbitraryData }),
  kv: z.strictObject({ ...versionFields, ...kvData }),
  username_password: z.strictObject({ ...versionFields, password: Password.optional() }),
} satisfies Record<SecretType, z.ZodType>;
export type VersionPrototype = z.infer<(typeof versionPrototypes)[SecretType]>;

/** Body of updateSecretMetadata, by type. */
export const metadataPatches = {
  arbitrary: z.strictObject({ ...patchFields, expiration_date: Instant.nullable().optional() }),
  kv: z.strictObject(patchFields),
  username_password: z.strictObject({
    ...patchFields,
    ...credentialFields,
    expiration_date: Instant.nullable().optional(),
  }),
} satisfies Record<SecretType, z.ZodType>;
/** What a patch can hold; some types take less. */
export type MetadataPatch = z.infer<typeof metadataPatches.username_password>;

/** Body of updateSecretVersionMetadata. */
export const VersionMetadataPatch = z.strictObject({ version_custom_metadata: JsonMap });

export const LockName = z.string().regex(/^[a-zA-Z][a-zA-Z0-9_.-]{1,63}$/);
const LockPrototype = z.strictObject({
  name: LockName,
  description: Description.optional(),
  attributes: Metadata.default({}),
});
export type LockPrototype = z.infer<typeof LockPrototype>;

/** Body of both operations that create locks. */
export const LocksPrototype = z.strictObject({
  locks: z
    .array(LockPrototype)
    .min(1)
    .max(1_000)
    .refine((locks) => new Set(locks.map(({ name }) => name)).size === locks.length, 'has a name twice'),
});

/** Body of createSecretAction; no type of secret that is embedded has any of them. */
export const SecretAction = z.strictObject({
  action_type: z.enum(['private_cert_action_revoke_certificate', 'public_cert_action_validate_dns_challenge']),
});

/** Body of createSecretVersionAction. */
export const VersionAction = z.strictObject({ action_type: z.literal('private_cert_action_revoke_certificate') });

/** Body of createNotificationsRegistration. */
export const RegistrationPrototype = z.strictObject({
  event_notifications_instance_crn: z
    .string()
    .max(512)
    .regex(/^crn:v1:[^:]+:[^:]+:event-notifications:[^:]+:a\/[^:]+:[^:]+::$/, 'is not the CRN of an instance'),
  event_notifications_source_name: z.string().min(2).max(256),
  event_notifications_source_description: z.string().max(1024).optional(),
});

/** Throws 501 for a type of secret that IBM Cloud has and the embedded cloud has not. */
export function assertEmbedded(type: (typeof SECRET_TYPES)[number]): asserts type is SecretType {
  if (!(type in versionPrototypes)) throw notEmbedded(`secrets of type ${type}`);
}

/** The same for the type that the body of createSecret names. */
export function assertEmbeddedBody(body: unknown): void {
  const { data } = z.object({ secret_type: z.enum(SECRET_TYPES) }).safeParse(body);
  if (data) assertEmbedded(data.secret_type);
}
