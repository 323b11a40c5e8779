import type { EventNotification } from '../clients/event-notifications.ts';
import { dataOf, headlineOf, severityOf, timeOfNotice } from './notice.ts';
import type { Notice } from './notice.ts';

/** A notice as an event of an API source of Event Notifications. */
export function eventOf(notice: Notice, sourceId: string): EventNotification {
  const steps = notice.next.map((step, index) => `${index + 1}. ${step}`);
  return {
    specversion: '1.0',
    id: notice.id,
    source: `keyrota/${notice.deployment}`,
    type: `com.keyrota.${notice.type}`,
    time: timeOfNotice(notice),
    ibmensourceid: sourceId,
    ibmenseverity: severityOf(notice),
    ibmendefaultshort: headlineOf(notice),
    ibmendefaultlong: [notice.why, ...steps].join('\n'),
    datacontenttype: 'application/json',
    data: dataOf(notice),
  };
}
