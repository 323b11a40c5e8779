import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AuthenticatorInterface } from 'ibm-cloud-sdk-core';

/** What tests put under the SDKs instead of the network: an axios adapter. Nothing in production. */
export interface HttpOptions {
  adapter?: unknown;
}

/** What every SDK client is made from. */
export interface ClientOptions {
  serviceUrl: string;
  authenticator: AuthenticatorInterface;
  http: HttpOptions;
}

/**
 * The body of an answer. Text that claims to be JSON and is not counts as empty: the SDK would throw away the status and
 * quote the text.
 */
function readBody(data: unknown): unknown {
  if (typeof data !== 'string' || data === '') return data;
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return {};
  }
}

/** How an SDK client talks HTTP. */
export const httpConfig = (http: HttpOptions): object => ({ transformResponse: [readBody], ...http });

/**
 * The same for calls that may be sent once: each on a connection of its own. On one that has been idle the service may
 * just be closing it, and then nobody knows whether the call arrived.
 */
export const freshHttpConfig = (http: HttpOptions): object => ({
  ...httpConfig(http),
  httpAgent: new HttpAgent({ keepAlive: false }),
  httpsAgent: new HttpsAgent({ keepAlive: false }),
});
