import { z } from 'zod';

/**
 * What the real platform leaves open, or does only on some days. The defaults are the strict reading of the facts;
 * `POST /switches` on the control port changes any of them.
 */
export const Switches = z.strictObject({
  /** How long a fresh API key is refused at its first logins, in milliseconds. */
  firstLoginDelayMs: z.number().int().min(0).default(2_000),
  /** How late the last login of a key shows in its activity, in milliseconds. */
  activityDelayMs: z.number().int().min(0).default(0),
  /** How long lists show the world before the latest write, in milliseconds. */
  staleListMs: z.number().int().min(0).default(0),
  /** Status of a write to a key or service ID with an outdated `If-Match`. (unconfirmed) */
  staleIfMatchStatus: z.union([z.literal(409), z.literal(412)]).default(409),
  /** Status of a login with a deleted key; older reports have 401. */
  unknownKeyLoginStatus: z.union([z.literal(400), z.literal(401)]).default(400),
  /** Status of a login with a disabled or expired key. (unconfirmed) */
  refusedKeyLoginStatus: z.union([z.literal(400), z.literal(401)]).default(400),
  /** Whether an issuer lock also refuses disable and enable. (unconfirmed) */
  lockRefusesDisable: z.boolean().default(false),
  /** Whether answers carry an empty `apikey` field or none where the value is not shown. (unconfirmed) */
  hiddenValue: z.enum(['empty', 'absent']).default('empty'),
  /** Whether a patched object of custom metadata, of a secret or a version, replaces the former or is merged. (unconfirmed) */
  customMetadataPatch: z.enum(['replace', 'merge']).default('replace'),
  /** Status of creating a secret whose name is taken. (unconfirmed) */
  duplicateSecretStatus: z.union([z.literal(409), z.literal(400)]).default(409),
  /** Whether `remove_previous` asks for the right to delete locks too. (unconfirmed) */
  removePreviousNeedsLockDelete: z.boolean().default(false),
  /** Whether metadata of a secret version can be patched once its payload is gone. (unconfirmed) */
  oldVersionMetadataWritable: z.boolean().default(true),
  /** How late a new, changed or removed IAM policy takes effect, in milliseconds. */
  policyDelayMs: z.number().int().min(0).default(0),
  /**
   * How likely a call is to meet trouble, from 0 to 1: 429 with `Retry-After`, 500 or 503 before any effect, a connection
   * that is lost before or after it, or an answer that is late by up to 5 s. Which call meets what depends on the seed
   * alone. Log lines and the control port meet none, nor do calls that an injected fault waits for.
   */
  troubleRate: z.number().min(0).max(1).default(0),
  /** What lists of the account answer to a caller with access to some service IDs only: 403, or those. (unconfirmed) */
  partialAccountLists: z.enum(['refused', 'filtered']).default('refused'),
  /** How long reads by id of secrets and versions show them before the latest write, in milliseconds. (unconfirmed) */
  staleReadMs: z.number().int().min(0).default(0),
  /** Whether what a write of a secret checks still holds when it takes effect, whoever else writes. (unconfirmed) */
  atomicWrites: z.boolean().default(true),
  /** Whether `custom_metadata` sent with a new version replaces that of the secret or is merged into it. (unconfirmed) */
  rotationCustomMetadata: z.enum(['replace', 'merge']).default('replace'),
  /** Where two secrets of one type cannot have the same name. (unconfirmed) */
  secretNameScope: z.enum(['instance', 'group']).default('instance'),
  /** How long the name of a deleted secret stays taken, in milliseconds. (unconfirmed) */
  deletedNameTakenMs: z.number().int().min(0).default(0),
  /** Whether a secret that is destroyed by its expiration keeps its name until it is deleted. (unconfirmed) */
  destroyedSecretKeepsName: z.boolean().default(true),
  /** Status of asking for the previous version of a secret that has only one. (unconfirmed) */
  absentPreviousStatus: z.union([z.literal(404), z.literal(400)]).default(404),
  /** Status of reading a version whose payload is gone; 200 comes without it. (unconfirmed) */
  goneVersionReadStatus: z.union([z.literal(200), z.literal(404)]).default(200),
  /** What the 51st version of a secret does: drops the metadata of the oldest, or is refused. (unconfirmed) */
  versionsBeyondLimit: z.enum(['drop-oldest', 'refused']).default('drop-oldest'),
  /** Whether reading the metadata of a secret or version also marks it as downloaded. (unconfirmed) */
  metadataReadMarksDownloaded: z.boolean().default(false),
  /** Whether patching the metadata of a version takes a Manager. (unconfirmed) */
  versionMetadataNeedsManager: z.boolean().default(false),
  /** Whether a lock on any version of a secret refuses, with 412, to patch the metadata of the secret. (unconfirmed) */
  lockRefusesSecretPatch: z.boolean().default(false),
  /** Status of locking a secret version without payload. (unconfirmed) */
  lockWithoutPayloadStatus: z.union([z.literal(400), z.literal(404), z.literal(409), z.literal(412)]).default(400),
  /** What a lock mode does when the lock is put on the previous version: nothing, or to the lock itself. (unconfirmed) */
  lockModeOnPrevious: z.enum(['ignored', 'applied']).default('ignored'),
  /** Which `created_at` a lock has that replaces one of the same name. (unconfirmed) */
  replacedLockCreatedAt: z.enum(['kept', 'new']).default('kept'),
  /** Whether turning automatic rotation on rotates at once, or an interval later. (unconfirmed) */
  rotationStartsAtOnce: z.boolean().default(false),
  /** Whether a rotation by hand begins a new interval of automatic rotation. (unconfirmed) */
  rotationByHandRestartsInterval: z.boolean().default(false),
  /** Whether a rotation policy is refused whose next rotation lies beyond the secret's expiration. (unconfirmed) */
  rotationBeyondExpiration: z.enum(['refused', 'accepted']).default('refused'),
  /** How long Secrets Manager collects events before it sends them, in milliseconds; it says 1 to 2 minutes. */
  eventDispatchMs: z.number().int().min(0).default(120_000),
  /** Which event tells that a lock mode wiped the previous version; the documentation has both. (unconfirmed) */
  wipedVersionEvent: z
    .enum(['secret_version_data_deleted', 'secret_data_removed'])
    .default('secret_version_data_deleted'),
  /** How long a fresh resource key is not found when it is asked for by its id, in milliseconds. */
  freshResourceKeyReadDelayMs: z.number().int().min(0).default(2_000),
  /** How long a removed resource key or instance is still answered with the state `removed`, in milliseconds. (unconfirmed) */
  removedResourceShownMs: z.number().int().min(0).default(86_400_000),
  /** Status of a removed resource key or instance once it is not shown any more. */
  forgottenResourceStatus: z.union([z.literal(404), z.literal(410)]).default(404),
  /** Status of deleting or changing a resource key or instance that is removed. (unconfirmed) */
  removedResourceWriteStatus: z.union([z.literal(410), z.literal(404)]).default(410),
  /** Status of an update or delete of a locked resource instance; IBM's own test of its SDK has 400. */
  lockedInstanceStatus: z.union([z.literal(422), z.literal(400)]).default(422),
  /** Whether lists of service IDs show those that were made for resource keys. (unconfirmed) */
  hiddenServiceIdsListed: z.boolean().default(false),
  /** Whether lists of an account's API keys show those that stand behind resource keys. (unconfirmed) */
  hiddenApiKeysListed: z.boolean().default(true),
  /** How many resource keys an instance can have; null for no limit of their own. (unconfirmed) */
  resourceKeysPerInstance: z.number().int().min(1).nullable().default(null),
  /** Whether a restriction of service ID creation also refuses resource keys that need a new one. (unconfirmed) */
  restrictionBreaksResourceKeys: z.boolean().default(true),
  /** Whether a resource key with `serviceid_crn` asks for the right to make API keys of that service ID. (unconfirmed) */
  serviceIdCrnNeedsKeyRight: z.boolean().default(true),
  /** Whether a resource key can be asked for with the bare name of a role that its service alone has. (unconfirmed) */
  serviceRolesByName: z.boolean().default(false),
  /** Whether the answer to the creation of a resource key withholds credentials as reads do, for lack of a role. (unconfirmed) */
  createdCredentialsWithheld: z.boolean().default(false),
  /** Whether Cloud Object Storage refuses a service ID that another of its resource keys uses; it was seen to. */
  cosRefusesUsedServiceId: z.boolean().default(true),
  /** Whether `logdna` and `logdnaat` can still be provisioned: both ended on 30 March 2025. */
  logdnaOffered: z.boolean().default(false),
  /** Whether instances of `logdna` and `logdnaat` have the configuration API, or leave keys to their web console. */
  loggingInstancesConfigurable: z.boolean().default(true),
  /** What a new resource key hands out once the broker's own key of an instance of LogDNA is deleted. (unconfirmed) */
  deletedBrokerKey: z.enum(['dead value', 'newest key']).default('dead value'),
  /** Status of a call to LogDNA with a service or ingestion key that is deleted or unknown. (unconfirmed) */
  refusedLoggingKeyStatus: z.union([z.literal(401), z.literal(403)]).default(401),
  /** Status of creating a service or ingestion key where there are as many as there can be. (unconfirmed) */
  loggingKeyLimitStatus: z.union([z.literal(400), z.literal(409), z.literal(422)]).default(400),
  /** Whether lists of service and ingestion keys show the values, as reading a single one does. (unconfirmed) */
  loggingKeyListShowsValues: z.boolean().default(true),
  /** Whether a service key can delete itself. (unconfirmed) */
  ownServiceKeyDeletion: z.enum(['refused', 'accepted']).default('refused'),
  /** How long a fresh service or ingestion key is refused, in milliseconds. (unconfirmed) */
  freshLoggingKeyDelayMs: z.number().int().min(0).default(2_000),
  /** How many calls the configuration API of LogDNA takes in a minute; null for no limit. */
  loggingConfigurationCallsPerMinute: z.number().int().min(1).nullable().default(50),
  /** Code of a login with an expired key: that of a disabled one, or that of an unknown one. (unconfirmed) */
  expiredKeyLoginCode: z.enum(['BXNIM0462E', 'BXNIM0415E']).default('BXNIM0462E'),
  /** What introspection says of a disabled or expired key. (unconfirmed) */
  refusedKeyIntrospection: z.enum(['inactive', 'active']).default('inactive'),
  /** Status of asking for the details of an API key by a value that is unknown. (unconfirmed) */
  unknownKeyDetailsStatus: z.union([z.literal(404), z.literal(400)]).default(404),
  /** Whether an expiry that is past is refused with 400 or makes a key that is expired from the start. (unconfirmed) */
  pastExpiry: z.enum(['refused', 'accepted']).default('refused'),
  /** Whether disabled keys count to the limit of an identity. (unconfirmed) */
  disabledKeysCount: z.boolean().default(true),
  /** Status of an update or delete that the lock of a key or service ID refuses. (unconfirmed) */
  lockedWriteStatus: z.union([z.literal(409), z.literal(412), z.literal(422)]).default(409),
  /**
   * Status of a lock, disable or enable that finds what it asks for: IBM's general table of statuses has 409. Unlock is
   * 204 for certain. (unconfirmed)
   */
  repeatedChangeStatus: z.union([z.literal(204), z.literal(409)]).default(204),
  /**
   * Whether a list of the keys of one service ID that is in a group needs `group_id`, as the wording of IBM's reference
   * has it for all lists of keys. (unconfirmed)
   */
  groupedKeysNeedGroupId: z.boolean().default(true),
  /** Whether the role "API key reviewer" is enough to read and list API keys, across the account too. (unconfirmed) */
  reviewerReadsKeys: z.boolean().default(true),
  /**
   * What becomes of a policy whose role grants more than the caller, an Administrator, has on the target: a service role that
   * it lacks counts as more. (unconfirmed)
   */
  grantsAboveOwnRole: z.enum(['refused', 'accepted']).default('refused'),
  /** Which of the two possible owners the CRN of the role SecretsReader names. (unconfirmed) */
  secretsReaderOwner: z.enum(['secrets-manager', 'iam']).default('secrets-manager'),
  /**
   * Whether the history has entries for lock, unlock, disable and enable of their own, or tells of all of them as updates.
   * (unconfirmed)
   */
  stateHistory: z.enum(['named', 'updates']).default('named'),
  /** How long a policy answers 404 to reads by its id after it was created, in milliseconds. */
  policyReadDelayMs: z.number().int().min(0).default(0),
  /** How long an activity report is built, in milliseconds. */
  reportDelayMs: z.number().int().min(0).default(120_000),
  /** Whether its owner can read the value of a classic key again: IBM's documentation has both. (unconfirmed) */
  classicKeyReadable: z.boolean().default(false),
  /** What lists of classic keys have as `timestampKey`: when the key was made, nothing, or a text that is no time. (unconfirmed) */
  classicTimestampKey: z.enum(['epoch-seconds', 'absent', 'unreadable']).default('epoch-seconds'),
  /** Status of what the classic API refuses as `SoftLayer_Exception_Public`, such as a second key. (unconfirmed) */
  classicRefusalStatus: z.union([z.literal(500), z.literal(400)]).default(500),
  /** Status of a classic user or key that does not exist. (unconfirmed) */
  classicNotFoundStatus: z.union([z.literal(404), z.literal(500)]).default(404),
  /** Status of what the classic API denies somebody who is logged in. (unconfirmed) */
  classicDeniedStatus: z.union([z.literal(401), z.literal(403)]).default(401),
  /** How long a fresh classic key is refused at its first logins, in milliseconds. (unconfirmed) */
  classicFirstLoginDelayMs: z.number().int().min(0).default(0),
  /** `Content-Type` of what Event Notifications delivers. (unconfirmed) */
  eventContentType: z.enum(['application/json', 'application/cloudevents+json']).default('application/json'),
  /** Whether what it delivers to webhooks is signed, and then is a compact JWS, or an object with one. (unconfirmed) */
  eventSigning: z.enum(['off', 'jws', 'jws in data']).default('off'),
  /** Whether `notification_id` stays the same when a delivery is repeated. (unconfirmed) */
  notificationIdKept: z.boolean().default(false),
  /** Which answers to a delivery make Event Notifications repeat it, beside none; others lose the event. (unconfirmed) */
  retriedEventDeliveries: z.enum(['429 and 5xx', 'all but 2xx']).default('429 and 5xx'),
  /** Whether an API source must send `ibmendefaultshort` and `ibmendefaultlong`; IBM's SDK demands them. (unconfirmed) */
  eventDefaultTextsRequired: z.boolean().default(true),
  /** Status of an event that is too large for an API source. (unconfirmed) */
  oversizedEventStatus: z.union([z.literal(413), z.literal(400)]).default(413),
  /** Status of resolving an alert of GitHub as it is resolved already; the 400 is documented, when it comes is not. (unconfirmed) */
  repeatedResolutionStatus: z.union([z.literal(400), z.literal(200)]).default(400),
  /** How many service IDs the account may have: IBM raises it on request. */
  serviceIdsPerAccount: z.number().int().min(1).default(2_000),
  /** The address from which all calls seem to come, for allow lists of IP addresses. */
  callerAddress: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
});

export type Switches = z.infer<typeof Switches>;
