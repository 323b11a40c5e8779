import type * as z from 'zod';
import { HttpError } from '../runtime/code-engine.ts';

const invalid = (faults: string): HttpError => new HttpError(400, 'invalid_request', faults);

/** What the bytes say. @throws HttpError 400 for what is no JSON in UTF-8. */
export function parseJsonBody(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    throw invalid('(body): is not JSON');
  }
}

/** A body of that shape. @throws HttpError 400 with the paths of the faults, and never a value or a name that was sent. */
export function shaped<T>(shape: z.ZodType<T>, value: unknown): T {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map(faultOf).join('; '));
}

/** zod's words for a fault, kept to what cannot hold a value: it quotes the names of fields that are too many. */
function faultOf({ code, path, message }: z.core.$ZodIssue): string {
  const place = path.join('.') || '(body)';
  return `${place}: ${code === 'unrecognized_keys' ? 'has a field that is not known here' : message}`;
}
