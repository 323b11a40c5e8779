import { KeyrotaError } from './errors.ts';

/**
 * A request as Code Engine hands it to a function. Only the `__ce_` fields are read: all others are the caller's to set.
 * https://cloud.ibm.com/docs/codeengine?topic=codeengine-fun-exchanging-data-with-functions
 */
export interface FunctionRequest {
  method: string;
  /** The sub-path, `/` for none. */
  path: string;
  /** Value of a header, whatever the case of its name; null when it is absent. */
  header(name: string): string | null;
  /** The exact bytes of the body; empty when there is none. */
  body: Buffer;
}

/** An answer. An object is sent as JSON; text and bytes as they are, under the `content-type` that their headers name. */
export interface FunctionResponse {
  status: number;
  headers?: Record<string, string>;
  body: object | string | Uint8Array;
}

/** What Code Engine expects `main` to return. */
export interface FunctionResult {
  statusCode: number;
  headers: Record<string, string>;
  body: object | string;
}

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Content types that Code Engine passes on as plain text. */
const isText = (contentType: string | null): boolean =>
  /^(text\/|application\/x-www-form-urlencoded)/i.test(contentType ?? '');

/**
 * Documented types arrive as base64 or as text; for others, such as `application/cloudevents+json`, it is not said which.
 * An object, list or text in JSON begins with what base64 does not have, so the form tells.
 */
function bodyBytes(raw: unknown, contentType: string | null): Buffer {
  if (raw === undefined || raw === null) return Buffer.alloc(0);
  if (typeof raw !== 'string') return Buffer.from(JSON.stringify(raw));
  return Buffer.from(raw, !isText(contentType) && isBase64(raw) ? 'base64' : 'utf8');
}

/** Reads what Code Engine passes to `main`. */
export function readRequest(params: unknown): FunctionRequest {
  const given = isRecord(params) ? params : {};
  const rawHeaders = isRecord(given['__ce_headers']) ? given['__ce_headers'] : {};
  const headers = new Map(Object.entries(rawHeaders).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const header = (name: string) => headers.get(name.toLowerCase()) ?? null;
  const text = (field: string, fallback: string) => {
    const value = given[field];
    return typeof value === 'string' ? value : fallback;
  };
  // One page of the documentation shows timer data in `body` instead.
  const raw = given['__ce_body'] ?? (header('ce-type') === null ? undefined : given['body']);
  return {
    method: text('__ce_method', 'POST').toUpperCase(),
    path: text('__ce_path', '/') || '/',
    header,
    body: bodyBytes(raw, header('content-type')),
  };
}

/** A failure that its caller may know about. */
export class HttpError extends KeyrotaError {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(code, message);
    this.status = status;
  }
}

const resultOf = ({ status, headers, body }: FunctionResponse, always: Record<string, string>): FunctionResult => ({
  statusCode: status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...always, ...headers },
  // Code Engine takes JSON and `text/…` as they are, and the bytes of all other types as base64.
  body: body instanceof Uint8Array ? Buffer.from(body).toString('base64') : body,
});

/**
 * Makes the `main` of a function. A failure becomes an answer here and nowhere else: an HttpError as it says, any other a
 * plain 500 with its code. What Code Engine would do with a rejection is not documented, and it would show the text.
 * @param always Headers of every answer, whatever becomes of the request.
 */
export function functionMain(
  handle: (request: FunctionRequest) => Promise<FunctionResponse>,
  onError: (error: unknown) => void,
  always: Record<string, string> = {},
): (params: unknown) => Promise<FunctionResult> {
  return async (params) => {
    try {
      return resultOf(await handle(readRequest(params)), always);
    } catch (error) {
      if (error instanceof HttpError)
        return resultOf({ status: error.status, body: { code: error.code, message: error.message } }, always);
      try {
        onError(error);
      } catch {
        // Whatever is wrong with the log: the caller still gets an answer.
      }
      const code = error instanceof KeyrotaError ? error.code : 'unexpected';
      return resultOf({ status: 500, body: { code, message: 'The run failed; its log says why.' } }, always);
    }
  };
}
