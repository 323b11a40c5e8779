import type { SwitchName } from './answer.ts';
import type { NotProbed } from './item.ts';

const EVENTS =
  'needs an instance of Event Notifications, and Secrets Manager registered with it, which changes settings';
const CLASSIC = 'needs a user of classic infrastructure, whose one key would be removed';
const RETIRED = 'is about Log Analysis and Activity Tracker, which ended on 30 March 2025';
const NOT_A_QUESTION = 'is no question to the platform: it is set as a test wants it';

const REASONS: readonly (readonly [why: string, switches: readonly SwitchName[]])[] = [
  [NOT_A_QUESTION, ['troubleRate', 'serviceIdsPerAccount', 'callerAddress']],
  ['needs a group of service IDs, and another service ID in it', ['groupedKeysNeedGroupId']],
  ['needs the CRN of the role "API key reviewer", which is not public', ['reviewerReadsKeys']],
  ['needs a second secret group; a run keeps to one', ['secretNameScope']],
  ['begins a report about the whole account, which removes older ones', ['reportDelayMs']],
  ['needs a day: until then a removed key is still told of', ['forgottenResourceStatus']],
  ['needs a resource instance of its own to lock, which may cost money', ['lockedInstanceStatus']],
  ['is only found by filling an instance with keys', ['resourceKeysPerInstance']],
  ['needs a restriction of service ID creation: a setting of the account', ['restrictionBreaksResourceKeys']],
  [
    'needs a second identity that may make keys of the whole Secrets Manager instance',
    ['serviceIdCrnNeedsKeyRight', 'createdCredentialsWithheld'],
  ],
  ['needs an instance of Cloud Object Storage', ['cosRefusesUsedServiceId']],
  [
    RETIRED,
    [
      'logdnaOffered',
      'loggingInstancesConfigurable',
      'deletedBrokerKey',
      'refusedLoggingKeyStatus',
      'loggingKeyLimitStatus',
      'loggingKeyListShowsValues',
      'ownServiceKeyDeletion',
      'freshLoggingKeyDelayMs',
      'loggingConfigurationCallsPerMinute',
    ],
  ],
  [
    CLASSIC,
    [
      'classicKeyReadable',
      'classicTimestampKey',
      'classicRefusalStatus',
      'classicNotFoundStatus',
      'classicDeniedStatus',
      'classicFirstLoginDelayMs',
    ],
  ],
  [
    EVENTS,
    [
      'eventDispatchMs',
      'wipedVersionEvent',
      'eventContentType',
      'eventSigning',
      'notificationIdKept',
      'retriedEventDeliveries',
      'eventDefaultTextsRequired',
      'oversizedEventStatus',
    ],
  ],
  ['needs a repository at GitHub in which a key leaked', ['repeatedResolutionStatus']],
];

/** Switches whose question a run does not put to the platform, each with the reason. */
export const NOT_PROBED: readonly NotProbed[] = REASONS.flatMap(([why, names]) =>
  names.map((name) => ({ switch: name, why })),
);
