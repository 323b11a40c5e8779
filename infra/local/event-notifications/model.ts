/** An event as a producer hands it over, before Event Notifications adds its own fields. */
export interface NewEvent {
  /** With `source` unique. Default: a new one. */
  id?: string;
  /** CRN of the producing instance; free text of an API source. */
  source: string;
  /** `<event type>` or `<event type>:<subtype>`. */
  type: string;
  data: object;
  /** RFC 3339. Default: now. */
  time?: string;
  /** As the producer writes it. Default `low`. */
  severity?: string;
  /** Subject and body for people. Default: the type. */
  short?: string;
  long?: string;
  subject?: string;
  /** Id of the source in Event Notifications. Default: `source`. */
  sourceId?: string;
}

/** The flat CloudEvents object that destinations get, but for `notification_id`. */
export interface Envelope {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time: string;
  ibmensourceid: string;
  ibmenseverity: string;
  ibmendefaultshort: string;
  ibmendefaultlong: string;
  subject?: string;
  datacontenttype: 'application/json';
  data: object;
}

/** An event that was accepted. */
export interface Notification {
  /** `notification_id` of the first attempt at each destination. */
  id: string;
  atMs: number;
  envelope: Envelope;
}

/** What is to be delivered where. */
export interface NewSubscription {
  url: string;
  /** Custom headers of the destination, such as `Authorization`. */
  headers?: Record<string, string>;
  /** Types of events, each with all of its subtypes. Default: all. */
  types?: readonly string[];
  /** `webhook`, the default, can sign; `ibmce` is Code Engine and never does. */
  destination?: 'webhook' | 'ibmce';
}

export interface Subscription extends Required<Omit<NewSubscription, 'types'>> {
  id: string;
  destinationId: string;
  types: readonly string[] | null;
}

/** How a delivery stands. */
export interface Delivery {
  notificationId: string;
  eventId: string;
  type: string;
  subscriptionId: string;
  /** One for each attempt: the status, or null where there was no answer. */
  statuses: (number | null)[];
  state: 'under way' | 'delivered' | 'lost';
}
