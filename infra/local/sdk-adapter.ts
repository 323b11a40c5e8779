import { ConnectionLost } from './faults.ts';

interface AxiosConfig {
  url: string;
  method: string;
  params?: unknown;
  paramsSerializer: { serialize: (params: unknown) => string };
  headers: { toJSON: () => Record<string, string> };
  data?: string;
  signal?: AbortSignal;
  /** In milliseconds; 0 for none. */
  timeout?: number;
}

/** Who answers the calls: the embedded cloud, or whoever stands between it and the caller. */
export interface Party {
  handle: (request: Request) => Promise<Response>;
  clock: { sleep: (delayMs: number, signal: AbortSignal) => Promise<void> };
}

const failure = (message: string, code: string, config: AxiosConfig, response?: object) =>
  Object.assign(new Error(message), { isAxiosError: true, code, config, request: {}, ...(response && { response }) });

/**
 * An axios adapter that calls a party as a function. It behaves like the network: it honours the signal and, in the party's
 * time, the timeout, breaks connections, and rejects 4xx and 5xx as axios does.
 */
export function adapterTo(party: Party): (config: unknown) => Promise<object> {
  return async (given) => {
    const config = given as AxiosConfig;
    const query = config.paramsSerializer.serialize(config.params);
    const url = `${config.url}${query ? `?${query}` : ''}`;
    const method = config.method.toUpperCase();
    const headers = Object.entries(config.headers.toJSON()).filter(
      ([, value]) => value !== undefined && value !== null,
    );
    const request = new Request(url, { method, headers, ...(config.data !== undefined && { body: config.data }) });
    const response = await raceAgainst(config, withTimeout(party, config, answered(party, request, config)));
    const { status } = response;
    if (status >= 200 && status < 300) return response;
    throw failure(
      `Request failed with status code ${status}`,
      status >= 500 ? 'ERR_BAD_RESPONSE' : 'ERR_BAD_REQUEST',
      config,
      response,
    );
  };
}

async function answered(party: Party, request: Request, config: AxiosConfig) {
  try {
    const response = await party.handle(request);
    const data = await response.text();
    const headers = Object.fromEntries(response.headers);
    return { data, status: response.status, statusText: response.statusText, headers, config, request: {} };
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    const code = error.kind === 'refused' ? 'ECONNREFUSED' : 'ECONNRESET';
    throw failure(`connect ${code}`, code, config);
  }
}

/** The caller stops waiting when its timeout is over; what it sent takes effect all the same. */
async function withTimeout<T>({ clock }: Party, config: AxiosConfig, answer: Promise<T>): Promise<T> {
  const { timeout: timeoutMs = 0 } = config;
  if (timeoutMs === 0) return answer;
  const settled = new AbortController();
  const over = clock.sleep(timeoutMs, settled.signal).then(
    () => Promise.reject(failure(`timeout of ${timeoutMs}ms exceeded`, 'ECONNABORTED', config)),
    () => answer, // it was settled before
  );
  return Promise.race([answer, over]).finally(() => settled.abort());
}

/** The caller stops waiting when its signal aborts; what it sent takes effect all the same. */
function raceAgainst<T>(config: AxiosConfig, answer: Promise<T>): Promise<T> {
  const { signal } = config;
  if (!signal) return answer;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(failure('canceled', 'ERR_CANCELED', config));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
