import { isApiError } from '../clients/api-error.ts';
import { Calls } from '../clients/calls.ts';
import { GithubAlerts } from '../clients/github-alerts.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { withTimeLimit } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import { HttpError } from '../runtime/code-engine.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { GithubSender } from '../runtime/sender-settings.ts';
import { isKeyType } from './github-alert.ts';
import type { GithubAlert } from './github-alert.ts';
import type { IgnoredBecause, ReportedLeak } from './leak-report.ts';

const ATTEMPT_MS = 2_500;
/** What reading the alert may take, with all attempts: GitHub waits 10 s for an answer, and to disable the key must fit in as well. */
const FETCH_MS = 2_500;
/** Closing an alert comes last. */
const RESOLVE_PATIENCE_MS = 10_000;

const RESOLUTION = 'Keyrota has disabled or deleted the key, and replaces it.';

/** Resolutions by which people say that nothing is to be done. */
const DISMISSALS = ['false_positive', 'used_in_tests', 'wont_fix'];

export interface GithubContext {
  clock: Clock;
  log: Log;
  http: HttpOptions;
}

/**
 * Makes an alert a leak with its key, which only a call to GitHub tells; to the address from the settings, never one that was
 * sent. An alert that people dismissed, or that is about something else, is none.
 * @throws HttpError 502 when GitHub does not tell it, 503 without a token. GitHub does not send again by itself.
 */
export async function fetchGithubLeak(
  { repository, number, report }: GithubAlert,
  { token, apiUrl, secretTypes }: GithubSender,
  { clock, log, http }: GithubContext,
): Promise<ReportedLeak | { ignored: IgnoredBecause }> {
  const place = { repository, number };
  if (!token) {
    log.error('alert_not_fetched', 'KEYROTA_GITHUB_TOKEN is missing: GitHub does not tell which key leaked', place);
    throw new HttpError(503, 'alert_not_fetched', 'The alert was not read; the log says why. Deliver it again.');
  }
  const alertsFor = (patienceMs: number) => {
    const calls = new Calls({ clock, log, timeoutMs: ATTEMPT_MS, deadlineMs: clock.nowMs() + patienceMs });
    return new GithubAlerts({ apiUrl, token, calls, http });
  };
  try {
    const { signal } = new AbortController();
    const read = (until: AbortSignal) => alertsFor(FETCH_MS).readAlert(place, until);
    const { secret: value, type, resolution } = await withTimeLimit(clock, FETCH_MS, signal, read);
    if (type !== null && !isKeyType(type, secretTypes)) return { ignored: 'other_secret_type' };
    if (resolution !== null && DISMISSALS.includes(resolution)) return { ignored: 'alert_dismissed' };
    return {
      report: { ...report, credential: { by: 'value', value } },
      resolve: (until) => alertsFor(RESOLVE_PATIENCE_MS).resolveAsRevoked(place, RESOLUTION, value, until),
    };
  } catch (error) {
    const hint = isApiError(error, 'not_found') ? ' (or the token may not see it)' : '';
    log.error('alert_not_fetched', `GitHub does not tell which key leaked: ${messageOf(error)}${hint}`, {
      ...place,
      error,
    });
    throw new HttpError(502, 'alert_not_fetched', 'The alert was not read; the log says why. Deliver it again.');
  }
}
