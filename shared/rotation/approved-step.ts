import { fingerprintOfWorld } from './fingerprint.ts';
import type { Observation } from './observation.ts';
import type { MintReason } from './record.ts';
import { isSettled } from './step.ts';
import type { Step } from './step.ts';

/** A step that a dry run has shown, with what it was decided on. */
export interface ApprovedStep {
  step: Step['step'];
  keyId?: string;
  reason?: MintReason;
  fingerprint: string;
}

/**
 * Only the approved step is taken, once, and in no other world than it was approved in.
 * @param isTaken It was taken before: what comes next is left to others.
 * @returns why a step is not to be taken; null where nothing speaks against it.
 */
export function whyUnapproved(
  approved: ApprovedStep,
  step: Step,
  seen: Observation,
  isTaken: boolean,
): { code: 'world_moved' | 'not_in_plan'; why: string } | null {
  if (isTaken) {
    if (isSettled(step)) return null;
    return { code: 'not_in_plan', why: `${step.step} comes next, and was not in the plan: ${step.why}` };
  }
  const keyId = 'keyId' in step ? step.keyId : undefined;
  const reason = 'reason' in step ? step.reason : undefined;
  const isIt = step.step === approved.step && keyId === approved.keyId && reason === approved.reason;
  if (isIt && fingerprintOfWorld(seen) === approved.fingerprint) return null;
  const why = `it is not as it was when ${approved.step} was planned; now: ${step.step}, ${step.why}`;
  return { code: 'world_moved', why };
}
