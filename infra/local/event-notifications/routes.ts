import type { Context } from 'hono';
import { z } from 'zod';
import type { Access, CloudEnv, CloudParts } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import { validate } from '../validation.ts';
import { EventNotificationsError, forbidden, invalid, notEmbedded, notFound } from './errors.ts';
import type { NewEvent, Notification } from './model.ts';

const API = '/event-notifications/v1/instances/:instance';

/** 64 KB, read strictly. */
const BODY_BYTES_MAX = 64_000;

const Text = z.string().min(1);
const Source = z.strictObject({
  specversion: z.literal('1.0'),
  id: Text,
  source: Text,
  type: Text,
  ibmensourceid: Text,
  ibmendefaultshort: Text,
  ibmendefaultlong: Text,
  ibmenseverity: Text.optional(),
  time: z.iso.datetime({ offset: true, error: 'is not a time of RFC 3339' }).optional(),
  subject: Text.optional(),
  datacontenttype: z.literal('application/json').optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
const LenientSource = Source.partial({ ibmendefaultshort: true, ibmendefaultlong: true });

/** What the routes need of the service. */
export interface Office {
  parts: CloudParts;
  access: Access;
  /** Id of the one source of the API. */
  apiSourceId: string;
  accept(event: NewEvent): Notification;
  publicKeyOf(destinationId: string): string | undefined;
}

/** Sending from an API source, and the keys that deliveries are signed with. */
export function eventNotificationsRoutes(routes: StrictRoutes, office: Office): void {
  // https://cloud.ibm.com/apidocs/event-notifications#send-notifications
  routes.add('POST', `${API}/notifications`, async (context) => {
    const bytes = Buffer.from(await context.req.arrayBuffer());
    demand(context, office, 'event-notifications.notifications.send');
    const event = eventIn(context, bytes, office);
    return context.json({ notification_id: office.accept(event).id }, 202);
  });

  // The route is told in docs/event-notifications, "Managing IAM access"; the form of its answer is ours.
  routes.add('GET', `${API}/destinations/:destination/public_key`, (context) => {
    demand(context, office, 'event-notifications.publickey.read');
    const publicKey = office.publicKeyOf(context.req.param('destination'));
    if (publicKey === undefined) throw notFound('destination');
    return context.json({ public_key: publicKey });
  });
}

/** Throws 404 and 403. */
function demand(context: Context<CloudEnv>, { parts, access }: Office, action: string): void {
  const { guid } = parts.account.eventNotifications;
  if (context.req.param('instance') !== guid) throw notFound('instance');
  const target = { serviceName: 'event-notifications', serviceInstance: guid };
  if (!access.allows(callerOf(context), action, target)) throw forbidden(action);
}

/** The event in a structured CloudEvents request. Throws 400, 413, 415 and 501. */
function eventIn(context: Context<CloudEnv>, bytes: Buffer, { parts, apiSourceId }: Office): NewEvent {
  const { oversizedEventStatus, eventDefaultTextsRequired } = parts.switches;
  if (context.req.header('ce-id') !== undefined) throw notEmbedded('binary mode of CloudEvents at Event Notifications');
  const [type = ''] = (context.req.header('content-type') ?? '').split(';', 1);
  if (!['application/json', 'application/cloudevents+json'].includes(type.trim().toLowerCase())) {
    throw new EventNotificationsError(415, 'unsupported_media_type', 'The body is not of a structured CloudEvent.');
  }
  if (bytes.byteLength > BODY_BYTES_MAX) {
    throw new EventNotificationsError(oversizedEventStatus, 'too_large', `The body has more than ${BODY_BYTES_MAX} B.`);
  }
  const checked = validate(eventDefaultTextsRequired ? Source : LenientSource, jsonIn(bytes));
  if (!checked.ok) throw invalid(checked.violation);
  const { id, source, type: eventType, time, subject, data = {} } = checked.data;
  const { ibmensourceid, ibmenseverity, ibmendefaultshort, ibmendefaultlong } = checked.data;
  if (ibmensourceid !== apiSourceId) {
    throw invalid({ property: 'ibmensourceid', missing: false, reason: 'is no API source of the instance' });
  }
  return {
    id,
    source,
    type: eventType,
    data,
    sourceId: ibmensourceid,
    ...(time !== undefined && { time }),
    ...(subject !== undefined && { subject }),
    ...(ibmenseverity !== undefined && { severity: ibmenseverity }),
    ...(ibmendefaultshort !== undefined && { short: ibmendefaultshort }),
    ...(ibmendefaultlong !== undefined && { long: ibmendefaultlong }),
  };
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    return undefined;
  }
}
