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
 * The body of an answer. What is no JSON object counts as empty, and errors that are none are left out: the SDK would
 * stumble over them, throw away the status and quote the text.
 */
function readBody(data: unknown): unknown {
  if (typeof data !== 'string' || data === '') return data;
  try {
    const body = JSON.parse(data) as unknown;
    return isObject(body) ? withoutOddErrors(body) : {};
  } catch {
    return {};
  }
}

/** The body of an answer that may be plain JSON, such as a text: that stands in `plain`. */
function readPlainBody(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    const body = JSON.parse(data) as unknown;
    return isObject(body) ? withoutOddErrors(body) : { plain: body };
  } catch {
    return {};
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const withoutOddErrors = (body: { errors?: unknown }): object =>
  Array.isArray(body.errors) ? { ...body, errors: body.errors.filter(isObject) } : body;

/** How an SDK client talks HTTP. A redirect is not followed: it would carry the token, or a call that is sent once, elsewhere. */
export const httpConfig = (http: HttpOptions): object => ({ transformResponse: [readBody], maxRedirects: 0, ...http });

/**
 * The same for calls that may be sent once: each on a connection of its own. On one that has been idle the service may
 * just be closing it, and then nobody knows whether the call arrived.
 */
export const freshHttpConfig = (http: HttpOptions): object => ({
  ...httpConfig(http),
  httpAgent: new HttpAgent({ keepAlive: false }),
  httpsAgent: new HttpsAgent({ keepAlive: false }),
});

/** Over one of the above: for an API that also answers with what is no JSON object. */
export const withPlainAnswers = { transformResponse: [readPlainBody] };
