import type { EmbeddedCloud } from '../../../infra/local/cloud.ts';
import { inProcess } from '../../support/in-process.ts';

/** What stands under the SDKs in place of the network. */
export type Adapter = (config: unknown) => Promise<object>;

/** A request as it leaves the product. */
export interface Sent {
  method: string;
  url: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: string;
}

/** An answer of the test's own. */
export interface Reply {
  status: number;
  /** Default: JSON. */
  contentType?: string;
  headers?: Record<string, string>;
  body: string;
}

interface Config {
  url: string;
  method: string;
  params?: Record<string, unknown>;
  paramsSerializer: { serialize: (params: unknown) => string };
  headers: { toJSON: () => Record<string, string | null | undefined> };
  data?: string;
}

function sentOf(given: unknown): Sent {
  const { url, method, params, paramsSerializer, headers, data } = given as Config;
  const present = Object.entries(headers.toJSON()).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === null ? [] : [[name, value]],
  );
  return {
    method: method.toUpperCase(),
    url,
    path: new URL(url).pathname,
    query: new URLSearchParams(paramsSerializer.serialize(params)),
    headers: new Headers(present),
    body: data ?? '',
  };
}

/** Notes every request on its way. */
export function recording(adapter: Adapter, sent: Sent[]): Adapter {
  return (config) => {
    sent.push(sentOf(config));
    return adapter(config);
  };
}

/** Lets the cloud answer, and then changes the JSON of each successful answer in place. */
export function altering(adapter: Adapter, alter: (body: Record<string, unknown>, sent: Sent) => void): Adapter {
  return async (config) => {
    const answer = (await adapter(config)) as { data: string };
    if (answer.data === '') return answer;
    const body = JSON.parse(answer.data) as Record<string, unknown>;
    alter(body, sentOf(config));
    return { ...answer, data: JSON.stringify(body) };
  };
}

/** A service that gives pages of at most so many items, whatever is asked for. */
export function withShortPages(adapter: Adapter, parameter: 'limit' | 'pagesize', atMost: number): Adapter {
  return (given) => {
    const config = given as Config;
    const asked = config.params?.[parameter];
    return adapter(asked === undefined ? config : { ...config, params: { ...config.params, [parameter]: atMost } });
  };
}

/** Answers in place of the cloud wherever `reply` gives an answer. */
function replying(adapter: Adapter, reply: (sent: Sent) => Reply | null): Adapter {
  return async (config) => {
    const answer = reply(sentOf(config));
    return answer ? settled(config, answer) : adapter(config);
  };
}

/** Answers everything with `reply` but logins. */
export const answeringAll = (adapter: Adapter, reply: Reply): Adapter =>
  replying(adapter, ({ path }) => (path === '/identity/token' ? null : reply));

/** Answers the first calls that `match` (as faults name them) with `replies`, in order, and leaves the others alone. */
export function answeringFirst(adapter: Adapter, match: string, replies: readonly Reply[]): Adapter {
  const left = [...replies];
  const [method, path = ''] = match.split(' ');
  const pattern = new RegExp(`^${path.replaceAll('*', '[^/]+')}$`);
  return replying(adapter, (sent) =>
    sent.method === method && pattern.test(sent.path) ? (left.shift() ?? null) : null,
  );
}

/** As axios: what is not 2xx rejects. */
function settled(config: unknown, reply: Reply): object {
  const { status, body, contentType = 'application/json' } = reply;
  const headers = { 'content-type': contentType, ...reply.headers };
  const response = { data: body, status, statusText: `Status ${status}`, headers, config, request: {} };
  if (status >= 200 && status < 300) return response;
  const message = `Request failed with status code ${status}`;
  throw Object.assign(new Error(message), {
    isAxiosError: true,
    code: 'ERR_BAD_REQUEST',
    config,
    request: {},
    response,
  });
}

/** The embedded cloud as a function. */
export const cloudAdapter = (cloud: EmbeddedCloud): Adapter => inProcess(cloud);
