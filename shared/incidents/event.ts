import * as z from 'zod';
import { shaped } from './json-body.ts';
import { LenientTime, deliveryIdOf } from './report-fields.ts';

const Envelope = z.object({
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
  time: LenientTime.optional(),
  data: z.unknown().optional(),
});

/** An event as Event Notifications delivers it: the flat JSON of CloudEvents 1.0. */
export interface Event {
  /** The same on every repeat. */
  deliveryId: string;
  /** For example `com.ibm.cloud.secrets-manager.secret_deleted`, or with a subtype behind a colon. */
  type: string;
  /** Epoch milliseconds; null where it does not tell. */
  atMs: number | null;
  data: unknown;
}

/** https://cloud.ibm.com/docs/event-notifications?topic=event-notifications-en-spec-payload @throws HttpError 400 */
export function readEvent(body: unknown): Event {
  const { id, source, type, time, data } = shaped(Envelope, body);
  return { deliveryId: deliveryIdOf(`${source}|${id}|${type}`), type, atMs: time ?? null, data };
}

/** Whether somebody only tries whether events arrive. */
export const isTestEvent = ({ type }: Event): boolean => /(^|[.:])test_event$/.test(type);
