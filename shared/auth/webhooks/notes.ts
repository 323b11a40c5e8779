import { HttpError } from '../../runtime/code-engine.ts';
import type { Log } from '../../runtime/log.ts';
import type { ProvenBy } from './sender-proof.ts';

/** Does what may refuse a request, and notes if it does: whoever set up a sender wrongly finds out there why nothing comes. */
export function noteRefusal<T>(log: Log, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof HttpError) {
      const { status, code } = error;
      // Not the path of a fault: an answer to the sender has it.
      log.warn('request_refused', `refused with ${status}: ${code}`, { status, code });
    }
    throw error;
  }
}

/** Notes that a sender still signs with the former secret: until it does not, that cannot be taken away. */
export function noteProof(log: Log, provenBy: ProvenBy): void {
  if (provenBy === 'previous') log.warn('former_secret_used', 'the sender still uses the former secret');
}
