import { REQUEST_MARK } from './messages.ts';
import { BODY_BYTES_MAX, mediaTypeOf, PlatformError } from './platform-error.ts';

/** The one argument of `main`, as Code Engine builds it. */
export interface CeParams {
  __ce_method: string;
  /** Names in canonical form: `Content-Type`. */
  __ce_headers: Record<string, string>;
  __ce_path: string;
  /** As it came, without `?`. */
  __ce_query: string;
  /** Base64 or plain text, by content type; absent when there is no body. */
  __ce_body?: string;
  [unfolded: string]: unknown;
}

/**
 * https://cloud.ibm.com/docs/codeengine?topic=codeengine-fun-exchanging-data
 * `path` is what follows the function's own address. Throws PlatformError 400 or 413.
 */
export async function paramsOf(request: Request, path: string, requestId: string): Promise<CeParams> {
  const query = new URL(request.url).search.slice(1);
  const body = await bodyOf(request);
  const type = mediaTypeOf(request.headers.get('content-type'));
  const unfolded = { ...Object.fromEntries(new URLSearchParams(query)), ...unfoldedOf(body, type) };
  const reserved = Object.keys(unfolded).find((key) => key.startsWith('__ce_'));
  if (reserved) throw new PlatformError(400, `The request supplies the reserved key ${reserved}.`);
  return {
    ...unfolded,
    __ce_method: request.method,
    __ce_headers: headersOf(request.headers, requestId),
    __ce_path: path === '' ? '/' : path,
    __ce_query: query,
    ...(body.byteLength > 0 && { __ce_body: body.toString(isText(type) ? 'utf8' : 'base64') }),
  };
}

const tooBig = () => new PlatformError(413, `The request body is larger than ${BODY_BYTES_MAX} bytes.`);

async function bodyOf(request: Request): Promise<Buffer> {
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX) throw tooBig();
  const body = Buffer.from(await request.arrayBuffer());
  if (body.byteLength > BODY_BYTES_MAX) throw tooBig();
  return body;
}

const isText = (type: string | null) => type?.startsWith('text/') || type === 'application/x-www-form-urlencoded';

/** A body without a type counts as JSON. */
function unfoldedOf(body: Buffer, type: string | null): object {
  if ((type ?? 'application/json') !== 'application/json' || body.byteLength === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
  } catch {
    throw new PlatformError(400, 'The request body is not valid JSON.');
  }
}

const canonical = (name: string) => name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());

function headersOf(headers: Headers, requestId: string): Record<string, string> {
  const own = [...headers].filter(([name]) => name !== REQUEST_MARK);
  return { 'X-Request-Id': requestId, ...Object.fromEntries(own.map(([name, value]) => [canonical(name), value])) };
}
