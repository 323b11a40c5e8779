import { randomUUID } from 'node:crypto';
import { EVENT_NOTIFICATIONS_ADMISSION, admit } from '../../shared/auth/webhooks/admission.ts';
import { verifyEventNotification } from '../../shared/auth/webhooks/event-notifications.ts';
import { noteProof, noteRefusal } from '../../shared/auth/webhooks/notes.ts';
import { parseJsonBody } from '../../shared/incidents/json-body.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { HttpError, functionMain } from '../../shared/runtime/code-engine.ts';
import type { FunctionRequest, FunctionResponse } from '../../shared/runtime/code-engine.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import { readSecretEvent } from './schema.ts';

const write = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/** Where the periodic timer of Event Notifications calls. What it sends is not documented, and not looked at. */
const TIMER_PATH = '/timer';

async function handle(request: FunctionRequest): Promise<FunctionResponse> {
  const isTick = request.path === TIMER_PATH;
  if (!isTick && request.path !== '/') throw new HttpError(404, 'not_found', `There are only / and ${TIMER_PATH}.`);
  admit(request, EVENT_NOTIFICATIONS_ADMISSION);
  const settings = readSettings(process.env);
  const log = createLog({ clock: systemClock, write, level: settings.logLevel }, { request: randomUUID() });
  const { provenBy, event } = noteRefusal(log, () => {
    const proven = verifyEventNotification(request, settings.senders.eventNotifications, systemClock);
    return { provenBy: proven.provenBy, event: isTick ? null : readSecretEvent(parseJsonBody(proven.body)) };
  });
  noteProof(log, provenBy);
  if (event === null) return tick(settings, log);
  if ('ignored' in event) {
    log.info('event_ignored', 'nothing to do', { reason: event.ignored });
    return { status: 200, body: { outcome: 'ignored', reason: event.ignored } };
  }
  // What reads the manifest and calls others loads here: a request that is refused does without.
  const { handleSecretEvent } = await import('./handle.ts');
  const answer = await handleSecretEvent(event, {
    settings,
    clock: systemClock,
    log: log.with({ delivery: event.deliveryId }),
    http: {},
  });
  return { status: answer.outcome === 'looked' ? 202 : 200, body: answer };
}

/** A run takes longer than Event Notifications waits, which repeats what is not answered within 10 s: so it is only started here. */
async function tick(settings: Settings, log: Log): Promise<FunctionResponse> {
  const { startRun } = await import('./handle.ts');
  const rotateKeys = await startRun({ settings, clock: systemClock, log, http: {} });
  return { status: rotateKeys === 'accepted' || rotateKeys === 'sent' ? 202 : 503, body: { rotateKeys } };
}

/** Code Engine calls this, for each event of Secrets Manager, and for each tick of a timer. */
export const main = functionMain(handle, (error) => {
  const log = createLog({ clock: systemClock, write });
  log.error('event_failed', `The event was not handled: ${messageOf(error)}`, { error });
});
