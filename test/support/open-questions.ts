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
};
