import { HttpError } from '../../runtime/code-engine.ts';
import type { FunctionRequest } from '../../runtime/code-engine.ts';

/** What a route takes before it looks at a request any closer. */
export interface Admission {
  /** Without parameters, in small letters. Only types whose bytes Code Engine leaves as they are can be verified. */
  contentTypes: readonly string[];
  mostBytes: number;
}

export const JSON_ONLY = ['application/json'];

/** What Event Notifications sends: which type it says, also of what it signs, is not documented. */
export const EVENT_NOTIFICATIONS_ADMISSION: Admission = {
  contentTypes: [...JSON_ONLY, 'application/cloudevents+json', 'application/jose'],
  mostBytes: 64 * 1024,
};

/** @throws HttpError 405, 413 or 415 for a request that the route does not take, whoever sent it. */
export function admit(request: FunctionRequest, { contentTypes, mostBytes }: Admission): void {
  if (request.method !== 'POST') throw new HttpError(405, 'method_not_allowed', 'Send a POST.');
  const [contentType = ''] = (request.header('content-type') ?? '').split(';');
  if (!contentTypes.includes(contentType.trim().toLowerCase())) {
    throw new HttpError(415, 'unsupported_media_type', `Send ${contentTypes.join(' or ')}.`);
  }
  if (request.body.length > mostBytes) throw new HttpError(413, 'too_large', `Send at most ${mostBytes} bytes.`);
}
