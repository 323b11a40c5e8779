import type * as z from 'zod';
import { HttpError } from './code-engine.ts';

/**
 * Reads a body of JSON; one that is empty asks for nothing, as a timer does.
 * @throws HttpError 400 with the path of each fault.
 */
export function parseRequestBody<T>(schema: z.ZodType<T>, body: Buffer): T {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(body)'}: ${issue.message}`);
  throw new HttpError(400, 'invalid_request', faults.join('; '));
}

function parseJson(body: Buffer): unknown {
  const text = body.toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HttpError(400, 'invalid_request', '(body): is not JSON');
  }
}
