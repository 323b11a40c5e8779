import { isApiError } from '../clients/api-error.ts';
import { Calls } from '../clients/calls.ts';
import { GithubAlerts } from '../clients/github-alerts.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import type { Clock } from '../runtime/clock.ts';
import { HttpError } from '../runtime/code-engine.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { GithubSender } from '../runtime/sender-settings.ts';
import type { GithubAlert } from './github-alert.ts';
import type { ReportedLeak } from './leak-report.ts';

/** GitHub waits 10 s for an answer, and to disable the key must fit in as well. */
const ATTEMPT_MS = 2_500;
const PATIENCE_MS = 2_000;
/** Closing an alert comes last. */
const RESOLVE_PATIENCE_MS = 10_000;

const RESOLUTION = 'Keyrota has disabled or deleted the key, and replaces it.';

export interface GithubContext {
  clock: Clock;
  log: Log;
  http: HttpOptions;
}

/**
 * Makes an alert a leak with its key, which only a call to GitHub tells; to the address from the settings, never one that was
 * sent.
 * @throws HttpError 502 when GitHub does not tell it, 503 without a token. GitHub does not send again by itself.
 */
export async function fetchGithubLeak(
  { repository, number, report }: GithubAlert,
  { token, apiUrl }: GithubSender,
  { clock, log, http }: GithubContext,
): Promise<ReportedLeak> {
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
    const value = await alertsFor(PATIENCE_MS).readSecret(place, new AbortController().signal);
    return {
      report: { ...report, credential: { by: 'value', value } },
      resolve: (signal) => alertsFor(RESOLVE_PATIENCE_MS).resolveAsRevoked(place, RESOLUTION, value, signal),
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
