import type { NewEvent } from './model.ts';

/** An alert of Cloud Logs that fires, or ends. */
export interface LogsAlert {
  name: string;
  /** Default: triggered. */
  status?: 'triggered' | 'resolved';
  /** Default `StandardMoreThanAlertEvent`. */
  alertType?: string;
  /** `INFO`, `WARNING`, `ERROR` or `CRITICAL`. Default `ERROR`. */
  severity?: string;
  description?: string;
  query?: string;
  /** Labels of the alert's definition. */
  metaLabels?: Record<string, string>;
  /** One of the log lines that it is about. */
  logExample?: Record<string, unknown>;
}

/** Characters that the fields can have. */
const MOST = { text: 100, metaLabels: 400, logExample: 1_000 };

interface Surroundings {
  /** CRN of the instance of Cloud Logs. */
  crn: string;
  alertId: string;
  incidentId: string;
  nowMs: number;
}

/**
 * The event that Cloud Logs sends of an alert, cut to its limits.
 * https://cloud.ibm.com/docs/cloud-logs?topic=cloud-logs-event-payload
 */
export function logsAlertEvent(alert: LogsAlert, { crn, alertId, incidentId, nowMs }: Surroundings): NewEvent {
  const { name, status = 'triggered', alertType = 'StandardMoreThanAlertEvent', severity = 'ERROR' } = alert;
  const { description = '', query = '', metaLabels = {}, logExample = {} } = alert;
  const [, region = '', , guid = ''] = crn.split(':').slice(4);
  const dashboard = `https://dashboard.${region}.logs.cloud.ibm.com/${guid}/#`;
  const labels = labelsWithin(metaLabels);
  const example = JSON.stringify(logExample);
  const isLong = example.length > MOST.logExample;
  const action = status === 'triggered' ? 'Triggered' : 'Resolved';
  return {
    id: `${alertId}_${incidentId}`,
    source: crn,
    type: `com.ibm.cloud.logs.${alertType}:Alert${action}`,
    severity: severity.toLowerCase(),
    short: `${severity} - ${name}`,
    long: `${action}: ${new Date(nowMs).toISOString()}`,
    data: {
      alert_definition: {
        alert_type: alertType,
        description: cut(description, MOST.text),
        id: alertId,
        meta_labels: labels,
        name: cut(name, MOST.text),
        query_statement: cut(query, MOST.text),
        severity,
      },
      latest_event_timestamp: nowMs,
      links: {
        edit_alert: `${dashboard}/alerts/${alertId}`,
        view_alert: `${dashboard}/insights?id=${incidentId}`,
      },
      log_example: isLong ? cut(example, MOST.logExample) : logExample,
      log_example_truncated: isLong,
      meta_labels_truncated: Object.keys(labels).length < Object.keys(metaLabels).length,
      status,
    },
  };
}

/** That the ellipsis counts is our reading. */
const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 3)}...`);

/** The first labels that fit together, keys and values counted. */
function labelsWithin(labels: Record<string, string>): Record<string, string> {
  let left = MOST.metaLabels;
  const fitting = Object.entries(labels).filter(([key, value]) => {
    left -= key.length + value.length;
    return left >= 0;
  });
  return Object.fromEntries(fitting);
}
