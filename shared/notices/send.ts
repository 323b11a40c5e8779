import type { AuthenticatorInterface } from 'ibm-cloud-sdk-core';
import { ApiError } from '../clients/api-error.ts';
import { Calls } from '../clients/calls.ts';
import type { Login } from '../clients/calls.ts';
import { EventNotifications } from '../clients/event-notifications.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { Outgoing } from '../clients/outgoing.ts';
import type { Reaction } from '../clients/outgoing.ts';
import type { LookupAll } from '../runtime/public-address.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import { codeOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { eventOf } from './event-notification.ts';
import { sendable } from './notice.ts';
import type { Notice } from './notice.ts';
import { REQUEST_MS, repeated } from './repeats.ts';
import type { Limits } from './repeats.ts';
import { slackBody } from './slack.ts';
import { webhookBody, webhookHeaders } from './standard-webhook.ts';
import type { NoticeTarget } from '../runtime/notice-targets.ts';

export interface SendOptions extends Limits {
  targets: readonly NoticeTarget[];
  log: Log;
  http: HttpOptions;
  /** Keyrota's own login, for Event Notifications; null where there is none. */
  login: (AuthenticatorInterface & Login) | null;
  /** Ids of targets that said that they want nothing any more. */
  disabled: ReadonlySet<string>;
  /** Default: the system's. */
  lookup?: LookupAll;
}

/** One notice for one target, by its id. */
interface Delivery {
  target: string;
  notice: Notice;
}

export interface Sent {
  delivered: Delivery[];
  /** For a later run, if it wants to try again: the id makes a repeat harmless. */
  failed: Delivery[];
  /** Ids of targets that want nothing any more: not to be told again before somebody changes the setting. */
  nowDisabled: string[];
}

/** What became of one notice at one target. */
type Outcome =
  | { outcome: 'delivered' }
  /** `isDown`: it would go with the next notice as with this one. */
  | { outcome: 'failed'; status: number | null; reason: string; isDown: boolean }
  | { outcome: 'gone' };

/** Tells one target, within the limits. */
type Teller = (notice: Notice) => Promise<Outcome>;

/** Tells all targets, side by side, each notice once and in order. Never throws: whoever rotates or contains must not mind. */
export async function sendNotices(notices: readonly Notice[], options: SendOptions): Promise<Sent> {
  const sent: Sent = { delivered: [], failed: [], nowDisabled: [] };
  const once = new Map(notices.map((notice) => [notice.id, sendable(notice)]));
  const targets = options.targets.filter(({ id }) => !options.disabled.has(id));
  if (once.size > 0) await Promise.all(targets.map((target) => tellAll(target, [...once.values()], options, sent)));
  return sent;
}

async function tellAll(
  target: NoticeTarget,
  notices: readonly Notice[],
  options: SendOptions,
  sent: Sent,
): Promise<void> {
  let teller: Teller | null = null;
  const tell: Teller = async (notice) => {
    teller ??= tellerOf(target, options); // what is wrong with a target fails like the telling
    return teller(notice);
  };
  let isDown = false;
  for (const notice of notices) {
    const told: Outcome = isDown ? DOWN : await tell(notice).catch(unexpected);
    const delivery = { target: target.id, notice };
    if (told.outcome === 'delivered') {
      sent.delivered.push(delivery);
      options.log.debug('notice_sent', `${target.id} was told: ${notice.type}`, fieldsOf(delivery));
      continue;
    }
    if (told.outcome === 'gone') {
      sent.nowDisabled.push(target.id);
      const message = `${target.id} wants no notices any more, and gets none until its address is changed`;
      options.log.warn('notice_failed', message, { ...fieldsOf(delivery), status: GONE, reason: 'gone' });
      return;
    }
    const { status, reason } = told;
    ({ isDown } = told);
    sent.failed.push(delivery);
    const message = `${target.id} could not be told: ${notice.type}`;
    options.log.warn('notice_failed', message, { ...fieldsOf(delivery), status, reason });
  }
}

const fieldsOf = ({ target, notice: { id, type, name } }: Delivery) => ({ target, notice: id, type, key: name });

