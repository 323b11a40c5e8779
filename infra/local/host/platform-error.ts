/** A status that the platform answers with instead of the function. `message` goes to the caller, in a header. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Limit of a request body and of a response body. */
export const BODY_BYTES_MAX = 5_000_000;

/** The media type of a `Content-Type`, without parameters, in lower case; null when there is none. */
export function mediaTypeOf(contentType: string | null): string | null {
  const [type = ''] = (contentType ?? '').split(';', 1);
  return type.trim().toLowerCase() || null;
}
