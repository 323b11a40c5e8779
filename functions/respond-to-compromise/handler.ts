import { randomUUID } from 'node:crypto';
import { admit } from '../../shared/auth/webhooks/admission.ts';
import { noteProof, noteRefusal } from '../../shared/auth/webhooks/notes.ts';
import type { GithubAlert } from '../../shared/incidents/github-alert.ts';
import type { IgnoredBecause, ReportedLeak } from '../../shared/incidents/leak-report.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { HttpError, functionMain } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest, FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import { ROUTES } from './schema.ts';

const write = (line: string) => {
  process.stdout.write(`${line}\n`);
};

async function handle(request: FunctionRequest): Promise<FunctionResponse> {
  const startMs = systemClock.nowMs();
  const route = ROUTES.get(request.path);
  if (!route) throw new HttpError(404, 'not_found', `There are only ${[...ROUTES.keys()].join(', ')}.`);
  admit(request, route.admission);
  const settings = readSettings(process.env);
  const requestId = randomUUID();
  const log = createLog(
    { clock: systemClock, write, level: settings.logLevel },
    { request: requestId, sender: route.sender },
  );
  const { provenBy, reading } = noteRefusal(log, () => {
    const proven = route.prove(request, settings.senders, systemClock);
    return { provenBy: proven.provenBy, reading: proven.read() };
  });
  noteProof(log, provenBy);
  const found = 'alert' in reading ? await fetched(reading.alert, settings, log) : reading;
  if ('ignored' in found) {
    log.info('report_ignored', 'nothing to do', { reason: found.ignored });
    return { status: 200, body: { outcome: 'ignored', reason: found.ignored } };
  }
  const leaks = 'reports' in found ? found.reports.map((report): ReportedLeak => ({ report, resolve: null })) : [found];
  // All that talks to others loads from here on: a request that is refused does without.
  const { respond } = await import('./respond.ts');
  return respond(leaks, { settings, clock: systemClock, log, startMs });
}

async function fetched(
  alert: GithubAlert,
  { senders }: Settings,
  log: Log,
): Promise<ReportedLeak | { ignored: IgnoredBecause }> {
  const { fetchGithubLeak } = await import('../../shared/incidents/github-leak.ts');
  return fetchGithubLeak(alert, senders.github, { clock: systemClock, log, http: {} });
}

/** Code Engine calls this, for each of the senders at its own path. */
export const main = functionMain(handle, (error) => {
  const log = createLog({ clock: systemClock, write });
  log.error('response_failed', `The report was not acted on: ${messageOf(error)}`, { error });
});
