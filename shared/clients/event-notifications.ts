import { BaseService } from 'ibm-cloud-sdk-core';
import * as z from 'zod';
import type { Calls } from './calls.ts';
import { httpConfig } from './http-options.ts';
import type { ClientOptions } from './http-options.ts';
import { guardedAgent } from './outgoing.ts';

/** What an API source sends: a CloudEvent with Event Notifications' own fields. Together at most 64 KB. */
export interface EventNotification {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time: string;
  /** Id of the API source. */
  ibmensourceid: string;
  ibmenseverity: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';
  /** For people: a subject line, and a text. */
  ibmendefaultshort: string;
  ibmendefaultlong: string;
  datacontenttype: 'application/json';
  data: object;
}

export interface EventNotificationsOptions extends ClientOptions {
  calls: Calls;
  /** The address was allowed by name: it may be on this machine. */
  isAllowed: boolean;
}

/** Hands events to an instance of Event Notifications. https://cloud.ibm.com/apidocs/event-notifications#send-notifications */
export class EventNotifications extends BaseService {
  readonly #calls: Calls;

  /** `serviceUrl` names the instance: `https://{region}.event-notifications.cloud.ibm.com/event-notifications/v1/instances/{id}`. */
  constructor({ serviceUrl, authenticator, http, calls, isAllowed }: EventNotificationsOptions) {
    const agent = isAllowed ? {} : { httpsAgent: guardedAgent(), proxy: false };
    super({ ...httpConfig(http), ...agent, serviceUrl, authenticator });
    this.#calls = calls;
  }

  /** Repeating it does no harm: its id stays the same. @throws ApiError. */
  async send(event: EventNotification, signal: AbortSignal): Promise<void> {
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
    await this.#calls.send(
      { operation: 'sendNotifications', kind: 'repeatable', signal },
      z.unknown(),
      (attempt) =>
        this.createRequest({
          options: { url: '/notifications', method: 'POST', body: event },
          defaultOptions: { ...this.baseOptions, headers, axiosOptions: { signal: attempt } },
        }) as Promise<{ result: unknown }>,
    );
  }
}
