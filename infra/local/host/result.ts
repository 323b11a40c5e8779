import { BODY_BYTES_MAX, mediaTypeOf, PlatformError } from './platform-error.ts';

const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * The answer that a result of `main`, as JSON, stands for. Without a `statusCode` in it, `statusWasSet` is false and the
 * status 200. Throws PlatformError 400, 416 or 422 for a result that the platform does not take.
 */
export function answerOf(json: string): { response: Response; statusWasSet: boolean } {
  const result = JSON.parse(json) as { statusCode?: unknown; headers?: unknown; body?: unknown };
  const status = result.statusCode === undefined ? 200 : statusOf(result.statusCode);
  const headers = headersOf(result.headers ?? {});
  const body = bodyOf(result.body ?? '', mediaTypeOf(headers.get('content-type')));
  if (body.byteLength > BODY_BYTES_MAX) {
    throw new PlatformError(416, `The response body is larger than ${BODY_BYTES_MAX} bytes.`);
  }
  if (!headers.has('content-type')) headers.set('content-type', 'text/plain; charset=utf-8');
  const response = new Response(WITHOUT_BODY.has(status) ? null : body, { status, headers });
  return { response, statusWasSet: result.statusCode !== undefined };
}

function statusOf(statusCode: unknown): number {
  const isValid = Number.isInteger(statusCode) && Number(statusCode) >= 200 && Number(statusCode) <= 599;
  if (!isValid) throw new PlatformError(422, 'The statusCode of the result is no integer from 200 to 599.');
  return Number(statusCode);
}

function headersOf(given: unknown): Headers {
  const headers = new Headers();
  if (typeof given !== 'object' || given === null) {
    throw new PlatformError(400, 'The headers of the result are no object.');
  }
  for (const [name, value] of Object.entries(given)) setHeader(headers, name, [value].flat());
  // These describe the connection, which is the platform's.
  for (const name of ['connection', 'content-length', 'transfer-encoding']) headers.delete(name);
  return headers;
}

/** Of names that differ only in case, the last one counts. */
function setHeader(headers: Headers, name: string, values: unknown[]): void {
  if (!values.every((value) => ['string', 'number', 'boolean'].includes(typeof value))) {
    throw new PlatformError(400, 'A header of the result is no string, number, boolean or array of strings.');
  }
  try {
    headers.delete(name);
    for (const value of values) headers.append(name, String(value));
  } catch {
    throw new PlatformError(400, 'A header of the result has a name or value that HTTP does not allow.');
  }
}

function bodyOf(body: unknown, type: string | null): Buffer<ArrayBuffer> {
  if (type === 'application/json' && typeof body === 'object') return Buffer.from(JSON.stringify(body));
  if (typeof body !== 'string') throw new PlatformError(400, `The body of the result does not fit its type, ${type}.`);
  if (type === null || type === 'application/json' || type.startsWith('text/')) return Buffer.from(body);
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(body)) throw new PlatformError(400, 'The body of the result is not base64.');
  return Buffer.from(body, 'base64');
}