/** The notices before it were not taken, after all attempts: the time is better kept for other targets and the run. */
const DOWN: Outcome = { outcome: 'failed', status: null, reason: 'target_down', isDown: true };

const OUT_OF_TIME: Outcome = { outcome: 'failed', status: null, reason: 'no_time', isDown: true };

function unexpected(error: unknown): Outcome {
  if (error instanceof TimeIsUp) return OUT_OF_TIME;
  const status = error instanceof ApiError ? error.failure.status : null;
  return { outcome: 'failed', status, reason: codeOf(error), isDown: codeOf(error) !== 'invalid_request' };
}

const GONE = 410;
const TOO_MANY = 429;

function tellerOf(target: NoticeTarget, options: SendOptions): Teller {
  switch (target.kind) {
    case 'webhook':
      return webhookTeller(target, options);
    case 'slack':
      return slackTeller(target, options);
    case 'event-notifications':
      return eventTeller(target, options);
    default:
      return target satisfies never;
  }
}

type TargetOf<K extends NoticeTarget['kind']> = Extract<NoticeTarget, { kind: K }>;

const isDelivered = ({ status }: Reaction): boolean => status !== null && status >= 200 && status < 300;
const isRedirect = ({ status }: Reaction): boolean => status !== null && status >= 300 && status < 400;
const isRefused = ({ status }: Reaction): boolean =>
  status !== null && status >= 400 && status < 500 && status !== TOO_MANY;
/** A receiver of Standard Webhooks may refuse now and accept later; only 2xx, a redirect and 410 are final. */
const mayBeTakenLater = (reaction: Reaction): boolean =>
  !isDelivered(reaction) && !isRedirect(reaction) && reaction.status !== GONE;

function outcomeOf(reaction: Reaction, isDown: boolean): Outcome {
  if (isDelivered(reaction)) return { outcome: 'delivered' };
  const { status } = reaction;
  return { outcome: 'failed', status, reason: status === null ? reaction.reason : `status_${status}`, isDown };
}

function webhookTeller({ url, secrets, isAllowed }: TargetOf<'webhook'>, options: SendOptions): Teller {
  const outgoing = new Outgoing(options.http, options.lookup);
  return async (notice) => {
    const body = webhookBody(notice);
    const reaction = await repeated(options, mayBeTakenLater, (signal) => {
      const headers = webhookHeaders(notice.id, body, secrets, options.clock.nowMs());
      return outgoing.post({ url, body, headers, isAllowed }, signal);
    });
    return reaction.status === GONE ? { outcome: 'gone' } : outcomeOf(reaction, true);
  };
}

/** Slack does not accept later what it refuses now, unless it was one too many. */
function slackTeller({ url, isAllowed }: TargetOf<'slack'>, options: SendOptions): Teller {
  const outgoing = new Outgoing(options.http, options.lookup);
  return async (notice) => {
    const message = { url: url.reveal(), body: slackBody(notice), isAllowed };
    const reaction = await repeated(
      options,
      (seen) => mayBeTakenLater(seen) && !isRefused(seen),
      (signal) => outgoing.post(message, signal),
    );
    return outcomeOf(reaction, !isRefused(reaction));
  };
}

function eventTeller({ url, sourceId, isAllowed }: TargetOf<'event-notifications'>, options: SendOptions): Teller {
  const { clock, log, deadlineMs, login, http, signal } = options;
  if (!login) return () => Promise.resolve({ outcome: 'failed', status: null, reason: 'no_login', isDown: true });
  const calls = new Calls({ clock, log, deadlineMs, timeoutMs: REQUEST_MS, login });
  const client = new EventNotifications({ serviceUrl: url, authenticator: login, http, calls, isAllowed });
  return async (notice) => {
    const leftMs = deadlineMs - clock.nowMs();
    if (leftMs <= 0) return OUT_OF_TIME;
    await withTimeLimit(clock, leftMs, signal, (limited) => client.send(eventOf(notice, sourceId), limited));
    return { outcome: 'delivered' };
  };
}
