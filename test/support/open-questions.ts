import type { Switches } from '../../infra/local/switches.ts';

const SECOND_MS = 1_000;

/**
 * Every answer that the platform may give to a question that its documentation leaves open, the strict one first. A switch
 * that is missing here does not compile.
 */
export const ANSWERS: { readonly [Name in keyof Switches]: readonly Switches[Name][] } = {
  firstLoginDelayMs: [2 * SECOND_MS, 0, 20 * SECOND_MS],
  activityDelayMs: [0, 600 * SECOND_MS],
  staleListMs: [0, 3 * SECOND_MS, 30 * SECOND_MS],
  staleIfMatchStatus: [409, 412],
  unknownKeyLoginStatus: [400, 401],
  refusedKeyLoginStatus: [400, 401],
  lockRefusesDisable: [false, true],
  hiddenValue: ['empty', 'absent'],
  customMetadataPatch: ['replace', 'merge'],
  duplicateSecretStatus: [409, 400],
  removePreviousNeedsLockDelete: [false, true],
  oldVersionMetadataWritable: [true, false],
  policyDelayMs: [0, 60 * SECOND_MS],
  troubleRate: [0],
  partialAccountLists: ['refused', 'filtered'],
  staleReadMs: [0, 5 * SECOND_MS],
  atomicWrites: [true, false],
  rotationCustomMetadata: ['replace', 'merge'],
  secretNameScope: ['instance', 'group'],
  deletedNameTakenMs: [0, 600 * SECOND_MS],
  destroyedSecretKeepsName: [true, false],
  absentPreviousStatus: [404, 400],
  goneVersionReadStatus: [200, 404],
  versionsBeyondLimit: ['drop-oldest', 'refused'],
  metadataReadMarksDownloaded: [false, true],
  versionMetadataNeedsManager: [false, true],
  lockWithoutPayloadStatus: [400, 404, 409, 412],
  lockRefusesMetadataPatch: [false, true],
  lockModeOnPrevious: ['ignored', 'applied'],
  replacedLockCreatedAt: ['kept', 'new'],
  rotationStartsAtOnce: [false, true],
  rotationByHandRestartsInterval: [false, true],
  rotationBeyondExpiration: ['refused', 'accepted'],
  eventDispatchMs: [120 * SECOND_MS, 0],
  wipedVersionEvent: ['secret_version_data_deleted', 'secret_data_removed'],
};
