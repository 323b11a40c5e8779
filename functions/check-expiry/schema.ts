import * as z from 'zod';
import { HttpError } from '../../shared/runtime/code-engine.ts';

/** What a call may ask for; a timer asks for nothing. */
const CheckRequest = z.strictObject({
  /** Only say what is found: nothing is remembered, and nobody told. */
  dryRun: z.boolean().default(false),
});

export type CheckRequest = z.infer<typeof CheckRequest>;

/** @throws HttpError 400 with the path of the fault. */
export function parseCheckRequest(body: Buffer): CheckRequest {
  const parsed = CheckRequest.safeParse(parseJson(body));
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
