import { isTestEvent, readEvent } from './event.ts';
import { isIncidentType, readIncidentEvent } from './incident.ts';
import type { Reading } from './leak-report.ts';
import { isLogsAlert, readLogsAlert } from './logs-alert.ts';

/**
 * Reads an event of Event Notifications: a report in our own format, or an alert of IBM Cloud Logs.
 * @throws HttpError 400.
 */
export function readEventReport(body: unknown): Reading {
  const event = readEvent(body);
  if (isTestEvent(event)) return { ignored: 'test_event' };
  if (isLogsAlert(event)) return readLogsAlert(event);
  return isIncidentType(event.type) ? readIncidentEvent(event.data, event.deliveryId) : { ignored: 'unknown_event' };
}
