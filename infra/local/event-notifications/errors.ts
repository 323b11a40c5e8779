import type { Context } from 'hono';
import { notEmbeddedMessage } from '../not-embedded.ts';
import type { CloudEnv } from '../parts.ts';
import type { SeededRandom } from '../random.ts';
import type { Violation } from '../validation.ts';

interface Answer {
  status: 400 | 401 | 403 | 404 | 413 | 415 | 501;
  /** Ours. */
  code: string;
}

/** An error answer of Event Notifications. */
export class EventNotificationsError extends Error {
  override readonly name = 'EventNotificationsError';
  readonly answer: Answer;

  constructor(status: Answer['status'], code: string, message: string) {
    super(message);
    this.answer = { status, code };
  }
}

export const invalid = ({ property, missing, reason }: Violation): EventNotificationsError =>
  new EventNotificationsError(400, 'bad_request', `'${property}' ${missing ? 'is required' : reason}.`);

export const unauthorized = (): EventNotificationsError =>
  new EventNotificationsError(401, 'unauthorized', 'The IAM token is missing, expired or not valid.');

export const forbidden = (action: string): EventNotificationsError =>
  new EventNotificationsError(403, 'forbidden', `The identity lacks ${action}.`);

export const notFound = (what: string): EventNotificationsError =>
  new EventNotificationsError(404, 'not_found', `There is no such ${what}.`);

/** For what IBM Cloud has and the embedded cloud has not. */
export const notEmbedded = (what: string): EventNotificationsError =>
  new EventNotificationsError(501, 'not_in_embedded_cloud', notEmbeddedMessage(what));

/** Turns an EventNotificationsError into its answer; anything else is thrown on. */
export const answerError = (random: SeededRandom) => (error: Error, context: Context<CloudEnv>) => {
  if (!(error instanceof EventNotificationsError)) throw error;
  const { status, code } = error.answer;
  const errors = [{ code, message: error.message }];
  return context.json({ trace: random.uuid(), errors, status_code: status }, status);
};
