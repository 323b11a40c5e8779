import type { ReportedLeak } from '../../shared/incidents/leak-report.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';
import type { FunctionResponse } from '../../shared/runtime/code-engine.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Settings } from '../../shared/runtime/settings.ts';

interface RespondContext {
  settings: Settings;
  clock: Clock;
  /** Its lines carry the request's id and the sender. */
  log: Log;
  requestId: string;
}

/** Finds the keys of the leaks, contains them, and says what was done. At least one leak. @throws HttpError */
export type RespondToReports = (leaks: readonly ReportedLeak[], context: RespondContext) => Promise<FunctionResponse>;

export const respond: RespondToReports = () =>
  Promise.reject(new HttpError(503, 'not_implemented', 'Reports are read here, and not acted on yet.'));
